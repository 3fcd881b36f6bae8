import numpy as np
import pytest
from numpy.typing import NDArray

from percept.errors import DataError, OptionError
from percept.evaluation.objects import THRESHOLDS, object_counts, object_figures, overlaps


def blobs(seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return true rectangles, and predicted ones that are somewhat off, merged, missing or invented."""
    generator = np.random.default_rng(seed)
    truth, predicted = np.zeros((60, 60), np.int64), np.zeros((60, 60), np.int64)
    for number in range(1, 20):
        top, left = generator.integers(0, 52, 2)
        high, wide = generator.integers(3, 10, 2)
        truth[top : top + high, left : left + wide] = number
        if generator.random() < 0.8:
            top, left = np.maximum(0, np.array([top, left]) + generator.integers(-1, 2, 2))
            predicted[top : top + high, left : left + wide] = 100 - number
    return truth, predicted


@pytest.mark.parametrize("seed", range(6))
def test_counts_are_those_of_every_object_with_every_other(seed: int) -> None:
    truth, predicted = blobs(seed)
    true, told = (set(np.unique(each).tolist()) - {0} for each in (truth, predicted))
    iou = {
        (one, other): ((truth == one) & (predicted == other)).sum() / ((truth == one) | (predicted == other)).sum()
        for one in true
        for other in told
    }
    for threshold, counts in zip(THRESHOLDS, object_counts(truth, predicted), strict=True):
        found = {one for one in true if any(iou[one, other] > threshold for other in told)}
        right = {other for other in told if any(iou[one, other] > threshold for one in true)}
        assert counts.tolist() == [len(found), len(told - right), len(true - found)]


def test_overlaps_hold_every_pixel_once() -> None:
    first, second, pixels = overlaps(*blobs(0))
    assert pixels.sum() == 3600
    assert len(set(zip(first.tolist(), second.tolist(), strict=True))) == len(pixels)


def test_figures_are_the_papers_formulas_by_hand() -> None:
    # two pictures at two thresholds: (TP, FP, FN)
    counts = np.array([[[2, 1, 1], [1, 2, 2]], [[0, 0, 2], [0, 0, 2]], [[0, 0, 0], [0, 0, 0]]])
    found = object_figures(counts, (0.5, 0.7), np.ones((3, 1)))
    assert found["object_f1[0.5]"][0] == pytest.approx(4 / (4 + 1 + 3))
    assert found["object_f1[0.7]"][0] == pytest.approx(2 / (2 + 2 + 4))
    assert found["object_f1"][0] == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert found["average_precision[0.5]"][0] == pytest.approx((2 / 4 + 0) / 2)  # the third picture has no object
    assert found["average_precision"][0] == pytest.approx(((2 / 4) / 2 + (1 / 5) / 2) / 2)


def test_an_overlap_of_exactly_the_threshold_is_no_match() -> None:
    truth, predicted = np.array([[1, 1]]), np.array([[1, 0]])
    assert object_counts(truth, predicted, (0.5,)).tolist() == [[0, 1, 1]]


def test_objects_in_ignored_pixels_are_not_counted() -> None:
    truth, predicted = np.array([[0, 0, 1, 1]]), np.array([[3, 0, 4, 4]])
    known = np.array([[False, True, True, True]])
    assert object_counts(truth, predicted, (0.5,), known).tolist() == [[1, 0, 0]]


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(OptionError, match="from 0.5 to below 1"):
        object_counts(np.zeros((1, 1), int), np.zeros((1, 1), int), (0.3,))
    with pytest.raises(DataError, match="predicted objects are 1 x 2, but the true ones 1 x 1"):
        object_counts(np.zeros((1, 1), int), np.zeros((1, 2), int))
