"""`percept fit --cv` and `percept select`: what they print, what they refuse, and that a kill costs nothing."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from percept.cli.main import main
from percept.cli.options import grid_of, layers
from percept.cli.screen import NetworksLine, Screen, TrainingView
from percept.errors import OptionError
from percept.workflow.events import Networks

STACK = ["--cv", "3", "--alphas", "0.01,1", "--hidden", "4", "--restarts", "2", "--epochs", "3"]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    rows = np.random.default_rng(0).normal(size=(60, 2))
    frame = pd.DataFrame({"x": rows[:, 0], "y": rows[:, 1], "label": np.where(rows[:, 0] > 0, "up", "down")})
    frame.to_csv("points.csv", index=False)
    return "points.csv"


def test_fit_with_cv_shows_the_candidates_and_its_figures_as_out_of_fold(
    data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["fit", data, "--target", "label", *STACK])
    said = capsys.readouterr().out
    assert "Candidates, 2 on 3 splits" in said
    assert "12 of 12 networks" in said
    assert "Out of fold" in said
    assert "next: percept evaluate runs/points" in said
    main(["evaluate", "runs/points", "--json"])
    assert set(json.loads(capsys.readouterr().out)["accuracy"]) == {"value", "low", "high"}
    main(["predict", "runs/points", data, "--json"])
    assert len(json.loads(capsys.readouterr().out)) == 60
    main(["report", "runs/points"])


@pytest.mark.slow
def test_json_of_select_stands_alone_and_tells_the_choice(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["select", data, "--target", "label", "--cv", "2", "--epochs", "1", "--grid", "weight-decay=0,0.1", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [each["params"] for each in found["selection"]["candidates"]] == [{"weight_decay": 0}, {"weight_decay": 0.1}]


@pytest.mark.parametrize("text", ["", "x", "64x", "0", "-3", "6.5"])
def test_layers_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match="--hidden is .*such as 64 or 32x16"):
        layers(text)


@pytest.mark.parametrize("given", [["learning_rate"], ["learning_rate="], ["=1"], ["a=1,"], ["a=1", "a=2"]])
def test_a_grid_that_cannot_be_read_is_refused(given: list[str]) -> None:
    with pytest.raises(OptionError, match="--grid"):
        grid_of(given)


@pytest.mark.parametrize("width", [20, 60, 120])
def test_the_line_of_networks_fits_its_terminal(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(NetworksLine(Networks(12000, 30000), "networks", "5 s left"))
    assert isinstance(console.file, io.StringIO)
    line = console.file.getvalue()
    assert line.count("\n") == 1
    assert len(line.rstrip()) <= width


def test_a_second_count_of_networks_begins_anew(capsys: pytest.CaptureFixture[str]) -> None:
    view = TrainingView(Screen(False))
    for done, total in ((1, 2), (2, 2), (1, 3), (3, 3)):
        view.show(Networks(done, total))
    assert [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()] == [
        "1 of 2 networks",
        "2 of 2 networks",
        "1 of 3 networks",
        "3 of 3 networks",
    ]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9")
def test_kill_9_of_a_stack_changes_no_byte_of_the_model_file(tmp_path: Path) -> None:
    def command(out: str, *more: str) -> list[str]:
        choices = ["--cv", "loo", "--alphas", "auto", "--restarts", "2", "--hidden", "16", "--epochs", "40"]
        return [sys.executable, "-m", "percept", "fit", "wine", "--out", str(tmp_path / out), *choices, *more]

    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command("whole"), check=True, capture_output=True, env=environment)
    process = subprocess.Popen(command("killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    blocks = tmp_path / "killed" / "checkpoint" / "networks"
    while not blocks.exists() or len(list(blocks.iterdir())) < 10:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not (tmp_path / "killed" / "model.safetensors").exists()
    subprocess.run(command("killed", "--resume"), check=True, capture_output=True, env=environment)
    for name in ("model.safetensors", "selection.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
