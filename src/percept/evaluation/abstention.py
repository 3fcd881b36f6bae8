"""Answering only where the network is sure enough: the least probability that keeps the share of wrong answers low."""

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from percept.errors import OptionError
from percept.evaluation.shares import share_limits


@dataclass(frozen=True)
class Abstention:
    """What answering only at or above a probability brings.

    Attributes:
        target: the share of wrong answers that was aimed at, in (0, 1).
        threshold: the least probability of the predicted class at which to answer.
        answered: how many of the samples are answered.
        wrong: how many of these answers are wrong.
        coverage: the share of samples that is answered, with the limits of its 95 % interval, exact ones of a binomial.
        error: the share of answers that is wrong, the same way; nan where nothing is answered.
    """

    target: float
    threshold: float
    answered: int
    wrong: int
    coverage: tuple[float, float, float]
    error: tuple[float, float, float]


def choose_abstention(
    truth: NDArray[np.int64], probabilities: NDArray[np.float64], target: float, *, sure: bool = False
) -> Abstention | None:
    """Return the lowest threshold at which the answers are wrong at most as often as is aimed at.

    Args:
        truth: (samples,) class numbers, one sample or more, not those that the network was trained on.
        probabilities: (samples, classes).
        target: the share of wrong answers that is allowed, in (0, 1).
        sure: whether the upper limit of the 95 % interval of the error, not the error alone, is to be at most the
            target; the limit is for one threshold, not for the best of many.

    Returns:
        The threshold and what it brings; None where no threshold keeps to the target.

    Raises:
        OptionError: the target is not between 0 and 1.

    Source: Chow 1970, the reject option; Geifman and El-Yaniv 2017, selective classification; the limits: Clopper and
    Pearson 1934.

    Example:
        >>> scores = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
        >>> found = choose_abstention(np.array([0, 0, 1, 0]), scores, 0.1)
        >>> found.threshold, found.answered, found.coverage[0]
        (0.8, 2, 0.5)
    """
    if not 0 < target < 1:
        raise OptionError(f"the error to keep to is {target}; expected a share between 0 and 1, such as 0.05")
    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    wrong = np.cumsum((probabilities.argmax(axis=1) != truth)[order])
    answered = np.arange(1, len(truth) + 1)
    last = np.append(confidence[order][1:] != confidence[order][:-1], True)  # samples of one confidence go together
    upper = share_limits(wrong, answered)[1] if sure else wrong / answered
    kept = np.flatnonzero(last & (upper <= target))
    if not len(kept):
        return None
    return abstention_at(truth, probabilities, float(confidence[order][kept[-1]]), target)


def abstention_at(
    truth: NDArray[np.int64], probabilities: NDArray[np.float64], threshold: float, target: float
) -> Abstention:
    """Return what answering only at or above a threshold brings on samples, such as those of the test part.

    Args:
        truth: (samples,) class numbers, one sample or more.
        probabilities: (samples, classes).
        threshold: the least probability of the predicted class at which to answer.
        target: the share of wrong answers that the threshold was chosen for.
    """
    answers = probabilities.max(axis=1) >= threshold
    answered = int(answers.sum())
    wrong = int((probabilities.argmax(axis=1) != truth)[answers].sum())
    return Abstention(
        target, threshold, answered, wrong, _with_limits(answered, len(truth)), _with_limits(wrong, answered)
    )


def _with_limits(hits: int, count: int) -> tuple[float, float, float]:
    if count == 0:
        return nan, nan, nan
    low, high = share_limits(np.array([hits]), np.array([count]))
    return hits / count, float(low[0]), float(high[0])
