"""Training samples as a weighted multiset: equal ones are one of their summed weight, and their content orders them.

An online rule depends on the order of its samples, so that a weight counts as repeats only where repeats have no order
of their own (docs/decisions/0003).
"""

from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Rows = NDArray[np.intp]
Bits = NDArray[np.uint64]

# So many numbers of a table are turned into keys at a time, which fit into a core's cache.
BLOCK = 32_768


@dataclass(frozen=True)
class Samples:
    """What is learnt from, and where it stands in the caller's table.

    Args:
        X: (samples, features) float32 or float64, C-ordered or CSR.
        y: (samples,) classes.
        weights: (samples,) in the type of X.
        rows: (samples,) each one's row of the table, the first where the table holds it more than once.
        counts: (samples,) how many samples each stands for, or None where it is one row, one sample.
        repeated: whether the table holds a sample more than once.
    """

    X: Any
    y: NDArray[Any]
    weights: Floats
    rows: Rows
    counts: NDArray[np.float64] | None = None
    repeated: bool = False


def as_given(X: Any, y: NDArray[Any], weights: Floats | None) -> Samples:
    """Return samples in the order of their table, each row as one sample.

    Args:
        X: (samples, features).
        y: (samples,) classes.
        weights: (samples,) or None for ones.
    """
    return Samples(X, y, np.ones(len(y), X.dtype) if weights is None else weights, np.arange(len(y)))


def as_multiset(X: Any, y: NDArray[Any], weights: Floats | None) -> Samples:
    """Return samples so that a whole weight is the same as that many equal rows, and none the same as no row.

    Samples of weight zero are left out. If the others differ from each other and all weigh one, they stay in the order
    of their table. Else equal ones (the same features and class) become one with the sum of their weights, and all are
    put in an order that depends on nothing but their content. Where a weight is negative, the table is left as it is.

    Args:
        X: (samples, features) finite float32 or float64, C-ordered or CSR; not changed.
        y: (samples,) classes.
        weights: (samples,) some of them not zero, or None for ones.

    Example:
        >>> samples = as_multiset(np.array([[2.0], [5.0], [2.0]]), np.array([1, 0, 1]), None)
        >>> samples.X.tolist(), samples.weights.tolist(), samples.rows.tolist()
        ([[5.0], [2.0]], [1.0, 2.0], [1, 0])
    """
    given = as_given(X, y, weights)
    if (given.weights < 0).any():
        return given
    rows = given.rows
    if not given.weights.all():
        rows = np.flatnonzero(given.weights)
        X, y = X[rows], y[rows]
    shares = given.weights[rows]
    table = _tidied(X)
    order, starts = _groups(table, np.unique(y, return_inverse=True)[1], shares)
    repeated = len(starts) < len(order)
    if not repeated and (shares == 1).all():
        return Samples(X, y, shares, rows, np.ones(len(rows)))
    groups = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(order)))
    counts = np.zeros(len(starts))
    np.add.at(counts, groups, shares[order])  # one after the other, from the smallest on: the same bits in any table
    first = np.minimum.reduceat(order, starts)
    return Samples(table[first], y[first], counts.astype(X.dtype), rows[first], counts, repeated)


def _tidied(X: Any) -> Any:
    """Return a table in which equal rows are stored alike: a sparse one sorted, without duplicates and zeros."""
    if not hasattr(X, "indptr") or (X.has_canonical_format and X.data.all()):
        return X
    tidy = X.copy()
    tidy.sum_duplicates()
    tidy.eliminate_zeros()
    return tidy


def _groups(X: Any, labels: NDArray[np.intp], weights: Floats) -> tuple[Rows, Rows]:
    """Return the rows ordered by content, then weight, and the places in that order where another content begins."""
    for salt in count():
        keys = _keys(X, labels, salt)
        order = np.argsort(keys) if (weights == 1).all() else np.lexsort((weights, keys))
        ordered = keys[order]
        again = np.flatnonzero(ordered[1:] == ordered[:-1])
        before, after = order[again], order[again + 1]
        # Keys of different rows are equal about once in 2^64 pairs; other keys are tried then.
        if (labels[before] == labels[after]).all() and not (X[before] != X[after]).sum():
            break
    begins = np.ones(len(order), np.bool_)
    begins[again + 1] = False
    return order, np.flatnonzero(begins)


def _keys(X: Any, labels: NDArray[np.intp], salt: int) -> Bits:
    """Return a number for each row, the same for equal rows, be they dense or sparse, wherever they stand."""
    factors = _factors(X.shape[1] + 1, salt)
    keys: Bits = _mixed(labels.astype(np.uint64) + 1) * factors[-1]
    if hasattr(X, "indptr"):
        sums = np.zeros(X.nnz + 1, np.uint64)
        np.cumsum(_mixed(_bits(X.data)) * factors[X.indices], out=sums[1:])
        return np.asarray(keys + sums[X.indptr[1:]] - sums[X.indptr[:-1]])
    step = max(1, BLOCK // X.shape[1])
    for start in range(0, len(keys), step):
        part = slice(start, start + step)
        keys[part] += (_mixed(_bits(X[part])) * factors[:-1]).sum(axis=1)
    return keys


def _factors(columns: int, salt: int) -> Bits:
    """Return an odd number for each column, others for every salt."""
    numbers = np.arange(salt * columns + 1, (salt + 1) * columns + 1, dtype=np.uint64)
    return _mixed(numbers * np.uint64(0x9E3779B97F4A7C15)) | np.uint64(1)


def _bits(values: Floats) -> Bits:
    """Return the bits of numbers in float64; those of 0 and -0 are 0."""
    return (values.astype(np.float64) + 0.0).view(np.uint64)


def _mixed(numbers: Bits) -> Bits:
    """Return numbers scattered over all 64 bits, no two as one, 0 as 0.

    Source: splitmix64, of Steele, Lea & Flood 2014.
    """
    mixed: Bits = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
