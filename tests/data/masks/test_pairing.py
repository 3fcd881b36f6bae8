from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from percept.data.masks.pairing import pair_masks
from percept.errors import DataError


def write(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((3, 4), np.uint8)).save(root / name)
    return root


def paired(root: Path) -> dict[str, list[tuple[str, str]]]:
    pairs = pair_masks(root).pairs
    return {pair.key: [(mask.path.relative_to(root).as_posix(), mask.name) for mask in pair.masks] for pair in pairs}


@pytest.mark.parametrize(
    ("picture", "mask"),
    [
        ("images/07.png", "masks/07.png"),
        ("images/a/07.jpg", "masks/a/07.png"),
        ("images/img_07.jpg", "masks/mask_07.png"),
        ("images/07.jpg", "masks/07_mask.gif"),
        ("train/x_07.jpg", "train_masks/x_07_mask.png"),
        ("cell 7.png", "cell 7_mask.png"),
        ("p1/7.png", "p1/7_mask.png"),
        ("test/images/07.png", "test/masks/07.png"),
    ],
)
def test_a_mask_finds_its_picture_by_name(tmp_path: Path, picture: str, mask: str) -> None:
    others = picture.replace("7", "8"), mask.replace("7", "8")
    assert paired(write(tmp_path, picture, mask, *others))[picture] == [(mask, "")]


def test_every_picture_has_its_part(tmp_path: Path) -> None:
    write(tmp_path, "train/images/1.png", "train/masks/1.png", "val/images/1.png", "val/masks/1.png")
    assert [(pair.key, pair.part) for pair in pair_masks(tmp_path).pairs] == [
        ("train/images/1.png", "train"),
        ("val/images/1.png", "validation"),
    ]


@pytest.mark.parametrize(
    "names",
    [
        ("masks/vein/1.png", "masks/nerve/1.png", "masks/vein/2.png"),
        ("masks/1_vein.png", "masks/1_nerve.png", "masks/2_vein.png"),
        ("masks/1/vein.png", "masks/1/nerve.png", "masks/2/vein.png"),
    ],
)
def test_files_that_repeat_a_name_are_classes(tmp_path: Path, names: tuple[str, ...]) -> None:
    write(tmp_path, "images/1.png", "images/2.png", *names)
    assert pair_masks(tmp_path).filing == "classes"
    found = paired(tmp_path)
    assert sorted(found["images/1.png"]) == sorted(zip(names[:2], ("vein", "nerve"), strict=True))
    assert found["images/2.png"] == [(names[2], "vein")]


@pytest.mark.parametrize(
    "names",
    [
        ("masks/1_0.png", "masks/1_1.png", "masks/2_0.png"),
        ("masks/1/0.png", "masks/1/1.png", "masks/2/0.png"),
        ("masks/1/f3a.png", "masks/1/9bc.png", "masks/2/77e.png"),
        ("masks/1_mask_01.png", "masks/1_mask_02.png", "masks/2_mask_01.png"),
    ],
)
def test_numbered_files_and_names_that_never_repeat_are_objects(tmp_path: Path, names: tuple[str, ...]) -> None:
    write(tmp_path, "images/1.png", "images/2.png", *names)
    assert pair_masks(tmp_path).filing == "objects"
    assert [len(masks) for masks in paired(tmp_path).values()] == [2, 1]


def test_a_folder_for_each_picture_holds_its_objects_or_none(tmp_path: Path) -> None:
    write(tmp_path, "a/images/a.png", "a/masks/x.png", "a/masks/y.png", "b/images/b.png", "b/masks/z.png")
    write(tmp_path, "c/images/c.png")
    (tmp_path / "c" / "masks").mkdir()
    pairing = pair_masks(tmp_path)
    assert pairing.filing == "objects"
    assert [len(pair.masks) for pair in pairing.pairs] == [2, 1, 0]


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        ("images/3.png", "images/3.png has no mask; expected a file of the same name in masks"),
        ("masks/3.png", "masks/3.png has no picture; expected a file of the same name in images"),
    ],
)
def test_a_file_without_partner_is_named_or_left_out(tmp_path: Path, extra: str, sentence: str) -> None:
    write(tmp_path, "images/1.png", "masks/1.png", extra)
    with pytest.raises(DataError, match=sentence):
        pair_masks(tmp_path)
    pairing = pair_masks(tmp_path, "leave_out")
    assert [pair.key for pair in pairing.pairs] == ["images/1.png"]
    assert pairing.notes == (f"1 file without a partner is left out: {extra}.",)


def test_siblings_without_partner_are_named(tmp_path: Path) -> None:
    write(tmp_path, "1.png", "1_mask.png", "2.png")
    with pytest.raises(DataError, match=r"2.png has no mask; expected a file of the same name beside it"):
        pair_masks(tmp_path)


def test_pictures_of_several_folders_of_siblings_are_grouped(tmp_path: Path) -> None:
    write(tmp_path, "p1/1.png", "p1/1_mask.png", "p2/1.png", "p2/1_mask.png")
    pairing = pair_masks(tmp_path)
    assert pairing.grouped
    assert [pair.group for pair in pairing.pairs] == ["p1", "p2"]


def test_two_masks_of_one_name_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "images/1.png", "masks/1.png", "masks/1.tif", "images/2.png", "masks/2.png")
    with pytest.raises(DataError, match=r"images/1.png has the masks 1.png and 1.tif; expected one"):
        pair_masks(tmp_path)


def test_a_folder_without_masks_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no pictures with masks; expected folders images and masks"):
        pair_masks(write(tmp_path, "rose/1.png"))


def test_hidden_files_are_no_pictures(tmp_path: Path) -> None:
    write(tmp_path, "images/1.png", "images/.2.png", "masks/1.png")
    assert list(paired(tmp_path)) == ["images/1.png"]


def test_a_test_part_without_masks_is_left_out_and_said(tmp_path: Path) -> None:
    write(tmp_path / "a", "train/images/1.png", "train/masks/1.png", "test/images/2.png", "test/images/3.png")
    write(tmp_path / "b", "train-volume.tif", "train-labels.tif", "test-volume.tif")
    assert pair_masks(tmp_path / "a").notes == ("2 pictures without masks are left out, such as test/images/2.png.",)
    assert pair_masks(tmp_path / "b").notes == ("1 picture without mask is left out, such as test-volume.tif.",)
