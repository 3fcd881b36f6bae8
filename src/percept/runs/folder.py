"""The run folder: where each file of a run lies, and how a folder is taken without touching another's."""

import csv
import io
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from percept.errors import OptionError, RunFolderError, WriteError
from percept.files import append_text, is_aside, write_text


@dataclass(frozen=True)
class RunFolder:
    """One run on disk.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def recipe(self) -> Path:
        """Every choice of the run."""
        return self.path / "recipe.toml"

    @property
    def splits(self) -> Path:
        """The part of each sample."""
        return self.path / "splits.csv"

    @property
    def history(self) -> Path:
        """One line an epoch."""
        return self.path / "history.csv"

    @property
    def rates(self) -> Path:
        """What a learning-rate range test measured, a line a step."""
        return self.path / "learning_rates.csv"

    @property
    def model(self) -> Path:
        """The trained network."""
        return self.path / "model.safetensors"

    @property
    def lock(self) -> Path:
        """Held by the process that trains."""
        return self.path / "training.lock"

    @property
    def checkpoint(self) -> Path:
        """The state between two epochs, while training."""
        return self.path / "checkpoint" / "last.safetensors"

    @property
    def networks(self) -> Path:
        """The finished blocks of a stack of networks, while it is trained."""
        return self.path / "checkpoint" / "networks"

    @property
    def parts(self) -> Path:
        """Runs of a selection's candidates, one on each part of the data, and the files that say which part that is."""
        return self.path / "parts"

    @property
    def selection(self) -> Path:
        """What a selection found, for the report."""
        return self.path / "selection.json"

    @property
    def candidates(self) -> Path:
        """The candidates of a selection and their figures, as a table."""
        return self.path / "selection.csv"

    @property
    def data(self) -> Path:
        """The samples, where they came as arrays and not from files."""
        return self.path / "data.npz"

    @property
    def findings(self) -> Path:
        """What the report needs beside the tables: notes, audit, baselines."""
        return self.path / "findings.json"

    @property
    def ledger(self) -> Path:
        """Each opening of the test set."""
        return self.path / "ledger.jsonl"

    @property
    def report(self) -> Path:
        """The report."""
        return self.path / "report.html"

    def predictions(self, part: str) -> Path:
        """Return where the predictions of a part lie, "validation" or "test"."""
        return self.path / f"{part}_predictions.csv"

    @property
    def finished(self) -> bool:
        """Whether training has come to its end."""
        return self.model.exists() and not self.checkpoint.exists() and not self.networks.exists()

    @property
    def epochs(self) -> int:
        """How many epochs are on disk."""
        return len(self.history.read_bytes().splitlines()) - 1 if self.history.exists() else 0

    def tidy(self) -> None:
        """Remove what a killed process was writing aside; only for the one process that trains this run."""
        for path in (*self.path.iterdir(), *self.checkpoint.parent.glob("*")):
            if is_aside(path):
                path.unlink(missing_ok=True)

    def drop_checkpoint(self) -> None:
        """Remove the checkpoint: the run is finished."""
        self.checkpoint.unlink(missing_ok=True)
        shutil.rmtree(self.checkpoint.parent, ignore_errors=True)


def open_run(path: Path | str) -> RunFolder:
    """Return the finished run in a folder.

    Raises:
        RunFolderError: there is no run, or its training has not come to its end.
    """
    folder = RunFolder(Path(path))
    if not folder.path.exists():
        raise RunFolderError(f"{path} does not exist; give the folder that percept fit wrote")
    if not folder.recipe.exists():
        raise RunFolderError(f"{path} holds no run (no recipe.toml in it); give the folder that percept fit wrote")
    if not folder.finished:
        raise RunFolderError(f"the run in {path} is not finished; go on with the same percept fit command and --resume")
    return folder


def claim(out: Path | None, name: str, runs: Path = Path("runs")) -> RunFolder:
    """Make the folder of a new run; a folder that holds anything is never written into.

    Args:
        out: the folder the user named, or None for `runs/name`, then `runs/name-2`, and so on.
        name: name of the data.
        runs: where runs lie by default.

    Raises:
        OptionError: the folder that the user named holds something already.
        WriteError: the folder cannot be made.
    """
    try:
        return _named(out) if out is not None else _fresh(runs, name)
    except OSError as error:
        raise WriteError(
            f"{out or runs} cannot be made or written to ({error.strerror or error}); name another folder with --out"
        ) from error


def _named(out: Path) -> RunFolder:
    if out.exists() and not out.is_dir():
        raise OptionError(f"--out {out} is a file; name a folder that is new or empty")
    # what a run killed before its recipe was written leaves is nobody's
    if out.is_dir() and not all(is_aside(path) or path == RunFolder(out).lock for path in out.iterdir()):
        what = "a run" if RunFolder(out).recipe.exists() else "files"
        raise OptionError(f"--out {out} holds {what} already; name a new folder, or add --resume to go on with a run")
    out.mkdir(parents=True, exist_ok=True)
    return RunFolder(out)


def _fresh(runs: Path, name: str) -> RunFolder:
    runs.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        path = runs / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir()  # fails where another process has just made it
            return RunFolder(path)
        except FileExistsError:
            number += 1


def latest(name: str, runs: Path = Path("runs")) -> RunFolder | None:
    """Return the last unfinished run of `runs/name`, `runs/name-2`, ...; the last finished one without any, or None."""
    found: dict[int, RunFolder] = {}
    for path in runs.glob("*/recipe.toml"):
        stem, _, number = path.parent.name.rpartition("-")
        if path.parent.name == name:
            found[1] = RunFolder(path.parent)
        elif stem == name and number.isdecimal():
            found[int(number)] = RunFolder(path.parent)
    numbers = [number for number, run in found.items() if not run.finished] or list(found)
    return found[max(numbers)] if numbers else None


def append_row(path: Path, row: dict[str, object]) -> None:
    """Add a line to a CSV file, with a header if it is the first; on disk when this returns.

    Raises:
        WriteError: the disk is full or the folder cannot be written to; no half line is left.
    """
    append_text(path, _lines([*([] if path.exists() else [list(row)]), list(row.values())]))


def write_rows(path: Path, names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a CSV file, whole or not at all."""
    write_text(path, _lines([names, *rows]))


def _lines(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
