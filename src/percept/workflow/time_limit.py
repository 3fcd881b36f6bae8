"""The time that a training may take, `--minutes`: the schedule fitted to it before the first epoch."""

import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from accelerate import Accelerator
from torch import Tensor, nn

from percept.runs.folder import RunFolder
from percept.runs.recipe import Recipe
from percept.training.processes import averaged
from percept.training.time_budget import MEASURING, TRAINING, Pace, fit_to, measure_pace, seconds_of


class Limited(NamedTuple):
    """A training that ends in time.

    Attributes:
        recipe: with epochs and steps that fit.
        deadline: of `time.monotonic`, after which no epoch is begun; None for none.
    """

    recipe: Recipe
    deadline: float | None


def within_minutes(
    recipe: Recipe,
    folder: RunFolder,
    network: nn.Module,
    loss: Callable[[Any, Any], Tensor],
    batches: Iterator[tuple[Tensor, Any]],
    validate: Callable[[nn.Module], object],
    steps: int,
    begun: float,
    accelerator: Accelerator,
) -> Limited:
    """Return the recipe with the epochs that fit its minutes, and write it down, so that a killed run goes on the same.

    Args:
        recipe: every choice, epochs left open where the time is to decide.
        folder: the run.
        network: at its start; stays as it is.
        loss: from outputs and targets.
        batches: of an epoch, to measure the pace by.
        validate: predicts the validation part.
        steps: of a pass over all training samples.
        begun: when the command began, of `time.monotonic`.
        accelerator: the processes, which are to find the same.
    """
    training = recipe.training
    if training.minutes is None:
        return Limited(recipe, None)
    seconds = seconds_of(training.minutes)
    deadline = begun + seconds
    if training.steps is None:
        pace = measure_pace(network, loss, batches, validate, seconds=MEASURING * seconds)
        step, validation, left = averaged([pace.step, pace.validation, deadline - time.monotonic()], accelerator)
        pace = Pace(step, validation)
        left = max(left, step) * TRAINING
        fitted = fit_to(left, pace, steps, training.epochs)
        chosen = training.model_copy(update={"epochs": fitted.epochs, "steps": fitted.steps})
        recipe = recipe.model_copy(update={"training": chosen})
        recipe.write(folder.recipe)
    return Limited(recipe, deadline)


def shortened(
    stream: Callable[[int], Iterator[tuple[Tensor, Any]]], steps: int
) -> Callable[[int], Iterator[tuple[Tensor, Any]]]:
    """Return the batches of an epoch that is over after so many steps."""
    return lambda epoch: islice(stream(epoch), steps)
