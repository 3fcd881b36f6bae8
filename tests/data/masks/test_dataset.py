from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from percept.data.class_weights import count_classes
from percept.data.masks.dataset import SegmentationDataset, read_segmentation
from percept.data.masks.loading import load_masks, load_pictures, read_mask, read_sample_picture
from percept.data.masks.understanding import MaskOptions
from percept.data.objects import IGNORE
from percept.errors import DataError, OptionError

SHARED = Path(__file__).parents[4] / "shared" / "data"
TABLE = np.array([[0, 0, 0], [128, 64, 0], [0, 0, 255]], np.uint8)


def truth(seed: int, classes: int = 3) -> NDArray[np.uint8]:
    """Return blocks of every class, of a size of its own for each seed."""
    blocks = np.random.default_rng(seed).permutation(np.arange(12 + 4 * seed) % classes).reshape(-1, 4)
    return np.kron(blocks, np.ones((5, 6), np.int64)).astype(np.uint8)


def save(path: Path, pixels: NDArray[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def write(root: Path, write_mask: Callable[[Path, NDArray[np.uint8]], object], classes: int = 3) -> Path:
    """Write pictures and, by `write_mask`, masks: handed each mask's path without ending, and its classes."""
    for seed in range(3):
        mask = truth(seed, classes)
        noise = np.random.default_rng(seed).integers(0, 256, (*mask.shape, 3), np.uint8)
        save(root / "images" / f"{seed}.png", noise)
        write_mask(root / "masks" / str(seed), mask)
    return root


def index(path: Path, mask: NDArray[np.uint8]) -> None:
    save(path.with_suffix(".png"), mask)


def palette(path: Path, mask: NDArray[np.uint8]) -> None:
    path.parent.mkdir(exist_ok=True)
    image = Image.fromarray(mask)
    image.putpalette(TABLE.ravel().tolist())
    image.save(path.with_suffix(".png"))


def colors(path: Path, mask: NDArray[np.uint8]) -> None:
    save(path.with_suffix(".png"), TABLE[[0, 2, 1]][mask])  # classes go by the color: blue before brown


def levels(path: Path, mask: NDArray[np.uint8]) -> None:
    save(path.with_suffix(".bmp"), (mask * 127).astype(np.uint8))


def deep(path: Path, mask: NDArray[np.uint8]) -> None:
    save(path.with_suffix(".tif"), mask.astype(np.uint16))


def class_files(path: Path, mask: NDArray[np.uint8]) -> None:
    for number, name in ((1, "nerve"), (2, "vein")):
        save(path.parent / name / f"{path.name}.png", ((mask == number) * 255).astype(np.uint8))


@pytest.mark.parametrize("form", [index, palette, colors, levels, deep, class_files])
def test_every_form_of_masks_gives_the_same_classes(
    tmp_path: Path, form: Callable[[Path, NDArray[np.uint8]], object]
) -> None:
    dataset = read_segmentation(write(tmp_path, form))
    masks, instances = load_masks(dataset)
    assert instances is None
    for seed in range(3):
        np.testing.assert_array_equal(masks[seed], truth(seed))
        np.testing.assert_array_equal(read_mask(dataset, seed).classes, truth(seed))
    expected = count_classes([truth(seed) for seed in range(3)], 3)
    found = dataset.class_pixels()
    for name in ("pixels", "around", "masks", "ignored"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_pictures_of_unlike_sizes_come_back_pixel_by_pixel(tmp_path: Path) -> None:
    dataset = read_segmentation(write(tmp_path, index))
    for memory in (2**31, 0):  # in memory, and in a file
        pictures = load_pictures(dataset, 3, memory=memory, folder=tmp_path / "rest")
        masks, _ = load_masks(dataset, memory=memory, folder=tmp_path / "rest")
        for seed in range(3):
            file = np.asarray(Image.open(tmp_path / "images" / f"{seed}.png"))
            np.testing.assert_array_equal(pictures[seed], file)
            np.testing.assert_array_equal(masks[seed], truth(seed))
    assert not list((tmp_path / "rest").iterdir())  # the file has no name, so nothing stays behind


def test_numbers_of_objects_give_one_class_and_each_object(tmp_path: Path) -> None:
    numbers = {seed: np.zeros((30, 30), np.uint16) for seed in range(2)}
    for seed, instances in numbers.items():
        for number in range(1, 9 + seed):
            instances[3 * number - 2 : 3 * number, 4:9] = 100 * number
        save(tmp_path / "images" / f"{seed}.png", np.zeros((30, 30), np.uint8))
        save(tmp_path / "masks" / f"{seed}.png", instances)
    dataset = read_segmentation(tmp_path)
    assert dataset.meaning.kind == "instances"
    _, found = load_masks(dataset)
    assert found is not None
    for seed, instances in numbers.items():
        np.testing.assert_array_equal(found[seed], instances // 100)
        np.testing.assert_array_equal(read_mask(dataset, seed).classes, instances > 0)


def test_one_file_an_object_gives_each_object(tmp_path: Path) -> None:
    for name, count in (("a", 3), ("b", 1)):
        save(tmp_path / "train" / name / "images" / f"{name}.png", np.zeros((9, 16), np.uint8))
        for number in range(count):
            one = np.zeros((9, 16), np.uint8)
            one[2:6, 5 * number : 5 * number + 4] = 255
            save(tmp_path / "train" / name / "masks" / f"{name}{number}x.png", one)
    dataset = read_segmentation(tmp_path)
    assert dataset.meaning.kind == "object_files"
    assert dataset.given.tolist() == ["train", "train"]
    mask = read_mask(dataset, 0)
    assert mask.instances is not None
    assert np.unique(mask.instances, return_counts=True)[1].tolist() == [9 * 16 - 48, 16, 16, 16]
    np.testing.assert_array_equal(mask.classes, mask.instances > 0)


def test_pixels_of_two_classes_are_ignored_and_said(tmp_path: Path) -> None:
    def overlapping(path: Path, mask: NDArray[np.uint8]) -> None:
        class_files(path, mask)
        both = (mask == 1) * 255
        both[mask == 2] = 255
        both[0, 0] = 255
        save(path.parent / "vein" / f"{path.name}.png", both.astype(np.uint8))

    dataset = read_segmentation(write(tmp_path, overlapping))
    assert (read_mask(dataset, 1).classes[truth(1) == 1] == IGNORE).all()
    assert "are of several classes and ignored" in dataset.notes[-1]


def test_ignored_pixels_are_ignored(tmp_path: Path) -> None:
    def ignoring(path: Path, mask: NDArray[np.uint8]) -> None:
        index(path, np.where(mask == 2, IGNORE, mask).astype(np.uint8))

    dataset = read_segmentation(write(tmp_path, ignoring))
    assert (read_mask(dataset, 0).classes == np.where(truth(0) == 2, IGNORE, truth(0))).all()
    assert dataset.pixels[:, -1].tolist() == [(truth(seed) == 2).sum() for seed in range(3)]
    # of 12 + 16 + 20 blocks, 17 are of class 0, 16 of class 1 and 15 ignored
    (note,) = dataset.notes
    assert note.startswith(
        "3 masks, each value is the number of a class: 0 (52 % of the pixels), 1 (48 %); 255 is ignored"
    )
    assert note.endswith("ignored (31 % of all pixels).")


def test_a_mask_of_another_size_is_named(tmp_path: Path) -> None:
    write(tmp_path, index)
    save(tmp_path / "masks" / "1.png", truth(1)[:-1])
    with pytest.raises(DataError, match=r"masks/1.png is 24 x 19 pixels, but its picture images/1.png is 24 x 20"):
        read_segmentation(tmp_path)


def test_an_unknown_value_is_named(tmp_path: Path) -> None:
    write(tmp_path, levels)
    odd = truth(2) * 127
    odd[3, 4] = 9
    save(tmp_path / "masks" / "2.bmp", odd.astype(np.uint8))
    options = MaskOptions(values=(0, 127, 254))
    with pytest.raises(DataError, match=r"masks/2.bmp holds 9 in 1 pixel, .*; expected 0, 127, 254"):
        read_segmentation(tmp_path, options)
    nearest = read_segmentation(tmp_path, MaskOptions(values=(0, 127, 254), nearest=True))
    assert read_mask(nearest, 2).classes[3, 4] == 0


def test_other_pictures_are_read_with_the_meaning_learned_from(tmp_path: Path) -> None:
    learned = read_segmentation(write(tmp_path / "train", colors)).meaning
    one = tmp_path / "test"
    save(one / "images" / "a.png", np.zeros((5, 6), np.uint8))
    save(one / "masks" / "a.png", np.full((5, 6, 3), TABLE[1]))  # a single class: alone, it could not be understood
    assert (read_mask(read_segmentation(one, meaning=learned), 0).classes == 2).all()
    save(one / "masks" / "a.png", np.full((5, 6, 3), (1, 2, 3), np.uint8))
    with pytest.raises(DataError, match="holds #010203 in 30 pixels, which stands for no class"):
        read_segmentation(one, meaning=learned)
    with pytest.raises(DataError, match="holds several masks a picture, unlike the data learned from"):
        read_segmentation(write(tmp_path / "other", class_files), meaning=learned)


def test_some_rows_are_a_data_set(tmp_path: Path) -> None:
    dataset = read_segmentation(write(tmp_path, index)).take(np.array([2, 0]))
    assert dataset.keys == ("images/2.png", "images/0.png")
    np.testing.assert_array_equal(read_mask(dataset, 0).classes, truth(2))
    assert read_sample_picture(dataset, 1, 1).shape == (*truth(0).shape, 1)


def test_options_that_do_not_fit_the_files_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "one", index)
    write(tmp_path / "several", class_files)
    with pytest.raises(OptionError, match="kind is class_files, but each picture has one mask"):
        read_segmentation(tmp_path / "one", MaskOptions(kind="class_files"))
    with pytest.raises(OptionError, match="kind is index, but each picture has several masks"):
        read_segmentation(tmp_path / "several", MaskOptions(kind="index"))
    with pytest.raises(OptionError, match="expected the background first and then the classes of the files, such as"):
        read_segmentation(tmp_path / "several", MaskOptions(classes=("ground", "artery", "vein")))
    named = read_segmentation(tmp_path / "several", MaskOptions(classes=("ground", "vein", "nerve")))
    np.testing.assert_array_equal(read_mask(named, 0).classes, np.array([0, 2, 1])[truth(0)])


def test_a_class_file_with_smeared_edges_is_named(tmp_path: Path) -> None:
    write(tmp_path, class_files)
    smeared = np.zeros(truth(1).shape, np.uint8)
    smeared[3:5] = 200
    smeared[5] = 90
    save(tmp_path / "masks" / "vein" / "1.png", smeared)
    with pytest.raises(DataError, match=r"masks/vein/1.png holds 3 different values; expected 0 and one more"):
        read_segmentation(tmp_path)


def shared(name: str, options: MaskOptions) -> SegmentationDataset:
    return read_segmentation(SHARED / name, options)


@pytest.mark.slow  # 670 pictures
@pytest.mark.skipif(not (SHARED / "dsb2018_96").exists(), reason="the folder ../shared with the nuclei is not there")
def test_the_nuclei_with_smeared_edges_are_refused_and_with_the_nearest_value_14_percent(tmp_path: Path) -> None:
    with ZipFile(SHARED / "dsb2018_96" / "masks.zip") as archive:
        archive.extractall(tmp_path / "masks")
    for path in (tmp_path / "masks").iterdir():
        save(tmp_path / "images" / path.name, np.zeros((96, 96), np.uint8))
    with pytest.raises(DataError, match="as resizing with interpolation leaves at edges"):
        read_segmentation(tmp_path)
    dataset = read_segmentation(tmp_path, MaskOptions(nearest=True))
    assert dataset.meaning.values == (0, 255)
    assert dataset.class_pixels().shares[1] == pytest.approx(0.138, abs=0.0005)  # as the folder's README states


@pytest.mark.skipif(
    not (SHARED / "isbi2012_membrane").exists(), reason="the folder ../shared with the ISBI membranes is not there"
)
def test_the_isbi_membranes_are_22_percent_of_30_pictures() -> None:
    dataset = shared("isbi2012_membrane", MaskOptions(classes=("membrane", "cell")))
    assert len(dataset) == 30
    assert set(dataset.sizes) == {(512, 512)}
    assert dataset.meaning.values == (0, 255)
    assert dataset.class_pixels().shares[0] == pytest.approx(0.22, abs=0.005)  # as the folder's README states
