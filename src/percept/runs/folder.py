"""The run folder: where each file of a run lies, and how a folder is taken without touching another's."""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from percept.errors import OptionError, RunFolderError
from percept.files import write_text


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
    def model(self) -> Path:
        """The trained network."""
        return self.path / "model.safetensors"

    @property
    def checkpoint(self) -> Path:
        """The state between two epochs, while training."""
        return self.path / "checkpoint" / "last.safetensors"

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
        return self.model.exists() and not self.checkpoint.exists()


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
    """
    if out is not None:
        if out.is_file() or (out.is_dir() and any(out.iterdir())):
            what = "a run" if RunFolder(out).recipe.exists() else "files"
            raise OptionError(
                f"--out {out} holds {what} already; name a new folder, or add --resume to go on with a run"
            )
        out.mkdir(parents=True, exist_ok=True)
        return RunFolder(out)
    number = 1
    while True:
        path = _numbered(runs, name, number)
        try:
            path.mkdir(parents=True)
            return RunFolder(path)
        except FileExistsError:
            number += 1


def latest(name: str, runs: Path = Path("runs")) -> RunFolder | None:
    """Return the last of `runs/name`, `runs/name-2`, ... that holds a run, or None."""
    found, number = None, 1
    while (path := _numbered(runs, name, number)).exists():
        found = RunFolder(path) if RunFolder(path).recipe.exists() else found
        number += 1
    return found


def _numbered(runs: Path, name: str, number: int) -> Path:
    return runs / (name if number == 1 else f"{name}-{number}")


def append_row(path: Path, row: dict[str, object]) -> None:
    """Add a line to a CSV file, with a header if it is the first; on disk when this returns."""
    fresh = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow(row)
        file.flush()
        os.fsync(file.fileno())


def write_rows(path: Path, names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a CSV file, whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    write_text(path, text.getvalue())
