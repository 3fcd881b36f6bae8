"""Augmentations by name, and the one that fits the data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from percept.data.augment.recipe import Augmentation, known_change
from percept.errors import OptionError

SMALL = 48  # pixels: below it interpolation blurs what little there is, and whole-pixel moves are the rule (He et al.)
SWITCHES = ("flip", "flip_vertical", "quarter_turns")
EXAMPLES = {
    "shift": "0.1",
    "rotate": "15",
    "scale": "0.1",
    "shear": "10",
    "affine": "0.1",
    "perspective": "0.1",
    "crop": "0.3",
    "elastic": "0.02",
    "crop_size": "256x256",
    "border": "reflect",
    "brightness": "0.2",
    "contrast": "0.2",
    "saturation": "0.2",
    "noise": "0.05",
    "blur": "1",
    "overlay": "0.2",
    "erase": "0.2",
}
"""How far each change goes in the messages."""

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
DIRECTIONS = (
    *("left", "right", "up", "down", "top", "bottom", "upper", "lower", "upward", "upwards", "downward", "downwards"),
    *("north", "south", "east", "west", "clockwise", "counterclockwise", "anticlockwise"),
    *("horizontal", "vertical", "forward", "backward"),
)


@dataclass(frozen=True)
class Traits:
    """What is known of some pictures.

    Attributes:
        size: (height, width) of the network's input, pixels.
        channels: 1 (grey) or 3 (colors).
        flip: whether a picture's mirror image, left and right exchanged, could as well have been in the data.
        flip_vertical: the same with top and bottom exchanged.
        quarter_turns: the same after a quarter turn.
        masks: whether the pictures have masks.
    """

    size: tuple[int, int]
    channels: int
    flip: bool = False
    flip_vertical: bool = False
    quarter_turns: bool = False
    masks: bool = False


def names_allow_flips(classes: Sequence[str]) -> bool:
    """Return whether the names of classes let a mirror image keep its class: not so for digits, letters, directions.

    Args:
        classes: the names.

    Source: notes §3.4.1 (augmented pictures should retain the original label).

    Example:
        >>> names_allow_flips(["ant", "bee"]), names_allow_flips(["6", "9"]), names_allow_flips(["turn left", "stop"])
        (True, False, False)
    """
    words = [name.casefold().replace("_", " ").replace("-", " ").split() for name in classes]
    written = all(len(each) == 1 and (len(each[0]) == 1 or each[0] in DIGITS or each[0].isdecimal()) for each in words)
    return not (classes and written) and not any(word in DIRECTIONS for each in words for word in each)


def automatic(traits: Traits) -> Augmentation:
    """Return the augmentation that suits the pictures.

    Small pictures are shifted by whole pixels and flipped; larger ones are cropped, turned a little and lit otherwise;
    those that look the same from every side are turned all the way and, with masks, bent instead of cropped.

    Args:
        traits: what is known of the pictures.

    Source: notes §3.4.1; He et al. 2016, section 4.2 (shift and flip of 32 by 32 pixels); Szegedy et al. 2015,
        section 6 (crops, light); Ronneberger et al. 2015, section 3.1 (all turns and elastic bends of cells).
    """
    allowed = {name: getattr(traits, name) for name in SWITCHES}
    if min(traits.size) < SMALL and not traits.masks:
        return Augmentation(shift=0.125, border="edge", **allowed)
    lit = Augmentation(brightness=0.2, contrast=0.2, saturation=0.2 if traits.channels == 3 else 0.0, **allowed)
    if traits.quarter_turns and traits.masks:
        return replace(lit, rotate=180.0, scale=0.1, shift=0.05, elastic=0.02)
    return replace(lit, rotate=180.0 if traits.quarter_turns else 10.0, crop=0.4)


def light(traits: Traits) -> Augmentation:
    """Return small changes that hardly any label minds."""
    values = {name: getattr(traits, name) for name in SWITCHES}
    return Augmentation(shift=0.05, rotate=5.0, scale=0.05, brightness=0.1, contrast=0.1, **values)


def strong(traits: Traits) -> Augmentation:
    """Return large changes of every kind, for few pictures or a rare class."""
    return Augmentation(
        **{name: getattr(traits, name) for name in SWITCHES},
        rotate=180.0 if traits.quarter_turns else 25.0,
        shear=10.0,
        perspective=0.1,
        crop=0.5,
        elastic=0.02 if traits.masks else 0.0,
        brightness=0.4,
        contrast=0.4,
        saturation=0.4 if traits.channels == 3 else 0.0,
        noise=0.05,
        blur=min(traits.size) / 200,
        erase=0.0 if traits.masks else 0.2,
    )


PRESETS: dict[str, Callable[[Traits], Augmentation]] = {
    "none": lambda traits: Augmentation(),
    "shift": lambda traits: Augmentation(shift=0.125, border="edge"),
    "auto": automatic,
    "light": light,
    "strong": strong,
}


def parse_augmentation(text: str, traits: Traits) -> Augmentation:
    """Return the augmentation that a text asks for: a preset's name, single changes, or a preset with changes.

    Args:
        text: such as "auto", "rotate=15,flip,brightness=0.2" or "light,flip=no".
        traits: what is known of the pictures, from which "auto", "light" and "strong" take their flips.

    Raises:
        OptionError: a name is unknown, a value is missing or out of its range, or a preset does not come first.

    Example:
        >>> parse_augmentation("rotate=15,flip", Traits((64, 64), 3)) == Augmentation(rotate=15, flip=True)
        True
    """
    parts = [part.strip() for part in text.split(",")]
    recipe = PRESETS[parts.pop(0)](traits) if parts[0] in PRESETS else Augmentation()
    values: dict[str, Any] = {}
    for part in parts:
        name, equals, value = (each.strip() for each in part.partition("="))
        if name in values:
            raise OptionError(f"augmentation has {name} twice in {text!r}; give it once")
        if name in PRESETS and not equals:
            raise OptionError(f"augmentation is {text!r}; a preset comes first and alone: {name},rotate=15")
        name = _named(name, text)
        values[name] = _value(name, value, bool(equals))
    return replace(recipe, **values)


def _named(name: str, text: str) -> str:
    if not name:
        raise OptionError(
            f"augmentation is {text!r}; expected one of {', '.join(PRESETS)}, or changes such as rotate=15,flip"
        )
    try:
        return known_change(name)
    except OptionError as error:
        raise OptionError(f"{error}; or a preset: {', '.join(PRESETS)}") from None


def _value(name: str, value: str, given: bool) -> object:
    if name in SWITCHES:
        words = {"": True, "yes": True, "true": True, "no": False, "false": False}
        return words.get(value.casefold(), value)
    if not given:
        raise OptionError(f"augmentation has {name} without a value; write how far it goes: {name}={EXAMPLES[name]}")
    if name == "border":
        return value
    try:
        return tuple(int(side) for side in value.split("x")) if name == "crop_size" else float(value)
    except ValueError:
        return value  # the recipe says what is wrong with it
