"""What splits.csv tells is read back as it was written, also from an older percept; other data are refused."""

import csv
from pathlib import Path

import numpy as np
import pytest

from percept.data.dataset import Target
from percept.data.split_file import read_splits, write_splits
from percept.data.splits import Split
from percept.errors import RunFolderError


def test_a_written_split_is_read_back_for_samples_in_any_order(tmp_path: Path) -> None:
    keys = ["a,b.png", 'q"uote.png', "line\nbreak.png", "città.png", "\udcff.png"]
    part = np.array(["train", "out", "validation", "test", "train"])
    split = Split(part, np.array(["", "copy of città.png", "", "", ""]))
    path = tmp_path / "splits.csv"
    write_splits(path, keys, split, Target("classification", np.array([0, 1, 0, 1, 0]), ("k0", "k1")))
    np.testing.assert_array_equal(read_splits(path, keys), part)
    np.testing.assert_array_equal(read_splits(path, keys[::-1]), part[::-1])
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[1] == {
        "sample": 'q"uote.png',
        "part": "out",
        "target": "k1",
        "reason": "copy of città.png",
        "content": "",
    }
    assert [entry.name for entry in tmp_path.iterdir()] == ["splits.csv"]


def test_a_split_of_other_samples_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "splits.csv"
    split = Split(np.array(["train", "test"]), np.array(["", ""]))
    write_splits(path, ["1", "2"], split, Target("regression", np.array([0.5, 1.5])))
    with pytest.raises(RunFolderError, match="1 gone or unreadable, such as 2;"):
        read_splits(path, ["1"])
    with pytest.raises(RunFolderError, match="1 new, such as 3;"):
        read_splits(path, ["1", "2", "3"])
    for content in (
        "",
        "sample,part,target,reason\n1\n",
        "a,b,c,d\n1,train,0.5,\n",
        "sample,part,target,reason\n1,x,,\n",
    ):
        path.write_text(content)
        with pytest.raises(RunFolderError, match=r"splits\.csv"):
            read_splits(path, ["1"])
    with pytest.raises(RunFolderError, match=r"gone\.csv cannot be read"):
        read_splits(tmp_path / "gone.csv", ["1"])


def test_a_split_of_four_columns_from_an_older_percept_is_read(tmp_path: Path) -> None:
    path = tmp_path / "splits.csv"
    path.write_text("sample,part,target,reason\na,train,k,\nb,test,k,\n")
    assert read_splits(path, ["b", "a"]).tolist() == ["test", "train"]
