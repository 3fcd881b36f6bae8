from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import nn

from percept.errors import OptionError
from percept.nn.activations import ACTIVATIONS, activation_layer
from percept.training.stacked.design import Network, layers_of, views
from percept.training.stacked.draw import initial_parameters
from percept.training.stacked.forward import folded, forward

X = np.random.RandomState(1).normal(size=(7, 3))


def torch_network(network: Network, flat: NDArray[Any]) -> nn.Sequential:
    """The same network built of torch's layers."""
    parts: list[nn.Module] = []
    for layer, weight, bias in zip(layers_of(network), *views(network, flat), strict=True):
        linear = nn.Linear(layer.inputs, layer.outputs, dtype=torch.float64)
        linear.weight.data, linear.bias.data = torch.tensor(weight.T.copy()), torch.tensor(bias)
        parts.append(linear)
        if layer.scale is not None and layer.shift is not None:
            norm = nn.BatchNorm1d(layer.outputs, dtype=torch.float64)
            norm.weight.data, norm.bias.data = torch.tensor(flat[layer.scale]), torch.tensor(flat[layer.shift])
            parts.append(norm)
        parts.append(activation_layer(network.activation))
    return nn.Sequential(*parts[:-1])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_outputs_are_those_of_torch_layers_with_the_same_weights(activation: str) -> None:
    network = Network((3, 5, 4, 2), activation)
    flat = initial_parameters(network, np.random.RandomState(0))
    expected = torch_network(network, flat)(torch.tensor(X)).detach()
    np.testing.assert_allclose(forward(network, flat, X), expected, rtol=1e-12)
    np.testing.assert_allclose(forward(network, flat, csr_array(X)), expected, rtol=1e-12)
    np.testing.assert_allclose(forward(network, np.stack([flat, 2 * flat]), X)[0], expected, rtol=1e-12)


def test_folding_gives_the_plain_network_that_answers_as_the_normalized_one_does() -> None:
    network = Network((3, 5, 4, 1), "elu", batch_norm=True)
    random_state = np.random.RandomState(0)
    flat = random_state.normal(size=network.parameter_count)
    model = torch_network(network, flat)
    norms = [layer for layer in model if isinstance(layer, nn.BatchNorm1d)]
    parts = []
    for norm in norms:
        norm.running_mean = torch.tensor(random_state.normal(size=norm.num_features))
        norm.running_var = torch.tensor(random_state.uniform(0.1, 3, norm.num_features))
        parts += [norm.running_mean.numpy(), norm.running_var.numpy()]
    plain = folded(network, flat[None], np.concatenate(parts)[None])
    expected = model.eval()(torch.tensor(X)).detach()
    np.testing.assert_allclose(forward(Network(network.sizes, "elu"), plain[0], X), expected, rtol=1e-10)


def test_a_normalized_network_does_not_answer_before_it_is_folded() -> None:
    network = Network((3, 2, 1), batch_norm=True)
    with pytest.raises(OptionError, match="fold it into the weights first"):
        forward(network, np.zeros(network.parameter_count), X)


def test_outputs_come_in_the_number_type_of_the_parameters() -> None:
    network = Network((3, 2, 1))
    assert forward(network, np.zeros(network.parameter_count, np.float32), X).dtype == np.float32
