"""MLPClassifier: classes, labels, probabilities."""

import warnings
from collections.abc import Iterator
from inspect import signature
from typing import Any

import numpy as np
import pytest
import sklearn.neural_network as reference
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from percept.errors import DataError, OptionError
from percept.estimators.classifier import MLPClassifier

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])


@pytest.fixture(autouse=True)
def _short_training_is_meant() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def test_every_argument_of_scikit_learns_class_is_there_with_the_same_default() -> None:
    ours, theirs = signature(MLPClassifier).parameters, signature(reference.MLPClassifier).parameters
    positional = [name for name, argument in theirs.items() if argument.kind is argument.POSITIONAL_OR_KEYWORD]
    assert list(ours)[: len(positional)] == positional
    for name, argument in theirs.items():
        assert (ours[name].default, ours[name].kind) == (argument.default, argument.kind)


@pytest.mark.parametrize("labels", [Y, NAMES[Y], Y > 0, NAMES[Y] == "setosa", Y * 2.0 - 1])
def test_predictions_are_scikit_learns_for_labels_of_any_kind(labels: Any) -> None:
    options: dict[str, Any] = {"hidden_layer_sizes": 8, "max_iter": 60, "random_state": 0}
    ours, theirs = MLPClassifier(**options).fit(X, labels), reference.MLPClassifier(**options).fit(X, labels)
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.predict(X).dtype == theirs.predict(X).dtype
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(ours.predict_log_proba(X), theirs.predict_log_proba(X), atol=1e-5)
    assert ours.score(X, labels) == theirs.score(X, labels)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_several_labels_at_once_are_scikit_learns(early_stopping: bool) -> None:
    features, labels = make_multilabel_classification(60, 8, n_classes=4, random_state=0)
    options: dict[str, Any] = {"hidden_layer_sizes": 6, "max_iter": 40, "random_state": 0}
    options["early_stopping"] = early_stopping
    ours = MLPClassifier(**options).fit(features, labels)
    theirs = reference.MLPClassifier(**options).fit(features, labels)
    assert ours.validation_scores_ == theirs.validation_scores_
    np.testing.assert_array_equal(ours.predict(features), theirs.predict(features))
    np.testing.assert_allclose(ours.predict_proba(features), theirs.predict_proba(features), atol=1e-6)


def test_a_tanh_output_trains_like_a_logistic_one_of_twice_the_sums() -> None:
    # (1 + tanh a) / 2 = logistic(2 a): equal likelihoods where the last layer of one is half that of the other.
    model = MLPClassifier(4, output="tanh", solver="lbfgs", alpha=0, max_iter=5, random_state=0).fit(X, Y > 0)
    hidden = np.maximum(X @ model.coefs_[0] + model.intercepts_[0], 0)
    sums = (hidden @ model.coefs_[1] + model.intercepts_[1]).ravel()
    assert model.out_activation_ == "tanh"
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], 1 / (1 + np.exp(-2 * sums)), atol=1e-9)
    np.testing.assert_array_equal(model.predict(X), sums > 0)
    assert model.loss_ == pytest.approx(log_loss(Y > 0, model.predict_proba(X)), rel=1e-6)


@pytest.mark.parametrize("options", [{"output": "tanh"}, {"output": "tanh", "loss": "squared_error"}])
def test_tanh_outputs_tell_three_classes_apart(options: dict[str, Any]) -> None:
    model = MLPClassifier(20, max_iter=200, learning_rate_init=0.01, random_state=0, **options).fit(X, NAMES[Y])
    assert model.score(X, NAMES[Y]) > 0.95
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


@pytest.mark.parametrize("loss", ["log_loss", "squared_error", "perceptron"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_every_loss_tells_the_classes_apart(loss: str, solver: str) -> None:
    options: dict[str, Any] = {"learning_rate_init": 0.01, "max_iter": 150, "random_state": 0, "alpha": 0}
    features = StandardScaler().fit_transform(X)
    model = MLPClassifier(15, loss=loss, solver=solver, **options).fit(features, NAMES[Y])
    assert model.score(features, NAMES[Y]) > 0.9


def test_cross_entropy_is_another_name_of_the_log_loss() -> None:
    one = MLPClassifier(5, loss="cross_entropy", max_iter=5, random_state=0).fit(X, Y)
    other = MLPClassifier(5, loss="log_loss", max_iter=5, random_state=0).fit(X, Y)
    assert one.loss_curve_ == other.loss_curve_


def test_the_perceptron_loss_has_no_probabilities() -> None:
    assert not hasattr(MLPClassifier(loss="perceptron"), "predict_proba")
    assert hasattr(MLPClassifier(), "predict_proba")


@pytest.mark.parametrize("class_weight", [{0: 1, 1: 4, 2: 0.5}, "balanced"])
def test_class_weights_are_weights_of_the_samples(class_weight: Any) -> None:
    rows = np.r_[0:20, 50:100, 100:140]
    each = {0: 110 / 60, 1: 110 / 150, 2: 110 / 120} if class_weight == "balanced" else class_weight
    weights = np.array([each[label] for label in Y[rows]])
    ours = MLPClassifier(5, class_weight=class_weight, max_iter=10, random_state=0).fit(X[rows], Y[rows])
    theirs = reference.MLPClassifier(5, max_iter=10, random_state=0).fit(X[rows], Y[rows], sample_weight=weights)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], atol=1e-6)


def test_one_class_is_predicted_everywhere() -> None:
    model = MLPClassifier(3, max_iter=5, random_state=0).fit(X, ["only"] * len(X))
    assert set(model.predict(X)) == {"only"}


def test_partial_fit_needs_all_classes_once_and_the_same_ever_after() -> None:
    with pytest.raises(DataError, match="classes must be passed"):
        MLPClassifier().partial_fit(X, Y)
    model = MLPClassifier(3, random_state=0).partial_fit(X[:50], Y[:50], classes=[0, 1, 2])
    assert model.partial_fit(X, Y).predict_proba(X).shape == (150, 3)
    with pytest.raises(DataError, match="an earlier call"):
        model.partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(DataError, match=r"not told of: \[9\]"):
        model.partial_fit(X[:1], [9])
    with pytest.raises(OptionError, match="balanced"):
        MLPClassifier(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])


def test_partial_fit_is_not_there_for_lbfgs() -> None:
    assert not hasattr(MLPClassifier(solver="lbfgs"), "partial_fit")


@pytest.mark.parametrize(
    ("options", "words"),
    [({"output": "softmax"}, "three classes"), ({"loss": "perceptron", "output": "tanh"}, "plain scores")],
)
def test_an_output_that_does_not_fit_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        MLPClassifier(3, **options).fit(X, Y > 0)
