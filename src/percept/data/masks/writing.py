"""Masks and what belongs to them written to files: class numbers as palette PNG, overlays, probabilities."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from percept.data.masks.raw import Color
from percept.data.objects import IGNORE
from percept.files import replacing

STRENGTH = 0.45  # share of the class color in an overlay


def write_mask(path: Path, mask: NDArray[np.uint8], colors: tuple[Color, ...]) -> None:
    """Write class numbers as a PNG whose palette indices are the classes, shown in the class colors.

    Args:
        path: ends in .png.
        mask: (height, width) class numbers, `IGNORE` where nothing is known, which is drawn white.
        colors: (red, green, blue) of each class.

    Raises:
        WriteError: the file cannot be written.
    """
    picture = Image.fromarray(np.ascontiguousarray(mask))
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(colors)] = colors
    palette[IGNORE] = 255
    picture.putpalette(palette.tobytes())
    _save(path, picture)


def write_overlay(path: Path, picture: NDArray[np.uint8], mask: NDArray[np.uint8], colors: tuple[Color, ...]) -> None:
    """Write a picture with the classes but the first laid over it in their colors, and their outlines drawn full.

    Args:
        path: ends in .png.
        picture: (height, width, channels) uint8.
        mask: (height, width) class numbers.
        colors: of each class.

    Raises:
        WriteError: the file cannot be written.
    """
    _save(path, Image.fromarray(overlay(picture, mask, colors)))


def overlay(picture: NDArray[np.uint8], mask: NDArray[np.uint8], colors: tuple[Color, ...]) -> NDArray[np.uint8]:
    """Return a picture with the classes but the first laid over it: (height, width, 3) uint8.

    Args:
        picture: (height, width, channels) uint8, channels 1 or 3.
        mask: (height, width) class numbers; `IGNORE` is left as it is.
        colors: of each class.
    """
    shown = np.broadcast_to(picture, (*picture.shape[:2], 3)).astype(np.float32)
    palette = np.zeros((256, 3), np.float32)
    palette[: len(colors)] = colors
    drawn = (mask != 0) & (mask != IGNORE)
    edge = np.zeros_like(drawn)
    edge[1:] |= mask[1:] != mask[:-1]
    edge[:, 1:] |= mask[:, 1:] != mask[:, :-1]
    share = np.where(edge & drawn, 1.0, np.where(drawn, STRENGTH, 0.0))[..., None]
    mixed: NDArray[np.uint8] = np.rint(shown * (1 - share) + palette[mask] * share).astype(np.uint8)
    return mixed


def _save(path: Path, picture: Image.Image) -> None:
    with replacing(path) as file:
        picture.save(file, "PNG")
