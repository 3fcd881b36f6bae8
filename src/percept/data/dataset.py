"""A labelled data set as the user gave it: samples, target, names, and the parts the user laid down."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Task = Literal["classification", "regression"]
Kind = Literal["image", "table"]


@dataclass(frozen=True)
class Target:
    """What is to be predicted, one value a sample.

    Attributes:
        task: whether the values are classes or figures.
        values: (samples,) int64 class numbers, or float64 figures.
        classes: the name of each class number; empty for regression.
        name: what the user calls it, a column's name or "class".
    """

    task: Task
    values: NDArray[np.int64] | NDArray[np.float64]
    classes: tuple[str, ...] = ()
    name: str = "class"

    def labels(self) -> list[str]:
        """Return the class name of each sample, or its figure as text that gives back the same float."""
        if self.classes:
            return [self.classes[int(value)] for value in self.values]
        return [str(value) for value in self.values.tolist()]

    def take(self, rows: NDArray[np.int64]) -> Self:
        """Return the target of some samples, in the order of `rows`."""
        return replace(self, values=self.values[rows])


@dataclass(frozen=True)
class PictureFiles:
    """Pictures that lie in files, one path a sample, not yet decoded."""

    paths: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, rows: NDArray[np.int64]) -> "PictureFiles":
        """Return some of the pictures, in the order of `rows`."""
        return PictureFiles(tuple(self.paths[row] for row in rows))


@dataclass(frozen=True)
class MaskedFiles:
    """Pictures and masks that lie in files: the paths of each sample, the picture's first."""

    paths: tuple[tuple[Path, ...], ...]

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, rows: NDArray[np.int64]) -> "MaskedFiles":
        """Return some of the samples, in the order of `rows`."""
        return MaskedFiles(tuple(self.paths[row] for row in rows))


@dataclass(frozen=True)
class PictureArray:
    """Pictures in memory.

    Attributes:
        pixels: (samples, height, width, channels) uint8, channels 1 or 3.
        white: the value that was called white where the pictures came as 16-bit values.
    """

    pixels: NDArray[np.uint8]
    white: int = 65535

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, rows: NDArray[np.int64]) -> "PictureArray":
        """Return some of the pictures, in the order of `rows`."""
        return replace(self, pixels=self.pixels[rows])


@dataclass(frozen=True)
class Table:
    """Rows of named columns without the target; numeric columns are float64, all others text (object)."""

    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: NDArray[np.int64]) -> "Table":
        """Return some of the rows, in the order of `rows`."""
        return Table(self.frame.iloc[rows].reset_index(drop=True))


Samples = PictureFiles | PictureArray | MaskedFiles | Table


@dataclass(frozen=True)
class Dataset:
    """Labelled samples, as read from what the user pointed at.

    Attributes:
        name: short name for run folders, such as "flowers".
        samples: the inputs.
        target: what is to be predicted.
        keys: one name a sample: the path below the source with forward slashes, or the row's number.
        given: (samples,) text: the part the user put each sample in ("train", "validation", "test"),
            "" where percept is to choose.
        groups: (samples,) group numbers that must stay on one side of every split, or None.
        notes: sentences that tell the user how the source was understood.
    """

    name: str
    samples: Samples
    target: Target
    keys: tuple[str, ...]
    given: NDArray[np.str_]
    groups: NDArray[np.int64] | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def kind(self) -> Kind:
        """Return "table" or "image"."""
        return "table" if isinstance(self.samples, Table) else "image"

    def take(self, rows: NDArray[np.int64]) -> "Dataset":
        """Return the data set with some of its samples, in the order of `rows`."""
        return replace(
            self,
            samples=self.samples.take(rows),
            target=self.target.take(rows),
            keys=tuple(self.keys[row] for row in rows),
            given=self.given[rows],
            groups=None if self.groups is None else self.groups[rows],
        )
