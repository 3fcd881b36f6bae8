from typing import Any

import numpy as np
import pytest
import torch

from percept.nn.activations import ACTIVATIONS as LAYERS
from percept.training.stacked.design import LOSSES
from percept.training.stacked.formulas import ACTIVATIONS, DERIVATIVES, loss_each, loss_slope

Z = np.array([[-3.0, -0.5, 0.25, 2.0], [40.0, -40.0, 0.1, 1.0]])


@pytest.mark.parametrize("name", LAYERS)
def test_values_and_derivatives_are_those_of_the_torch_layers(name: str) -> None:
    z, signal = torch.tensor(Z, requires_grad=True), torch.linspace(-1, 2, Z.size).double().reshape(Z.shape)
    a = LAYERS[name]()(z)
    (expected,) = torch.autograd.grad(a, z, signal)
    a = a.detach()
    for xp, sums, d in ((np, Z, signal.numpy()), (torch, torch.tensor(Z), signal)):
        ours = ACTIVATIONS[name](xp, sums)
        np.testing.assert_allclose(ours, a, atol=1e-15)
        np.testing.assert_allclose(DERIVATIVES[name](xp, ours, d), expected, atol=1e-14)


@pytest.mark.parametrize("name", LAYERS)
def test_numbers_that_are_not_finite_stay_so(name: str) -> None:
    assert np.isnan(ACTIVATIONS[name](np, np.array([[np.nan, 1.0]]))[0, 0])


PAIRS = [(loss, output) for loss, outputs in LOSSES.items() for output in outputs]


def targets(loss: str, output: str, xp: Any) -> Any:
    if loss == "perceptron" or output == "tanh":
        return xp.tensor([[1.0, -1.0, -1.0, -1.0], [-1.0, -1.0, 1.0, -1.0]]).double()
    if loss == "poisson":
        return xp.tensor([[0.0, 2.0, 1.0, 5.0], [1.0, 0.0, 3.0, 0.5]]).double()
    return xp.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]).double()


@pytest.mark.parametrize(("loss", "output"), PAIRS)
def test_the_slope_of_a_loss_is_its_derivative_by_autograd(loss: str, output: str) -> None:
    z = torch.tensor([[0.3, -1.2, 0.7, 0.1], [1.5, 0.2, -0.4, -0.9]], dtype=torch.float64, requires_grad=True)
    T = targets(loss, output, torch)
    Y = ACTIVATIONS[output](torch, z)
    each = loss_each(torch, loss, output, Y, T)
    (expected,) = torch.autograd.grad(each.sum(), z)
    if loss == "squared_error":
        expected = expected * 4  # scikit-learn takes the gradient of the sum, the loss of the mean
    torch.testing.assert_close(loss_slope(torch, loss, output, Y, T), expected)
    same = loss_each(np, loss, output, Y.detach().numpy(), T.numpy())
    np.testing.assert_allclose(same, each.detach(), rtol=1e-12)


def test_a_sample_on_the_boundary_counts_as_misclassified_by_the_perceptron_loss() -> None:
    Y, T = np.zeros((1, 1)), np.ones((1, 1))
    assert loss_each(np, "perceptron", "identity", Y, T).item() == 0
    assert loss_slope(np, "perceptron", "identity", Y, T).item() == -1


def test_log_loss_of_a_sure_and_wrong_answer_is_finite() -> None:
    for output in ("logistic", "softmax"):
        each = loss_each(np, "log_loss", output, np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]]))
        assert np.isfinite(each).all()
