from collections.abc import Iterator

import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler

from percept.training.schedules import SCHEDULES, Cosine, after_step, hurry


def optimizer() -> SGD:
    return SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


def rates(schedule: LRScheduler, steps: int) -> Iterator[float]:
    for _ in range(steps):
        yield float(schedule.get_last_lr()[0])
        schedule.optimizer.step()
        after_step(schedule)


def test_without_its_rise_the_cosine_is_torchs() -> None:
    ours = [Cosine(20, 0)(step) for step in range(20)]
    assert ours == pytest.approx(list(rates(CosineAnnealingLR(optimizer(), 20), 20)), abs=1e-12)


def test_a_course_that_is_not_hurried_keeps_its_bits() -> None:
    plain, asked = (SCHEDULES["cosine"](optimizer(), 5, 4) for _ in range(2))
    hurry(asked, 1.0)
    assert list(rates(plain, 20)) == list(rates(asked, 20))


def test_a_hurried_cosine_goes_on_from_its_rate_and_comes_to_the_end_in_the_share_of_steps() -> None:
    schedule = SCHEDULES["cosine"](optimizer(), 10, 10)
    before = list(rates(schedule, 40))
    hurry(schedule, 0.5)
    after = list(rates(schedule, 30))
    assert abs(after[0] - before[-1]) < 0.03  # no jump
    # steps of twice the size on the course that it was on
    whole = list(rates(SCHEDULES["cosine"](optimizer(), 10, 10), 100))
    assert after == pytest.approx(whole[40::2], abs=1e-12)
    assert schedule.get_last_lr()[0] == pytest.approx(0, abs=1e-12)


def test_a_course_with_time_again_takes_the_steps_that_were_planned() -> None:
    schedule = SCHEDULES["cosine"](optimizer(), 10, 10)
    list(rates(schedule, 40))
    hurry(schedule, 0.5)
    list(rates(schedule, 10))
    hurry(schedule, 1.0)
    last = list(rates(schedule, 50))
    assert 0 < last[-1] < 0.01 and schedule.get_last_lr()[0] == pytest.approx(0, abs=1e-12)


def test_a_checkpoint_keeps_the_hurry() -> None:
    schedule, resumed = (SCHEDULES["cosine"](optimizer(), 10, 10) for _ in range(2))
    list(rates(schedule, 40))
    hurry(schedule, 0.3)
    list(rates(schedule, 3))
    resumed.load_state_dict(schedule.state_dict())
    assert list(rates(resumed, 10))[1:] == list(rates(schedule, 10))[1:]


@pytest.mark.parametrize("name", ["constant", "plateau"])
def test_a_schedule_without_an_end_is_left_as_it_is(name: str) -> None:
    schedule = SCHEDULES[name](optimizer(), 10, 10)
    hurry(schedule, 0.1)
    assert schedule.get_last_lr() == [1.0]
