"""The two kinds of column that percept works with, float64 numbers and text, made from any data frame."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from percept.data.delimited import MISSING
from percept.errors import DataError

ColumnKind = Literal["number", "text", "date"]
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([ T].*)?")


def plain_frame(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return the frame with text for names and every column float64 or text.

    Args:
        frame: columns of any type; dates, truth values and categories become text.
        source: what to call the frame in an error.

    Raises:
        DataError: two columns have one name, or a column holds complex numbers.
    """
    names = [str(name).strip() for name in frame.columns]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{source} has more than one column named {twice!r}; rename all but one")
    columns = {name: plain_column(frame.iloc[:, number], source) for number, name in enumerate(names)}
    return pd.DataFrame(columns, index=frame.index)


def plain_column(column: "pd.Series[Any]", source: str = "the table") -> "pd.Series[Any]":
    """Return a column as float64 with NaN, or as text with None, where a cell is missing.

    Args:
        column: a column of any type.
        source: what to call its frame in an error.

    Raises:
        DataError: the column holds complex numbers.

    Example:
        >>> plain_column(pd.Series([True, False])).tolist(), plain_column(pd.Series([1, 2])).tolist()
        (['True', 'False'], [1.0, 2.0])
    """
    types = pd.api.types
    if isinstance(column.dtype, pd.CategoricalDtype) or types.is_bool_dtype(column.dtype):
        return _text(column)
    if types.is_complex_dtype(column.dtype):
        raise DataError(f"column {column.name} of {source} holds complex numbers; give real and imaginary parts apart")
    if types.is_datetime64_any_dtype(column.dtype):
        return _dates_as_text(column)
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "m":
        return pd.Series(column.to_numpy() / np.timedelta64(1, "s"), index=column.index, name=column.name)
    if types.is_numeric_dtype(column.dtype):
        return pd.Series(column.to_numpy(dtype=np.float64, na_value=np.nan), index=column.index, name=column.name)
    kind = types.infer_dtype(column, skipna=True)
    if kind in ("integer", "floating", "mixed-integer-float", "decimal"):
        return pd.to_numeric(column).astype(np.float64)
    if kind in ("datetime", "date", "datetime64"):
        return _dates_as_text(column)
    return _text(column)


def _text(column: "pd.Series[Any]") -> "pd.Series[Any]":
    cells = column.astype(object)
    kept = cells.notna()
    if pd.api.types.infer_dtype(cells, skipna=True) != "string":
        cells = cells.map(lambda cell: cell if pd.api.types.is_scalar(cell) and pd.isna(cell) else text_of(cell))
    return cells.astype(object).where(kept, None)  # object first: a frame's own text type knows no None


def text_of(value: object) -> str:
    """Return how a cell is written as a category: whole numbers without a fraction.

    Example:
        >>> text_of(1.0), text_of(0.5), text_of(True), text_of("rose")
        ('1', '0.5', 'True', 'rose')
    """
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _dates_as_text(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return dates as a text file has them, so that a model takes both from either."""
    moments = pd.to_datetime(column, utc=True)
    whole_days = bool((moments.dropna() == moments.dropna().dt.normalize()).all())
    texts = moments.dt.strftime("%Y-%m-%d" if whole_days else "%Y-%m-%dT%H:%M:%S.%f")
    return texts.astype(object).where(moments.notna(), None)


def _seconds(column: "pd.Series[Any]") -> "pd.Series[Any]":
    moments = pd.to_datetime(column, utc=True)
    return ((moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)).astype(np.float64)


def dates(column: "pd.Series[Any]") -> "pd.Series[Any] | None":
    """Return the seconds since 1970 if every known cell is a date written year-month-day, else None."""
    known = column.dropna()
    if known.empty or not all(isinstance(cell, str) and _DATE.fullmatch(cell) for cell in known):
        return None
    moments = pd.to_datetime(column, format="ISO8601", errors="coerce", utc=True)
    return _seconds(moments) if moments.notna().sum() == len(known) else None


def from_file(column: "pd.Series[Any]", *, keep_text: bool = False) -> "pd.Series[Any]":
    """Return a column as read from a text file without the spaces around its cells and the marks for missing.

    Args:
        column: numbers, truth values or text.
        keep_text: whether text stays text where all of it could be read as numbers.
    """
    if pd.api.types.is_numeric_dtype(column.dtype):
        return plain_column(column)
    cells = column.astype(object).map(lambda cell: cell.strip() if isinstance(cell, str) else text_of(cell))
    cells = cells.astype(object).where(column.notna() & ~cells.isin(MISSING), None)
    numbers = pd.to_numeric(cells, errors="coerce")
    if keep_text or numbers.isna().sum() > cells.isna().sum():
        return cells
    return numbers.astype(np.float64)


def check_finite(frame: pd.DataFrame, source: str) -> None:
    """Refuse a frame that holds an infinite number.

    Raises:
        DataError: names the column and the row, counted from 1.
    """
    for name in frame.columns:
        column = frame[name]
        if column.dtype == np.float64 and np.isinf(column.to_numpy()).any():
            row = row_number(column, np.isinf(column.to_numpy()))
            raise DataError(
                f"column {name} of {source} holds inf in row {row}; expected finite numbers: mend it or leave it empty"
            )


def row_number(column: "pd.Series[Any]", where: "np.typing.NDArray[np.bool_]") -> int:
    """Return the number, counted from 1, of the first row where `where` holds."""
    position = int(np.flatnonzero(where)[0])
    # A piece of a stream counts on from the pieces before it.
    return position + 1 + (column.index.start if isinstance(column.index, pd.RangeIndex) else 0)


def conform(frame: pd.DataFrame, kinds: Mapping[str, ColumnKind], source: str) -> pd.DataFrame:
    """Return the columns that are asked for, in that order and of those kinds.

    Args:
        frame: any frame that holds them, in any order; other columns are left out.
        kinds: name and kind of each column; dates become seconds since 1970.
        source: what to call the frame in an error.

    Raises:
        DataError: a column is missing, or a cell does not fit its kind or is infinite.
    """
    check_columns([str(name).strip() for name in frame.columns], kinds, source)
    positions = {str(name).strip(): number for number, name in enumerate(frame.columns)}
    columns = {name: _as_kind(frame.iloc[:, positions[name]], name, kinds[name], source) for name in kinds}
    result = pd.DataFrame(columns, index=frame.index)
    check_finite(result, source)
    return result


def check_columns(present: Iterable[str], needed: Iterable[str], source: str) -> None:
    """Refuse a table that lacks columns.

    Raises:
        DataError: names the columns that are missing and those that are there.
    """
    there = list(present)
    missing = [name for name in needed if name not in set(there)]
    if missing:
        raise DataError(
            f"{source} lacks {_listed(missing)}; it has {_listed(there)}: add what is missing"
            " (the first line of a text file must hold the names, as in the training table)"
        )


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    return f"the column{'s' if len(names) != 1 else ''} {shown}"


def _as_kind(column: "pd.Series[Any]", name: str, kind: ColumnKind, source: str) -> "pd.Series[Any]":
    plain = plain_column(column, source)
    if (plain.dtype == np.float64) == (kind != "text"):
        return plain
    if kind == "text":
        return _text(plain)
    known = plain.notna().to_numpy()
    if kind == "date":
        values, expected = (
            pd.to_datetime(plain, format="ISO8601", errors="coerce", utc=True),
            "a date such as 2024-01-31",
        )
    else:
        values, expected = pd.to_numeric(plain, errors="coerce"), "a number"
    wrong = known & values.isna().to_numpy()
    if wrong.any():
        cell = plain.to_numpy()[wrong][0]
        raise DataError(
            f"column {name} of {source} holds {cell!r} in row {row_number(plain, wrong)}; expected {expected},"
            " as in training: mend the cell or leave it empty"
        )
    return _seconds(values) if kind == "date" else values.astype(np.float64)
