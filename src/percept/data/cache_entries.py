"""The folder where decoded pictures are kept from one run to the next, safe under several processes and a full disk.

An entry is two files: NAME.pixels holds the pixels, NAME.json, written last, says that they are whole. Both are written
aside with ordinary writes and renamed, so a reader sees all of an entry or none of it, and a full disk is an error of
a write, never a fault in memory.
"""

import json
import math
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import platformdirs
from numpy.typing import NDArray

from percept.errors import OptionError

FORMAT = 1  # of the entries; part of every name, so that another format is another entry
STALE = 3600  # seconds after which a file that nobody writes to any more was left by a killed process


class CacheError(Exception):
    """The cache cannot take an entry; the text says why."""


@dataclass(frozen=True)
class Entry:
    """What is known of a cached array.

    Attributes:
        shape: (samples, height, width, channels).
        content: digest of each picture.
        unreadable: (row, reason) of each picture that could not be read.
        stamps: digests of the file lists that were found to have this content.
    """

    shape: tuple[int, ...]
    content: tuple[str, ...]
    unreadable: tuple[tuple[int, str], ...]
    stamps: tuple[str, ...]


def cache_folder(chosen: Path | None = None) -> Path:
    """Return our own folder in `chosen`, else in what PERCEPT_CACHE says, else in the system's place for caches."""
    if chosen is None:
        named = os.environ.get("PERCEPT_CACHE")
        chosen = Path(named) if named else platformdirs.user_cache_path("percept")
    return chosen / "decoded-pictures"  # old files are deleted there: nothing of the user's may lie beside them


def cache_limit() -> int:
    """Return how many bytes the cache may take: PERCEPT_CACHE_LIMIT_GB, or 20 gigabytes."""
    text = os.environ.get("PERCEPT_CACHE_LIMIT_GB") or "20"
    try:
        gigabytes = float(text)
    except ValueError:
        gigabytes = math.nan
    if not 0 <= gigabytes < math.inf:  # written so that NaN is caught
        raise OptionError(f"PERCEPT_CACHE_LIMIT_GB is {text!r}; expected gigabytes, such as 20")
    return int(gigabytes * 1e9)


def entries(folder: Path, prefix: str) -> Iterator[tuple[str, Entry]]:
    """Yield the name and index of each entry whose name begins with `prefix` and whose index is whole."""
    for path in sorted(folder.glob(f"{prefix}-*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):  # broken: as good as none, and written again
            values = json.loads(path.read_text("utf-8"))
            unreadable = tuple((int(row), str(reason)) for row, reason in values["unreadable"])
            yield (
                path.stem,
                Entry(tuple(values["shape"]), tuple(values["content"]), unreadable, tuple(values["stamps"])),
            )


def open_array(folder: Path, name: str, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """Return the memory-mapped array of an entry, read-only; None where it is not whole.

    Args:
        folder: the cache.
        name: the entry's name.
        shape: the shape that the array must have.
    """
    path = folder / f"{name}.pixels"
    try:
        # A page that is mapped but not in the file would kill the process when it is read: compare the length first.
        if path.stat().st_size != math.prod(shape):
            return None
        array = np.memmap(path, np.uint8, "r", shape=shape)
    except OSError:
        return None
    with suppress(OSError):  # the time of last use; a cache that others wrote and we may only read has none of ours
        os.utime(folder / f"{name}.json")
    return array


@contextmanager
def pixel_file(folder: Path, shape: tuple[int, ...]) -> Iterator[BinaryIO]:
    """Open a file aside for the pixels of a new entry, and make room; it is gone after the block unless published.

    Args:
        folder: the cache, made where it is missing.
        shape: the shape of the array whose bytes will be written.

    Raises:
        CacheError: the folder cannot be written, or the disk has no room.
    """
    needed = math.prod(shape)
    path = folder / f"{uuid.uuid4().hex}.part"
    with cache_trouble(folder):
        folder.mkdir(parents=True, exist_ok=True)
        prune(folder, cache_limit() - needed)
        if (free := shutil.disk_usage(folder).free) < needed + (64 << 20):  # 64 MiB are left to others
            raise CacheError(f"{needed >> 20} MB are needed and {free >> 20} MB free in {folder.as_posix()}")
        file = path.open("wb")
    try:
        with file:
            yield file
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def publish(folder: Path, name: str, file: BinaryIO, entry: Entry) -> None:
    """Make a written pixel file and its index an entry of the cache.

    Raises:
        CacheError: the disk is full or the folder cannot be written.
    """
    with cache_trouble(folder):
        file.flush()
        os.fsync(file.fileno())  # a full disk may show only here; and after a power cut no entry is without its bytes
        file.close()
        try:
            Path(file.name).replace(folder / f"{name}.pixels")
        except PermissionError:  # Windows: another process has made the same entry and is reading it
            if open_array(folder, name, entry.shape) is None:
                raise
        write_index(folder, name, entry)


def write_index(folder: Path, name: str, entry: Entry) -> None:
    """Write the index of an entry, aside and renamed."""
    path = folder / f"{uuid.uuid4().hex}.part"
    try:
        path.write_text(json.dumps(asdict(entry)), "utf-8")
        path.replace(folder / f"{name}.json")
    finally:
        path.unlink(missing_ok=True)


def add_stamp(folder: Path, name: str, entry: Entry, stamp: str) -> None:
    """Remember that a list of files was found to have an entry's content, so that they need not be read again."""
    if stamp:
        with suppress(OSError):  # only a shortcut: without it the files are read once more
            write_index(folder, name, replace(entry, stamps=(*entry.stamps, stamp)[-16:]))


def prune(folder: Path, limit: int) -> None:
    """Delete the entries not used for longest until `limit` bytes are left, and what killed processes left behind."""
    found, total, now = [], 0, time.time()
    for path in folder.iterdir():
        with suppress(OSError):  # another process may delete at the same time, or Windows hold a file that is open
            index = path.with_suffix(".json")
            if path.suffix == ".pixels" and index.exists():
                found.append((index.stat().st_mtime, path.stat().st_size, path))
                total += found[-1][1]
            elif path.suffix in (".part", ".pixels") and now - path.stat().st_mtime > STALE:
                path.unlink()
    for _, size, path in sorted(found):
        if total <= limit:
            break
        with suppress(OSError):
            path.unlink()  # first: where this fails the entry stays whole
            path.with_suffix(".json").unlink()
            total -= size


@contextmanager
def cache_trouble(folder: Path) -> Iterator[None]:
    """Turn the system's refusal to write into a `CacheError`."""
    try:
        yield
    except OSError as error:
        raise CacheError(f"{(error.strerror or str(error)).lower()}: {folder.as_posix()}") from error
