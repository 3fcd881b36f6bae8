"""How far a figure can be trusted: bootstrap intervals over samples, or over groups of samples, never over pixels."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import hypot, isnan, nan
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from percept.errors import DataError
from percept.evaluation.metrics import Metric, figures, recall_of
from percept.evaluation.weighted import Floats, Integers

Method = Literal["bootstrap", "exact", "splits", "none"]
Statistic = Callable[[Floats], Mapping[str, Floats]]  # weights (samples, columns) -> (columns,) figures by name

BLOCK = 2_000_000  # weights held at a time: 16 MB


@dataclass(frozen=True)
class Figure:
    """A figure and the interval that holds the true one at the stated level.

    Attributes:
        value: the figure; NaN where it is undefined.
        low: lower limit of the interval; NaN where there is none.
        high: upper limit of the interval; NaN where there is none.
        method: "bootstrap"; "exact" where every sample went the same way and no resample can differ; "splits" where
            it is of the scores of a cross-validation; "none" where the samples cannot tell.
    """

    value: float
    low: float
    high: float
    method: Method = "bootstrap"

    def to_json(self) -> dict[str, float | None]:
        """Return value, low and high as JSON values, NaN as null.

        Example:
            >>> Figure(0.9, 0.85, 0.94).to_json()
            {'value': 0.9, 'low': 0.85, 'high': 0.94}
        """
        limits = {"value": self.value, "low": self.low, "high": self.high}
        return {name: None if isnan(limit) else limit for name, limit in limits.items()}


def evaluate_figures(
    truth: NDArray[Any],
    predictions: Floats,
    *,
    classes: tuple[str, ...] = (),
    groups: Integers | None = None,
    seed: int = 0,
    samples: int = 1000,
    level: float = 0.95,
) -> dict[str, Figure]:
    """Return every metric of the task with its interval, and for classes the recall of each as "recall[name]".

    A class or sample count too small for the bootstrap is not hidden: where every sample is right (or wrong), the
    bootstrap would say that this is certain, so the exact limit of Clopper and Pearson stands instead; for AUROC and
    macro F1, the mean of the classes' limits, which is on the safe side. A group then counts as one trial. Balanced
    accuracy takes on the doubt about every class whose samples all went one way, see `widened`.

    Args:
        truth: (samples,) class numbers, or values for regression.
        predictions: (samples, classes) probabilities, or (samples,) values.
        classes: the classes' names; empty for regression.
        groups: (samples,) group numbers; whole groups are drawn, as samples of one group are alike.
        seed: of the resampling; the same seed gives the same limits.
        samples: how many resamples.
        level: the share of intervals that hold the true figure, in (0, 1).

    Raises:
        DataError: there is no sample, or a prediction is not finite.

    Source: Efron and Tibshirani 1993, percentile interval; Clopper and Pearson 1934.
    """
    _check(truth, predictions)
    point = figures(truth, predictions, classes, np.ones((len(truth), 1)))
    draws = bootstrap(
        lambda weights: figures(truth, predictions, classes, weights),
        len(truth),
        groups=groups,
        samples=samples,
        seed=seed,
    )
    units = _units(len(truth), groups)
    trials = _trials(truth, units, classes) if classes else {}
    found = {
        name: interval(float(value[0]), draws[name], level=level, units=int(units.max()) + 1, trials=trials.get(name))
        for name, value in point.items()
    }
    if classes:
        recalls = [figure for name, figure in found.items() if recall_of(name) is not None]
        found["balanced_accuracy"] = widened(found["balanced_accuracy"], recalls)
    return found


def paired_difference(
    truth: NDArray[Any],
    predictions: Floats,
    reference: Floats,
    metric: Metric,
    *,
    groups: Integers | None = None,
    seed: int = 0,
    samples: int = 1000,
    level: float = 0.95,
) -> Figure:
    """Return the metric of `predictions` minus that of `reference`, both on the same samples and resamples.

    Pairing takes out what is hard or easy for both, so it sees a difference that two separate intervals would hide.

    Args:
        truth: (samples,) class numbers, or values for regression.
        predictions: (samples, classes) probabilities, or (samples,) values: the network's.
        reference: the same of what it is held against, such as a baseline.
        metric: see `metric_named`.
        groups: as in `evaluate_figures`, like `seed`, `samples` and `level`.
        seed: see there.
        samples: see there.
        level: see there.

    Raises:
        DataError: there is no sample, or a prediction is not finite.
    """
    _check(truth, predictions)
    _check(truth, reference)

    def difference(weights: Floats) -> dict[str, Floats]:
        return {"": metric.weighted(truth, predictions, weights) - metric.weighted(truth, reference, weights)}

    value = float(difference(np.ones((len(truth), 1)))[""][0])
    draws = bootstrap(difference, len(truth), groups=groups, samples=samples, seed=seed)[""]
    return interval(value, draws, level=level, units=int(_units(len(truth), groups).max()) + 1)


def bootstrap(
    statistic: Statistic, count: int, *, groups: Integers | None = None, samples: int = 1000, seed: int = 0
) -> dict[str, Floats]:
    """Return each figure of the statistic in each resample: (samples,) by name.

    Args:
        statistic: figures by name for weights (count, columns), one figure for each column.
        count: samples to draw from, 1 or more.
        groups: (count,) group numbers; whole groups are drawn.
        samples: how many resamples.
        seed: the same seed gives the same resamples, whatever the statistic.

    Example:
        >>> data = np.array([1.0, 2, 3])
        >>> means = bootstrap(lambda weights: {"mean": data @ weights / 3}, 3, samples=200)["mean"]
        >>> bool(means.min() >= 1 and means.max() <= 3)
        True
    """
    blocks = [statistic(weights) for weights in _resamples(_units(count, groups), samples, seed)]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def interval(value: float, draws: Floats, *, level: float, units: int, trials: Floats | None = None) -> Figure:
    """Return the figure with its percentile interval, or the exact limit where no resample can differ.

    Args:
        value: the figure of all samples.
        draws: (resamples,) the figure in each resample, NaN where undefined.
        level: in (0, 1).
        units: how many samples or groups were drawn from; one alone tells nothing about the spread.
        trials: for a share in [0, 1], or a mean of shares: the number of independent trials of each.
    """
    tail = (1 - level) / 2
    draws = draws[~np.isnan(draws)]
    if isnan(value) or not len(draws):
        return Figure(value, nan, nan, "none")
    low, high = (float(limit) for limit in np.quantile(draws, [tail, 1 - tail]))
    if draws.min() == draws.max() and trials is not None and value in (0, 1):
        # n trials that all went well have probability p^n >= tail for every share p from this limit up
        limit = float(np.mean(tail ** (1 / trials)))
        return Figure(value, limit, 1.0, "exact") if value == 1 else Figure(value, 0.0, 1 - limit, "exact")
    return Figure(value, low, high) if units > 1 else Figure(value, nan, nan, "none")


def widened(mean: Figure, recalls: Sequence[Figure]) -> Figure:
    """Return a mean of recalls, its interval widened by the doubt about the recalls that no resample can move.

    A rare class of which every sample was missed adds nothing to the bootstrap's spread, yet its recall is anything
    but certain: its exact limits are added to the spread of the mean as independent errors are, by their squares.

    Args:
        mean: the mean of the recalls, with its percentile interval.
        recalls: of all classes; NaN for a class without samples.

    Source: Zou and Donner 2008, confidence limits recovered from those of the parts.
    """
    certain = [recall for recall in recalls if recall.method == "exact"]
    if not certain or mean.method == "none":
        return mean
    count = sum(not isnan(recall.value) for recall in recalls)
    below = hypot(mean.value - mean.low, *((recall.value - recall.low) / count for recall in certain))
    above = hypot(mean.high - mean.value, *((recall.high - recall.value) / count for recall in certain))
    method: Method = "exact" if len(certain) == count else "bootstrap"
    return Figure(mean.value, max(0.0, mean.value - below), min(1.0, mean.value + above), method)


def _resamples(units: Integers, samples: int, seed: int) -> Iterator[Floats]:
    """Yield how often each sample counts in each resample: blocks of (len(units), columns)."""
    generator, count = np.random.default_rng(seed), int(units.max()) + 1
    columns = max(1, BLOCK // len(units))
    for start in range(0, samples, columns):
        drawn = [
            np.bincount(generator.integers(count, size=count), minlength=count)
            for _ in range(min(columns, samples - start))
        ]
        yield np.stack(drawn, axis=1).astype(np.float64)[units]


def _units(count: int, groups: Integers | None) -> Integers:
    """Return (count,) the number, from 0 without gaps, of what each sample is drawn with: itself, or its group."""
    return np.arange(count) if groups is None else np.unique(groups, return_inverse=True)[1].astype(np.int64)


def _trials(truth: Integers, units: Integers, classes: tuple[str, ...]) -> dict[str, Floats]:
    """Return the independent trials behind each share: units for accuracy, units that hold the class for recall.

    The AUROC of a class compares its units with others; only min(these, those) disjoint pairs are independent.
    """
    unit, label = np.unique(np.stack([units, truth]), axis=1)  # which unit holds which class
    count = int(units.max()) + 1
    holders = np.bincount(label, minlength=len(classes))
    pure = np.bincount(unit, minlength=count)[unit] == 1  # its unit holds no other class
    others = count - np.bincount(label[pure], minlength=len(classes))
    occurring = holders[holders > 0].astype(np.float64)
    pairs = np.minimum(holders, others).astype(np.float64)
    return {
        "accuracy": np.array([count], np.float64),
        "macro_f1": occurring,
        "auroc": pairs,
        **{f"recall[{name}]": holders[number : number + 1].astype(np.float64) for number, name in enumerate(classes)},
    }


def _check(truth: NDArray[Any], predictions: Floats) -> None:
    if len(truth) == 0:
        raise DataError("there is no sample to evaluate; expected at least 1, so check how the data was split")
    if len(predictions) != len(truth):
        raise DataError(f"there are {len(predictions)} predictions for {len(truth)} samples; expected one each")
    bad = int((~np.isfinite(predictions)).reshape(len(predictions), -1).any(axis=1).sum())
    if bad:
        raise DataError(
            f"the predictions of {bad} of {len(truth)} samples are not finite; the training diverged: "
            "try a lower --learning-rate"
        )
