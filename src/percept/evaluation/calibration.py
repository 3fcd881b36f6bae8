"""Whether a probability means what it says: of all predictions made at 80 %, about 80 % should be right."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from percept.evaluation.shares import share_limits


@dataclass(frozen=True)
class Bin:
    """The predictions whose probability lies in (low, high].

    Attributes:
        low: the bin's lower edge, in [0, 1].
        high: its upper edge.
        count: how many predictions lie in it, 1 or more.
        confidence: their mean probability.
        accuracy: the share of them that is right.
        accuracy_low: lower limit of the 95 % interval of that share, the exact one of a binomial.
        accuracy_high: its upper limit; wide where the bin holds few predictions.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float
    accuracy_low: float
    accuracy_high: float


@dataclass(frozen=True)
class Calibration:
    """The reliability of a classifier's probabilities.

    Attributes:
        bins: the bins that hold predictions, from low to high.
        error: the expected calibration error: the mean over predictions of |confidence - accuracy| of their bin.
    """

    bins: tuple[Bin, ...]
    error: float


def calibration(truth: NDArray[np.int64], probabilities: NDArray[np.float64], bins: int = 10) -> Calibration:
    """Return how the probability of the predicted class compares with how often it is right.

    Args:
        truth: (samples,) class numbers, one sample or more.
        probabilities: (samples, classes).
        bins: how many bins of equal width cover [0, 1], 1 or more.

    Source: Guo et al. 2017, on calibration of modern neural networks; the limits: Clopper and Pearson 1934.

    Example:
        >>> calibration(np.array([0, 1]), np.array([[0.75, 0.25], [0.75, 0.25]])).error
        0.25
    """
    confidence = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == truth).astype(np.float64)
    edges = np.linspace(0, 1, bins + 1)
    number = np.searchsorted(edges[1:-1], confidence)  # a probability on an edge belongs to the bin below
    count = np.bincount(number, minlength=bins)
    hits = np.bincount(number, right, minlength=bins)
    gap = np.abs(np.bincount(number, confidence, minlength=bins) - hits)  # (bins,) count x |confidence - accuracy|
    low, high = share_limits(hits, np.maximum(count, 1))
    filled = tuple(
        Bin(
            low=float(edges[place]),
            high=float(edges[place + 1]),
            count=int(count[place]),
            confidence=float(confidence[number == place].mean()),
            accuracy=float(hits[place] / count[place]),
            accuracy_low=float(low[place]),
            accuracy_high=float(high[place]),
        )
        for place in np.flatnonzero(count)
    )
    return Calibration(filled, float(gap.sum() / len(truth)))
