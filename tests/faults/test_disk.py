"""A disk that is full costs nothing that was there: one sentence, the old file whole, and --resume goes on."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import percept
from percept.cli.main import main
from percept.errors import ModelFileError, RunFolderError, WriteError
from percept.runs.folder import RunFolder

FILES = (
    "recipe.toml",
    "splits.csv",
    "last.safetensors",
    "history.csv",
    "validation_predictions.csv",
    "findings.json",
    "model.safetensors",
    "report.html",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "points.csv"
    rows = np.random.default_rng(0).normal(size=(60, 2))
    np.savetxt(path, np.column_stack([rows, rows[:, 0] > 0]), delimiter=",", header="x,y,label", comments="")
    return path


def fit(data: Path, out: Path, *, resume: bool = False) -> None:
    percept.fit(data, "label", out=out, epochs=2, threads=1, resume=resume)


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "run"
    fit(data, out)
    return out


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "run")


FullAt = Callable[[str], None]


@pytest.fixture
def full_at(monkeypatch: pytest.MonkeyPatch) -> FullAt:
    """Return how to fill the disk at the moment in which a file of that name reaches it."""
    flush, opened = os.fsync, Path.open

    def fill(name: str) -> None:
        full: set[int] = set()

        def remember(path: Path, *arguments: object, **named: object) -> object:
            file = opened(path, *arguments, **named)  # type: ignore[call-overload]
            (full.add if path.name.startswith(name) else full.discard)(file.fileno())
            return file

        def check(descriptor: int) -> None:
            if descriptor in full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            flush(descriptor)

        monkeypatch.setattr(Path, "open", remember)
        monkeypatch.setattr(os, "fsync", check)

    return fill


@pytest.mark.parametrize("name", FILES)
def test_a_disk_full_during_training_is_a_sentence_and_resume_goes_on(
    data: Path, finished: Path, tmp_path: Path, full_at: FullAt, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    full_at(name)
    with pytest.raises(WriteError, match=rf"{name} cannot be written \(No space left on device\); make room"):
        fit(data, tmp_path / "run")
    assert not [path for path in tmp_path.rglob("*") if "partial" in path.name]
    monkeypatch.undo()
    fit(data, tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == (finished / "model.safetensors").read_bytes()
    assert (tmp_path / "run" / "history.csv").read_text().count("\n") == 3


def test_figures_are_not_shown_when_the_ledger_cannot_record_them(
    run: Path, full_at: FullAt, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    full_at("ledger.jsonl")
    with pytest.raises(WriteError, match="ledger.jsonl cannot be written.*not shown unrecorded"):
        main(["evaluate", str(run)])
    assert "accuracy" not in capsys.readouterr().out
    assert not (run / "test_predictions.csv").exists()
    monkeypatch.undo()
    assert percept.evaluate(run).opening == 1


def test_predictions_that_do_not_fit_leave_the_old_file_whole(
    run: Path, data: Path, tmp_path: Path, full_at: FullAt
) -> None:
    out = tmp_path / "predictions.csv"
    out.write_text("mine")
    full_at("predictions.csv")
    with pytest.raises(WriteError, match="No space left on device.*unchanged"):
        main(["predict", str(run), str(data), "--out", str(out)])
    assert out.read_text() == "mine"


def test_a_report_that_does_not_fit_leaves_the_old_one_whole(run: Path, full_at: FullAt) -> None:
    before = (run / "report.html").read_bytes()
    full_at("report.html")
    with pytest.raises(WriteError, match="No space left on device.*unchanged"):
        main(["report", str(run)])
    assert (run / "report.html").read_bytes() == before


@pytest.mark.parametrize("damage", ["gone", "half", "junk", "empty"])
@pytest.mark.parametrize(
    "name",
    ["recipe.toml", "splits.csv", "history.csv", "model.safetensors", "findings.json", "validation_predictions.csv"],
)
def test_a_damaged_file_is_named_before_the_test_set_is_opened(run: Path, name: str, damage: str) -> None:
    path = run / name
    content = path.read_bytes()
    path.unlink()
    if damage != "gone":
        junk = np.random.default_rng(0).bytes(2000)
        within = content.find(b"=", len(content) * 2 // 3) + 1 or len(content) * 2 // 3  # not between two lines
        path.write_bytes({"half": content[:within], "junk": junk, "empty": b""}[damage])
    if name in ("history.csv", "validation_predictions.csv") and damage == "half":
        pytest.skip("a text cut between two of its lines cannot be told from a whole one")
    with pytest.raises((RunFolderError, ModelFileError)) as raised:
        percept.evaluate(run)
    assert str(run) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (run / "ledger.jsonl").exists()
    with pytest.raises((RunFolderError, ModelFileError)):
        main(["report", str(run)])


def test_a_damaged_ledger_is_not_written_on(run: Path) -> None:
    (run / "ledger.jsonl").write_text('{"number": 1, "ti')
    with pytest.raises(RunFolderError, match="ledger.jsonl line 1 is damaged"):
        percept.evaluate(run)
    assert (run / "ledger.jsonl").read_text() == '{"number": 1, "ti'


def test_a_newer_recipe_is_refused_by_every_command(run: Path, data: Path) -> None:
    recipe = RunFolder(run).recipe
    recipe.write_text(recipe.read_text().replace("format_version = 1", "format_version = 99"))
    for arguments in (["evaluate", str(run)], ["report", str(run)], ["fit", str(data), "--out", str(run), "--resume"]):
        with pytest.raises(RunFolderError, match="has format 99.*install a newer percept"):
            main(arguments)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_run_folder_is_a_sentence(run: Path) -> None:
    run.chmod(0o555)
    try:
        with pytest.raises(WriteError, match="Permission denied"):
            percept.evaluate(run)
    finally:
        run.chmod(0o755)
