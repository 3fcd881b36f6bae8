"""Options that are for pictures with masks alone, or not for them: refused, rather than left out in silence."""

from collections.abc import Callable

from pydantic import BaseModel

from percept.errors import OptionError
from percept.runs.recipe import DataRecipe, Recipe, TrainingRecipe

ONLY: dict[str, tuple[type[BaseModel], tuple[str, ...]]] = {
    "data": (DataRecipe, ("classes", "ignore", "nearest")),
    "training": (TrainingRecipe, ("loss", "weight_map", "masking", "crop", "patches", "memory")),
}
NOT_YET: dict[str, tuple[type[BaseModel], tuple[str, ...]]] = {
    "training": (
        TrainingRecipe,
        ("transfer", "augment_class", "mixup", "cutmix", "label_smoothing", "find_lr", "tta", "abstain"),
    ),
}


def refuse_class_options(recipe: Recipe, name: str) -> None:
    """Refuse what only means something where a sample has one answer.

    Args:
        recipe: what the user asked for.
        name: of the data, pictures with masks.

    Raises:
        OptionError: such an option is asked for.
    """
    _refuse(
        recipe, NOT_YET, lambda option: f"{option} is not for {name}, which holds pictures with masks; leave it out"
    )


def refuse_mask_options(recipe: Recipe, name: str) -> None:
    """Refuse what only means something for pictures with masks.

    Args:
        recipe: what the user asked for.
        name: of the data, which hold none.

    Raises:
        OptionError: such an option is asked for.

    Example:
        >>> refuse_mask_options(Recipe(data=DataRecipe(source="iris"), training=TrainingRecipe(crop=64)), "iris")
        Traceback (most recent call last):
            ...
        percept.errors.OptionError: --crop is for pictures with masks, and iris holds none; leave it out
    """
    _refuse(recipe, ONLY, lambda option: f"{option} is for pictures with masks, and {name} holds none; leave it out")


def _refuse(
    recipe: Recipe, options: dict[str, tuple[type[BaseModel], tuple[str, ...]]], sentence: Callable[[str], str]
) -> None:
    for section, (form, names) in options.items():
        for each in names:
            if getattr(getattr(recipe, section), each) != form.model_fields[each].default:
                raise OptionError(sentence(f"--{each.replace('_', '-')}"))
