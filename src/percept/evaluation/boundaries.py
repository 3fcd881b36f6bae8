"""How well the outlines of classes agree: the boundary F1 score, within a tolerance of some pixels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from percept.data.objects import IGNORE
from percept.evaluation.weighted import Floats, Integers, mean_of_defined, ratio


def outline(inside: NDArray[np.bool_], known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a region that have a neighbor outside it, by a side; the picture's edge is no outline.

    Args:
        inside: (height, width) the region.
        known: (height, width) pixels that count; an unknown one is on no outline and makes none.

    Example:
        >>> outline(np.array([[True, True, False]]), np.ones((1, 3), bool)).tolist()
        [[False, True, False]]
    """
    padded = np.pad(known & ~inside, 1)
    beside = padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    return np.asarray(known & inside & beside)


def boundary_counts(
    truth: NDArray[np.integer[Any]], predicted: NDArray[np.integer[Any]], classes: int, tolerance: float = 2.0
) -> Integers:
    """Return for each class how many pixels of its outlines lie near the other outline.

    Args:
        truth: (height, width) class numbers, `IGNORE` where nothing is known.
        predicted: (height, width) class numbers.
        classes: how many classes there are.
        tolerance: pixels that two outlines may lie apart, 0 or more.

    Returns:
        (classes, 4): pixels of the predicted outline near the true one, of the predicted outline, of the true outline
        near the predicted one, of the true outline.
    """
    known = truth != IGNORE
    counts = np.zeros((classes, 4), np.int64)
    for number in range(classes):
        true, told = outline(truth == number, known), outline(predicted == number, known)
        counts[number] = _near(told, true, tolerance), told.sum(), _near(true, told, tolerance), true.sum()
    return counts


def boundary_f1(counts: Integers) -> Floats:
    """Return the boundary F1 of counts (..., 4): NaN where there is no outline, 0 where only one side has one.

    Source: Csurka et al. 2013, section 2.3, computed picture by picture.

    Example:
        >>> boundary_f1(np.array([[4, 4, 2, 4], [0, 0, 0, 5], [0, 0, 0, 0]])).round(3).tolist()
        [0.667, 0.0, nan]
    """
    near_told, told, near_true, true = np.moveaxis(counts.astype(np.float64), -1, 0)
    precision, recall = ratio(near_told, told), ratio(near_true, true)
    harmonic = ratio(2 * precision * recall, precision + recall)
    some = told + true > 0
    return np.where(some, np.where(np.isnan(harmonic), 0.0, harmonic), np.nan)


def boundary_figures(counts: Integers, names: Sequence[str], weights: Floats) -> dict[str, Floats]:
    """Return the boundary F1 of each class and in the mean: averages over those pictures that have the outline.

    Args:
        counts: (pictures, classes, 4), see `boundary_counts`.
        names: of the classes.
        weights: (pictures, columns) how often each picture counts.

    Returns:
        (columns,) figures by name: "boundary_f1", "boundary_f1[name]".
    """
    scores = boundary_f1(counts)  # (pictures, classes)
    defined = ~np.isnan(scores)
    classes = ratio(np.where(defined, scores, 0).T @ weights, defined.T.astype(np.float64) @ weights)
    return {
        "boundary_f1": mean_of_defined(classes),
        **{f"boundary_f1[{name}]": of_class for name, of_class in zip(names, classes, strict=True)},
    }


def _near(these: NDArray[np.bool_], those: NDArray[np.bool_], tolerance: float) -> int:
    """Return how many of these pixels lie within the tolerance of one of those."""
    if not (these.any() and those.any()):
        return 0
    return int((ndimage.distance_transform_edt(~those)[these] <= tolerance).sum())
