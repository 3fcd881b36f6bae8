"""TIFF stacks: many pictures in one file, read by tifffile."""

import re
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.TiffImagePlugin import TiffImageFile

from percept.data.headers import UnreadableError, broken_data, file_trouble, open_picture, unreadable_message
from percept.errors import DataError

EXTENSIONS = (".tif", ".tiff")

_DESCRIPTION = 270  # TIFF's tag ImageDescription, where ImageJ writes how many pictures there are


def count_pages(path: Path) -> int:
    """Return how many pictures a file holds: 1 for all but TIFF stacks.

    Args:
        path: a picture's file of any format.

    Raises:
        DataError: the file cannot be read.
    """
    if path.suffix.lower() not in EXTENSIONS:
        return 1
    try:
        with path.open("rb") as file:
            image = open_picture(file)
            if not isinstance(image, TiffImageFile):
                return 1
            with broken_data(file):
                # ImageJ gives large stacks a single header, and says in words how many pictures follow
                told = re.search(r"^images=(\d+)", str(image.tag_v2.get(_DESCRIPTION, "")), re.MULTILINE)
                return max(image.n_frames, int(told[1]) if told else 1)
    except OSError as error:
        raise DataError(unreadable_message(path.as_posix(), file_trouble(error))) from error
    except UnreadableError as error:
        raise DataError(unreadable_message(path.as_posix(), error.reason)) from error


def read_page(path: Path, page: int) -> NDArray[Any]:
    """Return one picture of a stack as its file holds it.

    Args:
        path: a TIFF stack.
        page: which picture, from 0.

    Returns:
        (height, width) or (height, width, channels), of the file's type.

    Raises:
        DataError: tifffile is not installed, or the stack cannot be read.
    """
    state = path.stat()
    pages = _read_stack(path, state.st_size, state.st_mtime_ns)
    if page >= len(pages):
        raise DataError(f"{path.as_posix()} holds {len(pages)} pictures; picture {page} is not one of them")
    return np.asarray(pages[page])


@lru_cache(maxsize=2)  # a stack of pictures and one of masks: read once, not once a page
def _read_stack(path: Path, size: int, time: int) -> NDArray[Any]:
    """Return (pages, height, width) or (pages, height, width, channels); size and time tell a changed file."""
    try:
        tifffile = import_module("tifffile")
    except ImportError as error:
        raise DataError(
            f"{path.as_posix()} is a stack of several pictures, for which tifffile is needed: install percept with its"
            " extra tiff (pip install 'percept[tiff]'), or save each picture in a file of its own"
        ) from error
    try:
        pages = np.asarray(tifffile.imread(path))
    except Exception as error:  # a broken file may raise anything
        raise DataError(unreadable_message(path.as_posix(), str(error) or type(error).__name__)) from error
    if pages.ndim not in (3, 4) or (pages.ndim == 4 and pages.shape[3] not in (3, 4)):
        raise DataError(
            f"{path.as_posix()} is a stack of shape {pages.shape}; expected (pictures, height, width), or colors behind"
            " these: save it as a plain stack"
        )
    return pages[..., :3] if pages.ndim == 4 else pages
