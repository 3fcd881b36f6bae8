"""Pictures in archives: MNIST-style IDX files, and NumPy's .npz."""

import gzip
import re
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from percept.data.arrays import arrays_dataset as arrays_dataset
from percept.data.dataset import Dataset
from percept.errors import DataError

# The types that the third byte of an IDX file stands for; numbers are stored with the highest byte first.
_IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

# train-images-idx3-ubyte.gz, t10k-labels.idx1-ubyte, emnist-letters-test-images-idx3-ubyte, ...
_IDX_NAME = re.compile(
    r"(?P<set>.*?)(?P<part>train|t10k|test)-(?P<what>images|labels)[-.]idx\d.*", re.IGNORECASE | re.DOTALL
)

_PIECE = 1 << 24  # bytes read at a time

# What reading a broken gzip or zip file raises.
_BROKEN = (EOFError, OSError, ValueError, zlib.error, zipfile.BadZipFile)


def read_idx(path: Path) -> NDArray[np.generic]:
    """Return the array of an IDX file, the format of MNIST.

    Args:
        path: the file, packed by gzip or not, whatever its name.

    Returns:
        the array, in the shape and type that the file states, in this machine's byte order.

    Raises:
        DataError: the file is missing, truncated, too long, or no IDX file.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=file) as unpacked:
                    return _parse_idx(unpacked, path)
            return _parse_idx(file, path)
    except DataError:
        raise
    except (EOFError, OSError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path.as_posix()} cannot be read ({reason}); fetch or copy it again") from error


def _parse_idx(file: IO[bytes] | gzip.GzipFile, path: Path) -> NDArray[np.generic]:
    """Return the array of an opened, unpacked IDX file: two zeros, type, dimensions, their sizes, the values."""
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _IDX_TYPES or start[3] == 0:
        raise DataError(
            f"{path.as_posix()} is no IDX file: it starts with {start!r}, expected two zero bytes and a type"
        )
    dtype = np.dtype(_IDX_TYPES[start[2]])
    sizes = file.read(4 * start[3])
    shape = tuple(int(size) for size in np.frombuffer(sizes[: len(sizes) // 4 * 4], ">u4"))
    expected = dtype.itemsize
    for size in shape:
        expected *= size
    values = bytearray()
    # Piece by piece, so that a false size takes no memory.
    while piece := file.read(min(_PIECE, expected - len(values))):
        values += piece
    if len(shape) < start[3] or len(values) < expected:
        raise DataError(f"{path.as_posix()} is truncated: {len(values)} of {expected} bytes; fetch or copy it again")
    if file.read(1):
        raise DataError(f"{path.as_posix()} is longer than the {expected} bytes that its header states; fetch it again")
    return np.frombuffer(values, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def is_idx_folder(path: Path) -> bool:
    """Tell whether a path is a folder of MNIST-style IDX files with a training part, or one of these files."""
    folder = path if path.is_dir() else path.parent
    if path != folder and not (path.is_file() and _IDX_NAME.fullmatch(path.name)):
        return False
    return any(
        (match := _IDX_NAME.fullmatch(file.name)) and match["part"].lower() == "train" for file in _files(folder)
    )


def read_idx_folder(path: Path) -> Dataset:
    """Return the pictures of MNIST-style IDX files.

    Args:
        path: a folder with `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and, for the sealed test part,
            `t10k-` or `test-` in place of `train-`, each with or without `.gz`; or one of these files, which chooses
            one where the folder holds several sets (`emnist-letters-train-images...`).

    Raises:
        DataError: a file is missing or broken, or the folder holds several sets.
    """
    folder = path if path.is_dir() else path.parent
    sets = _idx_sets(folder)
    chosen = _IDX_NAME.fullmatch(path.name) if path != folder else None
    if chosen is None and len(sets) > 1:
        names = ", ".join(files["train-images"].name for files in sets.values() if "train-images" in files)
        raise DataError(f"{folder.as_posix()} holds several sets; give one file of that you mean: {names}")
    files = sets.get(chosen["set"].lower(), {}) if chosen else next(iter(sets.values()), {})
    pairs = [f"{part}-{what}" for part in ("train", "test") for what in ("images", "labels")]
    has_test = "test-images" in files or "test-labels" in files
    for pair in pairs if has_test else pairs[:2]:
        if pair not in files:
            raise DataError(f"{folder.as_posix()} has no file {pair}-idx (found {_names(files)}); add it")
    arrays = {pair: read_idx(file) for pair, file in files.items()}
    name = (chosen["set"] if chosen else next(iter(sets))).strip("-_. ") or folder.resolve().name
    return arrays_dataset(
        arrays["train-images"],
        arrays["train-labels"],
        arrays.get("test-images"),
        arrays.get("test-labels"),
        name=name,
    )


def _idx_sets(folder: Path) -> dict[str, dict[str, Path]]:
    """Return the IDX files of a folder as {set: {"train-images": path, ...}}; unpacked ones win over packed ones."""
    sets: dict[str, dict[str, Path]] = {}
    for file in _files(folder):
        if match := _IDX_NAME.fullmatch(file.name):
            part = "train" if match["part"].lower() == "train" else "test"
            sets.setdefault(match["set"].lower(), {}).setdefault(f"{part}-{match['what'].lower()}", file)
    return sets


def _files(folder: Path) -> list[Path]:
    """Return the files of a folder in order, x before x.gz."""
    return sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))


def _names(files: dict[str, Path]) -> str:
    """Return the names of some files as a person would list them."""
    return ", ".join(file.name for file in files.values()) or "none"


def read_npz(path: Path) -> Dataset:
    """Return the pictures of a NumPy .npz file.

    Args:
        path: the file, with arrays `images` and `labels` and, for the sealed test part, `test_images` and
            `test_labels`, as `arrays_dataset` takes them.

    Raises:
        DataError: the file is broken, holds Python objects, or its arrays are missing or do not fit together.
    """
    names = ("images", "labels", "test_images", "test_labels")
    try:
        # Never Python objects, which could run a program of whoever made the file.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            found = list(archive.files)
            arrays = {name: archive[name] for name in names if name in found}
    except (*_BROKEN, AttributeError, TypeError) as error:  # the last two: a single array is no archive
        raise DataError(f"{path.as_posix()} cannot be read as .npz ({error}); write it with numpy.savez") from error
    for name in ("images", "labels"):
        if name not in arrays:
            raise DataError(
                f"{path.as_posix()} has no array {name} (found {', '.join(found) or 'none'}); expected images, labels "
                "and, for a sealed test part, test_images and test_labels"
            )
    return arrays_dataset(
        arrays["images"], arrays["labels"], arrays.get("test_images"), arrays.get("test_labels"), name=path.stem
    )
