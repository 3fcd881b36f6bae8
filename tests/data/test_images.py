import io
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from percept.data import images
from percept.data.images import EXTENSIONS, read_picture, resize, white_level
from percept.errors import DataError, OptionError


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def smooth(height: int, width: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(noise(6, 6, seed=seed)).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str, **named: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **named)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "JPEG2000"])
def test_color_of_a_lossless_file_comes_back_exactly(tmp_path: Path, kind: str) -> None:
    pixels = noise(5, 7)
    Image.fromarray(pixels).save(tmp_path / "a", kind)
    np.testing.assert_array_equal(read_picture(tmp_path / "a", channels=3), pixels)


def test_grey_of_color_is_the_luma_of_itu_601() -> None:
    pixels = noise(5, 7)
    luma = pixels @ np.array([0.299, 0.587, 0.114])
    grey = read_picture(encoded(Image.fromarray(pixels), "PNG"), channels=1)
    assert grey.shape == (5, 7, 1)
    assert np.abs(grey[:, :, 0] - luma).max() <= 0.51


def test_grey_in_color_has_three_equal_channels() -> None:
    pixels = noise(5, 7, 1)[:, :, 0]
    color = read_picture(encoded(Image.fromarray(pixels), "PNG"), channels=3)
    np.testing.assert_array_equal(color, np.stack([pixels] * 3, axis=2))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "MPO"])
def test_every_orientation_is_turned_upright(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(smooth(24, 40), kind, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(read_picture(data, channels=3), np.asarray(upright.convert("RGB")))


def test_a_packed_tiff_is_turned_once() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = noise(4, 6)
    data = encoded(Image.fromarray(pixels), "TIFF", exif=exif, compression="tiff_lzw")
    np.testing.assert_array_equal(read_picture(data, channels=3), np.rot90(pixels, -1))


def test_an_animation_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "lime", "blue")]
    for kind in ("GIF", "PNG", "TIFF", "WEBP"):
        named = {"lossless": True} if kind == "WEBP" else {}
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **named)
        np.testing.assert_array_equal(read_picture(data, channels=3)[0, 0], (255, 0, 0))


sides = st.integers(1, 300)


@settings(max_examples=60, deadline=None)
@given(height=sides, width=sides, minimum=st.integers(1, 100), channels=st.sampled_from([1, 3]), grey=st.booleans())
def test_simplejpeg_and_pillow_read_the_same_pixels(
    height: int, width: int, minimum: int, channels: int, grey: bool
) -> None:
    pytest.importorskip("simplejpeg")
    picture = smooth(height, width, seed=height)
    data = encoded(picture.convert("L") if grey else picture, "JPEG")
    fast = read_picture(data, channels=channels, minimum=minimum)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "simplejpeg", None)
        slow = read_picture(data, channels=channels, minimum=minimum)
    assert fast.shape == slow.shape
    assert np.abs(fast.astype(int) - slow).max() <= 2  # their libjpeg may be built otherwise


@settings(max_examples=60, deadline=None)
@given(height=sides, width=sides, minimum=st.integers(1, 100))
def test_a_jpeg_is_reduced_as_far_as_twice_the_minimum_allows(height: int, width: int, minimum: int) -> None:
    rows, columns, _ = read_picture(encoded(smooth(height, width), "JPEG"), channels=3, minimum=minimum).shape
    scale = max(
        [scale for scale in (2, 4, 8) if height // scale >= 2 * minimum and width // scale >= 2 * minimum], default=1
    )
    assert (rows, columns) == (-(-height // scale), -(-width // scale))


def test_a_jpeg_decoded_small_resizes_to_almost_the_same_picture() -> None:
    data = encoded(smooth(400, 500), "JPEG", quality=95)
    small = resize(read_picture(data, channels=3, minimum=32), 32, 32)
    full = resize(read_picture(data, channels=3), 32, 32)
    assert np.abs(small.astype(int) - full).max() <= 3


def test_options_outside_their_range_are_refused() -> None:
    data = encoded(Image.new("L", (2, 2)), "PNG")
    with pytest.raises(OptionError, match="channels is 2; expected 1"):
        read_picture(data, channels=2)
    with pytest.raises(OptionError, match="white is 0; expected 1 to 65535"):
        read_picture(data, channels=1, white=0)
    with pytest.raises(OptionError, match="minimum is 0; expected 1"):
        read_picture(data, channels=1, minimum=0)


def test_bytes_that_are_no_picture_are_named_so() -> None:
    with pytest.raises(DataError, match=r"^the picture cannot be read \(it is not a picture"):
        read_picture(b"hello", channels=3)


def test_every_ending_is_one_that_pillow_knows() -> None:
    assert set(EXTENSIONS) <= set(Image.registered_extensions())


@pytest.mark.parametrize("shape", [(1, 1), (30_000, 100), (100, 30_000), (1, 999), (3, 2)])
@pytest.mark.parametrize("how", ["stretch", "crop"])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_shape_resizes_and_one_shade_stays_that_shade(
    shape: tuple[int, int], how: Literal["stretch", "crop"], channels: int
) -> None:
    picture = np.full((*shape, channels), 77, np.uint8)
    resized = resize(picture, 96, 64, how)
    assert resized.shape == (96, 64, channels)
    assert resized.dtype == np.uint8
    assert (resized == 77).all()


def test_a_picture_of_the_right_size_is_left_alone() -> None:
    picture = noise(8, 9)
    assert resize(picture, 8, 9) is picture


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 60), columns=st.integers(1, 60), height=st.integers(10, 40), width=st.integers(10, 40))
def test_resizing_is_pillows_antialiased_bilinear(rows: int, columns: int, height: int, width: int) -> None:
    picture = noise(rows, columns)
    theirs = Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR)
    if max(rows / height, columns / width) < 6:  # beyond, whole pixels are averaged first
        np.testing.assert_array_equal(resize(picture, height, width), np.asarray(theirs))


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(2, 60), columns=st.integers(2, 60), height=st.integers(10, 40), width=st.integers(10, 40))
def test_a_crop_is_pillows_fit(rows: int, columns: int, height: int, width: int) -> None:
    picture = noise(rows, columns)
    theirs = ImageOps.fit(Image.fromarray(picture), (width, height), Image.Resampling.BILINEAR)
    if max(rows / height, columns / width) < 6:
        assert np.abs(resize(picture, height, width, "crop").astype(int) - np.asarray(theirs)).max() <= 1


def test_a_great_reduction_keeps_the_mean() -> None:
    picture = noise(2000, 3000, 1)
    assert abs(float(resize(picture, 10, 10).mean()) - float(picture.mean())) < 1


def save_16_bits(path: Path, values: list[int]) -> Path:
    Image.fromarray(np.array([values], np.uint16)).save(path)
    return path


def test_white_is_what_the_sensor_can_say_at_most(tmp_path: Path) -> None:
    dark, bright = save_16_bits(tmp_path / "a.png", [0, 900]), save_16_bits(tmp_path / "b.tif", [5, 4095])
    assert white_level([dark]) == 1023
    assert white_level([dark, bright]) == 4095
    assert white_level([save_16_bits(tmp_path / "c.png", [0, 3])]) == 255
    assert white_level([dark, save_16_bits(tmp_path / "d.png", [40_000])]) == 65535


def test_white_is_65535_where_no_picture_has_16_bits(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg", "a.gif", "a.bmp", "a.webp", "a.tif"):
        Image.new("L", (3, 3), 9).save(tmp_path / name)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG broken")
    assert white_level([*sorted(tmp_path.iterdir()), tmp_path / "missing.png"]) == 65535
