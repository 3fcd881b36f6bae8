"""LinearClassifier against scikit-learn's LogisticRegression, which finds the same optimum."""

import warnings
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale
from sklearn.utils.estimator_checks import check_estimator

from percept.estimators.linear import LinearClassifier

IRIS = load_iris(return_X_y=True)
CANCER = load_breast_cancer(return_X_y=True)
CANCER = (scale(CANCER[0]), CANCER[1])


@pytest.mark.parametrize("data", [IRIS, CANCER], ids=["three_classes", "two_classes"])
@pytest.mark.parametrize("alpha", [0.1, 1.0, 20.0])
@pytest.mark.parametrize("settings", [{}, {"fit_intercept": False}, {"class_weight": "balanced"}])
def test_it_is_logistic_regression_with_c_of_one_over_alpha(data: Any, alpha: float, settings: dict[str, Any]) -> None:
    theirs = LogisticRegression(C=1 / alpha, tol=1e-8, max_iter=10_000, **settings).fit(*data)
    ours = LinearClassifier(alpha=alpha, tol=1e-8, max_iter=10_000, **settings).fit(*data)
    assert np.allclose(ours.coef_, theirs.coef_, atol=1e-4)
    assert np.allclose(ours.intercept_, theirs.intercept_, atol=1e-4)
    assert np.allclose(ours.predict_proba(data[0]), theirs.predict_proba(data[0]), atol=1e-5)
    assert np.allclose(ours.decision_function(data[0]), theirs.decision_function(data[0]), atol=1e-3)
    assert np.array_equal(ours.predict(data[0]), theirs.predict(data[0]))


def test_sample_weights_count_as_in_logistic_regression() -> None:
    X, y = IRIS
    weights = np.random.default_rng(0).uniform(0, 3, len(y))
    theirs = LogisticRegression(tol=1e-8, max_iter=10_000).fit(X, y, sample_weight=weights)
    ours = LinearClassifier(tol=1e-8, max_iter=10_000).fit(X, y, sample_weight=weights)
    assert np.allclose(ours.coef_, theirs.coef_, atol=1e-4)


def test_it_keeps_scikit_learns_contract() -> None:
    check_estimator(LinearClassifier(), on_skip=None)


def test_sparse_samples_give_the_same_weights() -> None:
    dense, sparse = (LinearClassifier(tol=1e-8).fit(X, IRIS[1]) for X in (IRIS[0], csr_matrix(IRIS[0])))
    assert np.allclose(dense.coef_, sparse.coef_, atol=1e-4)


def test_a_template_times_a_sample_ranks_the_classes() -> None:
    X, y = load_digits(return_X_y=True)
    model = LinearClassifier(alpha=100.0).fit(X, y)
    assert model.templates_.shape == (10, 64)
    assert np.array_equal((X @ model.templates_.T + model.intercept_).argmax(axis=1), model.predict(X))


def test_two_classes_have_opposite_templates_whose_softmax_is_the_probability() -> None:
    X, y = CANCER
    model = LinearClassifier().fit(X, y)
    scores = X @ model.templates_.T + np.array([-0.5, 0.5]) * model.intercept_
    odds = np.exp(scores)
    assert np.allclose(odds / odds.sum(axis=1, keepdims=True), model.predict_proba(X))


def test_the_loss_curve_falls_to_the_loss_and_a_warm_start_is_there_already() -> None:
    model = LinearClassifier(warm_start=True).fit(*IRIS)
    assert model.loss_curve_[0] == pytest.approx(np.log(3))  # all scores 0
    assert model.loss_ == model.loss_curve_[-1] < model.loss_curve_[0]
    first = model.n_iter_
    assert model.fit(*IRIS).n_iter_ < first


def test_float32_stays_float32_and_is_close_to_float64() -> None:
    single, double = (LinearClassifier().fit(IRIS[0].astype(kind), IRIS[1]) for kind in (np.float32, np.float64))
    assert single.coef_.dtype == np.float32
    assert np.allclose(single.predict_proba(IRIS[0]), double.predict_proba(IRIS[0]), atol=1e-2)


def test_too_few_steps_are_warned_of() -> None:
    with pytest.warns(ConvergenceWarning, match="raise max_iter"):
        LinearClassifier(max_iter=1).fit(*IRIS)


def test_tiny_probabilities_keep_their_logarithms() -> None:
    model = LinearClassifier().fit(*CANCER)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logs = model.predict_log_proba(CANCER[0] * 1e4)
    assert np.isfinite(logs).all()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"alpha": -1.0}, "alpha is -1.0"),
        ({"tol": 0.0}, "tol is 0.0"),
        ({"max_iter": 0}, "max_iter is 0"),
        ({"solver": "adam"}, "solver is 'adam'"),
        ({"class_weight": "even"}, "class_weight is 'even'"),
        ({"fit_intercept": "yes"}, "fit_intercept is 'yes'"),
    ],
)
def test_bad_arguments_raise_a_value_error_in_one_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        LinearClassifier(**settings).fit(*IRIS)


def test_one_class_is_refused() -> None:
    with pytest.raises(ValueError, match="needs at least 2 classes"):
        LinearClassifier().fit([[0.0], [1.0]], ["a", "a"])
