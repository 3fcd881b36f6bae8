"""What is looked at before and after every training: signals through the depth, and whether the network can overfit."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from percept.nn.losses import Loss
from percept.training.batches import LabeledPart
from percept.training.health import Health, factor, health
from percept.training.overfit import overfit, two_batches, worth_checking

LARGEST, SMALLEST = 256, 16
"""Samples of the batch that health is measured on: as many as hold about `VALUES` values, within these limits."""
VALUES = 1_000_000


@dataclass(frozen=True)
class Checked:
    """What was found.

    Attributes:
        warnings: what is wrong, one sentence each.
        signal: the measured figures in a sentence; "" for a network without hidden layers.
    """

    warnings: tuple[str, ...]
    signal: str


@dataclass(frozen=True)
class Checks:
    """The state of a network before training, and the batch that it will be looked at again with.

    Attributes:
        batch: inputs and targets.
        loss: what is minimized.
        before: the health before the first step.
        warnings: what is wrong before the first step.
    """

    batch: tuple[Tensor, Tensor]
    loss: Loss
    before: Health
    warnings: tuple[str, ...]

    def after(self, network: nn.Module) -> Checked:
        """Return what is found before training and after it.

        Args:
            network: with the weights that were kept.
        """
        after = health(network, *self.batch, self.loss)
        found = (*self.warnings, *(f"After training: {sentence}" for sentence in after.sentences))
        if not after.hidden:
            return Checked(found, "")
        signals, gradients = (
            [factor(getattr(each, change)) for each in (self.before, after)]
            for change in ("signal_change", "gradient_change")
        )
        well = not self.before.sentences and not after.sentences
        verdict = "No layer is dead or saturated, and no signal or gradient vanishes or explodes. " if well else ""
        return Checked(
            found,
            f"{verdict}From the first hidden layer to the last the signal changes by a factor of {signals[0]} before"
            f" training and {signals[1]} after it; from the last layer back to the first the gradient changes by a"
            f" factor of {gradients[0]} and {gradients[1]}.",
        )


def check(network: nn.Module, loss: Loss, part: LabeledPart, *, epochs: int, seed: int, device: torch.device) -> Checks:
    """Look at a network before its training; network and random numbers stay as they are.

    Args:
        network: with its initial weights, on `device`.
        loss: what will be minimized.
        part: the training part; its augmentation is left out.
        epochs: how long the training will be; a short one is not worth asking whether the network can overfit.
        seed: which samples are looked at.
        device: where to compute.
    """
    values = part.inputs[part.rows[0]].size
    count = min(max(VALUES // values, SMALLEST), LARGEST, len(part))
    rows = np.random.default_rng([seed, 0]).choice(part.rows, count, replace=False)
    batch = part.preprocessing.tensor(part.inputs[rows], device), torch.from_numpy(part.targets[rows]).to(device)
    before = health(network, *batch, loss)
    warnings = [f"Before training: {sentence}" for sentence in before.sentences]
    if worth_checking(network, len(part), epochs):
        learnt = overfit(network, loss, two_batches(part, device, seed=seed))
        warnings += [learnt.warning] if learnt.warning else []
    return Checks(batch, loss, before, tuple(warnings))
