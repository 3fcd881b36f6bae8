"""A finding: one thing that the audit of a data set has to say, in one sentence."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
_GRAVITY: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class Finding:
    """One thing that the audit found.

    Attributes:
        severity: "error" where training stops until it is mended, "warning" where it can mislead the network or its
            figures, "note" where it is only good to know.
        text: one sentence for the user, with at most a few examples.
        files: every file, row, column or class it is about, by name.
        kind: what was looked for, such as "constant_columns": the same in every data set.
        count: how many were found, of what the text counts.
    """

    severity: Severity
    text: str
    files: tuple[str, ...]
    kind: str
    count: int


def gravest_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings with errors before warnings before notes, else in the order they came."""
    return tuple(sorted(findings, key=lambda finding: _GRAVITY[finding.severity]))


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun.

    Args:
        number: how many there are.
        one: the noun for one of them.
        many: the noun for several; by default `one` with an s.

    Example:
        >>> counted(1, "picture"), counted(2000, "picture"), counted(3, "class", "classes")
        ('1 picture', '2,000 pictures', '3 classes')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def percent(share: float) -> str:
    """Return a share in [0, 1] as a percentage, with a decimal where it would round to none or all.

    Example:
        >>> percent(0.25), percent(0.004), percent(0.9996)
        ('25 %', '0.4 %', '99.96 %')
    """
    for decimals in (0, 1, 2):
        text = f"{100 * share:.{decimals}f}"
        if share in (0, 1) or float(text) not in (0, 100):
            return f"{text} %"
    return "less than 0.01 %" if share < 0.5 else "more than 99.99 %"
