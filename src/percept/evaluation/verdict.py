"""Whether the network earned its place: one sentence from its paired difference to the best baseline."""

from collections.abc import Mapping
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.evaluation.baselines import Baseline
from percept.evaluation.intervals import Figure, paired_difference
from percept.evaluation.metrics import Metric

FEWEST = 20  # samples, or groups, below which resampling them says little


def best_baseline(truth: NDArray[Any], found: Mapping[str, Baseline], metric: Metric) -> str:
    """Return the name of the baseline that does best on these samples, the first one on a tie.

    Args:
        truth: (samples,) class numbers, or values for regression; those of the validation part where there is one.
        found: the baselines of the same samples by name.
        metric: see `metric_named`.
    """
    sign = 1 if metric.higher_is_better else -1
    scores = {name: sign * metric.measure(truth, baseline.predictions) for name, baseline in found.items()}
    return max(scores, key=lambda name: -np.inf if isnan(scores[name]) else scores[name])


def verdict(
    truth: NDArray[Any],
    predictions: NDArray[np.float64],
    found: Mapping[str, Baseline],
    metric: Metric,
    *,
    best: str | None = None,
    part: str = "validation",
    groups: NDArray[np.int64] | None = None,
    seed: int = 0,
) -> str:
    """Return one sentence that says whether the network beats the best baseline beyond chance.

    Args:
        truth: (samples,) class numbers, or values for regression.
        predictions: the network's (samples, classes) probabilities, or (samples,) values.
        found: the baselines of the same samples by name.
        metric: what to compare by.
        best: the baseline to compare with, chosen elsewhere, as on validation when the samples are the test part;
            None takes the best of these samples, which favors the baselines a little.
        part: what the sentence calls the samples.
        groups: (samples,) group numbers, see `evaluate_figures`.
        seed: of the resampling.

    Raises:
        DataError: there is no sample, or a prediction is not finite.
    """
    name = best_baseline(truth, found, metric) if best is None else best
    reference = found[name].predictions
    units, what = (len(truth), "sample") if groups is None else (len(np.unique(groups)), "group")
    difference = paired_difference(truth, predictions, reference, metric, groups=groups, seed=seed)
    ours, theirs = (metric.measure(truth, each) for each in (predictions, reference))
    return verdict_sentence(
        metric.name,
        ours,
        theirs,
        difference,
        name,
        chosen_before=best is not None,
        higher_is_better=metric.higher_is_better,
        units=units,
        what=f"{part} {what}",
    )


def verdict_sentence(
    metric: str,
    ours: float,
    theirs: float,
    difference: Figure,
    name: str,
    *,
    chosen_before: bool,
    higher_is_better: bool,
    units: int,
    what: str,
) -> str:
    """Return whether a network beats a baseline, from its figure, the baseline's, and their paired difference.

    Args:
        metric: its name.
        ours: the network's figure.
        theirs: the baseline's.
        difference: the first less the second, with its interval.
        name: of the baseline.
        chosen_before: whether it was chosen on the validation part and not on these samples.
        higher_is_better: whether a larger figure is better.
        units: how many samples or groups there are.
        what: one of them, such as "validation sample".

    Example:
        >>> verdict_sentence(
        ...     "mean_iou", 0.8, 0.6, Figure(0.2, 0.1, 0.3), "grey level", chosen_before=False, higher_is_better=True,
        ...     units=30, what="validation picture")[:70]
        'The network earned its place: it beats the best baseline (grey level),'
    """
    rival = f"the baseline that was best on validation ({name})" if chosen_before else f"the best baseline ({name})"
    scores = f"{metric.replace('_', ' ')} {_plain(ours)} against {_plain(theirs)}"
    if units < FEWEST or isnan(difference.low):
        these = f"{units} {what} is" if units == 1 else f"{units} {what}s are"
        return f"{these} too few to say whether the network beats {rival}: {scores}."
    sign = 1 if higher_is_better else -1
    low, high = sorted((sign * difference.low, sign * difference.high))
    evidence = f"{scores}, a gain of {_plain(sign * difference.value)} "
    evidence += f"(95 % interval {_plain(low)} to {_plain(high)}, {units} {what}s)"
    if low > 0:
        return f"The network earned its place: it beats {rival}, {evidence}."
    if high < 0:
        return f"The network did not earn its place: it is worse than {rival}, {evidence}; prefer the baseline."
    return f"The network did not earn its place: it is no better than {rival} beyond chance, {evidence}."


def _plain(number: float) -> str:
    """Return the number in three digits that matter, without an exponent where it can be helped."""
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number + 0.0:.3g}"
