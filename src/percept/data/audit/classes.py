"""How many samples each class has, and where that is too few or too unequal."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from percept.data.audit.finding import Finding, Severity, counted
from percept.data.dataset import Dataset

PARTS = ("train", "validation", "test")
SMALL = 20  # samples below which one mistake moves a class's recall by 5 percentage points or more
UNEQUAL = 10  # times that the largest class may exceed the smallest
_LISTED = 10  # classes up to which every count is written out


def audit_classes(dataset: Dataset) -> Iterator[Finding]:
    """Yield what the class counts of a data set tell; nothing for regression.

    Args:
        dataset: labelled pictures or rows.

    Yields:
        The counts as a note; classes too small to be split or measured, very unequal ones, and those that a part
        laid down by the user does not have.
    """
    if dataset.target.task != "classification":
        return
    counts = np.bincount(dataset.target.values.astype(np.int64), minlength=len(dataset.target.classes))
    yield _counts(dataset, counts)
    yield from _too_small(dataset, counts)
    yield from _unequal(dataset, counts)
    yield from _absent_from_a_part(dataset)


def _counts(dataset: Dataset, counts: NDArray[np.int64]) -> Finding:
    names, number = dataset.target.classes, len(counts)
    if number <= _LISTED:
        listed = ", ".join(f"{name} {count:,}" for name, count in zip(names, counts, strict=True))
    else:
        least, most = int(counts.argmin()), int(counts.argmax())
        listed = f"from {counts[least]:,} ({names[least]}) to {counts[most]:,} ({names[most]})"
    text = f"{counted(len(dataset), 'sample')} of {counted(number, 'class', 'classes')}: {listed}"
    return Finding("note", text, names, "class_counts", number)


def _too_small(dataset: Dataset, counts: NDArray[np.int64]) -> Iterator[Finding]:
    names = np.array(dataset.target.classes)
    given = {"validation", "test"} & set(dataset.given.tolist())
    to_split = dataset.target.values[~np.isin(dataset.given, sorted(given))].astype(np.int64)
    needed = len(PARTS) - len(given)
    hopeless = np.bincount(to_split, minlength=len(names)) < needed
    if needed > 1 and hopeless.any():
        ways = "add samples or merge classes" if "test" in given else "add samples, merge classes, or pass --test none"
        text = (
            f"{counted(int(hopeless.sum()), 'class has', 'classes have')} fewer samples than the {needed} parts that"
            f" are to be made of them; {ways}"
        )
        yield Finding("error", text, tuple(names[hopeless].tolist()), "classes_below_split", int(hopeless.sum()))
    small = ~hopeless & (counts < SMALL)
    if small.any():
        text = (
            f"{counted(int(small.sum()), 'class has', 'classes have')} fewer than {SMALL} samples:"
            " too few to learn well, and what is measured on them says little"
        )
        yield Finding("warning", text, tuple(names[small].tolist()), "small_classes", int(small.sum()))


def _unequal(dataset: Dataset, counts: NDArray[np.int64]) -> Iterator[Finding]:
    names = dataset.target.classes
    most, least = int(counts.argmax()), int(np.where(counts > 0, counts, counts.max()).argmin())
    rare = counts * UNEQUAL < counts[most]
    if not rare.any():
        return
    text = (
        f"the classes are very unequal, {names[most]} has {counts[most] / counts[least]:.0f} times the samples of"
        f" {names[least]}: look at balanced accuracy and at each class's recall rather than at accuracy,"
        " and consider --class-weights balanced"
    )
    files = tuple(name for name, flag in zip(names, rare, strict=True) if flag)
    yield Finding("warning", text, files, "unequal_classes", int(rare.sum()))


def _absent_from_a_part(dataset: Dataset) -> Iterator[Finding]:
    names = dataset.target.classes
    for part in PARTS:
        inside = dataset.given == part
        if not inside.any():
            continue
        absent = sorted(set(range(len(names))) - set(np.unique(dataset.target.values[inside]).tolist()))
        if absent:
            severity: Severity = "error" if part == "train" else "warning"
            done = "learned" if part == "train" else "measured"
            text = (
                f"the {part} part has no sample of {counted(len(absent), 'class', 'classes')}:"
                f" nothing can be {done} there about {'it' if len(absent) == 1 else 'them'}"
            )
            files = tuple(names[number] for number in absent)
            yield Finding(severity, text, files, "classes_absent_from_part", len(absent))
