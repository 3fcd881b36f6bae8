"""What the page shows of each part of the run: its drawings, and its numbers in the order in which they are read."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from percept.evaluation.metrics import recall_of
from percept.report.content import DataSummary, Evaluation, ReportContent, Score, Training
from percept.report.figures import (
    calibration_curve,
    confusion_matrix,
    loss_curves,
    metric_curve,
    rate_curve,
    residual_scatter,
    score_comparison,
    truth_scatter,
)
from percept.report.wording import metric_name

MOST_CONFUSIONS = 10


@dataclass(frozen=True)
class TrainingView:
    """The training as it is shown: the record and its curves, each with its caption."""

    record: Training
    curves: tuple[tuple[str, str], ...]

    @property
    def validated(self) -> bool:
        """Return whether a validation part chose the epoch."""
        return any(row.validation_loss is not None for row in self.record.history)


@dataclass(frozen=True)
class Confusion:
    """Samples of one class that were taken for another."""

    truth: str
    predicted: str
    count: int
    share: float


@dataclass(frozen=True)
class EvaluationView:
    """The figures of one part as they are shown.

    Attributes:
        record: what the lead figures, baselines and mistakes are taken from.
        headline: the metric that is read first.
        scores: the other metrics, recalls of single classes left out.
        recalls: class to recall, the worst first.
        confusions: the most frequent confusions, the most frequent first.
        confusion: the confusion matrix, or "".
        calibration: the calibration curve, or "".
        comparison: the network beside the baselines, or "".
        scatters: predicted over true values and residuals; empty for classification.
        wrong: how many samples were given a wrong class; 0 for regression.
    """

    record: Evaluation
    headline: str
    scores: dict[str, Score]
    recalls: tuple[tuple[str, Score], ...]
    confusions: tuple[Confusion, ...]
    confusion: str
    calibration: str
    comparison: str
    scatters: tuple[str, ...]
    wrong: int


def training_view(training: Training) -> TrainingView:
    """Return the curves of the training: the losses, and the metric that chose the epoch or the first there is."""
    history, chosen = training.history, training.chosen_epoch
    if not history:
        return TrainingView(training, ())
    curves = [("loss over the epochs", loss_curves(history, chosen, name="loss"))]
    recorded = [name for row in history for name in row.metrics if name != "loss"]
    if recorded:
        metric = training.metric if training.metric in recorded else recorded[0]
        caption = f"{metric_name(metric)} on the validation part"
        curves.append((caption, metric_curve(history, metric, chosen, name="metric")))
    if training.rates is not None:
        curves.append(("loss over growing learning rates", rate_curve(training.rates, name="rates")))
    return TrainingView(training, tuple(curves))


def evaluation_view(evaluation: Evaluation, content: ReportContent) -> EvaluationView:
    """Return the figures of one part with its drawings."""
    part, classes = evaluation.part, content.classes
    scores = {name: score for name, score in evaluation.scores.items() if recall_of(name) is None}
    recalls = [(of, score) for name, score in evaluation.scores.items() if (of := recall_of(name)) is not None]
    headline = headline_metric(scores, content)
    rows = [("this network", scores[headline])] if headline else []
    rows += [(one.name, one.scores[headline]) for one in evaluation.baselines if headline in one.scores]
    confusion = evaluation.confusion
    scatters: tuple[str, ...] = ()
    if evaluation.truth is not None and evaluation.predicted is not None:
        scatters = scatter_drawings(evaluation.truth, evaluation.predicted, content.data.target, part)
    drawn_bins = any(one.count for one in evaluation.calibration)
    return EvaluationView(
        record=evaluation,
        headline=headline,
        scores=scores,
        recalls=tuple(sorted(recalls, key=lambda pair: math.inf if math.isnan(pair[1][0]) else pair[1][0])),
        confusions=() if confusion is None else most_confused(confusion, classes),
        confusion="" if confusion is None else confusion_matrix(confusion, classes, name=f"{part}-confusion"),
        calibration=calibration_curve(evaluation.calibration, evaluation.calibrated, name=f"{part}-calibration")
        if drawn_bins
        else "",
        comparison=score_comparison(rows, headline, name=f"{part}-comparison") if len(rows) > 1 else "",
        scatters=scatters,
        wrong=0 if confusion is None else int(confusion.sum() - np.trace(confusion)),
    )


def scatter_drawings(
    truth: NDArray[np.float64], predicted: NDArray[np.float64], target: str, part: str
) -> tuple[str, ...]:
    """Return predicted over true values, and the residuals; nothing where no pair of values is finite."""
    drawn = np.isfinite(truth) & np.isfinite(predicted)
    if not drawn.any():
        return ()
    pairs = (truth[drawn], predicted[drawn], target)
    return truth_scatter(*pairs, name=f"{part}-truth"), residual_scatter(*pairs, name=f"{part}-residuals")


def headline_metric(scores: dict[str, Score], content: ReportContent) -> str:
    """Return the metric that is read first: the one that chose the epoch, but never a loss; else the first."""
    chosen = content.training.metric if content.training else ""
    if chosen in scores and "loss" not in chosen:
        return chosen
    return next(iter(scores), "")


def most_confused(counts: NDArray[np.int64], classes: tuple[str, ...]) -> tuple[Confusion, ...]:
    """Return the most frequent confusions, the most frequent first.

    Args:
        counts: (classes, classes) samples, a row for each true class.
        classes: class names.
    """
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSIONS]
    rows, columns = np.unravel_index(order, wrong.shape)
    totals = counts.sum(axis=1)
    return tuple(
        Confusion(classes[row], classes[column], int(wrong[row, column]), float(wrong[row, column] / totals[row]))
        for row, column in zip(rows, columns, strict=True)
        if wrong[row, column] > 0
    )


def count_rows(data: DataSummary, classes: tuple[str, ...]) -> list[tuple[str, tuple[int, ...], int]]:
    """Return a row for each class: its name, its samples in each part, and in all; one row for regression."""
    names = classes or (data.target,)
    rows = zip(names, *data.counts.values(), strict=True)
    return [(name, tuple(counts), sum(counts)) for name, *counts in rows]


def lead_sentence(evaluation: EvaluationView) -> str:
    """Return what the headline figure is, such as "accuracy on the test set"."""
    if evaluation.record.out_of_fold:
        return f"{metric_name(evaluation.headline)} out of fold"
    part = "test set" if evaluation.record.part == "test" else "validation part"
    return f"{metric_name(evaluation.headline)} on the {part}"
