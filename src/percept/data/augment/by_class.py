"""Rare classes: augmentations of their own, and how often their samples are drawn so that class counts even out."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from percept.data.augment.presets import Traits, parse_augmentation
from percept.data.augment.recipe import Augmentation
from percept.errors import OptionError


def class_augmentations(
    class_presets: Mapping[str, str], classes: Sequence[str], traits: Traits
) -> dict[int, Augmentation]:
    """Return the augmentations of some classes by class number, as `AugmentationLayer` takes them.

    Args:
        class_presets: what `parse_augmentation` reads, by the class's name: {"rare": "strong"}.
        classes: the names of all classes, in order.
        traits: what is known of the pictures.

    Raises:
        OptionError: there is no such class, or no such augmentation.

    Source: notes §3.4.1 (class-specific transformations).

    Example:
        >>> class_augmentations({"bee": "flip"}, ["ant", "bee"], Traits((64, 64), 3))[1].flip
        True
    """
    for name in class_presets:
        if name not in classes:
            close = get_close_matches(name, classes, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(classes)}"
            raise OptionError(f"augmentation names class {name!r}, which the data have not; {hint}")
    return {classes.index(name): parse_augmentation(text, traits) for name, text in class_presets.items()}


def resampling_weights(labels: NDArray[np.int64], *, evenness: float = 1.0) -> NDArray[np.float64]:
    """Return how often each sample is to be drawn in an epoch of as many samples, so that class counts even out.

    Args:
        labels: (samples,) class numbers.
        evenness: 1 for classes drawn equally often, 0 for samples drawn equally often; in between the classes' counts
            are taken to the power 1 - evenness.

    Returns:
        (samples,) float64 with mean 1.

    Raises:
        OptionError: evenness is not from 0 to 1.

    Source: notes §3.4.1 (more samples of minority classes).

    Example:
        >>> resampling_weights(np.array([0, 0, 0, 1])).round(3).tolist()
        [0.667, 0.667, 0.667, 2.0]
    """
    if not 0 <= evenness <= 1:
        raise OptionError(
            f"evenness is {evenness}; expected a number from 0 (as they are) to 1 (classes equally often)"
        )
    _, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    weights = counts[places].astype(np.float64) ** -evenness
    return np.asarray(weights / weights.mean())


def resampled(
    rows: NDArray[np.int64], weights: NDArray[np.float64], generator: np.random.Generator
) -> NDArray[np.int64]:
    """Return as many rows, in random order, each about as often as its weight says.

    Drawn systematically, rows of the same weight side by side: a row of weight 2.3 comes 2 or 3 times, never 0 times,
    and all rows of a weight together come as often as whole numbers allow.

    Args:
        rows: (samples,) what to draw from.
        weights: (samples,) how often each comes on average, mean 1.
        generator: where the draws come from.

    Source: Särndal et al. 1992, "Model Assisted Survey Sampling", section 3.6.1 (systematic sampling).

    Example:
        >>> resampled(np.array([7, 8]), np.array([0.0, 2.0]), np.random.default_rng(0)).tolist()
        [8, 8]
    """
    order = np.lexsort((generator.permutation(len(rows)), weights))
    ends = np.cumsum(weights[order]) * (len(rows) / weights.sum())
    marks = np.arange(len(rows)) + generator.uniform()
    drawn = order[np.searchsorted(ends, marks, side="right").clip(max=len(rows) - 1)]
    return np.asarray(rows[generator.permutation(drawn)])
