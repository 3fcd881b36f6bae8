"""Which of percept's architectures can be made dense, as a page of the documentation: python -m percept.dense.table."""

from dataclasses import dataclass

from percept.dense.classifier import planned_for
from percept.dense.costs import cost_of
from percept.dense.lattice import Span
from percept.dense.plan import Plan
from percept.errors import OptionError
from percept.models import MODELS, arguments_for, build, names
from percept.nn.geometry.trace import undrawn

CLASSES = 10
SIDE = 224  # pixels of the pictures that the larger networks are for
SMALL = 28  # those of the others, where they take such
WIDE = 1024  # answers along each axis that work is counted for
BESIDE = 24  # the same for patches with their own zeros: tiles of this side are as small as they come

INTRODUCTION = """# Architectures, one answer a pixel

Written by `python -m percept.dense.table`; a test holds it to the code. Each architecture is read for patches of the
size that it takes as it is, up to {side} pixels, with {classes} classes.

- **Padding**: whether it pads the maps of a patch, so that `densify` asks for `semantics`: "patch", "image" or "plane".
- **Stride**: pixels between the answers of `convolutionalize`.
- **Shared**: multiplications of the loop over all patches, by those of `densify` à trous for "image" and "plane".
- **By patch**: the same by those of `semantics="patch"`, for tiles of {beside}x{beside} answers.

Without padding all meanings are one.

| architecture | patch | padding | stride | shared | by patch |
| --- | --- | --- | --- | --- | --- |
"""


@dataclass(frozen=True)
class Entry:
    """An architecture as a row of the table.

    Attributes:
        name: of the architecture.
        patch: rows and columns.
        plan: its steps; None where it is refused.
        reason: why it is refused.
    """

    name: str
    patch: tuple[int, int]
    plan: Plan | None
    reason: str = ""

    def line(self) -> str:
        """Return the row."""
        size = f"{self.patch[0]}x{self.patch[1]}"
        if self.plan is None:
            return f"| {self.name} | {size} | refused: {self.reason.partition(';')[0]} | | | |"
        alone = _work(self.plan, 1, by_patch=True)  # what the classifier computes for one patch
        shared = _times(alone / _work(self.plan, WIDE))
        padded, by_patch = "no", shared
        if self.plan.padded:
            padded, by_patch = "yes", _times(alone / _work(self.plan, BESIDE, by_patch=True))
        return f"| {self.name} | {size} | {padded} | {self.plan.stride[0]} | {shared} | {by_patch} |"


def _work(plan: Plan, side: int, *, by_patch: bool = False) -> float:
    """Return the multiplications of one answer among so many along each axis."""
    spans = Span(0, 1, side), Span(0, 1, side)
    return cost_of(plan, spans, by_patch=by_patch).multiply_adds / side**2


def _times(factor: float) -> str:
    return f"{factor:,.0f}x" if factor >= 10 else f"{factor:.1f}x"


def entry(name: str) -> Entry:
    """Return the row of an architecture.

    Args:
        name: a key of `MODELS`.

    Example:
        >>> entry("lenet").line()
        '| lenet | 28x28 | yes | 4 | 14x | 9.2x |'
    """
    channels = 1 if name == "lenet" else 3
    low, high = MODELS[name].kept_sides
    side = min(SIDE, high) if high >= SIDE else max(SMALL, low)
    patch = side, side
    with undrawn():
        network = build(name, **arguments_for(name, outputs=CLASSES, shape=(channels, *patch)))
    try:
        return Entry(name, patch, planned_for(network, patch, channels))
    except OptionError as error:
        return Entry(name, patch, None, str(error))


def page() -> str:
    """Return the page of the documentation."""
    rows = "".join(entry(name).line() + "\n" for name in names())
    return INTRODUCTION.format(side=SIDE, classes=CLASSES, beside=BESIDE) + rows


if __name__ == "__main__":
    print(page(), end="")
