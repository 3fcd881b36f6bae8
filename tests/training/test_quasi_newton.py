"""Training on all samples at once."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.sparse import csr_array

from percept.errors import OptionError
from percept.training.quasi_newton import loss_and_gradient, quasi_newton
from percept.training.stacked.design import Network
from percept.training.stacked.draw import initial_parameters

PAIRS = [
    ("identity", "squared_error"),
    ("tanh", "squared_error"),
    ("logistic", "squared_error"),
    ("softmax", "squared_error"),
    ("logistic", "log_loss"),
    ("softmax", "log_loss"),
    ("tanh", "log_loss"),
    ("exp", "poisson"),
    ("identity", "perceptron"),
]


def _problem(output: str, loss: str, activation: str) -> tuple[Network, np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.RandomState(0)
    network = Network((4, 5, 3), activation, output, loss)
    T = np.eye(3)[random.randint(3, size=7)]
    if output == "tanh" or loss == "perceptron":
        T = 2 * T - 1
    return network, initial_parameters(network, random), random.randn(7, 4), T


@pytest.mark.parametrize("activation", ["logistic", "tanh", "relu", "leaky_relu", "elu", "softmax"])
@pytest.mark.parametrize(("output", "loss"), PAIRS)
def test_the_gradient_equals_finite_differences(output: str, loss: str, activation: str) -> None:
    network, flat, X, T = _problem(output, loss, activation)
    weights = np.linspace(0.2, 2, len(X))

    def value(parameters: np.ndarray) -> float:
        return loss_and_gradient(network, parameters, X, T, 0.3, weights)[0]

    gradient = loss_and_gradient(network, flat, X, T, 0.3, weights)[1]
    np.testing.assert_allclose(gradient, approx_fprime(flat, value, 1e-7), atol=2e-6)


def test_the_penalty_is_half_alpha_times_the_squared_weights_divided_by_the_samples() -> None:
    network, flat, X, T = _problem("logistic", "log_loss", "tanh")
    weights = np.concatenate([flat[:20], flat[25:40]])  # without the biases
    bare, _ = loss_and_gradient(network, flat, X, T, 0.0)
    decayed, _ = loss_and_gradient(network, flat, X, T, 0.3)
    assert decayed - bare == pytest.approx(0.5 * 0.3 * (weights**2).sum() / len(X))


def test_a_sample_of_weight_two_counts_as_two_samples() -> None:
    network, flat, X, T = _problem("softmax", "log_loss", "relu")
    doubled = np.r_[0, np.arange(7)]
    loss, gradient = loss_and_gradient(network, flat, X, T, 0.1, np.array([2.0, 1, 1, 1, 1, 1, 1]))
    loss_twice, gradient_twice = loss_and_gradient(network, flat, X[doubled], T[doubled], 0.1)
    assert loss == pytest.approx(loss_twice)
    np.testing.assert_allclose(gradient, gradient_twice, atol=1e-12)


def test_sparse_inputs_give_the_same_loss_and_gradient() -> None:
    network, flat, X, T = _problem("softmax", "log_loss", "relu")
    loss, gradient = loss_and_gradient(network, flat, X, T, 0.1)
    loss_sparse, gradient_sparse = loss_and_gradient(network, flat, csr_array(X), T, 0.1)
    assert loss == pytest.approx(loss_sparse)
    np.testing.assert_allclose(gradient, gradient_sparse, atol=1e-12)


def test_a_linear_network_comes_to_the_least_squares_solution() -> None:
    random = np.random.RandomState(1)
    X, T = random.randn(30, 3), random.randn(30, 1)
    network = Network((3, 1), "identity", "identity", "squared_error")
    found = quasi_newton(network, np.zeros(4), X, T, alpha=0.0, tolerance=1e-8)
    exact = np.linalg.lstsq(np.c_[X, np.ones(30)], T, rcond=None)[0].ravel()
    np.testing.assert_allclose(found.parameters, exact, atol=1e-6)
    assert found.converged


def test_several_outputs_come_to_the_least_squares_solution_and_report_their_mean_loss() -> None:
    random = np.random.RandomState(2)
    X, T = random.randn(30, 3), random.randn(30, 2)
    network = Network((3, 2), "identity", "identity", "squared_error")
    found = quasi_newton(network, np.zeros(8), X, T, alpha=0.0, tolerance=1e-8)
    exact, *_ = np.linalg.lstsq(np.c_[X, np.ones(30)], T, rcond=None)
    np.testing.assert_allclose(found.parameters, exact.ravel(), atol=1e-6)
    assert found.loss == pytest.approx(0.5 * ((np.c_[X, np.ones(30)] @ exact - T) ** 2).mean())


def test_it_says_that_it_ran_out_of_steps() -> None:
    network, flat, X, T = _problem("softmax", "log_loss", "tanh")
    found = quasi_newton(network, flat, X, T, alpha=0.0, steps=2)
    assert (found.steps, found.converged) == (2, False)


def test_dropout_is_refused() -> None:
    network = Network((2, 2, 1), dropout=(0.5,))
    with pytest.raises(OptionError, match="dropout"):
        loss_and_gradient(network, np.zeros(network.parameter_count), np.zeros((1, 2)), np.zeros((1, 1)), 0.0)
