"""One record of options serves the Python call, the command and the recipe."""

import inspect
import re

import pytest

import percept
from percept.cli.training_options import TRAINING_OPTIONS
from percept.errors import OptionError
from percept.runs.recipe import DataRecipe, TrainingRecipe
from percept.workflow.options import FitOptions

NAMES = set(FitOptions.__annotations__)


def test_the_command_takes_the_options_of_the_python_call() -> None:
    assert set(TRAINING_OPTIONS) == NAMES


def test_every_training_field_of_a_recipe_can_be_asked_for() -> None:
    follow = {"augmentation", "class_augmentations", "steps"}  # from augment, augment_class and minutes
    assert set(TrainingRecipe.model_fields) - follow <= NAMES
    assert {*DataRecipe.model_fields} & NAMES >= {"task", "group", "image_size", "resize", "test_size"}


@pytest.mark.parametrize("function", [percept.fit, percept.select])
def test_help_names_every_option(function: object) -> None:
    assert callable(function)
    listed = set(re.findall(r"^    (\w+): ", inspect.getdoc(function) or "", re.MULTILINE))
    assert set(inspect.signature(function).parameters) >= NAMES
    assert listed >= NAMES


def test_a_misspelled_option_is_told_with_the_nearest_that_there_is() -> None:
    with pytest.raises(OptionError, match="no option 'epoch'; did you mean 'epochs'"):
        percept.fit("iris", epoch=3)  # type: ignore[call-arg]
