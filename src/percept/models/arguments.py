"""The checks that builders share: an argument out of range is refused before a layer is made."""

import math
from collections.abc import Collection, Sequence
from numbers import Integral

from percept.errors import OptionError


def require_counts(builder: str, **named: int | Sequence[int]) -> None:
    """Refuse an argument that is not a whole number of at least 1, or a sequence of such.

    Args:
        builder: name of the architecture, for the message.
        named: the arguments by name.

    Raises:
        OptionError: one of them is out of range.
    """
    for name, value in named.items():
        numbers = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        if not all(_is_count(number) for number in numbers):
            plural = "whole numbers" if numbers is value else "a whole number"
            raise OptionError(f"{builder}: {name} is {value!r}; expected {plural} of at least 1")


def _is_count(number: object) -> bool:
    # True counts as the number 1 in Python, but is no count that a user means.
    return isinstance(number, Integral) and not isinstance(number, bool) and int(number) >= 1


def require_share(builder: str, **named: float) -> None:
    """Refuse an argument that is not a number from 0 up to, but not including, 1.

    Args:
        builder: name of the architecture, for the message.
        named: the arguments by name.

    Raises:
        OptionError: one of them is out of range.
    """
    for name, value in named.items():
        if not isinstance(value, int | float) or not 0 <= value < 1:
            raise OptionError(f"{builder}: {name} is {value!r}; expected a number from 0 up to, but not including, 1")


def require_size(builder: str, size: Sequence[int], smallest: int) -> None:
    """Refuse a size of pictures that is no height and width, or too small for the layers.

    Args:
        builder: name of the architecture, for the message.
        size: height and width, pixels.
        smallest: the smallest side that the layers can take, pixels.

    Raises:
        OptionError: it is out of range.
    """
    if len(size) != 2:
        raise OptionError(f"{builder}: size is {list(size)}; expected a height and a width of at least {smallest}")
    if min(size) < smallest:
        height, width = (max(side, smallest) for side in size)
        raise OptionError(
            f"{builder}: size is {list(size)}; expected a height and a width of at least {smallest}:"
            f" the nearest size that works is {height}x{width}"
        )


def require_multiplier(builder: str, **named: float) -> None:
    """Refuse an argument that is not a finite number above 0.

    Args:
        builder: name of the architecture, for the message.
        named: the arguments by name.

    Raises:
        OptionError: one of them is out of range.
    """
    for name, value in named.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise OptionError(f"{builder}: {name} is {value!r}; expected a number above 0")


def require_choice(builder: str, known: Collection[object], **named: object) -> None:
    """Refuse an argument that is none of the known values.

    Args:
        builder: name of the architecture, for the message.
        known: the values it may have.
        named: the arguments by name.

    Raises:
        OptionError: one of them is another.
    """
    for name, value in named.items():
        if value not in list(known):
            raise OptionError(f"{builder}: {name} is {value!r}; expected {' or '.join(map(str, known))}")
