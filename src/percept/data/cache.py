"""The pixels of a data set, every picture decoded and resized once and then kept in a memory-mapped cache."""

import hashlib
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from percept.data.cache_entries import (
    FORMAT,
    CacheError,
    Entry,
    add_stamp,
    cache_folder,
    cache_trouble,
    entries,
    open_array,
    pixel_file,
    publish,
)
from percept.data.dataset import PictureArray, PictureFiles
from percept.data.decoding import PixelSettings, content_digest, decode_files, file_digest, in_order, mixes_jpeg
from percept.data.images import decoder
from percept.data.images import resize as resized
from percept.data.pixel_formats import in_channels
from percept.errors import PerceptWarning

if TYPE_CHECKING:  # at run time it would import torch
    from percept.data.preprocessing import Resize

Progress = Callable[[int, int], None]

_RECENT = 2.0  # seconds; a file changed so lately may change again without its time moving on


@dataclass(frozen=True)
class Pixels:
    """Pictures, decoded and resized to one size.

    Attributes:
        array: (samples, height, width, channels) uint8, possibly memory-mapped and then read-only.
        content: one digest a picture of its upright pixels before they were resized: equal digests mean the same
            picture, whatever its format. To be compared within one `Pixels` only. "" where it cannot be read.
        unreadable: why a picture cannot be read, by its row; such rows of `array` are zeros.
    """

    array: NDArray[np.uint8]
    content: tuple[str, ...]
    unreadable: dict[int, str] = field(default_factory=dict)


def load_pixels(
    samples: PictureFiles | PictureArray,
    *,
    height: int,
    width: int,
    channels: int,
    resize: "Resize",
    white: int = 65535,
    threads: int | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Pixels:
    """Return the pixels of pictures at the size that a network takes.

    Files are decoded once into the cache, which is found again by their content and these settings. Where the cache
    cannot be written, the pixels stay in memory and a `PerceptWarning` says so.

    Args:
        samples: the pictures.
        height: rows of each result, pixels.
        width: columns of each result, pixels.
        channels: 1 (grey) or 3 (red, green, blue).
        resize: "stretch" fits the whole picture in; "crop" keeps its proportions and cuts the centre.
        white: the value that a 16-bit picture in a file calls white.
        threads: how many files are decoded at a time; None takes as many as this process has processors.
        cache: the folder of the cache; None takes PERCEPT_CACHE, or the system's place for caches.
        progress: called with (pictures done, pictures in all) after each one that is decoded.

    Returns:
        the pixels, the same bit for bit with any number of threads, from the cache or not.

    Raises:
        OptionError: a setting is outside its range.
    """
    settings = PixelSettings(height, width, channels, resize, white)
    if isinstance(samples, PictureArray):
        return _from_array(samples.pixels, settings)
    paths = samples.paths
    if not paths:
        return Pixels(np.zeros((0, height, width, channels), np.uint8), ())
    folder, wanted = cache_folder(cache), _wanted(paths, settings)
    if (found := _find(folder, wanted, threads)) is not None:
        return found
    try:
        return _build(folder, wanted, threads, progress)
    except CacheError as error:
        warnings.warn(
            f"decoded pictures stay in memory this time, the cache cannot take them ({error}); "
            "free some room, or set PERCEPT_CACHE to another folder",
            PerceptWarning,
            stacklevel=2,
        )
    return _in_memory(wanted, threads, progress)


@dataclass(frozen=True)
class _Wanted:
    """What is looked for in the cache.

    Attributes:
        paths: the pictures' files.
        settings: what their pixels are to be.
        prefix: digest of the settings and of the files' sizes, the first half of an entry's name.
        stamp: digest of the files' paths, sizes and times: the same stamp means that no file has changed. "" where
            one changed so lately, or is so hidden, that this would not be sure.
    """

    paths: Sequence[Path]
    settings: PixelSettings
    prefix: str
    stamp: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Return (samples, height, width, channels) of the array."""
        return len(self.paths), self.settings.height, self.settings.width, self.settings.channels


def _wanted(paths: Sequence[Path], settings: PixelSettings) -> _Wanted:
    """Look at the files, without reading them."""
    sizes = hashlib.blake2b(f"{FORMAT} {decoder()} {settings} {mixes_jpeg(paths)}".encode(), digest_size=16)
    stamp, latest = hashlib.blake2b(digest_size=16), 0.0
    for path in paths:
        try:
            state = path.stat()
        except OSError:
            latest = float("inf")
            sizes.update(b"not given\n")
            continue
        latest = max(latest, state.st_mtime, state.st_ctime)
        sizes.update(b"%d\n" % state.st_size)
        times = f"{state.st_mtime_ns} {state.st_ctime_ns} {state.st_ino}"
        stamp.update(f"{state.st_size} {times} {path.absolute()}\n".encode("utf-8", "surrogateescape"))
    settled = latest < time.time() - _RECENT
    return _Wanted(paths, settings, sizes.hexdigest(), stamp.hexdigest() if settled else "")


def _find(folder: Path, wanted: _Wanted, threads: int | None) -> Pixels | None:
    """Return the entry of these files; they are read, but not decoded, where their times do not tell enough."""
    candidates = dict(entries(folder, wanted.prefix))
    name = next((name for name, entry in candidates.items() if wanted.stamp and wanted.stamp in entry.stamps), None)
    if name is None and candidates:
        name = _name(wanted, list(in_order(file_digest, wanted.paths, threads)))
        if name in candidates:
            add_stamp(folder, name, candidates[name], wanted.stamp)
    if name is None or name not in candidates or len(candidates[name].content) != len(wanted.paths):
        return None
    array = open_array(folder, name, wanted.shape)
    return None if array is None else Pixels(array, candidates[name].content, dict(candidates[name].unreadable))


def _name(wanted: _Wanted, files: Sequence[bytes]) -> str:
    """Return the name of the entry for the digests of the files' bytes."""
    return f"{wanted.prefix}-{hashlib.blake2b(b''.join(files), digest_size=16).hexdigest()}"


def _build(folder: Path, wanted: _Wanted, threads: int | None, progress: Progress | None) -> Pixels:
    """Decode the files into a new entry of the cache and return it."""

    def write(row: int, pixels: NDArray[np.uint8]) -> None:
        with cache_trouble(folder):
            file.write(pixels.data)

    with pixel_file(folder, wanted.shape) as file:
        content, files, unreadable = _decode_all(wanted, threads, progress, write)
        name = _name(wanted, files)
        stamps = (wanted.stamp,) if wanted.stamp else ()
        publish(folder, name, file, Entry(wanted.shape, content, tuple(unreadable.items()), stamps))
    array = open_array(folder, name, wanted.shape)
    if array is None:
        raise CacheError(f"another process deleted what was written to {folder.as_posix()}")
    return Pixels(array, content, unreadable)


def _in_memory(wanted: _Wanted, threads: int | None, progress: Progress | None) -> Pixels:
    """Decode the files into memory."""
    array = np.empty(wanted.shape, np.uint8)
    content, _, unreadable = _decode_all(wanted, threads, progress, array.__setitem__)
    return Pixels(array, content, unreadable)


def _decode_all(
    wanted: _Wanted, threads: int | None, progress: Progress | None, keep: Callable[[int, NDArray[np.uint8]], None]
) -> tuple[tuple[str, ...], list[bytes], dict[int, str]]:
    """Hand the pixels of each file, in order, to `keep`; return contents, digests of the files, and reasons."""
    content, files, unreadable = [], [], {}
    with closing(decode_files(wanted.paths, wanted.settings, threads)) as pictures:
        for row, picture in enumerate(pictures):
            keep(row, picture.pixels)
            content.append(picture.content)
            files.append(picture.file)
            if picture.reason:
                unreadable[row] = picture.reason
            if progress is not None:
                progress(row + 1, len(wanted.paths))
    return tuple(content), files, unreadable


def _from_array(pictures: NDArray[np.uint8], settings: PixelSettings) -> Pixels:
    """Return pictures in memory at the size and with the channels that are asked for."""
    shape = (len(pictures), settings.height, settings.width, settings.channels)
    array = pictures
    if pictures.shape != shape:
        array = np.empty(shape, np.uint8)
        for row, picture in enumerate(pictures):
            picture = in_channels(picture, settings.channels)
            array[row] = resized(picture, settings.height, settings.width, settings.resize)
    return Pixels(array, tuple(content_digest(picture) for picture in pictures))
