"""Predictions are printed in columns that stay in line, or as one JSON list."""

import json

import pytest

from percept.cli.rows import print_rows
from percept.cli.screen import Screen

ROWS = [
    {"file": "a.jpg", "prediction": "a class of a long name", "probability": 0.5},
    {"file": "folder/a longer name.jpg", "prediction": "b", "probability": 0.25},
]


def test_columns_are_as_wide_as_their_widest_cell(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(iter(ROWS), Screen(False))
    header, *lines = capsys.readouterr().out.splitlines()
    assert [line.index("0.") for line in lines] == [header.index("probability")] * 2
    assert lines[0].index("a class") == lines[1].index("b ") == header.index("prediction")


def test_rows_beyond_the_measured_ones_are_printed_too(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(({"row": str(n), "prediction": "x"} for n in range(250)), Screen(False))
    assert len(capsys.readouterr().out.splitlines()) == 251


@pytest.mark.parametrize("rows", [[], ROWS])
def test_json_is_one_list(rows: list[dict[str, object]], capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(iter(rows), Screen(True))
    assert json.loads(capsys.readouterr().out) == rows


def test_no_rows_print_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(iter([]), Screen(False))
    assert capsys.readouterr().out == ""


def test_figures_of_any_size_stay_readable(capsys: pytest.CaptureFixture[str]) -> None:
    values = (1.92e-08, -2.5, 0.0, 5.9e31)
    print_rows(({"row": number, "prediction": value} for number, value in enumerate(values)), Screen(False))
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:]] == [
        *("1.92e-08", "-2.5000", "0.0000", "5.9e+31")
    ]
