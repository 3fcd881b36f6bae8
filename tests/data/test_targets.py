"""The target column becomes classes or a number, as its cells say or the user wants."""

import numpy as np
import pandas as pd
import pytest

from percept.data.frames import plain_column
from percept.data.targets import choose_column, encode_test, make_target, sorted_classes
from percept.errors import DataError, OptionError


def _column(values: object) -> "pd.Series[float]":
    return plain_column(pd.Series(values, name="y"))


def test_a_column_is_meant_by_name_before_position() -> None:
    assert choose_column(["a", "b", "c"], "-1") == "c"
    assert choose_column(["a", "b", "c"], 0) == "a"
    assert choose_column(["a", "-1", "c"], "-1") == "-1"
    assert choose_column(["1", "0"], 1) == "1"


def test_a_column_that_is_not_there_is_answered_with_close_ones() -> None:
    with pytest.raises(OptionError, match="did you mean Disease"):
        choose_column(["Age", "Disease"], "disaese")
    with pytest.raises(OptionError, match="expected one of Age, Disease"):
        choose_column(["Age", "Disease"], "xyzzy")
    with pytest.raises(OptionError, match="there are 2 columns"):
        choose_column(["Age", "Disease"], "2")
    with pytest.raises(OptionError, match=r"--target is not given.*Age, Disease"):
        choose_column(["Age", "Disease"], None)


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b", "a"], "classification"),
        ([True, False, True], "classification"),
        ([1, 2, 3] * 9, "classification"),
        ([0.5, 1, 2], "regression"),
        (list(range(20)), "classification"),
        (list(range(21)), "regression"),
    ],
)
def test_the_task_follows_from_the_cells(values: list[object], task: str) -> None:
    target, sentence = make_target(_column(values), None, "t")
    assert target.task == task
    assert "y" in sentence


def test_the_other_task_is_had_for_the_asking() -> None:
    classes, _ = make_target(_column([0.5, 1, 0.5]), "classification", "t")
    assert (classes.classes, classes.values.tolist()) == (("0.5", "1"), [0, 1, 0])
    numbers, _ = make_target(_column([1, 2, 1]), "regression", "t")
    assert (numbers.classes, numbers.values.tolist()) == ((), [1.0, 2.0, 1.0])
    with pytest.raises(DataError, match="--task classification"):
        make_target(_column(["a", "b"]), "regression", "t")


def test_classes_are_named_and_ordered_as_numbers_where_they_are() -> None:
    target, _ = make_target(_column([10.0, 9.0, 1.0]), None, "t")
    assert target.classes == ("1", "9", "10")
    assert target.values.tolist() == [2, 1, 0]
    assert sorted_classes(["10", "x", "9"]) == ["10", "9", "x"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1.5, None, 2.5, None], "missing in 2 of 4 rows, first in row 2"),
        (["a", "b", None], "missing in 1 of 3 rows, first in row 3"),
        ([1.5, 2.5, np.inf], "infinite in 1 of 3 rows, first in row 3"),
        ([1.0, 1.0], "'1' in all 2 rows"),
        (["a", "a"], "'a' in all 2 rows"),
    ],
)
def test_a_target_that_cannot_be_learnt_is_refused(values: list[object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        make_target(_column(values), None, "t.csv")


def test_labels_of_the_test_file_may_end_with_a_period() -> None:
    target, _ = make_target(_column(["<=50K", ">50K"]), None, "t")
    values, sentence = encode_test(_column([">50K.", "<=50K."]), target, "test.csv")
    assert values.tolist() == [1, 0]
    assert "period" in sentence


def test_a_class_that_only_the_test_file_has_is_refused() -> None:
    target, _ = make_target(_column(["a", "b"]), None, "t")
    with pytest.raises(DataError, match=r"test\.csv has the class 'c', first in row 2"):
        encode_test(_column(["a", "c"]), target, "test.csv")
    numbers, _ = make_target(_column([0.5, 1.5]), None, "t")
    with pytest.raises(DataError, match="expected numbers"):
        encode_test(_column(["a"]), numbers, "test.csv")
