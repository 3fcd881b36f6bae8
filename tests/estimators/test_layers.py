"""A trained network's numbers, flat and by layers."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from percept.estimators.layers import Trained, answers, pack, unpack
from percept.training.stacked.design import Network


def _trained(network: Network) -> Trained:
    random = np.random.default_rng(0)
    size = 2 * sum(network.hidden) if network.batch_norm else 0
    return Trained(random.random(network.parameter_count), random.random(size) + 0.5)


@pytest.mark.parametrize("sizes", [(3, 1), (3, 4, 2), (3, 4, 5, 2)])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_what_is_unpacked_packs_to_the_same_numbers(sizes: tuple[int, ...], batch_norm: bool) -> None:
    network = Network(sizes, batch_norm=batch_norm)
    found, shown = _trained(network), SimpleNamespace()
    unpack(network, found, shown)
    again = pack(network, shown, np.float64)
    np.testing.assert_array_equal(again.parameters, found.parameters)
    np.testing.assert_array_equal(again.statistics, found.statistics)
    assert [weights.shape for weights in shown.coefs_] == list(pairwise(sizes))


def test_a_normalized_network_answers_as_torch_does() -> None:
    network = Network((3, 4, 2), "tanh", "identity", batch_norm=True)
    found, shown = _trained(network), SimpleNamespace()
    unpack(network, found, shown)
    first, norm, last = nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)
    with torch.no_grad():
        for layer, weights, biases in zip((first, last), shown.coefs_, shown.intercepts_, strict=True):
            layer.weight.copy_(torch.from_numpy(weights.T))
            layer.bias.copy_(torch.from_numpy(biases))
        norm.weight.copy_(torch.from_numpy(shown.norm_scales_[0]))
        norm.bias.copy_(torch.from_numpy(shown.norm_shifts_[0]))
        norm.running_mean, norm.running_var = map(torch.from_numpy, (shown.norm_means_[0], shown.norm_variances_[0]))
        model = nn.Sequential(first, norm, nn.Tanh(), last).double().eval()
        X = np.random.default_rng(1).random((5, 3))
        np.testing.assert_allclose(answers(network, found, X), model(torch.from_numpy(X)).numpy(), atol=1e-6)
