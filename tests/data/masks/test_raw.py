from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from percept.data.masks.pairing import PictureFile
from percept.data.masks.raw import read_raw
from percept.errors import DataError

VALUES = np.arange(12, dtype=np.uint8).reshape(3, 4)


def test_16_bit_values_come_back_whole(tmp_path: Path) -> None:
    values = VALUES.astype(np.uint16) * 5000
    for ending in ("png", "tif"):
        Image.fromarray(values).save(tmp_path / f"a.{ending}")
        raw = read_raw(PictureFile(tmp_path / f"a.{ending}"))
        np.testing.assert_array_equal(raw.values, values)
        assert raw.bits == 16


def test_transparency_does_not_touch_the_classes(tmp_path: Path) -> None:
    alpha = Image.fromarray(np.full((3, 4), 7, np.uint8))
    grey = Image.fromarray(VALUES)
    Image.merge("LA", (grey, alpha)).save(tmp_path / "grey.png")
    Image.merge("RGBA", (grey, grey, grey, alpha)).save(tmp_path / "color.png")
    for name in ("grey", "color"):
        raw = read_raw(PictureFile(tmp_path / f"{name}.png"))
        np.testing.assert_array_equal(raw.values, VALUES)
        assert not raw.color


def test_floats_are_read_where_they_are_whole_numbers(tmp_path: Path) -> None:
    Image.fromarray(VALUES.astype(np.float32)).save(tmp_path / "whole.tif")
    np.testing.assert_array_equal(read_raw(PictureFile(tmp_path / "whole.tif")).values, VALUES)
    Image.fromarray(VALUES.astype(np.float32) / 2).save(tmp_path / "half.tif")
    with pytest.raises(DataError, match=r"half.tif holds values that are no whole numbers"):
        read_raw(PictureFile(tmp_path / "half.tif"))


def test_negative_numbers_are_refused(tmp_path: Path) -> None:
    Image.fromarray(VALUES.astype(np.int32) - 3).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"a.tif holds the value -3; expected whole numbers of 0 or more"):
        read_raw(PictureFile(tmp_path / "a.tif"))


def test_a_mask_is_turned_upright_like_its_picture(tmp_path: Path) -> None:
    image = Image.fromarray(VALUES)
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    image.save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_raw(PictureFile(tmp_path / "a.png")).values, np.rot90(VALUES, -1))


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"a.png cannot be read"):
        read_raw(PictureFile(tmp_path / "a.png"))
    with pytest.raises(DataError, match=r"b.png cannot be read \(no such file"):
        read_raw(PictureFile(tmp_path / "b.png"))
