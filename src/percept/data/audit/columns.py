"""The columns of a table that carry nothing, too much, or the same as another."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from percept.data.audit.finding import Finding, Severity, counted, percent
from percept.data.columns import MOST_CATEGORIES
from percept.data.frames import dates

ENOUGH = 20  # rows from which a pattern over all of them is hardly chance
DOUBLED = 0.999  # correlation from which two columns say the same
_ROWS, _COLUMNS = 5000, 1000  # of a table that correlations are taken over, to hold time down


@dataclass(frozen=True)
class Column:
    """A column with its values numbered.

    Attributes:
        name: of the column.
        codes: (rows,) the number of each row's value, by first appearance; a missing value is one more value.
        values: (different values,) the value of each number.
        numeric: whether the values are numbers rather than text; dates are numbers, seconds since 1970.
        missing: rows without a value.
    """

    name: str
    codes: NDArray[np.int64]
    values: NDArray[Any]
    numeric: bool
    missing: int

    @property
    def distinct(self) -> int:
        """Return how many different values there are, a missing one included."""
        return len(self.values)


def numbered(frame: pd.DataFrame) -> tuple[Column, ...]:
    """Return the columns of a table with their values numbered.

    Args:
        frame: (rows, columns), columns of numbers or of text.
    """
    columns = []
    for name in frame.columns:
        cells = frame[name]
        if not pd.api.types.is_numeric_dtype(cells):
            moments = dates(cells)
            cells = cells if moments is None else moments
        numeric = pd.api.types.is_numeric_dtype(cells)
        codes, values = pd.factorize(cells.to_numpy(dtype=np.float64 if numeric else object), use_na_sentinel=False)
        columns.append(Column(str(name), codes.astype(np.int64), values, numeric, int(cells.isna().sum())))
    return tuple(columns)


def audit_columns(columns: Sequence[Column]) -> Iterator[Finding]:
    """Yield what is wrong with a table's columns, whatever the target.

    Args:
        columns: the features, numbered.

    Yields:
        Columns with missing values, constant ones, names of rows, text of very many categories, and columns that
        say the same as another.
    """
    yield from _missing(columns)
    constant = tuple(column.name for column in columns if column.distinct == 1 and column.missing == 0)
    if constant:
        text = (
            f"{counted(len(constant), 'column has', 'columns have')} the same value in every row, which tells nothing"
        )
        yield Finding("note", text, constant, "constant_columns", len(constant))
    names = tuple(column.name for column in columns if is_identifier(column))
    if names:
        text = (
            f"{counted(len(names), 'column has', 'columns have')} a different value in most rows, like a name or a"
            " running number: nothing learned from that holds for new rows, leave it out"
        )
        yield Finding("warning", text, names, "identifier_columns", len(names))
    many = [column for column in columns if column.distinct > MOST_CATEGORIES and not column.numeric]
    many = [column for column in many if column.name not in names]
    if many:
        most = max(many, key=lambda column: column.distinct)
        text = (
            f"{counted(len(many), 'column has', 'columns have')} more than {MOST_CATEGORIES} categories,"
            f" {most.name} the most ({most.distinct:,}): the rare ones are not told apart"
        )
        yield Finding("note", text, tuple(column.name for column in many), "many_categories", len(many))
    yield from _doubled(columns)


def is_identifier(column: Column) -> bool:
    """Return whether a column names its rows: text that hardly repeats, or whole numbers without a gap.

    Text is judged as `fit_columns` judges it, which leaves such columns out.
    """
    rows = len(column.codes)
    if not column.numeric:
        return column.distinct - (column.missing > 0) > max(10, (rows - column.missing) / 2)
    if rows < ENOUGH or column.distinct < rows or column.missing:
        return False
    ordered = np.sort(column.values)
    return bool((np.diff(ordered) == 1).all() and ordered[0] % 1 == 0)


def _missing(columns: Sequence[Column]) -> Iterator[Finding]:
    rows = len(columns[0].codes) if columns else 0
    holed = sorted((column for column in columns if column.missing), key=lambda column: -column.missing)
    mostly = [column for column in holed if 2 * column.missing > rows]
    kinds: tuple[tuple[list[Column], Severity, str, str], ...] = (
        (holed, "note", "missing_cells", "missing cells"),
        (mostly, "warning", "mostly_missing", "more missing cells than filled ones"),
    )
    for some, severity, kind, text in kinds:
        if some:
            have, the_most = ("has", "") if len(some) == 1 else ("have", " the most,")
            worst = f"{some[0].name}{the_most} in {percent(some[0].missing / rows)} of its rows"
            sentence = f"{len(some):,} of {counted(len(columns), 'column')} {have} {text}, {worst}"
            yield Finding(severity, sentence, tuple(column.name for column in some), kind, len(some))


def _doubled(columns: Sequence[Column]) -> Iterator[Finding]:
    if not columns or len(columns[0].codes) < ENOUGH:
        return
    groups = _joined([*_one_to_one(columns), *_correlated(columns)])
    if groups:
        number = sum(len(group) - 1 for group in groups)
        text = (
            f"{counted(number, 'column says', 'columns say')} the same as another, such as {columns[groups[0][1]].name}"
            f" and {columns[groups[0][0]].name}: one of them would do"
        )
        files = tuple(columns[place].name for group in groups for place in group)
        yield Finding("note", text, files, "doubled_columns", number)


def _one_to_one(columns: Sequence[Column]) -> Iterator[tuple[int, int]]:
    """Yield pairs of columns that part the rows in the same way, whatever the values are called."""
    alike: dict[bytes, list[int]] = defaultdict(list)
    for place, column in enumerate(columns):
        # Columns that hardly repeat a value all part the rows in the same way.
        if 1 < column.distinct <= len(column.codes) / 2:
            alike[column.codes.tobytes()].append(place)
    for places in alike.values():
        yield from pairwise(places)


def _correlated(columns: Sequence[Column]) -> Iterator[tuple[int, int]]:
    """Yield pairs of numeric columns whose correlation is almost 1 or -1."""
    places = [place for place, column in enumerate(columns) if column.numeric and column.distinct > 1]
    if not 1 < len(places) <= _COLUMNS:
        return
    rows = len(columns[0].codes)
    chosen = np.linspace(0, rows - 1, min(rows, _ROWS)).astype(np.int64)
    values = np.column_stack([columns[place].values[columns[place].codes[chosen]] for place in places])
    present = ~np.isnan(values)
    mean = np.where(present, values, 0).sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    centered = np.where(present, values - mean, 0)
    length = np.sqrt((centered**2).sum(axis=0))
    unit = centered / np.where(length > 0, length, np.inf)
    for first, second in np.argwhere(np.triu(np.abs(unit.T @ unit) >= DOUBLED, k=1)):
        yield places[first], places[second]


def _joined(pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Return the places that pairs link, each group in order."""
    group_of: dict[int, set[int]] = {}
    for first, second in pairs:
        merged = group_of.get(first, {first}) | group_of.get(second, {second})
        group_of.update(dict.fromkeys(merged, merged))
    return sorted({min(group): sorted(group) for group in group_of.values()}.values())
