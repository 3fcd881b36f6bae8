"""Whether an estimator's arguments make sense: small checks, each of which says in one sentence what is wrong."""

from collections.abc import Iterable
from difflib import get_close_matches
from math import inf
from numbers import Integral, Real

import numpy as np

from percept.errors import OptionError


def check_number(name: str, value: object, *, low: float = 0.0, high: float = inf, ends: str = "[)") -> None:
    """Raise unless a value is a number in a range.

    Args:
        name: of the argument.
        value: what was given for it.
        low: lower end of the range.
        high: upper end.
        ends: "[" or "(" and "]" or ")", whether each end belongs to the range.

    Raises:
        OptionError: it is no number, not a number of the range, or NaN.

    Example:
        >>> check_number("alpha", 0.1)
    """
    fits = isinstance(value, Real) and (low <= float(value) if ends[0] == "[" else low < float(value))
    if fits and isinstance(value, Real) and (float(value) <= high if ends[1] == "]" else float(value) < high):
        return
    above = f"{'of at least' if ends[0] == '[' else 'above'} {low:g}"
    below = "" if high == inf else f" and {'at most' if ends[1] == ']' else 'below'} {high:g}"
    raise OptionError(f"{name} is {value!r}; expected a number {above}{below}")


def check_whole(name: str, value: object, *, low: int = 1) -> None:
    """Raise unless a value is a whole number of at least `low`.

    Raises:
        OptionError: it is not.

    Example:
        >>> check_whole("max_iter", 200)
    """
    if not isinstance(value, Integral) or int(value) < low:
        raise OptionError(f"{name} is {value!r}; expected a whole number of at least {low}")


def check_flag(name: str, value: object) -> None:
    """Raise unless a value is True or False.

    Raises:
        OptionError: it is not.

    Example:
        >>> check_flag("shuffle", True)
    """
    if not isinstance(value, (bool, np.bool_)):
        raise OptionError(f"{name} is {value!r}; expected True or False")


def check_choice(name: str, value: object, choices: Iterable[str | None]) -> None:
    """Raise unless a value is one of the choices.

    Raises:
        OptionError: it is not; a close match is named.

    Example:
        >>> check_choice("solver", "adam", ("adam", "sgd"))
    """
    known = tuple(choices)
    if (value is None or isinstance(value, str)) and value in known:
        return
    near = get_close_matches(str(value), [choice for choice in known if choice is not None], n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    raise OptionError(f"{name} is {value!r}; expected one of {', '.join(map(str, known))}{meant}")
