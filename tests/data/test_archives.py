import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from percept.data.archives import is_idx_folder, read_idx, read_idx_folder, read_npz
from percept.data.dataset import PictureArray
from percept.errors import DataError

FASHION = Path(__file__).parents[2].parent / "shared/data/fashion_mnist"
CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def idx(array: NDArray[np.generic]) -> bytes:
    """Return an array as an IDX file, by the format's own description."""
    start = struct.pack(">HBB", 0, CODES[array.dtype.str[1:]], array.ndim)
    return start + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(array.dtype.newbyteorder(">")).tobytes()


def lay(folder: Path, prefix: str = "", test: str = "t10k", ending: str = "-idx{}-ubyte") -> None:
    """Put a small MNIST into a folder: 6 training pictures and 3 of the test part."""
    folder.mkdir(exist_ok=True)
    for part, count in (("train", 6), (test, 3)):
        for what, array in (
            ("images", np.full((count, 4, 5), count, np.uint8)),
            ("labels", np.arange(count, dtype=np.uint8) % 3),
        ):
            name = f"{prefix}{part}-{what}{ending.format(array.ndim)}"
            data = idx(array)
            (folder / name).write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(CODES)).flatmap(lambda code: hnp.arrays(code, hnp.array_shapes(max_dims=4, max_side=4))))
def test_an_array_of_any_type_comes_back_from_idx(tmp_path: Path, array: NDArray[np.generic]) -> None:
    for data in (idx(array), gzip.compress(idx(array))):
        (tmp_path / "x").write_bytes(data)
        back = read_idx(tmp_path / "x")
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is no IDX file"),
        (b"PK\x03\x04rest", "is no IDX file: it starts with b'PK"),
        (b"\0\0\x08\0", "is no IDX file"),
        (b"\0\0\x07\x01", "is no IDX file"),
        (idx(np.zeros(9, np.uint8))[:-2], "is truncated: 7 of 9 bytes; fetch or copy it again"),
        (idx(np.zeros((3, 3), np.uint8))[:7], "is truncated"),
        (b"\0\0\x0e\x03" + b"\xff" * 12 + b"few", "is truncated: 3 of"),  # claims more than any memory
        (idx(np.zeros(9, np.uint8)) + b"more", "is longer than the 9 bytes"),
        (gzip.compress(idx(np.zeros(9, np.uint8)), mtime=0)[:-9], "cannot be read"),
        (gzip.compress(idx(np.zeros(9, np.uint8)), mtime=0)[:-8] + bytes(8), r"cannot be read \(CRC check failed"),
    ],
)
def test_broken_idx_files_are_errors(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(DataError, match=message):
        read_idx(tmp_path / "x")


def test_a_missing_idx_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none cannot be read \(No such file"):
        read_idx(tmp_path / "none")


@pytest.mark.parametrize("test", ["t10k", "test"])
@pytest.mark.parametrize("ending", ["-idx{}-ubyte", "-idx{}-ubyte.gz", ".idx{}-ubyte"])
@pytest.mark.parametrize("prefix", ["", "emnist-letters-"])
def test_a_folder_or_any_file_of_it_is_the_data_set(tmp_path: Path, test: str, ending: str, prefix: str) -> None:
    lay(tmp_path / "mnist", prefix, test, ending)
    for path in (tmp_path / "mnist", *(tmp_path / "mnist").iterdir()):
        assert is_idx_folder(path)
        dataset = read_idx_folder(path)
        assert isinstance(dataset.samples, PictureArray)
        assert dataset.samples.pixels.shape == (9, 4, 5, 1)
        assert dataset.samples.pixels[:, 0, 0, 0].tolist() == [6] * 6 + [3] * 3
        assert dataset.target.values.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2]
        assert dataset.given.tolist() == [""] * 6 + ["test"] * 3
        assert dataset.name == (prefix.strip("-") or "mnist")


def test_a_folder_with_unpacked_and_packed_files_reads_them_once(tmp_path: Path) -> None:
    lay(tmp_path)
    lay(tmp_path, ending="-idx{}-ubyte.gz")
    assert len(read_idx_folder(tmp_path)) == 9


def test_without_a_test_part_all_is_left_open(tmp_path: Path) -> None:
    lay(tmp_path)
    for path in tmp_path.glob("t10k*"):
        path.unlink()
    assert read_idx_folder(tmp_path).given.tolist() == [""] * 6


def test_one_file_chooses_among_several_sets(tmp_path: Path) -> None:
    lay(tmp_path, "emnist-letters-")
    lay(tmp_path, "emnist-digits-")
    with pytest.raises(DataError, match="holds several sets; give one file of that you mean: emnist-digits-train-im"):
        read_idx_folder(tmp_path)
    chosen = read_idx_folder(tmp_path / "emnist-letters-train-labels-idx1-ubyte")
    assert chosen.name == "emnist-letters"


def test_a_missing_file_of_the_four_is_named(tmp_path: Path) -> None:
    lay(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="has no file test-labels-idx"):
        read_idx_folder(tmp_path)


def test_other_folders_and_files_are_no_idx_folder(tmp_path: Path) -> None:
    lay(tmp_path)
    (tmp_path / "data.csv").touch()
    (tmp_path / "empty").mkdir()
    assert not is_idx_folder(tmp_path / "data.csv")
    assert not is_idx_folder(tmp_path / "empty")
    assert not is_idx_folder(tmp_path / "none")


@pytest.mark.skipif(not FASHION.is_dir(), reason="the Fashion-MNIST files are not beside this repository")
def test_fashion_mnist_has_the_test_part_its_makers_state() -> None:
    labels = read_idx(FASHION / "t10k-labels-idx1-ubyte.gz")
    assert np.bincount(labels.astype(np.int64)).tolist() == [1000] * 10
    assert read_idx(FASHION / "t10k-images-idx3-ubyte.gz").shape == (10_000, 28, 28)


def test_an_npz_is_read_with_its_test_part(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 3, 4, 3), np.uint8)
    np.savez_compressed(
        tmp_path / "x.npz", images=images[:4], labels=["a", "b", "a", "b"], test_images=images[4:], test_labels=["b"]
    )
    dataset = read_npz(tmp_path / "x.npz")
    assert isinstance(dataset.samples, PictureArray)
    np.testing.assert_array_equal(dataset.samples.pixels, images)
    assert dataset.given.tolist() == ["", "", "", "", "test"]
    assert dataset.name == "x"


def test_broken_and_foreign_npz_files_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, x=np.zeros(3), labels=[1, 2])
    with pytest.raises(DataError, match=r"has no array images \(found x, labels\); expected images, labels"):
        read_npz(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=r"cannot be read as \.npz"):
        read_npz(path)
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError, match=r"cannot be read as \.npz"):
        read_npz(path)
    with pytest.raises(DataError, match=r"none\.npz cannot be read as"):
        read_npz(tmp_path / "none.npz")


def test_python_objects_in_an_npz_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=np.zeros((2, 2, 2)), labels=np.array([{}, "a"], object))
    with pytest.raises(DataError, match=r"cannot be read as \.npz"):
        read_npz(tmp_path / "x.npz")
