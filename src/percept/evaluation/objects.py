"""How well single objects are found: matches between true and predicted objects at thresholds of their overlap."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.errors import DataError, OptionError
from percept.evaluation.weighted import Floats, Integers, ratio

THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)


def overlaps(
    truth: NDArray[np.integer[Any]], predicted: NDArray[np.integer[Any]]
) -> tuple[Integers, Integers, Integers]:
    """Return which regions share pixels: true number, predicted number and pixels of every pair that shares some.

    Example:
        >>> [each.tolist() for each in overlaps(np.array([[7, 7, 0]]), np.array([[0, 2, 2]]))]
        [[0, 7, 7], [2, 0, 2], [1, 1, 1]]
    """
    if truth.shape != predicted.shape:
        sides = [" x ".join(map(str, each.shape)) for each in (predicted, truth)]
        raise DataError(f"the predicted objects are {sides[0]}, but the true ones {sides[1]}; expected one size")
    names, places = np.unique(predicted, return_inverse=True)
    own, rows = np.unique(truth, return_inverse=True)
    pairs, pixels = np.unique(rows.ravel().astype(np.int64) * len(names) + places.ravel(), return_counts=True)
    first, second = np.divmod(pairs, len(names))
    return own[first].astype(np.int64), names[second].astype(np.int64), pixels.astype(np.int64)


def object_counts(
    truth: NDArray[np.integer[Any]],
    predicted: NDArray[np.integer[Any]],
    thresholds: Sequence[float] = THRESHOLDS,
    known: NDArray[np.bool_] | None = None,
) -> Integers:
    """Return how many objects are found, invented and missed at each threshold.

    Two objects match where their intersection is more than the threshold's share of their union. From a half up an
    object can then have one match only.

    Args:
        truth: (height, width) one number an object, 0 outside.
        predicted: (height, width) the same of the prediction, such as its connected regions.
        thresholds: in [0.5, 1).
        known: (height, width) pixels that count; objects are cut to them. None counts all.

    Returns:
        (thresholds, 3): objects found, predicted ones without match, true ones without match.

    Raises:
        DataError: the maps differ in size.
        OptionError: a threshold is outside its range.

    Source: Caicedo et al. 2019, Data Science Bowl 2018, evaluation metric.

    Example:
        >>> object_counts(np.array([[1, 1, 1, 0, 2]]), np.array([[4, 4, 0, 0, 0]]), (0.5, 0.7)).tolist()
        [[1, 0, 1], [0, 1, 2]]
    """
    if not all(0.5 <= threshold < 1 for threshold in thresholds):
        raise OptionError(f"thresholds are {list(thresholds)}; expected shares from 0.5 to below 1")
    if known is not None:
        truth, predicted = np.where(known, truth, 0), np.where(known, predicted, 0)
    first, second, pixels = overlaps(truth, predicted)
    true = dict(zip(*_sums(first, pixels), strict=True))
    told = dict(zip(*_sums(second, pixels), strict=True))
    both = (first > 0) & (second > 0)
    shared = pixels[both]
    sizes = zip(first[both].tolist(), second[both].tolist(), strict=True)
    union = np.array([true[one] + told[other] for one, other in sizes], np.int64) - shared
    found = np.array([(shared > threshold * union).sum() for threshold in thresholds], np.int64)
    objects, guesses = len(true) - (0 in true), len(told) - (0 in told)
    return np.stack([found, guesses - found, objects - found], axis=1)


def object_figures(counts: Integers, thresholds: Sequence[float], weights: Floats) -> dict[str, Floats]:
    """Return F1 of all pictures' objects together, and average precision as the mean over pictures.

    Args:
        counts: (pictures, thresholds, 3), see `object_counts`.
        thresholds: of the overlap.
        weights: (pictures, columns) how often each picture counts.

    Returns:
        (columns,) figures by name: "object_f1" and "average_precision", the means over the thresholds, and both at
        each, such as "object_f1[0.5]". A picture without true and predicted objects has no average precision.

    Source: Caicedo et al. 2019: F1 = 2 TP / (2 TP + FP + FN), average precision = TP / (TP + FP + FN).
    """
    total = np.einsum("ptk,pc->ktc", counts.astype(np.float64), weights)  # (3, thresholds, columns)
    f1 = ratio(2 * total[0], 2 * total[0] + total[1] + total[2])
    single = average_precisions(counts)
    defined = ~np.isnan(single)
    precision = ratio(np.where(defined, single, 0).T @ weights, defined.T.astype(np.float64) @ weights)
    return {
        "object_f1": f1.mean(axis=0),
        "average_precision": precision.mean(axis=0),
        **{f"object_f1[{at:g}]": figure for at, figure in zip(thresholds, f1, strict=True)},
        **{f"average_precision[{at:g}]": figure for at, figure in zip(thresholds, precision, strict=True)},
    }


def average_precisions(counts: Integers) -> Floats:
    """Return TP / (TP + FP + FN) of counts (..., 3), NaN where there is no object."""
    return ratio(counts[..., 0].astype(np.float64), counts.sum(axis=-1).astype(np.float64))


def _sums(numbers: Integers, pixels: Integers) -> tuple[list[int], list[int]]:
    """Return each number with the pixels of all its pairs."""
    names, places = np.unique(numbers, return_inverse=True)
    return names.tolist(), np.bincount(places, weights=pixels).astype(np.int64).tolist()
