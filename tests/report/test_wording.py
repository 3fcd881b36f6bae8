"""The report's way of writing numbers and names."""

import math
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from percept.report.wording import (
    columns_wide,
    counted,
    metric_name,
    number,
    percent,
    printable,
    score_interval,
    score_value,
    short_label,
)


@given(st.floats(min_value=1e-6, max_value=1e8) | st.floats(min_value=-1e8, max_value=-1e-6))
def test_a_written_number_is_within_half_a_percent_of_the_number(value: float) -> None:
    written = number(value).replace(",", "").replace("\N{MINUS SIGN}", "-")
    assert math.isclose(float(Decimal(written)), value, rel_tol=5e-3)


def test_what_is_not_a_number_is_written_as_a_dash_or_as_infinite() -> None:
    assert [number(value) for value in (None, math.nan, math.inf)] == ["\N{EN DASH}", "\N{EN DASH}", "\N{INFINITY}"]
    assert number(0.0) == "0"


def test_what_rounds_to_zero_bears_no_minus() -> None:
    assert number(-0.000001, 4) == "0.0000"
    assert number(-0.5, 4) == "\N{MINUS SIGN}0.5000"


def test_a_score_and_its_interval_share_their_decimals() -> None:
    score = (54.0, 8.125, 100.25)
    assert score_value(score) == "54.0"
    assert score_interval(score) == "8.1 to 100.2"


def test_an_undefined_interval_is_a_dash() -> None:
    assert score_interval((0.5, math.nan, math.nan)) == "\N{EN DASH}"


@given(st.floats(min_value=0, max_value=1))
def test_only_certainty_is_written_as_0_or_100_percent(share: float) -> None:
    assert (percent(share) == "100 %") == (share == 1)
    assert (percent(share) == "0 %") == (share == 0)


@given(st.text(max_size=40), st.integers(min_value=5, max_value=20))
def test_a_short_label_keeps_to_its_columns_and_to_one_line(text: str, columns: int) -> None:
    label = short_label(text, columns)
    assert columns_wide(label) <= max(columns, len("(empty)"))
    assert label.split() == label.split(" ")


def test_a_label_that_fits_is_not_cut() -> None:
    assert short_label("ankle boot") == "ankle boot"


@given(st.text(alphabet=st.characters(), max_size=40))
def test_printable_text_can_be_encoded(text: str) -> None:
    assert len(printable(text).encode()) >= len(text)


def test_lone_surrogates_and_bells_are_replaced() -> None:
    assert printable("r\udcffose\x07\n") == "r\ufffdose\ufffd\n"


def test_names_and_counts_are_written_as_people_do() -> None:
    assert metric_name("macro_f1") == "macro F1"
    assert metric_name("balanced_accuracy") == "balanced accuracy"
    assert counted(1, "epoch") == "1 epoch"
    assert counted(2000, "epoch") == "2,000 epochs"
