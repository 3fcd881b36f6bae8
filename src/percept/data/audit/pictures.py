"""The audit of pictures: files, copies, shapes, and what might give a class away."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from percept.data.audit.classes import audit_classes
from percept.data.audit.copies import audit_copies
from percept.data.audit.finding import Finding, counted, gravest_first
from percept.data.audit.formats import Headers, audit_formats
from percept.data.dataset import Dataset, PictureArray
from percept.data.headers import PictureHeader

if TYPE_CHECKING:
    from percept.data.cache import Pixels

TINY = 8  # pixels of the shorter side below which hardly anything can be seen
LONG = 5  # ratio of the sides from which resizing to a square loses most of a picture
_CHUNK = 256  # pictures looked at together, to hold memory down


def audit_pictures(
    dataset: Dataset,
    pixels: "Pixels",
    headers: Sequence[PictureHeader | None] = (),
    *,
    white: int = 65535,
    near: NDArray[np.int64] | None = None,
) -> tuple[Finding, ...]:
    """Return what is wrong with labelled pictures, gravest first.

    Args:
        dataset: the pictures as the user gave them.
        pixels: all of them decoded, unreadable ones as zeros with their reason.
        headers: what each picture's file says of itself, None where it cannot be read; empty for pictures that lie in
            an array.
        white: the value that 16-bit pictures call white, in 255..65535.
        near: (samples,) equal numbers for near copies of each other; None: none are looked for.

    Returns:
        Findings on unreadable files, copies, pictures of one color, sizes, formats and class counts.
    """
    known: Headers = {row: header for row, header in enumerate(headers) if header is not None}
    if isinstance(dataset.samples, PictureArray):
        height, width = dataset.samples.pixels.shape[1:3]
        sides = dict.fromkeys(range(len(dataset)), (width, height))
    else:
        sides = {row: (header.width, header.height) for row, header in known.items()}
    return gravest_first(
        [
            *_unreadable(dataset, pixels.unreadable),
            *audit_classes(dataset),
            *audit_copies(dataset, pixels.content, near),
            *_one_color(dataset, pixels),
            *_badly_shaped(dataset, sides),
            *audit_formats(dataset, known, white),
        ]
    )


def _unreadable(dataset: Dataset, reasons: dict[int, str]) -> Iterator[Finding]:
    if not reasons:
        return
    keys = tuple(dataset.keys[row] for row in sorted(reasons))
    shown = "; ".join(f"{dataset.keys[row]}: {reasons[row]}" for row in sorted(reasons)[:3])
    more = f"; and {len(keys) - 3:,} more" if len(keys) > 3 else ""
    them = "it" if len(keys) == 1 else "them"
    text = (
        f"{counted(len(keys), 'picture')} cannot be read ({shown}{more}); mend or remove {them},"
        " or pass --skip-unreadable"
    )
    yield Finding("error", text, keys, "unreadable", len(keys))


def _one_color(dataset: Dataset, pixels: "Pixels") -> Iterator[Finding]:
    flat: list[int] = []
    for start in range(0, len(pixels.array), _CHUNK):
        chunk = np.asarray(pixels.array[start : start + _CHUNK])
        same = (chunk == chunk[:, :1, :1]).all(axis=(1, 2, 3))
        flat += (start + np.flatnonzero(same)).tolist()
    keys = tuple(dataset.keys[row] for row in flat if row not in pixels.unreadable)
    if keys:
        text = f"{counted(len(keys), 'picture shows', 'pictures show')} nothing but one color"
        yield Finding("warning", text, keys, "one_color", len(keys))


def _badly_shaped(dataset: Dataset, sides: dict[int, tuple[int, int]]) -> Iterator[Finding]:
    tiny = tuple(dataset.keys[row] for row, pair in sides.items() if min(pair) < TINY)
    if tiny:
        text = f"{counted(len(tiny), 'picture has', 'pictures have')} a side of fewer than {TINY} pixels"
        yield Finding("warning", text, tiny, "tiny", len(tiny))
    long = tuple(dataset.keys[row] for row, pair in sides.items() if max(pair) > LONG * min(pair))
    if long:
        text = (
            f"{counted(len(long), 'picture is', 'pictures are')} more than {LONG} times as long as wide:"
            " resized to the network's input, most of what they show is lost"
        )
        yield Finding("warning", text, long, "elongated", len(long))
    if len(set(sides.values())) > 1:
        ordered = sorted(set(sides.values()), key=lambda pair: (pair[0] * pair[1], pair))
        smallest, largest = (f"{width} x {height}" for width, height in (ordered[0], ordered[-1]))
        text = f"the pictures have {len(ordered):,} sizes, from {smallest} to {largest} pixels; all are resized to one"
        yield Finding("note", text, (), "sizes", len(ordered))
