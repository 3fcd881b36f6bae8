"""What the curves of training and validation loss say of a fit: too little, too much, right; and what to try next."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from percept.errors import DataError
from percept.training.loop import Epoch

Fit = Literal["underfits", "overfits", "fine", "still learning", "noisy"]

FEWEST = 5
"""Epochs below which curves have no shape."""
ROSE = 0.1
"""Share of the loss by chance that the validation loss may rise after its least, before that is overfitting."""
GAP = 0.3
"""Share of the loss by chance by which the validation loss may lie above the training loss."""
LEARNT = 0.6
"""Share of the loss by chance below which a training loss shows that much was learnt."""
FALLS = 0.02
"""Share of the loss by chance that a validation loss falls by in the last fifth of the epochs while it learns."""
JUMPS = 0.5
"""Jump from epoch to epoch, in shares of all that the validation loss gained, from which on the curve is noise."""
VISIBLE = 0.05
"""Share of the loss by chance below which jumps are no matter."""

ADVICE: dict[Fit, str] = {
    "underfits": (
        "try a larger or deeper network, a larger learning rate, and less weight decay, dropout or augmentation; if no"
        " network does better, the inputs may not tell the targets"
    ),
    "overfits": (
        "try more training samples or augmentation first, then more weight decay or dropout, a body that was trained"
        " before (transfer), or a smaller network"
    ),
    "fine": "more training samples, or a larger network with more regularization, is what may still help",
    "still learning": "train for more epochs, or at a larger learning rate",
    "noisy": "try a smaller learning rate or a larger batch, and a larger validation part",
}


@dataclass(frozen=True)
class CurveVerdict:
    """What the curves say.

    Attributes:
        fit: in one or two words.
        reason: the figures that say so.
        advice: what to try next.
    """

    fit: Fit
    reason: str
    advice: str

    @property
    def sentence(self) -> str:
        """Return all of it in one sentence."""
        words = {
            "fine": "The fit is fine",
            "still learning": "The network is still learning",
            "noisy": "The validation loss is noisy",
        }
        return f"{words.get(self.fit, f'The network {self.fit}')}: {self.reason}; {self.advice}."


def loss_by_chance(targets: NDArray[Any]) -> float:
    """Return the loss of the best answer that takes no notice of the inputs, in the units of the training loss.

    Args:
        targets: (samples,) of the training part: class numbers, for which it is the entropy of their shares in nats, or
            figures in their training scale, for which it is their variance.

    Raises:
        DataError: the targets are all the same, so that there is nothing to learn.

    Source: notes §2.4; Cover & Thomas 2006, section 2.1.

    Example:
        >>> round(loss_by_chance(np.array([0, 1, 1, 0])), 4)  # log 2
        0.6931
    """
    if np.issubdtype(targets.dtype, np.integer):
        shares = np.unique(targets, return_counts=True)[1] / len(targets)
        chance = float(-(shares * np.log(shares)).sum())
    else:
        chance = float(np.var(targets))
    if not chance > 0:
        raise DataError("all targets are the same; expected at least two different ones to learn")
    return chance


def read_curves(history: Sequence[Epoch], chance: float) -> CurveVerdict:
    """Return what the curves of a training say of its fit; dropout and augmentation may lift the training loss.

    The first of these that holds: the validation loss ends above its least by more than its jumps, or lies far above
    the training loss (overfits); it jumps (noisy); it still falls (still learning); both losses stay near that of
    chance (underfits). The weights of the best epoch are kept either way; overfitting tells that more regularization
    may bring a better one.

    Args:
        history: every epoch, from the first on.
        chance: loss of the best constant answer, from `loss_by_chance`.

    Raises:
        DataError: there is no epoch.

    Source: notes §2.5 and §2.5.4 (first overfit, then regularize); Prechelt 1998 (the shapes of validation curves).

    Example:
        >>> losses = [(0.6, 0.65), (0.4, 0.5), (0.2, 0.5), (0.1, 0.6), (0.05, 0.7), (0.02, 0.8)]
        >>> epochs = [Epoch(1, train, {"loss": unseen}, 0.1, 1.0, 1.0, 1.0) for train, unseen in losses]
        >>> read_curves(epochs, chance=0.69).fit
        'overfits'
    """
    if not history:
        raise DataError("there is no epoch to read; train for at least one")
    training = np.array([epoch.train_loss for epoch in history])
    validation = np.array([epoch.figures["loss"] for epoch in history])
    if len(history) < FEWEST:
        reason = f"{len(history)} epochs are too few for a curve (validation loss {_plain(validation[-1])})"
        return _verdict("still learning", reason)
    last = max(1, len(history) // 5)
    best = int(validation.argmin())
    seen, unseen, ends = training[best], validation[best], float(np.median(validation[-last:]))
    at_best = f"training loss {_plain(seen)} and validation loss {_plain(unseen)} in the best epoch ({best + 1})"
    by_chance = f"{_plain(chance)} by chance"
    jump, gained = _jump(validation), max(validation[0], chance) - unseen
    if ends - unseen > max(ROSE * chance, 2 * jump) and training[-1] < seen:
        return _verdict(
            "overfits",
            f"from epoch {best + 1} on the validation loss rises from {_plain(unseen)} to {_plain(ends)} while the"
            f" training loss falls from {_plain(seen)} to {_plain(training[-1])} ({by_chance})",
        )
    if unseen - seen > GAP * chance:
        return _verdict("overfits", f"{at_best} lie {_plain(unseen - seen)} apart ({by_chance})")
    if jump > max(JUMPS * gained, VISIBLE * chance):
        reason = (
            f"it jumps by {_plain(jump)} from epoch to epoch, of {_plain(gained)} that it gained in all ({by_chance})"
        )
        return _verdict("noisy", reason)
    falls = float(np.median(validation[-2 * last : -last]) - ends)
    if best >= len(history) - last and falls > FALLS * chance:
        reason = (
            f"the validation loss fell by {_plain(falls)} over the last {last} epochs, to {_plain(ends)} ({by_chance})"
        )
        return _verdict("still learning", reason)
    if min(seen, unseen) > LEARNT * chance:  # augmentation and mixup may lift the training loss alone
        return _verdict("underfits", f"{at_best} are not far from {by_chance}")
    return _verdict("fine", f"{at_best} lie close together, and both far below {by_chance}")


def more_accurate(history: Sequence[Epoch], kept: int, samples: int) -> tuple[str, ...]:
    """Say so where the epoch of least loss, which was kept, is far from the most accurate one; else nothing.

    Args:
        history: every epoch.
        kept: number of the epoch whose weights are kept.
        samples: of the validation part.

    Example:
        >>> figures = [{"loss": 1.2, "accuracy": 0.3}, {"loss": 1.9, "accuracy": 0.7}]
        >>> epochs = [Epoch(number, 1.0, each, 0.1, 1.0, 1.0, 1.0) for number, each in enumerate(figures, 1)]
        >>> len(more_accurate(epochs, 1, samples=50)), more_accurate(epochs, 2, samples=50)
        (1, ())
    """
    accuracy = {epoch.number: epoch.figures["accuracy"] for epoch in history if "accuracy" in epoch.figures}
    if kept not in accuracy:
        return ()
    best = max(accuracy, key=lambda number: accuracy[number])
    reached = accuracy[best]
    if reached - accuracy[kept] < 2 * math.sqrt(reached * (1 - reached) / samples) + 1 / samples:
        return ()
    sentence = (
        f"The epoch of least validation loss was kept, {kept}, with an accuracy of {_plain(accuracy[kept])}; epoch"
        f" {best} had {_plain(reached)} on these {samples} samples, and probabilities that are too sure: --metric"
        " accuracy keeps such a one."
    )
    return (sentence,)


def _verdict(fit: Fit, reason: str) -> CurveVerdict:
    return CurveVerdict(fit, reason, ADVICE[fit])


def _jump(losses: NDArray[np.float64]) -> float:
    """Return how far a loss typically jumps in the second half of training: what bends it, not what slopes it."""
    half = losses[len(losses) // 2 - 1 :]
    return float(np.median(np.abs(half[1:-1] - (half[:-2] + half[2:]) / 2)))


def _plain(number: float) -> str:
    return f"{number + 0.0:.3g}"
