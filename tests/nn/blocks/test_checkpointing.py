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


def test_dropout_and_precision_are_the_same_in_both_passes() -> None:
    torch.manual_seed(0)
    layers = [nn.Linear(6, 6), nn.Dropout(0.5), nn.Linear(6, 6), nn.Dropout(0.5), nn.Linear(6, 6)]
    gradients = []
    for network in (nn.Sequential(*layers), Checkpointed(*layers)):
        torch.manual_seed(1)
        with torch.autocast("cpu", torch.bfloat16):
            outputs = network(torch.randn(8, 6))
        assert outputs.dtype == torch.bfloat16
        drawn = torch.rand(1)
        gradients.append([drawn, *torch.autograd.grad(outputs.float().square().sum(), list(network.parameters()))])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


def test_frozen_layers_get_no_gradient_and_pass_it_on() -> None:
    network = Checkpointed(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 2))
    network[1].requires_grad_(False)
    torch.autograd.backward(network(torch.randn(4, 3)).sum())
    assert [layer.weight.grad is None for layer in network] == [False, True, False]


def test_it_runs_on_the_meta_device() -> None:
    with torch.device("meta"):
        assert rows(4)[1](torch.zeros(2, 3, 6, 6)).shape == (2, 3, 6, 6)


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
