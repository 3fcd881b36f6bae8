"""The Rand error: of all pairs of pixels, how many are joined that are apart, or apart that are joined."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.evaluation.objects import overlaps


def adapted_rand_error(
    truth: NDArray[np.integer[Any]], predicted: NDArray[np.integer[Any]], known: NDArray[np.bool_] | None = None
) -> float:
    """Return 1 - F of pairs of pixels in one region, counted inside the true regions alone.

    Precision is the share of pairs joined in the prediction that are joined in truth, recall the reverse; F is their
    harmonic mean. Pixels that are 0 in truth, such as membranes, are left out; 0 in the prediction is one region.

    Args:
        truth: (height, width) one number a region, 0 between regions.
        predicted: (height, width) the same of the prediction.
        known: (height, width) pixels that count; None counts all.

    Returns:
        0 (all pairs alike) to 1; NaN where truth has no region of two pixels or more.

    Raises:
        DataError: the maps differ in size.

    Source: Arganda-Carreras et al. 2015, ISBI 2012 challenge, section 2.4.

    Example:
        >>> adapted_rand_error(np.array([[1, 1, 0, 2, 2]]), np.array([[1, 1, 1, 1, 1]]))  # F of 1/3 and 1
        0.5
    """
    first, second, pixels = overlaps(truth if known is None else np.where(known, truth, 0), predicted)
    inside = first > 0
    first, second, counts = first[inside], second[inside], pixels[inside].astype(np.float64)
    number = counts.sum()
    joined = np.square(counts).sum() - number  # twice the pairs of pixels joined in both
    true, told = (_pairs(regions, counts) - number for regions in (first, second))
    if true <= 0:
        return float("nan")
    return float(1 - 2 * joined / (true + told))  # F of joined / told and joined / true


def _pairs(regions: NDArray[np.int64], counts: NDArray[np.float64]) -> float:
    """Return the sum of the squares of the regions' pixels."""
    places = np.unique(regions, return_inverse=True)[1]
    return float(np.square(np.bincount(places, weights=counts)).sum()) if len(regions) else 0.0
