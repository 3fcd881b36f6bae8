"""Networks by name, from a user's module, from a run: inspected, listed, refused in a sentence."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import percept
from percept.cli.main import main
from percept.errors import OptionError, PerceptError
from percept.models import names
from percept.workflow.models import models

OWN = """
import torch
from torch import nn

def small(classes=3):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, classes))

def reads():
    layer = nn.Conv2d(3, 2, 1)
    layer.weight.data *= float(layer.weight.sum())
    return layer

def nothing():
    return 1

def fails():
    raise KeyError("no weights")

number = 3
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own_networks.py").write_text(OWN)
    (tmp_path / "own_broken.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_network_by_name() -> None:
    found = percept.inspect("resnet18", image=(64, 96), classes=7, channels=1)
    assert (found.name, found.shape, found.layers[-1].shape) == ("resnet18", (1, 64, 96), (7,))
    assert str(found.layers[-1].field) == "whole picture"
    assert percept.inspect("vgg16", image=(224, 224), classes=1000).parameters == 138_357_544


def test_a_network_for_tables() -> None:
    found = percept.inspect("mlp", features=4, classes=3)
    assert found.shape == (4,) and found.layers[0].field is None
    assert found.layers[1].formula == "4x128 + 128"


def test_a_users_own_function_is_told_the_classes_that_it_takes() -> None:
    assert percept.inspect("own_networks:small").layers[-1].shape == (3,)
    found = percept.inspect("own_networks:small", image=(12, 10), classes=8)
    assert (found.layers[-1].shape, found.layers[0].shape) == ((8,), (4, 10, 8))
    assert percept.inspect("own_networks:reads", image=(4, 4)).parameters == 8


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("resnet19", {}, "model is 'resnet19'"),
        ("no_such_module:net", {}, "there is no module 'no_such_module'; run percept where it lies"),
        ("own_networks:large", {}, "own_networks has no 'large'"),
        ("own_networks:number", {}, "own_networks:number is int"),
        ("own_networks:nothing", {}, "own_networks:nothing gave int; expected a function that returns a torch.nn"),
        ("own_networks:fails", {}, "own_networks:fails failed: 'no weights'"),
        ("own_broken:net", {}, "own_broken cannot be imported: division by zero"),
        ("own_networks:small", {"image": (2, 2)}, "layer 0 (Conv2d) cannot be followed for an input of 3x2x2"),
        ("resnet18", {"channels": 0}, "--channels is 0; expected 1 or more"),
        ("resnet18", {"features": 3}, "takes pictures"),
        ("lenet", {"features": 3, "image": (8, 8)}, "takes pictures"),
        ("own_networks:small", {"features": 3, "image": (8, 8)}, "give one kind"),
        ("vgg16", {"image": (8, 8)}, "32x32"),
        (".", {}, "run"),
    ],
)
def test_what_cannot_be_inspected_is_refused_in_a_sentence(
    name: str, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(PerceptError) as refusal:
        percept.inspect(name, **options)  # type: ignore[arg-type]
    assert sentence in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_run_is_inspected_at_its_own_size(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 2))
    frame = pd.DataFrame({"x": rows[:, 0], "y": rows[:, 1], "label": np.where(rows[:, 0] > 0, "up", "down")})
    run = percept.fit(frame, "label", epochs=1, out=folder / "run", threads=1)
    for path in (run.path, run.path / "model.safetensors"):
        main(["inspect", str(path), "--json"])
        found = json.loads(capsys.readouterr().out)
        assert found["input"] == [2] and found["layers"][-1]["shape"] == [2]
    with pytest.raises(OptionError, match="--classes is 3; a trained network has its own: leave it out"):
        percept.inspect(run.path, classes=3)
    page = (run.path / "report.html").read_text()
    assert 'id="network"' in page and "2x128 + 128" in page


def test_the_command_prints_a_table_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    main(["inspect", "resnet50", "--image", "224x224", "--classes", "10", "--depth", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("layer") and any(line.startswith("stage4") for line in lines)
    assert "23,528,522 weights" in capsys.readouterr().out or "23,528,522 weights" in "\n".join(lines)
    main(["inspect", "own_networks:small", "--image", "9", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["layers"][0]["receptive_field"] == [3, 3] and found["layers"][0]["shape"] == [4, 7, 7]
    with pytest.raises(OptionError, match="--image is 'large'; expected pixels such as 64, or 64x96"):
        main(["inspect", "resnet18", "--image", "large"])


@pytest.mark.slow
def test_the_list_has_every_network_with_its_measures() -> None:
    rows = {row.name: row for row in models()}
    assert list(rows) == list(names())
    measures = {name: (row.weights, row.receptive_field) for name, row in rows.items()}
    assert measures["alexnet"] == (61_100_840, 195)
    assert measures["vgg16"] == (138_357_544, 212)
    assert measures["mobilenet"] == (4_231_976, 315)
    assert measures["resnet50"] == (25_557_032, 427)
    assert rows["resnet18"].multiply_adds == 1_814_073_344  # the 1.8 billion of He et al. 2016, table 1
    assert rows["mlp"].receptive_field == 0 and rows["cifar_resnet20"].year == 2016
