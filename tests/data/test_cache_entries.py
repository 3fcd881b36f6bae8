import os
import shutil
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from percept.data.cache_entries import (
    STALE,
    CacheError,
    Entry,
    add_stamp,
    cache_folder,
    cache_limit,
    entries,
    open_array,
    pixel_file,
    prune,
    publish,
)
from percept.errors import OptionError

SHAPE = (2, 3, 4, 1)
ENTRY = Entry(SHAPE, ("aa", ""), ((1, "broken"),), ("stamp",))
PIXELS = np.arange(24, dtype=np.uint8).reshape(SHAPE)


def put(folder: Path, name: str, age: float = 0) -> None:
    """Make an entry that was last used `age` seconds ago."""
    with pixel_file(folder, SHAPE) as file:
        file.write(PIXELS.data)
        publish(folder, name, file, ENTRY)
    os.utime(folder / f"{name}.json", (time.time() - age,) * 2)


def test_an_entry_comes_back_as_it_was_put(tmp_path: Path) -> None:
    put(tmp_path / "new" / "folder", "p-1")
    assert dict(entries(tmp_path / "new" / "folder", "p")) == {"p-1": ENTRY}
    array = open_array(tmp_path / "new" / "folder", "p-1", SHAPE)
    assert array is not None
    np.testing.assert_array_equal(array, PIXELS)
    assert not array.flags.writeable
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == ["p-1.json", "p-1.pixels"]


def test_an_unpublished_entry_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), pixel_file(tmp_path, SHAPE) as file:
        file.write(b"some")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [0, 23, 25])
def test_pixels_of_wrong_size_are_as_good_as_none(tmp_path: Path, size: int) -> None:
    put(tmp_path, "p-1")
    (tmp_path / "p-1.pixels").write_bytes(bytes(size))
    assert open_array(tmp_path, "p-1", SHAPE) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"shape": 3}', "\udce4".encode("utf-8", "surrogateescape")])
def test_a_broken_index_is_as_good_as_none(tmp_path: Path, text: str | bytes) -> None:
    put(tmp_path, "p-1")
    (tmp_path / "p-1.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert dict(entries(tmp_path, "p")) == {}


def test_an_entry_may_replace_one_that_is_being_read(tmp_path: Path) -> None:
    put(tmp_path, "p-1")
    array = open_array(tmp_path, "p-1", SHAPE)
    put(tmp_path, "p-1")
    assert array is not None
    np.testing.assert_array_equal(array, PIXELS)


def test_a_stamp_is_remembered(tmp_path: Path) -> None:
    put(tmp_path, "p-1")
    add_stamp(tmp_path, "p-1", ENTRY, "second")
    add_stamp(tmp_path, "p-1", ENTRY, "")
    assert dict(entries(tmp_path, "p"))["p-1"].stamps == ("stamp", "second")


def test_the_entries_not_used_for_longest_go_first(tmp_path: Path) -> None:
    for age, name in ((30, "p-old"), (20, "p-middle"), (10, "p-new")):
        put(tmp_path, name, age)
    prune(tmp_path, limit=2 * 24)
    assert set(dict(entries(tmp_path, "p"))) == {"p-middle", "p-new"}
    put(tmp_path, "p-middle", 20)
    assert open_array(tmp_path, "p-middle", SHAPE) is not None  # used now, so newer than p-new
    prune(tmp_path, limit=24)
    assert set(dict(entries(tmp_path, "p"))) == {"p-middle"}
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".pixels"]


def test_a_new_entry_makes_its_own_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERCEPT_CACHE_LIMIT_GB", str(2 * 24 / 1e9))
    for age, name in ((30, "p-1"), (20, "p-2"), (10, "p-3")):
        put(tmp_path, name, age)
    assert set(dict(entries(tmp_path, "p"))) == {"p-2", "p-3"}


def test_what_killed_processes_left_goes_after_a_while(tmp_path: Path) -> None:
    for name in ("new.part", "old.part", "new.pixels", "old.pixels", "old.txt"):
        (tmp_path / name).touch()
        if name.startswith("old"):
            os.utime(tmp_path / name, (time.time() - 2 * STALE,) * 2)
    prune(tmp_path, limit=10**9)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.part", "new.pixels", "old.txt"]


def test_a_full_disk_is_noticed_before_anything_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage(NamedTuple):
        total: int = 10**9
        used: int = 10**9
        free: int = 10**6

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage())
    with pytest.raises(CacheError, match="MB are needed and 0 MB free"), pixel_file(tmp_path, SHAPE):
        pytest.fail("the block must not run")


def test_a_file_in_the_place_of_the_folder_is_a_cache_error(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(CacheError, match="taken"), pixel_file(tmp_path / "taken", SHAPE):
        pytest.fail("the block must not run")


def test_the_folder_is_the_chosen_one_or_the_environments_or_the_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERCEPT_CACHE", str(tmp_path / "named"))
    assert cache_folder(tmp_path) == tmp_path / "decoded-pictures"
    assert cache_folder() == tmp_path / "named" / "decoded-pictures"
    monkeypatch.delenv("PERCEPT_CACHE")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "system" / name)
    assert cache_folder() == tmp_path / "system" / "percept" / "decoded-pictures"


def test_the_limit_is_20_gigabytes_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PERCEPT_CACHE_LIMIT_GB", raising=False)
    assert cache_limit() == 20 * 10**9
    monkeypatch.setenv("PERCEPT_CACHE_LIMIT_GB", "0.5")
    assert cache_limit() == 5 * 10**8


@pytest.mark.parametrize("wrong", ["much", "-1", "nan", "inf"])
def test_a_limit_that_is_no_size_is_an_error(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("PERCEPT_CACHE_LIMIT_GB", wrong)
    with pytest.raises(OptionError, match=f"PERCEPT_CACHE_LIMIT_GB is '{wrong}'; expected gigabytes, such as 20"):
        cache_limit()
