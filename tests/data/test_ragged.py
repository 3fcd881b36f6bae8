from pathlib import Path

import numpy as np
import pytest

from percept.data.ragged import keep
from percept.errors import WriteError

ARRAYS = [np.random.default_rng(seed).integers(0, 256, (2 + seed, 5, 3), np.uint8) for seed in range(4)]
SHAPES = [array.shape for array in ARRAYS]


@pytest.mark.parametrize("memory", [0, 2**31])
def test_arrays_come_back_as_they_went_in(tmp_path: Path, memory: int) -> None:
    kept = keep(iter(ARRAYS), SHAPES, np.uint8, memory=memory, folder=tmp_path)
    assert isinstance(kept.flat, np.memmap) == (memory == 0)
    assert len(kept) == 4
    for found, array in zip(kept, ARRAYS, strict=True):
        np.testing.assert_array_equal(found, array)
    np.testing.assert_array_equal(kept[-1], ARRAYS[-1])
    assert [array.shape for array in kept[1:3]] == SHAPES[1:3]
    with pytest.raises(IndexError):
        kept[4]


def test_items_are_views() -> None:
    kept = keep(ARRAYS, SHAPES, np.uint8)
    assert np.shares_memory(kept[1], kept.flat)


def test_more_or_fewer_arrays_than_shapes_are_refused() -> None:
    for wrong in (ARRAYS[:3], [*ARRAYS, ARRAYS[0]]):
        with pytest.raises(ValueError, match="zip"):
            keep(wrong, SHAPES, np.uint8)


def test_no_arrays_are_an_empty_sequence(tmp_path: Path) -> None:
    assert list(keep([], [], np.uint8, memory=0, folder=tmp_path)) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match=r"cannot be written to .*file"):
        keep(ARRAYS, SHAPES, np.uint8, memory=0, folder=tmp_path / "file")
