"""Sums over samples that count several times: what every metric is made of, for many weightings at once.

Weights are (samples, columns): each column says how often each sample counts, such as one bootstrap resample.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def class_sums(labels: NDArray[np.integer[Any]], weights: Floats, classes: int) -> Floats:
    """Return the weight of each class in each column: (classes, columns).

    Example:
        >>> class_sums(np.array([0, 1, 1]), np.array([[1.0], [1], [3]]), 2).tolist()
        [[1.0], [4.0]]
    """
    samples = np.arange(len(labels))
    member = csr_array((np.ones(len(labels)), (labels, samples)), shape=(classes, len(labels)))
    return np.asarray(member @ weights, np.float64)


def weighted_mean(values: Floats, weights: Floats) -> Floats:
    """Return the mean of (samples,) values in each column: (columns,)."""
    return np.asarray(values @ weights / weights.sum(axis=0), np.float64)


def ratio(above: Floats, below: Floats) -> Floats:
    """Return the quotient, NaN where the divisor is not positive."""
    quotient = np.full(above.shape, np.nan)
    np.divide(above, below, out=quotient, where=below > 0)
    return quotient


def mean_of_defined(values: Floats) -> Floats:
    """Return the mean down each column of the values that are not NaN, NaN if none is."""
    return ratio(np.nansum(values, axis=0), (~np.isnan(values)).sum(axis=0).astype(np.float64))


def roc_area(positive: NDArray[np.bool_], score: Floats, weights: Floats) -> Floats:
    """Return the area under the ROC curve in each column, NaN where a side has no weight.

    It is the probability that a positive sample has a higher score than a negative one, ties counting half.

    Args:
        positive: (samples,) which samples are of the class.
        score: (samples,) higher for the class.
        weights: (samples, columns).

    Source: Hanley and McNeil 1982, the meaning and use of the area under a ROC curve.
    """
    level = np.unique(score, return_inverse=True)[1]  # (samples,) equal scores share a level, higher is higher
    occupied = np.zeros(level.max() + 1, np.bool_)  # levels that hold a positive
    occupied[level[positive]] = True
    # levels in a row without a positive are one step, so p positives make at most 2p + 1 steps, however many samples
    starts = occupied.copy()
    starts[1:] |= occupied[:-1]
    step = np.cumsum(starts)[level]
    steps = int(step.max()) + 1
    hits = class_sums(step[positive], weights[positive], steps)  # (steps, columns)
    misses = class_sums(step[~positive], weights[~positive], steps)
    below = misses.cumsum(axis=0) - misses
    return ratio((hits * (below + misses / 2)).sum(axis=0), hits.sum(axis=0) * misses.sum(axis=0))
