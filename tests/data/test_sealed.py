"""The sealed samples are known by their content: what has changed, gone or been relabelled is named."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from percept.data.arrays import arrays_dataset
from percept.data.dataset import Dataset, Table, Target
from percept.data.folders import read_folder
from percept.data.sealed import check_sealed, sealed_content
from percept.data.split_file import write_splits
from percept.data.splits import Split
from percept.errors import DataError

PARTS = np.array(["train", "test", "validation", "test"])


def _folder(root: Path) -> Path:
    for number, name in enumerate(("a/0", "a/1", "b/0", "b/1")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (number, 0, 0)).save(root / f"{name}.png")
    return root


def _seal(path: Path, dataset: Dataset) -> None:
    split = Split(PARTS, np.full(4, "", dtype="<U1"))
    write_splits(path, dataset.keys, split, dataset.target, sealed_content(dataset, PARTS))


def test_a_test_picture_with_other_content_is_named_and_a_training_picture_is_not(tmp_path: Path) -> None:
    root, splits = _folder(tmp_path / "data"), tmp_path / "splits.csv"
    _seal(splits, read_folder(root))
    check_sealed(splits, read_folder(root))
    Image.new("RGB", (4, 4), "white").save(root / "a/0.png")  # training
    check_sealed(splits, read_folder(root))
    Image.new("RGB", (4, 4), "white").save(root / "a/1.png")  # sealed
    with pytest.raises(DataError, match=r"^a/1\.png, one of the 2 sealed test samples, has changed"):
        check_sealed(splits, read_folder(root))


def test_a_test_picture_that_is_gone_or_no_picture_any_more_is_named(tmp_path: Path) -> None:
    root, splits = _folder(tmp_path / "data"), tmp_path / "splits.csv"
    _seal(splits, read_folder(root))
    (root / "b/1.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"^b/1\.png, .* has changed"):
        check_sealed(splits, read_folder(root))
    (root / "b/1.png").unlink()
    with pytest.raises(DataError, match=r"^b/1\.png, .* has gone"):
        check_sealed(splits, read_folder(root))


def test_an_array_with_other_pictures_or_other_labels_is_noticed(tmp_path: Path) -> None:
    images, labels = np.arange(64, dtype=np.uint8).reshape(4, 4, 4), np.array([0, 0, 1, 1])
    splits = tmp_path / "splits.csv"
    _seal(splits, arrays_dataset(images, labels))
    check_sealed(splits, arrays_dataset(images.copy(), labels.copy()))
    with pytest.raises(DataError, match=r"^1, .* has changed .*, and so with 1 more of them"):
        check_sealed(splits, arrays_dataset(images[::-1], labels))
    with pytest.raises(DataError, match=r"^1, .* has been given another target"):
        check_sealed(splits, arrays_dataset(images, 1 - labels))


def test_a_table_with_another_cell_or_figure_in_a_test_row_is_noticed(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.0, np.nan, 3.0, 0.1], "c": ["u", None, "v", "w"]})
    target = Target("regression", np.array([0.1, 1 / 3, -2e-300, 7.0]))
    dataset = Dataset("t", Table(frame), target, ("0", "1", "2", "3"), np.full(4, "", dtype="<U1"))
    splits = tmp_path / "splits.csv"
    _seal(splits, dataset)
    check_sealed(splits, dataset)
    with pytest.raises(DataError, match=r"^3, .* has changed"):
        check_sealed(splits, replace(dataset, samples=Table(frame.assign(x=[1.0, np.nan, 3.0, 0.2]))))
    with pytest.raises(DataError, match=r"^1, .* another target"):
        check_sealed(splits, replace(dataset, target=Target("regression", np.array([0.1, 0.3, -2e-300, 7.0]))))


def test_a_split_from_before_the_content_was_kept_seals_names_and_targets_only(tmp_path: Path) -> None:
    root, splits = _folder(tmp_path / "data"), tmp_path / "splits.csv"
    splits.write_text(
        "sample,part,target,reason\na/0.png,train,a,\na/1.png,test,a,\nb/0.png,train,b,\nb/1.png,test,b,\n"
    )
    Image.new("RGB", (4, 4), "white").save(root / "a/1.png")
    check_sealed(splits, read_folder(root))
    (root / "a/1.png").unlink()
    with pytest.raises(DataError, match=r"^a/1\.png, .* has gone"):
        check_sealed(splits, read_folder(root))
