"""A data set kept in a run comes back as it was."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from percept.data.dataset import Dataset, PictureArray, Table, Target
from percept.data.snapshot import load_dataset, save_dataset
from percept.errors import DataError


def _dataset(samples: PictureArray | Table) -> Dataset:
    target = Target("classification", np.array([0, 1, 0]), ("no", "yes"), "ill")
    return Dataset("arrays", samples, target, ("0", "1", "2"), np.array(["", "", "test"]), np.array([5, 5, 6]))


def test_pictures_come_back_bit_for_bit(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)
    save_dataset(tmp_path / "data.npz", _dataset(PictureArray(pixels)))
    back = load_dataset(tmp_path / "data.npz")
    assert isinstance(back.samples, PictureArray)
    np.testing.assert_array_equal(back.samples.pixels, pixels)
    np.testing.assert_array_equal(back.given, ["", "", "test"])
    assert back.target.classes == ("no", "yes")
    assert back.groups is not None
    assert back.groups.tolist() == [5, 5, 6]


def test_a_table_comes_back_with_its_missing_cells_and_empty_texts_apart(tmp_path: Path) -> None:
    frame = pd.DataFrame({"height": [1.5, np.nan, 3.0], "town": pd.Series(["Bari", None, ""], dtype=object)})
    save_dataset(tmp_path / "data.npz", _dataset(Table(frame)))
    back = load_dataset(tmp_path / "data.npz")
    assert isinstance(back.samples, Table)
    pd.testing.assert_series_equal(back.samples.frame["height"], frame["height"])
    assert back.samples.frame["town"].isna().tolist() == [False, True, False]
    assert back.samples.frame["town"].tolist()[::2] == ["Bari", ""]


def test_a_damaged_file_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(DataError, match=r"data\.npz cannot be read"):
        load_dataset(path)
