"""A recorded pass is the pass that autograd makes, and leaves the network as it was."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from percept.models import arguments_for, build
from percept.nn.passes import layers_of, pass_through


class InPlace(nn.Module):
    """Adds onto its own normalized output in place, as torchvision's residual block does, and rectifies twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.relu = nn.Linear(3, 3), nn.BatchNorm1d(3), nn.ReLU(inplace=True)

    def forward(self, inputs: Tensor) -> Tensor:
        out: Tensor = self.norm(self.relu(self.first(inputs)))
        out += inputs
        after: Tensor = self.relu(out)
        return after


@pytest.mark.parametrize("name", ["lenet", "small_resnet"])
def test_parameter_gradients_are_autograds(name: str) -> None:
    network = build(name, **arguments_for(name, outputs=3, shape=(1, 32, 32))).train()
    inputs, targets = torch.randn(4, 1, 32, 32), torch.tensor([0, 1, 2, 0])
    done = pass_through(network, inputs, targets, functional.cross_entropy)
    loss = functional.cross_entropy(network(inputs), targets)
    torch.autograd.backward(loss)
    assert float(done.loss.detach()) == pytest.approx(float(loss.detach()), rel=1e-6)
    for parameter, gradient in ((network.get_parameter(key), value) for key, value in done.gradients.items()):
        assert parameter.grad is not None
        torch.testing.assert_close(gradient, parameter.grad)
    assert len(done.gradients) == len(list(network.parameters()))


def test_layers_that_work_in_place_are_recorded_before_they_are_overwritten() -> None:
    torch.manual_seed(0)
    network = InPlace()
    done = pass_through(network, torch.randn(5, 3), torch.zeros(5, 3), functional.mse_loss)
    assert [each.name for each in done.layers] == ["first", "relu", "norm", "relu (2)"]
    first, relu, norm, _ = (each.value.detach() for each in done.layers)
    assert bool((first < 0).any()) and torch.equal(relu, first.clamp(min=0))
    assert norm.mean(0).tolist() == pytest.approx([0, 0, 0], abs=1e-5)


def test_the_network_its_gradients_and_the_random_numbers_stay() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.ReLU(inplace=True), nn.Dropout(0.5))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    pass_through(network, torch.randn(6, 3, generator=torch.Generator()), torch.zeros(6, 3), functional.mse_loss)
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert network[2].inplace and not any(layer._forward_hooks for layer in network)


def test_parts_of_attention_and_of_parametrized_layers_are_no_layers_of_their_own() -> None:
    attention = nn.MultiheadAttention(4, 2)
    normed = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    assert [name for name, _ in layers_of(nn.ModuleDict({"a": attention, "b": normed}))] == ["a", "b"]
