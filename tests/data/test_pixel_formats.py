import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from percept.data.headers import UnreadableError
from percept.data.images import read_picture
from percept.data.pixel_formats import from_integers, in_channels, to_bytes
from percept.errors import DataError


def read(image: Image.Image, kind: str = "PNG", *, channels: int = 1, white: int = 65535) -> NDArray[np.uint8]:
    file = io.BytesIO()
    image.save(file, kind)
    return read_picture(file.getvalue(), channels=channels, white=white)


def test_one_bit_is_black_and_white() -> None:
    assert read(Image.fromarray(np.array([[True, False]]))).ravel().tolist() == [255, 0]


def test_a_palette_gives_its_colors() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    assert read(image, channels=3).tolist() == [[[10, 20, 30], [200, 100, 50]]]


def test_a_transparent_palette_entry_is_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    file = io.BytesIO()
    image.save(file, "PNG", transparency=0)
    assert read_picture(file.getvalue(), channels=3).tolist() == [[[255, 255, 255], [200, 100, 50]]]


def test_transparency_is_laid_on_white() -> None:
    pixels = np.array([[[200, 0, 100, 255], [200, 0, 100, 0], [200, 0, 100, 51]]], np.uint8)
    expected = [[200, 0, 100], [255, 255, 255], [244, 204, 224]]  # 51 is a fifth: 255 - (255 - x) / 5
    assert read(Image.fromarray(pixels), channels=3)[0].tolist() == expected


def test_grey_with_transparency_is_laid_on_white() -> None:
    pixels = np.array([[[100, 255], [100, 0], [100, 51]]], np.uint8)
    assert read(Image.fromarray(pixels, "LA"))[0].ravel().tolist() == [100, 255, 224]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_become_eight_rounded_to_nearest(kind: str, channels: int) -> None:
    values = np.array([[0, 128, 129, 256, 30_000, 65_535]], np.uint16)
    expected = np.rint(values * (255 / 65535))
    grey = read(Image.fromarray(values), kind, channels=channels)
    np.testing.assert_array_equal(grey, np.stack([expected] * channels, axis=2))


def test_sixteen_bits_in_the_other_byte_order_and_in_pgm_read_the_same() -> None:
    values = np.array([[0, 256, 30_000, 65_535]], np.uint16)
    expected = read(Image.fromarray(values))
    pgm = b"P5 4 1 65535\n" + values.astype(">u2").tobytes()
    np.testing.assert_array_equal(read_picture(pgm, channels=1), expected)
    np.testing.assert_array_equal(read(Image.fromarray(values.astype(">u2")), "TIFF"), expected)


def test_sixteen_bit_color_keeps_its_high_byte() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0" + struct.pack(">HHH", 0x1234, 0x8000, 0xFFFF)))
    data = b"\x89PNG\r\n\x1a\n" + header + body + chunk(b"IEND", b"")
    assert read_picture(data, channels=3).tolist() == [[[0x12, 0x80, 0xFF]]]


def test_a_12_bit_sensor_reaches_white_at_4095() -> None:
    values = np.array([[0, 2048, 4095, 5000]], np.uint16)
    assert read(Image.fromarray(values), white=4095).ravel().tolist() == [0, 128, 255, 255]


@given(st.lists(st.integers(0, 65_535), min_size=1), st.integers(1, 65_535))
def test_integers_are_scaled_as_floats_would_be(values: list[int], white: int) -> None:
    exact = np.minimum(np.array(values) * 255 / white, 255)
    assert np.abs(from_integers(np.array(values), white) - exact).max() <= 0.5


def test_32_bit_integers_of_more_than_16_bits_are_an_error() -> None:
    image = Image.fromarray(np.array([[0, 70_000]], np.int32))
    with pytest.raises(DataError, match="its values lie in 0 to 70000, expected 0 to 65535"):
        read(image, "TIFF")


def test_floats_are_taken_as_zero_to_one() -> None:
    values = np.array([[0, 0.5, 1]], np.float32)
    assert read(Image.fromarray(values), "TIFF").ravel().tolist() == [0, 128, 255]


@pytest.mark.parametrize("wrong", [-0.5, 200, np.nan, np.inf])
def test_other_floats_are_an_error(wrong: float) -> None:
    with pytest.raises(DataError, match="its float values lie in .* expected 0 to 1"):
        read(Image.fromarray(np.array([[0, wrong]], np.float32)), "TIFF")


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_reads_as_the_color_that_was_printed(kind: str) -> None:
    for color in ((255, 0, 0), (0, 128, 255), (255, 255, 255), (0, 0, 0)):
        image = Image.new("RGB", (16, 16), color).convert("CMYK")
        assert np.abs(read(image, kind, channels=3).astype(int) - color).max() <= 4


def test_cmyk_without_adobes_marker_is_taken_as_with_it() -> None:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (0, 128, 255)).convert("CMYK").save(file, "JPEG")
    data = file.getvalue()
    start = data.index(b"\xff\xee")
    after = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
    pixels = read_picture(data[:start] + data[after:], channels=3)
    assert np.abs(pixels.astype(int) - (0, 128, 255)).max() <= 4


def test_lab_reads_as_its_color() -> None:
    red = Image.new("LAB", (4, 4), (138, 209, 198))  # L* 54.3, a* 80.8, b* 69.9 at D50, scaled to bytes
    assert np.abs(read(red, "TIFF", channels=3)[0, 0].astype(int) - (255, 0, 0)).max() <= 6  # a step of L* is 3 of red
    assert abs(int(read(red, "TIFF", channels=1)[0, 0, 0]) - 76) <= 3  # 0.299 * 255


def test_a_format_that_is_no_picture_is_an_error() -> None:
    with pytest.raises(UnreadableError, match="its pixel format La is neither grey nor color"):
        to_bytes(Image.new("La", (4, 4)), channels=3, white=65535)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("stored", [1, 3])
def test_arrays_change_channels_as_files_do(channels: int, stored: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, stored), np.uint8)
    image = Image.fromarray(pixels[:, :, 0] if stored == 1 else pixels)
    np.testing.assert_array_equal(in_channels(pixels, channels), read(image, channels=channels))
