"""What is chosen for the training of a segmenter where the user does not choose."""

from percept.runs.recipe import Recipe
from percept.training.defaults import most_epochs
from percept.training.segmentation_defaults import segmentation_defaults
from percept.workflow.segmentation.patches import patch_defaults
from percept.workflow.segmentation.prepare import PreparedMasks


def with_choices(prepared: PreparedMasks) -> Recipe:
    """Return the recipe with the open choices of its training made, but for the machine's.

    Args:
        prepared: pictures, masks and their split, and the recipe.
    """
    recipe = prepared.recipe
    training = recipe.training
    if training.patches is None:
        trained, count = recipe.model.pretrained is not None, len(prepared.rows("train"))
        choices = segmentation_defaults(prepared.dataset.sizes, count, training.optimizer, trained=trained)
    else:
        choices = patch_defaults(recipe.model.name or "", training.optimizer)
    if training.minutes is not None:
        choices |= {"epochs": most_epochs(int(choices["epochs"]))}  # the time is to decide
    return recipe.filled("training", **choices)
