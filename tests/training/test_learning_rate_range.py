"""The range test finds the rates that gradient descent can stand, and leaves no trace."""

import math
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from percept.errors import OptionError
from percept.nn.losses import cross_entropy, squared_error
from percept.training.batches import LabeledPart
from percept.training.learning_rate_range import RateCurve, learning_rate_range, smoothed
from percept.training.processes import make_accelerator
from percept.training.settings import TrainingSettings

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Plain:
    """Rows go to the network as they are."""

    def tensor(self, samples: NDArray[np.float32], device: torch.device) -> Tensor:
        return torch.from_numpy(samples).to(device)


def settings(optimizer: str = "sgd", batch_size: int = 64) -> TrainingSettings:
    return TrainingSettings(1, batch_size, optimizer, 0.1, 0.0, 0.0, "constant", "loss", 0, 0.0, 0)


def line(curvature: float) -> LabeledPart:
    """Rows whose squared error along the only weight is curved by this much: twice the mean of x squared.

    Half of the targets lie above the line and half below, so that the least error is 1.
    """
    inputs = np.full((64, 1), math.sqrt(curvature / 2), np.float32)
    noise = np.tile([-1.0, 1.0], 32)
    return LabeledPart(inputs, (3 * inputs[:, 0] + noise).astype(np.float32), np.arange(64), Plain())


def curve_of(curvature: float, **named: float) -> RateCurve:
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    fixed = network, squared_error(), line(curvature), settings(batch_size=8), make_accelerator(CPU, "float32")
    return learning_rate_range(*fixed, **named)  # type: ignore[arg-type]


@pytest.mark.parametrize("curvature", [0.1, 1.0, 50.0])
def test_descent_on_a_parabola_diverges_beyond_two_over_its_curvature(curvature: float) -> None:
    found = curve_of(curvature, lowest=1e-5, highest=1e4, steps=200)
    # each step multiplies the error by 1 - rate * curvature, and the noise of its batch is added anew
    assert 2 / curvature < found.rates[-1] < 20 / curvature
    assert 0.01 / curvature < found.suggested < 2 / curvature
    assert "the loss rises from" in found.sentence
    assert f"Learning rate {found.suggested:.2g}" in found.sentence


def test_rates_grow_by_one_factor_to_the_highest() -> None:
    found = curve_of(1.0, lowest=1e-4, highest=1e-2, steps=21)
    np.testing.assert_allclose(found.rates, 1e-4 * 10 ** (np.arange(21) / 10), rtol=1e-9)


def test_where_no_rate_helps_none_is_suggested() -> None:
    found = curve_of(1.0, lowest=1e-9, highest=1e-8, steps=20)
    assert math.isnan(found.suggested)
    assert found.sentence.startswith("At no learning rate from 1e-09 to 1e-08 did the loss fall in 20 steps")


def test_where_the_loss_still_falls_at_the_last_rate_the_sentence_says_so() -> None:
    assert "larger ones may work too" in curve_of(1.0, lowest=1e-3, highest=0.5, steps=60).sentence


def test_the_running_average_is_a_weighted_mean_of_what_was() -> None:
    losses = [3.0, 1.0, 4.0]
    weights = np.array([0.81, 0.9, 1.0])
    assert smoothed(losses)[-1] == pytest.approx(np.average(losses, weights=weights))


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_network_averages_and_random_numbers_stay_as_they_are(optimizer: str) -> None:
    network = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2)).eval()
    before = deepcopy(network.state_dict())
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(40, 3)).astype(np.float32)
    part = LabeledPart(inputs, (inputs[:, 0] > 0).astype(np.int64), np.arange(40), Plain())
    torch.manual_seed(2)
    expected = torch.rand(1)
    torch.manual_seed(2)
    fixed = network, cross_entropy(), part, settings(optimizer, 8), make_accelerator(CPU, "float32")
    first, second = learning_rate_range(*fixed), learning_rate_range(*fixed)
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(values, before[name]) for name, values in network.state_dict().items())
    assert all(each.grad is None for each in network.parameters())
    assert not network.training
    np.testing.assert_array_equal(first.losses, second.losses)


def test_rates_and_steps_out_of_range_are_refused() -> None:
    with pytest.raises(OptionError, match="rates are 1 to 0.1; expected two positive numbers"):
        curve_of(1.0, lowest=1.0, highest=0.1)
    with pytest.raises(OptionError, match="steps is 3; expected 10 or more"):
        curve_of(1.0, steps=3)
