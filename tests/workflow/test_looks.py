"""The report shows where the network looked, in pictures that may be shown, right ones and wrong ones of each class."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import percept
from percept.evaluation.activation import Activation
from percept.workflow.assess import Predictions
from percept.workflow.looks import RIGHT, WRONG, heats_of, to_show

from .conftest import Pictures


def shown(page: str, part: str) -> set[str]:
    """Return the names of the pictures in a part's section on where the network looked."""
    section = page.split(f'<section id="{part}"')[1].split("</section>")[0]
    if "Where did it look?" not in section:
        return set()
    looks = section.split("Where did it look?")[1]
    return set(re.findall(r"<small>(\d+)</small></figcaption>", looks))


@pytest.fixture(scope="module")
def run(bars: Pictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("looks") / "bars"
    return percept.fit(*bars, model="small_resnet", epochs=1, augment="none", out=out, threads=1).path


def test_no_sealed_picture_is_shown_before_the_test_set_is_opened(run: Path) -> None:
    splits = pd.read_csv(run / "splits.csv", dtype=str)
    parts = {part: set(rows["sample"]) for part, rows in splits.groupby("part")}
    before = (run / "report.html").read_text(encoding="utf-8")
    assert shown(before, "validation") and shown(before, "validation") <= parts["validation"]
    assert not shown(before, "test")
    assert before.count("Where did it look?") == 1
    percept.evaluate(run)
    after = (run / "report.html").read_text(encoding="utf-8")
    assert shown(after, "test") and shown(after, "test") <= parts["test"]
    assert shown(after, "validation") == shown(before, "validation")


def test_a_network_without_a_map_has_a_report_without_it(bars: Pictures, tmp_path: Path) -> None:
    run = percept.fit(*bars, model="linear", epochs=1, out=tmp_path / "linear", threads=1)
    assert "Where did it look" not in (run.path / "report.html").read_text(encoding="utf-8")


def predictions(classes: int, count: int, share_right: float) -> Predictions:
    random = np.random.default_rng(0)
    truth = random.integers(0, classes, count)
    told = np.where(random.random(count) < share_right, truth, random.integers(0, classes, count))
    scores = random.dirichlet(np.ones(classes), count)
    best = scores.argmax(axis=1)
    rows = np.arange(count)
    scores[rows, best], scores[rows, told] = scores[rows, told].copy(), scores[rows, best].copy()
    return Predictions(tuple(map(str, rows)), truth, scores)


@pytest.mark.parametrize("classes", [2, 5, 10, 40])
def test_pictures_are_a_few_of_each_class_and_wrong_ones_the_surest(classes: int) -> None:
    given = predictions(classes, 2000, 0.7)
    chosen = to_show(given, classes)
    told, sure = given.scores.argmax(axis=1), given.scores.max(axis=1)
    right, wrong = chosen[told[chosen] == given.truth[chosen]], chosen[told[chosen] != given.truth[chosen]]
    assert len(set(chosen.tolist())) == len(chosen) <= RIGHT + WRONG
    each = 2 if classes <= 8 else 1
    assert np.bincount(given.truth[right]).max() == each and np.bincount(given.truth[wrong]).max() == each
    assert len(right) == min(RIGHT, each * classes) and len(wrong) == min(WRONG, each * classes)
    assert (np.diff(sure[wrong]) <= 0).all()
    for place in wrong.tolist():
        of_class = np.flatnonzero((given.truth == given.truth[place]) & (told != given.truth))
        assert (sure[of_class] > sure[place]).sum() < each


def test_where_all_are_right_no_wrong_ones_are_shown_and_where_none_are_nothing_is() -> None:
    given = predictions(3, 50, 1.0)
    assert len(to_show(given, 3)) == 6
    none = Predictions((), np.empty(0, np.int64), np.empty((0, 3)))
    assert len(to_show(none, 3)) == 0


def activation(places: list[list[list[float]]]) -> Activation:
    values = np.array(places, np.float32)
    centers = np.arange(values.shape[1], dtype=float), np.arange(values.shape[2], dtype=float)
    zero = np.zeros(len(values), np.float32)
    return Activation(np.zeros(len(values), np.int64), zero, values, zero, "cam", values.shape[1:], centers)


def test_maps_of_one_picture_share_a_scale_and_what_speaks_against_is_nothing() -> None:
    told = activation([[[4, -8]], [[-1, -2]]])
    truth = activation([[[1, 2]], [[-3, 0]]])
    heats = heats_of([told, truth], 1, 2)
    np.testing.assert_allclose(heats[:, 0], np.array([[[1, 0]], [[0.25, 0.5]]]))
    assert (heats[:, 1] == 0).all()  # nothing speaks for either class
