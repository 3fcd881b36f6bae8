"""Parts of a picture as bytes against `read_picture` of the whole file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from percept.data.images import read_picture
from percept.dense.byte_source import ByteSource
from percept.dense.sources import ArraySource, open_source
from percept.errors import DataError

DRAW = np.random.default_rng(0)
PICTURES: dict[str, NDArray[Any]] = {
    "grey": DRAW.integers(0, 256, (50, 70), dtype=np.uint8),
    "color": DRAW.integers(0, 256, (50, 70, 3), dtype=np.uint8),
    "transparent": DRAW.integers(0, 256, (50, 70, 4), dtype=np.uint8),
    "16 bits": DRAW.integers(0, 5000, (50, 70), dtype=np.uint16),
    "floats": DRAW.random((50, 70), dtype=np.float32),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", PICTURES)
def test_parts_are_what_the_whole_picture_is_read_as(kind: str, channels: int, tmp_path: Path) -> None:
    pytest.importorskip("tifffile", reason="the extra `tiff` is not installed")
    path = tmp_path / "picture.tif"
    Image.fromarray(PICTURES[kind]).save(path)
    whole = read_picture(path, channels=channels, white=4095)
    source = ByteSource(open_source(path), channels=channels, white=4095, name="picture.tif")
    assert source.shape == (channels, 50, 70)
    part = source.read((10, 43), (5, 70))
    assert part.dtype == np.uint8
    assert np.array_equal(part, whole[10:43, 5:70].transpose(2, 0, 1))


def test_colors_that_do_not_stand_for_themselves_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("tifffile", reason="the extra `tiff` is not installed")
    Image.fromarray(PICTURES["color"]).quantize(16).save(tmp_path / "palette.tif")
    Image.fromarray(PICTURES["color"]).save(tmp_path / "turned.tif", tiffinfo={274: 6})
    for name, words in (("palette.tif", "stores its colors as PALETTE"), ("turned.tif", "orientation 6.*upright")):
        with pytest.raises(DataError, match=words):
            ByteSource(open_source(tmp_path / name), channels=3, white=65535, name=name)


def test_channels_and_values_without_a_meaning_are_refused() -> None:
    with pytest.raises(DataError, match="many has 7 channels; expected 1"):
        ByteSource(ArraySource(np.zeros((7, 5, 5), np.uint8)), channels=3, white=65535, name="many")
    source = ByteSource(ArraySource(np.full((1, 5, 5), 1.5, np.float32)), channels=1, white=65535, name="bright")
    with pytest.raises(DataError, match=r"bright cannot be read \(its float values lie in"):
        source.read((0, 5), (0, 5))
