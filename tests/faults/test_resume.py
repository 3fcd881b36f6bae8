"""A training that ends before its end goes on with --resume, and comes to the same weights, bit for bit."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import percept
from percept.errors import OptionError, RunFolderError
from percept.runs.folder import RunFolder
from percept.workflow.events import Event, Note, Started, Trained
from percept.workflow.run import Run

FASHION = Path(__file__).parents[2].parent / "shared" / "data" / "fashion_mnist"
TIMES = ["seconds", "compute_seconds"]


class Death(BaseException):
    """Ends a run in this process, as a signal would."""


def arrays() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(60, 3))
    return rows, (rows[:, 0] > 0).astype(np.int64)


def fit(out: Path, **choices: Any) -> Run:
    return percept.fit(*arrays(), out=out, **{"epochs": 3, "threads": 1, **choices})


def end_after(epoch: int) -> Callable[[Event], None]:
    def watch(event: Event) -> None:
        if isinstance(event, Trained) and event.epoch.number == epoch:
            raise Death

    return watch


def said(events: list[Event]) -> str:
    return "\n".join(event.text for event in events if isinstance(event, Note))


def history(run: Path) -> pd.DataFrame:
    return pd.read_csv(run / "history.csv").drop(columns=TIMES)


def assert_same(run: Path, unbroken: Path) -> None:
    assert (run / "model.safetensors").read_bytes() == (unbroken / "model.safetensors").read_bytes()
    pd.testing.assert_frame_equal(history(run), history(unbroken), check_exact=True)
    kept = sorted(path.relative_to(run) for path in run.rglob("*"))
    assert kept == sorted(path.relative_to(unbroken) for path in unbroken.rglob("*"))


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("unbroken") / "run"
    fit(out)
    return out


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    with pytest.raises(Death):
        fit(tmp_path / "run", watch=end_after(2))
    return tmp_path / "run"


def test_a_resumed_run_equals_an_unbroken_one(broken: Path, unbroken: Path) -> None:
    events: list[Event] = []
    fit(broken, resume=True, watch=events.append)
    assert [event.first for event in events if isinstance(event, Started)] == [3]
    assert_same(broken, unbroken)


@pytest.mark.parametrize(
    "step",
    [
        "begin.write_splits",
        "course.save_checkpoint",
        "course.append_row",
        "finish.write_json",
        "finish.save_model",
        "finish.report",
    ],
)
def test_a_run_that_died_at_any_step_equals_an_unbroken_one(
    tmp_path: Path, unbroken: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def die(*arguments: object, **named: object) -> None:
        raise Death

    with monkeypatch.context() as patched, pytest.raises(Death):
        patched.setattr(f"percept.workflow.{step}", die)
        fit(tmp_path / "run")
    fit(tmp_path / "run", resume=True)
    assert_same(tmp_path / "run", unbroken)


def test_what_a_killed_process_was_writing_is_removed(broken: Path, unbroken: Path) -> None:
    for name in ("checkpoint/last.safetensors", "model.safetensors", "report.html"):
        (broken / f"{name}.417.partial").write_bytes(b"half")
    (broken / "history.csv").write_text("epoch,train_loss\n1,0.")
    fit(broken, resume=True)
    assert_same(broken, unbroken)


def test_a_finished_run_is_left_as_it_is(tmp_path: Path, unbroken: Path) -> None:
    run = shutil.copytree(unbroken, tmp_path / "run")
    before = {path: path.read_bytes() for path in run.iterdir()}
    events: list[Event] = []
    fit(run, resume=True, watch=events.append)
    assert "finished already: nothing is left to resume" in said(events)
    assert {path: path.read_bytes() for path in run.iterdir()} == before


def test_with_nothing_to_resume_a_run_begins_and_says_so(tmp_path: Path) -> None:
    events: list[Event] = []
    fit(tmp_path / "run", epochs=1, resume=True, watch=events.append)
    assert "no unfinished run" in said(events)
    assert RunFolder(tmp_path / "run").finished


@pytest.mark.parametrize(
    ("choice", "option"),
    [
        ({"learning_rate": 0.5}, "--learning-rate is 0.5"),
        ({"epochs": 9}, "--epochs is 9, but .* was begun with 3"),
        ({"model": "linear"}, "--model is linear, but .* was begun with mlp"),
        ({"seed": 7}, "--seed is 7, but .* was begun with 0"),
        ({"test": "none"}, "--test is none, but .* was begun with cut"),
    ],
)
def test_other_options_are_refused_by_name(broken: Path, choice: dict[str, Any], option: str) -> None:
    with pytest.raises(OptionError, match=f"--resume: {option}.*leave --resume out"):
        fit(broken, resume=True, **choice)


def test_other_data_are_refused(broken: Path) -> None:
    with pytest.raises(OptionError, match="--resume: the data is iris, but .* was begun with arrays"):
        percept.fit("iris", out=broken, resume=True)


def test_changed_samples_are_refused_although_the_split_is_the_same(broken: Path) -> None:
    rows, labels = arrays()
    parts = pd.read_csv(broken / "splits.csv")["part"]
    rows[parts.tolist().index("train"), 1] += 1
    with pytest.raises(RunFolderError, match="have changed since the run was begun"):
        percept.fit(rows, labels, out=broken, epochs=3, threads=1, resume=True)


def test_data_that_have_moved_are_found_where_they_are_now(tmp_path: Path) -> None:
    rows, labels = arrays()
    old, new = tmp_path / "old" / "a.csv", tmp_path / "new" / "a.csv"
    old.parent.mkdir()
    new.parent.mkdir()
    pd.DataFrame({"x": rows[:, 0], "y": rows[:, 1], "label": labels}).to_csv(old, index=False)
    with pytest.raises(Death):
        percept.fit(old, "label", out=tmp_path / "run", epochs=3, threads=1, watch=end_after(1))
    shutil.copy(old, new)
    with pytest.raises(OptionError, match="the data is .*new.*begun with .*old"):
        percept.fit(new, "label", out=tmp_path / "run", resume=True)
    old.unlink()
    run = percept.fit(new, "label", out=tmp_path / "run", resume=True)
    assert len(run.history) == 3
    assert run.recipe.data.path == str(new.resolve())


@pytest.mark.parametrize("keep", [0, 7, 500, -1])
def test_a_damaged_checkpoint_is_a_sentence(broken: Path, keep: int) -> None:
    checkpoint = RunFolder(broken).checkpoint
    checkpoint.write_bytes(checkpoint.read_bytes()[:keep])
    with pytest.raises(RunFolderError, match="not a whole checkpoint.*without --resume"):
        fit(broken, resume=True)


def test_the_numbered_run_that_was_broken_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    percept.fit("iris", epochs=1, threads=1)
    with pytest.raises(Death):
        percept.fit("iris", epochs=2, threads=1, watch=end_after(1))
    run = percept.fit("iris", epochs=2, threads=1, resume=True)
    assert run.path.name == "iris-2"
    assert len(run.history) == 2
    assert sorted(path.name for path in Path("runs").iterdir()) == ["iris", "iris-2"]


def small_fashion(folder: Path) -> Path:
    """Write 3,000 pictures of Fashion-MNIST to an .npz file."""
    if not FASHION.is_dir():
        pytest.skip(f"{FASHION.name} is not beside the repository")
    import gzip

    images = gzip.decompress((FASHION / "train-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((FASHION / "train-labels-idx1-ubyte.gz").read_bytes())
    path = folder / "fashion.npz"
    np.savez(
        path,
        images=np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28)[:3000],
        labels=np.frombuffer(labels, np.uint8, offset=8)[:3000],
    )
    return path


def command(data: Path, out: Path) -> list[str]:
    # small batches, so that an epoch takes long enough to be hit in its middle
    options = ["--model", "lenet", "--epochs", "6", "--batch-size", "8", "--threads", "1"]
    return [sys.executable, "-m", "percept", "fit", str(data), "--out", str(out), *options]


def lines(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.mark.slow
def test_kill_9_in_the_middle_of_epoch_3_of_6_changes_no_weight(tmp_path: Path) -> None:
    data = small_fashion(tmp_path)
    started = time.monotonic()
    subprocess.run(command(data, tmp_path / "whole"), check=True, capture_output=True)
    assert time.monotonic() - started < 300
    process = subprocess.Popen(command(data, tmp_path / "killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while lines(tmp_path / "killed" / "history.csv") < 3:  # the header and two epochs
        assert process.poll() is None
        time.sleep(0.005)
    time.sleep(0.2)
    process.kill()
    process.wait()
    assert lines(tmp_path / "killed" / "history.csv") == 3
    again = subprocess.run([*command(data, tmp_path / "killed"), "--resume"], check=True, capture_output=True)
    assert b"goes on from epoch 3" in again.stdout
    assert_same(tmp_path / "killed", tmp_path / "whole")


@pytest.mark.slow
def test_kill_9_at_random_moments_again_and_again_changes_no_weight(tmp_path: Path) -> None:
    data = small_fashion(tmp_path)
    subprocess.run(command(data, tmp_path / "whole"), check=True, capture_output=True)
    out, moments, kills = tmp_path / "killed", random.Random(0), 0
    while not RunFolder(out).finished:
        resume = ["--resume"] if out.exists() else []
        process = subprocess.Popen(
            [*command(data, out), *resume], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
        try:
            _, errors = process.communicate(timeout=moments.uniform(4, 9) + kills)
            assert process.returncode == 0, errors.decode()
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
    assert kills > 0
    assert_same(out, tmp_path / "whole")
