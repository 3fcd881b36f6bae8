"""A data set of pictures with a class for every pixel, as read from a folder after a look at every mask."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from percept.data.class_weights import ClassPixels
from percept.data.decoding import in_order
from percept.data.images import read_header, white_level
from percept.data.masks.looks import look_at
from percept.data.masks.meaning import MaskMeaning, class_colors, describe
from percept.data.masks.pairing import Filing, Pair, Pairing, PictureFile, pair_masks
from percept.data.masks.regions import read_pair_mask
from percept.data.masks.understanding import MaskOptions, understand
from percept.data.objects import IGNORE
from percept.data.order import natural_key
from percept.data.stacks import read_page
from percept.errors import DataError, OptionError

Progress = Callable[[int, int], None]

_FILED: dict[str, Filing] = {"class_files": "classes", "object_files": "objects"}  # kinds with several files a picture


@dataclass(frozen=True)
class SegmentationDataset:
    """Pictures with a class for every pixel, as read from what the user pointed at; nothing is decoded yet.

    Attributes:
        name: short name for run folders, such as "cells".
        pairs: each picture's file and those of its masks.
        meaning: how the masks were understood.
        sizes: (height, width) of each picture, pixels.
        pixels: (samples, classes + 1) int64: pixels of each class in each mask, the last column those ignored.
        given: (samples,) text: the part the user put each sample in, "" where percept is to choose.
        groups: (samples,) group numbers that must stay on one side of every split, or None.
        notes: sentences that tell the user how the source was understood.
        white: the value that 16-bit pictures call white.
    """

    name: str
    pairs: tuple[Pair, ...]
    meaning: MaskMeaning
    sizes: tuple[tuple[int, int], ...]
    pixels: NDArray[np.int64]
    given: NDArray[np.str_]
    groups: NDArray[np.int64] | None = None
    notes: tuple[str, ...] = ()
    white: int = 65535

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def keys(self) -> tuple[str, ...]:
        """Return one name a sample: the picture's path below the source."""
        return tuple(pair.key for pair in self.pairs)

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the names of the classes."""
        return self.meaning.classes

    def take(self, rows: NDArray[np.int64]) -> "SegmentationDataset":
        """Return the data set with some of its samples, in the order of `rows`."""
        return replace(
            self,
            pairs=tuple(self.pairs[row] for row in rows),
            sizes=tuple(self.sizes[row] for row in rows),
            pixels=self.pixels[rows],
            given=self.given[rows],
            groups=None if self.groups is None else self.groups[rows],
        )

    def class_pixels(self) -> ClassPixels:
        """Return how often each class occurs, for weights in the loss; no file is read for it."""
        known = self.pixels[:, :-1]
        around = ((known > 0) * known.sum(axis=1, keepdims=True)).sum(axis=0)
        return ClassPixels(known.sum(axis=0), around, (known > 0).sum(axis=0), int(self.pixels[:, -1].sum()))


def read_segmentation(
    root: Path,
    options: MaskOptions | None = None,
    *,
    meaning: MaskMeaning | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> SegmentationDataset:
    """Return the pictures of a folder with their masks, after looking at every mask.

    Args:
        root: a folder in one of the layouts of `find_places`.
        options: what the user says of the masks; None finds everything by looking.
        meaning: how masks are understood already, such as those of the training for test pictures; None finds out.
        threads: how many files are decoded at a time; None takes as many as this process has processors.
        progress: called with (masks done, masks in all) while they are looked at.

    Raises:
        DataError: no pictures with masks, a missing partner, sizes that differ, unknown values, smeared edges.
        OptionError: the options do not fit what the masks hold.

    Source: notes §3.6.1, training data.
    """
    options = options or MaskOptions()
    pairing = pair_masks(root, options.unpaired)
    pairs = pairing.pairs
    sizes = tuple(in_order(_size, [pair.picture for pair in pairs], threads))
    meaning = (
        _meaning(pairs, pairing.filing, options, threads) if meaning is None else _same_form(root, meaning, pairing)
    )
    counts = _count(pairs, sizes, meaning, threads, progress)
    grouped = ("Pictures of one folder stay together in every split.",) if pairing.grouped else ()
    return SegmentationDataset(
        name=root.resolve().name,
        pairs=pairs,
        meaning=meaning,
        sizes=sizes,
        pixels=counts,
        given=np.array([pair.part for pair in pairs]),
        groups=np.unique([pair.group for pair in pairs], return_inverse=True)[1] if grouped else None,
        notes=(*pairing.notes, describe(meaning, counts.sum(axis=0), len(pairs)) + ".", *grouped),
        white=white_level([pair.picture.path for pair in pairs if pair.picture.page is None]),
    )


def _count(
    pairs: Sequence[Pair],
    sizes: Sequence[tuple[int, int]],
    meaning: MaskMeaning,
    threads: int | None,
    progress: Progress | None,
) -> NDArray[np.int64]:
    """Return (samples, classes + 1) pixels of each class in each mask, the last column those ignored."""
    classes = len(meaning.classes)
    counts = np.zeros((len(pairs), classes + 1), np.int64)
    masks = in_order(lambda row: read_pair_mask(pairs[row], sizes[row], meaning), range(len(pairs)), threads)
    for row, mask in enumerate(masks):
        found = np.bincount(mask.classes.ravel(), minlength=IGNORE + 1)
        counts[row] = [*found[:classes], found[IGNORE]]
        if progress is not None:
            progress(row + 1, len(pairs))
    return counts


def _same_form(root: Path, meaning: MaskMeaning, pairing: Pairing) -> MaskMeaning:
    """Return the meaning of other masks, which these must have as many files a picture as."""
    if (meaning.kind in _FILED) != (pairing.filing != "one"):
        number = "one mask" if pairing.filing == "one" else "several masks"
        raise DataError(
            f"{root.as_posix()} holds {number} a picture, unlike the data learned from; expected masks in the same form"
        )
    return meaning


def _size(file: PictureFile) -> tuple[int, int]:
    """Return (height, width) of a picture."""
    if file.page is not None:
        height, width = read_page(file.path, file.page).shape[:2]
        return height, width
    header = read_header(file.path)
    return header.height, header.width


def _meaning(pairs: Sequence[Pair], filing: Filing, options: MaskOptions, threads: int | None) -> MaskMeaning:
    """Return how masks are to be understood."""
    if options.kind and (options.kind in _FILED) != (filing != "one"):
        number = "one mask" if filing == "one" else "several masks"
        raise OptionError(f"kind is {options.kind}, but each picture has {number}; leave kind out to have it found")
    filing = _FILED.get(options.kind or "", filing)
    if filing == "one":
        return understand(list(in_order(look_at, [pair.masks[0] for pair in pairs], threads)), options)
    if options.values or options.ignore not in ("auto", "none"):
        raise OptionError("values and ignore are for masks of all classes in one file; here each has files of its own")
    if filing == "objects":
        names = options.classes or ("background", "object")
        if len(names) != 2:
            raise OptionError(f"{len(names)} class names are given; expected 2 where each object has a file of its own")
        return MaskMeaning("object_files", names, (0, 1), class_colors(2), None, options.nearest)
    found = {file.name.casefold(): file.name for pair in pairs for file in pair.masks}
    names = options.classes or ("background", *sorted(found.values(), key=natural_key))
    if unknown := sorted(set(found) - {name.casefold() for name in names[1:]}):
        raise OptionError(
            f"classes are {', '.join(names)}; expected the background first and then the classes of the files, such as"
            f" {found[unknown[0]]}"
        )
    numbers = tuple(range(len(names)))
    return MaskMeaning("class_files", names, numbers, class_colors(len(names)), None, options.nearest)
