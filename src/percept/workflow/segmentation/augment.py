"""How the crops of a segmenter are augmented: what the recipe asks for, by what the pictures allow."""

from dataclasses import replace

import numpy as np

from percept.data.augment.presets import SWITCHES, parse_augmentation
from percept.data.augment.recipe import Augmentation
from percept.data.augment.symmetry import traits_of
from percept.data.images import resize
from percept.workflow.segmentation.prepare import PreparedMasks

SIDE = 64  # pixels to which pictures are brought to be compared with their mirror images
LOOKED_AT = 500  # pictures


def augmentation_of(prepared: PreparedMasks, asked: str, side: int, *, in_place: bool = False) -> Augmentation | None:
    """Return what happens to crops in training, None for nothing.

    Args:
        prepared: pictures, split and the recipe.
        asked: a preset or changes, as in `percept.data.augment.presets.parse_augmentation`.
        side: of the crops, pixels.
        in_place: whether only those changes that the pictures allow are made which leave the middle pixel in its place,
            mirror images and quarter turns, whatever is asked for.

    Raises:
        OptionError: there is no such change.

    Source: notes §3.4.1; Ronneberger et al. 2015, section 3.1.
    """
    rows = prepared.rows("train")[:LOOKED_AT]
    small = np.stack([resize(prepared.pictures[row], SIDE, SIDE) for row in rows])
    traits = replace(traits_of(small, None, (), masks=True), size=(side, side))
    switches = {name: getattr(traits, name) for name in SWITCHES}
    recipe = Augmentation(**switches) if in_place else parse_augmentation(asked, traits)
    return None if recipe == Augmentation() else recipe
