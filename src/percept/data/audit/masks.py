"""The audit of masks: how they were understood, rare and absent classes, empty and ignored pictures, copies."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from percept.data.audit.classes import PARTS
from percept.data.audit.finding import Finding, Severity, counted, gravest_first, percent
from percept.data.masks.dataset import SegmentationDataset
from percept.data.masks.meaning import describe

RARE = 0.01  # share of the known pixels below which a class is easily passed over
FEW = 3  # pictures that a class should be in, one for each part of the data
MOSTLY = 0.5  # share of a picture from which ignored pixels are told of


def audit_masks(
    dataset: SegmentationDataset, content: Sequence[str] = (), mask_content: Sequence[str] = ()
) -> tuple[Finding, ...]:
    """Return what is to be said of pictures with masks, gravest first; no file is read for it.

    Args:
        dataset: the pictures and masks, looked at already.
        content: a digest of each picture's pixels, to find copies; empty to leave that out.
        mask_content: a digest of each mask's, to find copies that contradict each other; empty to leave that out.
    """
    return gravest_first(
        [
            Finding(
                "note",
                describe(dataset.meaning, dataset.pixels.sum(axis=0), len(dataset)),
                dataset.classes,
                "masks_understood",
                len(dataset),
            ),
            *_classes(dataset),
            *_absent_from_a_part(dataset),
            *_pictures(dataset),
            *_sizes(dataset),
            *_copies(dataset, content, mask_content),
        ]
    )


def _classes(dataset: SegmentationDataset) -> Iterator[Finding]:
    """Yield which classes occur nowhere, in few pictures, or in few pixels."""
    counts = dataset.class_pixels()
    names = np.array(dataset.classes)
    absent = counts.masks == 0
    if absent.any():
        text = f"{_listed(names[absent])} {_occur(absent)} in no mask: nothing can be learned about {_them(absent)}"
        yield Finding("warning", text, tuple(names[absent].tolist()), "classes_absent", int(absent.sum()))
    few = ~absent & (counts.masks < min(FEW, len(dataset)))
    if few.any():
        text = (
            f"{_listed(names[few])} {_occur(few)} in fewer than {FEW} pictures: not every part of the data can have"
            f" {_them(few)}"
        )
        yield Finding("warning", text, tuple(names[few].tolist()), "classes_in_few_pictures", int(few.sum()))
    rare = ~absent & (counts.shares < RARE)
    if rare.any():
        shares = ", ".join(
            f"{name} {percent(share)}" for name, share in zip(names[rare], counts.shares[rare], strict=True)
        )
        text = (
            f"few pixels are of {shares}: look at each class's IoU rather than at pixel accuracy, and consider"
            " --class-weights balanced"
        )
        yield Finding("warning", text, tuple(names[rare].tolist()), "rare_classes", int(rare.sum()))


def _absent_from_a_part(dataset: SegmentationDataset) -> Iterator[Finding]:
    for part in PARTS:
        inside = dataset.given == part
        if not inside.any():
            continue
        here = dataset.pixels[inside, :-1].sum(axis=0) > 0
        absent = (dataset.pixels[:, :-1].sum(axis=0) > 0) & ~here
        if absent.any():
            severity: Severity = "error" if part == "train" else "warning"
            done = "learned" if part == "train" else "measured"
            names = np.array(dataset.classes)[absent]
            text = (
                f"no mask of the {part} part holds {_listed(names)}: nothing can be {done} there about {_them(absent)}"
            )
            yield Finding(severity, text, tuple(names.tolist()), "classes_absent_from_part", int(absent.sum()))


def _pictures(dataset: SegmentationDataset) -> Iterator[Finding]:
    """Yield which pictures hold one class alone, or hardly anything that is known."""
    known = dataset.pixels[:, :-1]
    single = (known > 0).sum(axis=1) == 1
    if single.any():
        keys = _keys(dataset, single)
        text = f"{counted(len(keys), 'mask shows', 'masks show')} one class alone, such as that of {keys[0]}"
        yield Finding("note", text, keys, "single_class", len(keys))
    total = dataset.pixels.sum(axis=1)
    ignored = dataset.pixels[:, -1] > MOSTLY * total
    if ignored.any():
        keys = _keys(dataset, ignored)
        text = f"{counted(len(keys), 'mask is', 'masks are')} more than half ignored, such as that of {keys[0]}"
        yield Finding("warning", text, keys, "mostly_ignored", len(keys))


def _sizes(dataset: SegmentationDataset) -> Iterator[Finding]:
    ordered = sorted(set(dataset.sizes), key=lambda size: (size[0] * size[1], size))
    if len(ordered) > 1:
        smallest, largest = (f"{width} x {height}" for height, width in (ordered[0], ordered[-1]))
        text = f"the pictures have {len(ordered):,} sizes, from {smallest} to {largest} pixels; none is resized"
        yield Finding("note", text, (), "sizes", len(ordered))


def _copies(dataset: SegmentationDataset, content: Sequence[str], mask_content: Sequence[str]) -> Iterator[Finding]:
    """Yield which pictures are equal, in several parts or with unlike masks above all."""
    groups: dict[str, list[int]] = defaultdict(list)
    for row, digest in enumerate(content):
        groups[digest].append(row)
    several = [rows for rows in groups.values() if len(rows) > 1]
    unlike = [rows for rows in several if mask_content and len({mask_content[row] for row in rows}) > 1]
    crossing = [rows for rows in several if len({str(dataset.given[row]) for row in rows}) > 1]
    if unlike:
        number = sum(map(len, unlike))
        text = f"{number:,} pictures are copies with unlike masks, such as {_two(dataset, unlike)}: one must be wrong"
        yield Finding("warning", text, _of(dataset, unlike), "contradicting_copies", number)
    if crossing:
        number = sum(map(len, crossing))
        text = (
            f"{number:,} pictures stand in more than one part, such as {_two(dataset, crossing)}: figures would be too"
            " good"
        )
        yield Finding("warning", text, _of(dataset, crossing), "copies_across_parts", number)
    if repeating := [rows for rows in several if rows not in unlike and rows not in crossing]:
        number = sum(len(rows) - 1 for rows in repeating)
        copies = counted(number, "picture is a copy", "pictures are copies")
        text = f"{copies} of another one, such as {_two(dataset, repeating)}"
        yield Finding("note", text, _of(dataset, repeating), "copies", number)


def _two(dataset: SegmentationDataset, groups: list[list[int]]) -> str:
    first, second = groups[0][:2]
    return f"{dataset.keys[first]} and {dataset.keys[second]}"


def _of(dataset: SegmentationDataset, groups: list[list[int]]) -> tuple[str, ...]:
    return tuple(dataset.keys[row] for rows in groups for row in rows)


def _keys(dataset: SegmentationDataset, which: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(dataset.keys[row] for row in np.flatnonzero(which))


def _listed(names: NDArray[np.str_]) -> str:
    shown = ", ".join(names[:5].tolist())
    kind = "class" if len(names) == 1 else "classes"
    return f"the {kind} {shown}" + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _occur(which: NDArray[np.bool_]) -> str:
    return "occurs" if which.sum() == 1 else "occur"


def _them(which: NDArray[np.bool_]) -> str:
    return "it" if which.sum() == 1 else "them"
