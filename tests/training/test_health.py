"""Signals and gradients scale through depth as the closed form of variance propagation says, and so does the verdict.

With n inputs a unit, weights of variance v and activation g: going forward, the mean square q of the values before the
activation becomes n v E[g^2]; going back, the squared norm of a sample's gradient becomes n v E[g'^2] times as large.
For relu E[g^2] = q / 2 and E[g'^2] = 1 / 2; for the identity, and a tanh of small values, they are q and 1.
Source: He et al. 2015; notes §2.3.5.
"""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from percept.models import arguments_for, build
from percept.nn.deviations import INITIALIZERS
from percept.nn.initializers import initialize_by_name
from percept.nn.losses import cross_entropy
from percept.training.health import Health, health

WIDTH, DEPTH = 128, 20


def deep(activation: type[nn.Module], rule: str, *, width: int = WIDTH, depth: int = DEPTH) -> nn.Sequential:
    torch.manual_seed(0)
    hidden = [layer for _ in range(depth) for layer in (nn.Linear(width, width), activation())]
    network = nn.Sequential(*hidden, nn.Linear(width, 10))
    initialize_by_name(network, rule)
    return network


def measured(network: nn.Module, *, width: int = WIDTH) -> Health:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(256, width, generator=generator)
    return health(network, inputs, torch.arange(256) % 10, functional.cross_entropy)


def gain(activation: type[nn.Module], rule: str) -> float:
    """Factor on a root mean square a layer."""
    return math.sqrt(WIDTH * INITIALIZERS[rule](WIDTH, WIDTH) ** 2 * (0.5 if activation is nn.ReLU else 1.0))


@pytest.mark.parametrize("rule", ["small_normal", "large_normal", "xavier", "he"])
@pytest.mark.parametrize("activation", [nn.ReLU, nn.Identity])
def test_signal_and_gradient_scale_as_the_closed_form_says(activation: type[nn.Module], rule: str) -> None:
    found = measured(deep(activation, rule))
    expected = (DEPTH - 1) * math.log(gain(activation, rule))
    # the logarithm strays by about (5 / 128) ** 0.5 / 2 = 0.1 a layer, 0.45 over twenty; four times that is allowed
    assert math.log(found.signal_change) == pytest.approx(expected, abs=1.8)
    # back: DEPTH - 1 such layers, and the last one, whose 10 outputs drive 128 units: 128 v for each squared norm
    last = WIDTH * INITIALIZERS[rule](WIDTH, 10) ** 2 * (0.5 if activation is nn.ReLU else 1.0)
    back = (DEPTH - 1) * math.log(gain(activation, rule)) + 0.5 * math.log(last)
    assert math.log(found.gradient_change) == pytest.approx(back, abs=1.8)


def test_a_tanh_of_small_inputs_scales_as_the_identity() -> None:
    found = measured(deep(nn.Tanh, "small_normal"))
    assert math.log(found.signal_change) == pytest.approx(19 * math.log(0.01 * WIDTH**0.5), abs=1.8)


@pytest.mark.parametrize(
    ("activation", "rule", "words"),
    [
        (nn.ReLU, "zero", ["No gradient reaches the weights of 21 layers"]),
        (nn.Tanh, "zero", ["No gradient reaches"]),
        (nn.ReLU, "small_normal", ["The signal fades", "The gradient vanishes"]),
        (nn.Tanh, "small_normal", ["The signal fades", "The gradient vanishes"]),
        (nn.ReLU, "large_normal", ["The signal explodes", "The gradient explodes"]),
        (nn.Tanh, "large_normal", ["The gradient explodes", "saturated"]),
        (nn.ReLU, "xavier", ["The signal fades", "The gradient vanishes"]),  # Xavier's rule is not for rectifiers
        (nn.Tanh, "xavier", []),
        (nn.ReLU, "he", []),
        (nn.Sigmoid, "xavier", ["The gradient vanishes"]),  # its derivative is at most 1/4
    ],
)
def test_the_story_of_the_notes_comes_out(activation: type[nn.Module], rule: str, words: list[str]) -> None:
    found = measured(deep(activation, rule))
    assert len(found.sentences) == len(words), found.sentences
    assert all(word in sentence for word, sentence in zip(words, found.sentences, strict=True))
    assert found.healthy == (not words)
    assert found.table().splitlines()[-1].startswith(("Healthy.",) if not words else found.sentences[-1])


def test_shallow_networks_stand_small_weights() -> None:
    assert measured(deep(nn.ReLU, "small_normal", depth=1)).healthy


def test_a_sigmoids_gradient_shrinks_at_least_fourfold_a_layer_under_weights_of_unit_gain() -> None:
    found = measured(deep(nn.Sigmoid, "xavier"))
    assert found.gradient_change < 0.25**18


def test_dead_rectifiers_are_counted() -> None:
    network = deep(nn.ReLU, "he", depth=2)
    with torch.no_grad():
        network.get_parameter("0.bias")[:96] = -12.0  # eight standard deviations of what the inputs add
    found = measured(network)
    assert found.layers[0].dead == pytest.approx(0.75, abs=0.01)
    assert "75% of the rectifiers of layer 0 give 0" in found.sentences[0]
    assert "leaky_relu" in found.sentences[0]


def test_a_network_that_died_in_training_is_not_told_to_start_at_random_again() -> None:
    network = deep(nn.ReLU, "he", depth=3)
    with torch.no_grad():
        network.get_parameter("2.bias").fill_(-100.0)
    (sentence,) = measured(network).sentences
    assert "100% of the rectifiers" in sentence
    assert "smaller learning rate" in sentence


def test_dead_units_of_convolutions_are_whole_channels_and_rectifiers_may_be_functions() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.last = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4, 2)

        def forward(self, pictures: Tensor) -> Tensor:
            out: Tensor = self.last(self.second(functional.relu(self.first(pictures))).mean((2, 3)))
            return out

    torch.manual_seed(0)
    network = Net()
    with torch.no_grad():
        network.get_parameter("first.bias")[:2] = -12.0
    found = health(network, torch.randn(16, 1, 8, 8), torch.arange(16) % 2, functional.cross_entropy)
    assert (found.layers[0].activation, found.layers[0].dead) == ("relu", 0.5)


def test_equal_units_are_found_though_gradients_flow() -> None:
    network = deep(nn.Tanh, "xavier", depth=1)
    nn.init.constant_(network.get_parameter("0.weight"), 0.01)
    assert "All units of layer 0 have the same weights" in measured(network).sentences[0]


def test_overflow_is_said_with_the_layer() -> None:
    network = deep(nn.ReLU, "large_normal")
    with torch.no_grad():
        network.get_parameter("20.weight").mul_(1e30)
    assert measured(network).sentences[0].startswith("The numbers overflow at layer 2")


@pytest.mark.parametrize(
    ("name", "shape"), [("mlp", (1, 28, 28)), ("lenet", (1, 28, 28)), ("small_resnet", (3, 32, 32))]
)
def test_percepts_own_networks_begin_healthy(name: str, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    network = build(name, **arguments_for(name, outputs=10, shape=shape))
    found = health(network, torch.randn(32, *shape), torch.arange(32) % 10, cross_entropy())
    assert found.sentences == ()


def test_the_network_keeps_its_mode_its_dropout_and_its_batch_averages() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.9), nn.Linear(4, 2)).eval()
    network[3].train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    first, second = (
        health(network, torch.ones(8, 4) * torch.arange(8)[:, None], torch.arange(8) % 2, functional.cross_entropy)
        for _ in range(2)
    )
    assert first == second or math.isnan(first.layers[-1].dead)  # nan is unlike itself
    assert first.loss == second.loss  # dropout is left out
    assert not network.training and network[3].training and not network[1].training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_network_without_hidden_layers_has_nothing_to_fade() -> None:
    found = health(nn.Linear(3, 2), torch.randn(8, 3), torch.arange(8) % 2, functional.cross_entropy)
    assert found.healthy and "no hidden layers" in found.summary


def test_recurrent_layers_count_as_layers_and_steps_in_time_as_depth() -> None:
    class Steps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell, self.read = nn.GRUCell(4, 5), nn.Linear(5, 2)

        def forward(self, sequence: Tensor) -> Tensor:
            state = torch.zeros(len(sequence), 5)
            for step in range(sequence.shape[1]):
                state = self.cell(sequence[:, step], state)
            out: Tensor = self.read(state)
            return out

    torch.manual_seed(0)
    found = health(Steps(), torch.randn(16, 3, 4), torch.arange(16) % 2, functional.cross_entropy)
    assert [layer.name for layer in found.layers] == ["cell", "cell (2)", "cell (3)", "read"]


def test_frozen_layers_carry_signals_and_are_not_told_to_learn() -> None:
    network = deep(nn.ReLU, "he", depth=3)
    network[0].requires_grad_(False)
    found = measured(network)
    assert found.healthy and [layer.frozen for layer in found.layers] == [True, False, False, False]
    assert "frozen" in found.table().splitlines()[1]
    assert measured(network.requires_grad_(False)).healthy


def test_parametrized_layers_have_weights_too() -> None:
    network = deep(nn.Tanh, "xavier", depth=2)
    nn.utils.parametrizations.spectral_norm(network[0])
    assert len(measured(network).layers) == 3


def test_a_network_without_weights_has_nothing_to_measure() -> None:
    assert measured(nn.Identity()).layers == ()
