"""MLPRegressor: figures, counts, several outputs."""

import warnings
from collections.abc import Iterator
from inspect import signature
from typing import Any

import numpy as np
import pytest
import sklearn.neural_network as reference
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning

from percept.errors import DataError, OptionError
from percept.estimators.regressor import MLPRegressor

X, Y = load_diabetes(return_X_y=True)
Y = (Y - Y.mean()) / Y.std()


@pytest.fixture(autouse=True)
def _short_training_is_meant() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def test_every_argument_of_scikit_learns_class_is_there_with_the_same_default() -> None:
    ours, theirs = signature(MLPRegressor).parameters, signature(reference.MLPRegressor).parameters
    positional = [name for name, argument in theirs.items() if argument.kind is argument.POSITIONAL_OR_KEYWORD]
    assert list(ours)[: len(positional)] == positional
    for name, argument in theirs.items():
        assert (ours[name].default, ours[name].kind) == (argument.default, argument.kind)


@pytest.mark.parametrize("targets", [Y, np.c_[Y, -Y, Y**2]])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_predictions_are_scikit_learns(targets: Any, dtype: Any) -> None:
    options: dict[str, Any] = {"hidden_layer_sizes": 8, "max_iter": 30, "random_state": 0}
    ours = MLPRegressor(**options).fit(X.astype(dtype), targets)
    theirs = reference.MLPRegressor(**options).fit(X.astype(dtype), targets)
    own, other = ours.predict(X.astype(dtype)), theirs.predict(X.astype(dtype))
    np.testing.assert_allclose(own, other, atol=1e-6 if dtype == np.float64 else 1e-3)
    assert own.dtype == ours.coefs_[0].dtype == dtype


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_the_poisson_loss_is_scikit_learns(solver: str) -> None:
    counts = np.random.RandomState(0).poisson(np.exp(Y))
    options: dict[str, Any] = {"loss": "poisson", "hidden_layer_sizes": 6, "max_iter": 12, "random_state": 0}
    ours = MLPRegressor(solver=solver, **options).fit(X, counts)
    theirs = reference.MLPRegressor(solver=solver, **options).fit(X, counts)
    assert ours.out_activation_ == "exp"
    assert ours.loss_ == pytest.approx(theirs.loss_, abs=1e-6)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=1e-5)


def test_a_tanh_output_stays_between_minus_one_and_one_and_learns_signs() -> None:
    signs = np.where(X[:, 2] > 0, 1, -1)
    model = MLPRegressor(hidden_layer_sizes=10, output="tanh", max_iter=200, learning_rate_init=0.02, random_state=0)
    predictions = model.fit(X, signs).predict(X)
    assert np.abs(predictions).max() <= 1
    assert (np.sign(predictions) == signs).mean() > 0.95


@pytest.mark.parametrize(
    ("options", "y", "words"),
    [
        ({"loss": "poisson"}, Y, "below 0"),
        ({"output": "tanh"}, 5 * Y, "only from -1 to 1"),
        ({"output": "logistic"}, 1 + np.abs(Y), "only from 0 to 1"),
        ({"output": "exp"}, -np.abs(Y), "only from 0 to inf"),
    ],
)
def test_targets_that_the_loss_or_output_cannot_take_are_refused(options: dict[str, Any], y: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        MLPRegressor(**options).fit(X, y)


def test_the_poisson_loss_takes_no_other_output() -> None:
    with pytest.raises(OptionError, match="exponential"):
        MLPRegressor(loss="poisson", output="identity").fit(X, np.abs(Y))


def test_weights_that_run_away_are_an_error() -> None:
    with pytest.raises(DataError, match="non-finite parameter weights"):
        MLPRegressor(solver="sgd", learning_rate_init=1e6, activation="identity", max_iter=50).fit(100 * X, Y)
