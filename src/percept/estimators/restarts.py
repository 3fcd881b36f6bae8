"""Several starts from one random state: the first is that of a single fit, undisturbed by the others."""

from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state


def generators_of(first: np.random.RandomState, count: int) -> list[np.random.RandomState]:
    """Return a random source for each restart.

    Args:
        first: of the first restart.
        count: restarts.

    Source: notes §2.4.1 (multiple restarts).
    """
    return [first, *(np.random.RandomState(seed) for seed in _seeds(first, count))]


def seeds_of(random_state: Any, count: int) -> list[Any]:
    """Return what to pass as random_state to train each restart by itself.

    Example:
        >>> seeds_of(0, 3)
        [0, 209652396, 398764591]
    """
    return [random_state, *map(int, _seeds(check_random_state(random_state), count))]


def _seeds(first: np.random.RandomState, count: int) -> Any:
    return deepcopy(first).randint(2**31 - 1, size=count - 1) if count > 1 else []


def lowest(values: ArrayLike) -> NDArray[np.intp]:
    """Return which value is lowest along the last axis, NaN counting as the highest of all.

    Args:
        values: (..., restarts).

    Example:
        >>> int(lowest([float("nan"), 2.0, 1.0]))
        2
    """
    numbers = np.asarray(values, np.float64)
    if numbers.shape[-1] == 1:
        return np.zeros(numbers.shape[:-1], np.intp)
    return np.asarray(np.where(np.isnan(numbers), np.inf, numbers).argmin(axis=-1))
