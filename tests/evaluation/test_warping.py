import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from percept.errors import DataError
from percept.evaluation.warping import _AROUND, _simple_points, warping_error

Bools = NDArray[np.bool_]


def line(column: int, side: int = 12) -> Bools:
    """Return two cells with a membrane of one pixel's width between."""
    inside = np.ones((side, side), np.bool_)
    inside[:, column] = False
    return inside


def test_a_bent_or_thicker_membrane_is_no_error() -> None:
    truth = line(5)
    thick, bent = truth.copy(), np.ones_like(truth)
    thick[:, 5:9] = False
    for row in range(12):
        bent[row, 4 + row // 4 : 6 + row // 4] = False
    for predicted in (truth, line(6), thick, bent):
        assert warping_error(truth, predicted) == 0


def test_a_thin_membrane_is_not_followed_further_than_its_width() -> None:
    # From the edge of the picture the new membrane grows to all but its last pixel, which would part a cell in two;
    # the old one, of 12 pixels, has to stay.
    assert warping_error(line(5), line(8)) == pytest.approx((1 + 12) / 144)


def test_a_gap_in_a_thin_membrane_counts_its_pixels() -> None:
    for gap in (1, 3):
        predicted = line(5)
        predicted[4 : 4 + gap, 5] = True
        assert warping_error(line(5), predicted) == pytest.approx(gap / 144)


def test_a_gap_in_a_thick_membrane_counts_only_the_pixels_that_keep_cells_apart() -> None:
    truth = line(5)
    truth[:, 5:9] = False
    predicted = truth.copy()
    predicted[3:6, 5:9] = True  # of 3 x 4 pixels a wall of one pixel's width stays: 3
    assert warping_error(truth, predicted) == pytest.approx(3 / 144)


def test_a_missing_and_an_invented_cell_leave_one_pixel_each() -> None:
    truth = np.zeros((10, 10), np.bool_)
    truth[1:4, 1:4] = True
    predicted = np.zeros_like(truth)
    predicted[6:9, 6:9] = True
    # the true cell shrinks to a pixel but cannot vanish, and nothing can appear: 1 + 9
    assert warping_error(truth, predicted) == pytest.approx((1 + 9) / 100)


def test_cells_that_meet_at_a_corner_are_two() -> None:
    truth = np.array([[1, 0, 0], [0, 0, 0], [0, 0, 1]], bool)
    predicted = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], bool)
    assert warping_error(truth, predicted) == pytest.approx(1 / 9)  # a third cell, not one that joins two
    joined = np.array([[1, 1, 0], [0, 1, 0], [0, 1, 1]], bool)
    assert warping_error(truth, joined) > 0


def regions(inside: Bools) -> tuple[int, int]:
    """Return how many regions there are, joined by sides, and how many pieces lie between, joined by corners too."""
    padded = np.pad(inside, 1)
    return ndimage.label(padded)[1], ndimage.label(~padded, np.ones((3, 3)))[1]


def neighborhood(code: int, frame: bool) -> Bools:
    """Return 3 x 3 pixels, the middle one off, in a frame of either kind."""
    around = np.full((7, 7), frame)
    around[2:5, 2:5] = False
    for bit, (row, column) in enumerate(_AROUND):
        around[3 + row, 3 + column] = bool(code >> bit & 1)
    return around


def test_pixels_that_can_be_turned_are_the_simple_ones_of_scipys_labels() -> None:
    sides = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], bool)
    others = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool)
    for code, simple in enumerate(_simple_points()):
        local = neighborhood(code, False)[2:5, 2:5]
        touching = set(np.unique(ndimage.label(local)[0][sides & local]).tolist())
        between = ndimage.label(others & ~local, np.ones((3, 3)))[1]
        assert simple == (len(touching) == 1 and between == 1)


def test_turning_a_simple_pixel_changes_no_number_of_regions() -> None:
    for code in np.flatnonzero(_simple_points()).tolist():
        for frame in (False, True):
            before = neighborhood(code, frame)
            after = before.copy()
            after[3, 3] = True
            assert regions(before) == regions(after)


def test_a_warped_scene_keeps_its_topology_and_random_flips_do_not() -> None:
    generator = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(generator.standard_normal((2, 40, 40)), (0, 3, 3))
    truth = smooth[0] > 0
    noisy = truth ^ (generator.random(truth.shape) < 0.02)
    error = warping_error(truth, noisy)
    assert 0 < error <= float((truth != noisy).mean())


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(DataError, match="the prediction is 2 x 2, but truth is 1 x 2"):
        warping_error(np.ones((1, 2), bool), np.ones((2, 2), bool))
