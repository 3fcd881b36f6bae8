"""The range test inside a run, `--find-lr`: the curve on disk, the rate in the recipe, a sentence for the user."""

import math
from collections.abc import Generator

import numpy as np
import pandas as pd

from percept.errors import RunFolderError
from percept.models.freezing import freeze
from percept.nn.losses import Loss
from percept.runs.folder import RunFolder, write_rows
from percept.runs.recipe import Recipe
from percept.training.batches import LabeledPart
from percept.training.learning_rate_range import HIGHEST, RateCurve, learning_rate_range
from percept.training.processes import agreed
from percept.training.settings import TrainingSettings
from percept.workflow.events import Event, Note
from percept.workflow.machine import Machine, settings_of
from percept.workflow.pretrained import Start

COLUMNS = ("learning_rate", "loss", "smoothed_loss")


def find_rate(
    start: Start, loss: Loss, training: LabeledPart, recipe: Recipe, folder: RunFolder, machine: Machine
) -> Generator[Event, None, Recipe]:
    """Return the recipe with the learning rate that a range test suggests, where one is asked for; else as it is.

    A run that goes on takes the curve that lies in its folder.

    Args:
        start: the network as the training begins with it; stays as it is.
        loss: what is minimized.
        training: the samples to learn from.
        recipe: every choice.
        folder: the run.
        machine: device and processes.

    Yields:
        What was found, in a sentence.

    Source: notes §2.3.1; Smith 2017, section 3.3.
    """
    if not recipe.training.find_lr:
        return recipe
    settings = settings_of(recipe.filled("training", epochs=1))
    curve = read_rates(folder) if folder.rates.exists() else None
    if curve is None:
        curve = _measured(start, loss, training, settings, machine)
        if machine.accelerator.is_main_process:
            rows = zip(curve.rates.tolist(), curve.losses.tolist(), curve.smoothed.tolist(), strict=True)
            write_rows(folder.rates, COLUMNS, list(rows))
        yield Note(curve.sentence)
    rate = float(agreed(repr(curve.suggested), machine.accelerator))
    if math.isnan(rate) or rate == recipe.training.learning_rate:
        return recipe
    found = recipe.model_copy(update={"training": recipe.training.model_copy(update={"learning_rate": rate})})
    if machine.accelerator.is_main_process:
        found.write(folder.recipe)
    return found


def _measured(
    start: Start, loss: Loss, training: LabeledPart, settings: TrainingSettings, machine: Machine
) -> RateCurve:
    """Return the curve of what learns first: of a pretrained network the head."""
    if start.parts is None:
        return learning_rate_range(start.network, loss, training, settings, machine.accelerator)
    freeze(start.network, start.parts, 0)
    try:
        return learning_rate_range(start.network, loss, training, settings, machine.accelerator)
    finally:
        freeze(start.network, start.parts, len(start.parts.stages))


def read_rates(folder: RunFolder) -> RateCurve:
    """Return the curve that a run's range test measured.

    Args:
        folder: the run.

    Raises:
        RunFolderError: the file is damaged.
    """
    try:
        frame = pd.read_csv(folder.rates)
        rates, losses, smoothed = (frame[name].to_numpy(np.float64) for name in COLUMNS)
    except (OSError, ValueError, KeyError) as error:
        raise RunFolderError(f"{folder.rates} cannot be read ({error}); put back the file as it was") from error
    return RateCurve(rates, losses, smoothed, HIGHEST)
