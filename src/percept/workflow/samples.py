"""From a recipe to samples in memory: the same reading for fit, evaluate and report."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.data.cache import Pixels, load_pixels
from percept.data.columns import TablePreprocessing
from percept.data.dataset import Dataset, MaskedFiles, Table
from percept.data.duplicates import row_digests
from percept.data.near_copies import near_copies
from percept.data.preprocessing import ImagePreprocessing
from percept.data.sealed import check_sealed
from percept.data.snapshot import load_dataset
from percept.data.source import read_source
from percept.data.split_file import read_lines
from percept.errors import DataError
from percept.runs.folder import RunFolder
from percept.runs.recipe import DataRecipe, Recipe

ARRAYS = "arrays"  # the source of a run whose data came from memory


@dataclass(frozen=True)
class Loaded:
    """Samples ready for a network, save the normalization.

    Attributes:
        dataset: the labelled samples, without those that could not be read.
        inputs: (samples, height, width, channels) uint8 pictures; None for a table.
        content: one digest a sample; equal digests, equal content.
        all: the samples with those that could not be read.
        pixels: the pictures of all of them; None for a table.
    """

    dataset: Dataset
    inputs: NDArray[np.uint8] | None
    content: tuple[str, ...]
    all: Dataset
    pixels: Pixels | None = None

    @property
    def unreadable(self) -> dict[str, str]:
        """Return why a picture could not be read, by its name."""
        found = {} if self.pixels is None else self.pixels.unreadable
        return {self.all.keys[row]: reason for row, reason in found.items()}

    @cached_property
    def near(self) -> NDArray[np.int64] | None:
        """Return for each sample the number of the first picture that it is a near copy of; None for a table."""
        return None if self.inputs is None else near_copies(self.inputs)


def read_dataset(data: DataRecipe, folder: RunFolder | None = None) -> Dataset:
    """Return the labelled data of a recipe, as the user gave it.

    Args:
        data: the recipe's section on data.
        folder: the run, which keeps data that came from memory.
    """
    kept = Path(data.path) if data.path else None if folder is None else folder.data
    if data.source == ARRAYS and kept is not None:
        dataset = load_dataset(kept)
    else:
        dataset = read_source(
            data.path or data.source,
            target=data.target,
            task=None if data.task == "segmentation" else data.task,
            header=data.header,
            group=data.group,
            test=Path(data.test_file) if data.test_file else None,
        )
    if data.parts_file is not None:
        return _laid_down(dataset, Path(data.parts_file))
    if data.test == "none" and (dataset.given == "test").any():
        given = np.where(dataset.given == "test", "", dataset.given)
        note = "The test part of the data joins the rest, as --test none asks."
        dataset = replace(dataset, given=given, notes=(*dataset.notes, note))
    return dataset


def _laid_down(dataset: Dataset, path: Path) -> Dataset:
    """Return the samples that a file puts in a part, in these parts."""
    parts = {line.sample: line.part for line in read_lines(path)}
    given = np.array([parts.get(key, "out") for key in dataset.keys], dtype="<U10")
    rows = np.flatnonzero(given != "out")
    return replace(dataset.take(rows), given=given[rows])


def load_samples(
    dataset: Dataset,
    data: DataRecipe,
    *,
    white: int = 65535,
    progress: Callable[[int, int], None] | None = None,
    advice: str = "mend or remove what is broken, or pass --skip-unreadable to go on without",
) -> Loaded:
    """Return a data set with its pictures decoded and resized, or its rows digested.

    Args:
        dataset: what was read.
        data: the recipe's section on data; image size, channels and way of resizing are decided.
        white: the value that 16-bit pictures call white.
        progress: told how many pictures are decoded, and of how many.
        advice: what the user can do about pictures that cannot be read.

    Raises:
        DataError: a picture cannot be read and `skip_unreadable` is not set.
    """
    if isinstance(dataset.samples, Table):
        return Loaded(dataset, None, tuple(row_digests(dataset.samples.frame)), dataset)
    if data.image_size is None or data.channels is None or isinstance(dataset.samples, MaskedFiles):
        raise ValueError("the recipe has no image size or channels yet")
    height, width = data.image_size
    pixels = load_pixels(
        dataset.samples,
        height=height,
        width=width,
        channels=data.channels,
        resize=data.resize,
        white=white,
        progress=progress,
    )
    if not pixels.unreadable:
        return Loaded(dataset, pixels.array, pixels.content, dataset, pixels)
    if not data.skip_unreadable:
        raise DataError(unreadable_sentence({dataset.keys[row]: why for row, why in pixels.unreadable.items()}, advice))
    rows = np.array([row for row in range(len(dataset)) if row not in pixels.unreadable], dtype=np.int64)
    content = tuple(pixels.content[row] for row in rows)
    return Loaded(dataset.take(rows), pixels.array[rows], content, dataset, pixels)


def unreadable_sentence(unreadable: dict[str, str], advice: str) -> str:
    """Return one sentence that counts the files that cannot be read, names the first of them and ends in advice."""
    shown = "; ".join(f"{key} ({reason})" for key, reason in list(unreadable.items())[:3])
    files = "1 picture" if len(unreadable) == 1 else f"{len(unreadable)} pictures"
    more = "" if len(unreadable) <= 3 else f" and {len(unreadable) - 3} more"
    return f"{files} cannot be read: {shown}{more}; {advice}"


def network_inputs(
    loaded: Loaded, preprocessing: ImagePreprocessing | TablePreprocessing
) -> NDArray[np.uint8] | NDArray[np.float32]:
    """Return what batches are cut from: resized pictures, or table rows as numbers.

    Args:
        loaded: the samples.
        preprocessing: the model's.
    """
    if loaded.inputs is not None:
        return loaded.inputs
    if not isinstance(loaded.dataset.samples, Table) or not isinstance(preprocessing, TablePreprocessing):
        raise ValueError("a table needs a table's preprocessing")
    return preprocessing.transform(loaded.dataset.samples.frame)


def reload(
    recipe: Recipe,
    folder: RunFolder,
    preprocessing: ImagePreprocessing | TablePreprocessing,
    moved: Any = None,
    *,
    sealed: bool = False,
) -> Loaded:
    """Return the samples of a finished run, read again.

    Args:
        recipe: the run's.
        folder: the run's.
        preprocessing: the model's.
        moved: where the data lie now, if they have moved.
        sealed: whether to make sure that the test samples are those that were sealed.

    Raises:
        DataError: the data are gone, or a sealed sample has changed.
    """
    data = recipe.data
    if moved is not None:
        data = data.model_copy(update={"path": str(Path(moved).resolve())})
    if data.path is not None and not Path(data.path).exists():
        raise DataError(f"{data.path}, the data of this run, is not there any more; name its new place with --data")
    white = preprocessing.white if isinstance(preprocessing, ImagePreprocessing) else 65535
    dataset = read_dataset(data, folder)
    if sealed:
        check_sealed(folder.splits, dataset)
    return load_samples(dataset, data, white=white, advice="put the data back as they were when the run was made")
