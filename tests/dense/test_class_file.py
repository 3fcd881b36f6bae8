"""A TIFF of class numbers written in any order, as Pillow, tifffile and libvips read it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from percept.dense.class_file import ClassFile
from percept.dense.results import OnDisk

COLORS = [(0, 0, 0), (230, 159, 0), (86, 180, 233)]
SIZES = [(40, 30), (256, 256), (300, 700)]


def drawn(size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 3, size, dtype=np.uint8)


def written(path: Path, classes: NDArray[np.uint8], side: int = 96) -> ClassFile:
    """Write classes as scores, tile by tile, the last one first."""
    size = classes.shape[0], classes.shape[1]
    scores = (classes == np.arange(3)[:, None, None]).astype(np.float32)
    file = ClassFile(path, size, COLORS)
    results = OnDisk([file], {})
    corners = [(row, column) for row in range(0, size[0], side) for column in range(0, size[1], side)]
    for number, (row, column) in reversed(list(enumerate(corners))):
        results.write(number, row, column, scores[:, row : row + side, column : column + side])
    results.finish()
    return file


@pytest.mark.parametrize("size", SIZES)
def test_pillow_reads_the_classes_and_their_colors(size: tuple[int, int], tmp_path: Path) -> None:
    classes = drawn(size)
    written(tmp_path / "mask.tif", classes)
    with Image.open(tmp_path / "mask.tif") as image:
        assert image.mode == "P"
        assert np.array_equal(np.asarray(image), classes)
        assert np.array_equal(np.asarray(image.convert("RGB")), np.array(COLORS, np.uint8)[classes])


@pytest.mark.parametrize("size", SIZES)
def test_tifffile_reads_the_classes_from_tiles(size: tuple[int, int], tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile", reason="the extra `tiff` is not installed")
    written(tmp_path / "mask.tif", drawn(size))
    with tifffile.TiffFile(tmp_path / "mask.tif") as file:
        assert file.is_bigtiff and file.pages[0].is_tiled
        assert np.array_equal(file.asarray(), drawn(size))
        assert (file.pages[0].colormap[:, :3].T // 257).tolist() == [list(each) for each in COLORS]


def test_libvips_reads_the_classes_in_color(tmp_path: Path) -> None:
    pyvips: Any = pytest.importorskip("pyvips", reason="the extra `slides` is not installed")
    written(tmp_path / "mask.tif", drawn((300, 700)))
    picture = pyvips.Image.new_from_file(str(tmp_path / "mask.tif")).numpy()
    assert np.array_equal(picture, np.array(COLORS, np.uint8)[drawn((300, 700))])


@pytest.mark.parametrize("size", SIZES)
def test_pixels_are_counted_and_picked_as_numpy_does(size: tuple[int, int], tmp_path: Path) -> None:
    classes = drawn(size)
    file = written(tmp_path / "mask.tif", classes)
    assert np.array_equal(file.counts(4), np.bincount(classes.ravel(), minlength=4))
    assert np.array_equal(file.every(7), classes[::7, ::7])
