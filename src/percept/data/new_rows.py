"""Rows to predict: from a file, frame or array to the columns that a trained model takes, whole or piece by piece."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from percept.data.columns import TablePreprocessing
from percept.data.delimited import Layout, notice_layout, read_rows
from percept.data.frames import check_columns, conform, from_file
from percept.data.table_files import is_parquet, opened_parquet
from percept.errors import DataError

_NUMBERED = re.compile(r"c\d+")


def read_features(
    source: Path | str | pd.DataFrame | NDArray[Any], preprocessing: TablePreprocessing, *, target: str = ""
) -> pd.DataFrame:
    """Return all rows with the columns that the model takes, in its order.

    Args:
        source: a table file, a frame with the columns in any order, or an array (rows, features) in training order.
        preprocessing: the model's preprocessing.
        target: name of the model's target, which the source may hold or not.

    Returns:
        Numbers (float64, NaN for missing) and text (None for missing); further columns are left out.

    Raises:
        DataError: a column is missing, or a cell is infinite or of the wrong kind.
    """
    if isinstance(source, (str, Path)):
        return pd.concat(stream_features(source, preprocessing, target=target), ignore_index=True)
    if isinstance(source, np.ndarray):
        if source.ndim != 2:
            raise DataError(f"the array has the shape {source.shape}; expected (rows, features)")
        source = pd.DataFrame(source, columns=_names_by_position(source.shape[1], preprocessing, target, "the array"))
    return conform(source.reset_index(drop=True), preprocessing.kinds, "the table")


def stream_features(
    path: Path | str, preprocessing: TablePreprocessing, *, target: str = "", rows: int = 10_000
) -> Iterator[pd.DataFrame]:
    """Read a table file piece by piece, so that a file of any length fits in memory.

    Args:
        path: a table file: text, packed or not, or Parquet.
        preprocessing: the model's preprocessing.
        target: name of the model's target, which the file may hold or not.
        rows: the most rows that a piece has.

    Yields:
        Frames as `read_features` returns them; their index counts the rows of the file from 0.

    Raises:
        DataError: there are no rows, a column is missing, or a cell is infinite or of the wrong kind.
    """
    path, kinds = Path(path), preprocessing.kinds
    if is_parquet(path):
        pieces = _parquet_pieces(path, list(kinds), rows)
    else:
        text = {name for name, kind in kinds.items() if kind == "text"}
        layout = _layout(path, preprocessing, target)
        check_columns(layout.names, kinds, path.name)
        pieces = (
            pd.DataFrame({name: from_file(piece[name], keep_text=name in text) for name in piece.columns})
            for piece in read_rows(path, layout, columns=kinds, text=text, rows=rows)
        )
    empty = True
    for piece in pieces:
        if len(piece):
            empty = False
            yield conform(piece, kinds, path.name)
    if empty:
        raise DataError(f"{path} has no rows; expected one for each prediction")


def _parquet_pieces(path: Path, columns: Sequence[str], rows: int) -> Iterator[pd.DataFrame]:
    with opened_parquet(path) as file:
        check_columns(file.schema_arrow.names, columns, path.name)
        first = 0
        for batch in file.iter_batches(batch_size=rows, columns=columns):
            piece: pd.DataFrame = batch.to_pandas().reset_index(drop=True)
            piece.index = pd.RangeIndex(first, first + len(piece))
            first += len(piece)
            yield piece


def _layout(path: Path, preprocessing: TablePreprocessing, target: str) -> Layout:
    """Return the file's layout; whether it has a header is told by the names that the model knows."""
    if not all(map(_NUMBERED.fullmatch, preprocessing.inputs)):
        return notice_layout(path, header=True)
    noticed = notice_layout(path)
    if noticed.header and set(preprocessing.kinds) <= set(noticed.names):
        return noticed
    bare = notice_layout(path, header=False)
    return replace(bare, names=_names_by_position(len(bare.names), preprocessing, target, path.name))


def _names_by_position(width: int, preprocessing: TablePreprocessing, target: str, source: str) -> tuple[str, ...]:
    """Return the names of columns that have none, with the target among them or not."""
    inputs = preprocessing.inputs
    if width == len(inputs):
        return inputs
    if all(map(_NUMBERED.fullmatch, inputs)):
        # The training file's columns by position; where row counters were left out, there are gaps in the inputs.
        numbers = [int(name[1:]) for name in (*inputs, target) if _NUMBERED.fullmatch(name)]
        everything = tuple(f"c{number}" for number in range(max(numbers) + 1))
        without_target = tuple(name for name in everything if name != target)
        for names in (everything, without_target):
            if width == len(names):
                return names
    raise DataError(
        f"{source} has {width} columns without names; the model takes {len(inputs)}, in the order of its training"
        " table: add a header or give the same columns"
    )
