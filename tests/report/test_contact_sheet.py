"""A contact sheet shows each original and its versions, told apart by their colors."""

import numpy as np

from percept.data.augment.layer import AugmentationLayer
from percept.data.augment.recipe import Augmentation
from percept.data.masks.drawing import overlay
from percept.report.contact_sheet import CELL, GAP, LINE, MARGIN, augmentation_sheet, contact_sheet


def test_every_picture_stands_in_its_row_and_column() -> None:
    colors = np.arange(1, 13, dtype=np.uint8).reshape(3, 4) * 10
    rows = [[np.full((16, 8, 3), color, np.uint8) for color in row] for row in colors]
    sheet = np.asarray(contact_sheet(rows, names=["a", "b", "c"]))
    width = CELL // 2  # the longer side is the height
    for number, row in enumerate(colors):
        top = MARGIN + number * (CELL + LINE + GAP) + LINE
        for place, color in enumerate(row):
            left = MARGIN + place * (width + GAP) + (MARGIN - GAP if place else 0)
            assert (sheet[top : top + CELL, left : left + width] == color).all()
    pasted = np.isin(sheet, colors).all(-1).sum()
    assert pasted >= 12 * CELL * width


def test_an_augmentation_of_nothing_shows_the_original_again_and_again() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 14, 14, 1)).astype(np.uint8)
    sheet = np.asarray(augmentation_sheet(pictures, AugmentationLayer(Augmentation()), versions=2))
    first = sheet[MARGIN : MARGIN + CELL, MARGIN : MARGIN + CELL]
    assert np.array_equal(first[:: CELL // 14, :: CELL // 14][:14, :14, :1], pictures[0])
    for place in (1, 2):
        left = MARGIN + place * (CELL + GAP) + MARGIN - GAP
        assert np.array_equal(sheet[MARGIN : MARGIN + CELL, left : left + CELL], first)


def test_classes_lie_over_where_the_picture_went() -> None:
    pictures, masks = np.zeros((1, 56, 56, 1), np.uint8), np.zeros((1, 56, 56), np.int64)
    pictures[:, 10:20, 10:20], masks[:, 10:20, 10:20] = 255, 1
    layer = AugmentationLayer(Augmentation(flip=True, shift=0.2))
    colors = [(0, 0, 0), (200, 0, 0)]
    sheet = np.asarray(augmentation_sheet(pictures, layer, masks=masks, colors=colors, versions=5))
    marked = overlay(np.full((3, 3, 1), 255, np.uint8), np.ones((3, 3), np.uint8), colors)[1, 1]
    white_inside = (sheet == 255).all(-1)[MARGIN : MARGIN + CELL]
    assert (sheet == marked).all(-1).sum() >= 6 * 16 * 16  # the outline is drawn in full
    for place in range(6):
        left = MARGIN + place * (CELL + GAP) + (MARGIN - GAP if place else 0)
        assert not white_inside[:, left : left + CELL].any()  # all that was white is marked


def test_the_same_seed_gives_the_same_sheet() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 20, 30, 3)).astype(np.uint8)
    layer = AugmentationLayer(Augmentation(rotate=90), by_class={1: Augmentation(noise=0.3)})
    sheets = [augmentation_sheet(pictures, layer, labels=np.arange(3), names=["x"] * 3, seed=s) for s in (1, 1, 2)]
    assert sheets[0].tobytes() == sheets[1].tobytes() != sheets[2].tobytes()
