"""The command: its sentences, its exit codes, JSON alone where it is asked for, and one writer among processes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from percept.cli import main as command
from percept.cli.main import app, main
from percept.errors import OptionError
from percept.models import MODELS

FAST = ["--epochs", "1", "--threads", "1"]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    rows = np.random.default_rng(0).normal(size=(60, 2))
    frame = pd.DataFrame({"x": rows[:, 0], "y": rows[:, 1], "label": np.where(rows[:, 0] > 0, "up", "down")})
    frame.to_csv("points.csv", index=False)
    return "points.csv"


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the command as the shell does, in this process, and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["percept", *arguments])
    monkeypatch.setattr(command, "stop_on_signals", lambda: None)
    monkeypatch.setattr("signal.signal", lambda *arguments: None)
    with pytest.raises(SystemExit) as ended:
        command.run()
    return int(ended.value.code or 0)


def values(text: str) -> Any:
    return json.loads(text)  # fails where anything else was printed


def test_json_of_fit_evaluate_predict_and_audit_stands_alone(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["fit", data, "--target", "label", *FAST, "--json"])
    fitted = values(capsys.readouterr().out)
    assert set(fitted) == {"run", "validation", "verdict"}
    main(["evaluate", fitted["run"], "--json"])
    figures = values(capsys.readouterr().out)
    assert set(figures["accuracy"]) == {"value", "low", "high"}
    main(["predict", fitted["run"], data, "--json"])
    rows = values(capsys.readouterr().out)
    assert len(rows) == 60
    assert set(rows[0]) == {"row", "prediction", "probability"}
    main(["predict", fitted["run"], data, "--json", "--out", "p.csv"])
    assert values(capsys.readouterr().out) == {"out": "p.csv", "predictions": 60}
    main(["audit", data, "--target", "label", "--json"])
    assert values(capsys.readouterr().out)["samples"] == 60
    main(["report", fitted["run"], "--json"])
    assert Path(values(capsys.readouterr().out)["report"]).name == "report.html"
    main(["models", "--json"])
    assert [row["name"] for row in values(capsys.readouterr().out)] == list(MODELS)


def test_the_second_opening_says_that_it_is_the_second(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["fit", data, "--target", "label", *FAST])
    main(["evaluate", "runs/points"])
    assert "opening number 1 of the sealed test set" in capsys.readouterr().out
    main(["evaluate", "runs/points"])
    assert "opening number 2" in capsys.readouterr().out
    lines = Path("runs/points/ledger.jsonl").read_text().splitlines()
    first, second = (json.loads(line) for line in lines)
    assert (first["number"], second["number"]) == (1, 2)
    assert first["figures"] == second["figures"]


def test_runs_are_numbered_and_never_overwritten(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        main(["fit", data, "--target", "label", *FAST])
    assert sorted(path.name for path in Path("runs").iterdir()) == ["points", "points-2"]
    before = {path: path.read_bytes() for path in Path("runs/points").iterdir()}
    with pytest.raises(OptionError, match="holds a run already"):
        main(["fit", data, "--target", "label", *FAST, "--out", "runs/points"])
    assert {path: path.read_bytes() for path in Path("runs/points").iterdir()} == before


@pytest.mark.parametrize(
    ("option", "choices"),
    [
        (["--optimizer", "adagrad"], "adamw, adam, sgd"),
        (["--schedule", "step"], "cosine, plateau, constant"),
        (["--metric", "f2"], "accuracy, balanced_accuracy, auroc"),
        (["--metric", "rmse"], "accuracy, balanced_accuracy, auroc"),
        (["--model", "resnet"], "linear, mlp, lenet, small_resnet"),
        (["--device", "tpu"], "auto, cpu, cuda"),
        (["--precision", "half"], "auto, float32 or bfloat16"),
        (["--transfer", "head"], "name one with --pretrained"),
        (["--mixup", "-1"], "0 (off) or more"),
        (["--label-smoothing", "1"], "0 (off) to below 1"),
        (["--abstain", "5"], "between 0 and 1"),
        (["--minutes", "0"], "positive number"),
        (["--augment-class", "rare"], "such as rare=strong"),
        (["--find-lr", "--learning-rate", "0.1"], "leave one of them out"),
        (["--augment", "flip"], "is for pictures"),
        (["--augment", ""], "--augment is empty; expected auto"),
        (["--task", "ranking"], "'classification', 'regression'"),
        (["--epochs", "0"], "at least 1"),
        (["--batch-size", "0"], "at least 1"),
        (["--seed", "-1"], "whole number from 0"),
        (["--learning-rate", "nan"], "positive number"),
        (["--test-size", "2"], "between 0 and 1"),
        (["--threads", "0"], "1 or more"),
        (["--image-size", "big"], "64x96 for height x width"),
    ],
)
def test_a_value_that_does_not_work_gives_the_choices_and_leaves_no_folder(
    data: str,
    option: list[str],
    choices: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["fit", data, "--target", "label", *option], monkeypatch) == 2
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert choices in said
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evaluate", "nowhere"], "nowhere does not exist; give the folder that percept fit wrote"),
        (["report", "."], "holds no run"),
        (["predict", "nowhere", "points.csv"], "does not exist"),
        (["fit", "nowhere.csv", "--target", "label"], "nowhere.csv"),
        (["fit", "points.csv", "--target", "label", "--out", "points.csv"], "is a file; name a folder"),
        (["fit", "points.csv", "--target", "label", "--out", "."], "holds files already"),
    ],
)
def test_a_wrong_place_is_one_sentence_and_exit_code_2(
    data: str, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments, monkeypatch) == 2
    shown = capsys.readouterr().err.strip()
    assert said in shown
    assert shown.startswith("percept: ")
    assert "\n" not in shown


def test_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    import percept

    main(["--version"])
    assert capsys.readouterr().out == f"percept {percept.__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["fit", "--help"], ["predict", "-h"]])
def test_help_and_version_import_no_torch(arguments: list[str]) -> None:
    code = "import sys\nfrom percept.cli.main import main\nmain(sys.argv[1:])\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)


def test_every_help_fits_80_columns(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("fit", "evaluate", "predict", "audit", "report", "models", "inspect"):
        main([name, "--help"])
        text = capsys.readouterr().out
        assert f"Usage: percept {name}" in text
        assert max(map(len, text.splitlines())) <= 80
    assert app.info.help


@pytest.mark.slow
def test_of_several_processes_only_the_first_speaks(
    data: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "1")
    main(["models"])
    main(["models", "--json"])
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_two_fits_at_the_same_time_take_two_folders(data: str) -> None:
    arguments = [sys.executable, "-m", "percept", "fit", data, "--target", "label", *FAST]
    both = [subprocess.Popen(arguments, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    models = sorted(Path("runs").glob("*/model.safetensors"))
    assert [path.parent.name for path in models] == ["points", "points-2"]
    assert models[0].read_bytes() == models[1].read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("limit", [("--epochs", "3"), ("--minutes", "0.2")])
def test_two_processes_train_one_network_and_one_of_them_writes(data: str, limit: tuple[str, str]) -> None:
    digests = Path("digest.py")
    digests.write_text(
        "import os, sys, torch\n"
        "from percept.training import loop\n"
        "kept = []\n"
        "train = loop.train_on\n"
        "def watched(network, *arguments, **named):\n"
        "    kept.append(network)\n"
        "    return train(network, *arguments, **named)\n"
        "import percept.workflow.stretches as stretches\n"
        "stretches.train_on = watched\n"
        "from percept.cli.main import main\n"
        "main(sys.argv[1:])\n"
        "torch.save(kept[0].state_dict(), f'weights-{os.environ[\"RANK\"]}.pt')\n"
    )
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", str(digests)]
    options = ["--model", "small_resnet", *limit, "--schedule", "plateau", "--patience", "1", "--json"]
    ended = subprocess.run(
        [*launch, "fit", "digits", *options],
        check=True,
        capture_output=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert values(ended.stdout.decode())["run"] == "runs/digits"
    assert [path.name for path in Path("runs").iterdir()] == ["digits"]
    import torch

    one, other = (torch.load(f"weights-{rank}.pt") for rank in (0, 1))
    assert len(one) > 0
    assert all(torch.equal(one[name], other[name]) for name in one)  # batch norms' averages among them
