"""Augmented pictures hold what the originals hold, moved."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from percept.data.augment import random_shift


@given(height=st.integers(8, 40), width=st.integers(8, 40), seed=st.integers(0, 100))
def test_a_marked_point_moves_by_at_most_an_eighth_and_stays_itself(height: int, width: int, seed: int) -> None:
    pictures = np.zeros((5, height, width, 3), np.uint8)
    row, column = height // 2, width // 2
    pictures[:, row, column] = (10, 20, 30)
    shifted = random_shift(pictures, np.random.default_rng(seed))
    samples, rows, columns = np.nonzero(shifted[..., 0])
    assert samples.tolist() == [0, 1, 2, 3, 4]
    assert np.abs(rows - row).max() <= height // 8
    assert np.abs(columns - column).max() <= width // 8
    assert (shifted[samples, rows, columns] == (10, 20, 30)).all()


def test_every_shift_occurs() -> None:
    pictures = np.zeros((500, 8, 8, 1), np.uint8)
    pictures[:, 4, 4] = 1
    _, rows, columns, _ = np.nonzero(random_shift(pictures, np.random.default_rng(0)))
    assert set(zip(rows.tolist(), columns.tolist(), strict=True)) == {(r, c) for r in (3, 4, 5) for c in (3, 4, 5)}


def test_the_border_continues_outwards() -> None:
    pictures = np.full((20, 16, 16, 1), 7, np.uint8)
    assert (random_shift(pictures, np.random.default_rng(0)) == 7).all()
