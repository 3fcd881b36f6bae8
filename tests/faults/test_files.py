"""Files that are added to hold whole lines whatever happens, and a run has one writer at a time."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from percept.errors import OptionError, RunFolderError, WriteError
from percept.files import append_text
from percept.runs.folder import RunFolder, append_row, claim, latest
from percept.runs.ledger import Opening, append_opening, read_ledger
from percept.runs.lock import locked


@contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    """Let the system write files up to `size` bytes: beyond, a write is cut short and the next one fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def opening(number: int) -> Opening:
    return Opening(number, "2026-01-01T00:00:00+00:00", 10, {}, "abc")


def test_a_line_that_does_not_fit_on_the_disk_leaves_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    append_row(path, {"epoch": 1, "loss": 0.5})
    before = path.read_bytes()
    with files_no_longer_than(len(before) + 3), pytest.raises(WriteError, match="make room"):
        append_row(path, {"epoch": 2, "loss": 0.25})
    assert path.read_bytes() == before
    append_row(path, {"epoch": 2, "loss": 0.25})
    assert path.read_bytes() == before + b"2,0.25\n"


def test_an_opening_that_cannot_be_recorded_leaves_the_ledger_readable(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    append_opening(path, opening(1))
    with (
        files_no_longer_than(path.stat().st_size + 10),
        pytest.raises(WriteError, match="figures are not shown unrecorded"),
    ):
        append_opening(path, opening(2))
    assert read_ledger(path) == (opening(1),)


def test_a_last_line_without_its_end_does_not_swallow_the_next(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    append_opening(path, opening(1))
    path.write_text(path.read_text().rstrip("\n"))  # as some editors save it
    append_opening(path, opening(2))
    assert read_ledger(path) == (opening(1), opening(2))


def test_a_folder_in_the_place_of_a_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="cannot be written"):
        append_text(tmp_path, "line\n")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"5\n", b"[]\n", b'{"format_version": "x"}\n', b"{}\n"])
def test_a_ledger_of_junk_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(content)
    with pytest.raises(RunFolderError, match="put back the file as it was"):
        read_ledger(path)


def test_a_ledger_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"format_version": 99}\n')
    with pytest.raises(RunFolderError, match="has format 99.*install a newer percept"):
        read_ledger(path)


def test_a_file_in_the_place_of_the_run_folder_is_kept(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OptionError, match="is a file; name a folder"):
        claim(tmp_path / "mine.txt", "iris")
    with pytest.raises(WriteError, match="cannot be made.*--out"):
        claim(tmp_path / "mine.txt" / "run", "iris")
    with pytest.raises(WriteError, match="cannot be made.*--out"):
        claim(None, "iris", tmp_path / "mine.txt")
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_folder_whose_recipe_was_never_finished_can_be_taken(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml.417.partial").write_text("format_ver")
    assert claim(tmp_path, "iris").path == tmp_path


def begun(path: Path, *, finished: bool) -> Path:
    path.mkdir(parents=True)
    (path / "recipe.toml").touch()
    if finished:
        (path / "model.safetensors").touch()
    return path


def test_the_run_to_go_on_with_is_the_last_unfinished_one(tmp_path: Path) -> None:
    begun(tmp_path / "iris-2", finished=False)  # the user has removed iris
    begun(tmp_path / "iris-10", finished=False)
    begun(tmp_path / "iris-11", finished=True)
    begun(tmp_path / "iris-old", finished=False)
    begun(tmp_path / "wine-12", finished=False)
    found = latest("iris", tmp_path)
    assert found is not None
    assert found.path.name == "iris-10"


def test_without_an_unfinished_run_it_is_the_last_one(tmp_path: Path) -> None:
    begun(tmp_path / "iris", finished=True)
    begun(tmp_path / "iris-2", finished=True)
    found = latest("iris", tmp_path)
    assert found is not None
    assert found.path.name == "iris-2"


def test_a_run_that_is_being_trained_is_not_trained_by_another(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with locked(folder), pytest.raises(RunFolderError, match="another percept is training"), locked(folder):
        pass
    with locked(folder):  # the first has let go
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from percept.runs.folder import RunFolder;"
        " from percept.runs.lock import locked\n"
        "with locked(RunFolder(Path(sys.argv[1]))): os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, capture_output=True)
    assert ended.returncode == -9, ended.stderr
    assert (tmp_path / "training.lock").exists()
    with locked(RunFolder(tmp_path)):
        pass
