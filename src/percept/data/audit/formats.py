"""How pictures are stored: turned, animated, in 16 bits, in mixed formats, or in formats that give the class away."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeAlias

import numpy as np

from percept.data.audit.finding import Finding, counted, percent
from percept.data.dataset import Dataset
from percept.data.headers import PictureHeader

Headers: TypeAlias = Mapping[int, PictureHeader]
"""The header of each row whose picture can be read."""

_MODES = {
    "1": "black and white",
    "L": "grey",
    "LA": "grey with transparency",
    "P": "palette",
    "RGB": "color",
    "RGBA": "color with transparency",
    "CMYK": "color for print (CMYK)",
    "LAB": "color in Lab",
    "F": "grey in floats",
}


def audit_formats(dataset: Dataset, headers: Headers, white: int = 65535) -> Iterator[Finding]:
    """Yield what the files' headers tell.

    Args:
        dataset: the pictures.
        headers: by row.
        white: the value that 16-bit pictures call white, in 255..65535.

    Yields:
        Formats or sizes that tell the class; mixed color modes; pictures that are turned, animated, or of 16 bits
        that are not all used.
    """
    modes = {row: _mode(header) for row, header in headers.items()}
    yield from _giveaway(dataset, modes, "color mode", "mode_tells_class")
    sizes = {row: f"{header.width} x {header.height}" for row, header in headers.items()}
    yield from _giveaway(dataset, sizes, "size", "size_tells_class")
    kinds = Counter(modes.values()).most_common()
    if len(kinds) > 1:
        listed = ", ".join(f"{number:,} {mode}" for mode, number in kinds)
        yield Finding("note", f"the pictures have different color modes: {listed}", (), "color_modes", len(kinds))
    turned = tuple(dataset.keys[row] for row, header in headers.items() if header.orientation != 1)
    if turned:
        text = f"{counted(len(turned), 'picture is', 'pictures are')} stored turned (EXIF orientation); read upright"
        yield Finding("note", text, turned, "turned", len(turned))
    moving = tuple(dataset.keys[row] for row, header in headers.items() if header.frames > 1)
    if moving:
        text = f"{counted(len(moving), 'file holds', 'files hold')} several frames; only the first is read"
        yield Finding("note", text, moving, "several_frames", len(moving))
    deep = tuple(dataset.keys[row] for row, header in headers.items() if header.bits == 16)
    if deep and white < 65535:
        text = (
            f"{counted(len(deep), 'picture has', 'pictures have')} 16 bits but none is brighter than {white:,}"
            f" of 65,535: {white:,} is taken for white"
        )
        yield Finding("note", text, deep, "unused_range", len(deep))


def _mode(header: PictureHeader) -> str:
    name = _MODES.get(header.mode, header.mode)
    return f"16-bit {name if header.mode in _MODES else 'grey'}" if header.bits == 16 else name


def _giveaway(dataset: Dataset, looks: Mapping[int, str], what: str, kind: str) -> Iterator[Finding]:
    """Yield a warning where the class can be guessed from how a picture is stored, whatever it shows.

    That is said where guessing each look's commonest class makes at most half the mistakes of guessing the commonest
    class of all. Looks that hardly repeat are passed over: they would tell the class by chance.
    """
    labels = dataset.target.values
    total, repeated = len(looks), len(set(looks.values()))
    if not 1 < repeated <= total / 10:
        return
    together = Counter((look, int(labels[row])) for row, look in looks.items())
    best: dict[str, int] = {}
    for (look, _), number in together.items():
        best[look] = max(best.get(look, 0), number)
    right = sum(best.values()) / total
    commonest = np.bincount([int(labels[row]) for row in looks]).max() / total
    if commonest < 1 and 1 - right <= (1 - commonest) / 2:
        text = (
            f"the {what} alone tells the class of {percent(right)} of the pictures, where {percent(commonest)} are of"
            " the commonest class: the network may learn how pictures were made instead of what they show"
        )
        yield Finding("warning", text, (), kind, repeated)
