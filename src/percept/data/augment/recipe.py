"""What may happen to a training picture: how far each change goes, as plain values that a file can hold."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, Literal, Self, get_args

from percept.errors import OptionError

Border = Literal["reflect", "edge"]

LARGEST: dict[str, float] = {
    "shift": 0.5,
    "rotate": 180.0,
    "scale": 1.0,
    "shear": 45.0,
    "affine": 0.3,
    "perspective": 0.2,
    "crop": 0.95,
    "elastic": 0.05,
    "brightness": 1.0,
    "contrast": 1.0,
    "saturation": 1.0,
    "noise": 0.5,
    "blur": 10.0,
    "overlay": 0.45,
    "erase": 0.5,
}
"""How far each change may go at most; above it pictures fold over, or no longer show what their label says."""
INTERPOLATED = ("rotate", "scale", "shear", "affine", "perspective", "crop", "elastic")
"""Changes after which a pixel lies between pixels; shifts, flips and quarter turns alone move whole pixels."""


@dataclass(frozen=True)
class Augmentation:
    """How far each change of a picture goes at most; 0 or False leaves it out. Every picture draws its own.

    Attributes:
        shift: by up to this share of each side; by whole pixels where nothing else interpolates. [0, 0.5]
        rotate: by up to so many degrees either way. [0, 180]
        scale: larger or smaller by up to the factor 1 + scale. [0, 1]
        shear: slanted by up to so many degrees along each axis. [0, 45]
        affine: each entry of the 2 by 2 matrix of the move changed by up to so much: stretched and slanted. [0, 0.3]
        perspective: each corner moved by up to this share of the sides. [0, 0.2]
        crop: up to this share of the area cut away at a random place, the rest enlarged to the full size. [0, 0.95]
        elastic: standard deviation of the displacements at the nodes of a 3 by 3 grid, as a share of the shorter
            side, at most two of them; smooth in between. [0, 0.05]
        flip: left and right exchanged in half of the pictures.
        flip_vertical: top and bottom exchanged in half of the pictures.
        quarter_turns: by 0, 90, 180 or 270 degrees; by 0 or 180 where the sides differ.
        crop_size: (height, width) of a window cut out at a random place and not enlarged, pixels; None for no cut.
        border: what lies beyond the picture: "reflect", the picture mirrored, or "edge", its last pixels repeated.
        brightness: multiplied by up to 1 plus or minus this. [0, 1]
        contrast: distance from the mean grey multiplied by up to 1 plus or minus this. [0, 1]
        saturation: distance of colors from their grey multiplied by up to 1 plus or minus this. [0, 1]
        noise: standard deviation of up to this, white being 1, in half of the pictures. [0, 0.5]
        blur: standard deviation of a Gaussian of up to so many pixels, in half of the pictures. [0, 10]
        overlay: another picture of the batch superimposed with a weight of up to this, in half of them; the label
            stays, so it is below one half. [0, 0.45]
        erase: a rectangle of up to this share of the area filled with the picture's mean, in half of them. [0, 0.5]

    Raises:
        OptionError: a value is out of its range or of the wrong type.

    Source: notes §3.4.1; Simard et al. 2003 (elastic deformations); Ronneberger et al. 2015, section 3.1 (their 3 by 3
        grid); Zhong et al. 2020 (erasing).

    Example:
        >>> Augmentation(rotate=15, flip=True).to_json()["rotate"]
        15.0
    """

    shift: float = 0.0
    rotate: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    affine: float = 0.0
    perspective: float = 0.0
    crop: float = 0.0
    elastic: float = 0.0
    flip: bool = False
    flip_vertical: bool = False
    quarter_turns: bool = False
    crop_size: tuple[int, int] | None = None
    border: Border = "reflect"
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    noise: float = 0.0
    blur: float = 0.0
    overlay: float = 0.0
    erase: float = 0.0

    def __post_init__(self) -> None:
        for name, largest in LARGEST.items():
            object.__setattr__(self, name, _number(name, getattr(self, name), largest))
        for name in ("flip", "flip_vertical", "quarter_turns"):
            if not isinstance(getattr(self, name), bool):
                raise OptionError(
                    f"augmentation has {name}={getattr(self, name)!r}; expected true or false:"
                    f" write {name} or leave it out"
                )
        if self.border not in get_args(Border):
            raise OptionError(f"augmentation has border={self.border!r}; expected one of 'reflect', 'edge'")
        object.__setattr__(self, "crop_size", _size(self.crop_size))

    @property
    def whole_pixels(self) -> bool:
        """Whether pixels land on pixels, so that nothing is interpolated."""
        return not any(getattr(self, name) for name in INTERPOLATED)

    @property
    def moves(self) -> bool:
        """Whether anything moves."""
        names = ("shift", "flip", "flip_vertical", "quarter_turns", "crop_size", *INTERPOLATED)
        return any(getattr(self, name) for name in names)

    def to_json(self) -> dict[str, Any]:
        """Return the values for JSON or TOML; a window that is not cut is left out, TOML having no null."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.crop_size is None:
            return {name: value for name, value in values.items() if name != "crop_size"}
        return values | {"crop_size": list(self.crop_size)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the recipe of some values; those left out are off.

        Raises:
            OptionError: a name is unknown, or a value out of its range.
        """
        for name in values:
            known_change(name)
        return cls(**values)


def known_change(name: str) -> str:
    """Return the name of a change.

    Raises:
        OptionError: there is no such change.
    """
    names = [field.name for field in fields(Augmentation)]
    if name in names:
        return name
    close = get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]}?" if close else f"expected some of {', '.join(names)}"
    raise OptionError(f"augmentation has no {name!r}; {hint}")


def _number(name: str, value: object, largest: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= largest:  # NaN fails too
        raise OptionError(f"augmentation has {name}={value!r}; expected a number from 0 (off) to {largest:g}")
    return float(value)


def _size(value: object) -> tuple[int, int] | None:
    if value is None:
        return None
    pair = tuple(value) if isinstance(value, (tuple, list)) else ()
    if len(pair) != 2 or any(isinstance(side, bool) or not isinstance(side, int) or side < 1 for side in pair):
        raise OptionError(f"augmentation has crop_size={value!r}; expected (height, width) in pixels, such as 256x256")
    return pair[0], pair[1]
