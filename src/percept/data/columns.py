"""The one preprocessing of a table's columns: from rows of numbers and text to a network's float32 inputs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from percept.data.encodings import CategoryColumn, NumberColumn, squash
from percept.data.frames import ColumnKind, conform, dates, text_of
from percept.errors import DataError

if TYPE_CHECKING:
    import torch

MOST_CATEGORIES = 50  # that get a feature each; rarer ones share the feature "other"
_LONG_TAIL = 8.0  # standard deviations: a column that reaches further is squashed


@dataclass(frozen=True)
class TablePreprocessing:
    """How the rows of a table become a network's input, stored in the model file.

    Attributes:
        columns: one encoding a column that is used.
        inputs: names of all columns of the training table in order, the target apart.
        dropped: a sentence on each column that is not used.
    """

    columns: tuple[NumberColumn | CategoryColumn, ...]
    inputs: tuple[str, ...]
    dropped: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the name of each feature that the network takes."""
        return tuple(name for column in self.columns for name in column.names)

    @property
    def features(self) -> int:
        """Return how many features the network takes."""
        return len(self.names)

    @property
    def kinds(self) -> dict[str, ColumnKind]:
        """Return the name and kind of each column that is used."""
        return {column.name: column.kind for column in self.columns}

    def transform(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """Return the network's input for rows of a table.

        Args:
            frame: holds the columns that are used, in any order.

        Returns:
            (rows, features) float32, finite; numbers have mean 0 and standard deviation 1 over the training rows.

        Raises:
            DataError: a column is missing, or a cell is infinite or of the wrong kind.
        """
        rows = conform(frame, self.kinds, "the table")
        result = np.empty((len(rows), self.features), dtype=np.float32)
        first = 0
        for column in self.columns:
            encoded = column.encode(rows[column.name])
            result[:, first : first + encoded.shape[1]] = encoded
            first += encoded.shape[1]
        return result

    def measured_on(self, frame: pd.DataFrame) -> "TablePreprocessing":
        """Return the same columns and categories with the numbers' median, tail, mean and deviation of other rows.

        Args:
            frame: the training rows of one split; what is left out of it has no part in any number.
        """
        rows = conform(frame, self.kinds, "the table")
        columns = (
            column if isinstance(column, CategoryColumn) else _measured_again(column, rows[column.name])
            for column in self.columns
        )
        return TablePreprocessing(tuple(columns), self.inputs, self.dropped)

    def unknown(self, frame: pd.DataFrame) -> dict[str, int]:
        """Return how many cells of each column hold a category that training did not have, where there are any.

        Args:
            frame: holds the columns that are used, in any order.
        """
        rows = conform(frame, self.kinds, "the table")
        counts = {c.name: c.unknown(rows[c.name]) for c in self.columns if isinstance(c, CategoryColumn)}
        return {name: count for name, count in counts.items() if count}

    def tensor(self, rows: NDArray[np.float32], device: "torch.device | None" = None) -> "torch.Tensor":
        """Return the network's input for transformed rows.

        Args:
            rows: (rows, features) float32 from `transform`.
            device: where the result is wanted; None is the CPU.

        Returns:
            (rows, features) float32.
        """
        import torch

        return torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32)).to(device or torch.device("cpu"))

    def to_json(self) -> dict[str, object]:
        """Return the settings as JSON values."""
        columns = [{**asdict(column), "kind": column.kind} for column in self.columns]
        return {"kind": "table", "columns": columns, "inputs": list(self.inputs), "dropped": list(self.dropped)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the preprocessing that `to_json` wrote."""
        columns = tuple(_column_from_json(column) for column in values["columns"])
        return cls(columns, tuple(values["inputs"]), tuple(values["dropped"]))


def _column_from_json(values: Mapping[str, Any]) -> NumberColumn | CategoryColumn:
    if values["kind"] != "text":
        return NumberColumn(**values)
    return CategoryColumn(values["name"], tuple(values["categories"]), tuple(values["rare"]), values["missing"])


def _measured_again(column: NumberColumn, cells: "pd.Series[Any]") -> NumberColumn:
    known = cells.dropna().to_numpy(dtype=np.float64)
    if not len(known):
        return NumberColumn(column.name, column.kind, 0.0, 0.0, 0.0, 1.0, column.missing)
    return _fit_numbers(known, column.name, column.kind, column.missing)


def fit_columns(frame: pd.DataFrame) -> TablePreprocessing:
    """Return the preprocessing that suits the training rows.

    Numbers are standardized, missing ones become the median, and a column with a long tail is squashed. Text becomes
    one feature for each of the most frequent categories. Columns that tell nothing are left out.

    Args:
        frame: the training rows; float64 columns with NaN, and text with None, where a cell is missing.

    Raises:
        DataError: no column is left.

    Example:
        >>> fit_columns(pd.DataFrame({"age": [1.0, 3.0], "sex": ["f", "m"]})).names
        ('age', 'sex = f', 'sex = m')
    """
    columns: list[NumberColumn | CategoryColumn] = []
    dropped: list[str] = []
    for name in frame.columns:
        fitted = _fit_column(frame[name], str(name))
        if isinstance(fitted, str):
            dropped.append(f"column {name} is not used: {fitted}")
        else:
            columns.append(fitted)
    if not columns:
        raise DataError(f"no column can be used ({'; '.join(dropped)}); give columns that tell the samples apart")
    return TablePreprocessing(tuple(columns), tuple(map(str, frame.columns)), tuple(dropped))


def _fit_column(cells: "pd.Series[Any]", name: str) -> NumberColumn | CategoryColumn | str:
    known = cells.dropna()
    if known.empty:
        return "all its cells are missing"
    missing = len(known) < len(cells)
    if known.nunique() == 1 and not missing:
        return f"all its cells are {text_of(known.iloc[0])}"
    if cells.dtype == np.float64:
        return _fit_numbers(known.to_numpy(dtype=np.float64), name, "number", missing)
    moments = dates(known)
    if moments is not None:
        return _fit_numbers(moments.to_numpy(dtype=np.float64), name, "date", missing)
    return _fit_categories(known, name, missing)


def _fit_numbers(values: NDArray[np.float64], name: str, kind: ColumnKind, missing: bool) -> NumberColumn:
    median = float(np.median(values))
    tail = 0.0
    mean, std = _moments(values)
    if np.abs(values - mean).max() > _LONG_TAIL * std:
        spread = np.abs(values - median)
        # Half of the values lie within the median of `spread`, unless they are all the median itself.
        tail = float(np.median(spread) or np.median(spread[spread > 0]))
        mean, std = _moments(squash(values, median, tail))
    return NumberColumn(name, kind, median, tail, mean, std, missing)


def _moments(values: NDArray[np.float64]) -> tuple[float, float]:
    # Scaled to at most 1 so that the squares of huge values do not overflow.
    largest = float(np.abs(values).max()) or 1.0
    mean, std = float((values / largest).mean()), float((values / largest).std())
    # All cells alike but for missing ones: rounding may leave a trace of spread, which is none.
    return mean * largest, std * largest if std > 1e-12 else 1.0


def _fit_categories(known: "pd.Series[Any]", name: str, missing: bool) -> CategoryColumn | str:
    counts = known.value_counts()
    if len(counts) > max(10, len(known) / 2):
        return f"it has {len(counts)} different texts in {len(known)} rows, like a name or a number of each row"
    # Most frequent first, the alphabet among equals: the same for every order of the rows.
    ranked = sorted(counts.index, key=lambda category: (-counts[category], category))
    return CategoryColumn(
        name, tuple(sorted(ranked[:MOST_CATEGORIES])), tuple(sorted(ranked[MOST_CATEGORIES:])), missing
    )
