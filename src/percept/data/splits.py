"""The split: each sample in training, validation or test once and for all, and nothing alike on two sides."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from percept.data.allocation import deal, quotas
from percept.data.dataset import Kind, Target
from percept.data.duplicates import first_alike
from percept.errors import DataError, OptionError

Part = Literal["train", "validation", "test", "out"]
_STRATA = 10  # bins of equal count that stand for classes where a number is predicted


@dataclass(frozen=True)
class Split:
    """Which part each sample belongs to.

    Attributes:
        part: (samples,) "train", "validation", "test", or "out" for samples that are not used.
        reasons: (samples,) why a sample is out, such as "copy of train/rose/a.jpg"; "" for all others.
        notes: sentences that tell the user what was done.
    """

    part: NDArray[np.str_]
    reasons: NDArray[np.str_]
    notes: tuple[str, ...] = ()


def make_split(
    target: Target,
    given: NDArray[np.str_],
    *,
    keys: Sequence[str],
    seed: int,
    content: Sequence[str] | None = None,
    near: NDArray[np.int64] | None = None,
    groups: NDArray[np.int64] | None = None,
    test: float | None = 0.2,
    validation: float = 0.15,
    kind: Kind = "table",
) -> Split:
    """Split samples into training, validation and test.

    Parts that the user gave are kept, but for pictures and groups that stand on a later side as well: what is in the
    test part leaves validation and training, what is in the validation part leaves training. Equal rows of a table
    may be different cases, so there they stay and a note counts them. The missing parts are cut from the rest, each
    class in proportion (for numbers: each tenth of the samples in order), copies and groups in one piece.

    Args:
        target: what is to be predicted.
        given: (samples,) "train", "validation" or "test" where the user said so, else "".
        keys: (samples,) names of the samples.
        seed: the same seed gives the same split.
        content: (samples,) equal digests mean equal content; "" is like no other. None: no copies are looked for.
        near: (samples,) equal numbers mean near copies of each other, or None.
        groups: (samples,) equal numbers belong together, or None.
        test: share of the samples not given to a part that is cut for testing; None cuts no test part. A test part
            that the user gave is kept in any case.
        validation: share of the samples not given to a part that is cut for validation.
        kind: whether the samples are pictures or rows of a table.

    Raises:
        OptionError: a share is not between 0 and 1.
        DataError: a class has too few samples or groups for the parts that are to be made.

    Source: notes 2.5, "To properly evaluate the model's ability to generalize": stratified, the test set hidden.
    """
    _check_shares(test, validation)
    what = "pictures" if kind == "image" else "rows"
    part = np.where(given == "", "train", given).astype("<U10")
    reasons = np.full(len(part), "", dtype=object)
    copies = None if content is None else first_alike(content)
    tied = None if groups is None else np.unique(groups, return_inverse=True)[1].astype(np.int64)
    notes = []
    if copies is not None:
        notes += _leave(part, reasons, keys, copies, "copy of", what, stays=kind == "table")
    if near is not None:
        notes += _leave(part, reasons, keys, near, "near copy of", what)
    if tied is not None:
        notes += _leave(part, reasons, keys, tied, "same group as", what)
    cuts = {"test": test} if test is not None and not (part == "test").any() else {}
    cuts |= {"validation": validation} if not (part == "validation").any() else {}
    rest = np.flatnonzero(part == "train")
    _check_counts(target, rest, 1 + len(cuts), "test" in cuts, "".join(f" ({note})" for note in notes))
    if cuts:
        units = _units([numbers[rest] for numbers in (copies, near, tied) if numbers is not None], len(rest))
        part[rest] = _cut(target.take(rest), units, cuts, seed)
        _check_parts(target, part, list(cuts), grouped=groups is not None)
        notes += _cut_notes(part, rest, units, cuts, what)
    return Split(part, reasons.astype(np.str_), tuple(notes))


def tied_units(
    content: Sequence[str] | None,
    groups: NDArray[np.int64] | None,
    count: int,
    near: NDArray[np.int64] | None = None,
) -> NDArray[np.int64] | None:
    """Return (samples,) numbers, equal for samples that copies or groups tie together; None where none are tied.

    Args:
        content: (samples,) equal digests mean equal content; None: no copies are looked for.
        groups: (samples,) equal numbers belong together, or None.
        count: of the samples.
        near: (samples,) equal numbers mean near copies of each other, or None.
    """
    copies = None if content is None else first_alike(content)
    tied = None if groups is None else np.unique(groups, return_inverse=True)[1].astype(np.int64)
    units = _units([numbers for numbers in (copies, near, tied) if numbers is not None], count)
    return units if int(units.max(initial=-1)) + 1 < count else None


def _check_shares(test: float | None, validation: float) -> None:
    for name, share in (("test", test), ("validation", validation)):
        if share is not None and not 0 < share < 1:
            raise OptionError(f"the {name} share is {share}; expected a number between 0 and 1, such as 0.2")
    if (test or 0) + validation >= 1:
        raise OptionError(
            f"the shares of test ({test}) and validation ({validation}) leave nothing to train on; lower them"
        )


def _leave(
    part: NDArray[np.str_],
    reasons: NDArray[np.object_],
    keys: Sequence[str],
    numbers: NDArray[np.int64],
    words: str,
    what: str,
    *,
    stays: bool = False,
) -> list[str]:
    """Mark as out what has the number of a sample in a later part, unless it stays, and tell how many there are."""
    found = 0
    for later, earlier in (("test", ("validation", "train")), ("validation", ("train",))):
        holders = np.flatnonzero(part == later)[::-1]
        first = np.full(int(numbers.max(initial=0)) + 1, -1)
        first[numbers[holders]] = holders  # backwards, so that the first holder remains
        leaving = np.flatnonzero((first[numbers] >= 0) & np.isin(part, earlier))
        found += len(leaving)
        if not stays:
            part[leaving] = "out"
            reasons[leaving] = [f"{words} {keys[holder]}" for holder in first[numbers[leaving]]]
    if not found:
        return []
    if stays:
        return [f"{found} {what} for training or validation have the same features as some in a part kept apart"]
    why = {"copy of": "copies of", "near copy of": "near copies of"}.get(words, "of the same group as")
    return [f"{found} {what} leave training or validation, being {why} some in a part kept apart"]


def _check_counts(target: Target, rest: NDArray[np.int64], need: int, cuts_test: bool, left: str) -> None:
    hint = ", or pass --test none" if cuts_test else ""
    if target.task == "regression":
        if len(rest) < need:
            raise DataError(f"there are {len(rest)} samples to train on, {need} are needed{left}; add samples{hint}")
        return
    counts = np.bincount(target.values[rest].astype(np.int64), minlength=len(target.classes))
    few = np.flatnonzero(counts < need)
    if len(few):
        others = f" (and {len(few) - 1} more classes have too few)" if len(few) > 1 else ""
        raise DataError(
            f"class {target.classes[few[0]]!r} has {counts[few[0]]} samples to train on, {need} are needed, one for"
            f" each part that is to be made{others}{left}; add samples, merge the class with another or leave it"
            f" out{hint}"
        )


def _units(alike: Sequence[NDArray[np.int64]], count: int) -> NDArray[np.int64]:
    """Return (samples,) numbers from 0, equal for samples that equal content or groups tie together, link by link."""
    if not alike:
        return np.arange(count)
    rows = np.arange(count)
    # Samples are the first nodes of a graph, contents and groups the others; a unit is one connected component.
    offsets = np.cumsum([count, *(int(numbers.max(initial=0)) + 1 for numbers in alike)])
    ends = np.concatenate([numbers + offset for numbers, offset in zip(alike, offsets[:-1], strict=True)])
    starts = np.tile(rows, len(alike))
    graph = coo_array((np.ones(len(ends), dtype=np.bool_), (starts, ends)), shape=(offsets[-1], offsets[-1]))
    labels = connected_components(graph, directed=False)[1][:count]
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _cut(target: Target, units: NDArray[np.int64], cuts: dict[str, float], seed: int) -> NDArray[np.str_]:
    values = target.values
    bins = max(1, min(_STRATA, len(values) // 10))
    if target.task == "regression":
        edges = np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1])
        values = np.digitize(values, edges)
    strata = np.unique(values, return_inverse=True)[1].astype(np.int64)
    # The bins of a number are a means, not something that each part must hold.
    least = 1 if target.task == "classification" or bins == 1 else 0
    table = quotas(np.bincount(strata), list(cuts.values()), least)
    return np.array([*cuts, "train"])[deal(units, strata, table, np.random.default_rng(seed))]


def _check_parts(target: Target, part: NDArray[np.str_], made: Sequence[str], *, grouped: bool) -> None:
    ties = "groups or copies" if grouped else "copies of each other"
    for name in ("train", *made):
        inside = part == name
        present = np.unique(target.values[inside])
        if target.task == "regression" and len(present):
            continue
        lacking = [label for number, label in enumerate(target.classes) if number not in present]
        if lacking or not len(present):
            who = f"class {lacking[0]!r}" if lacking else "any sample"
            raise DataError(
                f"the {name} part cannot get {who}: its samples are {ties}, which stay together in fewer pieces than"
                f" the {len(made) + 1} parts; add samples{' of other groups' * grouped}, leave the class out"
                f"{', or pass --test none' * ('test' in made)}"
            )


def _cut_notes(
    part: NDArray[np.str_], rest: NDArray[np.int64], units: NDArray[np.int64], cuts: dict[str, float], what: str
) -> list[str]:
    together = int((np.bincount(units)[units] > 1).sum())
    if not together:
        return []
    notes = [f"{together} {what} are tied to others, by group or as copies, and stand on one side with them"]
    for name, share in cuts.items():
        got = float((part[rest] == name).mean())
        if abs(got - share) > 0.05:
            notes.append(
                f"the {name} part holds {got:.0%} of the {what} instead of {share:.0%}, because tied ones stay together"
            )
    return notes
