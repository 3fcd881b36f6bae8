"""Pictures that equal or nearly equal one another: contradicting each other, standing in two parts, or repeating."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from percept.data.audit.finding import Finding, counted
from percept.data.dataset import Dataset

Groups = list[list[int]]


@dataclass(frozen=True)
class _Words:
    """How copies of one kind are told of."""

    kind: str
    bear: str
    wrong: str
    stand: str
    one: str
    many: str
    never: str


_EXACT = _Words(
    "copies",
    "are copies that bear different labels",
    "one of the labels must be wrong",
    "stand in more than one part",
    "picture is a copy",
    "pictures are copies",
    "percept fit never puts copies on two sides of a split",
)
_NEAR = _Words(
    "near_copies",
    "are near copies that bear different labels",
    "one of the labels may be wrong",
    "have near copies in another part",
    "picture is a near copy",
    "pictures are near copies",
    "percept fit keeps near copies on one side of a split where it can",
)


def audit_copies(dataset: Dataset, content: Sequence[str], near: NDArray[np.int64] | None = None) -> Iterator[Finding]:
    """Yield what pictures that look alike do: contradict each other, stand in two parts, or merely repeat.

    Args:
        dataset: the pictures.
        content: one digest a picture; equal digests, equal pictures; "" is like no other.
        near: (samples,) equal numbers for near copies of each other; None: none are looked for. A group of near
            copies that are all equal is told of as copies alone.
    """
    yield from _findings(dataset, _groups(content), _EXACT)
    if near is not None:
        several = [rows for rows in _groups(near.tolist()) if len({content[row] for row in rows}) > 1]
        yield from _findings(dataset, several, _NEAR)


def _groups(numbers: Iterable[Hashable]) -> Groups:
    """Return the rows of each number that stands more than once."""
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for row, number in enumerate(numbers):
        if number != "":
            groups[number].append(row)
    return [rows for rows in groups.values() if len(rows) > 1]


def _findings(dataset: Dataset, groups: Groups, words: _Words) -> Iterator[Finding]:
    labels, parts = dataset.target.values, dataset.given
    contradicting = [rows for rows in groups if _differ(rows, labels)]
    crossing = [rows for rows in groups if _differ(rows, parts)]
    repeating = [rows for rows in groups if not _differ(rows, labels) and not _differ(rows, parts)]
    if contradicting:
        number = sum(map(len, contradicting))
        first, second = _two_that_differ(contradicting[0], labels)
        text = (
            f"{number:,} pictures {words.bear}, such as {dataset.keys[first]} and {dataset.keys[second]}: {words.wrong}"
        )
        yield Finding("warning", text, _keys(dataset, contradicting), f"contradicting_{words.kind}", number)
    if crossing:
        number = sum(map(len, crossing))
        first, second = _two_that_differ(crossing[0], parts)
        text = (
            f"{number:,} pictures {words.stand}, such as {dataset.keys[first]} and"
            f" {dataset.keys[second]}: figures would be too good, so percept fit keeps them in the later part alone"
        )
        yield Finding("warning", text, _keys(dataset, crossing), f"{words.kind}_across_parts", number)
    if repeating:
        number = sum(len(rows) - 1 for rows in repeating)
        first, second = repeating[0][:2]
        text = (
            f"{counted(number, words.one, words.many)} of another one, such as"
            f" {dataset.keys[second]} of {dataset.keys[first]}; {words.never}"
        )
        yield Finding("note", text, _keys(dataset, repeating), words.kind, number)


def _differ(rows: list[int], values: NDArray[np.generic]) -> bool:
    return bool((values[rows] != values[rows[0]]).any())


def _two_that_differ(rows: list[int], values: NDArray[np.generic]) -> tuple[int, int]:
    return rows[0], next(row for row in rows if values[row] != values[rows[0]])


def _keys(dataset: Dataset, groups: Groups) -> tuple[str, ...]:
    return tuple(dataset.keys[row] for rows in groups for row in rows)
