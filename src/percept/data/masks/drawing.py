"""Masks to look at: class numbers as a palette PNG, and classes laid over their picture in their colors."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from percept.data.masks.raw import Color
from percept.data.objects import IGNORE
from percept.errors import OptionError

WHITE: Color = (255, 255, 255)  # what ignored pixels are drawn in


def palette_png(classes: NDArray[np.uint8], colors: Sequence[Color]) -> bytes:
    """Return a PNG whose pixels are the class numbers and whose palette shows each in its color.

    Args:
        classes: (height, width) class numbers, or `IGNORE`, which is shown white.
        colors: (red, green, blue) of each class, at most 255.

    Raises:
        OptionError: a class has no color.

    Example:
        >>> image = Image.open(io.BytesIO(palette_png(np.array([[0, 1]], np.uint8), [(0, 0, 0), (200, 0, 0)])))
        >>> image.mode, np.asarray(image).tolist(), np.asarray(image.convert("RGB")).tolist()
        ('P', [[0, 1]], [[[0, 0, 0], [200, 0, 0]]])
    """
    image = Image.fromarray(classes)
    image.putpalette(_table(classes, colors).ravel().tolist())
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def overlay(
    picture: NDArray[np.uint8], classes: NDArray[np.uint8], colors: Sequence[Color], *, opacity: float = 0.45
) -> NDArray[np.uint8]:
    """Return a picture with each class but the first laid over it in its color, outlines drawn in full.

    Args:
        picture: (height, width, channels) of 1 or 3 channels.
        classes: (height, width) class numbers; `IGNORE` is shown white.
        colors: (red, green, blue) of each class.
        opacity: of the colors, 0 (the picture alone, with outlines) to 1.

    Returns:
        (height, width, 3).

    Raises:
        OptionError: the opacity is outside its range, or a class has no color.
    """
    if not 0 <= opacity <= 1:
        raise OptionError(f"opacity is {opacity}; expected 0 to 1")
    below = np.broadcast_to(picture, (*classes.shape, 3)).astype(np.float32)
    above = _table(classes, colors)[classes].astype(np.float32)
    edge = np.zeros(classes.shape, np.bool_)
    rows, columns = classes[1:] != classes[:-1], classes[:, 1:] != classes[:, :-1]
    edge[1:] |= rows
    edge[:-1] |= rows
    edge[:, 1:] |= columns
    edge[:, :-1] |= columns
    share = np.where(classes == 0, 0, np.where(edge, 1.0, opacity))[..., np.newaxis].astype(np.float32)
    return np.rint(below * (1 - share) + above * share).astype(np.uint8)


def _table(classes: NDArray[np.uint8], colors: Sequence[Color]) -> NDArray[Any]:
    """Return (256, 3) the color of each class number."""
    largest = int(np.where(classes == IGNORE, 0, classes).max(initial=0))
    if largest >= len(colors) or len(colors) > IGNORE:
        raise OptionError(f"{len(colors)} colors are given for classes up to {largest}; expected one a class")
    table = np.zeros((IGNORE + 1, 3), np.uint8)
    table[: len(colors)] = colors
    table[IGNORE] = WHITE
    return table
