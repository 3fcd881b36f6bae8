"""How every run begins: its folder taken, its split and recipe written before the first epoch."""

import shlex
import sys
from collections.abc import Generator
from pathlib import Path

from accelerate import Accelerator

from percept.data.dataset import Dataset
from percept.data.sealed import check_sealed, sealed_content
from percept.data.snapshot import save_dataset
from percept.data.split_file import read_splits, write_splits
from percept.data.splits import Split
from percept.errors import RunFolderError
from percept.runs.folder import RunFolder, claim
from percept.runs.recipe import Recipe
from percept.training.processes import agreed
from percept.workflow.events import Event, Note
from percept.workflow.run import Run, open_finished
from percept.workflow.samples import ARRAYS


def run_name(source: str) -> str:
    """Return the short name of a source for its run folder.

    Example:
        >>> run_name("data/heart.csv.gz"), run_name("flowers/")
        ('heart', 'flowers')
    """
    name = Path(source).resolve().name if Path(source).exists() else Path(source).name
    return name.split(".")[0] or name.strip(".") or "run"


def nothing_left(folder: RunFolder) -> Generator[Event, None, Run]:
    """Say that a run is finished already, and return it."""
    yield Note(f"{folder.path} is finished already: nothing is left to resume")
    return open_finished(folder)


def taken(folder: RunFolder | None, out: Path | None, name: str, accelerator: Accelerator) -> RunFolder:
    """Return the folder of a run: the one to go on with, or a fresh one, the same in every process.

    Args:
        folder: the one to go on with, or None.
        out: what the user named, or None for a fresh one under runs/.
        name: what run folders of these data are called.
        accelerator: the processes.
    """
    if folder is not None:
        return folder
    path = str(claim(out, name).path) if accelerator.is_main_process else ""
    return RunFolder(Path(agreed(path, accelerator)))


def plan(folder: RunFolder, recipe: Recipe, dataset: Dataset, split: Split) -> None:
    """Write what is decided before the first epoch, the split last; where it is there, it must be the same.

    Args:
        folder: the run.
        recipe: every choice.
        dataset: the samples.
        split: the part of each.

    Raises:
        DataError: a sealed sample has changed.
        RunFolderError: the samples are not those that the run was begun with.
    """
    if not folder.splits.exists():
        recipe.write(folder.recipe)
        if recipe.data.source == ARRAYS and not recipe.data.path:
            save_dataset(folder.data, dataset)
        content = sealed_content(dataset, split.part)
        write_splits(folder.splits, dataset.keys, split, dataset.target, content)
        return
    check_sealed(folder.splits, dataset)
    parts = read_splits(folder.splits, dataset.keys)
    if (parts != split.part).any():
        raise RunFolderError(
            f"the data of {folder.path} have changed since the run was begun; put them back, or begin a new run"
        )
    if recipe != Recipe.read(folder.recipe):  # the data have moved
        recipe.write(folder.recipe)


def command_line() -> str:
    """Return the command that was typed, for the report."""
    command = Path(sys.argv[0])
    typed = command.stem == "percept" or command.parts[-2:] == ("percept", "__main__.py")
    return shlex.join(["percept", *sys.argv[1:]]) if typed else "percept.fit(...)"
