"""A table read from a file, text or Parquet, with what was noticed on the way."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from percept.data.delimited import Layout, notice_layout, read_rows
from percept.data.frames import from_file, plain_frame
from percept.errors import DataError

_PARQUET = (".parquet", ".pq")
_SHORTEST_COUNTER = 20  # rows; in a shorter table a column 1, 2, 3, ... may well be a measurement


@dataclass(frozen=True)
class TableFile:
    """A table as its file holds it.

    Attributes:
        frame: its rows; columns are float64 with NaN, or text with None, where a cell is missing.
        header: whether its columns have names of their own.
        notes: sentences that tell the user how the file was understood.
    """

    frame: pd.DataFrame
    header: bool
    notes: tuple[str, ...]


def read_table_file(path: Path, header: bool | None = None) -> TableFile:
    """Read a table file whole.

    Args:
        path: CSV, TSV or text cut by semicolons, bars or spaces, maybe packed (.gz, .bz2, .xz, .zip), or Parquet.
        header: whether the first line holds the names; None notices by itself.

    Raises:
        DataError: the file is missing, damaged, empty or no table.
    """
    if is_parquet(path):
        frame = plain_frame(_read_parquet(path), path.name)
        notes: list[str] = []
        named = True
    else:
        layout = notice_layout(path, header)
        raw = next(read_rows(path, layout, rows=None))
        frame = pd.DataFrame({name: from_file(raw[name]) for name in raw.columns}, index=raw.index)
        notes = [*_layout_notes(path, layout, header), *_mostly_numbers(frame, path.name)]
        named = layout.header
    if not len(frame):
        raise DataError(f"{path} has no rows below its header; expected one row a sample")
    return TableFile(frame, named, tuple(notes))


def is_parquet(path: Path) -> bool:
    """Return whether a file's name says that it is Parquet."""
    return path.suffix.lower() in _PARQUET


def _read_parquet(path: Path) -> pd.DataFrame:
    with opened_parquet(path) as file:
        frame: pd.DataFrame = file.read().to_pandas()
    return frame.reset_index(drop=True)


@contextmanager
def opened_parquet(path: Path) -> Iterator[Any]:
    """Open a Parquet file as a pyarrow ParquetFile.

    Raises:
        DataError: the file is missing or damaged, or pyarrow is not installed.
    """
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise DataError(f'{path} is Parquet, which needs pyarrow; pip install "percept[parquet]"') from None
    try:
        with ParquetFile(path) as file:
            yield file
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; check its name") from None
    except (OSError, ValueError) as error:  # pyarrow's own errors are kinds of these
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} cannot be read as Parquet ({error}); write or fetch the file again") from error


def _layout_notes(path: Path, layout: Layout, header: bool | None) -> list[str]:
    notes = []
    if not layout.header and header is None:
        names = f"c0 to {layout.names[-1]}"
        notes.append(f"{path.name} has no header: its columns are called {names} (--header if line 1 holds names)")
    if layout.encoding == "latin-1":
        notes.append(f"{path.name} is not in UTF-8 and was read as Latin-1: check letters with accents")
    if layout.decimal == ",":
        notes.append(f"{path.name} writes decimals with a comma")
    return notes


def _mostly_numbers(frame: pd.DataFrame, source: str) -> list[str]:
    """Tell of text columns that a few odd cells keep from being numbers."""
    notes = []
    for name in frame.columns:
        cells = frame[name].dropna() if frame[name].dtype == object else frame[name].iloc[:0]
        odd = pd.to_numeric(cells, errors="coerce").isna()
        if len(cells) and odd.mean() <= 0.1:
            notes.append(
                f"column {name} of {source} is taken for text because {odd.sum()} of its {len(cells)} cells are no"
                f" numbers, the first {cells[odd].iloc[0]!r} in row {cells.index[odd.to_numpy()][0] + 1}"
            )
    return notes


def row_counters(frame: pd.DataFrame) -> list[str]:
    """Return the names of columns that only count the rows, one by one from any start.

    Where rows are sorted by class, such a column gives the answer away and means nothing for new rows.
    """
    if len(frame) < _SHORTEST_COUNTER:
        return []
    return [
        str(name)
        for name in frame.columns
        if frame[name].dtype == np.float64 and bool((frame[name].diff().iloc[1:] == 1).all())
    ]
