import os
from pathlib import Path

import numpy as np
import pytest

from percept.data.dataset import PictureFiles
from percept.data.folders import pictures_below, read_folder
from percept.errors import DataError


def lay(root: Path, *names: str) -> Path:
    """Put an empty file under each name: reading a folder opens none."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_each_folder_is_a_class_and_each_key_a_path_below_the_root(tmp_path: Path) -> None:
    root = lay(tmp_path / "flowers", "rose/b.jpg", "rose/a.PNG", "daisy/deep/er/x.tif")
    dataset = read_folder(root)
    assert dataset.name == "flowers"
    assert dataset.kind == "image"
    assert dataset.target.classes == ("daisy", "rose")
    assert dataset.target.values.tolist() == [0, 1, 1]
    assert dataset.keys == ("daisy/deep/er/x.tif", "rose/a.PNG", "rose/b.jpg")
    assert dataset.samples == PictureFiles(tuple(root / key for key in dataset.keys))
    assert dataset.given.tolist() == ["", "", ""]
    assert dataset.notes == ()


def test_classes_stand_in_natural_order(tmp_path: Path) -> None:
    root = lay(tmp_path, "10/a.jpg", "9/a.jpg", "2/a.jpg")
    assert read_folder(root).target.classes == ("2", "9", "10")


@pytest.mark.parametrize(
    "names", [("train", "val", "test"), ("Train", "VALID", "Test"), ("TRAIN", "validation", "test")]
)
def test_part_folders_are_kept_as_parts(tmp_path: Path, names: tuple[str, str, str]) -> None:
    lay(tmp_path, *(f"{part}/{name}/{part}.jpg" for part in names for name in ("a", "b")))
    dataset = read_folder(tmp_path)
    expected = dict(zip(names, ("train", "validation", "test"), strict=True))
    assert dataset.target.classes == ("a", "b")
    assert dataset.given.tolist() == [expected[key.split("/")[0]] for key in dataset.keys]
    assert set(dataset.given.tolist()) == {"train", "validation", "test"}
    assert "are taken as the parts" in dataset.notes[0]


def test_a_train_folder_alone_is_a_part(tmp_path: Path) -> None:
    dataset = read_folder(lay(tmp_path, "train/a/1.jpg", "train/b/1.jpg"))
    assert dataset.given.tolist() == ["train", "train"]


def test_a_class_may_be_called_train_or_test(tmp_path: Path) -> None:
    assert read_folder(lay(tmp_path / "a", "train/1.jpg", "car/1.jpg")).target.classes == ("car", "train")
    assert read_folder(lay(tmp_path / "b", "train/1.jpg", "test/1.jpg")).target.classes == ("test", "train")
    assert read_folder(lay(tmp_path / "c", "train/steam/1.jpg", "car/1.jpg")).target.classes == ("car", "train")


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    root = lay(
        *(tmp_path, "a/1.jpg", "b/1.jpg", "a/notes.txt", "a/more.txt", "a/raw.heic", "a/.hidden.jpg", "b/Thumbs.db"),
        *("LICENSE", "loose.jpg", ".git/x.jpg", "empty/readme.txt"),
    )
    (root / "nothing").mkdir()
    dataset = read_folder(root)
    assert dataset.keys == ("a/1.jpg", "b/1.jpg")
    assert dataset.notes == (
        "Folders without a picture are left out: empty, nothing.",
        "Pictures in no class folder are left out: 1.",
        "Files that are not pictures percept reads are left out: 8 (1 .heic, 3 .txt, 3 hidden, 1 without ending).",
    )


def test_folders_beside_the_parts_and_missing_classes_are_noted(tmp_path: Path) -> None:
    root = lay(tmp_path, "train/a/1.jpg", "train/b/1.jpg", "val/a/2.jpg", "extra/c/1.jpg", "val/loose.jpg")
    notes = read_folder(root).notes
    assert "Beside them, extra is left out." in notes
    assert "The validation part holds no picture of b." in notes
    assert "Pictures in no class folder are left out: 1." in notes


def test_the_order_does_not_depend_on_the_order_of_writing(tmp_path: Path) -> None:
    names = [f"{label}/{number}.jpg" for label in "ab" for number in range(9)]
    first, second = lay(tmp_path / "x", *names), lay(tmp_path / "y", *reversed(names))
    assert read_folder(first).keys == read_folder(second).keys


def test_links_are_followed_but_never_in_a_circle(tmp_path: Path) -> None:
    root = lay(tmp_path / "data", "a/1.jpg", "b/1.jpg")
    lay(tmp_path / "elsewhere", "2.jpg")
    try:
        (root / "a/linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
        (root / "a/circle").symlink_to(root / "a", target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no links")
    assert read_folder(root).keys == ("a/1.jpg", "a/linked/2.jpg", "b/1.jpg")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "holds no pictures; expected one folder of pictures per class"),
        (("a/readme.txt", "b/readme.txt"), "holds no pictures; expected one folder"),
        (("1.jpg", "2.jpg"), "holds 2 pictures but no class folders; expected one folder"),
        (("a/1.jpg",), "holds a single class, a; .* at least two$"),
        (("all/a/1.jpg", "all/b/1.jpg"), r"holds a single class, all; .* \(did you mean .*/all\?\)"),
        (("train/a/1.jpg", "train/b/1.jpg", "test/c/1.jpg"), "no train pictures of c, which its validation or test"),
        (("train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg", "valid/a/1.jpg"), "val and valid, which both mean the val"),
        (("val/a/1.jpg", "test/a/1.jpg"), "holds test and val but no train folder; add one"),
        (("train/a/1.jpg", "test/a/1.jpg"), "holds a single class, a"),
    ],
)
def test_folders_that_nothing_can_be_learned_from_are_errors(
    tmp_path: Path, names: tuple[str, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_folder(lay(tmp_path, *names))


def test_classes_that_differ_only_in_case_are_an_error(tmp_path: Path) -> None:
    root = lay(tmp_path, "Rose/1.jpg", "rose/2.jpg", "daisy/1.jpg")
    if len(list(root.iterdir())) == 2:
        pytest.skip("this system does not tell them apart")
    with pytest.raises(DataError, match="holds the classes Rose and rose, which differ only in case; rename one"):
        read_folder(root)


def test_a_file_or_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none is not a folder; give a folder"):
        read_folder(tmp_path / "none")


def test_class_numbers_are_whole_numbers_of_64_bits(tmp_path: Path) -> None:
    assert read_folder(lay(tmp_path, "a/1.jpg", "b/1.jpg")).target.values.dtype == np.int64


def test_names_that_are_no_proper_text_become_escapes_and_still_lead_to_the_file(tmp_path: Path) -> None:
    for name in (b"\xff/1.png", b"b/\xfe.png"):
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        try:
            path.parent.mkdir(exist_ok=True)
            path.touch()
        except OSError:
            pytest.skip("this file system takes no such names")
    dataset = read_folder(tmp_path)
    assert set(dataset.target.classes) == {"b", r"\xff"}
    assert set(dataset.keys) == {r"b/\xfe.png", r"\xff/1.png"}
    assert isinstance(dataset.samples, PictureFiles)
    assert all(path.is_file() for path in dataset.samples.paths)


def test_the_pictures_below_a_folder_are_files_that_the_user_put_there(tmp_path: Path) -> None:
    lay(tmp_path, "b.png", "a/c.JPG", "._b.png", ".hidden/x.png", "__MACOSX/y.png", "d.txt", "folder.png/e.gif")
    found = [path.relative_to(tmp_path).as_posix() for path in pictures_below(tmp_path)]
    assert found == ["a/c.JPG", "b.png", "folder.png/e.gif"]
