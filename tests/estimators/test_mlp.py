"""What the two multilayer perceptrons share: scikit-learn's numbers, and what percept has beyond."""

import os
import pickle
import signal
import threading
import warnings
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
import sklearn.neural_network as reference
import torch
from scipy.sparse import csc_array, csr_array
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from percept.errors import DataError, OptionError, PerceptWarning
from percept.estimators.classifier import MLPClassifier
from percept.estimators.regressor import MLPRegressor
from percept.training.stacked import compiled
from percept.training.stacked.run import run_courses

X, Y = load_digits(return_X_y=True)
X, Y = X[:200] / 16, Y[:200]
PAIRS = [(MLPClassifier, reference.MLPClassifier), (MLPRegressor, reference.MLPRegressor)]

Estimator = type[MLPClassifier] | type[MLPRegressor]


@pytest.fixture(autouse=True)
def _short_training_is_meant() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def assert_same_training(ours: Any, theirs: Any) -> None:
    for name in ("coefs_", "intercepts_"):
        for own, other in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            np.testing.assert_allclose(own, other, atol=1e-6)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, atol=1e-6)
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    for name in ("loss_", "best_loss_", "best_validation_score_"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), abs=1e-6), name
    assert ours.validation_scores_ == pytest.approx(theirs.validation_scores_, abs=1e-6)


TRAININGS: list[dict[str, Any]] = [
    {},
    {"early_stopping": True, "validation_fraction": 0.2},
    {"solver": "sgd", "learning_rate_init": 0.1, "learning_rate": "invscaling", "power_t": 0.3},
    {"solver": "sgd", "learning_rate_init": 0.2, "learning_rate": "adaptive", "tol": 0.02, "n_iter_no_change": 1},
    {"solver": "sgd", "momentum": 0.5, "nesterovs_momentum": False, "shuffle": False, "activation": "logistic"},
    {"activation": "tanh", "alpha": 1.0, "batch_size": 200, "tol": 0.05, "n_iter_no_change": 2, "max_iter": 60},
]


@pytest.mark.parametrize("kernel", [True, False])
@pytest.mark.parametrize("options", TRAININGS)
@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_training_is_scikit_learns(
    ours: Any, theirs: Any, options: dict[str, Any], kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("percept.training.stacked.run.kernel_is_faster", lambda *given: kernel)
    options = {"hidden_layer_sizes": (9, 5), "batch_size": 33, "max_iter": 20, "random_state": 1} | options
    assert_same_training(ours(**options).fit(X, Y), theirs(**options).fit(X, Y))


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_training_with_sample_weights_is_scikit_learns(ours: Any, theirs: Any, early_stopping: bool) -> None:
    options = {"hidden_layer_sizes": 6, "max_iter": 10, "random_state": 2, "early_stopping": early_stopping}
    weights = np.linspace(0.1, 3, len(X))
    mine, yours = ours(**options).fit(X, Y, sample_weight=weights), theirs(**options).fit(X, Y, sample_weight=weights)
    assert_same_training(mine, yours)


@pytest.mark.parametrize("options", [TRAININGS[0], *TRAININGS[2:4]])
@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_a_warm_start_goes_on_as_scikit_learns(ours: Any, theirs: Any, options: dict[str, Any]) -> None:
    options = {"hidden_layer_sizes": 6, "max_iter": 8, "random_state": 0, "warm_start": True} | options
    mine, yours = ours(**options), theirs(**options)
    for _ in range(3):
        assert_same_training(mine.fit(X, Y), yours.fit(X, Y))


def test_a_warm_start_that_brings_no_better_score_keeps_the_best_weights() -> None:
    # scikit-learn trains on in the very arrays that it keeps as the best, and so ends with the last ones here.
    points = np.tile([[-1.0], [1.0]], (50, 1))
    model = MLPClassifier(6, early_stopping=True, warm_start=True, batch_size=10, random_state=0)
    best = model.fit(points, points.ravel()).coefs_[0].copy()
    assert model.best_validation_score_ == 1
    model.fit(points, points.ravel())
    np.testing.assert_array_equal(model.coefs_[0], best)


@pytest.mark.parametrize("options", [TRAININGS[0], *TRAININGS[2:4]])
@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_partial_fit_goes_on_as_scikit_learns(ours: Any, theirs: Any, options: dict[str, Any]) -> None:
    options = {"hidden_layer_sizes": 6, "random_state": 0} | options
    mine, yours = ours(**options), theirs(**options)
    classes = {"classes": np.unique(Y)} if ours is MLPClassifier else {}
    for part in (slice(0, 60), slice(60, 200), slice(0, 200), slice(50, 90)):
        mine.partial_fit(X[part], Y[part], **classes)
        yours.partial_fit(X[part], Y[part], **classes)
        assert_same_training(mine, yours)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_lbfgs_comes_to_scikit_learns_weights(ours: Any, theirs: Any) -> None:
    options = {"hidden_layer_sizes": 5, "solver": "lbfgs", "activation": "tanh", "max_iter": 15, "random_state": 0}
    mine, yours = ours(**options).fit(X, Y), theirs(**options).fit(X, Y)
    for own, other in zip(mine.coefs_, yours.coefs_, strict=True):
        np.testing.assert_allclose(own, other, atol=1e-6)
    assert (mine.n_iter_, mine.loss_) == (yours.n_iter_, pytest.approx(yours.loss_))


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "rmsprop"])
@pytest.mark.parametrize("form", [csr_array, csc_array])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_sparse_samples_train_and_predict_as_dense_ones(kind: Estimator, form: Any, solver: str) -> None:
    model = kind(hidden_layer_sizes=5, solver=solver, max_iter=5, random_state=0)
    dense = clone(model).fit(X, Y)
    sparse = clone(model).fit(form(X), Y)
    np.testing.assert_allclose(sparse.coefs_[0], dense.coefs_[0], atol=1e-6)
    np.testing.assert_allclose(sparse.predict(form(X)), sparse.predict(X))


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_a_trained_estimator_survives_pickling_and_goes_on_training(kind: Estimator) -> None:
    model: Any = kind(hidden_layer_sizes=5, dropout=0.2, random_state=0, max_iter=3).fit(X, Y)
    other = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(other.partial_fit(X, Y).predict(X), model.partial_fit(X, Y).predict(X))


def test_it_works_in_a_pipeline() -> None:
    model = make_pipeline(StandardScaler(), MLPClassifier(20, max_iter=60, learning_rate_init=0.01, random_state=0))
    assert model.fit(X, Y).score(X, Y) > 0.95


@pytest.mark.parametrize("activation", ["leaky_relu", "elu", "softmax"])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_further_activations_learn(kind: Estimator, activation: str) -> None:
    options: dict[str, Any] = {"hidden_layer_sizes": 30, "activation": activation, "random_state": 0}
    assert kind(solver="lbfgs", **options).fit(X, Y).score(X, Y) > 0.8
    model = kind(learning_rate_init=0.03, max_iter=100, **options).fit(X, Y)
    assert model.loss_ < 0.5 * model.loss_curve_[0]


@pytest.mark.parametrize(
    ("solver", "rate"), [("adamw", 0.01), ("rprop", 0.01), ("adagrad", 0.05), ("rmsprop", 0.003), ("adadelta", 1.0)]
)
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_further_solvers_lower_the_loss(kind: Estimator, solver: str, rate: float) -> None:
    model = kind(hidden_layer_sizes=20, solver=solver, learning_rate_init=rate, max_iter=80, random_state=0).fit(X, Y)
    assert model.loss_ < 0.9 * model.loss_curve_[0]


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_batch_normalization_and_dropout_learn(kind: Estimator) -> None:
    options: dict[str, Any] = {"hidden_layer_sizes": (30, 20), "learning_rate_init": 0.01, "batch_size": 40}
    model = kind(batch_norm=True, dropout=(0.1, 0.0), max_iter=60, random_state=0, **options).fit(X, Y)
    assert model.score(X, Y) > 0.9
    assert [scale.shape for scale in model.norm_scales_] == [(30,), (20,)]


def test_early_stopping_restores_the_normalization_of_the_best_epoch() -> None:
    model = MLPClassifier(10, batch_norm=True, early_stopping=True, max_iter=15, random_state=0).fit(X, Y)
    generator = np.random.RandomState(0)
    generator.uniform(size=(64 + 1) * 10 + (10 + 1) * 10)  # the first weights
    held = generator.permutation(200)[:20]
    assert model.score(X[held], Y[held]) == model.best_validation_score_ == max(model.validation_scores_ or [])


@pytest.mark.parametrize("name", ["zero", "small_normal", "large_normal", "xavier", "he"])
def test_an_initializer_sets_the_spread_of_the_first_weights(name: str) -> None:
    model = MLPRegressor(hidden_layer_sizes=400, initializer=name, learning_rates=(0, 0), max_iter=1, random_state=0)
    spread = {"zero": 0, "small_normal": 0.01, "large_normal": 1, "xavier": (2 / 464) ** 0.5, "he": (2 / 64) ** 0.5}
    assert model.fit(X, Y).coefs_[0].std() == pytest.approx(spread[name], rel=0.02)


def test_a_layer_whose_learning_rate_is_zero_keeps_its_weights() -> None:
    options: dict[str, Any] = {"hidden_layer_sizes": 5, "random_state": 0, "solver": "sgd", "alpha": 0}
    start = reference.MLPClassifier(**options | {"learning_rate_init": 1e-300, "max_iter": 1}).fit(X, Y)
    model = MLPClassifier(learning_rates=(0, 1), max_iter=5, **options).fit(X, Y)
    np.testing.assert_array_equal(model.coefs_[0], start.coefs_[0])
    assert np.abs(model.coefs_[1] - start.coefs_[1]).max() > 1e-3


@pytest.mark.parametrize("options", [{}, {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1}])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_best_of_the_restarts_is_kept(early_stopping: bool, options: dict[str, Any]) -> None:
    model = MLPClassifier(
        4, restarts=4, max_iter=30, early_stopping=early_stopping, random_state=5, n_iter_no_change=2, **options
    ).fit(X, Y)
    alone = MLPClassifier(
        4, max_iter=30, early_stopping=early_stopping, random_state=5, n_iter_no_change=2, **options
    ).fit(X, Y)
    assert len(set(model.restart_losses_)) == 4
    assert model.restart_losses_[0] == pytest.approx(alone.loss_)
    if early_stopping:
        assert model.best_validation_score_ == max(model.restart_scores_) >= alone.restart_scores_[0]
    else:
        assert model.loss_ == min(model.restart_losses_) == model.loss_curve_[-1]


def test_lbfgs_keeps_the_best_of_its_restarts() -> None:
    model = MLPRegressor(hidden_layer_sizes=3, solver="lbfgs", restarts=3, max_iter=20, random_state=0).fit(X, Y)
    alone = MLPRegressor(hidden_layer_sizes=3, solver="lbfgs", max_iter=20, random_state=0).fit(X, Y)
    assert model.restart_losses_[0] == alone.loss_
    assert model.loss_ == min(model.restart_losses_)


def test_a_loss_of_ones_own_that_is_the_squared_error_trains_like_it() -> None:
    def halved(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return 0.5 * ((outputs - targets) ** 2).mean()

    options: dict[str, Any] = {"hidden_layer_sizes": 6, "max_iter": 5, "random_state": 0}
    own = MLPRegressor(loss=halved, **options).fit(X, Y)
    named = MLPRegressor(**options).fit(X, Y)
    np.testing.assert_allclose(own.coefs_[0], named.coefs_[0], atol=1e-6)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_an_interrupt_keeps_the_weights_reached(kind: Estimator, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter(range(5))

    def interrupted(*arguments: Any, **named: Any) -> None:
        if next(calls) == 2:
            raise KeyboardInterrupt
        run_courses(*arguments, **named)

    monkeypatch.setattr("percept.estimators.epochs.run_courses", interrupted)
    with pytest.warns(PerceptWarning, match="interrupted"):
        model = kind(hidden_layer_sizes=5, random_state=0).fit(X, Y)
    assert model.n_iter_ == len(model.loss_curve_) == 32  # looked at after 16 epochs, and after as many more


def test_ctrl_c_ends_a_long_fit_at_once_and_keeps_its_weights() -> None:
    many, y = np.tile(X, (200, 1)), np.tile(Y, 200)
    compiled.ready(np.dtype(np.float64))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background has none
    timer = threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    try:
        with pytest.warns(PerceptWarning, match="interrupted"):
            model = MLPClassifier(50, batch_size=20, max_iter=1000, tol=0, n_iter_no_change=9999).fit(many, y)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    assert 0 < model.n_iter_ == len(model.loss_curve_) < 1000
    assert np.isfinite(model.coefs_[0]).all()


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_a_random_state_is_left_where_scikit_learn_leaves_it(ours: Any, theirs: Any, early_stopping: bool) -> None:
    options = {"hidden_layer_sizes": 6, "max_iter": 200, "n_iter_no_change": 3, "tol": 0.05, "batch_size": 50}
    drawn = []
    for kind in (ours, theirs):
        random_state = np.random.RandomState(3)
        model = kind(**options, early_stopping=early_stopping, random_state=random_state).fit(X, Y)
        drawn.append((model.n_iter_, random_state.randint(2**31)))
    assert drawn[0] == drawn[1]
    assert drawn[0][0] < 200


def test_classes_whose_training_diverges_with_samples_held_out_are_an_error() -> None:
    with np.errstate(all="ignore"), pytest.raises(DataError, match="non-finite"):
        MLPClassifier(5, solver="sgd", learning_rate_init=1e300, early_stopping=True, max_iter=5).fit(X, Y)


def test_a_training_that_has_not_converged_warns() -> None:
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        MLPClassifier(5, max_iter=2).fit(X, Y)
    with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge in 2 iterations"):
        MLPClassifier(5, max_iter=2, solver="lbfgs").fit(X, Y)


def test_a_batch_larger_than_the_data_takes_all_samples_and_says_so() -> None:
    with pytest.warns(PerceptWarning, match="batch_size is 300"):
        model = MLPRegressor(hidden_layer_sizes=5, batch_size=300, max_iter=3, random_state=0).fit(X, Y)
    whole = MLPRegressor(hidden_layer_sizes=5, batch_size=200, max_iter=3, random_state=0).fit(X, Y)
    np.testing.assert_array_equal(model.coefs_[0], whole.coefs_[0])


BAD: list[tuple[dict[str, Any], str]] = [
    ({"alpha": -1}, "alpha is -1"),
    ({"activation": "rellu"}, "did you mean relu"),
    ({"solver": "newton"}, "solver is 'newton'"),
    ({"hidden_layer_sizes": (5, 0)}, "hidden_layer_sizes"),
    ({"hidden_layer_sizes": 2.5}, "hidden_layer_sizes"),
    ({"batch_size": 0}, "batch_size is 0"),
    ({"momentum": 1.1}, "momentum"),
    ({"beta_1": 1}, "beta_1"),
    ({"n_iter_no_change": 0.5}, "n_iter_no_change"),
    ({"shuffle": "yes"}, "shuffle"),
    ({"verbose": -1}, "verbose"),
    ({"dropout": (0.1, 0.2)}, "dropout has 2 numbers"),
    ({"dropout": 1.0}, "dropout"),
    ({"learning_rates": (1, 1, 1)}, "learning_rates has 3 numbers"),
    ({"learning_rates": (1, -1)}, "learning_rates"),
    ({"restarts": 0}, "restarts is 0"),
    ({"initializer": "glorot"}, "initializer"),
    ({"solver": "lbfgs", "batch_norm": True}, "lbfgs.*batch_norm"),
    ({"solver": "lbfgs", "dropout": 0.1}, "lbfgs.*dropout"),
    ({"device": "abacus"}, "device is 'abacus'"),
    ({"device": None}, "device is None"),
    ({"device": "abacus", "solver": "lbfgs"}, "device is 'abacus'"),
    ({"early_stopping": True, "validation_fraction": 0.0}, "validation_fraction is 0.0; expected a number above 0"),
    ({"batch_norm": True, "batch_size": 1}, "a batch here is 1 sample"),
    ({"loss": "hinge"}, "loss is 'hinge'"),
    ({"loss": lambda outputs, targets: None}, "loss gives NoneType; expected a torch tensor"),
    ({"loss": lambda outputs, targets: 1.0}, "loss gives float; expected a torch tensor"),
    ({"loss": lambda outputs, targets: outputs[:3, 0]}, r"loss gives shape \(3,\) for a batch of 200 samples"),
    ({"loss": lambda outputs, targets: outputs.mean().detach()}, "loss has no gradient"),
    ({"output": "relu"}, "output is 'relu'"),
]


@pytest.mark.parametrize(("options", "words"), BAD)
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_an_argument_that_makes_no_sense_is_named(kind: Estimator, options: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        kind(**options).fit(X, Y)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (np.where(X > 0.9, np.nan, X), "contains NaN"),
        (X[:, 0], "Expected 2D array"),
        (np.full(X.shape, "a", object), "convert string"),
        (X[:10], "inconsistent numbers of samples"),
    ],
)
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_data_that_cannot_be_used_give_scikit_learns_kind_of_error(kind: Estimator, data: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        kind(hidden_layer_sizes=2, max_iter=1).fit(data, Y)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_the_number_type_of_predictions_is_scikit_learns(kind: Estimator) -> None:
    theirs: Any = reference.MLPClassifier if kind is MLPClassifier else reference.MLPRegressor
    for trained, asked in product((np.float32, np.float64), repeat=2):
        types = []
        for each in (kind, theirs):
            model = each(hidden_layer_sizes=3, max_iter=1, random_state=0).fit(X.astype(trained), Y)
            types.append(getattr(model, "predict_proba", model.predict)(X.astype(asked)).dtype)
        assert types[0] == types[1]


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_predictions_are_those_of_the_network_that_was_trained(kind: Estimator) -> None:
    model = kind(hidden_layer_sizes=5, max_iter=2, random_state=0).fit(X, Y)
    before = model.predict(X)
    np.testing.assert_array_equal(model.set_params(batch_norm=True, dropout=(0.1, 0.2)).predict(X), before)
    with pytest.raises(OptionError, match="batch_norm is True, but it was not"):
        model.set_params(dropout=0.0).partial_fit(X, Y)
    model.set_params(dropout=0.1).fit(X, Y).set_params(batch_norm=False, early_stopping=True).fit(X, Y)
    assert not hasattr(model, "norm_scales_")
    assert not hasattr(model.set_params(early_stopping=False).fit(X, Y), "restart_scores_")


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_training_goes_on_with_another_solver_or_with_dropout(kind: Estimator) -> None:
    # scikit-learn fails to go on from lbfgs.
    model = kind(hidden_layer_sizes=5, solver="lbfgs", max_iter=3, random_state=0).fit(X, Y)
    for options in ({"solver": "adam"}, {"solver": "rprop"}, {"dropout": 0.1}):
        before = [weights.copy() for weights in model.coefs_]
        model.set_params(**options).partial_fit(X, Y)
        assert 0 < np.abs(model.coefs_[0] - before[0]).max() < 0.1
    assert len(model.loss_curve_) == 3


def test_lbfgs_refuses_a_device_that_it_cannot_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("percept.devices.choose_device", lambda name: torch.device("cuda"))
    with pytest.raises(OptionError, match="lbfgs', which does not take device='cuda'"):
        MLPClassifier(5, solver="lbfgs", device="cuda").fit(X, Y)
    MLPClassifier(5, solver="lbfgs", device="auto", max_iter=2).fit(X, Y)


def test_adadelta_warns_of_a_learning_rate_that_stalls_it() -> None:
    with pytest.warns(PerceptWarning, match="hardly a step for adadelta.*learning_rate_init=1"):
        MLPClassifier(5, solver="adadelta", max_iter=2).fit(X, Y)


@pytest.mark.parametrize("options", [{"restarts": 2}, {"early_stopping": True}])
def test_partial_fit_refuses_what_needs_a_whole_fit(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="partial_fit"):
        MLPRegressor(**options).partial_fit(X, Y)


def test_a_warm_start_with_other_layers_is_refused() -> None:
    model = MLPRegressor(hidden_layer_sizes=5, warm_start=True, max_iter=1).fit(X, Y)
    with pytest.raises(OptionError, match=r"layers of \(64, 5, 1\) units"):
        model.set_params(hidden_layer_sizes=6).fit(X, Y)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_scikit_learns_own_estimator_checks_pass(kind: Estimator) -> None:
    found = check_estimator(kind(), on_skip=None)
    assert {each["status"] for each in found} <= {"passed", "skipped"}
