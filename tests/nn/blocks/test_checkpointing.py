from copy import deepcopy

import pytest
import torch
from torch import nn

from percept.nn.blocks import BasicResidual, Checkpointed, ConvNormAct


def rows(count: int) -> tuple[nn.Sequential, Checkpointed]:
    torch.manual_seed(0)
    layers = [BasicResidual(3, 3) for _ in range(count)]
    return nn.Sequential(*layers), Checkpointed(*deepcopy(layers))


@pytest.mark.parametrize("count", [1, 5, 9])
def test_outputs_gradients_and_running_averages_are_those_of_layers_kept_in_memory(count: int) -> None:
    kept, computed_again = rows(count)
    for _ in range(2):
        pictures = torch.randn(4, 3, 6, 6, requires_grad=True)
        results = [network(pictures) for network in (kept, computed_again)]
        assert torch.equal(*results)
        gradients = [
            torch.autograd.grad(result.square().sum(), [pictures, *network.parameters()])
            for result, network in zip(results, (kept, computed_again), strict=True)
        ]
        for one, other in zip(*gradients, strict=True):
            torch.testing.assert_close(one, other)
    for name, values in kept.state_dict().items():
        assert torch.equal(values, computed_again.state_dict()[name]), name


def test_the_momentum_of_normalization_is_left_as_it_was() -> None:
    network = Checkpointed(ConvNormAct(3, 3), ConvNormAct(3, 3))
    torch.autograd.backward(network(torch.randn(2, 3, 4, 4, requires_grad=True)).sum())
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert [(layer.momentum, int(layer.num_batches_tracked or 0)) for layer in norms] == [(0.1, 1), (0.1, 1)]


def test_fewer_maps_are_kept_between_the_passes() -> None:
    def saved(network: nn.Module) -> int:
        total = 0

        def count(values: torch.Tensor) -> torch.Tensor:
            nonlocal total
            total += values.numel()
            return values

        with torch.autograd.graph.saved_tensors_hooks(count, lambda values: values):
            network(torch.randn(8, 3, 8, 8, requires_grad=True))
        return total

    kept, computed_again = rows(16)
    assert saved(computed_again) < saved(kept) / 4
