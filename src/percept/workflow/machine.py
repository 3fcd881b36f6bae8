"""Where a run trains, and its settings as training takes them."""

from dataclasses import dataclass

from accelerate import Accelerator

from percept.devices import Precision
from percept.runs.recipe import Recipe
from percept.training.settings import TrainingSettings


@dataclass(frozen=True)
class Machine:
    """Where a run trains.

    Attributes:
        accelerator: device and processes.
        precision: what to compute in.
    """

    accelerator: Accelerator
    precision: Precision


def settings_of(recipe: Recipe) -> TrainingSettings:
    """Return the training settings of a recipe whose choices are all made.

    Raises:
        OptionError: a value is out of its range.
    """
    training = recipe.training
    names = TrainingSettings.__dataclass_fields__
    return TrainingSettings(**{name: getattr(training, name) for name in names})
