"""Where the maps of a patch classifier lie on the picture: how far their positions are apart, and which are needed.

A position is counted in pixels: position j of a map of the patch at u lies at u + j * jump. What a network without
padding gives for it is then the same for all patches in which it lies, and is computed once.
"""

from dataclasses import dataclass
from math import lcm

from percept.dense.layers import Filter
from percept.dense.steps import Pair, Step, Window

Reach = tuple[int, int]
"""First and last position of a map that are needed for the answer at 0, pixels."""


@dataclass(frozen=True)
class Plan:
    """The steps of a patch classifier with their geometry.

    Attributes:
        steps: the picture first, the answer last.
        jumps: of each step's map, pixels from one position to the next: rows and columns.
        reaches: which positions of each step's map the answer of one patch depends on, if the picture went on beyond
            the patch: rows and columns.
        padded: names of the layers that put something around the map of a patch that the answer depends on.
    """

    steps: tuple[Step, ...]
    jumps: tuple[Pair, ...]
    reaches: tuple[tuple[Reach, Reach], ...]
    padded: tuple[str, ...]

    @property
    def patch(self) -> Pair:
        """Return the rows and columns of a patch."""
        return self.steps[0].size

    @property
    def stride(self) -> Pair:
        """Return how far answers lie apart that one pass of the network without its strides removed gives."""
        return self.jumps[-1]

    @property
    def mirrored(self) -> tuple[str, ...]:
        """Return the names of the layers that copy what lies beyond their border from within."""
        return tuple(step.name for step in self.steps if step.window is not None and step.window.mirrored)

    def context(self, axis: int) -> Pair:
        """Return how many pixels before and behind the patch its answer depends on, if there is no padding."""
        first, last = self.reaches[0][axis]
        return max(0, -first), max(0, last - (self.patch[axis] - 1))


def planned(steps: tuple[Step, ...]) -> Plan:
    """Return the geometry of steps."""
    jumps: list[Pair] = []
    for step in steps:
        before = [jumps[place] for place in step.inputs]
        rows, columns = (lcm(*(each[axis] for each in before)) if before else 1 for axis in (0, 1))
        stride = step.window.stride if step.window is not None else (1, 1)
        jumps.append((rows * stride[0], columns * stride[1]))
    whole = _reaches(steps, jumps, inside=False)
    inside = _reaches(steps, jumps, inside=True)
    padded = [
        step.name
        for step, reach in zip(steps, inside, strict=True)
        if step.window is not None
        for place in step.inputs
        if any(
            _outside(
                _read(step.window, axis, jumps[place][axis], reach[axis]), steps[place].size[axis], jumps[place][axis]
            )
            for axis in (0, 1)
        )
    ]
    return Plan(steps, tuple(jumps), tuple(whole), tuple(dict.fromkeys(padded)))


def _outside(reach: Reach, size: int, jump: int) -> bool:
    return reach[0] < 0 or reach[1] > (size - 1) * jump


def _read(window: Window, axis: int, jump: int, reach: Reach) -> Reach:
    """Return what positions of its input a map reads for a range of its own."""
    first = reach[0] - window.before[axis] * jump
    return first, reach[1] + (window.reach(axis) - window.before[axis]) * jump


def _reaches(steps: tuple[Step, ...], jumps: list[Pair], *, inside: bool) -> list[tuple[Reach, Reach]]:
    """Return the needed positions of each map, of those inside the patch alone or as if there were no border."""
    found: list[list[Reach | None]] = [[None, None] for _ in steps]
    found[-1] = [(0, 0), (0, 0)]
    for number in range(len(steps) - 1, -1, -1):
        step = steps[number]
        for axis in (0, 1):
            reach = found[number][axis] or (0, 0)
            if inside:
                reach = max(reach[0], 0), min(reach[1], (step.size[axis] - 1) * jumps[number][axis])
                reach = min(reach[0], reach[1]), reach[1]
            found[number][axis] = reach
            for place in step.inputs:
                read = reach if step.window is None else _read(step.window, axis, jumps[place][axis], reach)
                known = found[place][axis]
                found[place][axis] = read if known is None else (min(known[0], read[0]), max(known[1], read[1]))
    return [(each[0] or (0, 0), each[1] or (0, 0)) for each in found]


def multiply_adds(plan: Plan) -> float:
    """Return the multiplications of the filters for one answer a pixel, all maps shared."""
    return float(sum(step.layer.weight.numel() for step in plan.steps if isinstance(step.layer, Filter)))
