import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percept.data.objects import IGNORE
from percept.evaluation.boundaries import boundary_counts, boundary_f1, boundary_figures, outline


def square(top: int, left: int, side: int = 6) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    mask = np.zeros((20, 20), np.int64)
    mask[top : top + side, left : left + side] = 1
    return mask


def test_the_outline_of_a_square_is_its_rim() -> None:
    inside = square(5, 5) == 1
    rim = outline(inside, np.ones_like(inside))
    assert rim.sum() == 4 * 6 - 4
    assert not rim[6:10, 6:10].any()


def test_the_edge_of_the_picture_is_no_outline() -> None:
    assert not outline(np.ones((4, 4), bool), np.ones((4, 4), bool)).any()


def test_unknown_pixels_make_no_outline() -> None:
    mask = np.array([[1, 1, IGNORE, 0, 0]])
    counts = boundary_counts(mask, np.array([[1, 1, 0, 0, 0]]), 2)
    assert counts.tolist() == [[0, 0, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize(("shift", "tolerance", "near"), [(0, 0, 20), (1, 1, 20), (1, 0.5, 10), (3, 2, 14), (8, 2, 0)])
def test_a_shifted_square_agrees_as_far_as_the_tolerance_reaches(shift: int, tolerance: float, near: int) -> None:
    # The rim of 6 x 6 has 20 pixels. Shifted by 1, its top and bottom rows coincide in 5 pixels each: 10. Shifted by 3
    # with tolerance 2: of the top and the bottom row, the first 3 pixels coincide with the old row and 2 more are near:
    # 10; of the 4 other pixels of the left column each is 1 or 2 from an old row: 4; the right column is 3 away.
    counts = boundary_counts(square(5, 5), square(5, 5 + shift), 2, tolerance)[1]
    assert counts.tolist() == [near, 20, near, 20]
    assert boundary_f1(counts) == pytest.approx(near / 20)


@given(seed=st.integers(0, 1000), tolerance=st.floats(0, 4))
@settings(max_examples=25, deadline=None)
def test_counts_are_those_of_all_distances(seed: int, tolerance: float) -> None:
    generator = np.random.default_rng(seed)
    truth, predicted = generator.integers(0, 2, (2, 5, 6))
    true, told = (np.argwhere(outline(each == 1, np.ones((5, 6), bool))) for each in (truth, predicted))
    distances = np.sqrt(((told[:, None] - true) ** 2).sum(axis=2)) if len(true) and len(told) else None
    near_told = 0 if distances is None else int((distances.min(axis=1) <= tolerance).sum())
    near_true = 0 if distances is None else int((distances.min(axis=0) <= tolerance).sum())
    assert boundary_counts(truth, predicted, 2, tolerance)[1].tolist() == [near_told, len(told), near_true, len(true)]


def test_pictures_without_the_outline_have_no_part_in_the_mean() -> None:
    empty = np.zeros((20, 20), np.int64)
    counts = np.stack(
        [
            boundary_counts(square(5, 5), square(5, 5), 3),  # 1
            boundary_counts(square(5, 5), empty, 3),  # missed: 0
            boundary_counts(empty, empty, 3),  # no outline at all
        ]
    )
    found = boundary_figures(counts, ("a", "b", "c"), np.ones((3, 1)))
    assert found["boundary_f1[b]"][0] == pytest.approx(0.5)
    assert np.isnan(found["boundary_f1[c]"][0])
    assert found["boundary_f1"][0] == pytest.approx(0.5)
