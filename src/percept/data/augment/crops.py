"""How the crops of pictures with masks are augmented: what is asked for, by what the pictures allow."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from percept.data.augment.presets import SWITCHES, parse_augmentation
from percept.data.augment.recipe import Augmentation
from percept.data.augment.symmetry import traits_of
from percept.data.images import resize

SIDE = 64  # pixels to which pictures are brought to be compared with their mirror images
LOOKED_AT = 500  # pictures


def crop_augmentation(
    pictures: Sequence[NDArray[np.uint8]],
    rows: NDArray[np.int64],
    asked: str,
    side: int,
    *,
    in_place: bool = False,
) -> Augmentation | None:
    """Return what happens to crops in training, None for nothing.

    Args:
        pictures: (height, width, channels) of each, of any sizes.
        rows: those of the training part.
        asked: a preset or changes, as in `percept.data.augment.presets.parse_augmentation`.
        side: of the crops, pixels.
        in_place: whether only those changes that the pictures allow are made which leave the middle pixel in its place,
            mirror images and quarter turns, whatever is asked for.

    Raises:
        OptionError: there is no such change.

    Source: notes §3.4.1; Ronneberger et al. 2015, section 3.1.
    """
    small = np.stack([resize(pictures[row], SIDE, SIDE) for row in rows[:LOOKED_AT]])
    traits = replace(traits_of(small, None, (), masks=True), size=(side, side))
    switches = {name: getattr(traits, name) for name in SWITCHES}
    recipe = Augmentation(**switches) if in_place else parse_augmentation(asked, traits)
    return None if recipe == Augmentation() else recipe
