"""The report of a real run says what the issue lists: data, curves, confusion, mistakes, baselines, recipe."""

from pathlib import Path

import numpy as np
import pytest

import percept
from percept.workflow.report_data import spread


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 120, (90, 8, 8, 3), dtype=np.uint8)
    labels = np.repeat(["dusk", "noon", "<b>night</b>"], 30)
    pictures[:30, :4] += 60
    pictures[30:60, 4:] += 60
    out = tmp_path_factory.mktemp("report") / "run"
    return percept.fit(pictures, labels, out=out, epochs=2, seed=7, threads=1).path


def test_every_section_is_there(run: Path) -> None:
    text = (run / "report.html").read_text(encoding="utf-8")
    for section in ("Summary", "Data", "Training", "Validation", "Test", "Recipe", "Confusion matrix", "Calibration"):
        assert section in text, section
    for name in (
        "Labels to look at",
        "What the linear classifier looks for",
        "Answering only when sure",
        "temperature",
    ):
        assert name in text, name
    for name in ("k-NN, Manhattan", "HOG and histograms"):
        assert name in text, name
    for name in ("majority", "k-nearest neighbors", "linear", "small_resnet", "seed = 7", "scikit-learn"):
        assert name in text, name
    assert text.count("data:image/") >= 24  # the grid of samples
    assert "<svg" in text


def test_nothing_is_fetched_and_names_are_text(run: Path) -> None:
    text = (run / "report.html").read_text(encoding="utf-8")
    assert "<b>night</b>" not in text
    assert "&lt;b&gt;night&lt;/b&gt;" in text
    assert "<script" not in text
    assert 'src="http' not in text
    assert "url(http" not in text


def test_an_opened_test_set_is_in_the_report_with_its_number(run: Path) -> None:
    percept.evaluate(run)
    percept.evaluate(run)
    text = (run / "report.html").read_text(encoding="utf-8")
    assert "percept evaluate" not in text.split("Recipe")[0] or "opened" in text
    assert "18 test samples" in text or "18 samples" in text


@pytest.mark.parametrize(("count", "most"), [(5, 10), (10, 10), (100, 7), (41, 40), (1, 1)])
def test_places_are_spread_evenly_and_begin_at_the_first(count: int, most: int) -> None:
    places = spread(count, most)
    assert len(places) == min(count, most)
    assert places[0] == 0
    assert len(set(places)) == len(places)
    gaps = np.diff(places)
    assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1
