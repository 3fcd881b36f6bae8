"""How far the mean score of all splits can be trusted: its 95 % interval over samples, or over whole groups of them."""

from math import nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from percept.evaluation.intervals import Figure, bootstrap, interval
from percept.evaluation.metrics import METRICS, Metric
from percept.selection.answers import Answers
from percept.selection.splits import Rows

Floats = NDArray[np.float64]

# scikit-learn's names of scores that percept can take over many resamples at once, and percept's names of them
RESAMPLED = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy",
    "f1_macro": "macro_f1",
    "roc_auc": "auroc",
    "neg_log_loss": "log_loss",
    "r2": "r2",
    "neg_mean_squared_error": "mse",
    "neg_root_mean_squared_error": "rmse",
    "neg_mean_absolute_error": "mae",
}
MEANS = ("accuracy", "log_loss", "mse", "mae")  # metrics that are means over samples


def score_interval(
    answers: Answers, scores: Floats, scoring: str, *, level: float = 0.95, samples: int = 1000, seed: int = 0
) -> Figure:
    """Return the mean of the splits' scores with its interval.

    Samples (whole groups where there are any) are drawn with replacement, and each split's score is taken anew of
    those of its samples that were drawn, counting by how many of it were. What resamples are off by on average (R² of
    ten samples is far too low, and of a resample of them twice as far) is subtracted. Training is not repeated, so
    what the figure owes to the samples trained on is left out. Scores that cannot be taken from the answers kept, such
    as a function of the user's own, have the corrected interval of Nadeau and Bengio over splits instead.

    Args:
        answers: of one model a split.
        scores: (splits,) on the samples left out.
        scoring: its name; "score" for the model's own, which is the accuracy or R² as a rule.
        level: the share of intervals that hold the true figure, in (0, 1).
        samples: how many resamples.
        seed: of the resampling.

    Source: Efron and Tibshirani 1993; Nadeau and Bengio 2003.
    """
    value = float(scores.mean())
    if not np.isfinite(scores).all():
        return Figure(value, nan, nan, "none")
    found = resampled_by(answers, scores, scoring)
    if found is None:
        return _over_splits(answers, scores, level)
    metric, parts = found
    tested = np.unique(np.concatenate([test for _, test in answers.splits]))
    groups = None if answers.groups is None else np.unique(answers.groups[tested], return_inverse=True)[1]
    places = [Part(np.searchsorted(tested, part.rows), part.truth, part.answers) for part in parts]
    draws = bootstrap(
        lambda weights: {"": _mean_score(metric, places, weights)},
        len(tested),
        groups=groups,
        samples=samples,
        seed=seed,
    )[""]
    units = len(tested) if groups is None else int(groups.max()) + 1
    trials = np.array([units], np.float64) if metric.name == "accuracy" else None
    if metric.name not in MEANS:
        best = 1.0 if metric.higher_is_better else 0.0
        draws = np.minimum(draws + value - np.nanmean(draws), best)
    return interval(value, draws, level=level, units=units, trials=trials)


def resampled_by(answers: Answers, scores: Floats, scoring: str) -> "tuple[Metric, list[Part]] | None":
    """Return percept's metric that gives these scores, and what it needs of each split; None where none does."""
    own = "r2" if answers.classes is None else "accuracy"
    metric = METRICS.get(own if scoring == "score" else RESAMPLED.get(scoring, ""))
    parts = None if metric is None else _parts(answers, metric)
    return None if metric is None or parts is None or not _agrees(metric, parts, scores) else (metric, parts)


class Part(NamedTuple):
    """What one split tested: rows, truth and answers of one length."""

    rows: Rows
    truth: NDArray[Any]
    answers: NDArray[Any]


def _parts(answers: Answers, metric: Metric) -> list[Part] | None:
    """Return what a metric needs of each split; None where it is not there."""
    found = answers.probabilities if metric.needs == "score" else answers.predictions
    of_classes = answers.classes is not None
    if answers.truth.ndim > 1 or of_classes != (metric.needs != "value"):
        return None
    parts = []
    for (_, test), each in zip(answers.splits, found, strict=True):
        if each is None or not np.isfinite(each).all() or (each.ndim > 1) != (metric.needs == "score"):
            return None
        parts.append(Part(test, answers.truth[test], each))
    return parts


def _agrees(metric: Metric, parts: list[Part], scores: Floats) -> bool:
    """Return whether the metric gives the scores that were recorded: a model may score itself in another way."""
    sign = 1 if metric.higher_is_better else -1
    with np.errstate(invalid="ignore", divide="ignore"):
        own = [metric.function(part.truth, part.answers, np.ones((len(part.truth), 1)))[0] for part in parts]
    return bool(np.allclose(sign * np.array(own), scores, rtol=1e-6, atol=1e-9))


def _mean_score(metric: Metric, parts: list[Part], weights: Floats) -> Floats:
    """Return the mean score of the splits for each column of weights (tested samples, columns)."""
    total, share = np.zeros(weights.shape[1]), np.zeros(weights.shape[1])
    for part in parts:
        drawn = weights[part.rows]
        with np.errstate(invalid="ignore", divide="ignore"):
            score = metric.function(part.truth, part.answers, drawn)
        of_split = np.where(np.isfinite(score), drawn.sum(axis=0) / len(part.rows), 0)
        total += np.where(of_split > 0, np.nan_to_num(score), 0) * of_split
        share += of_split
    mean = np.full(len(total), np.nan)
    np.divide(total, share, out=mean, where=share > 0)
    return mean if metric.higher_is_better else -mean


def _over_splits(answers: Answers, scores: Floats, level: float) -> Figure:
    """Return the interval of a mean of scores whose training sets overlap."""
    value, count = float(scores.mean()), len(scores)
    if count < 2:
        return Figure(value, nan, nan, "none")
    ratio = float(np.mean([len(test) / len(train) for train, test in answers.splits]))
    width = student.ppf((1 + level) / 2, count - 1) * np.sqrt((1 / count + ratio) * scores.var(ddof=1))
    return Figure(value, value - float(width), value + float(width), "splits")
