"""What may happen to training pictures: the user's words as plain values in the recipe, and the layer made of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.data.augment.by_class import class_augmentations, resampling_weights
from percept.data.augment.layer import AugmentationLayer
from percept.data.augment.presets import parse_augmentation
from percept.data.augment.recipe import Augmentation
from percept.data.augment.symmetry import traits_of
from percept.errors import OptionError
from percept.runs.recipe import Recipe, TrainingRecipe
from percept.workflow.prepare import Prepared


def with_augmentation(prepared: Prepared, recipe: Recipe) -> Recipe:
    """Return the recipe with what its augmentations come to on these pictures.

    Args:
        prepared: pictures and split; "auto" and its like look at the training part.
        recipe: with the augmentation chosen.

    Raises:
        OptionError: there is no such change or class, or it does not go with one answer a picture.

    Source: notes §3.4.1.
    """
    training, dataset = recipe.training, prepared.loaded.dataset
    if dataset.kind != "image" or training.augmentation is not None:
        return recipe
    asked, of_class = training.augment or "none", training.augment_class or {}
    if asked == "none" and not of_class:
        return recipe.filled("training", augmentation={})
    target = dataset.target
    labels = target.values.astype(np.int64) if target.classes else None
    if prepared.loaded.inputs is None:
        raise ValueError("the pictures are not loaded")
    traits = traits_of(prepared.loaded.inputs, labels, target.classes, rows=prepared.rows("train"))
    general = parse_augmentation(asked, traits)
    own = class_augmentations(of_class, target.classes, traits)
    for each in (general, *own.values()):
        if each.crop_size is not None:
            raise OptionError(
                "--augment crop_size cuts windows out of pictures with masks; for classes write crop=0.3, which keeps"
                " the size of the pictures"
            )
    named = {target.classes[number]: changes_of(each) for number, each in own.items()}
    return recipe.filled("training", augmentation=changes_of(general), class_augmentations=named or None)


def augmentation_layer(training: TrainingRecipe, classes: tuple[str, ...]) -> AugmentationLayer | None:
    """Return the layer that augments a batch of pictures; None where nothing happens to them.

    Args:
        training: the recipe's section, with what its augmentations come to.
        classes: the classes' names.
    """
    general = Augmentation.from_json(training.augmentation or {})
    own = {
        classes.index(name): Augmentation.from_json(changes)
        for name, changes in (training.class_augmentations or {}).items()
    }
    return None if general == Augmentation() and not own else AugmentationLayer(general, own)


def resampling_of(training: TrainingRecipe, labels: NDArray[Any]) -> NDArray[np.float64] | None:
    """Return how often each training sample comes in an epoch; None for once each.

    Args:
        training: the recipe's section; classes with an augmentation of their own have class counts evened out.
        labels: (samples of the training part,) class numbers.
    """
    return resampling_weights(labels) if training.augment_class else None


def in_words(training: TrainingRecipe) -> str:
    """Return what an augmentation came to, as `--augment` takes it; "none" where nothing happens.

    Args:
        training: the recipe's section.

    Example:
        >>> in_words(TrainingRecipe(augmentation={"rotate": 15.0, "flip": True, "border": "edge"}))
        'rotate=15, flip, border=edge'
    """
    parts = [_word(name, value) for name, value in (training.augmentation or {}).items()]
    own = [
        f"{name}: {', '.join(_word(*each) for each in changes.items()) or 'none'}"
        for name, changes in (training.class_augmentations or {}).items()
    ]
    return "; ".join([", ".join(parts) or "none", *own])


def changes_of(augmentation: Augmentation) -> dict[str, Any]:
    """Return what differs from doing nothing, as the recipe keeps it.

    Args:
        augmentation: what happens to pictures.
    """
    nothing = Augmentation().to_json()
    return {name: value for name, value in augmentation.to_json().items() if value != nothing.get(name)}


def _word(name: str, value: Any) -> str:
    return name if value is True else f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
