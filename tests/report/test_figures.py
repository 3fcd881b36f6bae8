"""The report's drawings, read back from their SVG."""

import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from percept.report.content import CalibrationBin, EpochRow, RateRange
from percept.report.figures import (
    calibration_curve,
    confusion_matrix,
    loss_curves,
    metric_curve,
    rate_curve,
    residual_scatter,
    score_comparison,
    truth_scatter,
)
from percept.report.wording import short_label

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    """Return what is written in the drawing."""
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def labels(count: int) -> Sequence[str]:
    """Return so many class names, none part of another."""
    return [f"class {place:04}" for place in range(count)]


def size(svg: str) -> tuple[float, float]:
    """Return width and height of the drawing, points."""
    _, _, width, height = map(float, ElementTree.fromstring(svg).attrib["viewBox"].split())
    return width, height


def drawn_font(svg: str) -> float:
    """Return the smallest letters of the drawing, points."""
    return min(float(found) for found in re.findall(r"font(?:-size)?: [^;']*?([\d.]+)px", svg))


@pytest.mark.parametrize("count", [2, 3, 12, 25, 26, 60, 100])
def test_up_to_a_hundred_classes_are_all_named_on_both_sides(count: int) -> None:
    svg = confusion_matrix(np.eye(count, dtype=np.int64), labels(count), name="one")
    assert all(texts(svg).count(name) == 2 for name in labels(count))
    assert drawn_font(svg) >= 6


@pytest.mark.parametrize("count", [26, 100, 300, 1000])
def test_names_of_many_classes_never_touch(count: int) -> None:
    svg = confusion_matrix(np.eye(count, dtype=np.int64), labels(count), name="one")
    named = sum(text.startswith("class ") for text in texts(svg)) / 2
    assert named * drawn_font(svg) <= 690
    assert max(size(svg)) <= 800


def test_every_cell_of_a_small_matrix_bears_its_count_and_empty_ones_none() -> None:
    counts = np.array([[120, 3, 0], [0, 7, 1], [0, 0, 0]])
    written = texts(confusion_matrix(counts, ("a", "b", "c"), name="one"))
    assert sorted(text for text in written if text.isdigit()) == ["1", "120", "3", "7"]


def test_a_matrix_of_ten_classes_fits_a_phone() -> None:
    names = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
    width, _ = size(confusion_matrix(np.eye(10, dtype=np.int64), names, name="one"))
    assert width <= 1.1 * 330


def test_class_names_of_any_characters_are_drawn() -> None:
    names = ("a\x07\udcff", "$5 note$", "</text><script>", "  ", "x" * 200)
    svg = confusion_matrix(np.eye(5, dtype=np.int64), names, name="one")
    assert {short_label(name) for name in names} <= set(texts(svg))
    assert "<script" not in svg


def test_losses_that_diverge_leave_a_gap_and_no_error() -> None:
    history = [EpochRow(1, 2.0, 2.1), EpochRow(2, math.inf, math.nan), EpochRow(3, math.nan, None)]
    written = texts(loss_curves(history, 1, name="one"))
    assert {"training", "validation", "epoch kept", "epoch", "loss"} <= set(written)


def test_without_validation_there_is_no_curve_for_it() -> None:
    assert "validation" not in texts(loss_curves([EpochRow(1, 2.0), EpochRow(2, 1.0)], 2, name="one"))


def test_losses_over_many_powers_of_ten_are_marked_in_plain_numbers() -> None:
    history = [EpochRow(epoch, 10.0**-epoch) for epoch in range(1, 5)]
    written = texts(loss_curves(history, 4, name="one"))
    assert {"0.1", "0.001"} <= set(written)
    assert not any("$" in text for text in written)


def test_the_metric_curve_says_where_it_begins_and_ends() -> None:
    history = [EpochRow(1, 2.0, metrics={"auroc": 0.5}), EpochRow(2, 1.0, metrics={"auroc": 0.75})]
    svg = metric_curve(history, "auroc", 2, name="one")
    assert "AUROC" in texts(svg)
    assert "0.5000 to 0.7500" in svg


def test_empty_calibration_bins_are_not_drawn() -> None:
    full, empty = CalibrationBin(0.9, 0.8, 10), CalibrationBin(0.1, 0.0, 0)
    assert calibration_curve([empty, full], name="one") == calibration_curve([full], name="one")


def test_a_bin_of_few_samples_bears_the_bar_of_its_interval() -> None:
    bare = calibration_curve([CalibrationBin(0.9, 0.5, 2)], name="one")
    barred = calibration_curve([CalibrationBin(0.9, 0.5, 2, 0.0126, 0.9874)], name="one")
    assert bare != barred


def test_counts_stand_in_the_cells_of_thirty_classes_and_the_matrix_fits_the_page() -> None:
    svg = confusion_matrix(7 * np.eye(30, dtype=np.int64), [f"a rather long name {n}" for n in range(30)], name="one")
    assert texts(svg).count("7") == 30
    assert size(svg)[0] <= 1048 * 72 / 96  # the page's width on a desk, in points


def test_methods_are_compared_in_the_order_given() -> None:
    written = texts(score_comparison([("this network", (0.9, 0.8, 0.95)), ("linear", (0.8, 0.7, 0.9))], "r2", name="a"))
    assert written.index("this network") < written.index("linear")
    assert "R²" in written


def test_a_scatter_of_many_points_stays_small() -> None:
    truth = np.random.default_rng(0).normal(size=20_000)
    for draw in (truth_scatter, residual_scatter):
        svg = draw(truth, truth * 0.9, "price", name="one")
        assert len(svg) < 300_000
        assert "<image" in svg


def test_a_scatter_of_few_points_has_a_mark_for_each() -> None:
    truth = np.linspace(0, 1, 37)
    assert truth_scatter(truth, truth, "price", name="one").count("<use ") >= 37


def test_bins_with_a_temperature_are_drawn_beside_the_networks_own_and_named() -> None:
    bins, after = [CalibrationBin(0.9, 0.5, 2)], [CalibrationBin(0.6, 0.5, 2), CalibrationBin(0.7, 0.6, 0)]
    assert "with temperature" in calibration_curve(bins, after, name="one")
    assert calibration_curve(bins, after[1:], name="one") == calibration_curve(bins, name="one")


def test_a_curve_of_rates_shows_where_the_loss_was_least_and_not_where_it_left() -> None:
    rates = tuple(10.0**power for power in range(-6, 1))
    losses = (2.0, 2.0, 1.8, 1.0, 0.8, 1.9, 90.0)
    found = RateRange(rates, losses, losses, 1e-3, "Learning rate 0.001: the loss rises from 0.01 on.")
    drawn = rate_curve(found, name="rates")
    assert "Learning rate 0.001: the loss rises from 0.01 on." in drawn
    assert "taken" in texts(drawn)
    assert "taken" not in texts(rate_curve(replace(found, suggested=None), name="rates"))
