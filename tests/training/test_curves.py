"""Curves drawn by hand are read as a teacher would read them."""

import math

import numpy as np
import pytest
from numpy.typing import ArrayLike

from percept.errors import DataError
from percept.training.curves import ADVICE, CurveVerdict, loss_by_chance, more_accurate, read_curves
from percept.training.loop import Epoch

EPOCHS = np.arange(1, 41)
CHANCE = math.log(10)


def read(training: ArrayLike, validation: ArrayLike, chance: float = CHANCE) -> CurveVerdict:
    pairs = zip(np.asarray(training).tolist(), np.asarray(validation).tolist(), strict=True)
    epochs = [Epoch(number, one, {"loss": other}, 0.1, 1, 1, 1) for number, (one, other) in enumerate(pairs, 1)]
    return read_curves(epochs, chance)


def falling(start: float, end: float, pace: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.asarray(end + (start - end) * np.exp(-EPOCHS / pace))


def test_a_validation_loss_that_turns_and_rises_while_training_falls_overfits() -> None:
    found = read(falling(2.3, 0.01, 5), falling(2.3, 0.6, 3) + 0.02 * np.maximum(EPOCHS - 12, 0))
    assert found.fit == "overfits"  # it ends at the median of its last 8 epochs: 0.6 + 0.02 * 24.5
    assert "from epoch 12 on the validation loss rises from 0.631 to 1.09" in found.reason
    assert found.sentence.startswith("The network overfits: from epoch 12 on")
    assert "augmentation" in found.advice


def test_a_wide_gap_overfits_though_validation_never_rises() -> None:
    found = read(falling(2.3, 0.02, 4), falling(2.3, 1.3, 4))
    assert found.fit == "overfits"
    assert "apart" in found.reason


def test_both_losses_near_chance_underfit() -> None:
    found = read(falling(2.3, 1.9, 3), falling(2.3, 1.95, 3))
    assert found.fit == "underfits"
    assert "2.3 by chance" in found.reason
    assert "larger or deeper network" in found.advice


def test_both_losses_low_and_level_are_fine() -> None:
    assert read(falling(2.3, 0.2, 4), falling(2.3, 0.3, 4)).fit == "fine"


@pytest.mark.parametrize("lifted", [0.5, 1.8])
def test_a_training_loss_lifted_by_dropout_or_mixup_above_validation_is_fine(lifted: float) -> None:
    assert read(falling(2.3, lifted, 4), falling(2.3, 0.3, 4)).fit == "fine"


def test_a_validation_loss_that_still_falls_at_the_end_is_still_learning() -> None:
    found = read(2.3 - 0.03 * EPOCHS, 2.3 - 0.028 * EPOCHS)
    assert found.fit == "still learning"
    assert "over the last 8 epochs" in found.reason  # 8 epochs of 0.028 each, from one median to the next
    assert "fell by 0.224" in found.reason


def test_a_validation_loss_that_jumps_up_and_down_is_noisy() -> None:
    found = read(falling(2.3, 0.8, 4), 1.4 + 0.5 * (-1.0) ** EPOCHS)
    assert found.fit == "noisy"
    assert "smaller learning rate" in found.advice


def test_ripples_on_a_good_curve_are_no_noise() -> None:
    assert read(falling(2.3, 0.2, 4), falling(2.3, 0.3, 4) + 0.02 * (-1.0) ** EPOCHS).fit == "fine"


def test_a_few_epochs_say_nothing_but_that_there_should_be_more() -> None:
    found = read([2.0, 1.0], [2.0, 1.5])
    assert (found.fit, found.advice) == ("still learning", ADVICE["still learning"])
    assert "2 epochs are too few" in found.reason


@pytest.mark.parametrize("scale", [0.01, 1.0, 300.0])
def test_the_unit_of_the_loss_does_not_matter(scale: float) -> None:
    curves = {
        "underfits": (falling(2.3, 1.9, 3), falling(2.3, 1.95, 3)),
        "fine": (falling(2.3, 0.2, 4), falling(2.3, 0.3, 4)),
        "overfits": (falling(2.3, 0.02, 4), falling(2.3, 1.3, 4)),
        "noisy": (falling(2.3, 0.8, 4), 1.4 + 0.5 * (-1.0) ** EPOCHS),
        "still learning": (2.3 - 0.03 * EPOCHS, 2.3 - 0.028 * EPOCHS),
    }
    found = {name: read(scale * one, scale * other, scale * CHANCE).fit for name, (one, other) in curves.items()}
    assert found == {name: name for name in curves}


def test_chance_is_the_entropy_of_the_classes_or_the_variance_of_figures() -> None:
    assert loss_by_chance(np.array([0, 1, 2, 3])) == pytest.approx(math.log(4))
    assert loss_by_chance(np.array([0, 0, 0, 1])) == pytest.approx(0.75 * math.log(4 / 3) + 0.25 * math.log(4))
    assert loss_by_chance(np.array([-1.0, 1.0])) == 1
    with pytest.raises(DataError, match="all targets are the same"):
        loss_by_chance(np.array([2, 2]))
    with pytest.raises(DataError, match="there is no epoch to read"):
        read_curves([], 1.0)


def test_where_the_kept_epoch_is_far_from_the_most_accurate_one_that_is_said() -> None:
    sure = [(1, 1.2, 0.3), (2, 1.9, 0.7), (3, 2.0, 0.6)]  # number, validation loss, accuracy
    epochs = [Epoch(number, 1.0, {"loss": loss, "accuracy": right}, 0.1, 1, 1, 1) for number, loss, right in sure]
    told = more_accurate(epochs, 1, 50)
    assert len(told) == 1 and "kept, 1, with an accuracy of 0.3; epoch 2 had 0.7" in told[0]
    assert not more_accurate(epochs, 2, 50) and not more_accurate(epochs, 3, 50)
