"""Columns that alone give the target away: more likely a leak from the answer than a discovery."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from percept.data.audit.columns import ENOUGH, Column, is_identifier
from percept.data.audit.finding import Finding, counted
from percept.data.dataset import Target

Values: TypeAlias = NDArray[np.int64] | NDArray[np.float64]

_OTHERS = 10  # rows outside the commonest class that a column must get right before it is suspected
_REPEATS = 5  # rows a value, on average, before one target for each value is hardly chance
_FOLLOWS = 0.999  # rank correlation from which a column follows the target


def audit_leaks(columns: Sequence[Column], target: Target) -> Iterator[Finding]:
    """Yield a warning that names the columns from each of which alone the target could be told.

    Args:
        columns: the features, numbered.
        target: (rows,) what is to be predicted.
    """
    tells = _tells_class if target.task == "classification" else _tells_figure
    suspects = tuple(column.name for column in columns if not is_identifier(column) and tells(column, target.values))
    if suspects:
        text = (
            f"{counted(len(suspects), 'column')} alone {'tells' if len(suspects) == 1 else 'tell'} {target.name}"
            " perfectly: make sure that it is known before the answer is, otherwise leave it out"
        )
        yield Finding("warning", text, suspects, "leak_suspects", len(suspects))


def _tells_class(column: Column, labels: Values) -> bool:
    """Return whether each value goes with one class, and values repeat or each class is one interval of them."""
    counts = np.unique(labels, return_counts=True)[1]
    if len(labels) < ENOUGH or len(labels) - counts.max() < _OTHERS:
        return False
    label = _label_of_value(column, labels)
    if label is None:
        return False
    if column.distinct * _REPEATS <= len(labels):
        return True
    if not column.numeric:
        return False
    in_order = label[np.argsort(column.values)]  # a missing value comes last
    return bool(1 + np.count_nonzero(in_order[1:] != in_order[:-1]) <= len(counts))


def _tells_figure(column: Column, figures: Values) -> bool:
    """Return whether each of few values goes with one figure, or the column rises or falls with the target."""
    if len(figures) < ENOUGH or column.distinct < 2 or np.ptp(figures) == 0:
        return False
    if column.distinct * _REPEATS <= len(figures):
        return _label_of_value(column, figures) is not None
    if not column.numeric:
        return False
    cells = pd.Series(column.values[column.codes])
    present = cells.notna().to_numpy()
    if 2 * present.sum() < len(figures) or cells[present].nunique() < 2 or np.ptp(figures[present]) == 0:
        return False
    ranks, target_ranks = cells[present].rank().to_numpy(), pd.Series(figures[present]).rank().to_numpy()
    return bool(abs(np.corrcoef(ranks, target_ranks)[0, 1]) >= _FOLLOWS)


def _label_of_value(column: Column, labels: Values) -> Values | None:
    """Return the one label of each of a column's values, or None where a value has several."""
    label = np.empty_like(labels, shape=column.distinct)
    label[column.codes] = labels
    return label if (label[column.codes] == labels).all() else None
