"""Parts of pictures against the arrays that were written, by tifffile and libvips as the writers."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from percept.dense.extension import read_extended
from percept.dense.sources import ArraySource, open_source
from percept.errors import DataError


def pixels(channels: int = 3) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (channels, 75, 90), dtype=np.uint8)


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(st.integers(-60, 70), st.integers(1, 120)),
    st.tuples(st.integers(-60, 70), st.integers(1, 120)),
    st.sampled_from(["reflect", "zero"]),
)
def test_a_part_beyond_the_border_is_what_numpy_pads(rows: Any, columns: Any, border: Any) -> None:
    picture = pixels(1)[:, :20, :31]
    padded = np.pad(picture, ((0, 0), (60, 200), (60, 200)), mode="reflect" if border == "reflect" else "constant")
    spans = [(first, first + count) for first, count in (rows, columns)]
    expected = padded[:, spans[0][0] + 60 : spans[0][1] + 60, spans[1][0] + 60 : spans[1][1] + 60]
    assert np.array_equal(read_extended(ArraySource(picture), spans[0], spans[1], border), expected)


def test_a_mapped_file_is_read_and_let_go_of(tmp_path: Path) -> None:
    np.save(tmp_path / "picture.npy", pixels())
    source = open_source(tmp_path / "picture.npy")
    assert isinstance(source, ArraySource) and source.mapped is not None
    source.release()
    assert np.array_equal(source.read((3, 9), (70, 90)), pixels()[:, 3:9, 70:90])


def test_changes_of_a_private_mapping_are_not_lost(tmp_path: Path) -> None:
    np.save(tmp_path / "picture.npy", pixels())
    private = np.load(tmp_path / "picture.npy", mmap_mode="c")
    private[0, 0, 0] = 255 - private[0, 0, 0]
    source = ArraySource(private)
    source.release()
    assert source.read((0, 1), (0, 1))[0, 0, 0] != pixels()[0, 0, 0]


LAYOUTS: dict[str, dict[str, Any]] = {
    "strips": {"photometric": "rgb", "rowsperstrip": 16},
    "tiles": {"photometric": "rgb", "tile": (32, 48)},
    "compressed": {"photometric": "rgb", "tile": (32, 32), "compression": "zlib", "predictor": True, "bigtiff": True},
    "planes": {"photometric": "rgb", "planarconfig": "separate", "tile": (16, 32)},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_parts_of_a_tiff_are_those_of_the_array_that_was_written(layout: str, tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile", reason="the extra `tiff` is not installed")
    path, options = tmp_path / "picture.tif", LAYOUTS[layout]
    separate = options.get("planarconfig") == "separate"
    tifffile.imwrite(path, pixels() if separate else pixels().transpose(1, 2, 0), **options)
    source = open_source(path)
    assert source.shape == (3, 75, 90)
    for rows, columns in (((0, 75), (0, 90)), ((31, 33), (47, 65)), ((70, 75), (1, 2))):
        expected = pixels()[:, rows[0] : rows[1], columns[0] : columns[1]]
        assert np.array_equal(source.read(rows, columns), expected)


def test_a_grey_tiff_of_16_bits_has_one_channel(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile", reason="the extra `tiff` is not installed")
    grey = np.arange(40 * 30, dtype=np.uint16).reshape(40, 30)
    tifffile.imwrite(tmp_path / "grey.tif", grey)
    source = open_source(tmp_path / "grey.tif")
    assert source.shape == (1, 40, 30)
    assert np.array_equal(source.read((5, 20), (3, 9))[0], grey[5:20, 3:9])


def test_a_broken_tiff_is_an_error_in_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("tifffile", reason="the extra `tiff` is not installed")
    (tmp_path / "broken.tif").write_bytes(b"II*\0nothing")
    with pytest.raises(DataError, match="cannot be read as a TIFF"):
        open_source(tmp_path / "broken.tif")


def test_parts_of_a_slide_are_those_of_the_array_that_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pyvips = pytest.importorskip("pyvips", reason="the extra `slides` is not installed")
    monkeypatch.setattr("percept.dense.sources.SLIDES", (".v",))
    pyvips.Image.new_from_array(pixels().transpose(1, 2, 0)).write_to_file(str(tmp_path / "slide.v"))
    source = open_source(tmp_path / "slide.v")
    assert source.shape == (3, 75, 90)
    assert np.array_equal(source.read((3, 70), (20, 33)), pixels()[:, 3:70, 20:33])


@pytest.mark.parametrize("compression", ["deflate", "lzw", "jpeg"])
def test_a_pyramid_is_read_at_its_full_size_however_it_is_compressed(compression: str, tmp_path: Path) -> None:
    pyvips: Any = pytest.importorskip("pyvips", reason="the extra `slides` is not installed")
    path = str(tmp_path / "pyramid.tif")
    written = pyvips.Image.new_from_array(pixels().transpose(1, 2, 0))
    written.tiffsave(path, tile=True, tile_width=32, tile_height=16, pyramid=True, compression=compression)
    whole = pyvips.Image.new_from_file(path).numpy().transpose(2, 0, 1)
    source = open_source(path)
    assert source.shape == (3, 75, 90)
    assert np.array_equal(source.read((3, 70), (20, 33)), whole[:, 3:70, 20:33])


def test_a_tiff_that_nothing_here_decodes_is_an_error_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tifffile", reason="the extra `tiff` is not installed")
    for library in ("pyvips", "imagecodecs"):
        monkeypatch.setitem(sys.modules, library, None)
    Image.fromarray(pixels().transpose(1, 2, 0)).save(tmp_path / "picture.tif", compression="jpeg")
    with pytest.raises(DataError, match=r"picture\.tif cannot be decoded .* percept\[slides\]"):
        open_source(tmp_path / "picture.tif")


@pytest.mark.parametrize(
    ("name", "module", "extra"), [("a.tif", "tifffile", r"percept\[tiff\]"), ("a.svs", "pyvips", r"percept\[slides\]")]
)
def test_without_its_library_a_file_is_refused_with_what_to_install(
    name: str, module: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).touch()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DataError, match=extra):
        open_source(tmp_path / name)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    with pytest.raises(DataError, match="pass its pixels as an array"):
        open_source(tmp_path / "a.jpg")
