"""Which mirror images and turns of pictures could as well be in the data: read off the pictures themselves."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from percept.data.augment.presets import Traits, names_allow_flips

SIDE = 16  # pixels a side at which pictures are compared: up and down show, details do not
PICTURES = 2000  # looked at, at most
SHARE = 0.02  # of the squared difference between picture and image that the classes' means may explain
ALIKE = 0.1  # correlation of neighbors, from which on pictures are slices or frames of one thing
CHANCE = 0.01  # below it a difference of the means is taken as real
RESAMPLES = 199

Floats = NDArray[np.float32]
IMAGES: dict[str, Callable[[Floats], Floats]] = {
    "flip": lambda pictures: pictures[:, :, ::-1],
    "flip_vertical": lambda pictures: pictures[:, ::-1],
    "quarter_turns": lambda pictures: pictures.swapaxes(1, 2)[:, :, ::-1],
}
"""Of (n, side, side) pictures, by the name that `Augmentation` has for them."""


def traits_of(
    pictures: NDArray[np.uint8],
    labels: NDArray[np.int64] | None,
    classes: Sequence[str],
    *,
    rows: NDArray[np.int64] | None = None,
    masks: bool = False,
) -> Traits:
    """Return what "auto" goes by: the pictures' size and colors, and which flips and turns leave their label.

    A flip or turn is allowed where the names of the classes allow it and, class by class, the mean picture shows no
    sense of direction. Few pictures show little: where nothing is shown, it is allowed. Pictures that are alike their
    neighbors in the order given, such as slices of one volume or frames of one film, count as one.

    Args:
        pictures: (n, height, width, channels) uint8, possibly memory-mapped; 2000 at most are looked at.
        labels: (n,) class numbers, or None where the pictures have no class.
        classes: the names of the classes.
        rows: which of them belong to the training part; all if None.
        masks: whether the pictures have masks.

    Example:
        >>> brighter_below = np.arange(16, dtype=np.uint8).repeat(16).reshape(1, 16, 16, 1).repeat(50, axis=0)
        >>> traits = traits_of(brighter_below, None, [])
        >>> traits.flip, traits.flip_vertical, traits.quarter_turns
        (True, False, False)
    """
    channels, size = pictures.shape[3], (pictures.shape[1], pictures.shape[2])
    if not names_allow_flips(classes):
        return Traits(size, channels, masks=masks)
    of_part = np.arange(len(pictures)) if rows is None else rows
    places = np.linspace(0, len(of_part) - 1, min(len(of_part), PICTURES)).round().astype(np.int64)
    chosen = of_part[places]
    seen = torch.from_numpy(np.ascontiguousarray(pictures[chosen])).permute(0, 3, 1, 2).mean(1, dtype=torch.float32)
    small = functional.adaptive_avg_pool2d(seen, SIDE).numpy()
    small -= small.mean((1, 2), keepdims=True)
    groups = np.zeros(len(chosen), np.int64) if labels is None else labels[chosen]
    allowed = {name: not directed(small - image(small), groups) for name, image in IMAGES.items()}
    return Traits(size, channels, **allowed, masks=masks)


def directed(differences: Floats, groups: NDArray[np.int64]) -> bool:
    """Return whether the mean difference of some group is not 0: by more than chance, and by a share that counts.

    Args:
        differences: (n, ...) of each sample from its image; under the hypothesis each sign is as likely, that of
            neighbors together where they are alike.
        groups: (n,) class numbers.

    Source: Fisher 1935, "The Design of Experiments", section 21: a test by exchanging signs.
    """
    flat = differences.reshape(len(differences), -1).astype(np.float64)
    total = np.square(flat).sum()
    if not total:
        return False
    members = [flat[groups == group] for group in np.unique(groups)]
    length = 2 * alike(members) - 1  # so that stretches side by side hardly depend on each other
    generator = np.random.default_rng(0)
    found, expected, by_chance = 0.0, 0.0, np.zeros(RESAMPLES)
    for each in members:
        count = len(each)
        stretches = np.add.reduceat(each, np.arange(0, count, length))  # sums of neighbors, whose signs change together
        found += np.square(each.sum(0)).sum() / count
        expected += np.square(each).sum() / count
        signs = generator.choice([-1.0, 1.0], (RESAMPLES, len(stretches)))
        by_chance += np.square(signs @ stretches).sum(1) / count
    share = (found - expected) / total
    chance = (1 + (by_chance >= found * (1 - 1e-9)).sum()) / (RESAMPLES + 1)
    return bool(share > SHARE and chance < CHANCE)


def alike(groups: Sequence[NDArray[np.float64]]) -> int:
    """Return how many neighbors are alike: the distance at which they no longer are, 1 where none are.

    Args:
        groups: (n, values) of each class, in the order of the data; what they have in common does not count.

    Example:
        >>> values = np.random.default_rng(0).normal(size=(100, 20))
        >>> alike([values]), alike([values.repeat(3, axis=0)])
        (1, 3)
    """
    rests = [group - group.mean(0) for group in groups]
    alone = sum(np.square(rest).sum() for rest in rests)
    farthest = max(len(rest) for rest in rests)
    for distance in range(1, farthest):
        pairs = sum(max(0, len(rest) - distance) for rest in rests)
        together = sum((rest[distance:] * rest[:-distance]).sum() for rest in rests)
        if together * sum(map(len, rests)) <= ALIKE * alone * pairs:
            return distance
    return farthest
