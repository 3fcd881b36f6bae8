from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.neural_network import MLPRegressor
from sklearn.utils import shuffle

from percept.errors import OptionError
from percept.training.stacked.design import Network, views
from percept.training.stacked.draw import draw_orders, initial_parameters


@pytest.mark.parametrize("activation", ["relu", "logistic"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_first_weights_are_those_that_scikit_learn_draws(activation: str, dtype: type) -> None:
    X: NDArray[Any] = np.ones((4, 3), dtype)
    y: NDArray[Any] = np.arange(4).astype(dtype)
    theirs = MLPRegressor(
        hidden_layer_sizes=(5, 2), activation=activation, random_state=7, learning_rate_init=1e-300
    ).partial_fit(X, y)
    network = Network((3, 5, 2, 1), activation)
    flat = initial_parameters(network, np.random.RandomState(7), dtype)
    assert flat.dtype == dtype
    weights, biases = views(network, flat)
    for ours, expected in zip([*weights, *biases], [*theirs.coefs_, *theirs.intercepts_], strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_orders_are_scikit_learns_shuffles_of_shuffles() -> None:
    theirs, expected, index = np.random.RandomState(3), [], np.arange(11)
    for _ in range(4):
        index = shuffle(index, random_state=theirs)
        expected.append(index)
    random_state = np.random.RandomState(3)
    first = draw_orders(random_state, 11, 3)
    rest = draw_orders(random_state, 11, 1, start=first[-1])
    np.testing.assert_array_equal(np.concatenate([first, rest]), expected)
    assert random_state.randint(1 << 30) == theirs.randint(1 << 30)  # as many numbers drawn


@pytest.mark.parametrize(
    ("name", "deviation"),
    [("zero", 0), ("small_normal", 0.01), ("large_normal", 1), ("xavier", (2 / 500) ** 0.5), ("he", (2 / 300) ** 0.5)],
)
def test_initializers_have_the_variance_of_their_formula(name: str, deviation: float) -> None:
    network = Network((300, 200), "relu")
    weights, biases = views(network, initial_parameters(network, np.random.RandomState(0), initializer=name))
    assert weights[0].std() == pytest.approx(deviation, rel=0.02)  # 60,000 draws: 0.3 % standard error
    assert not biases[0].any()


def test_normalization_starts_as_the_identity() -> None:
    network = Network((2, 3, 1), batch_norm=True)
    flat = initial_parameters(network, np.random.RandomState(0))
    assert flat[network.plain_size :].tolist() == [1, 1, 1, 0, 0, 0]


def test_an_unknown_initializer_is_refused() -> None:
    with pytest.raises(OptionError, match="initializer is 'glorot'; expected one of zero, .*he, or None"):
        initial_parameters(Network((2, 1)), np.random.RandomState(0), initializer="glorot")
