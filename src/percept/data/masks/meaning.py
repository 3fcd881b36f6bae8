"""What masks mean: the record of how they were understood, and each file's values turned into class numbers by it."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from percept.data.audit.finding import percent
from percept.data.masks.raw import Color, RawMask, count_values, replaced, unpack
from percept.data.objects import IGNORE
from percept.errors import DataError

MaskKind = Literal["index", "palette", "binary", "levels", "colors", "class_files", "instances", "object_files"]

MOST_CLASSES = IGNORE  # class numbers 0 to 254; 255 is what is ignored

_TOLD: dict[MaskKind, str] = {
    "index": "each value is the number of a class",
    "palette": "each palette index is the number of a class, whatever its color",
    "binary": "they hold two values",
    "levels": "each grey level is a class",
    "colors": "each color is a class",
    "class_files": "each class has files of its own",
    "instances": "each value but 0 is the number of an object",
    "object_files": "each object has a file of its own",
}
_LISTED = 12  # classes up to which all are written out
# Colors after Okabe and Ito 2002, which color-blind people tell apart too, behind black for the background.
_COLORS: tuple[Color, ...] = (
    (0, 0, 0), (230, 159, 0), (86, 180, 233), (0, 158, 115),
    (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
)  # fmt: skip


@dataclass(frozen=True)
class MaskMeaning:
    """How masks were understood.

    Attributes:
        kind: their form.
        classes: the name of each class.
        values: what stands for each class in a file: a grey value, a palette index, or a color as 65536 red + 256
            green + blue; 0 and 1 for objects and for files of one class.
        colors: (red, green, blue) that each class is drawn in.
        ignore: the value, index or color that is ignored, None where there is none.
        nearest: whether other values are taken for the nearest of these, as smeared edges need.
    """

    kind: MaskKind
    classes: tuple[str, ...]
    values: tuple[int, ...]
    colors: tuple[Color, ...]
    ignore: int | None = None
    nearest: bool = False

    @property
    def has_instances(self) -> bool:
        """Return whether the masks tell one object from another."""
        return self.kind in ("instances", "object_files")

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        return {
            **asdict(self),
            "classes": list(self.classes),
            "values": list(self.values),
            "colors": [*map(list, self.colors)],
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """Return what `to_json` gave.

        Example:
            >>> meaning = MaskMeaning("binary", ("background", "cell"), (0, 255), class_colors(2))
            >>> MaskMeaning.from_json(meaning.to_json()) == meaning
            True
        """
        colors = tuple((red, green, blue) for red, green, blue in record["colors"])
        return cls(
            **{**record, "classes": tuple(record["classes"]), "values": tuple(record["values"]), "colors": colors}
        )

    def value_name(self, value: int) -> str:
        """Return a value as the user knows it: a number, or a color as #rrggbb."""
        return f"#{value:06x}" if self.kind == "colors" else str(value)


def describe(meaning: MaskMeaning, pixels: NDArray[np.int64], masks: int) -> str:
    """Return one sentence on how masks were understood.

    Args:
        meaning: the record.
        pixels: (classes + 1,) pixels of each class, then those ignored.
        masks: how many there are.

    Example:
        >>> meaning = MaskMeaning("binary", ("background", "cell"), (0, 255), ((0, 0, 0), (230, 159, 0)))
        >>> describe(meaning, np.array([75, 25, 0]), 30)
        '30 masks, they hold two values: background = 0 (75 % of the pixels), cell = 255 (25 %)'
    """
    known = max(1, int(pixels[:-1].sum()))
    filed = meaning.kind in ("class_files", "object_files", "instances")
    listed = []
    for place, name in enumerate(meaning.classes[:_LISTED]):
        value = meaning.value_name(meaning.values[place])
        bare = name if filed or name == value else f"{name} = {value}"
        listed.append(f"{bare} ({percent(int(pixels[place]) / known)}{' of the pixels' if place == 0 else ''})")
    if len(meaning.classes) > _LISTED:
        listed.append(f"and {len(meaning.classes) - _LISTED} more")
    text = f"{masks:,} masks, {_TOLD[meaning.kind]}: {', '.join(listed)}"
    if meaning.ignore is not None:
        text += f"; {meaning.value_name(meaning.ignore)} is ignored"
    if pixels[-1]:
        text += (
            f" ({percent(int(pixels[-1]) / int(pixels.sum()))} of all pixels)"
            if meaning.ignore is not None
            else (f"; {percent(int(pixels[-1]) / int(pixels.sum()))} of all pixels are of several classes and ignored")
        )
    return text + ("; other values count as the nearest of these" if meaning.nearest else "")


def class_colors(count: int) -> tuple[Color, ...]:
    """Return a color for each class, black for the first, all different.

    Args:
        count: how many classes, up to 255.

    Example:
        >>> class_colors(2)
        ((0, 0, 0), (230, 159, 0))
    """
    further = [unpack(number * 0x9E3779 % 0x1000000 | 0x202020) for number in range(1, 2 * count + 1)]
    return tuple(dict.fromkeys((*_COLORS, *further)))[:count]


def class_map(raw: RawMask, meaning: MaskMeaning, name: str) -> NDArray[np.uint8]:
    """Return the class numbers of a mask.

    Args:
        raw: the mask as its file holds it.
        meaning: how masks are understood.
        name: of the file, for an error.

    Returns:
        (height, width) uint8 class numbers, `IGNORE` where ignored.

    Raises:
        DataError: a value stands for no class.
    """
    if meaning.kind == "instances":
        found = (raw.values > 0).astype(np.uint8)
        return found if meaning.ignore is None else np.where(raw.values == meaning.ignore, IGNORE, found)
    values = colored(raw) if meaning.kind == "colors" else raw.values
    known = np.array([*meaning.values, *([] if meaning.ignore is None else [meaning.ignore])], np.int64)
    numbers = np.array([*range(len(meaning.values)), IGNORE][: len(known)], np.uint8)
    if raw.color and meaning.kind != "colors":
        raise DataError(f"{name} is in color, but the other masks hold numbers; save all masks in one form")
    present = np.array(list(count_values(values)), np.int64)
    if meaning.nearest:
        chosen = numbers[_distances(present, known, meaning.kind == "colors").argmin(axis=1)]
    else:
        order = np.argsort(known)
        spots = np.searchsorted(known[order], present).clip(max=len(known) - 1)
        chosen = numbers[order][spots]
        if (strange := present[known[order][spots] != present]).size:
            raise DataError(_unknown(name, int(strange[0]), int((values == strange[0]).sum()), meaning))
    return replaced(values, present, chosen)


def colored(raw: RawMask) -> NDArray[np.int64]:
    """Return a mask's values as packed colors, those of its palette where it has one."""
    if raw.color:
        return raw.values
    if not raw.palette:
        return raw.values * 0x010101
    table = np.zeros(max(raw.palette) + 1, np.int64)
    for index, color in raw.palette.items():
        table[index] = color[0] << 16 | color[1] << 8 | color[2]
    return np.asarray(table[raw.values])


def _distances(values: NDArray[np.int64], known: NDArray[np.int64], colors: bool) -> NDArray[np.int64]:
    """Return (values, known) how far each value is from each known one, for colors the square in red, green, blue."""
    if not colors:
        return np.asarray(np.abs(values[:, None] - known))
    shifts = np.array([16, 8, 0])
    gaps = (values[:, None, None] >> shifts & 255) - (known[None, :, None] >> shifts & 255)
    return np.asarray(np.square(gaps).sum(axis=2))


def _unknown(name: str, value: int, count: int, meaning: MaskMeaning) -> str:
    """Return the sentence on a value that stands for no class."""
    expected = ", ".join(meaning.value_name(each) for each in meaning.values[:_LISTED])
    pixels = "1 pixel" if count == 1 else f"{count:,} pixels"
    return (
        f"{name} holds {meaning.value_name(value)} in {pixels}, which stands for no class; expected {expected}:"
        " mend the mask, name the value as ignored, or take other values for the nearest class with nearest"
    )
