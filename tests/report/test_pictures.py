"""Pictures inside the page, decoded again by Pillow."""

import base64
import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from percept.report.pictures import data_uri


def decoded(address: str) -> Image.Image:
    """Return the picture that the address holds."""
    return Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))


@pytest.mark.parametrize("shape", [(8, 8), (28, 28, 1), (1, 1), (64, 40, 3)])
def test_a_small_picture_comes_back_pixel_for_pixel(shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    address = data_uri(picture)
    assert address.startswith("data:image/png;base64,")
    expected = picture[..., 0] if shape[2:] == (1,) else picture
    np.testing.assert_array_equal(np.asarray(decoded(address)), expected)


def test_a_large_picture_is_shrunk_in_proportion_and_packed() -> None:
    address = data_uri(np.full((800, 400, 3), (200, 30, 30), np.uint8))
    assert address.startswith("data:image/jpeg;base64,")
    assert decoded(address).size == (96, 192)
    assert np.abs(np.asarray(decoded(address), int) - (200, 30, 30)).max() <= 3


def test_a_strip_of_30000_pixels_keeps_a_height() -> None:
    assert decoded(data_uri(np.zeros((100, 30_000), np.uint8))).size == (192, 1)


def test_bytes_of_a_picture_file_are_taken_as_they_are() -> None:
    file = io.BytesIO()
    Image.new("RGB", (300, 200), "red").save(file, format="WEBP")
    address = data_uri(file.getvalue())
    assert address.startswith("data:image/webp;")
    assert decoded(address).size == (300, 200)


@pytest.mark.parametrize(
    "picture", [np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4), np.float32), np.zeros(4, np.uint8)]
)
def test_an_array_that_is_no_picture_is_refused(picture: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="expected uint8 of"):
        data_uri(picture)


def test_bytes_that_are_no_picture_are_refused() -> None:
    with pytest.raises(ValueError, match="PNG, JPEG or WebP"):
        data_uri(b"<svg onload=alert(1)>")
