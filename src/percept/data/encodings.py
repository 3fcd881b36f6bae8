"""How one column of a table becomes features: numbers and dates scaled, text as one feature a category."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from percept.data.frames import ColumnKind

_LONGEST_TAIL = 20.0  # bound of what `squash` returns: past 2e8 tails one wild value would flatten all others
_FURTHEST = 1e6  # bound of every input: a wild value at prediction must not overflow float32


@dataclass(frozen=True)
class NumberColumn:
    """How a column of numbers or dates becomes one feature, or two where training had missing cells.

    Attributes:
        name: of the column.
        kind: "number", or "date" for seconds since 1970.
        median: takes the place of a missing cell.
        tail: 0 leaves values as they are; else they become asinh((value - median) / tail), about linear near the
            median and logarithmic far from it, up to a bound.
        mean: of the training values, after `tail`.
        std: standard deviation of the training values, after `tail`.
        missing: whether a second feature tells by 1 that the cell is missing, by 0 that it is not.
    """

    name: str
    kind: ColumnKind
    median: float
    tail: float
    mean: float
    std: float
    missing: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the features."""
        return (self.name, f"{self.name} missing") if self.missing else (self.name,)

    def encode(self, cells: "pd.Series[Any]") -> NDArray[np.float32]:
        """Return (rows, features) for (rows,) float64 cells, NaN where missing."""
        values = cells.to_numpy(dtype=np.float64)
        absent = np.isnan(values)
        squashed = squash(np.where(absent, self.median, values), self.median, self.tail)
        with np.errstate(over="ignore"):  # what overflows is cut off at the bound
            scaled = np.clip((squashed - self.mean) / self.std, -_FURTHEST, _FURTHEST)
        return np.stack([scaled, absent] if self.missing else [scaled], axis=1).astype(np.float32)


@dataclass(frozen=True)
class CategoryColumn:
    """How a column of text becomes one feature a category, 1 in the row's own and 0 in all others.

    Attributes:
        name: of the column.
        categories: those with a feature of their own, in order.
        rare: those of training that share the feature "other"; a category never seen falls among them too, and
            without rare ones it is 0 everywhere.
        missing: whether a missing cell has a feature of its own; without it, it counts as never seen.
    """

    name: str
    categories: tuple[str, ...]
    rare: tuple[str, ...]
    missing: bool

    @property
    def kind(self) -> ColumnKind:
        """Return "text"."""
        return "text"

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the features."""
        own = tuple(f"{self.name} = {category}" for category in self.categories)
        return own + (f"{self.name} other",) * bool(self.rare) + (f"{self.name} missing",) * self.missing

    def encode(self, cells: "pd.Series[Any]") -> NDArray[np.float32]:
        """Return (rows, features) for (rows,) text cells, None where missing."""
        absent = cells.isna().to_numpy()
        position = pd.Index(self.categories, dtype=object).get_indexer(pd.Index(self._written_alike(cells)))
        if self.rare:
            position[position < 0] = len(self.categories)
        if self.missing:
            position[absent] = len(self.names) - 1
        features = np.zeros((len(cells), len(self.names)), dtype=np.float32)
        known = np.flatnonzero(position >= 0)
        features[known, position[known]] = 1
        return features

    def unknown(self, cells: "pd.Series[Any]") -> int:
        """Return how many cells hold a category that training did not have."""
        seen = self._written_alike(cells).isin([*self.categories, *self.rare])
        return int((~seen & cells.notna()).sum())

    def _written_alike(self, cells: "pd.Series[Any]") -> "pd.Series[Any]":
        # Text files write truth values in several ways: TRUE, True, true.
        if {*self.categories, *self.rare} <= {"True", "False"}:
            return cells.map(lambda cell: cell.capitalize() if isinstance(cell, str) else cell)
        return cells


def squash(values: NDArray[np.float64], median: float, tail: float) -> NDArray[np.float64]:
    """Return values drawn in towards the median: asinh((value - median) / tail), or as they are where `tail` is 0."""
    if not tail:
        return values
    with np.errstate(over="ignore"):  # what overflows is cut off at the bound
        return np.clip(np.arcsinh((values - median) / tail), -_LONGEST_TAIL, _LONGEST_TAIL)
