"""Training steps are the textbook's, repeat bit for bit, and go on from a checkpoint as if nothing had happened."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from percept.errors import OptionError, RunFolderError, TrainingError
from percept.nn.losses import balanced_weights, cross_entropy, squared_error
from percept.training.batches import LabeledPart, batches
from percept.training.checkpoint import Checkpoint, restore_checkpoint, save_checkpoint
from percept.training.loop import Epoch, train
from percept.training.optimizers import OPTIMIZERS, make_optimizer
from percept.training.processes import make_accelerator
from percept.training.schedules import SCHEDULES, cosine
from percept.training.settings import TrainingSettings
from percept.training.stopping import NOTHING_YET, keep_best

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Plain:
    """Rows go to the network as they are."""

    def tensor(self, samples: NDArray[np.float32], device: torch.device) -> torch.Tensor:
        return torch.from_numpy(samples).to(device)


def settings(**changes: object) -> TrainingSettings:
    values: dict[str, object] = {
        "epochs": 4,
        "batch_size": 8,
        "optimizer": "adamw",
        "learning_rate": 0.01,
        "weight_decay": 0.01,
        "momentum": 0.9,
        "schedule": "cosine",
        "metric": "loss",
        "patience": 0,
        "clip_norm": 1.0,
        "seed": 3,
    }
    return TrainingSettings(**{**values, **changes})  # type: ignore[arg-type]


def part(rows: slice) -> LabeledPart:
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(60, 5)).astype(np.float32)
    targets = (inputs[:, 0] + inputs[:, 1] ** 2 > 0.5).astype(np.int64)
    return LabeledPart(inputs, targets, np.arange(60)[rows], Plain())


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2))


def accuracy_and_loss(outputs: NDArray[np.float32]) -> dict[str, float]:
    truth = part(slice(40, 60))
    chances = torch.from_numpy(outputs)
    targets = torch.from_numpy(truth.targets[truth.rows])
    return {
        "loss": float(nn.functional.cross_entropy(chances, targets)),
        "accuracy": float((chances.argmax(1) == targets).float().mean()),
    }


class Session:
    """A network with its optimizer and schedule, made anew each time."""

    def __init__(self, chosen: TrainingSettings) -> None:
        self.settings = chosen
        self.network = network()
        self.optimizer = make_optimizer(
            self.network,
            chosen.optimizer,
            learning_rate=chosen.learning_rate,
            weight_decay=chosen.weight_decay,
            momentum=chosen.momentum,
        )
        self.schedule = SCHEDULES[chosen.schedule](self.optimizer, 5, chosen.epochs)

    def epochs(self, first: int = 1) -> Iterator[Epoch]:
        events = train(
            self.network,
            self.optimizer,
            self.schedule,
            cross_entropy(),
            part(slice(0, 40)),
            part(slice(40, 60)),
            accuracy_and_loss,
            self.settings,
            make_accelerator(CPU, "float32"),
            first=first,
        )
        return (event for event in events if isinstance(event, Epoch))


def test_each_sample_comes_once_an_epoch_and_no_batch_is_a_single_sample() -> None:
    ten = LabeledPart(np.arange(10, dtype=np.float32)[:, None], np.arange(10), np.arange(10), Plain())
    found = list(batches(ten, 9, seed=0, epoch=1, accelerator=make_accelerator(CPU, "float32")))
    assert [len(targets) for _, targets in found] == [5, 5]
    assert sorted(int(target) for _, targets in found for target in targets) == list(range(10))


def test_a_full_batch_sgd_step_is_the_textbook_gradient_step() -> None:
    # w <- w - rate * d/dw mean (w x - t)^2, by hand: gradient = mean 2 x (w x - t)
    inputs, targets = np.array([[1.0], [2.0]], np.float32), np.array([1.0, 0.0], np.float32)
    linear = nn.Linear(1, 1, bias=False)
    nn.init.constant_(linear.weight, 0.5)
    both = LabeledPart(inputs, targets, np.arange(2), Plain())
    optimizer = make_optimizer(linear, "sgd", learning_rate=0.1, weight_decay=0.0, momentum=0.0)
    events = train(
        linear,
        optimizer,
        SCHEDULES["constant"](optimizer, 1, 1),
        squared_error(),
        both,
        both,
        lambda outputs: {"loss": float(((outputs[:, 0] - targets) ** 2).mean())},
        settings(epochs=1, batch_size=2, optimizer="sgd", clip_norm=0.0),
        make_accelerator(CPU, "float32"),
    )
    (epoch,) = (event for event in events if isinstance(event, Epoch))
    gradient = np.mean([2 * 1 * (0.5 - 1), 2 * 2 * (1.0 - 0)])
    assert float(linear.weight.detach()) == pytest.approx(0.5 - 0.1 * gradient)
    assert epoch.gradient_norm == pytest.approx(abs(gradient))
    assert epoch.train_loss == pytest.approx(np.mean([0.25, 1.0]))


def test_two_trainings_with_one_seed_have_the_same_bits() -> None:
    first, second = Session(settings()), Session(settings())
    history = [(epoch.train_loss, epoch.figures) for epoch in first.epochs()]
    assert history == [(epoch.train_loss, epoch.figures) for epoch in second.epochs()]
    for one, other in zip(first.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_going_on_from_a_checkpoint_gives_the_bits_of_an_unbroken_training(
    tmp_path: Path, optimizer: str, schedule: str
) -> None:
    chosen = settings(optimizer=optimizer, schedule=schedule)
    unbroken = Session(chosen)
    whole = list(unbroken.epochs())

    killed, saved = Session(chosen), []
    for epoch in killed.epochs():
        saved.append(epoch)
        if epoch.number == 2:
            state = Checkpoint(tuple(saved), NOTHING_YET)
            save_checkpoint(tmp_path / "last", killed.network, killed.optimizer, killed.schedule, state)
            break
    resumed = Session(chosen)
    kept = restore_checkpoint(tmp_path / "last", resumed.network, resumed.optimizer, resumed.schedule)
    assert kept.history == tuple(saved)
    rest = list(resumed.epochs(first=3))
    assert [epoch.figures for epoch in rest] == [epoch.figures for epoch in whole[2:]]
    assert [epoch.learning_rate for epoch in rest] == [epoch.learning_rate for epoch in whole[2:]]
    for one, other in zip(unbroken.network.state_dict().values(), resumed.network.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_a_damaged_checkpoint_is_a_sentence(tmp_path: Path) -> None:
    session = Session(settings())
    path = tmp_path / "last"
    save_checkpoint(path, session.network, session.optimizer, session.schedule, Checkpoint((), NOTHING_YET))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(RunFolderError, match="not a whole checkpoint"):
        restore_checkpoint(path, session.network, session.optimizer, session.schedule)


def test_a_loss_that_is_no_longer_finite_stops_with_advice() -> None:
    session = Session(settings(optimizer="sgd", learning_rate=1e30, clip_norm=0.0))
    with pytest.raises(TrainingError, match="smaller --learning-rate"):
        list(session.epochs())


def test_the_best_epoch_is_kept_and_patience_ends_training() -> None:
    values = [0.9, 0.5, 0.6, 0.7, 0.1]
    linear = nn.Linear(1, 1, bias=False)

    def told() -> Iterator[Epoch]:
        for number, value in enumerate(values, start=1):
            nn.init.constant_(linear.weight, number)
            yield Epoch(number, 0.0, {"loss": value}, 0.1, 0.0, 0.0, 0.0)

    pairs = [
        pair
        for pair in keep_best(told(), linear, metric="loss", higher_is_better=False, patience=2)
        if isinstance(pair, tuple)
    ]
    assert [epoch.number for epoch, _ in pairs] == [1, 2, 3, 4]
    assert pairs[-1][1].epoch == 2
    assert float(pairs[-1][1].weights["weight"]) == 2.0


def test_cosine_equals_torch_without_the_rise() -> None:
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
    for step in range(10):
        assert cosine(step, steps=10, warmup=0) == pytest.approx(reference.get_last_lr()[0])
        optimizer.step()
        reference.step()


def test_biases_and_norms_are_not_decayed() -> None:
    optimizer = make_optimizer(network(), "adamw", learning_rate=0.1, weight_decay=0.5, momentum=0.0)
    decays = {group["weight_decay"]: [p.ndim for p in group["params"]] for group in optimizer.param_groups}
    assert decays == {0.5: [2, 2], 0.0: [1, 1, 1, 1]}


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    targets = np.array([0] * 7 + [1] * 2 + [2])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=targets)
    np.testing.assert_allclose(balanced_weights(torch.from_numpy(targets), 3), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"learning_rate": -1.0}, "learning rate is -1.0"),
        ({"learning_rate": float("nan")}, "learning rate is nan"),
        ({"optimizer": "adamm"}, "one of adamw, adam, sgd"),
        ({"momentum": 1.0}, "momentum is 1.0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_a_setting_out_of_range_is_a_sentence(change: dict[str, object], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        settings(**change)


def test_of_epochs_with_the_same_figure_the_one_with_the_lower_loss_is_kept() -> None:
    linear = nn.Linear(1, 1)
    told = [
        Epoch(number, 0.0, {"accuracy": accuracy, "loss": loss}, 0.1, 0.0, 0.0, 0.0)
        for number, (accuracy, loss) in enumerate([(0.5, 0.9), (0.5, 0.4), (0.4, 0.1), (0.5, 0.6)], start=1)
    ]
    pairs = list(keep_best(told, linear, metric="accuracy", higher_is_better=True, patience=0))
    assert [pair[1].epoch for pair in pairs if isinstance(pair, tuple)] == [1, 2, 2, 2]
