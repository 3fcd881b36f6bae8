"""What a user gives for pictures: an array, a list of arrays or of paths, or a folder, read as 8-bit pixels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.data.arrays import picture_array, white_of
from percept.data.cache import load_pixels
from percept.data.dataset import PictureArray, PictureFiles
from percept.data.decoding import in_order
from percept.data.folders import pictures_below
from percept.data.images import read_picture, resize
from percept.data.pixel_formats import in_channels
from percept.data.preprocessing import ImagePreprocessing
from percept.data.typical_picture import TypicalPicture, typical_picture
from percept.errors import DataError

CHUNK = 256  # pictures of files decoded at a time for predictions


@dataclass(frozen=True)
class PictureList:
    """Pictures in memory, each of its own size.

    Attributes:
        pictures: (height, width, channels) uint8 of each, channels 1 or 3.
        white: the value that was called white where the pictures came as 16-bit values.
    """

    pictures: tuple[NDArray[np.uint8], ...]
    white: int = 65535

    def __len__(self) -> int:
        return len(self.pictures)


Given = PictureFiles | PictureArray | PictureList


def read_given(X: Any, white: int | None = None) -> Given:
    """Return what was given for pictures, files not yet decoded.

    Args:
        X: (samples, height, width) or (samples, height, width, channels) as `percept.data.arrays` takes them; a list of
            such pictures of unlike sizes; paths; or one path, of a picture or of a folder with pictures.
        white: the value that 16-bit arrays call white; None finds it.

    Raises:
        DataError: it is none of these.

    Example:
        >>> type(read_given(["ant.png", "bee.png"])).__name__, len(read_given(np.zeros((3, 8, 8))))
        ('PictureFiles', 3)
    """
    if isinstance(X, str | Path):
        paths = tuple(pictures_below(Path(X))) if Path(X).is_dir() else (Path(X),)
        if not paths:
            raise DataError(f"{Path(X).as_posix()} holds no pictures; expected a folder with some, or a picture")
        return PictureFiles(paths)
    X = X.to_numpy() if hasattr(X, "to_numpy") else X
    if not isinstance(X, np.ndarray | Sequence):
        raise DataError(f"X is a {type(X).__name__}; expected an array of pictures, a list of paths, or a folder")
    if isinstance(X, np.ndarray) and X.dtype.kind in "OU":
        X = (X[:, 0] if X.ndim == 2 and X.shape[1] == 1 else X).tolist()
    if not isinstance(X, np.ndarray):
        if len(X) and all(isinstance(each, str | Path) for each in X):
            return PictureFiles(tuple(map(Path, X)))
        arrays = [np.asarray(each) for each in X]
        if len({each.shape for each in arrays}) > 1:
            return _listed(arrays, white)
        X = np.stack(arrays) if arrays else np.zeros((0, 0, 0))
    white = white_of([X]) if white is None else white
    return PictureArray(picture_array(X, white), white)


def _listed(arrays: list[NDArray[Any]], white: int | None) -> PictureList:
    for row, each in enumerate(arrays):
        if each.ndim not in (2, 3):
            raise DataError(
                f"picture {row} has shape {each.shape}; expected (height, width) or (height, width, channels)"
            )
    white = white_of(arrays) if white is None else white
    return PictureList(tuple(picture_array(each[None], white)[0] for each in arrays), white)


def typical_of(given: Given) -> TypicalPicture:
    """Return the size, channels and white that some pictures have in common.

    Args:
        given: the pictures.
    """
    if isinstance(given, PictureFiles):
        return typical_picture(given.paths)
    if isinstance(given, PictureArray):
        _, height, width, channels = given.pixels.shape
        return TypicalPicture((height, width), channels, given.white)
    height, width = np.median([each.shape[:2] for each in given.pictures], axis=0).astype(int).tolist()
    return TypicalPicture((height, width), max(each.shape[2] for each in given.pictures), given.white)


def network_pixels(given: Given, size: tuple[int, int], channels: int, how: Any, white: int) -> NDArray[np.uint8]:
    """Return all pictures at one size, those of files from the cache of decoded pictures where it has them.

    Args:
        given: the pictures.
        size: (height, width) of the result, pixels.
        channels: 1 (grey) or 3 (color).
        how: "stretch" or "crop", as in `percept.data.images.resize`.
        white: the value that 16-bit files call white.

    Returns:
        (samples, height, width, channels) uint8, possibly memory-mapped.

    Raises:
        DataError: a file cannot be read.
    """
    height, width = size
    if isinstance(given, PictureList):
        return np.stack([resize(in_channels(each, channels), height, width, how) for each in given.pictures])
    read = load_pixels(given, height=height, width=width, channels=channels, resize=how, white=white)
    if read.unreadable and isinstance(given, PictureFiles):
        row, reason = next(iter(read.unreadable.items()))
        more = f", and {len(read.unreadable) - 1} more" if len(read.unreadable) > 1 else ""
        raise DataError(f"{given.paths[row].as_posix()} cannot be read ({reason}){more}; leave it out, or replace it")
    return read.array


def pixels_in_chunks(given: Given, form: ImagePreprocessing) -> Iterator[NDArray[np.uint8]]:
    """Yield pictures as a network takes them, those of files some at a time and past the cache.

    Args:
        given: the pictures.
        form: the network's preprocessing.

    Raises:
        DataError: a file cannot be read.
    """
    size = form.height, form.width
    if not isinstance(given, PictureFiles):
        yield network_pixels(given, size, form.channels, form.resize, form.white)
        return

    def read(path: Path) -> NDArray[np.uint8]:
        picture = read_picture(path, channels=form.channels, white=form.white, minimum=max(size))
        return resize(picture, *size, form.resize)

    for start in range(0, len(given), CHUNK):
        yield np.stack(list(in_order(read, given.paths[start : start + CHUNK], None)))


def whole_pictures(given: Given, channels: int, white: int) -> list[NDArray[np.uint8]]:
    """Return pictures at their own sizes.

    Args:
        given: the pictures.
        channels: 1 (grey) or 3 (color).
        white: the value that 16-bit files call white.

    Returns:
        (height, width, channels) uint8 of each.

    Raises:
        DataError: a file cannot be read.
    """
    if isinstance(given, PictureFiles):
        return list(in_order(lambda path: read_picture(path, channels=channels, white=white), given.paths, None))
    pictures = given.pixels if isinstance(given, PictureArray) else given.pictures
    return [in_channels(each, channels) for each in pictures]
