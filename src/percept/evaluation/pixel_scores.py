"""From a segmenter and pictures of any size to a score for each class and pixel."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from percept.data.patches import mirrored
from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.dense import densify, predict_tiled
from percept.devices import Precision
from percept.errors import OptionError
from percept.evaluation.patch_scores import patch_scores
from percept.evaluation.predict import evaluating
from percept.models.pictures import taken_by

PIXELS = 2**19  # of the pictures of a forward pass together; a larger picture goes alone
LARGE, TILES = 2**21, "1GB"  # pixels from which a picture is answered tile by tile, and what tiles may take


def pixel_scores(
    network: nn.Module,
    pictures: Sequence[NDArray[np.uint8]],
    rows: NDArray[np.int64],
    preprocessing: PixelPreprocessing,
    *,
    device: torch.device,
    precision: Precision = "float32",
    memory: str = TILES,
) -> Iterator[NDArray[np.float32]]:
    """Yield the scores of each picture, (classes, height, width), in the order of `rows`.

    A network without padding gives an answer for the middle of what it sees: it is shown the picture mirrored at its
    borders, so that every pixel gets one. A classifier of patches is shown the patch around each pixel.

    Args:
        network: lies on `device`; it is left in the mode it was in.
        pictures: each (height, width, channels) uint8.
        rows: which of them.
        preprocessing: that of the model.
        device: where to compute.
        precision: bfloat16 computes under autocast; the scores are float32 all the same.
        memory: what the maps of a picture that is answered tile by tile may take, such as "1GB".
    """
    if preprocessing.patch is not None:
        answer = answers_of_patches(network, preprocessing, device=device, precision=precision, memory=memory)
        yield from (answer(pictures[row]) for row in rows)
        return
    for batch in _alike(pictures, rows):
        inputs = preprocessing.tensor(np.stack([pictures[row] for row in batch]), device)
        if len(batch) == 1 and inputs.shape[2] * inputs.shape[3] > LARGE:
            with evaluating(network):
                yield predict_tiled(network, inputs[0].cpu(), memory=memory)
            continue
        with evaluating(network), torch.inference_mode():
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16"):
                scores = whole_scores(network, inputs)
            yield from scores.float().cpu().numpy()


def answers_of_patches(
    network: nn.Module,
    preprocessing: PixelPreprocessing,
    *,
    device: torch.device,
    precision: Precision = "float32",
    memory: str = TILES,
) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """Return what gives each pixel of a picture the scores of the patch around it: all at once, exactly, if possible.

    Where a layer has no exact dense form, and in bfloat16, patch after patch is classified.

    Args:
        network: a classifier of patches, on `device`.
        preprocessing: that of the model, with the size of its patches.
        device: where to compute.
        precision: what to compute in.
        memory: what the maps may take, such as "1GB".

    Source: notes §3.6.4.
    """
    patch = preprocessing.patch or (1, 1)

    def one_by_one(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        return patch_scores(network, picture, patch, preprocessing, device=device, precision=precision)

    if precision != "float32":
        return one_by_one
    try:
        dense = densify(network, patch, semantics=preprocessing.semantics, channels=preprocessing.channels)
    except OptionError:
        if preprocessing.semantics != "patch":
            raise
        return one_by_one

    def together(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        pixels = preprocessing.tensor(picture[None], device)[0].cpu()
        found: NDArray[np.float32] = predict_tiled(dense, pixels, memory=memory)
        return found

    return together


def whole_scores(network: nn.Module, inputs: Tensor) -> Tensor:
    """Return a score for each class and pixel of pictures: (samples, classes, height, width).

    Args:
        network: a segmenter, with or without padding.
        inputs: (samples, channels, height, width).
    """
    takes = taken_by(network)
    if takes is None or takes.step == 1:
        scores: Tensor = network(inputs)
        return scores
    height, width = inputs.shape[2:]
    smallest = takes.nearest(1, 1)[0]
    probe = inputs.new_zeros(1, inputs.shape[1], *smallest)
    answered = network(probe).shape[2:]
    lost = smallest[0] - answered[0], smallest[1] - answered[1]
    rows, columns = takes.nearest(height + lost[0], width + lost[1])[-1]
    top, left = lost[0] // 2, lost[1] // 2
    down = torch.from_numpy(mirrored(np.arange(-top, rows - top), height)).to(inputs.device)
    right = torch.from_numpy(mirrored(np.arange(-left, columns - left), width)).to(inputs.device)
    shown = inputs[:, :, down[:, None], right].contiguous(memory_format=torch.channels_last)
    answer: Tensor = network(shown)
    return answer[:, :, :height, :width]


def _alike(pictures: Sequence[NDArray[np.uint8]], rows: NDArray[np.int64]) -> Iterator[list[int]]:
    """Yield rows that follow each other and have pictures of one size, as many as a forward pass takes."""
    batch: list[int] = []
    for row in rows.tolist():
        shape = pictures[row].shape
        full = batch and (len(batch) + 1) * shape[0] * shape[1] > PIXELS
        if batch and (full or pictures[batch[0]].shape != shape):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
