from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import SGD
from torch.optim.lr_scheduler import LRScheduler

from percept.training.loop import Epoch, Steps
from percept.training.schedules import SCHEDULES, after_step
from percept.training.time_budget import FEWEST, Pace, fit_to, measure_pace, until

STEPS = 10  # an epoch


class Machine:
    """Trains in its own time: a clock that only the epochs move."""

    def __init__(self, seconds: float, epoch: float, epochs: int) -> None:
        self.left, self.epoch, self.epochs = seconds, epoch, epochs
        self.optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        self.schedule: LRScheduler = SCHEDULES["cosine"](self.optimizer, STEPS, epochs)

    def train(self) -> Iterator[Epoch | Steps]:
        for number in range(1, self.epochs + 1):
            yield Steps(number, 1, STEPS)
            for _ in range(STEPS):
                self.optimizer.step()
                after_step(self.schedule)
            self.left -= self.epoch
            yield Epoch(number, 0.0, {}, float(self.schedule.get_last_lr()[0]), 0.0, self.epoch, self.epoch)

    def trained(self) -> list[Epoch]:
        told = until(self.train(), lambda: self.left, self.schedule, self.epochs)
        return [each for each in told if isinstance(each, Epoch)]


def test_with_time_enough_every_epoch_is_trained_at_the_planned_rates() -> None:
    told = Machine(100.0, 1.0, 20).trained()
    alone = [each for each in Machine(100.0, 1.0, 20).train() if isinstance(each, Epoch)]
    assert told == alone


@settings(deadline=None, max_examples=25)
@given(st.floats(0.3, 3.0), st.integers(10, 60))
def test_training_is_over_in_time_and_its_rate_has_come_down(pace: float, epochs: int) -> None:
    machine = Machine(float(epochs), pace, epochs)
    last = machine.trained()[-1]
    assert machine.left >= 0
    assert last.learning_rate < 0.05


def test_a_machine_that_slows_down_half_way_still_ends_at_small_rates() -> None:
    machine = Machine(40.0, 1.0, 40)
    told = until(machine.train(), lambda: machine.left, machine.schedule, 40)
    rates = []
    for each in told:
        if isinstance(each, Epoch):
            rates.append(each.learning_rate)
            machine.epoch = 1.0 if each.number < 20 else 3.0
    assert 25 <= len(rates) <= 27 and rates[-1] < 0.02
    assert rates == sorted(rates, reverse=True)


@given(st.floats(0.001, 1.0), st.floats(0, 10.0), st.integers(1, 5000), st.floats(1.0, 5000.0))
def test_what_is_fitted_takes_no_longer_than_the_time_where_a_step_an_epoch_fits(
    step: float, validation: float, steps: int, seconds: float
) -> None:
    fitted = fit_to(seconds, Pace(step, validation), steps)
    taken = fitted.epochs * (fitted.steps * step + validation)
    assert 1 <= fitted.steps <= steps and fitted.epochs >= FEWEST
    assert taken <= seconds * (1 + 1e-6) or fitted.steps == 1


def test_no_more_epochs_are_fitted_than_are_enough() -> None:
    assert fit_to(1e6, Pace(0.1, 1.0), 10, most=12).epochs == 12


@pytest.mark.parametrize("left", [0.0, -5.0])
def test_one_epoch_is_trained_even_when_the_time_is_over(left: float) -> None:
    assert len(Machine(left, 1.0, 10).trained()) == 1


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_machine_that_is_busy_for_a_moment_is_not_taken_for_a_slow_one() -> None:
    clock, network = Clock(), torch.nn.Linear(1, 1)
    steps, validations = iter([9.0, 0.5, 0.1, 0.1, 0.1, 0.1]), iter([4.0, 1.0, 1.0])

    def batches() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for taken in steps:
            clock.now += taken
            yield torch.zeros(1, 1), torch.zeros(1, 1)

    def validate(copied: torch.nn.Module) -> None:
        assert copied is not network
        clock.now += next(validations)

    pace = measure_pace(network, torch.nn.functional.mse_loss, batches(), validate, seconds=100.0, clock=clock)
    assert (pace.step, pace.validation) == pytest.approx((0.1, 1.0))


def test_a_validation_that_takes_long_is_measured_once() -> None:
    clock, looked = Clock(), []

    def validate(copied: torch.nn.Module) -> None:
        looked.append(copied)
        clock.now += 60.0

    batch = [(torch.zeros(1, 1), torch.zeros(1, 1))]
    measure_pace(torch.nn.Linear(1, 1), torch.nn.functional.mse_loss, batch, validate, seconds=10.0, clock=clock)
    assert len(looked) == 1
