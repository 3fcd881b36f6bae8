"""What the headers of pictures' files tell of them all: a typical size, grey or color, and the value of white."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from percept.data.headers import PictureHeader, read_header
from percept.data.images import white_level
from percept.errors import DataError

GREY_MODES = ("1", "L", "I", "F")  # Pillow's names of formats with one channel, alpha apart
UNKNOWN = 64  # pixels, where no header can be read


@dataclass(frozen=True)
class TypicalPicture:
    """What some pictures have in common.

    Attributes:
        size: median height and width, pixels.
        channels: 1 where all are grey, else 3.
        white: the value that 16-bit pictures call white.
    """

    size: tuple[int, int]
    channels: int
    white: int


def typical_picture(paths: Sequence[Path]) -> TypicalPicture:
    """Return what the headers of some pictures' files tell; those that cannot be read are passed over.

    Args:
        paths: the files.
    """
    headers = [header for path in paths if (header := _header(path)) is not None]
    height, width = (
        int(np.median([getattr(header, side) for header in headers] or [UNKNOWN])) for side in ("height", "width")
    )
    grey = all(header.mode.startswith(GREY_MODES) for header in headers)
    return TypicalPicture((height, width), 1 if grey else 3, white_level(paths))


def _header(path: Path) -> PictureHeader | None:
    try:
        return read_header(path)
    except DataError:
        return None  # decoding will name it
