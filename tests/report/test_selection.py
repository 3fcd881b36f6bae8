"""The section on a selection: one curve a shape, a place for no decay at all, and every candidate in the table."""

import math
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

from percept.report.content import ReportContent, Selection, Tried
from percept.report.page import render
from percept.report.selection import candidate_rows, decay_curves, selection_view
from percept.workflow.report_selection import selection_content


def tried(decay: float | None, mean: float, shape: str = "hidden 8", folds: int = 3) -> Tried:
    params = {"hidden": "8"} if decay is None else {"alpha": f"{decay:g}", "hidden": "8"}
    return Tried(
        params, decay, shape, mean, 0.01, mean + 0.02, tuple(mean + n / 100 for n in range(folds)), (mean,) * 2
    )


def selection(*candidates: Tried, best: int = 0, simplest: int = 0) -> Selection:
    return Selection("accuracy", True, 3, 30, candidates, best, simplest, ("One sentence.",), (0.7, 0.6, 0.8))


DECAYS = selection(tried(0.0, 0.8), tried(0.1, 0.9), tried(1.0, 0.85), best=1, simplest=2)


def test_the_curve_says_what_was_chosen_and_the_nested_figure() -> None:
    drawn = decay_curves(DECAYS, name="selection")
    description = ElementTree.fromstring(drawn).find("{*}desc")
    assert description is not None
    assert "0.9000, is at a weight decay of 0.1" in (description.text or "")
    assert "is 1, with 0.8500" in (description.text or "")
    assert "0.7000 (0.6000 to 0.8000)" in (description.text or "")


def test_each_shape_has_a_curve_of_its_own() -> None:
    two = selection(*(tried(decay, 0.8, f"hidden {units}") for decay in (0.1, 1.0) for units in (4, 8)))
    assert all(f">hidden {units}<" in decay_curves(two, name="selection") for units in (4, 8))


@pytest.mark.parametrize("odd", [math.nan, 0.0, 1.0])
def test_odd_figures_are_drawn(odd: float) -> None:
    assert "<svg" in decay_curves(selection(tried(0.1, odd), tried(1.0, 0.5)), name="selection")
    assert "<svg" in candidate_rows(selection(tried(None, odd), tried(None, 0.5)), name="selection")


def test_without_decays_the_candidates_are_rows() -> None:
    view = selection_view(selection(tried(None, 0.8), tried(None, 0.9), best=1, simplest=1))
    assert "candidates" in view.caption
    assert [number for number, _ in view.rows] == [1, 0]


def test_the_page_has_the_section_and_says_out_of_fold(picture_report: ReportContent) -> None:
    assert picture_report.validation is not None
    validation = replace(picture_report.validation, out_of_fold="Out of fold: over 3 splits.")
    page = render(replace(picture_report, selection=DECAYS, validation=validation))
    assert 'id="selection-heading"' in page
    assert "within one standard error" in page
    assert "Out of fold: over 3 splits." in page
    assert "These samples chose the epoch" not in page
    assert 'id="selection"' not in render(picture_report)


def test_a_squared_error_takes_its_interval_from_the_root() -> None:
    figures = {"rmse": {"value": 2.0, "low": 1.0, "high": 3.0}}
    candidate = {"params": {"alpha": 0.1}, "mean": 4.0, "error": 0.1, "test": [4.0], "train": None, "restarts": []}
    found = {
        "metric": "mse",
        "higher_is_better": False,
        "cv": "5",
        "splits": 5,
        "networks": 5,
        "candidates": [candidate],
        "best": 0,
        "simplest": 0,
        "nested": {"parts": 5, "figures": figures, "value": 4.0, "inner": [3.5], "chosen": [{"alpha": 0.1}]},
    }
    content = selection_content(found)
    assert content is not None
    assert content.nested == (4.0, 1.0, 9.0)
    assert "3.500; on the samples that took no part in it 4.000" in " ".join(content.sentences)
