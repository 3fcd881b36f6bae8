"""The size of pictures as a user writes it: one number for squares, or height and width."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

from percept.errors import OptionError


def image_size(asked: Any) -> tuple[int, int] | None:
    """Return (height, width), or None where none is asked for.

    Args:
        asked: a whole number, two of them, or None.

    Raises:
        OptionError: it is none of these.

    Example:
        >>> image_size(32), image_size((24, 32))
        ((32, 32), (24, 32))
    """
    if asked is None:
        return None
    sides = (asked, asked) if isinstance(asked, Integral) else tuple(asked) if isinstance(asked, Sequence) else ()
    whole = [int(side) for side in sides if isinstance(side, Integral) and int(side) >= 1]
    if len(whole) != 2 or len(sides) != 2:
        raise OptionError(f"image_size is {asked!r}; expected a number of pixels, or (height, width)")
    return whole[0], whole[1]
