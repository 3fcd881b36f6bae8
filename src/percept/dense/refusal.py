"""The sentence that says which layer has no exact dense form, and why."""

from torch import fx

from percept.errors import OptionError
from percept.nn.geometry.trace import kind_of, name_of


def refusal(node: fx.Node, why: str) -> OptionError:
    """Return the error for a step of a network.

    Args:
        node: the step.
        why: what it does that depends on more than the pixels of one window, and what to do instead.
    """
    return OptionError(f"layer {name_of(node)} ({kind_of(node)}) has no exact dense form: {why}")


GATE = (
    "it brings a value of the whole patch together with single positions, as squeeze-excite does, so that what it gives"
    " depends on the patch and the position together; classify patches one by one, or take a network without gates"
)
STATISTICS = (
    "its mean and variance are those of all positions of the patch, so that what it gives depends on the patch and the"
    " position together; classify patches one by one, or take a network with batch normalization"
)
UNEVEN = (
    "its windows have different sizes ({before} positions into {after}); take a patch whose map there has a multiple of"
    " {after} positions, or a network where a linear layer follows at once"
)
POSITION = "its weights differ from one position of the patch to the next"
