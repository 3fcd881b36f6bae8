"""The numerical check agrees with right gradients and catches wrong ones."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from percept.models import arguments_for, build
from percept.nn.finite_differences import check_gradients
from percept.nn.losses import cross_entropy
from percept.nn.passes import pass_through


def squares(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).square().sum()


class WrongTanh(torch.autograd.Function):
    """tanh with the derivative of something else."""

    @staticmethod
    def forward(context: Any, inputs: Tensor) -> Tensor:
        return inputs.tanh()

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        return 0.9 * gradients[0]


class Wrong(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        out: Tensor = WrongTanh.apply(inputs)  # type: ignore[no-untyped-call]
        return out


@pytest.mark.parametrize("name", ["lenet", "mlp"])
def test_every_layer_of_a_network_agrees(name: str) -> None:
    torch.manual_seed(0)
    network = build(name, **arguments_for(name, outputs=3, shape=(1, 12, 12))).double() if name == "mlp" else None
    network = network or build(name, **arguments_for(name, outputs=3, shape=(1, 28, 28))).double()
    side = 12 if name == "mlp" else 28
    inputs, targets = torch.randn(3, 1, side, side, dtype=torch.float64), torch.tensor([0, 1, 2])
    loss = cross_entropy(torch.tensor([1.0, 2.0, 3.0]))
    checks = check_gradients(pass_through(network, inputs, targets, loss), inputs, targets, loss)
    assert len(checks) > 20
    assert max(check.error for check in checks) < 1e-4


def test_a_wrong_derivative_is_found_before_the_layer_and_not_behind_it() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 3), Wrong(), nn.Linear(3, 1)).double()
    inputs, targets = torch.randn(4, 2, dtype=torch.float64), torch.zeros(4, 1, dtype=torch.float64)
    done = pass_through(network, inputs, targets, squares)
    errors: dict[str, float] = {}
    for check in check_gradients(done, inputs, targets, squares):
        errors[check.name] = max(errors.get(check.name, 0), check.error)
    assert errors["0.weight"] > 0.01 and errors["0"] > 0.01
    assert errors["2.weight"] < 1e-6 and errors["1"] < 1e-6


def test_at_a_rectifiers_kink_any_slope_between_the_two_is_right() -> None:
    network = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU()).double()
    nn.init.zeros_(network[0].weight)  # type: ignore[arg-type]
    inputs, targets = torch.ones(1, 1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    checks = check_gradients(pass_through(network, inputs, targets, squares), inputs, targets, squares)
    weight = next(check for check in checks if check.name == "0.weight")
    assert (weight.left, weight.gradient) == (0, 0) and weight.right == pytest.approx(-2, rel=1e-3)
    assert weight.error == 0
