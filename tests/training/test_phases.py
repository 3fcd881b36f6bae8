"""Phases train what they say, and the head on kept features learns what it learns on pictures."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from percept.data.augment.layer import AugmentationLayer
from percept.data.augment.recipe import Augmentation
from percept.data.preprocessing import ImagePreprocessing
from percept.devices import Precision
from percept.errors import PerceptWarning
from percept.models import build
from percept.models.parts import find_parts
from percept.models.split import split
from percept.models.transfer import Transfer, transfer
from percept.nn.geometry.trace import undrawn
from percept.nn.losses import cross_entropy
from percept.training.batches import LabeledPart
from percept.training.checkpoint import Checkpoint, epochs_done, restore_checkpoint, save_checkpoint
from percept.training.features import FeatureStore, with_features
from percept.training.layer_rates import DECAY, rates_by_depth
from percept.training.loop import Epoch, train
from percept.training.optimizers import make_optimizer
from percept.training.phases import FINE, Phase, begin, learner, plan, train_in_phases
from percept.training.processes import make_accelerator
from percept.training.settings import TrainingSettings
from percept.training.stopping import NOTHING_YET

CPU = torch.device("cpu")
SHAPE = (3, 16, 16)
BODIES = ("small_resnet", "nin", "googlenet", "mobilenet_v2", "efficientnet_b0")


def settings(**changes: object) -> TrainingSettings:
    values: dict[str, object] = {
        "epochs": 5,
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
    targets = generator.integers(2, size=60)
    pictures = generator.integers(0, 256, size=(60, 16, 16, 3)).astype(np.uint8)
    pictures[targets == 1, :8] //= 4
    form = ImagePreprocessing(16, 16, 3, mean=(0.4, 0.5, 0.5), std=(0.2, 0.3, 0.3))
    return LabeledPart(pictures, targets, np.random.default_rng(1).permutation(60)[rows], form)


TRAINING, VALIDATION = part(slice(0, 41)), part(slice(41, 60))


def score(outputs: NDArray[np.float32]) -> dict[str, float]:
    targets = torch.from_numpy(VALIDATION.targets[VALIDATION.rows])
    scores = torch.from_numpy(outputs)
    return {
        "loss": float(nn.functional.cross_entropy(scores, targets)),
        "accuracy": float((scores.argmax(1) == targets).float().mean()),
    }


def moved(name: str, level: str) -> Transfer:
    torch.manual_seed(0)
    side = 32 if name == "googlenet" else 16
    return transfer(build(name, classes=10).eval(), classes=2, level=level, shape=(3, side, side))


def epochs_of(
    found: Transfer, phases: tuple[Phase, ...], store: FeatureStore | None = None, precision: Precision = "float32"
) -> list[Epoch]:
    accelerator = make_accelerator(CPU, precision)
    fixed = (cross_entropy(), TRAINING, VALIDATION, score, settings(), accelerator, precision)
    course = train_in_phases(found.network, found.parts, phases, *fixed, store=store)
    return [each for each in course if isinstance(each, Epoch)]


def test_the_usual_course_teaches_the_head_first_and_the_body_at_lower_rates() -> None:
    head, rest = plan(3, settings(epochs=20, learning_rate=0.01))
    assert (head.first, head.last, head.stages, head.learning_rate) == (1, 4, 0, 0.01)
    assert (rest.first, rest.last, rest.stages, rest.learning_rate) == (5, 20, 3, 0.001)
    assert len(plan(0, settings())) == len(plan(3, settings(epochs=1))) == 1
    assert [phase.last for phase in plan(1, settings(epochs=2))] == [1, 2]


def test_rates_fall_from_stage_to_stage_by_the_papers_factor() -> None:
    with undrawn():
        network = build("resnet18", classes=2)
    parts = find_parts(network, (3, 64, 64))
    phase = Phase(1, 2, len(parts.stages), 0.1)
    optimizer, _ = begin(network, parts, phase, settings(optimizer="sgd", schedule="constant"), samples=40)
    rates = {id(each): group["lr"] for group in optimizer.param_groups for each in group["params"]}
    found = {name: rates[id(each)] for name, each in network.named_parameters()}
    assert found["scores.weight"] == found["scores.bias"] == 0.1
    for depth, layer in enumerate(["stage4.1.second", "stage3.0.first", "stage2.0.first", "stage1.1.first", "stem"], 1):
        assert found[f"{layer}.0.weight"] == pytest.approx(0.1 / 2.6**depth)
        assert found[f"{layer}.1.bias"] == pytest.approx(0.1 / 2.6**depth)
    assert optimizer.param_groups[0]["lr"] == 0.1  # what the history calls the learning rate
    assert len(rates) == len(list(network.parameters()))


def test_without_factors_weights_and_biases_make_two_groups_at_one_rate() -> None:
    network = build("small_resnet", classes=2)
    groups = make_optimizer(network, "adamw", learning_rate=0.1, weight_decay=0.2, momentum=0).param_groups
    assert [(group["lr"], group["weight_decay"]) for group in groups] == [(0.1, 0.2), (0.1, 0.0)]
    assert all(each.ndim >= 2 for each in groups[0]["params"])
    assert sum(len(group["params"]) for group in groups) == len(list(network.parameters()))


def test_a_step_of_gradient_descent_moves_each_layer_by_its_own_rate() -> None:
    network = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    for layer, value in zip(network, (2.0, 3.0), strict=True):
        nn.init.constant_(layer.weight, value)  # type: ignore[arg-type]
    chosen = {"learning_rate": 0.1, "weight_decay": 0.0, "momentum": 0.0}
    optimizer = make_optimizer(network, "sgd", factors={"0.weight": 0.5}, **chosen)
    network(torch.ones(1, 1)).backward()  # gradients 3 and 2
    optimizer.step()
    assert [each.item() for each in network.parameters()] == pytest.approx([2 - 0.1 * 0.5 * 3, 3 - 0.1 * 2])


def test_the_body_rests_in_the_first_phase_and_moves_in_the_second() -> None:
    found = moved("small_resnet", "last:1")
    before = deepcopy(found.network.state_dict())
    head, rest = plan(found.stages, settings())
    epochs_of(found, (head,))
    between = deepcopy(found.network.state_dict())
    assert {name for name in before if not torch.equal(before[name], between[name])} == {"6.weight", "6.bias"}
    epochs = epochs_of(found, (rest,))
    after = found.network.state_dict()
    assert {name.partition(".")[0] for name in before if not torch.equal(between[name], after[name])} == {"3", "6"}
    assert [epoch.number for epoch in epochs] == [2, 3, 4, 5]
    assert max(epoch.learning_rate for epoch in epochs) <= FINE * 0.01


@pytest.mark.parametrize("name", BODIES)
def test_body_and_head_one_after_the_other_are_the_network(name: str) -> None:
    found = moved(name, "head")
    halves = split(found.network, found.parts)
    assert halves is not None
    body, head = halves
    pictures = torch.randn(3, *found.shape)
    torch.testing.assert_close(head(body(pictures)), found.network.eval()(pictures))
    shared = {id(each) for each in found.network.parameters()}
    assert {id(each) for each in head.parameters()} <= shared
    assert {name for name, each in head.named_parameters()} == set(found.parts.head.weights)


@pytest.mark.parametrize("name", ["small_resnet", "nin", "mobilenet_v2"])
def test_the_head_on_kept_features_learns_what_it_learns_on_pictures(name: str, tmp_path: Path) -> None:
    runs = {}
    for key, store in {"pictures": None, "memory": FeatureStore(), "file": FeatureStore(tmp_path)}.items():
        found = moved(name, "head")
        runs[key] = epochs_of(found, plan(0, settings(epochs=3)), store), found.network.state_dict()
    for key in ("memory", "file"):
        for one, other in zip(runs["pictures"][0], runs[key][0], strict=True):
            assert one.train_loss == pytest.approx(other.train_loss, rel=1e-4)
            assert one.figures["loss"] == pytest.approx(other.figures["loss"], rel=1e-4)
            assert one.figures["accuracy"] == other.figures["accuracy"]
        torch.testing.assert_close(runs["pictures"][1], runs[key][1], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("killed_after", [1, 2, 3])  # of five epochs, the first of which is the head's alone
def test_a_course_goes_on_from_a_checkpoint_as_if_nothing_had_happened(killed_after: int, tmp_path: Path) -> None:
    phases, accelerator = (Phase(1, 2, 0, 0.01), Phase(3, 5, 1, 0.001)), make_accelerator(CPU, "float32")

    def go_on(found: Transfer, until: int) -> None:
        """Train as a run does that may be killed: what it does after each epoch is what it finds again."""
        path, store = tmp_path / "last", FeatureStore()
        done = epochs_done(path) if path.exists() else 0
        for phase in phases:
            if phase.last < done:
                continue
            optimizer, schedule = begin(found.network, found.parts, phase, settings(), len(TRAINING))
            if phase.first <= done:
                restore_checkpoint(path, found.network, optimizer, schedule)
            learns, *data = learner(found.network, found.parts, phase, TRAINING, VALIDATION, store, device=CPU)
            chosen = replace(settings(), epochs=min(phase.last, until), learning_rate=phase.learning_rate)
            fixed = learns, optimizer, schedule, cross_entropy(), data[0], data[1], score, chosen, accelerator
            for epoch in train(*fixed, first=max(phase.first, done + 1)):
                if isinstance(epoch, Epoch):
                    history.append(epoch)
                    state = Checkpoint(tuple(history), NOTHING_YET)
                    save_checkpoint(path, found.network, optimizer, schedule, state)

    unbroken = moved("small_resnet", "last:1")
    expected = epochs_of(unbroken, phases, FeatureStore())
    history: list[Epoch] = []
    go_on(moved("small_resnet", "last:1"), until=killed_after)
    again = moved("small_resnet", "last:1")
    go_on(again, until=5)
    assert [epoch.number for epoch in history] == [1, 2, 3, 4, 5]
    assert [epoch.train_loss for epoch in history] == [epoch.train_loss for epoch in expected]
    assert all(map(torch.equal, unbroken.network.state_dict().values(), again.network.state_dict().values()))


def taught(found: Transfer, training: LabeledPart, store: FeatureStore | None) -> nn.Module:
    (phase,) = plan(0, settings())
    return learner(found.network, found.parts, phase, training, VALIDATION, store, device=CPU)[0]


def test_augmented_pictures_go_through_the_whole_network() -> None:
    found = moved("small_resnet", "head")
    assert taught(found, TRAINING, None) is found.network
    assert (
        taught(found, replace(TRAINING, augmentation=AugmentationLayer(Augmentation(shift=0.1))), FeatureStore())
        is found.network
    )
    assert taught(found, TRAINING, FeatureStore()) is not found.network


@pytest.mark.parametrize("store", [None, FeatureStore()])
def test_after_a_course_in_bfloat16_the_network_computes_in_float32_again(store: FeatureStore | None) -> None:
    found = moved("small_resnet", "last:1")
    epochs_of(found, (Phase(1, 1, 0, 0.01), Phase(2, 2, 1, 0.001)), store, "bfloat16")
    pictures = torch.randn(2, *SHAPE)
    plain = build("small_resnet", classes=2).eval()
    plain.load_state_dict(found.network.state_dict())
    torch.testing.assert_close(found.network.eval()(pictures), plain(pictures))


class Written(nn.Module):
    """Flattens by the size of the batch, and calls dropout and activation as functions."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 4, 3), nn.Linear(4 * 14 * 14, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = nn.functional.relu(self.first(images))
        flat = maps.view(maps.size(0), -1)
        made: torch.Tensor = self.last(nn.functional.dropout(flat, 0.5, self.training))
        return nn.functional.log_softmax(made, dim=1)


def test_steps_that_are_no_layers_are_part_of_either_half() -> None:
    found = transfer(Written(), classes=2, shape=SHAPE)
    halves = split(found.network, found.parts)
    assert halves is not None
    pictures = torch.randn(5, *SHAPE)
    expected = found.network.eval()(pictures)
    torch.testing.assert_close(halves[1](halves[0](pictures)), expected)
    torch.testing.assert_close(found.network.train()(pictures), expected)  # what rests and learns at once, rests


class BySize(nn.Module):
    """What runs depends on the values, which torch.fx cannot follow for a batch to come."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        if len(rows) > 3:
            rows = rows * 2
        made: torch.Tensor = self.last(self.first(rows))
        return made


def test_a_network_that_cannot_be_followed_is_not_split() -> None:
    network = BySize()
    assert split(network, find_parts(network, (2,))) is None


def features(store: FeatureStore, training: LabeledPart = TRAINING, seed: int = 0) -> LabeledPart:
    torch.manual_seed(seed)
    network = build("small_resnet", classes=2)
    halves = split(network, find_parts(network, SHAPE))
    assert halves is not None
    made = with_features(training, halves[0], store, device=CPU)
    assert made is not None
    return made


def test_features_are_found_again_by_what_they_depend_on_alone(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    first = features(store)
    (path,) = tmp_path.iterdir()
    written = path.stat().st_mtime_ns
    np.testing.assert_array_equal(features(store).inputs, first.inputs)
    assert [each.stat().st_mtime_ns for each in tmp_path.iterdir()] == [written]
    other = TRAINING.inputs.copy()
    other[TRAINING.rows[0], 0, 0, 0] ^= 1
    changed = [
        (replace(TRAINING, inputs=other), 0),
        (replace(TRAINING, rows=TRAINING.rows[::-1]), 0),
        (replace(TRAINING, preprocessing=ImagePreprocessing(16, 16, 3, (0.5,) * 3, (0.5,) * 3)), 0),
        (TRAINING, 1),
    ]
    for number, (training, seed) in enumerate(changed, start=2):
        features(store, training, seed)
        assert len(list(tmp_path.iterdir())) == number


def test_a_damaged_file_of_features_is_written_anew(tmp_path: Path) -> None:
    first = np.array(features(FeatureStore(tmp_path)).inputs)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:200])
    np.testing.assert_array_equal(features(FeatureStore(tmp_path)).inputs, first)


def test_features_that_are_too_many_for_memory_lie_in_a_file() -> None:
    kept, spilled = features(FeatureStore()), features(FeatureStore(memory=100))
    assert not isinstance(kept.inputs, np.memmap)
    assert isinstance(spilled.inputs, np.memmap)
    np.testing.assert_array_equal(spilled.inputs, kept.inputs)
    np.testing.assert_array_equal(spilled.targets, TRAINING.targets[TRAINING.rows])


def test_where_no_file_can_be_written_every_epoch_computes_them_anew(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    found = moved("small_resnet", "head")
    with pytest.warns(PerceptWarning, match="the features of the frozen body cannot be kept"):
        assert taught(found, TRAINING, FeatureStore(tmp_path / "taken")) is found.network


def test_the_decay_is_an_argument() -> None:
    network = build("lenet", classes=2, channels=1, size=(28, 28))
    parts = find_parts(network, (1, 28, 28))
    assert set(rates_by_depth(parts, 1).values()) == {1.0}
    assert min(rates_by_depth(parts).values()) == pytest.approx(DECAY**4)
