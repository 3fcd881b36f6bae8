"""What is counted before an evaluation runs, by hand, and against what torch makes."""

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from percept.dense import densify
from percept.dense.classifier import planned_for
from percept.dense.costs import cost_of
from percept.dense.lattice import Span


def network(padding: int) -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 4, 3, padding=padding), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 5, 3, padding=padding)),
        *(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 2)),
    )


def test_multiplications_of_a_pass_are_counted_as_by_hand() -> None:
    """For 10x10 answers of a patch of 12: maps of 10 + 9 and, two pixels apart, 10 + 2 * 2 at each side, and 10."""
    plan = planned_for(network(0), 12)
    cost = cost_of(plan, (Span(0, 1, 10), Span(0, 1, 10)))
    assert cost.multiply_adds == 3 * 4 * 9 * (10 + 9) ** 2 + 4 * 5 * 9 * (10 + 4) ** 2 + 5 * 2 * 10**2


@pytest.mark.parametrize("semantics", ["patch", "image", "plane"])
@pytest.mark.parametrize("padding", [0, 1])
def test_multiplications_are_those_that_torch_counts(padding: int, semantics: str) -> None:
    dense = densify(network(padding), 12, "atrous", semantics)  # type: ignore[arg-type]
    ends = 9 if dense.semantics == "image" else None
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        dense(torch.zeros(1, 3, 20, 20))
    counted = dense.cost((Span(0, 1, 9, ends), Span(0, 1, 9, ends))).multiply_adds
    assert counter.get_total_flops() == 2 * counted


class Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the largest tensor that is made."""

    values = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        made = function(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor):
            self.values = max(self.values, made.numel())
        return made


def test_the_peak_has_room_for_the_largest_map_and_what_it_is_made_of() -> None:
    dense = densify(network(0), 12, "atrous")
    with torch.no_grad(), Largest() as largest:  # type: ignore[no-untyped-call]
        dense(torch.zeros(1, 3, 111, 111))
    peak = dense.cost((Span(0, 1, 100), Span(0, 1, 100))).peak
    assert largest.values + 3 * 111**2 <= peak <= 4 * largest.values
