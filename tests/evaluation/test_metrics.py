"""Every metric is scikit-learn's, also when samples count several times."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as sk

from percept.errors import OptionError
from percept.evaluation.metrics import (
    METRICS,
    confusion,
    metric_named,
    metric_names,
    per_class_recall,
    score_classification,
    score_regression,
)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
CLASSIFICATION = ["accuracy", "balanced_accuracy", "macro_f1", "auroc", "log_loss"]
REGRESSION = ["mse", "rmse", "mae", "r2"]


def sklearn_figure(name: str, truth: NDArray[Any], predictions: Floats) -> float:
    """Return scikit-learn's figure for probabilities or values."""
    from_classes: dict[str, Callable[..., float]] = {
        "accuracy": sk.accuracy_score,
        "balanced_accuracy": sk.balanced_accuracy_score,
        "macro_f1": lambda t, p: sk.f1_score(t, p, average="macro"),
    }
    from_scores: dict[str, Callable[..., float]] = {
        "auroc": lambda t, p: sk.roc_auc_score(t, p[:, 1] if p.shape[1] == 2 else p, multi_class="ovr"),
        "log_loss": lambda t, p: sk.log_loss(t, p, labels=range(p.shape[1])),
        "mse": sk.mean_squared_error,
        "rmse": sk.root_mean_squared_error,
        "mae": sk.mean_absolute_error,
        "r2": sk.r2_score,
    }
    if name in from_classes:
        return float(from_classes[name](truth, predictions.argmax(axis=1)))
    return float(from_scores[name](truth, predictions))


def classified(count: int, classes: int, seed: int) -> tuple[Integers, Floats]:
    """Return classes that all occur, and probabilities with many ties."""
    generator = np.random.default_rng(seed)
    truth = generator.permutation(np.arange(count) % classes)
    votes = generator.integers(1, 6, (count, classes)) + 2 * np.eye(classes)[truth] * generator.integers(
        0, 2, (count, 1)
    )
    return truth, votes / votes.sum(axis=1, keepdims=True)


@settings(max_examples=25, deadline=None)
@given(count=st.integers(5, 60), classes=st.integers(2, 5), seed=st.integers(0, 1000))
def test_classification_metrics_equal_scikit_learns(count: int, classes: int, seed: int) -> None:
    truth, probabilities = classified(count, classes, seed)
    scores = score_classification(truth, probabilities, tuple("abcde"[:classes]))
    for name in CLASSIFICATION:
        assert scores[name] == pytest.approx(sklearn_figure(name, truth, probabilities), abs=1e-12), name
    recalls = sk.recall_score(truth, probabilities.argmax(axis=1), average=None, zero_division=0)
    assert [scores[f"recall[{name}]"] for name in "abcde"[:classes]] == pytest.approx(list(recalls))


@settings(max_examples=25, deadline=None)
@given(count=st.integers(2, 60), seed=st.integers(0, 1000), shift=st.sampled_from([0.0, 1e6]))
def test_regression_metrics_equal_scikit_learns(count: int, seed: int, shift: float) -> None:
    generator = np.random.default_rng(seed)
    truth = shift + generator.normal(size=count)
    values = truth + generator.normal(size=count)
    scores = score_regression(truth, values)
    assert list(scores) == ["rmse", "mae", "mse", "r2"]
    for name in REGRESSION:
        assert scores[name] == pytest.approx(sklearn_figure(name, truth, values), rel=1e-6), name


@pytest.mark.parametrize("name", CLASSIFICATION)
@pytest.mark.parametrize("classes", [2, 4])
def test_a_weight_is_a_repeated_sample_for_classes(name: str, classes: int) -> None:
    truth, probabilities = classified(40, classes, seed=3)
    weights = np.random.default_rng(4).integers(0, 4, (40, 6))
    weights[:classes] += 1  # every class stays in every column
    truth[:classes] = np.arange(classes)
    expected = [
        sklearn_figure(name, truth.repeat(column), probabilities.repeat(column, axis=0)) for column in weights.T
    ]
    np.testing.assert_allclose(METRICS[name].weighted(truth, probabilities, weights.astype(float)), expected)


@pytest.mark.parametrize("name", REGRESSION)
def test_a_weight_is_a_repeated_sample_for_values(name: str) -> None:
    generator = np.random.default_rng(5)
    truth, values = generator.normal(7, 2, (2, 30))
    weights = generator.integers(0, 4, (30, 6))
    expected = [sklearn_figure(name, truth.repeat(column), values.repeat(column)) for column in weights.T]
    np.testing.assert_allclose(METRICS[name].weighted(truth, values, weights.astype(float)), expected)


def test_a_class_without_samples_is_left_out_of_means_but_leaves_auroc_undefined() -> None:
    truth = np.array([0, 0, 1])
    probabilities = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1]])
    scores = score_classification(truth, probabilities, ("a", "b", "c"))
    assert scores["balanced_accuracy"] == pytest.approx((1 / 2 + 1) / 2)
    assert np.isnan(scores["auroc"])
    assert np.isnan(scores["recall[c]"])


def test_auroc_of_equal_scores_is_one_half() -> None:
    assert METRICS["auroc"].measure(np.array([0, 1, 1]), np.full((3, 2), 0.5)) == 0.5


def test_auroc_by_hand_counts_a_tie_as_half() -> None:
    truth, score = np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.4, 0.8])
    # pairs (negative, positive): .1<.4, .1<.8, .4=.4, .4<.8 -> 3.5 of 4
    assert METRICS["auroc"].measure(truth, np.stack([1 - score, score], axis=1)) == 3.5 / 4


def test_a_certain_mistake_has_a_finite_log_loss() -> None:
    found = METRICS["log_loss"].measure(np.array([0]), np.array([[0.0, 1.0]]))
    assert found == pytest.approx(sklearn_figure("log_loss", np.array([0]), np.array([[0.0, 1.0]])))


def test_predictions_that_are_not_finite_have_no_figure() -> None:
    assert np.isnan(METRICS["accuracy"].measure(np.array([0, 1]), np.array([[1.0, 0.0], [np.nan, np.nan]])))


def test_r2_of_a_constant_target_is_undefined() -> None:
    assert np.isnan(METRICS["r2"].measure(np.full(4, 0.1), np.arange(4.0)))


def test_loss_is_the_log_loss_of_probabilities_and_the_mse_of_values() -> None:
    truth, probabilities = classified(20, 3, seed=0)
    assert METRICS["loss"].measure(truth, probabilities) == METRICS["log_loss"].measure(truth, probabilities)
    assert METRICS["loss"].measure(truth.astype(float), np.zeros(20)) == pytest.approx((truth**2).mean())


def test_confusion_and_recall_equal_scikit_learns_also_with_an_absent_class() -> None:
    truth, predicted = np.array([0, 0, 1, 3, 3, 3]), np.array([0, 1, 1, 0, 3, 3])
    expected = sk.confusion_matrix(truth, predicted, labels=range(4))
    np.testing.assert_array_equal(confusion(truth, predicted, 4), expected)
    np.testing.assert_allclose(per_class_recall(truth, predicted, 4), [1 / 2, 1, np.nan, 2 / 3])


def test_the_direction_of_every_metric_favors_better_predictions() -> None:
    truth, _ = classified(20, 2, seed=1)
    good, bad = 0.8 * np.eye(2)[truth] + 0.1, 0.8 * np.eye(2)[1 - truth] + 0.1
    for name in metric_names("classification"):
        metric = METRICS[name]
        assert (metric.measure(truth, good) > metric.measure(truth, bad)) == metric.higher_is_better, name
    for name in metric_names("regression"):
        metric, figures = METRICS[name], truth.astype(float)
        assert (
            metric.measure(figures, figures + 0.1) > metric.measure(figures, figures + 1)
        ) == metric.higher_is_better


def test_every_metric_bears_its_own_name() -> None:
    assert all(metric.name == name for name, metric in METRICS.items())
    assert set(metric_names("classification")) | set(metric_names("regression")) == set(METRICS)


def test_an_unknown_metric_is_refused_with_the_choices() -> None:
    with pytest.raises(OptionError, match=r"'acuracy'.*accuracy, balanced_accuracy.*did you mean --metric accuracy\?"):
        metric_named("acuracy", "classification")


def test_a_metric_of_the_other_task_is_refused() -> None:
    with pytest.raises(OptionError, match="regression has rmse, mae, mse, r2, loss"):
        metric_named("accuracy", "regression")
