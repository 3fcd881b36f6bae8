"""How far a share of samples can be trusted: the exact limits of a binomial."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv


def share_limits(
    hits: NDArray[np.int64] | NDArray[np.float64], counts: NDArray[np.int64], level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the exact lower and upper limits of shares.

    Args:
        hits: (shares,) how many of the samples count, each 0 to its `counts`.
        counts: (shares,) how many samples there are, each 1 or more.
        level: the share of intervals that hold the true share at least, in (0, 1).

    Source: Clopper and Pearson 1934.

    Example:
        >>> low, high = share_limits(np.array([0]), np.array([10]))
        >>> float(low[0]), round(float(high[0]), 4)  # 1 - 0.025 ** (1 / 10)
        (0.0, 0.3085)
    """
    tail = (1 - level) / 2
    misses = counts - hits
    low = np.where(hits > 0, betaincinv(np.maximum(hits, 1), misses + 1, tail), 0.0)
    high = np.where(misses > 0, betaincinv(hits + 1, np.maximum(misses, 1), 1 - tail), 1.0)
    return low, high
