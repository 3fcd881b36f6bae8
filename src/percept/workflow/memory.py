"""Labelled data that the user has in memory: arrays and data frames, made a data set."""

from typing import Any

import numpy as np
import pandas as pd

from percept.data.archives import arrays_dataset
from percept.data.dataset import Dataset, Task
from percept.data.tables import arrays_table, frame_dataset
from percept.errors import DataError, OptionError


def in_memory(
    data: Any, target: Any, *, task: Task | None = None, group: str | None = None, test: Any = None, header: Any = None
) -> Dataset:
    """Return the data set of a data frame with its target's column, or of arrays with their labels.

    Args:
        data: a pandas DataFrame, (samples, features) rows, or (samples, height, width[, channels]) pictures.
        target: column of the data frame by name or position, or (samples,) labels.
        task: "classification" or "regression"; None decides by the target.
        group: column of a table whose equal values belong together.
        test: None or "none"; a test part of the user's own needs files.
        header: None; there is no first line to ask about.

    Raises:
        OptionError: the target is missing, or an option is for files.
        DataError: the data cannot be used.
    """
    if not (test is None or (isinstance(test, str) and test == "none")):
        raise OptionError(
            'a test part of your own needs files: write the data and the test part to files, or pass test="none"'
            " to seal nothing"
        )
    if header is not None:
        raise OptionError("header is for tables in files; data in memory have no first line: leave it out")
    if target is None:
        raise OptionError("data in memory needs its target too: percept.fit(X, y), or a DataFrame and a column's name")
    frame = isinstance(data, pd.DataFrame)
    if isinstance(target, (str, int, np.integer)):
        if not frame:
            raise OptionError(f"target is {target!r}; beside an array expected one label a sample: percept.fit(X, y)")
        return frame_dataset(data, target=target if isinstance(target, str) else int(target), task=task, group=group)
    if frame or _dimensions(data) <= 2:
        return arrays_table(data, target, task=task, group=group)
    if group is not None:
        raise OptionError("group is for tables; the data are pictures: leave it out")
    if task == "regression":
        raise OptionError('task="regression" is for tables; the data are pictures with classes')
    return arrays_dataset(np.asarray(data), np.asarray(target))


def _dimensions(data: Any) -> int:
    try:
        return np.ndim(data)
    except ValueError:  # nested lists of different lengths
        raise DataError("the rows of X are not equally long; give each row a value for every feature") from None
