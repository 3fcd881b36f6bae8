"""Perceptron against scikit-learn's, bit for bit, and against what the perceptron's theory says."""

import copy
import warnings
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn import linear_model
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import check_estimator

from percept.estimators.perceptron import Perceptron

WHOLE_IRIS = load_iris(return_X_y=True)
IRIS = tuple(np.delete(part, 142, axis=0) for part in WHOLE_IRIS)  # without the row that is there twice
TWO = make_classification(120, 8, random_state=0)
BITS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])

SETTINGS: list[dict[str, Any]] = [
    {},
    {"penalty": "l2"},
    {"penalty": "l2", "alpha": 2.0},
    {"penalty": "l1"},
    {"penalty": "elasticnet", "alpha": 0.01},
    {"early_stopping": True},
    {"early_stopping": True, "penalty": "l2", "alpha": 0.01},
    {"class_weight": "balanced", "eta0": 0.3},
    {"shuffle": False, "tol": None, "max_iter": 7},
    {"fit_intercept": False, "random_state": 3},
    {"random_state": np.random.RandomState(5), "early_stopping": True},
]


@pytest.fixture(autouse=True)
def quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: ",".join(settings) or "defaults")
@pytest.mark.parametrize("convert", [np.asarray, csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("data", [IRIS, TWO], ids=["three_classes", "two_classes"])
def test_it_gives_scikit_learns_weights_to_the_last_bit(settings: dict[str, Any], convert: Any, data: Any) -> None:
    X, y = convert(data[0]), data[1]
    theirs = linear_model.Perceptron(**copy.deepcopy(settings)).fit(X, y)
    ours = Perceptron(**copy.deepcopy(settings)).fit(X, y)
    assert np.array_equal(ours.coef_, theirs.coef_)
    assert np.array_equal(ours.intercept_, theirs.intercept_)
    assert (ours.n_iter_, ours.t_) == (theirs.n_iter_, theirs.t_)
    assert np.array_equal(ours.decision_function(X), theirs.decision_function(X))
    assert np.array_equal(ours.predict(X), theirs.predict(X))


@pytest.mark.parametrize("penalty", [None, "l2", "l1"])
def test_float32_gives_scikit_learns_weights(penalty: str | None) -> None:
    X, y = IRIS[0].astype(np.float32), IRIS[1]
    theirs, ours = (kind(penalty=penalty).fit(X, y) for kind in (linear_model.Perceptron, Perceptron))
    assert ours.coef_.dtype == theirs.coef_.dtype == np.float32
    assert np.allclose(ours.coef_, theirs.coef_, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("data", [IRIS, TWO], ids=["three_classes", "two_classes"])
def test_partial_fit_warm_start_initial_weights_and_sample_weights_are_scikit_learns(data: Any) -> None:
    X, y = data
    weights = np.random.default_rng(0).uniform(0, 2, len(y))
    for kind in (linear_model.Perceptron, Perceptron):
        results = []
        batches = kind()
        for start in range(0, len(y), 40):
            part = slice(start, start + 40)
            batches.partial_fit(X[part], y[part], classes=np.unique(y), sample_weight=weights[part])
        results += [batches.coef_, batches.intercept_, batches.t_]
        again = kind(warm_start=True, max_iter=3).fit(X, y).fit(X, y)
        results += [again.coef_, again.intercept_]
        kept = kind(max_iter=2, shuffle=False)
        began = kept.fit(X, y, coef_init=np.ones_like(again.coef_), sample_weight=weights)
        results += [began.coef_, began.intercept_]
        if kind is linear_model.Perceptron:
            expected = results
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(results, expected, strict=True))


def test_threads_do_not_change_the_weights() -> None:
    one, two = (Perceptron(n_jobs=jobs).fit(*IRIS) for jobs in (None, 2))
    assert np.array_equal(one.coef_, two.coef_)


def test_it_keeps_scikit_learns_contract() -> None:
    check_estimator(Perceptron(), on_skip=None)


def test_the_order_of_samples_matters_to_scikit_learns() -> None:
    X, y = WHOLE_IRIS
    forward, backward = (linear_model.Perceptron().fit(X[::step], y[::step]) for step in (1, -1))
    assert not np.allclose(forward.coef_, backward.coef_)


def test_every_parameter_of_scikit_learns_is_there_with_its_default() -> None:
    theirs, ours = linear_model.Perceptron().get_params(), Perceptron().get_params()
    assert theirs.items() <= ours.items()
    assert set(ours) - set(theirs) == {"output", "pocket", "trace"}


def test_the_notes_or_run_comes_out_with_the_notes_weights() -> None:
    X, y = 2 * BITS - 1, [-1, 1, 1, 1]
    model = Perceptron(eta0=0.5, shuffle=False, trace=True).fit(X, y)
    assert model.trace_.weights.tolist() == [[-0.5, 0.5, 0.5], [0, 0, 1], [0.5, 0.5, 0.5]]
    assert model.converged_
    later = Perceptron(eta0=0.5, shuffle=False, tol=None).fit(BITS, y)  # inputs 0 and 1
    assert later.neurons_[0].weights == (-0.5, 1, 1)
    assert later.neurons_[0](BITS).tolist() == y


def test_it_warns_that_xor_is_not_separable_and_says_what_to_try() -> None:
    with pytest.warns(ConvergenceWarning, match="not linearly separable.*pocket=True.*MLPClassifier"):
        model = Perceptron().fit(BITS, [0, 1, 1, 0])
    assert not model.converged_


def test_it_names_the_classes_that_no_hyperplane_parts_from_the_rest() -> None:
    with pytest.warns(ConvergenceWarning, match="because class 1, class 2 and the rest are not linearly separable"):
        Perceptron().fit(*IRIS)


def test_a_separable_set_cut_short_is_told_from_one_that_is_not() -> None:
    X, y = IRIS[0][:100], IRIS[1][:100]  # setosa and versicolor
    with pytest.warns(ConvergenceWarning, match="although the classes are linearly separable.*raise max_iter"):
        Perceptron(max_iter=1, tol=None, shuffle=False).fit(X[::-1], y[::-1])


def test_a_set_too_large_to_examine_gets_a_careful_warning() -> None:
    X = np.random.default_rng(0).normal(size=(5000, 50))
    with pytest.warns(ConvergenceWarning, match="is not known.*linearly_separable"):
        Perceptron(max_iter=5, tol=None).fit(X, np.arange(5000) % 2)


def test_it_does_not_warn_where_it_converged() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Perceptron(max_iter=20).fit(IRIS[0][:100], IRIS[1][:100]).converged_
        assert Perceptron(max_iter=10, tol=None).fit(2 * BITS - 1, [0, 1, 1, 1]).converged_


def test_the_pocket_answers_at_least_as_many_samples_as_the_last_weights() -> None:
    X, y = make_classification(200, 5, flip_y=0.2, random_state=3)
    last, best = (Perceptron(pocket=pocket).fit(X, y) for pocket in (False, True))
    assert best.score(X, y) > last.score(X, y)
    assert np.array_equal(best.coef_, last.pocket_coef_)
    assert np.array_equal(best.intercept_, last.pocket_intercept_)


@pytest.mark.parametrize("data", [IRIS, TWO], ids=["three_classes", "two_classes"])
def test_distances_and_loss_follow_their_formulas(data: Any) -> None:
    X, y = data
    model = Perceptron().fit(X, y)
    scores = model.decision_function(X).reshape(len(y), -1)
    lengths = np.sqrt((model.coef_**2).sum(axis=1))
    assert np.allclose(model.signed_distance(X).reshape(scores.shape), scores / lengths)
    labels = model.classes_[-scores.shape[1] :]
    loss = 0.0
    for sample, answers in enumerate(scores):
        for label, total in zip(labels, answers, strict=True):
            target = 1 if y[sample] == label else -1
            loss += -target * total if target * total < 0 else 0
    assert np.isclose(model.perceptron_loss(X, y), loss)


def test_the_trace_of_several_classes_ends_at_each_neurons_weights() -> None:
    model = Perceptron(trace=True, random_state=1).fit(*IRIS)
    for number in range(3):
        last = model.trace_.weights[model.trace_.neuron == number][-1]
        assert np.array_equal(last, [model.intercept_[number], *model.coef_[number]])
    assert len(model.trace_) == sum(mistakes.sum() for mistakes in model.mistakes_)


def test_sparse_weights_predict_as_dense_ones() -> None:
    model = Perceptron(penalty="l1").fit(*IRIS)
    answers = model.predict(IRIS[0])
    assert np.array_equal(model.sparsify().predict(IRIS[0]), answers)
    assert np.array_equal(clone(model).fit(*IRIS).coef_, model.densify().coef_)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"penalty": "L2"}, "penalty is 'L2'"),
        ({"alpha": -1.0}, "alpha is -1.0"),
        ({"eta0": 0.0}, "eta0 is 0.0"),
        ({"l1_ratio": 2.0}, "l1_ratio is 2.0"),
        ({"max_iter": 0}, "max_iter is 0"),
        ({"tol": -1e-3}, "tol is -0.001"),
        ({"output": "sine"}, "output is 'sine'"),
        ({"validation_fraction": 1.0}, "validation_fraction is 1.0"),
        ({"class_weight": "even"}, "class_weight is 'even'"),
        ({"n_jobs": 1.5}, "n_jobs is 1.5"),
        ({"n_iter_no_change": 1.5}, "n_iter_no_change is 1.5"),
    ],
)
def test_bad_arguments_raise_a_value_error_in_one_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Perceptron(**settings).fit(*IRIS)


@pytest.mark.parametrize(
    ("X", "y", "sentence"),
    [
        ([[np.nan], [1.0]], [0, 1], "NaN"),
        ([[0.0], [1.0]], [1, 1], "number of classes has to be greater than one"),
        ([0.0, 1.0], [0, 1], "2D array"),
        ([["a"], ["b"]], [0, 1], "could not convert"),
        ([[0.0], [1.0]], [0.5, 1.2], "Unknown label type"),
    ],
)
def test_bad_data_raises_scikit_learns_kind_of_error(X: Any, y: Any, sentence: str) -> None:
    for kind in (linear_model.Perceptron, Perceptron):
        with pytest.raises(ValueError, match=sentence):
            kind().fit(X, y)


def test_partial_fit_refuses_what_needs_all_samples() -> None:
    X, y = IRIS
    refused: list[dict[str, Any]] = [{"early_stopping": True}, {"pocket": True}, {"class_weight": "balanced"}]
    for settings in refused:
        with pytest.raises(ValueError, match=next(iter(settings))):
            Perceptron(**settings).partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="classes must be passed"):
        Perceptron().partial_fit(X, y)
    with pytest.raises(ValueError, match="not the same as on the first call"):
        Perceptron().partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y, classes=[0, 1])


def test_a_wide_sparse_table_is_not_looked_through_for_hours() -> None:
    from scipy.sparse import random as random_sparse

    X = random_sparse(400, 3000, density=0.001, format="csr", random_state=0)
    y = np.random.RandomState(0).randint(2, size=400)
    with pytest.warns(ConvergenceWarning, match="is not known"):
        Perceptron(max_iter=5, tol=None).fit(X, y)
