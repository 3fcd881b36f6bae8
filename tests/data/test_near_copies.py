"""Near copies are found among many pictures, and nothing else is."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from scipy.ndimage import gaussian_filter

from percept.data.near_copies import LIKENESS, near_copies


def scenes(count: int, side: int = 48, channels: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    """Return different smooth pictures, as photos are at this size."""
    noise = np.random.default_rng(seed).normal(size=(count, side, side, channels))
    smooth = gaussian_filter(noise, (0, 3, 3, 0))
    pictures: NDArray[np.uint8] = np.clip(128 + 55 * smooth / smooth.std(), 0, 255).astype(np.uint8)
    return pictures


def saved_as_jpeg(picture: Image.Image) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=70)
    return Image.open(file)


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "saved as JPEG": saved_as_jpeg,
    "brightened": lambda picture: ImageEnhance.Brightness(picture).enhance(1.1),
    "less contrast": lambda picture: ImageEnhance.Contrast(picture).enhance(0.8),
    "resized and back": lambda picture: picture.resize((36, 36)).resize((48, 48)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_among_others(change: str) -> None:
    pictures = scenes(300)
    copies = np.stack([np.asarray(CHANGES[change](Image.fromarray(picture))) for picture in pictures[:40]])
    found = near_copies(np.concatenate([pictures, copies]))
    assert (found[300:] == np.arange(40)).mean() > 0.95
    np.testing.assert_array_equal(found[:300], np.arange(300))


def test_near_copies_of_near_copies_are_near_copies() -> None:
    first, change = scenes(2, channels=1, seed=3).astype(float)
    change = (change - change.mean()) / change.std()
    chain = [first + step * first.std() * change for step in (0, 0.17, 0.34)]
    pictures = np.clip(chain, 0, 255).astype(np.uint8)
    likeness = np.corrcoef(pictures.reshape(3, -1))
    assert likeness[0, 2] < LIKENESS < min(likeness[0, 1], likeness[1, 2])
    assert near_copies(pictures[[0, 2]]).tolist() == [0, 1]
    assert near_copies(pictures[[0, 2, 1]]).tolist() == [0, 0, 0]


def test_hundreds_that_look_alike_are_one_group() -> None:
    picture = scenes(1, 32, 1)[0].astype(int)
    noise = np.random.default_rng(0).integers(-2, 3, (600, *picture.shape))
    assert not near_copies(np.clip(picture + noise, 0, 255).astype(np.uint8)).any()


def test_flat_and_tiny_pictures_are_like_no_other() -> None:
    random = np.random.default_rng(0)
    flat = (100 + random.integers(0, 4, (50, 32, 32, 1))).astype(np.uint8)
    np.testing.assert_array_equal(near_copies(flat), np.arange(50))
    for shape in [(9, 1, 1, 3), (9, 8, 8, 1), (9, 400, 2, 1)]:
        np.testing.assert_array_equal(near_copies(np.zeros(shape, np.uint8)), np.arange(9))
    for count in (0, 1):
        assert near_copies(np.zeros((count, 32, 32, 3), np.uint8)).tolist() == list(range(count))


def test_different_pictures_of_one_kind_are_left_apart() -> None:
    pictures = scenes(2000, 32, 1, seed=5)
    np.testing.assert_array_equal(near_copies(pictures), np.arange(2000))
