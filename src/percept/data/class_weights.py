"""How often each class occurs among the pixels of some masks, and the weights in the loss that make up for it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from percept.data.objects import IGNORE
from percept.errors import DataError, OptionError

Weighting = Literal["none", "balanced", "median_frequency"]
WEIGHTINGS: tuple[Weighting, ...] = ("none", "balanced", "median_frequency")


@dataclass(frozen=True)
class ClassPixels:
    """The pixels of each class in some masks.

    Attributes:
        pixels: (classes,) pixels of each class.
        around: (classes,) known pixels of those masks that the class occurs in.
        masks: (classes,) in how many masks the class occurs.
        ignored: pixels of no known class.
    """

    pixels: NDArray[np.int64]
    around: NDArray[np.int64]
    masks: NDArray[np.int64]
    ignored: int

    @property
    def shares(self) -> NDArray[np.float64]:
        """Return (classes,) the share of each class among the known pixels, 0 where there are none."""
        return self.pixels / max(1, int(self.pixels.sum()))


def count_classes(masks: Iterable[NDArray[np.integer[Any]]], classes: int) -> ClassPixels:
    """Return the pixels of each class in some masks, looked at one by one.

    Args:
        masks: class maps (height, width) of any sizes, `IGNORE` where nothing is known.
        classes: how many classes there are.

    Raises:
        DataError: a mask holds a class that there is not.

    Example:
        >>> count_classes([np.array([[0, 1, 1, 255]]), np.array([[0, 0]])], 2).pixels.tolist()
        [3, 2]
    """
    pixels, around, holders = (np.zeros(classes, np.int64) for _ in range(3))
    ignored = 0
    for place, mask in enumerate(masks):
        counts = np.bincount(mask.ravel(), minlength=IGNORE + 1)
        ignored += int(counts[IGNORE])
        counts[IGNORE] = 0
        if counts[classes:].any():
            odd = classes + int(np.flatnonzero(counts[classes:])[0])
            raise DataError(f"mask {place} holds class {odd}; expected 0 to {classes - 1}, or {IGNORE} to ignore")
        pixels += counts[:classes]
        around += np.where(counts[:classes] > 0, counts.sum(), 0)
        holders += counts[:classes] > 0
    return ClassPixels(pixels, around, holders, ignored)


def class_weights(counts: ClassPixels, how: Weighting | Sequence[float] = "none") -> NDArray[np.float64]:
    """Return the weight of each class in a loss per pixel.

    Args:
        counts: of the masks that are trained on.
        how: "none" weighs all alike; "balanced" by n / (K n_c), so that every one of the K classes that occur counts
            the same in all; "median_frequency" by the median frequency over that of the class, a frequency being
            taken in those masks alone that the class occurs in; or the weights themselves, one a class.

    Returns:
        (classes,) weights; by frequency, 0 for a class without a pixel.

    Raises:
        OptionError: the choice is unknown, or the weights given do not fit.

    Source: notes §3.6.6; Eigen and Fergus 2015, section 6.3.2, median frequency balancing.

    Example:
        >>> class_weights(count_classes([np.array([[0, 0, 0, 1]])], 2), "balanced").round(3).tolist()
        [0.667, 2.0]
    """
    classes = len(counts.pixels)
    if isinstance(how, str) and how not in WEIGHTINGS:
        raise OptionError(f"class weights are {how!r}; expected {', '.join(WEIGHTINGS)}, or one number a class")
    if how == "none":
        return np.ones(classes)
    if not isinstance(how, str):
        given = np.asarray(how, np.float64)
        if given.shape != (classes,) or not np.isfinite(given).all() or (given < 0).any() or not given.any():
            raise OptionError(
                f"class weights are {list(how)}; expected {classes} numbers of 0 or more, one a class, not all 0"
            )
        return given
    occurs = counts.pixels > 0
    weights = np.zeros(classes)
    if how == "balanced":
        weights[occurs] = counts.pixels.sum() / (occurs.sum() * counts.pixels[occurs])
    elif occurs.any():
        frequency = counts.pixels[occurs] / counts.around[occurs]
        weights[occurs] = np.median(frequency) / frequency
    return weights
