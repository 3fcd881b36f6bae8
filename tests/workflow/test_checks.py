"""Every run is looked at before and after training, and its report says what was found."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from percept.models import arguments_for, build
from percept.nn.initializers import initialize_by_name
from percept.nn.losses import cross_entropy
from percept.training.batches import LabeledPart
from percept.workflow.checks import check
from percept.workflow.events import Event, Note
from percept.workflow.fit import fit

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Plain:
    """Rows go to the network as they are."""

    def tensor(self, samples: NDArray[np.float32], device: torch.device) -> Tensor:
        return torch.from_numpy(samples).to(device)


def part() -> LabeledPart:
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(300, 6)).astype(np.float32)
    return LabeledPart(inputs, (inputs[:, 0] > 0).astype(np.int64), np.arange(300), Plain())


def test_a_network_that_starts_from_zeros_is_told_before_training_twice_over() -> None:
    network = initialize_by_name(build("mlp", **arguments_for("mlp", outputs=2, shape=(6,))), "zero")
    checks = check(network, cross_entropy(), part(), epochs=1000, seed=0, device=CPU)
    assert len(checks.warnings) == 2
    assert checks.warnings[0].startswith("Before training: No gradient reaches")
    assert checks.warnings[1].startswith("The network cannot learn 32 training samples by heart")
    checked = checks.after(network)
    assert checked.warnings[:2] == checks.warnings
    assert checked.warnings[2].startswith("After training: No gradient reaches")


def test_a_healthy_network_gives_figures_and_no_warning() -> None:
    torch.manual_seed(0)
    network = build("mlp", **arguments_for("mlp", outputs=2, shape=(6,)))
    before = torch.get_rng_state()
    checked = check(network, cross_entropy(), part(), epochs=1000, seed=0, device=CPU).after(network)
    assert checked.warnings == () and checked.signal.startswith("No layer is dead or saturated")
    assert torch.equal(before, torch.get_rng_state())


def test_a_linear_network_is_not_made_to_learn_by_heart_and_has_no_depth() -> None:
    network = build("linear", **arguments_for("linear", outputs=2, shape=(6,)))
    checked = check(network, cross_entropy(), part(), epochs=1000, seed=0, device=CPU).after(network)
    assert (checked.warnings, checked.signal) == ((), "")


def test_the_report_of_a_run_says_how_the_signal_went(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(120, 3))
    run = fit(X, X[:, 0] > 0, out=tmp_path / "run", model="mlp", epochs=2, threads=1, device="cpu")
    findings = json.loads((run.path / "findings.json").read_text(encoding="utf-8"))
    assert findings["health"] == [] and "by a factor of" in findings["signal"]
    assert findings["signal"] in (run.path / "report.html").read_text(encoding="utf-8")


def test_what_is_wrong_before_training_is_noted_and_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "percept.workflow.pretrained.build",
        lambda name, **arguments: initialize_by_name(build(name, **arguments), "zero"),
    )
    events: list[Event] = []
    X = np.random.default_rng(0).normal(size=(120, 3))
    run = fit(X, X[:, 0] > 0, out=tmp_path / "run", model="mlp", epochs=1, threads=1, device="cpu", watch=events.append)
    noted = [event.text for event in events if isinstance(event, Note) and event.text.startswith("Before training")]
    assert len(noted) == 1 and "No gradient reaches" in noted[0]
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert page.count('<p class="finding warning">Before training: No gradient reaches') == 1
