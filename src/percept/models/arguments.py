"""The checks that builders share: an argument out of range is refused before a layer is made."""

from collections.abc import Sequence
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
