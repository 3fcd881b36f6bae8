"""A network that can learn does learn two batches by heart; one that cannot is told, and nothing else changes."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from percept.errors import OptionError
from percept.models import arguments_for, build
from percept.nn.initializers import initialize_by_name
from percept.nn.losses import cross_entropy, squared_error
from percept.training.batches import LabeledPart
from percept.training.overfit import overfit, two_batches, worth_checking

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Plain:
    """Rows go to the network as they are."""

    def tensor(self, samples: NDArray[np.float32], device: torch.device) -> Tensor:
        return torch.from_numpy(samples).to(device)


def noise(*, classes: int = 3, samples: int = 100, features: int = 8) -> LabeledPart:
    """Inputs that say nothing about the labels: only learning by heart helps."""
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(samples, features)).astype(np.float32)
    return LabeledPart(inputs, generator.integers(classes, size=samples), np.arange(samples), Plain())


def mlp(**changes: object) -> nn.Module:
    torch.manual_seed(0)
    return build("mlp", **{**arguments_for("mlp", outputs=3, shape=(8,)), **changes})


@pytest.mark.parametrize("activation", ["relu", "tanh", "elu"])
def test_a_network_that_can_learn_knows_noise_by_heart(activation: str) -> None:
    done = overfit(mlp(activation=activation, dropout=0.5), cross_entropy(), two_batches(noise(), CPU, seed=0))
    assert done.by_heart and done.warning == "" and done.samples == 32
    assert done.steps < 300 and done.last < 0.05 * done.first * 1.001


def test_regression_is_learnt_by_heart_too() -> None:
    part = noise()
    squares = part.inputs[:, 0].astype(np.float32) ** 2
    figures = LabeledPart(part.inputs, squares, part.rows, part.preprocessing)
    network = build("mlp", **arguments_for("mlp", outputs=1, shape=(8,)))
    assert overfit(network, squared_error(), two_batches(figures, CPU, seed=0)).by_heart


def test_a_network_that_passes_no_gradient_is_told() -> None:
    done = overfit(initialize_by_name(mlp(), "zero"), cross_entropy(), two_batches(noise(), CPU, seed=0), steps=60)
    assert not done.by_heart
    assert "cannot learn 32 training samples by heart: after 60 steps" in done.warning


def test_inputs_that_are_cut_off_from_the_output_are_told() -> None:
    class Deaf(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.hidden, self.out = nn.Linear(8, 16), nn.Linear(16, 3)

        def forward(self, inputs: Tensor) -> Tensor:
            out: Tensor = self.out(self.hidden(0 * inputs))
            return out

    assert (
        "do not tell these samples apart" in overfit(Deaf(), cross_entropy(), two_batches(noise(), CPU, seed=0)).warning
    )


def test_a_loss_that_is_no_number_is_told() -> None:
    done = overfit(mlp(), lambda y, t: functional.cross_entropy(y, t) * torch.nan, two_batches(noise(), CPU, seed=0))
    assert done.steps == 1 and not done.by_heart


def test_a_network_with_nothing_to_train_is_refused() -> None:
    with pytest.raises(OptionError, match="no weights to train"):
        overfit(mlp().requires_grad_(False), cross_entropy(), two_batches(noise(), CPU, seed=0))


def test_weights_batch_averages_mode_and_random_numbers_stay() -> None:
    network = mlp(batch_norm=True, dropout=0.5).eval()
    before, state = {name: value.clone() for name, value in network.state_dict().items()}, torch.get_rng_state()
    overfit(network, cross_entropy(), two_batches(noise(), CPU, seed=0), steps=5)
    assert torch.equal(state, torch.get_rng_state()) and not network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_batches_hold_each_input_once_and_only_of_their_part() -> None:
    part = noise(samples=40)
    inputs = np.concatenate([part.inputs, part.inputs])  # every row twice
    targets = part.targets.astype(np.int64)
    doubled = LabeledPart(inputs, np.concatenate([targets, targets]), np.r_[0:20, 40:60], part.preprocessing)
    batches = two_batches(doubled, CPU, seed=3)
    rows = {tuple(row) for batch, _ in batches for row in batch.tolist()}
    assert len(rows) == sum(len(targets) for _, targets in batches) == 20
    assert rows == {tuple(row) for row in part.inputs[:20].tolist()}


def test_few_samples_make_one_batch() -> None:
    part = noise(samples=100)
    few = LabeledPart(part.inputs, part.targets, np.arange(3), part.preprocessing)
    assert [len(targets) for _, targets in two_batches(few, CPU, seed=0)] == [2]
    with pytest.raises(ValueError, match="training part is empty"):
        two_batches(LabeledPart(part.inputs, part.targets, np.arange(0), part.preprocessing), CPU, seed=0)


def test_only_long_runs_of_networks_with_hidden_layers_are_checked() -> None:
    assert worth_checking(mlp(), samples=10_000, epochs=20)
    assert not worth_checking(mlp(), samples=150, epochs=20)
    assert not worth_checking(nn.Linear(8, 3), samples=10_000, epochs=20)
