"""Columns of any type become numbers or text, and rows to predict become what training had."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from percept.data.frames import check_finite, conform, dates, from_file, plain_column, plain_frame
from percept.errors import DataError


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1, 2, 3], dtype="int8"),
        pd.Series([1, 2, 3], dtype="Int64"),
        pd.Series([1, 2, 3], dtype="float32"),
        pd.Series([1, 2, 3], dtype=object),
        pd.Series([Decimal(1), Decimal(2), Decimal(3)]),
    ],
)
def test_numbers_of_every_type_become_float64(values: "pd.Series[float]") -> None:
    assert plain_column(values).tolist() == [1.0, 2.0, 3.0]
    assert plain_column(values).dtype == np.float64


@pytest.mark.parametrize("dtype", [object, "str", "category"])
def test_text_of_every_type_becomes_object_with_none(dtype: str) -> None:
    plain = plain_column(pd.Series(["a", None, "b"], dtype=dtype))
    assert plain.tolist() == ["a", None, "b"]
    assert plain.dtype == object


def test_truth_values_and_categories_become_text() -> None:
    assert plain_column(pd.Series([True, None], dtype="boolean")).tolist() == ["True", None]
    assert plain_column(pd.Series([True, None], dtype=object)).tolist() == ["True", None]
    assert plain_column(pd.Series([3, 1], dtype="category")).tolist() == ["3", "1"]
    assert plain_column(pd.Series(["a", 1, 2.0, 2.5], dtype=object)).tolist() == ["a", "1", "2", "2.5"]


@pytest.mark.parametrize("moment", [datetime.date(1970, 1, 2), pd.Timestamp(1970, 1, 2), np.datetime64("1970-01-02")])
def test_dates_become_the_text_that_a_file_would_hold(moment: object) -> None:
    assert plain_column(pd.Series([moment, None])).tolist() == ["1970-01-02", None]
    rows = conform(pd.DataFrame({"when": [moment, None]}), {"when": "date"}, "t")
    np.testing.assert_array_equal(rows["when"].to_numpy(), [86400.0, np.nan])


def test_a_time_zone_is_taken_into_account() -> None:
    moments = pd.Series([pd.Timestamp("1970-01-01T01:00:00+01:00")])
    late = pd.Series([pd.Timestamp("1970-01-02T00:30:00.25+01:00")])
    assert plain_column(moments).tolist() == ["1970-01-01"]
    seconds = dates(plain_column(late))
    assert seconds is not None
    assert seconds.tolist() == [23.5 * 3600 + 0.25]
    written = dates(pd.Series(["1970-01-01T01:00:00+01:00", None]))
    assert written is not None
    assert written.iloc[0] == 0


def test_text_is_a_date_only_where_all_of_it_is() -> None:
    assert dates(pd.Series(["2024-01-31", "no date"])) is None
    assert dates(pd.Series(["2024-13-31"])) is None
    assert dates(pd.Series([None], dtype=object)) is None


def test_durations_become_seconds() -> None:
    assert plain_column(pd.Series(pd.to_timedelta([1, 90], unit="s"))).tolist() == [1.0, 90.0]


def test_complex_numbers_are_refused() -> None:
    with pytest.raises(DataError, match="complex"):
        plain_column(pd.Series([1j]))


def test_names_become_text_and_must_differ() -> None:
    assert plain_frame(pd.DataFrame({0: [1], " x ": [2]}), "t").columns.tolist() == ["0", "x"]
    with pytest.raises(DataError, match="more than one column named '0'"):
        plain_frame(pd.DataFrame([[1, 2]], columns=[0, "0"]), "t")


def test_spaces_around_cells_do_not_hide_numbers_or_marks() -> None:
    column = from_file(pd.Series(["1 ", "? ", " 2.5"], dtype=object))
    np.testing.assert_array_equal(column.to_numpy(), [1.0, np.nan, 2.5])
    assert from_file(pd.Series(["1 ", "? "], dtype=object), keep_text=True).tolist() == ["1", None]


def test_infinity_is_refused_with_its_place() -> None:
    with pytest.raises(DataError, match=r"column y of t\.csv holds inf in row 3"):
        check_finite(pd.DataFrame({"x": [1.0, 2, 3], "y": [1, 2, -np.inf]}), "t.csv")
    later = pd.DataFrame({"y": [np.inf]}, index=pd.RangeIndex(100, 101))
    with pytest.raises(DataError, match="in row 101"):
        check_finite(later, "t.csv")


def test_columns_are_put_in_order_and_made_of_their_kind() -> None:
    frame = pd.DataFrame({"z": [0], "code": [7.0], "when": ["1970-01-01"], "x": ["1.5"]})
    rows = conform(frame, {"x": "number", "code": "text", "when": "date"}, "t")
    assert rows.columns.tolist() == ["x", "code", "when"]
    assert rows.to_numpy().tolist() == [[1.5, "7", 0.0]]


def test_a_column_without_any_value_fits_every_kind() -> None:
    frame = pd.DataFrame({"x": [None, None], "y": [np.nan, np.nan], "z": [np.nan, np.nan]})
    rows = conform(frame, {"x": "number", "y": "text", "z": "date"}, "t")
    assert rows.isna().all(axis=None)
    assert rows.dtypes.tolist() == [np.float64, object, np.float64]


def test_missing_columns_are_listed() -> None:
    with pytest.raises(DataError, match="new.csv lacks the columns a, c; it has the column b"):
        conform(pd.DataFrame({"b": [1]}), {"a": "number", "b": "number", "c": "text"}, "new.csv")


@pytest.mark.parametrize(("kind", "expected"), [("number", "a number"), ("date", "a date")])
def test_a_cell_of_the_wrong_kind_is_named(kind: str, expected: str) -> None:
    with pytest.raises(DataError, match=f"column x of t holds 'low' in row 2; expected {expected}"):
        conform(pd.DataFrame({"x": ["2024-01-31" if kind == "date" else "3", "low"]}), {"x": kind}, "t")  # type: ignore[dict-item]
