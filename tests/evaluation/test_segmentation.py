from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from sklearn.metrics import jaccard_score

from percept.data.objects import IGNORE
from percept.errors import DataError, OptionError
from percept.evaluation.intervals import Figure
from percept.evaluation.segmentation import (
    PictureScore,
    Scoring,
    score_picture,
    score_table,
    segmentation_figures,
    worst_pictures,
)

ISBI = Path(__file__).parents[3] / "shared" / "data" / "isbi2012_membrane"
NAMES = ("background", "cell", "rare")


def scenes(count: int = 12, seed: int = 0) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Return smooth truths and predictions of unlike sizes and quality; the rare class is in some truths only."""
    generator = np.random.default_rng(seed)
    found = []
    for number in range(count):
        field = ndimage.gaussian_filter(generator.standard_normal((20 + number, 25)), 2)
        truth = (field > 0).astype(np.uint8)
        if number % 3 == 0:
            truth[2:5, 2:5] = 2
        predicted = np.where(generator.random(truth.shape) < 0.02 * number, 0, truth).astype(np.uint8)
        truth[generator.random(truth.shape) < 0.1] = IGNORE
        found.append((truth, predicted))
    return found


def scored(scoring: Scoring, count: int = 12) -> list[PictureScore]:
    return [
        score_picture(truth, predicted, scoring, key=f"{number}.png")
        for number, (truth, predicted) in enumerate(scenes(count))
    ]


def test_each_row_of_the_table_is_scikit_learns_figure_of_that_picture() -> None:
    scoring = Scoring(NAMES)
    table = score_table(scored(scoring), scoring)
    for row, (truth, predicted) in enumerate(scenes()):
        known = truth != IGNORE
        present = sorted(set(truth[known].tolist()) | set(predicted[known].tolist()))
        iou = jaccard_score(truth[known], predicted[known], labels=present, average=None)
        assert table["key"][row] == f"{row}.png"
        assert table["mean_iou"][row] == pytest.approx(iou.mean())
        assert table["iou[rare]"].isna()[row] == (2 not in present)
        assert table["pixel_accuracy"][row] == pytest.approx((truth[known] == predicted[known]).mean())


def test_figures_are_those_of_all_pixels_together() -> None:
    scoring = Scoring(NAMES)
    found = segmentation_figures(scored(scoring), scoring, samples=50)
    truth = np.concatenate([pair[0].ravel() for pair in scenes()])
    predicted = np.concatenate([pair[1].ravel() for pair in scenes()])
    known = truth != IGNORE
    iou = jaccard_score(truth[known], predicted[known], average=None)
    assert found["mean_iou"].value == pytest.approx(iou.mean())
    assert found["iou[rare]"].value == pytest.approx(iou[2])


def test_intervals_hold_the_figure_and_are_the_percentiles_of_redrawn_pictures() -> None:
    scoring = Scoring(NAMES)
    scores = scored(scoring)
    found = segmentation_figures(scores, scoring, samples=2000)["pixel_accuracy"]
    generator = np.random.default_rng(7)  # other draws than percept's: the limits agree up to chance
    right = np.array([np.trace(score.confusion) for score in scores])
    pixels = np.array([score.confusion.sum() for score in scores])
    drawn = generator.integers(len(scores), size=(4000, len(scores)))
    low, high = np.quantile(right[drawn].sum(axis=1) / pixels[drawn].sum(axis=1), [0.025, 0.975])
    assert found.low < found.value < found.high
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.15 * (high - low))


def test_one_group_of_pictures_tells_nothing_of_the_spread() -> None:
    scoring = Scoring(NAMES)
    found = segmentation_figures(scored(scoring), scoring, groups=np.zeros(12, np.int64), samples=20)
    assert {figure.method for figure in found.values()} == {"none"}


def test_what_is_predicted_for_ignored_pixels_does_not_matter() -> None:
    scoring = Scoring(NAMES, objects=True, membrane=0)
    for truth, predicted in scenes(4):
        other = np.where(truth == IGNORE, 2, predicted)
        one, same = (score_picture(truth, each, scoring) for each in (predicted, other))
        for name in ("confusion", "boundary", "objects", "warping"):
            np.testing.assert_array_equal(getattr(one, name), getattr(same, name))


def test_a_perfect_prediction_has_perfect_figures() -> None:
    scoring = Scoring(NAMES, objects=True, membrane=0)
    scores = [score_picture(truth, np.where(truth == IGNORE, 0, truth), scoring) for truth, _ in scenes(3)]
    for name, figure in segmentation_figures(scores, scoring, samples=20).items():
        assert figure.value == (0 if name.endswith("_error") else 1), name


def test_given_objects_are_used_where_components_would_melt_them() -> None:
    scoring = Scoring(NAMES[:2], objects=True)
    truth, instances = np.ones((4, 8), np.uint8), np.repeat([[1, 1, 1, 1, 2, 2, 2, 2]], 4, axis=0)
    melted = score_picture(truth, truth, scoring, instances=instances)
    assert melted.objects is not None
    assert melted.objects[0].tolist() == [0, 1, 2]  # one region of two objects: half of each union, no match
    whole = score_picture(truth, truth, scoring)
    assert whole.objects is not None
    assert whole.objects[0].tolist() == [1, 0, 0]


def test_the_worst_pictures_come_first() -> None:
    scoring = Scoring(NAMES, membrane=0)
    table = score_table(scored(scoring), scoring)
    worst = worst_pictures(table, "pixel_accuracy", 3)
    assert worst["pixel_accuracy"].tolist() == sorted(table["pixel_accuracy"])[:3]
    errors = worst_pictures(table, "warping_error", 3)["warping_error"].tolist()
    assert errors == sorted(table["warping_error"], reverse=True)[:3]
    assert len(worst_pictures(table, "iou[rare]", 99)) == table["iou[rare]"].notna().sum()


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(DataError, match="no picture to evaluate"):
        segmentation_figures([], Scoring(NAMES))
    with pytest.raises(OptionError, match="membrane is 3"):
        Scoring(NAMES, membrane=3)
    scoring = Scoring(NAMES)
    with pytest.raises(OptionError, match="figure is 'iou'; expected one of pixel_accuracy"):
        worst_pictures(score_table(scored(scoring, 1), scoring), "iou")
    with pytest.raises(DataError, match="objects were not counted"):
        segmentation_figures(scored(scoring, 2), Scoring(NAMES, objects=True))


def test_a_class_in_no_picture_has_no_figure_and_no_interval() -> None:
    scoring = Scoring((*NAMES, "absent"))
    found = segmentation_figures(scored(scoring), scoring, samples=20)
    assert found["iou[absent]"].to_json() == Figure(float("nan"), float("nan"), float("nan")).to_json()
    assert not np.isnan(found["mean_iou"].value)


@pytest.mark.skipif(not ISBI.exists(), reason="the folder ../shared with the ISBI membranes is not there")
def test_a_membrane_drawn_one_pixel_wider_is_a_small_error_of_pixels_and_hardly_one_of_topology() -> None:
    truth = (np.asarray(Image.open(ISBI / "label" / "00.png")) > 127).astype(np.uint8)[:256, :256]
    wider = ndimage.binary_erosion(truth, border_value=1).astype(np.uint8)
    cut = truth.copy()
    cut[:, 100:103] = 1  # a channel through every membrane
    scoring = Scoring(("membrane", "cell"), membrane=0)
    thick, merged = (score_picture(truth, each, scoring) for each in (wider, cut))
    assert thick.confusion[1, 0] > 5 * merged.confusion[0, 1]  # far more wrong pixels
    assert thick.rand < merged.rand
    assert thick.warping < merged.warping
