"""From a classifier of patches to a score for each class and pixel: a patch around every pixel is classified."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from percept.data.patches import Centers, cut_patches, mirrored
from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.devices import Precision
from percept.evaluation.predict import evaluating

PIXELS = 2**18  # of the patches of a forward pass together


def patch_scores(
    network: nn.Module,
    picture: NDArray[np.uint8],
    patch: tuple[int, int],
    preprocessing: PixelPreprocessing,
    *,
    device: torch.device,
    precision: Precision = "float32",
) -> NDArray[np.float32]:
    """Return the scores of every pixel of a picture, (classes, height, width): those of the patch around it.

    Args:
        network: a classifier of patches, on `device`; it is left in the mode it was in.
        picture: (height, width, channels) uint8; mirrored beyond its borders.
        patch: (height, width) of the patches, pixels; the pixel stands at row height // 2 and column width // 2.
        preprocessing: that of the model.
        device: where to compute.
        precision: bfloat16 computes under autocast; the scores are float32 all the same.

    Source: notes §3.6.2 and §3.6.6; Ciresan et al. 2012, section 2.
    """
    height, width = picture.shape[:2]
    down, right = (
        mirrored(np.arange(side + length - 1) - length // 2, side)
        for side, length in zip((height, width), patch, strict=True)
    )
    shown = preprocessing.tensor(picture[down[:, None], right][None], device)[0]
    # (channels, height, width, rows, columns of a patch), no pixel copied
    windows = shown.unfold(1, patch[0], 1).unfold(2, patch[1], 1)
    rows, columns = np.divmod(np.arange(height * width), width)
    found = []
    with evaluating(network), torch.inference_mode():
        for some in _batches(height * width, patch[0] * patch[1]):
            places = torch.from_numpy(rows[some]).to(device), torch.from_numpy(columns[some]).to(device)
            found.append(_scores(network, windows[:, places[0], places[1]].transpose(0, 1), precision))
    scores = torch.cat(found).cpu().numpy()  # (pixels, classes)
    return np.ascontiguousarray(scores.T).reshape(-1, height, width)


def center_scores(
    network: nn.Module,
    pictures: Sequence[NDArray[np.uint8]],
    centers: Centers,
    patch: int,
    preprocessing: PixelPreprocessing,
    *,
    device: torch.device,
    precision: Precision = "float32",
) -> NDArray[np.float32]:
    """Return the scores of some pixels, (pixels, classes): those of the patches around them.

    Args:
        network: a classifier of patches, on `device`; it is left in the mode it was in.
        pictures: each (height, width, channels) uint8.
        centers: which pixels.
        patch: side of the patches, pixels.
        preprocessing: that of the model.
        device: where to compute.
        precision: bfloat16 computes under autocast; the scores are float32 all the same.
    """
    found = []
    with evaluating(network), torch.inference_mode():
        for some in _batches(len(centers), patch**2):
            here = Centers(centers.pictures[some], centers.rows[some], centers.columns[some], centers.labels[some])
            inputs = preprocessing.tensor(cut_patches(pictures, here, patch), device)
            found.append(_scores(network, inputs, precision))
    scores: NDArray[np.float32] = torch.cat(found).cpu().numpy()
    return scores


def _scores(network: nn.Module, patches: Tensor, precision: Precision) -> Tensor:
    with torch.autocast(patches.device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16"):
        scores: Tensor = network(patches.contiguous(memory_format=torch.channels_last))
    return scores.float()


def _batches(count: int, pixels: int) -> list[slice]:
    size = max(1, PIXELS // pixels)
    return [slice(start, start + size) for start in range(0, count, size)]
