import pytest
import torch
from torch import nn

from percept.errors import OptionError
from percept.nn.initializers import initialize, initialize_by_name


@pytest.mark.parametrize(
    ("activation", "variance"),
    [("relu", 2 / 400), ("leaky_relu", 2 / 400), ("elu", 2 / 400), ("tanh", 2 / 600), ("identity", 2 / 600)],
)
def test_weights_have_the_variance_of_he_or_glorot(activation: str, variance: float) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(400, 200)
    initialize(layer, activation)
    # 80,000 draws: the sample variance strays from the true one by 0.5 % (one standard deviation).
    assert layer.weight.var().item() == pytest.approx(variance, rel=0.03)
    assert layer.weight.mean().item() == pytest.approx(0, abs=4 * (variance / 80_000) ** 0.5)
    assert not layer.bias.any()


def test_a_convolution_counts_its_inputs_over_the_whole_filter() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(40, 100, 5)
    initialize(layer, "relu")
    assert layer.weight.var().item() == pytest.approx(2 / (40 * 5 * 5), rel=0.03)


def test_signals_neither_vanish_nor_explode_through_thirty_rectified_layers() -> None:
    torch.manual_seed(0)
    signal = torch.randn(500, 256)
    before = signal.square().mean().item()
    for _ in range(30):
        layer = nn.Linear(256, 256)
        initialize(layer, "relu")
        signal = layer(signal).relu()
    # The mean square stays in expectation: He's factor 2 makes up for the half that a rectifier cuts. Its logarithm
    # strays by (5 / 256) ** 0.5 a layer, a factor 2.2 over thirty; Glorot's rule would leave 2 ** -30 of it.
    assert before / 10 < signal.square().mean().item() < before * 10


def test_the_same_seed_draws_the_same_weights() -> None:
    layers = [nn.Linear(5, 3), nn.Linear(5, 3)]
    for layer in layers:
        torch.manual_seed(7)
        initialize(layer, "relu")
    assert torch.equal(layers[0].weight, layers[1].weight)


@pytest.mark.parametrize(
    ("name", "deviation"),
    [("zero", 0.0), ("small_normal", 0.01), ("large_normal", 1.0), ("xavier", (2 / 600) ** 0.5), ("he", 0.005**0.5)],
)
def test_named_rules_draw_with_the_deviation_of_the_notes(name: str, deviation: float) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(400, 200)
    initialize_by_name(nn.Sequential(layer, nn.ReLU()), name)
    assert layer.weight.std().item() == pytest.approx(deviation, rel=0.02)
    assert not layer.bias.any()


def test_an_unknown_rule_is_an_error_that_names_the_near_one() -> None:
    with pytest.raises(OptionError, match="initializer is 'xavir'; expected one of .*; did you mean xavier?"):
        initialize_by_name(nn.Linear(2, 2), "xavir")
