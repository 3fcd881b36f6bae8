"""Choices that no data make right, refused before the data are read."""

from percept.data.mixup import Mixing
from percept.devices import choose_device, choose_precision, choose_threads
from percept.errors import OptionError
from percept.evaluation.augmented import views_named
from percept.models import MODELS, names
from percept.runs.recipe import Recipe
from percept.training.time_budget import seconds_of
from percept.workflow.machine import settings_of
from percept.workflow.stack import possible


def check_choices(recipe: Recipe) -> None:
    """Refuse what does not work whatever the data are.

    Args:
        recipe: what the user asked for.

    Raises:
        OptionError: a value is out of its range, or two choices do not go together.
    """
    if recipe.model.name is not None and recipe.model.name not in MODELS:
        raise OptionError(f"model is {recipe.model.name!r}; expected one of {', '.join(names())}")
    possible(recipe)
    training = recipe.training
    open_choices = {"epochs": 1, "batch_size": 1, "learning_rate": 1.0, "weight_decay": 0.0, "patience": 0}
    settings_of(recipe.filled("training", **open_choices, metric="loss"))
    Mixing(2, training.mixup, training.cutmix, training.label_smoothing)
    if training.minutes is not None:
        seconds_of(training.minutes)
    if training.transfer is not None and recipe.model.pretrained is None:
        raise OptionError(
            f"--transfer is {training.transfer}, but there is no trained network to take it from; name one with"
            " --pretrained, or leave --transfer out"
        )
    if training.find_lr and training.learning_rate is not None:
        raise OptionError("--find-lr chooses the learning rate, and --learning-rate sets it; leave one of them out")
    if training.augment == "":
        raise OptionError("--augment is empty; expected auto, light, strong, none, or changes such as rotate=15,flip")
    views_named(training.views)
    if training.abstain is not None and not 0 < training.abstain < 1:
        raise OptionError(
            f"--abstain is {training.abstain:g}; expected a share of wrong answers between 0 and 1, like 0.05"
        )
    choose_threads(training.threads)
    choose_precision(training.precision or "auto", choose_device(training.device or "auto"), gains=False)
