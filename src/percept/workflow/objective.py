"""What a training minimizes and is scored by: the scale of its targets, the loss, the validation figures."""

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray

from percept.data.dataset import Target
from percept.evaluation.metrics import Metric, metric_named
from percept.evaluation.predict import probabilities, values
from percept.nn.losses import Loss, balanced_weights, cross_entropy, squared_error
from percept.runs.recipe import Recipe
from percept.training.batches import LabeledPart
from percept.training.loop import Score


def target_scale(target: Target, train: NDArray[np.int64]) -> tuple[float, float]:
    """Return the mean and standard deviation of the training targets; (0, 1) for classes."""
    if target.task == "classification":
        return 0.0, 1.0
    return float(target.values[train].mean()), float(target.values[train].std())


def scaled_targets(target: Target, scale: tuple[float, float]) -> NDArray[np.int64] | NDArray[np.float32]:
    """Return class numbers as they are, and figures less their mean by their standard deviation.

    Args:
        target: of all samples.
        scale: from `target_scale`.
    """
    if target.task == "classification":
        return target.values.astype(np.int64)
    return ((target.values - scale[0]) / scale[1]).astype(np.float32)


def loss_of(target: Target, training: LabeledPart, recipe: Recipe, accelerator: Accelerator) -> Loss:
    """Return what is minimized: cross-entropy for classes, the squared error for figures.

    Args:
        target: what is predicted.
        training: the training part, by whose counts rare classes are weighed up where that is asked for.
        recipe: every choice.
        accelerator: the device.
    """
    if target.task == "regression":
        return squared_error()
    if recipe.training.class_weights == "none":
        return cross_entropy()
    classes = torch.from_numpy(target.values[training.rows].astype(np.int64))
    return cross_entropy(balanced_weights(classes, len(target.classes)).to(accelerator.device))


def score_of(target: Target, validation: LabeledPart, metric: Metric, scale: tuple[float, float]) -> Score:
    """Return what gives the validation figures: the loss, accuracy or rmse, and the metric that chooses the weights.

    Args:
        target: what is predicted.
        validation: the samples that are scored.
        metric: the one that chooses.
        scale: from `target_scale`.
    """
    truth = target.values[validation.rows]
    shown = metric_named("accuracy" if target.task == "classification" else "rmse", target.task)
    loss = metric_named("loss", target.task)

    def score(outputs: NDArray[np.float32]) -> dict[str, float]:
        if target.task == "classification":
            chances = probabilities(outputs)
            return {each.name: each.measure(truth, chances) for each in (loss, shown, metric)}
        # the loss in the units that training sees, the other figures in the target's own
        predicted = values(outputs, scale)
        figures = {each.name: each.measure(truth, predicted) for each in (shown, metric)}
        return {
            "loss": loss.measure(truth, predicted) / scale[1] ** 2,
            **{k: v for k, v in figures.items() if k != "loss"},
        }

    return score
