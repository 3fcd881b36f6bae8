from pathlib import Path

import pytest

from percept.data.masks.layouts import find_places, is_segmentation_folder


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("images/1.png", "masks/1.png"), [("images", "masks", "")]),
        (("image/1.png", "label/1.png", "README.txt"), [("image", "label", "")]),
        (
            ("train/images/1.png", "train/masks/1.png", "test/images/2.png", "test/masks/2.png"),
            [("test/images", "test/masks", "test"), ("train/images", "train/masks", "train")],
        ),
        (
            ("images/train/1.png", "images/val/1.png", "masks/train/1.png", "masks/val/1.png"),
            [("images/train", "masks/train", "train"), ("images/val", "masks/val", "validation")],
        ),
        (("train/1.jpg", "train_masks/1_mask.gif", "test/2.jpg"), [("train", "train_masks", "train")]),
        (("train_images/1.jpg", "train_masks/1.png"), [("train_images", "train_masks", "train")]),
        (("1.png", "1_mask.png", "2.png", "2_mask.png"), [("", "", "")]),
        (("train/1.png", "train/1_mask.png"), [("train", "train", "train")]),
        (("train-volume.tif", "train-labels.tif", "test-volume.tif"), [("", "", "")]),
        (("patient1/1.tif", "patient1/1_mask.tif", "patient2/1.tif", "patient2/1_mask.tif"), [("", "", "")]),
        (
            ("stage1_train/ab/images/ab.png", "stage1_train/ab/masks/c.png", "stage1_train/ab/masks/d.png"),
            [("stage1_train/ab/images", "stage1_train/ab/masks", "train")],
        ),
    ],
)
def test_common_layouts_are_found(tmp_path: Path, names: tuple[str, ...], expected: list[tuple[str, ...]]) -> None:
    touch(tmp_path, *names)

    def below(folder: Path) -> str:
        return "" if folder == tmp_path else folder.relative_to(tmp_path).as_posix()

    found = [(below(place.pictures), below(place.masks), place.part) for place in find_places(tmp_path)]
    assert sorted(found) == expected
    assert is_segmentation_folder(tmp_path)


@pytest.mark.parametrize(
    "names",
    [
        ("rose/1.jpg", "tulip/1.jpg"),
        ("train/rose/1.jpg", "train/tulip/1.jpg", "test/rose/2.jpg"),
        ("with_mask/with_mask_1.jpg", "without_mask/without_mask_1.jpg"),
        ("with_mask/1.jpg", "without_mask/1.jpg"),
        ("images/1.png", "images/2.png"),
        ("masks/1.png",),
        ("notes.txt",),
    ],
)
def test_folders_of_classes_are_not_taken_for_masks(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert not is_segmentation_folder(touch(tmp_path, *names))


def test_what_is_no_folder_is_no_segmentation_folder(tmp_path: Path) -> None:
    assert not is_segmentation_folder(tmp_path / "nothing")
