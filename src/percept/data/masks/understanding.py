"""From the values that masks hold to what they mean: told from all masks together, or said by the user."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from percept.data.masks.looks import MaskLook
from percept.data.masks.meaning import MOST_CLASSES, MaskKind, MaskMeaning, class_colors
from percept.data.masks.pairing import Unpaired
from percept.data.masks.raw import Color, pack, unpack
from percept.data.objects import IGNORE
from percept.errors import DataError, OptionError

MOST_FOUND = 64  # values that are still taken for classes where the user does not name them
SOME_OBJECTS = 8  # the largest value from which 8-bit values may be numbers of objects
SOME_DEEP = 3  # the same for 16-bit values, which classes hardly ever are
FEW = 100  # the largest value that is taken for a class number where values are left out
APART = 32  # steps of a grey value or color channel: values closer than this are one, smeared
MOSTLY = 0.01  # share of all pixels from which a value is a class and not an edge's
ONE_REGION = 1.05  # regions a value has on average where values number objects


@dataclass(frozen=True)
class MaskOptions:
    """What the user says of masks; everything left out is found by looking.

    Attributes:
        kind: their form, see `MaskMeaning`.
        classes: the name of each class.
        values: what stands for each class: grey values, palette indices, or (red, green, blue).
        ignore: the value or color to be ignored; "auto" takes 255 beside class numbers other than 0, "none" nothing.
        nearest: whether values that stand for no class are taken for the nearest that does, as smeared edges need.
        unpaired: whether pictures without mask, and masks without picture, are refused or left out.
    """

    kind: MaskKind | None = None
    classes: tuple[str, ...] = ()
    values: tuple[int | Color, ...] = ()
    ignore: int | Color | Literal["auto", "none"] = "auto"
    nearest: bool = False
    unpaired: Unpaired = "refuse"

    def __post_init__(self) -> None:
        if self.classes and self.values and len(self.classes) != len(self.values):
            raise OptionError(
                f"{len(self.classes)} class names are given for {len(self.values)} values; expected one each"
            )
        for names in (self.classes, self.values):
            if len(set(names)) < len(names):
                raise OptionError(f"{list(names)} holds one of them twice; expected each class once")
        if len(self.values) == 1 or len(self.classes) == 1:
            raise OptionError("a single class is given; expected two or more, the background being one")


def understand(looks: Sequence[MaskLook], options: MaskOptions) -> MaskMeaning:
    """Return what masks that hold one picture's classes each mean.

    Args:
        looks: of all masks, one or more.
        options: what the user says.

    Raises:
        DataError: edges are smeared, there is a single value, or there are too many for classes.
        OptionError: the options do not fit what the masks hold.
    """
    kind = options.kind or _kind(looks, options)
    if kind == "instances":
        names = options.classes or ("background", "object")
        if len(names) != 2:
            raise OptionError(f"{len(names)} class names are given; expected 2 for masks that number objects")
        return MaskMeaning(kind, names, (0, 1), class_colors(2), _number(options.ignore), options.nearest)
    counts = _union(looks, kind)
    ignore = _ignored(looks, counts, kind, options)
    counts = {value: count for value, count in counts.items() if value != ignore}
    if not options.nearest and not options.values:
        _refuse_smeared(looks)
    values = _values(looks, counts, kind, options)
    names = options.classes or _names(values, kind)
    return MaskMeaning(kind, names, values, _colors(looks, values, kind), ignore, options.nearest)


def _kind(looks: Sequence[MaskLook], options: MaskOptions) -> MaskKind:
    """Return the form of masks."""
    if any(look.color for look in looks) or any(isinstance(value, tuple) for value in options.values):
        return "colors"
    if all(look.palette for look in looks):
        colors: dict[int, set[Color]] = {}
        for look in looks:
            for index, color in look.palette.items():
                colors.setdefault(index, set()).add(color)
        # where an index has another color in another file, it is the color that tells the class
        return "palette" if all(len(several) == 1 for several in colors.values()) else "colors"
    if not options.values and not options.nearest and _number_objects(looks):
        return "instances"
    counts = _union(looks, "index")
    held = _peaks(looks, counts, "index") if options.nearest else list(counts)
    found = [value for value in options.values if isinstance(value, int)] or held
    plain = [value for value in found if value != IGNORE]
    if len(found) <= 2 and not options.classes[2:]:
        return "binary"
    largest = max(plain, default=0)
    return "index" if largest < IGNORE and (largest <= FEW or 2 * len(plain) > largest) else "levels"


def _number_objects(looks: Sequence[MaskLook]) -> bool:
    """Tell whether the values look like numbers of objects: one region each, and more in one mask than in another."""
    most = [max(look.counts) for look in looks]
    regions = [look.regions for look in looks if look.regions]
    if not regions or sum(regions) / len(regions) > ONE_REGION or any(look.smeared for look in looks):
        return False
    in_order = all(set(look.counts) | {0} == set(range(max(look.counts) + 1)) for look in looks)
    unlike = len(set(most)) > min(2, len(looks) - 1)
    deep = all(look.bits > 8 for look in looks)
    if deep and max(most) > IGNORE:
        return True
    return in_order and unlike and max(most) >= (SOME_DEEP if deep else SOME_OBJECTS)


def _union(looks: Sequence[MaskLook], kind: MaskKind) -> dict[int, int]:
    """Return the pixels of each value in all masks."""
    total: dict[int, int] = {}
    for look in looks:
        for value, count in _counts(look, kind):
            total[value] = total.get(value, 0) + count
    return total


def _counts(look: MaskLook, kind: MaskKind) -> Iterator[tuple[int, int]]:
    """Yield the pixels of each value of a mask, as the kind wants them."""
    if kind != "colors":
        yield from look.counts.items()
    elif look.colors:
        yield from look.colors.items()
    else:
        yield from ((value * 0x010101, count) for value, count in look.counts.items())


def _number(value: int | Color | str) -> int | None:
    """Return a value or color as one number, None for "auto" and "none"."""
    if isinstance(value, str):
        return None
    return value if isinstance(value, int) else pack(value)


def _ignored(looks: Sequence[MaskLook], counts: dict[int, int], kind: MaskKind, options: MaskOptions) -> int | None:
    """Return what is to be ignored."""
    if options.ignore != "auto":
        return _number(options.ignore)
    others = set(counts) - {0, IGNORE}
    if kind not in ("index", "palette") or IGNORE not in counts or not others or IGNORE in options.values:
        return None
    together = any(IGNORE in look.counts and 1 in look.counts for look in looks)
    if others == {1} and not together:
        first = next(look.name for look in looks if IGNORE in look.counts)
        raise DataError(
            f"{first} holds 0 and 255, other masks hold 0 and 1; save all in one form, or say that 255 is ignored"
        )
    return IGNORE


def _refuse_smeared(looks: Sequence[MaskLook]) -> None:
    """Raise a `DataError` that names the first mask whose edges are smeared."""
    smeared = [look for look in looks if look.smeared]
    if not smeared:
        return
    first = smeared[0]
    more = f" (and {len(smeared) - 1:,} more masks are like it)" if len(smeared) > 1 else ""
    why = "as JPEG smears edges" if first.lossy else "as resizing with interpolation leaves at edges"
    raise DataError(
        f"{first.name} holds {len(first.counts)} different values, {why}{more}; expected one value a class: save masks"
        " as PNG without interpolation, or take each pixel for the nearest class with nearest"
    )


def _values(looks: Sequence[MaskLook], counts: dict[int, int], kind: MaskKind, options: MaskOptions) -> tuple[int, ...]:
    """Return what stands for each class."""
    if options.values:
        return tuple(value if isinstance(value, int) else pack(value) for value in options.values)
    found = sorted(_peaks(looks, counts, kind) if options.nearest else counts)
    names = len(options.classes)
    if kind in ("index", "palette") and names > max(found, default=0):
        return tuple(range(names))
    if names and names != len(found):
        listed = ", ".join(f"#{value:06x}" if kind == "colors" else str(value) for value in found[:MOST_FOUND])
        raise OptionError(f"{names} class names are given, but the masks hold {len(found)} values: {listed}")
    if len(found) < 2:
        only = "nothing" if not found else f"#{found[0]:06x}" if kind == "colors" else str(found[0])
        raise DataError(f"all masks hold {only} alone; expected at least two classes")
    if len(found) > (MOST_FOUND if options.kind is None else MOST_CLASSES):
        raise DataError(
            f"the masks hold {len(found):,} different {'colors' if kind == 'colors' else 'values'}, too many for"
            " classes; if they are numbers of objects say so with kind instances, or name the values that are classes"
        )
    return tuple(found)


def _peaks(looks: Sequence[MaskLook], counts: dict[int, int], kind: MaskKind) -> list[int]:
    """Return the values that have many pixels, fill squares, and are far from those that have more."""
    total, peaks = sum(counts.values()), list[int]()
    grey = 0x010101 if kind == "colors" else 1
    solid = {value if look.color else value * grey for look in looks if not look.palette for value in look.solid}
    for value in sorted(solid & counts.keys() or counts, key=lambda value: (-counts[value], value)):
        if counts[value] >= MOSTLY * total and all(_far(value, peak, kind) for peak in peaks):
            peaks.append(value)
    return peaks


def _far(one: int, other: int, kind: MaskKind) -> bool:
    if kind != "colors":
        return abs(one - other) > APART
    return max(abs(a - b) for a, b in zip(unpack(one), unpack(other), strict=True)) > APART


def _names(values: tuple[int, ...], kind: MaskKind) -> tuple[str, ...]:
    """Return names for classes that the user did not name."""
    if kind == "binary":
        return "background", "foreground"
    return tuple(f"#{value:06x}" if kind == "colors" else str(value) for value in values)


def _colors(looks: Sequence[MaskLook], values: tuple[int, ...], kind: MaskKind) -> tuple[Color, ...]:
    """Return the color that each class is drawn in: the masks' own where they have one."""
    if kind == "colors":
        return tuple(unpack(value) for value in values)
    own: dict[int, Color] = {}
    for look in looks if kind == "palette" else ():
        own |= look.palette
    drawn = tuple(own.get(value, color) for value, color in zip(values, class_colors(len(values)), strict=True))
    return drawn if len(set(drawn)) == len(drawn) else class_colors(len(values))
