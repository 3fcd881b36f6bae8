"""How well classes of pixels agree: accuracy, intersection over union and Dice, from counts that pictures add up to."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.data.objects import IGNORE
from percept.errors import DataError
from percept.evaluation.weighted import Floats, Integers, mean_of_defined, ratio


def pixel_confusion(truth: NDArray[np.integer[Any]], predicted: NDArray[np.integer[Any]], classes: int) -> Integers:
    """Return (classes, classes) counts of pixels: row the true class, column the predicted one.

    Args:
        truth: (height, width) class numbers; pixels that are `IGNORE` are not counted, whatever is predicted there.
        predicted: (height, width) class numbers.
        classes: how many classes there are.

    Raises:
        DataError: the maps differ in size, or hold a class that there is not.

    Example:
        >>> pixel_confusion(np.array([[0, 1, 255]]), np.array([[0, 0, 1]]), 2).tolist()
        [[1, 0], [1, 0]]
    """
    if truth.shape != predicted.shape:
        sides = [" x ".join(map(str, each.shape)) for each in (predicted, truth)]
        raise DataError(f"the prediction is {sides[0]}, but the mask is {sides[1]}; expected one size")
    known = truth != IGNORE
    right, told = truth[known].astype(np.int64), predicted[known].astype(np.int64)
    for what, values in (("mask", right), ("prediction", told)):
        low, high = int(values.min(initial=0)), int(values.max(initial=0))
        if low < 0 or high >= classes:
            raise DataError(f"the {what} holds class {low if low < 0 else high}; expected 0 to {classes - 1}")
    counts = np.bincount(right * classes + told, minlength=classes**2)
    return counts.reshape(classes, classes).astype(np.int64)


def region_figures(confusions: Integers, names: Sequence[str], weights: Floats) -> dict[str, Floats]:
    """Return pixel accuracy, and IoU and Dice of each class and in the mean, for each column of weights.

    All pixels of all pictures are counted together. A class that occurs neither in the masks nor in the predictions
    has no IoU (NaN) and no part in the mean; one that is only predicted has an IoU of 0.

    Args:
        confusions: (pictures, classes, classes) pixels.
        names: of the classes.
        weights: (pictures, columns) how often each picture counts.

    Returns:
        (columns,) figures by name: "pixel_accuracy", "mean_iou", "mean_dice", "iou[name]", "dice[name]".

    Source: notes §3.6.1; Everingham et al. 2010, section 4.2, intersection over union; Dice 1945.
    """
    total = np.einsum("pij,pc->ijc", confusions.astype(np.float64), weights)
    right = np.einsum("iic->ic", total)
    true, told = total.sum(axis=1), total.sum(axis=0)
    iou, dice = ratio(right, true + told - right), ratio(2 * right, true + told)
    return {
        "pixel_accuracy": ratio(right.sum(axis=0), true.sum(axis=0)),
        "mean_iou": mean_of_defined(iou),
        "mean_dice": mean_of_defined(dice),
        **{f"iou[{name}]": of_class for name, of_class in zip(names, iou, strict=True)},
        **{f"dice[{name}]": of_class for name, of_class in zip(names, dice, strict=True)},
    }
