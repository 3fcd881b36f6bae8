import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percept.data.patches import Centers, cut_patches, draw_centers
from percept.errors import DataError, OptionError

MASKS = [np.zeros((30, 20), np.uint8), np.zeros((7, 9), np.uint8)]
MASKS[0][3, 4] = MASKS[1][2:4, 5] = 1
MASKS[1][6] = 255


def test_a_patch_is_labelled_by_its_center_pixel() -> None:
    centers = draw_centers(MASKS, 200, np.random.default_rng(0), classes=2)
    pictures = [mask[..., None] for mask in MASKS]
    for size in (1, 4, 5):
        patches = cut_patches(pictures, centers, size)
        assert (patches[:, size // 2, size // 2, 0] == centers.labels).all()
    assert set(centers.labels.tolist()) == {0, 1}


def test_balanced_draws_are_equally_frequent_and_natural_ones_as_frequent_as_pixels() -> None:
    shares = [
        (draw_centers(MASKS, 40_000, np.random.default_rng(1), classes=2, balance=balance).labels == 1).mean()
        for balance in ("balanced", "natural", (1, 3))
    ]
    # 3 of 600 + 54 known pixels; three standard errors of 40,000 draws
    for share, expected in zip(shares, (0.5, 3 / 654, 0.75), strict=True):
        assert abs(share - expected) < 3 * (expected * (1 - expected) / 40_000) ** 0.5


def test_each_pixel_of_a_class_is_as_likely_as_any_other_whatever_its_picture() -> None:
    centers = draw_centers(MASKS, 30_000, np.random.default_rng(2), classes=2, balance=(0, 1))
    places = list(zip(centers.pictures.tolist(), centers.rows.tolist(), centers.columns.tolist(), strict=True))
    assert set(places) == {(0, 3, 4), (1, 2, 5), (1, 3, 5)}
    for place in set(places):
        assert abs(places.count(place) / 30_000 - 1 / 3) < 3 * (2 / 9 / 30_000) ** 0.5


def test_the_same_generator_draws_the_same_pixels() -> None:
    one, two = (draw_centers(MASKS, 50, np.random.default_rng(3), classes=2) for _ in range(2))
    np.testing.assert_array_equal(one.rows, two.rows)
    np.testing.assert_array_equal(one.pictures, two.pictures)


def test_ignored_pixels_are_never_drawn() -> None:
    centers = draw_centers(MASKS, 5_000, np.random.default_rng(4), classes=2, balance="natural")
    assert not ((centers.pictures == 1) & (centers.rows == 6)).any()


@given(height=st.integers(1, 9), width=st.integers(1, 9), size=st.integers(1, 25), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_borders_are_numpys_reflection(height: int, width: int, size: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    picture = generator.integers(0, 256, (height, width, 3), np.uint8)
    row, column = int(generator.integers(height)), int(generator.integers(width))
    center = Centers(*(np.array([value]) for value in (0, row, column, 0)))
    padded = np.pad(picture, ((size, size), (size, size), (0, 0)), "reflect")
    top, left = row + size - size // 2, column + size - size // 2
    np.testing.assert_array_equal(cut_patches([picture], center, size)[0], padded[top : top + size, left : left + size])


def test_pictures_of_unlike_sizes_give_patches_of_one_size() -> None:
    centers = draw_centers(MASKS, 20, np.random.default_rng(5), classes=2)
    assert cut_patches([np.zeros((*mask.shape, 3), np.uint8) for mask in MASKS], centers, 11).shape == (20, 11, 11, 3)


def test_what_cannot_be_drawn_is_said() -> None:
    generator = np.random.default_rng(0)
    with pytest.raises(OptionError, match="asks for class 2, of which the masks hold no pixel"):
        draw_centers(MASKS, 5, generator, classes=3, balance=(1, 1, 1))
    with pytest.raises(OptionError, match="expected 2 shares"):
        draw_centers(MASKS, 5, generator, classes=2, balance=(1, 1, 1))
    with pytest.raises(DataError, match="no pixel of a known class"):
        draw_centers([np.full((2, 2), 255)], 5, generator, classes=2)
    with pytest.raises(OptionError, match="size is 0"):
        cut_patches([], Centers(*(np.zeros(0, np.int64) for _ in range(4))), 0)
