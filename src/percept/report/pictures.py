"""A picture as a data URI, so that the report needs no file beside it."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from percept.report.content import Picture

LONGEST_SIDE = 192
"""Pictures are shown at most so large, pixels: twice the size on the page, for sharp screens."""
OVERLAY_SIDE = 512
"""The same of a picture with masks, in which single pixels matter more."""
SMALL_SIDE = 64
"""Pictures up to this size are stored without loss and shown with their pixels as squares."""
SIGNATURES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}


def data_uri(picture: Picture, longest_side: int = LONGEST_SIDE) -> str:
    """Return the address that holds the whole picture.

    Args:
        picture: bytes of a PNG, JPEG or WebP file, taken as they are; or (height, width), (height, width, 1) or
            (height, width, 3) uint8, shrunk to the longest side, and PNG up to 64 pixels, JPEG above.
        longest_side: in pixels.

    Raises:
        ValueError: the bytes are of another format, or the array of another shape or type.
    """
    if isinstance(picture, bytes):
        kinds = [kind for signature, kind in SIGNATURES.items() if picture.startswith(signature)]
        if not kinds:
            raise ValueError(f"picture begins with {picture[:8]!r}; expected the bytes of a PNG, JPEG or WebP file")
        return as_uri(picture, kinds[0])
    shown = as_image(picture)
    shown.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS)
    target = io.BytesIO()
    if is_small(picture):
        shown.save(target, format="PNG", optimize=True)
        return as_uri(target.getvalue(), "image/png")
    shown.save(target, format="JPEG", quality=85)
    return as_uri(target.getvalue(), "image/jpeg")


def is_small(picture: Picture) -> bool:
    """Return whether the picture's pixels are to be shown as squares, not smoothed over."""
    return not isinstance(picture, bytes) and max(picture.shape[:2]) <= SMALL_SIDE


def as_image(picture: NDArray[np.uint8]) -> Image.Image:
    """Return the array as a Pillow image."""
    if (
        picture.dtype != np.uint8
        or picture.ndim not in (2, 3)
        or (picture.ndim == 3 and picture.shape[2] not in (1, 3))
    ):
        raise ValueError(
            f"picture is {picture.dtype} of shape {picture.shape}; "
            "expected uint8 of (height, width) or (height, width, 1 or 3)"
        )
    return Image.fromarray(picture[..., 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture)


def as_uri(content: bytes, kind: str) -> str:
    """Return the bytes as an address."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
