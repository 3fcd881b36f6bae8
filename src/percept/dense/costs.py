"""What an evaluation costs before it runs: multiplications, values written, and the memory of its maps."""

from collections import Counter
from dataclasses import dataclass

from percept.dense.border import parts_of
from percept.dense.lattice import Span, line_of
from percept.dense.layers import Filter, Pool
from percept.dense.plan import Plan
from percept.dense.point_layers import Concatenate
from percept.dense.steps import Step

MOVE = 8.0
"""Multiplications that take about as long as a value takes to memory and back, of a core that does 40 a nanosecond."""
CALL = 1e7
"""Multiplications that take about as long as whatever comes with each step of each tile: a quarter of a millisecond."""


@dataclass(frozen=True)
class Cost:
    """What an evaluation costs.

    Attributes:
        multiply_adds: of all filters.
        written: values of all maps.
        peak: most values that maps hold at one time, the picture's among them.
        calls: of layers.
    """

    multiply_adds: float
    written: float
    peak: float
    calls: int

    @property
    def work(self) -> float:
        """Return multiplications, and those in whose place values are moved and layers called."""
        return self.multiply_adds + MOVE * self.written + CALL * self.calls

    def times(self, count: int) -> "Cost":
        """Return the cost of so many evaluations one after the other."""
        return Cost(self.multiply_adds * count, self.written * count, self.peak, self.calls * count)


def cost_of(plan: Plan, spans: tuple[Span, Span], *, by_patch: bool = False) -> Cost:
    """Return the cost of an evaluation for one picture.

    Args:
        plan: the classifier.
        spans: which answers.
        by_patch: whether each patch has its own border.
    """
    sizes = _by_patch(plan, spans) if by_patch else _shared(plan, spans)
    left = Counter(each for step in plan.steps for each in step.inputs)
    alive: dict[int, float] = {}
    multiply_adds = peak = 0.0
    for number, step in enumerate(plan.steps):
        made = sizes[number]
        taken = sum(sizes[each] for each in step.inputs)
        scratch = _scratch(step, made, taken) + (taken if by_patch and step.inputs else 0.0)
        peak = max(peak, sum(alive.values()) + made + scratch)
        alive[number] = made
        left.subtract(step.inputs)
        for each in set(step.inputs):
            if not left[each]:
                alive.pop(each, None)
        if isinstance(step.layer, Filter):
            multiply_adds += step.layer.weight.numel() * made / step.channels
    return Cost(multiply_adds, sum(sizes), peak, len(plan.steps))


def _scratch(step: Step, made: float, taken: float) -> float:
    """Return the values that a step holds besides its inputs and what it makes."""
    if isinstance(step.layer, Pool):
        return 1.5 * max(made, taken)
    if isinstance(step.layer, Filter):
        return taken  # a copy where only a part of the map is read
    return made if isinstance(step.layer, Concatenate) else 0.0


def _shared(plan: Plan, spans: tuple[Span, Span]) -> list[float]:
    sizes = []
    for number, step in enumerate(plan.steps):
        rows, columns = (line_of(plan, number, axis, spans[axis]).count for axis in (0, 1))
        sizes.append(float(step.channels * rows * columns))
    return sizes


def _by_patch(plan: Plan, spans: tuple[Span, Span]) -> list[float]:
    sizes = []
    for step, parts, jumps in zip(plan.steps, parts_of(plan), plan.jumps, strict=True):
        positions = 1.0
        for axis in (0, 1):
            span, jump = spans[axis], jumps[axis]
            unit = 1 if span.step == 1 else jump
            own = sum(span.count * (part.stop - part.first) for part in parts[axis] if part.own)
            shared = sum(
                ((span.count - 1) * span.step + (part.stop - 1 - part.first) * jump) // unit + 1
                for part in parts[axis]
                if not part.own
            )
            positions *= own + shared
        sizes.append(step.channels * positions)
    return sizes
