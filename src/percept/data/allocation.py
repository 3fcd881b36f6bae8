"""How samples are dealt out to parts: each its share of every class, what belongs together never torn apart."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

_MOST_TRIES = 10  # random orders of the units, of which the best is kept
_MOST_STEPS = 20_000  # units dealt over all tries


def quotas(counts: NDArray[np.int64], shares: Sequence[float], least: int = 1) -> NDArray[np.int64]:
    """Return how many samples of each class go to each part, by the method of largest remainders.

    Args:
        counts: (classes,) samples of each class.
        shares: the share of each part that is cut off, in (0, 1), less than 1 together.
        least: the fewest samples of each class in each part; a class must have that many times all the parts.

    Returns:
        (parts + 1, classes): the parts in order, then what remains. Every figure of the parts is the share rounded up
        or down, and their sum the rounded share of all, unless `least` asks for more.

    Example:
        >>> quotas(np.array([10, 30]), [0.25]).tolist()
        [[3, 7], [7, 23]]
    """
    table = np.zeros((len(shares) + 1, len(counts)), dtype=np.int64)
    for part, share in enumerate(shares):
        ideal = share * counts
        low = np.maximum(np.floor(ideal).astype(np.int64), np.minimum(least, counts))
        remainder = np.where(ideal > low, ideal - low, 0.0)
        more = max(0, round(share * int(counts.sum())) - int(low.sum()))
        raised = np.argsort(-remainder, kind="stable")[:more]
        low[raised[remainder[raised] > 0]] += 1
        table[part] = low
    table[-1] = counts - table[:-1].sum(axis=0)
    for number in np.flatnonzero(table[-1] < least):
        while table[-1, number] < least and table[:-1, number].max(initial=0) > least:
            table[np.argmax(table[:-1, number]), number] -= 1
            table[-1, number] += 1
    return table


def deal(
    units: NDArray[np.int64], strata: NDArray[np.int64], table: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.int64]:
    """Return the part of each sample.

    Args:
        units: (samples,) numbers from 0; samples of one unit go to one part.
        strata: (samples,) class numbers from 0.
        table: (parts, classes) how many samples of each class each part should get, of `quotas`.
        random: where chance comes from.

    Returns:
        (samples,) row of `table`; as the table says if units are single samples, else as near as the best of several
        tries comes, a class missing from a part being the worst that can happen.
    """
    sizes = np.bincount(units)
    large = np.flatnonzero(sizes > 1)
    tries = min(_MOST_TRIES, max(1, _MOST_STEPS // len(large))) if len(large) else 1
    best, least_cost = np.zeros(len(units), dtype=np.int64), np.inf
    for _ in range(tries):
        part = _deal_once(units, strata, table, large, random)
        cost = _cost(part, strata, table)
        if cost < least_cost:
            best, least_cost = part, cost
    return best


def _deal_once(
    units: NDArray[np.int64],
    strata: NDArray[np.int64],
    table: NDArray[np.int64],
    large: NDArray[np.int64],
    random: np.random.Generator,
) -> NDArray[np.int64]:
    home = np.full(units.max() + 1, -1)
    sizes = _unit_sizes(units, strata, large, table.shape[1])  # (large units, classes)
    for number, part in _deal_large(sizes, np.bincount(strata) - sizes.sum(axis=0), table, random):
        home[large[number]] = part
    result = home[units]
    need = table.copy()
    np.subtract.at(need, (result[result >= 0], strata[result >= 0]), 1)
    for stratum in range(table.shape[1]):
        rows = random.permutation(np.flatnonzero((result < 0) & (strata == stratum)))
        places = np.maximum(need[:, stratum], 0)
        places[-1] = max(0, len(rows) - places[:-1].sum())
        result[rows] = np.repeat(np.arange(len(table)), places)[: len(rows)]
    return result


def _deal_large(
    sizes: NDArray[np.int64], singles: NDArray[np.int64], table: NDArray[np.int64], random: np.random.Generator
) -> Iterator[tuple[int, int]]:
    """Yield the number and part of each unit of several samples, in random order."""
    need = table.astype(np.float64)
    lacking = table > 0  # (parts, classes)
    left = (sizes > 0).sum(axis=0) + singles  # units not yet dealt that hold the class
    weights = 1 / np.maximum(table.sum(axis=0), 1)
    wanted = np.maximum(table, 0.5)
    for number in random.permutation(len(sizes)).tolist():
        size = sizes[number]
        # The part that stays emptiest for its size, seen by the unit's classes, the rare ones above all.
        room = ((need - size) / wanted) @ (size * weights)
        # A class of which no more units are left than parts that lack it must go to one of those.
        last = (size > 0) & (lacking.sum(axis=0) >= left)
        covered = (lacking & last).sum(axis=1)
        part = int(np.lexsort((room, covered))[-1])
        yield number, part
        need[part] -= size
        lacking[part] &= size == 0
        left -= size > 0


def _unit_sizes(
    units: NDArray[np.int64], strata: NDArray[np.int64], large: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    row = np.full(units.max() + 1, -1)
    row[large] = np.arange(len(large))
    inside = row[units] >= 0
    sizes = np.zeros((len(large), classes), dtype=np.int64)
    np.add.at(sizes, (row[units][inside], strata[inside]), 1)
    return sizes


def _cost(part: NDArray[np.int64], strata: NDArray[np.int64], table: NDArray[np.int64]) -> float:
    got = np.zeros_like(table)
    np.add.at(got, (part, strata), 1)
    absent = ((got == 0) & (table > 0)).sum()
    away = np.abs(got - table).sum(axis=1) / np.maximum(table.sum(axis=1), 1)
    return float(absent * 100 + away.sum())
