"""What is wrong with pictures and masks, before an hour is spent on them."""

from collections.abc import Iterator, Sequence

import numpy as np

from percept.data.audit.finding import Finding, counted, gravest_first, percent
from percept.data.duplicates import first_alike
from percept.data.masks.dataset import SegmentationDataset

RARE = 0.01  # share of the pixels below which a class is worth a word
FEW = 5  # pictures below which a class cannot be learnt and measured too


def audit_masks(dataset: SegmentationDataset, content: Sequence[str] = ()) -> tuple[Finding, ...]:
    """Return what the audit finds in pictures with masks, gravest first.

    Args:
        dataset: pictures and masks.
        content: one digest a picture; empty where they were not decoded.
    """
    return gravest_first([*_classes(dataset), *_empty(dataset), *_copies(dataset, content), *_sizes(dataset)])


def _classes(dataset: SegmentationDataset) -> Iterator[Finding]:
    counts = dataset.class_pixels()
    for number, name in enumerate(dataset.classes):
        share, holders = float(counts.shares[number]), int(counts.masks[number])
        if holders == 0:
            text = f"class {name} occurs in no mask: nothing can be learnt of it; leave it out or add masks"
            yield Finding("warning", text, (name,), "absent_class", 1)
        elif holders < FEW:
            text = f"class {name} occurs in {counted(holders, 'mask')} alone: its figures will tell little"
            yield Finding("warning", text, (name,), "class_in_few_masks", holders)
        elif share < RARE:
            text = (
                f"class {name} has {percent(share)} of the pixels; weigh it up with --class-weights balanced, or add a"
                " Dice loss with --loss cross_entropy+dice"
            )
            yield Finding("note", text, (name,), "rare_class", int(counts.pixels[number]))


def _empty(dataset: SegmentationDataset) -> Iterator[Finding]:
    unknown = np.flatnonzero(dataset.pixels[:, :-1].sum(axis=1) == 0)
    if len(unknown):
        keys = tuple(dataset.keys[row] for row in unknown)
        text = f"{counted(len(keys), 'mask')} hold ignored pixels alone, such as that of {keys[0]}: nothing is learnt"
        yield Finding("warning", text, keys, "nothing_known", len(keys))


def _copies(dataset: SegmentationDataset, content: Sequence[str]) -> Iterator[Finding]:
    if not content:
        return
    first = first_alike(content)
    again = np.flatnonzero(first != np.arange(len(first)))
    if len(again):
        keys = tuple(dataset.keys[row] for row in again)
        example = f"{keys[0]} of {dataset.keys[first[again[0]]]}"
        text = f"{counted(len(keys), 'picture')} are copies of others, such as {example}; copies stay in one part"
        yield Finding("warning", text, keys, "copies", len(keys))


def _sizes(dataset: SegmentationDataset) -> Iterator[Finding]:
    sizes = np.array(dataset.sizes)
    low, high = sizes.min(axis=0), sizes.max(axis=0)
    if (low != high).any():
        text = f"pictures are {low[0]}x{low[1]} to {high[0]}x{high[1]} pixels (height x width), and keep their sizes"
        yield Finding("note", text, (), "sizes", len(sizes))
