"""What a path or name stands for, and what is told of the parts that the user gave."""

import os
from pathlib import Path

import pytest

from percept.data.source import read_source
from percept.errors import DataError


def _lay(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_a_test_folder_of_the_users_replaces_the_datas_own_and_a_note_says_so(tmp_path: Path) -> None:
    data = _lay(tmp_path / "data", *(f"{part}/{name}/1.png" for part in ("train", "test") for name in "ab"))
    other = _lay(tmp_path / "other", "a/1.png", "b/1.png")
    dataset = read_source(str(data), test=other)
    parts = dict(zip(dataset.keys, dataset.given.tolist(), strict=True))
    assert parts["test/a/1.png"] == ""
    assert parts["other/a/1.png"] == "test"
    assert "data's own test part joins the rest" in dataset.notes[-1]


def test_a_folder_whose_name_is_no_proper_text_is_refused_before_any_work(tmp_path: Path) -> None:
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    try:
        root.mkdir()
    except OSError:
        pytest.skip("this file system takes no such names")
    with pytest.raises(DataError, match="no proper text"):
        read_source(str(_lay(root, "a/1.png", "b/1.png")))
