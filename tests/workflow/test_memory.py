"""Data in memory become a data set by a column of the frame or by labels beside arrays, or are refused."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from percept.data.dataset import PictureArray, Table
from percept.errors import DataError, OptionError
from percept.workflow.audit import audit
from percept.workflow.memory import in_memory

FRAME = pd.DataFrame({"x": [1.0, 2, 3, 4], "site": ["a", "b", "a", "b"], "ill": ["no", "yes", "no", "yes"]})


@pytest.mark.parametrize("target", ["ill", "-1", -1, 2, np.int64(2)])
def test_a_column_of_a_frame_is_named_or_counted(target: Any) -> None:
    dataset = in_memory(FRAME, target)
    assert (dataset.target.name, dataset.target.classes) == ("ill", ("no", "yes"))


def test_a_number_may_be_the_name_of_a_column() -> None:
    frame = pd.DataFrame(np.arange(12.0).reshape(4, 3), columns=[1, 0, 5])
    assert in_memory(frame, 0, task="regression").target.values.tolist() == [1, 4, 7, 10]
    assert in_memory(frame, 5, task="regression").target.values.tolist() == [2, 5, 8, 11]


def test_labels_beside_a_frame_or_rows_keep_groups_together() -> None:
    for data, group in ((FRAME[["x", "site"]], "site"), (FRAME[["x", "site"]].to_numpy(), "c1")):
        dataset = in_memory(data, FRAME["ill"].tolist(), group=group)
        assert isinstance(dataset.samples, Table)
        assert dataset.groups is not None
        assert dataset.groups.tolist() == [0, 1, 0, 1]


def test_more_dimensions_are_pictures() -> None:
    assert isinstance(in_memory(np.zeros((2, 8, 8), np.uint8), [0, 1]).samples, PictureArray)


@pytest.mark.parametrize(
    ("data", "target", "options", "sentence"),
    [
        (FRAME, None, {}, "needs its target too"),
        (FRAME, "sick", {}, "'sick', which is no column"),
        ([[1.0], [2.0]], "y", {}, "target is 'y'; beside an array expected one label a sample"),
        (FRAME, "ill", {"test": "test.csv"}, "needs files"),
        (FRAME, "ill", {"test": FRAME}, "needs files"),
        (FRAME, "ill", {"header": True}, "header is for tables in files"),
        (np.zeros((2, 8, 8), np.uint8), [0, 1], {"group": "patient"}, "group is for tables"),
        (np.zeros((2, 8, 8), np.uint8), [0, 1], {"task": "regression"}, "is for tables"),
    ],
)
def test_what_cannot_be_meant_is_refused(data: Any, target: Any, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        in_memory(data, target, **options)


@pytest.mark.parametrize(
    ("data", "sentence"), [([1, 2, 3], r"X has the shape \(3,\)"), ([[1, 2], [3]], "not equally long"), ({}, "shape")]
)
def test_what_is_no_array_is_refused(data: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        in_memory(data, [0, 1, 0])


def test_the_audit_takes_a_frame_as_well() -> None:
    rows = pd.DataFrame({"x": np.arange(40) % 7, "y": ["a", "b"] * 20, "same": 1.0})
    assert {"constant_columns"} <= {finding.kind for finding in audit(rows, "y").findings}
    assert {"constant_columns"} <= {finding.kind for finding in audit(rows[["x", "same"]], rows["y"]).findings}
