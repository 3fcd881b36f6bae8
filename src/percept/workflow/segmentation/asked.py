"""The options that are for pictures with masks alone: refused for other data, rather than left out in silence."""

from pydantic import BaseModel

from percept.errors import OptionError
from percept.runs.recipe import DataRecipe, Recipe, TrainingRecipe

ONLY: dict[str, tuple[type[BaseModel], tuple[str, ...]]] = {
    "data": (DataRecipe, ("classes", "ignore", "nearest")),
    "training": (TrainingRecipe, ("loss", "weight_map", "masking", "crop", "patches", "memory")),
}


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
    for section, (form, names) in ONLY.items():
        for each in names:
            if getattr(getattr(recipe, section), each) != form.model_fields[each].default:
                option = f"--{each.replace('_', '-')}"
                raise OptionError(f"{option} is for pictures with masks, and {name} holds none; leave it out")
