"""Pictures beside what augmentation makes of them, on one sheet, so that a person sees what a network will see."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from percept.data.augment.draws import generator_of
from percept.data.augment.layer import AugmentationLayer, augment
from percept.data.masks.drawing import overlay
from percept.data.masks.raw import Color
from percept.report.letters import letters
from percept.report.pictures import SMALL_SIDE

CELL = 112
"""Longer side of each picture on the sheet, pixels."""
GAP, MARGIN, LINE = 6, 14, 18
"""Between pictures, around the sheet and after the originals, and for a line of text; pixels."""
PAPER, INK = (255, 255, 255), (60, 60, 60)

Pictures = NDArray[np.uint8]


def augmentation_sheet(
    pictures: Pictures,
    layer: AugmentationLayer,
    *,
    labels: NDArray[np.int64] | None = None,
    names: Sequence[str] = (),
    masks: NDArray[np.integer] | None = None,
    colors: Sequence[Color] = (),
    versions: int = 6,
    seed: int = 0,
) -> Image.Image:
    """Return a sheet with a row for each picture: the original on the left, then augmented versions of it.

    Args:
        pictures: (n, height, width, channels) uint8 of 1 or 3 channels; one batch, so that overlays are of each other.
        layer: what augments them, as in training.
        labels: (n,) class numbers, where classes have augmentations of their own.
        names: (n,) what is written above each row; nothing if empty.
        masks: (n, height, width) class numbers of the pixels, laid over the originals and the versions. With masks the
            augmentations of classes do not count.
        colors: (red, green, blue) of each class of the masks.
        versions: how many of each picture.
        seed: number that the versions follow from.

    Example:
        >>> from percept.data.augment.recipe import Augmentation
        >>> layer = AugmentationLayer(Augmentation(rotate=20))
        >>> augmentation_sheet(np.zeros((2, 8, 8, 3), np.uint8), layer, versions=3).size
        (502, 258)
    """
    batch = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2)
    marks = None if masks is None else torch.from_numpy(np.ascontiguousarray(masks))
    classes = None if labels is None else torch.from_numpy(labels)
    columns = [_laid_over(pictures, masks, colors)]
    for version in range(versions):
        generator = generator_of(seed, version)
        if marks is None:
            changed, moved = layer.train()(batch, classes, generator), None
        else:
            changed, moved, *_ = augment(batch, layer.recipe, generator, masks=marks)
        pixels = (changed * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        columns.append(_laid_over(pixels, None if moved is None else moved.numpy(), colors))
    return contact_sheet(list(zip(*columns, strict=True)), names=names)


def contact_sheet(rows: Sequence[Sequence[Pictures]], *, names: Sequence[str] = ()) -> Image.Image:
    """Return pictures in rows, the first of each row set apart.

    Args:
        rows: of (height, width, channels) uint8 pictures of 1 or 3 channels; each row as long as the first.
        names: what is written above each row; nothing if empty.
    """
    cells = [[_cell(picture) for picture in row] for row in rows]
    wide = max(cell.width for row in cells for cell in row)
    high = max(cell.height for row in cells for cell in row)
    line = LINE if names else 0
    across = len(cells[0])
    size = (3 * MARGIN + across * wide + max(0, across - 2) * GAP, 2 * MARGIN + len(cells) * (high + line + GAP) - GAP)
    sheet = Image.new("RGB", size, PAPER)
    draw, font = ImageDraw.Draw(sheet), letters(11)
    for number, row in enumerate(cells):
        top = MARGIN + number * (high + line + GAP)
        if names:
            draw.text((MARGIN, top), names[number], fill=INK, font=font)
        for place, cell in enumerate(row):
            left = MARGIN + place * (wide + GAP) + (MARGIN - GAP if place else 0)
            sheet.paste(cell, (left, top + line))
    return sheet


def _laid_over(pictures: Pictures, masks: NDArray[np.integer] | None, colors: Sequence[Color]) -> Sequence[Pictures]:
    """Return (height, width, 3) pictures, the classes of their pixels laid over them where masks tell them."""
    if masks is None:
        return [np.broadcast_to(picture, (*picture.shape[:2], 3)) for picture in pictures]
    return [overlay(picture, mask.astype(np.uint8), colors) for picture, mask in zip(pictures, masks, strict=True)]


def _cell(picture: Pictures) -> Image.Image:
    height, width = picture.shape[:2]
    larger = CELL / max(height, width)
    size = (max(1, round(width * larger)), max(1, round(height * larger)))
    # small pictures are shown with their pixels as squares, as elsewhere in the report
    how = Image.Resampling.NEAREST if max(height, width) <= SMALL_SIDE else Image.Resampling.LANCZOS
    return Image.fromarray(np.ascontiguousarray(picture)).resize(size, how)
