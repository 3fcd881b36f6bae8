"""Ctrl-C and a plain kill stop the command in one sentence, keep what is done, and let --resume go on."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import percept
from percept.cli.main import main
from percept.cli.stopping import Stopped, stop_on_signals
from percept.errors import RunFolderError
from percept.runs.folder import RunFolder
from percept.workflow.events import Event, Trained

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "points.csv"
    rows = np.random.default_rng(0).normal(size=(4000, 2))
    np.savetxt(path, np.column_stack([rows, rows[:, 0] > 0]), delimiter=",", header="x,y,label", comments="")
    return path


def options(data: Path, out: Path, epochs: int) -> list[str]:
    return [
        "fit", str(data), "--target", "label", "--out", str(out), "--epochs", str(epochs),
        "--batch-size", "16", "--patience", "0", "--threads", "1",
    ]  # fmt: skip


def test_ctrl_c_in_the_first_process_names_the_epochs_that_are_saved(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from percept.cli.screen import TrainingView

    show = TrainingView.show

    def interrupt(view: TrainingView, event: Event) -> None:
        show(view, event)
        if isinstance(event, Trained) and event.epoch.number == 2:
            raise KeyboardInterrupt

    out = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(TrainingView, "show", interrupt)
        assert main([*options(data, out, 3), "--json"]) == 130
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"percept: stopped: epochs 1 to 2 are saved in {out}; the same command with --resume goes on" in shown.err
    assert main([*options(data, out, 3), "--resume"]) is None
    assert "goes on from epoch 3" in capsys.readouterr().out


def test_a_second_signal_right_after_the_first_is_taken_for_the_first() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        stop_on_signals()
        with pytest.raises(Stopped) as stopped:
            signal.raise_signal(signal.SIGTERM)
        assert stopped.value.exit_code == 143  # 128 + 15, as shells count
        signal.raise_signal(signal.SIGINT)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_signal_that_is_ignored_stays_ignored() -> None:  # as nohup asks for
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        stop_on_signals()
        signal.raise_signal(signal.SIGHUP)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def start(command: list[str]) -> "subprocess.Popen[str]":
    """Start a command that hears Ctrl-C, also where the tests themselves run in the background and do not."""
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def lines(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signals", "code"),
    [((signal.SIGINT,), 130), ((signal.SIGINT, signal.SIGINT), 130), ((signal.SIGTERM,), 143)],
)
def test_a_signal_to_the_command_is_one_sentence_and_resume_goes_on(
    data: Path, tmp_path: Path, signals: tuple[signal.Signals, ...], code: int
) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "percept", *options(data, out, 12)]
    process = start(command)
    while lines(out / "history.csv") < 3:
        assert process.poll() is None
        time.sleep(0.01)
    for number in signals:
        process.send_signal(number)
        time.sleep(0.02)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert errors.count("\n") == 1, errors
    assert errors.startswith("percept: stopped: epochs 1 to ")
    with pytest.raises(RunFolderError, match="not finished.*--resume"):
        percept.evaluate(out)
    subprocess.run([*command, "--resume"], check=True, capture_output=True)
    percept.fit(data, "label", out=tmp_path / "whole", epochs=12, batch_size=16, patience=0, threads=1)
    assert RunFolder(out).model.read_bytes() == RunFolder(tmp_path / "whole").model.read_bytes()


@pytest.mark.slow
def test_ctrl_c_before_anything_has_begun_is_a_sentence_too(data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "percept", *options(data, tmp_path / "run", 50)]
    for wait in (0.6, 1.2, 2.4):
        process = start(command)
        time.sleep(wait)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 130, errors
        assert "Traceback" not in errors
        if (tmp_path / "run").exists():
            break
