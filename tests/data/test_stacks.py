import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from percept.data.masks.dataset import read_segmentation
from percept.data.masks.layouts import is_segmentation_folder
from percept.data.masks.loading import load_masks, load_pictures
from percept.data.stacks import count_pages, read_page
from percept.errors import DataError

PAGES = np.random.default_rng(0).integers(0, 256, (4, 10, 12), np.uint8)


def save_stack(path: Path, pages: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Path:
    first, *others = (Image.fromarray(page) for page in pages)
    first.save(path, save_all=True, append_images=others)
    return path


def test_pages_are_counted_without_tifffile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tifffile", None)
    assert count_pages(save_stack(tmp_path / "a.tif", PAGES)) == 4
    assert count_pages(save_stack(tmp_path / "b.tif", PAGES[:1])) == 1
    Image.fromarray(PAGES[0]).save(tmp_path / "c.png")
    assert count_pages(tmp_path / "c.png") == 1


def test_imagejs_word_is_taken_where_there_is_a_single_header(tmp_path: Path) -> None:
    description = "ImageJ=1.53t\nimages=7\nslices=7\n"
    Image.fromarray(PAGES[0]).save(tmp_path / "a.tif", tiffinfo={270: description})
    assert count_pages(tmp_path / "a.tif") == 7


def test_without_tifffile_a_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(
        DataError, match=r"a.tif is a stack of several pictures, .* install percept with its extra tiff"
    ):
        read_page(save_stack(tmp_path / "a.tif", PAGES), 0)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"II*\0")
    with pytest.raises(DataError, match="a.tif cannot be read"):
        count_pages(tmp_path / "a.tif")


def test_pages_come_back_pixel_by_pixel(tmp_path: Path) -> None:
    pytest.importorskip("tifffile", reason="tifffile, the extra tiff, is not installed")
    path = save_stack(tmp_path / "a.tif", PAGES)
    for number, page in enumerate(PAGES):
        np.testing.assert_array_equal(read_page(path, number), page)
    with pytest.raises(DataError, match="a.tif holds 4 pictures; picture 4 is not one of them"):
        read_page(path, 4)


def test_a_stack_of_pictures_and_one_of_masks_are_a_data_set(tmp_path: Path) -> None:
    pytest.importorskip("tifffile", reason="tifffile, the extra tiff, is not installed")
    save_stack(tmp_path / "train-volume.tif", PAGES)
    labels = (PAGES > 127).astype(np.uint8) * 255
    save_stack(tmp_path / "train-labels.tif", labels)
    assert is_segmentation_folder(tmp_path)
    dataset = read_segmentation(tmp_path)
    assert dataset.keys == tuple(f"train-volume.tif[{page}]" for page in range(4))
    for pictures, number in ((load_pictures(dataset, 1), 1), (load_pictures(dataset, 3), 3)):
        np.testing.assert_array_equal(np.stack(pictures), np.repeat(PAGES[..., None], number, axis=3))
    np.testing.assert_array_equal(np.stack(load_masks(dataset)[0]), PAGES > 127)


def test_stacks_of_unlike_length_are_refused(tmp_path: Path) -> None:
    save_stack(tmp_path / "volume.tif", PAGES)
    save_stack(tmp_path / "labels.tif", PAGES[:3])
    (tmp_path / "volume.tif").rename(tmp_path / "a_volume.tif")
    (tmp_path / "labels.tif").rename(tmp_path / "a_labels.tif")
    with pytest.raises(DataError, match=r"a_labels.tif holds 3 masks, but .*a_volume.tif holds 4 pictures"):
        read_segmentation(tmp_path)
