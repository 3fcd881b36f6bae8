"""The loss of a segmenter for the masks at hand: weights of classes and of pixels, counted and drawn from them."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from percept.data.class_weights import Weighting, class_weights, count_classes
from percept.data.objects import IGNORE
from percept.data.ragged import RaggedArray, keep
from percept.data.weight_maps import weight_map
from percept.errors import OptionError
from percept.nn.segmentation_losses import PixelLoss, pixel_loss

WEIGHT_MAPS = ("none", "unet")


def mask_loss(
    name: str,
    masks: Sequence[NDArray[np.uint8]],
    rows: NDArray[np.int64],
    classes: int,
    weighting: Weighting | Sequence[float],
    *,
    masking: float = 0.0,
    device: torch.device,
) -> PixelLoss:
    """Return the loss over pixels that is minimized on some masks.

    Args:
        name: as in `percept.nn.segmentation_losses.pixel_loss`.
        masks: (height, width) class numbers of each, of any sizes.
        rows: those of the training part.
        classes: how many classes there are.
        weighting: of the classes, as in `percept.data.class_weights.class_weights`.
        masking: share of the pixels left out of each step, [0, 1).
        device: where the loss is computed.

    Raises:
        OptionError: an argument does not work.

    Source: notes §3.6.2 and §3.6.6.
    """
    weights = None
    if not isinstance(weighting, str) or weighting != "none":
        counts = count_classes((masks[row] for row in rows), classes)
        weights = torch.from_numpy(class_weights(counts, weighting).astype(np.float32)).to(device)
    return pixel_loss(name, ignore=IGNORE, class_weights=weights, masked=masking)


def pixel_weights(
    kind: str,
    masks: Sequence[NDArray[np.uint8]],
    objects: Sequence[NDArray[np.int32]] | None,
    classes: int,
) -> RaggedArray | None:
    """Return the weight of each pixel where objects close to each other are to be kept apart; None for equal ones.

    Args:
        kind: "none", or "unet" for the map of the U-Net paper.
        masks: (height, width) class numbers of each, of any sizes.
        objects: (height, width) numbers of the objects of each; None takes the connected regions.
        classes: how many classes there are.

    Raises:
        OptionError: there is no such kind.

    Source: notes §3.6.3; Ronneberger et al. 2015, equation 2.
    """
    if kind not in WEIGHT_MAPS:
        raise OptionError(f"weight map is {kind!r}; expected {' or '.join(WEIGHT_MAPS)}")
    if kind == "none":
        return None
    even = [1.0] * classes
    maps = (weight_map(mask, even, None if objects is None else objects[row]) for row, mask in enumerate(masks))
    return keep(maps, [mask.shape for mask in masks], np.float32)
