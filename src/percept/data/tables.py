"""Labelled tables: from a file, a data frame or arrays to a data set with features apart from the target."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from percept.data.dataset import Dataset, Table, Task
from percept.data.frames import ColumnKind, check_columns, check_finite, conform, plain_frame
from percept.data.table_files import read_table_file, row_counters
from percept.data.targets import choose_column, encode_test, make_target
from percept.errors import DataError, OptionError


def read_table(
    path: Path | str,
    *,
    target: str | int | None,
    header: bool | None = None,
    task: Task | None = None,
    group: str | None = None,
    test: Path | str | None = None,
) -> Dataset:
    """Read a labelled table from a file.

    Args:
        path: CSV, TSV or text cut by semicolons, bars or spaces, maybe packed (.gz, .bz2, .xz, .zip), or Parquet.
        target: name of the column to predict, or its position: "0" the first, "-1" the last.
        header: whether the first line holds the names; None notices by itself. Without names: c0, c1, ...
        task: "classification" or "regression"; None decides by the target's cells.
        group: column whose equal values belong together; it is no feature.
        test: file with the user's own test rows, the same columns in any order.

    Returns:
        The data set; keys are row numbers from 1, those of test rows with the test file's name before them.

    Raises:
        OptionError: a column that is asked for is not there.
        DataError: a file cannot be used; the sentence says why.
    """
    path = Path(path)
    table = read_table_file(path, header)
    columns = list(table.frame.columns)
    try:
        target = choose_column(columns, target)
        group = None if group is None else choose_column(columns, group, "--group")
    except OptionError as error:
        if table.header or header is not None:
            raise
        raise OptionError(
            f"{error} ({path.name} seems to have no header; pass --header if line 1 holds names)"
        ) from None
    notes = list(table.notes)
    counters = [name for name in row_counters(table.frame) if name not in (target, group)]
    if len(counters) < len(columns) - 1 - (group is not None):  # else nothing but counters would be left
        table = replace(table, frame=table.frame.drop(columns=counters))
        notes += [f"column {name} only counts the rows and is left out" for name in counters]
    own_test = None
    if test is not None:
        own_test = read_table_file(Path(test), table.header)
        notes += own_test.notes
    return frame_dataset(
        table.frame,
        target=target,
        task=task,
        group=group,
        test=None if own_test is None else own_test.frame,
        name=path.name.split(".")[0] or path.name,
        source=path.name,
        test_source="test" if test is None else Path(test).name,
        notes=notes,
    )


def frame_dataset(
    frame: pd.DataFrame,
    *,
    target: str | int | None,
    task: Task | None = None,
    group: str | int | None = None,
    test: pd.DataFrame | None = None,
    name: str = "table",
    source: str = "the table",
    test_source: str = "test",
    notes: Sequence[str] = (),
) -> Dataset:
    """Make a data set of a data frame.

    Args:
        frame: one row a sample, columns of any type.
        target: name or position of the column to predict.
        task: "classification" or "regression"; None decides by the target's cells.
        group: column whose equal values belong together; it is no feature.
        test: the user's own test rows with the same columns in any order.
        name: short name of the data set.
        source: what to call the frame in errors and notes.
        test_source: what to call the test rows in errors, notes and keys.
        notes: what is to be said about the frame before anything else.

    Raises:
        OptionError: a column that is asked for is not there.
        DataError: the target is missing, infinite or constant, a feature is infinite, or a test row does not fit.
    """
    frame = plain_frame(frame.reset_index(drop=True), source)
    target_name = choose_column(list(frame.columns), target)
    group_name = None if group is None else choose_column(list(frame.columns), group, "--group")
    if group_name == target_name:
        raise OptionError(f"--group and --target are both {target_name}; expected two columns")
    features = [column for column in frame.columns if column not in (target_name, group_name)]
    if not features or not len(frame):
        raise DataError(f"{source} has {len(frame)} rows and {len(features)} features; expected at least one of each")
    check_finite(frame[features], source)
    if all(frame[name].isna().all() for name in features):
        raise DataError(f"every cell of the features of {source} is missing; give columns that tell the samples apart")
    truth, sentence = make_target(frame[target_name], task, source)
    told = [*notes, sentence]
    rows = len(frame)
    if test is not None:
        test = plain_frame(test.reset_index(drop=True), test_source)
        check_columns(list(test.columns), list(frame.columns), test_source)
        values, mended = encode_test(test[target_name], truth, test_source)
        truth = replace(truth, values=np.concatenate([truth.values, values]))
        told += [mended] if mended else []
        frame = _with_test(frame, test, features, group_name, test_source)
    return Dataset(
        name=name,
        samples=Table(frame[features]),
        target=truth,
        keys=_keys(rows, len(frame) - rows, test_source),
        given=np.where(np.arange(len(frame)) < rows, "", "test").astype("<U10"),
        groups=None if group_name is None else _groups(frame[group_name], source),
        notes=(*told, *_group_notes(frame, group_name), *_missing_notes(frame[features])),
    )


def arrays_table(
    X: ArrayLike | pd.DataFrame,
    y: ArrayLike,
    *,
    feature_names: Sequence[str] | None = None,
    task: Task | None = None,
    group: str | None = None,
    target: str | None = None,
    name: str = "arrays",
) -> Dataset:
    """Make a data set of arrays.

    Args:
        X: (samples, features) numbers or text; a data frame keeps its own names.
        y: (samples,) or (samples, 1) classes or numbers.
        feature_names: one name a feature; None calls them c0, c1, ...
        task: "classification" or "regression"; None decides by the values of `y`.
        group: column of X whose equal values belong together; it is no feature.
        target: what to call `y`; None takes its own name if it is a Series, else "y".
        name: short name of the data set.

    Raises:
        DataError: the shapes do not fit, or the values cannot be used.
        OptionError: there are not as many names as features.

    Example:
        >>> arrays_table([[1.0, 2.0], [3.0, 4.0]], ["a", "b"]).samples.frame.columns.tolist()
        ['c0', 'c1']
    """
    inputs = X.reset_index(drop=True) if isinstance(X, pd.DataFrame) else pd.DataFrame(_matrix(X))
    target = target or str(getattr(y, "name", None) or "y")
    values = np.asarray(y)
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if values.shape != (len(inputs),):
        raise DataError(f"y has the shape {values.shape}; expected ({len(inputs)},), one value for each row of X")
    if feature_names is not None and len(feature_names) != inputs.shape[1]:
        raise OptionError(
            f"there are {len(feature_names)} feature names for {inputs.shape[1]} features; give one for each"
        )
    if feature_names is not None or not isinstance(X, pd.DataFrame):
        inputs.columns = pd.Index(feature_names or [f"c{number}" for number in range(inputs.shape[1])])
    while target in set(map(str, inputs.columns)):
        target += "_"
    frame = pd.concat([inputs, pd.Series(values, name=target)], axis=1)
    return frame_dataset(frame, target=target, task=task, group=group, name=name, source="X")


def _matrix(X: ArrayLike) -> NDArray[Any]:
    matrix = np.asarray(X)
    if matrix.ndim != 2:
        raise DataError(f"X has the shape {matrix.shape}; expected (samples, features)")
    return matrix


def _with_test(
    frame: pd.DataFrame, test: pd.DataFrame, features: Sequence[str], group: str | None, source: str
) -> pd.DataFrame:
    kinds: dict[str, ColumnKind] = {
        name: "number" if frame[name].dtype == np.float64 else "text"
        for name in (*features, *([group] if group else []))
    }
    return pd.concat([frame[list(kinds)], conform(test, kinds, source)], ignore_index=True)


def _keys(rows: int, test_rows: int, test_source: str) -> tuple[str, ...]:
    return (*map(str, range(1, rows + 1)), *(f"{test_source}/{row}" for row in range(1, test_rows + 1)))


def _groups(column: "pd.Series[Any]", source: str) -> NDArray[np.int64]:
    if column.isna().any():
        raise DataError(
            f"group {column.name} of {source} is missing in {column.isna().sum()} rows; fill it in for every row"
        )
    return pd.factorize(column)[0].astype(np.int64)


def _group_notes(frame: pd.DataFrame, group: str | None) -> list[str]:
    if group is None:
        return []
    return [f"column {group} tells {frame[group].nunique()} groups, which stay together, and is no feature"]


def _missing_notes(features: pd.DataFrame) -> list[str]:
    counts = features.isna().sum()
    gaps = [f"{name} ({count})" for name, count in counts.items() if count]
    if not gaps:
        return []
    shown = ", ".join(gaps[:10]) + (f" and {len(gaps) - 10} more" if len(gaps) > 10 else "")
    return [f"{counts.sum()} cells are missing (empty, NA, NaN, null or ?), in {shown}"]
