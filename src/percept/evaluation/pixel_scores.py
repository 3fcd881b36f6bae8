"""From a segmenter and pictures of any size to a score for each class and pixel."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from percept.data.patches import mirrored
from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.devices import Precision
from percept.evaluation.patch_scores import patch_scores
from percept.evaluation.pixel_strips import reach_of, strip_scores
from percept.evaluation.predict import evaluating
from percept.models.pictures import taken_by

PIXELS = 2**19  # of the pictures of a forward pass together; a larger picture goes alone
LARGE = 2**22  # pixels from which on a picture goes strip by strip, where the network is padded


def pixel_scores(
    network: nn.Module,
    pictures: Sequence[NDArray[np.uint8]],
    rows: NDArray[np.int64],
    preprocessing: PixelPreprocessing,
    *,
    device: torch.device,
    precision: Precision = "float32",
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
    """
    if preprocessing.patch is not None:
        for row in rows:
            form, patch = preprocessing, preprocessing.patch
            yield patch_scores(network, pictures[row], patch, form, device=device, precision=precision)
        return
    for batch in _alike(pictures, rows):
        inputs = preprocessing.tensor(np.stack([pictures[row] for row in batch]), device)
        with evaluating(network), torch.inference_mode():
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16"):
                scores = whole_scores(network, inputs)
            yield from scores.float().cpu().numpy()


def whole_scores(network: nn.Module, inputs: Tensor) -> Tensor:
    """Return a score for each class and pixel of pictures: (samples, classes, height, width).

    Args:
        network: a segmenter, with or without padding.
        inputs: (samples, channels, height, width).
    """
    takes = taken_by(network)
    if takes is None or takes.step == 1:
        large = inputs.shape[2] * inputs.shape[3] > LARGE
        reach = reach_of(network, inputs.shape[1]) if large else None
        scores: Tensor = network(inputs) if reach is None else strip_scores(network, inputs, reach)
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
