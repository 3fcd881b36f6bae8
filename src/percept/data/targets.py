"""What a table's target column asks for: classes or a number, decided by what its cells hold."""

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from percept.data.dataset import Target, Task
from percept.data.frames import row_number, text_of
from percept.errors import DataError, OptionError

# Whole numbers with more distinct values than this are measured, with fewer they are names of classes.
MOST_NUMBERED_CLASSES = 20


def choose_column(names: Sequence[str], wanted: str | int | None, option: str = "--target") -> str:
    """Return the name of the column that the user means.

    Args:
        names: the table's columns.
        wanted: a name, or a position from 0, or from -1 for the last; a name wins over a position.
        option: the option that the user gave it with, for the error.

    Raises:
        OptionError: nothing is wanted, or no column is meant by it.

    Example:
        >>> choose_column(["age", "ill"], "-1")
        'ill'
    """
    listed = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    if wanted is None:
        raise OptionError(
            f"{option} is not given; say which column is to be predicted, one of {listed} (-1 is the last)"
        )
    text = str(wanted).strip()
    if text in names:
        return text
    try:
        return names[int(text)]
    except ValueError:
        folded = {name.casefold(): name for name in names}
        close = [folded[name] for name in difflib.get_close_matches(text.casefold(), list(folded), n=3)]
        hint = f"did you mean {' or '.join(close)}?" if close else f"expected one of {listed}, or a position such as -1"
        raise OptionError(f"{option} is {text!r}, which is no column; {hint}") from None
    except IndexError:
        raise OptionError(
            f"{option} is {text}, but there are {len(names)} columns; expected 0 to {len(names) - 1}, -1 for the last,"
            f" or one of {listed}"
        ) from None


def make_target(column: "pd.Series[Any]", task: Task | None, source: str) -> tuple[Target, str]:
    """Return the target that a column holds, and a sentence that says how it was taken.

    Args:
        column: (samples,) float64 or text.
        task: what the user wants; None decides by the cells.
        source: what to call the column's table in an error.

    Raises:
        DataError: a value is missing or infinite, all are the same, or text is to be predicted as a number.
    """
    check_known(column, source)
    name, distinct = str(column.name), column.nunique()
    if distinct < 2:
        raise DataError(
            f"target {name} of {source} is {text_of(column.iloc[0])!r} in all {len(column)} rows; expected at least two"
            " values: choose another column with --target"
        )
    numbers = column.dtype == np.float64
    if task == "regression" and not numbers:
        raise DataError(
            f"target {name} of {source} holds text such as {column.iloc[0]!r}; regression predicts numbers:"
            " pass --task classification or choose another column with --target"
        )
    whole = numbers and not (column % 1).any()
    chosen = task or (
        "classification" if not numbers or (whole and distinct <= MOST_NUMBERED_CLASSES) else "regression"
    )
    if chosen == "regression":
        other = "" if task else "; --task classification would take each value for a class"
        return Target("regression", column.to_numpy(dtype=np.float64), (), name), (
            f"target {name} holds {distinct} different numbers and is predicted as a number{other}"
        )
    labels = column.map(text_of)
    classes = tuple(sorted_classes(labels.unique().tolist()))
    other = "; --task regression would predict it as a number" if numbers and not task else ""
    return Target("classification", encode(labels, classes), classes, name), (
        f"target {name} holds {distinct} different {'numbers' if numbers else 'texts'}, each taken for a class{other}"
    )


def check_known(column: "pd.Series[Any]", source: str) -> None:
    """Refuse a target with missing or infinite values.

    Raises:
        DataError: says how many there are and where the first one stands.
    """
    infinite = np.isinf(column.to_numpy()) if column.dtype == np.float64 else np.zeros(len(column), dtype=np.bool_)
    for what, where in (("missing", column.isna().to_numpy()), ("infinite", infinite)):
        if where.any():
            raise DataError(
                f"target {column.name} of {source} is {what} in {where.sum()} of {len(column)} rows, first in row"
                f" {row_number(column, where)}; fill in or remove those rows"
            )


def encode(labels: "pd.Series[Any]", classes: Sequence[str]) -> NDArray[np.int64]:
    """Return the class number of each label, -1 where it is no class."""
    return pd.Index(classes).get_indexer(pd.Index(labels)).astype(np.int64)


def sorted_classes(names: Sequence[str]) -> list[str]:
    """Return class names in order: by value if all are numbers, else by the alphabet.

    Example:
        >>> sorted_classes(["10", "9", "1"]), sorted_classes(["b", "10", "a"])
        (['1', '9', '10'], ['10', 'a', 'b'])
    """
    try:
        return sorted(names, key=lambda name: (float(name), name))
    except ValueError:
        return sorted(names)


def encode_test(column: "pd.Series[Any]", target: Target, source: str) -> tuple[NDArray[Any], str]:
    """Return the target values of the user's own test rows, and a sentence if labels had to be mended ("" if not).

    Args:
        column: (rows,) float64 or text.
        target: the target of the training rows.
        source: what to call the test table in an error.

    Raises:
        DataError: a value is missing, is no class of the training rows, or no number for regression.
    """
    check_known(column, source)
    if target.task == "regression":
        if column.dtype != np.float64:
            raise DataError(f"target {target.name} of {source} holds text such as {column.iloc[0]!r}; expected numbers")
        return column.to_numpy(dtype=np.float64), ""
    labels = column.map(text_of)
    numbers = encode(labels, target.classes)
    if (numbers < 0).all():
        # The test file of the well-known census set ends each label with a period.
        mended = encode(labels.str.removesuffix("."), target.classes)
        if (mended >= 0).all():
            return mended, f"the labels of {source} end with a period that those for training have not: it is ignored"
    if (numbers < 0).any():
        unknown = labels[numbers < 0].unique()
        raise DataError(
            f"{source} has the class {unknown[0]!r}, first in row {row_number(column, numbers < 0)}, which the training"
            f" rows have not; expected only {', '.join(target.classes[:10])}: remove those rows or name them alike"
        )
    return numbers, ""
