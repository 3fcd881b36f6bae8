"""Which epoch is kept, and when patience ends."""

from collections.abc import Iterator

from torch import nn

from percept.training.loop import Epoch
from percept.training.stopping import keep_best


def epochs(*losses: float) -> Iterator[Epoch]:
    yield from (Epoch(number, 1.0, {"loss": loss}, 0.1, 1.0, 1.0, 1.0) for number, loss in enumerate(losses, start=1))


def numbers(*losses: float, first: int = 1) -> list[int]:
    kept = keep_best(epochs(*losses), nn.Linear(1, 1), metric="loss", higher_is_better=False, patience=2, first=first)
    return [each[0].number for each in kept if isinstance(each, tuple)]


def test_patience_ends_so_many_epochs_after_the_best_one() -> None:
    assert numbers(1.0, 0.5, 0.6, 0.7, 0.1) == [1, 2, 3, 4]


def test_epochs_before_the_last_phase_use_up_no_patience() -> None:
    assert numbers(0.1, 0.5, 0.6, 0.7, 0.8, 0.9, first=4) == [1, 2, 3, 4, 5]
