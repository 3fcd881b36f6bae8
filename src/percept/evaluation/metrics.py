"""How good predictions are: each metric is one pure function of truth, predictions and the samples' weights.

A weight says how often a sample counts. One column of weights gives one figure, so a thousand bootstrap
resamples are a thousand columns, and the plain figure is a column of ones: one definition for both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from percept.data.dataset import Task
from percept.errors import OptionError
from percept.evaluation.weighted import Floats, Integers, class_sums, mean_of_defined, ratio, roc_area, weighted_mean

MetricFunction = Callable[[NDArray[Any], NDArray[Any], Floats], Floats]
Needs = Literal["class", "score", "value", "prediction"]


@dataclass(frozen=True)
class Metric:
    """A figure of merit.

    Attributes:
        name: as the user writes it.
        function: (truth, what it needs, weights (samples, columns)) -> (columns,) figures; NaN where undefined.
        higher_is_better: which way is good.
        needs: "class" (predicted class numbers), "score" (probabilities), "value" (regression), or "prediction"
            (probabilities or values, whichever the task has).
    """

    name: str
    function: MetricFunction
    higher_is_better: bool
    needs: Needs

    def measure(self, truth: NDArray[Any], predictions: Floats) -> float:
        """Return the figure of all samples; NaN if undefined, or if a prediction is not finite.

        Args:
            truth: (samples,) class numbers or values, or (samples, classes) probabilities of the classes.
            predictions: (samples, classes) probabilities or (samples,) values, whichever the task has.
        """
        if not np.isfinite(predictions).all():
            return float("nan")
        return float(self.weighted(truth, predictions, np.ones((len(truth), 1)))[0])

    def weighted(self, truth: NDArray[Any], predictions: Floats, weights: Floats) -> Floats:
        """Return one figure for each column of weights (samples, columns).

        A sample whose truth is soft, (samples, classes) probabilities, counts as one of each class, by its probability.
        """
        if truth.ndim == 2:
            samples, classes = truth.nonzero()
            weights, truth, predictions = (
                weights[samples] * truth[samples, classes, None],
                classes,
                predictions[samples],
            )
        return self.function(truth, predictions.argmax(axis=1) if self.needs == "class" else predictions, weights)


def accuracy(truth: Integers, predicted: Integers, weights: Floats) -> Floats:
    """Return the share of samples whose class is predicted."""
    right = truth == predicted
    return weighted_mean(right.astype(np.float64), weights)


def recall(truth: Integers, predicted: Integers, weights: Floats, classes: int) -> Floats:
    """Return for each class the share of its samples that is found: (classes, columns), NaN without samples."""
    right = truth == predicted
    return ratio(class_sums(truth[right], weights[right], classes), class_sums(truth, weights, classes))


def balanced_accuracy(truth: Integers, predicted: Integers, weights: Floats) -> Floats:
    """Return the mean recall of the classes that occur, each class counting the same however rare."""
    return mean_of_defined(recall(truth, predicted, weights, _class_count(truth, predicted)))


def macro_f1(truth: Integers, predicted: Integers, weights: Floats) -> Floats:
    """Return the mean over classes that occur or are predicted of F1, the harmonic mean of precision and recall."""
    classes, right = _class_count(truth, predicted), truth == predicted
    found = class_sums(truth[right], weights[right], classes)
    return mean_of_defined(
        ratio(2 * found, class_sums(truth, weights, classes) + class_sums(predicted, weights, classes))
    )


def auroc(truth: Integers, probabilities: Floats, weights: Floats) -> Floats:
    """Return the area under the ROC curve: of class 1 for two classes, else the mean of each class against the rest.

    A class without a sample leaves it undefined; in a resample that has missed a class, the others are averaged.
    """
    classes = probabilities.shape[1]
    if len(np.unique(truth)) < classes:
        return np.full(weights.shape[1], np.nan)
    columns = (1,) if classes == 2 else range(classes)
    return mean_of_defined(np.stack([roc_area(truth == c, probabilities[:, c], weights) for c in columns]))


def log_loss(truth: Integers, probabilities: Floats, weights: Floats) -> Floats:
    """Return the mean of -log(probability of the true class), in nats; a probability of 0 counts as 2.2e-16."""
    of_truth = probabilities[np.arange(len(truth)), truth]
    return weighted_mean(-np.log(np.maximum(of_truth, np.finfo(np.float64).eps)), weights)


def mse(truth: Floats, values: Floats, weights: Floats) -> Floats:
    """Return the mean squared error, in the target's unit squared."""
    return weighted_mean((truth - values) ** 2, weights)


def rmse(truth: Floats, values: Floats, weights: Floats) -> Floats:
    """Return the root of the mean squared error, in the target's unit."""
    return np.sqrt(mse(truth, values, weights))


def mae(truth: Floats, values: Floats, weights: Floats) -> Floats:
    """Return the mean absolute error, in the target's unit."""
    return weighted_mean(np.abs(truth - values), weights)


def r2(truth: Floats, values: Floats, weights: Floats) -> Floats:
    """Return the share of the target's variance that is explained; 0 is the mean's, below 0 is worse than the mean."""
    centered = truth - truth.mean()  # keeps the difference of squares below accurate
    variance = weighted_mean(centered**2, weights) - weighted_mean(centered, weights) ** 2
    # a column that holds one value only has no variance but rounding's
    variance[variance < 1e-12 * np.square(centered).max(initial=0)] = 0
    return 1 - ratio(mse(truth, values, weights), variance)


def loss(truth: NDArray[Any], predictions: Floats, weights: Floats) -> Floats:
    """Return what plain training lowers: the log loss of probabilities, the mean squared error of values."""
    return (log_loss if predictions.ndim == 2 else mse)(truth, predictions, weights)


METRICS: dict[str, Metric] = {
    "accuracy": Metric("accuracy", accuracy, True, "class"),
    "balanced_accuracy": Metric("balanced_accuracy", balanced_accuracy, True, "class"),
    "auroc": Metric("auroc", auroc, True, "score"),
    "macro_f1": Metric("macro_f1", macro_f1, True, "class"),
    "log_loss": Metric("log_loss", log_loss, False, "score"),
    "rmse": Metric("rmse", rmse, False, "value"),
    "mae": Metric("mae", mae, False, "value"),
    "mse": Metric("mse", mse, False, "value"),
    "r2": Metric("r2", r2, True, "value"),
    "loss": Metric("loss", loss, False, "prediction"),
}
_NEEDS: dict[Task, tuple[Needs, ...]] = {"classification": ("class", "score"), "regression": ("value",)}


def metric_names(task: Task) -> tuple[str, ...]:
    """Return the names of the metrics of a task, "loss" last.

    Example:
        >>> metric_names("regression")
        ('rmse', 'mae', 'mse', 'r2', 'loss')
    """
    needs = (*_NEEDS[task], "prediction")
    return tuple(name for name, metric in METRICS.items() if metric.needs in needs)


def metric_named(name: str, task: Task) -> Metric:
    """Return the metric of that name.

    Raises:
        OptionError: there is none of that name for the task.

    Example:
        >>> metric_named("auroc", "classification").higher_is_better
        True
    """
    names = metric_names(task)
    if name in names:
        return METRICS[name]
    close = get_close_matches(name, names, n=1)
    hint = f"did you mean --metric {close[0]}?" if close else "choose one of them with --metric"
    raise OptionError(f"metric is {name!r}; {task} has {', '.join(names)}; {hint}")


def figures(truth: NDArray[Any], predictions: Floats, classes: tuple[str, ...], weights: Floats) -> dict[str, Floats]:
    """Return every metric for each column of weights, and for classes also "recall[name]" of each.

    Args:
        truth: (samples,) class numbers, or values for regression.
        predictions: (samples, classes) probabilities, or (samples,) values.
        classes: the classes' names; empty for regression.
        weights: (samples, columns) how often each sample counts.

    Returns:
        (columns,) figures by name; "loss" is left out, being the log loss or the mean squared error.
    """
    task: Task = "classification" if classes else "regression"
    found = {name: METRICS[name].weighted(truth, predictions, weights) for name in metric_names(task)[:-1]}
    if classes:
        recalls = recall(truth, predictions.argmax(axis=1), weights, len(classes))
        found |= {f"recall[{name}]": of_class for name, of_class in zip(classes, recalls, strict=True)}
    return found


def recall_of(name: str) -> str | None:
    """Return the class whose recall the figure is, or None where it is another figure.

    Example:
        >>> recall_of("recall[rose]"), recall_of("accuracy")
        ('rose', None)
    """
    return name[len("recall[") : -1] if name.startswith("recall[") and name.endswith("]") else None


def score_classification(truth: Integers, probabilities: Floats, classes: tuple[str, ...]) -> dict[str, float]:
    """Return every metric of classification by name, NaN where undefined; arguments as in `figures`."""
    found = figures(truth, probabilities, classes, np.ones((len(truth), 1)))
    return {name: float(column[0]) for name, column in found.items()}


def score_regression(truth: Floats, values: Floats) -> dict[str, float]:
    """Return every metric of regression by name.

    Example:
        >>> score_regression(np.array([1.0, 2, 3]), np.array([1.0, 2, 6]))["mse"]
        3.0
    """
    return {name: float(column[0]) for name, column in figures(truth, values, (), np.ones((len(truth), 1))).items()}


def per_class_recall(truth: Integers, predicted: Integers, classes: int) -> Floats:
    """Return for each class the share of its samples that is found: (classes,), NaN for a class without samples."""
    return recall(truth, predicted, np.ones((len(truth), 1)), classes)[:, 0]


def confusion(truth: Integers, predicted: Integers, classes: int) -> Integers:
    """Return (classes, classes) counts of samples: row the true class, column the predicted one.

    Example:
        >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
        [[1, 1], [0, 1]]
    """
    return np.bincount(truth * classes + predicted, minlength=classes**2).reshape(classes, classes).astype(np.int64)


def _class_count(truth: Integers, predicted: Integers) -> int:
    return int(max(truth.max(), predicted.max())) + 1
