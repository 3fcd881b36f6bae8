from math import exp, tanh

import pytest
import torch

from percept.errors import OptionError
from percept.nn.activations import ACTIVATIONS, MOBILE_ACTIVATIONS, activation_layer

POINTS = [-3.0, -0.5, 0.25, 2.0]


def logistic(a: float) -> float:
    return 1 / (1 + exp(-a))


# name -> (a, g(a), g'(a)) by the formulas of the notes, in plain arithmetic
FORMULAS = {
    "identity": [(a, a, 1.0) for a in POINTS],
    "logistic": [(a, logistic(a), logistic(a) * (1 - logistic(a))) for a in POINTS],
    "tanh": [(a, tanh(a), 1 - tanh(a) ** 2) for a in POINTS],
    "relu": [(a, max(0.0, a), float(a > 0)) for a in POINTS],
    "leaky_relu": [(a, a if a > 0 else 0.01 * a, 1.0 if a > 0 else 0.01) for a in POINTS],
    "elu": [(a, a if a > 0 else exp(a) - 1, 1.0 if a > 0 else exp(a)) for a in POINTS],
    "relu6": [(a, min(max(0.0, a), 6.0), float(0 < a < 6)) for a in [*POINTS, 7.0]],
    "silu": [(a, a * logistic(a), logistic(a) * (1 + a * (1 - logistic(a)))) for a in POINTS],
}


@pytest.mark.parametrize("name", FORMULAS)
def test_values_and_derivatives_follow_the_formulas_of_the_notes(name: str) -> None:
    points, values, slopes = (torch.tensor(column, dtype=torch.float64) for column in zip(*FORMULAS[name], strict=True))
    points.requires_grad_()
    computed = activation_layer(name)(points)
    (derivative,) = torch.autograd.grad(computed.sum(), points)
    torch.testing.assert_close(computed.detach(), values)
    torch.testing.assert_close(derivative, slopes)


def test_softmax_makes_probabilities_of_the_channels_with_the_jacobian_of_its_formula() -> None:
    scores = torch.tensor([[1.0, 2.0, -1.0]], dtype=torch.float64)
    softmax = activation_layer("softmax")
    g = softmax(scores)[0]
    total = exp(1.0) + exp(2.0) + exp(-1.0)
    torch.testing.assert_close(g, torch.tensor([exp(1.0), exp(2.0), exp(-1.0)], dtype=torch.float64) / total)
    jacobian = torch.func.jacrev(lambda row: softmax(row[None])[0])(scores[0])
    torch.testing.assert_close(jacobian, torch.diag(g) - torch.outer(g, g))


def test_softmax_normalizes_each_pixel_of_maps_over_the_channels() -> None:
    probabilities = activation_layer("softmax")(torch.randn(2, 3, 4, 5))
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(2, 4, 5))


def test_every_activation_is_held_against_a_formula() -> None:
    assert {*FORMULAS, "softmax"} == {*ACTIVATIONS, *MOBILE_ACTIVATIONS}


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "relu6", "silu", "tanh"])
def test_a_layer_in_place_gives_the_same_values_and_derivatives(name: str) -> None:
    points = torch.linspace(-3, 7, 11, dtype=torch.float64, requires_grad=True)
    there, beside = activation_layer(name, in_place=True)(points * 1), activation_layer(name)(points)
    assert torch.equal(there, beside)
    slopes = [torch.autograd.grad(values.sum(), points)[0] for values in (there, beside)]
    torch.testing.assert_close(slopes[0], slopes[1])


def test_an_unknown_activation_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(OptionError, match="activation is 'rellu'; expected one of .*; did you mean relu?"):
        activation_layer("rellu")
