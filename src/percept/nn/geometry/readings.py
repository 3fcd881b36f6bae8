"""How each kind of layer, function and method says what it does in space: the one place that knows their arguments."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from torch import Tensor, fx, nn

from percept.nn.geometry.operations import (
    Adapt,
    Join,
    Mix,
    Operation,
    Permute,
    Reshape,
    Resize,
    Sizes,
    Slide,
    Spread,
    Stack,
    Take,
    Unknown,
)
from percept.nn.geometry.trace import kind_of, value_of


@dataclass(frozen=True)
class Call:
    """One step with its arguments by name, whether a layer holds them or a function was given them.

    Attributes:
        node: the step.
        layer: the layer; None for a function.
    """

    node: fx.Node
    layer: nn.Module | None

    @property
    def taken(self) -> Sizes:
        """Return the shape of the first input."""
        first = self.node.all_input_nodes[0]
        return tuple(getattr(value_of(first), "shape", ()))

    @property
    def made(self) -> Sizes:
        """Return the shape of the output."""
        return tuple(getattr(value_of(self.node), "shape", ()))

    def get(self, name: str, position: int, default: Any = None) -> Any:
        """Return an argument: an attribute of the layer, or what the function got at a position or by name."""
        if self.layer is not None:
            return getattr(self.layer, name, default)
        arguments = self.node.args
        return arguments[position] if position < len(arguments) else self.node.kwargs.get(name, default)

    def dimensions(self, name: str, position: int, default: Any = None) -> Sizes:
        """Return dimensions counted from 0, all of them where none is named."""
        count = len(self.taken)
        given = self.get(name, position, default)
        named = range(count) if given is None else _many(given)
        return tuple(sorted(each % count for each in named))


def _kernel(call: Call) -> Sizes:
    if call.layer is not None:
        return _many(call.layer.kernel_size)
    return tuple(value_of(call.get("weight", 1)).shape[2:])


def _many(given: Any) -> Sizes:
    return tuple(given) if isinstance(given, Sequence) else (int(given),)


def _each(given: Any, count: int) -> Sizes:
    """Return one number for each dimension, of one for all or one for each."""
    numbers = _many(given)
    return numbers * count if len(numbers) == 1 else numbers


def convolution(call: Call) -> Operation:
    """Read a convolution."""
    kernel = _kernel(call)
    count = len(kernel)
    stride, dilation = (_each(call.get(name, place, 1), count) for name, place in (("stride", 3), ("dilation", 5)))
    padding = call.get("padding", 4, 0)
    if padding == "same":
        before = tuple(apart * (taps - 1) // 2 for taps, apart in zip(kernel, dilation, strict=True))
    else:
        before = _each(0 if padding == "valid" else padding, count)
    return Slide(kernel, stride, before, dilation)


def transposed(call: Call) -> Operation:
    """Read a transposed convolution."""
    kernel = _kernel(call)
    named = (("stride", 3, 1), ("padding", 4, 0), ("dilation", 7, 1))
    return Spread(kernel, *(_each(call.get(*each), len(kernel)) for each in named))


def pooling(dilation_at: int | None) -> Callable[[Call], Operation]:
    """Return how to read a pooling, whose function takes the dilation at a position, if at all."""

    def pooling(call: Call) -> Operation:
        count = _pooled_dimensions(call)
        kernel = _each(call.get("kernel_size", 1), count)
        stride = call.get("stride", 2)
        dilation = 1 if dilation_at is None else call.get("dilation", dilation_at, 1)
        return Slide(
            kernel,
            kernel if stride is None or stride == () else _each(stride, count),
            _each(call.get("padding", 3, 0), count),
            _each(dilation, count),
        )

    return pooling


def _pooled_dimensions(call: Call) -> int:
    name = type(call.layer).__name__ if call.layer is not None else kind_of(call.node)
    return int(next(letter for letter in name if letter in "123"))


def adaptive(call: Call) -> Operation:
    """Read a pooling to a given size."""
    count = _pooled_dimensions(call)
    return Adapt(call.made[-count:])


def resize(call: Call) -> Operation:
    """Read an interpolation."""
    mode, corners = call.get("mode", 3, "nearest"), bool(call.get("align_corners", 4))
    before, after = call.taken[2:], call.made[2:]
    if call.get("antialias", 6, False):
        return Unknown("the filter of an antialiased interpolation depends on the size")
    if mode == "area":
        return Adapt(after)
    if corners and mode != "nearest":
        sides = zip(before, after, strict=True)
        return Resize(mode, tuple(Fraction(old - 1, max(new - 1, 1)) for old, new in sides), corners=True)
    scale = call.get("scale_factor", 2)
    if scale is not None and not call.get("recompute_scale_factor", 5):
        factors = scale if isinstance(scale, Sequence) else [scale] * len(before)
        return Resize(mode, tuple(1 / Fraction(each).limit_denominator(10**6) for each in factors), corners=False)
    return Resize(mode, tuple(Fraction(old, new) for old, new in zip(before, after, strict=True)), corners=False)


def shuffled(call: Call) -> Operation:
    """Read a change between pixels and channels."""
    ratio = Fraction(call.taken[-1], call.made[-1])
    if ratio < 1:
        return Resize("nearest", (ratio, ratio), corners=False)
    return Slide(*((int(ratio),) * 2,) * 2, (0, 0), (1, 1))


def pad(call: Call) -> Operation:
    """Read a padding; whatever is put there, only positions near the border see it."""
    amounts, count = _many(call.get("padding" if call.layer is not None else "pad", 1)), len(call.taken)
    if len(amounts) == 1:  # a layer that pads all sides alike
        amounts *= 2 * (count - 2)
    places = {count - 1 - place: (-before, 1) for place, before in enumerate(amounts[::2]) if before}
    return Take(places, tuple(range(count)))


def cut(call: Call) -> Operation:
    """Read an index in brackets."""
    index: Any = call.node.args[1]
    if not isinstance(value_of(call.node.all_input_nodes[0]), Tensor):
        return Join()  # one of several values
    parts = list(index) if isinstance(index, tuple) else [index]
    if not all(part is None or part is Ellipsis or isinstance(part, int | slice) for part in parts):
        return Unknown("it takes positions that are not known beforehand")
    missing = len(call.taken) - sum(part is not None and part is not Ellipsis for part in parts)
    at = parts.index(Ellipsis) if Ellipsis in parts else len(parts)
    parts[at : at + 1] = [slice(None)] * missing
    places: dict[int, tuple[int, int]] = {}
    kept: list[int | None] = []
    made = 0
    for part in parts:
        if part is None:
            made += 1
            continue
        dimension, side = len(kept), call.taken[len(kept)]
        if isinstance(part, slice):
            start, _, step = part.indices(side)
            places[dimension] = start, step
            kept.append(made)
            made += 1
        else:
            places[dimension] = part % side, 0
            kept.append(None)
    return Take({dimension: place for dimension, place in places.items() if place != (0, 1)}, tuple(kept))


def narrow(call: Call) -> Operation:
    """Read a cut along one dimension."""
    dimension = call.dimensions("dim", 1)[0]
    return Take({dimension: (int(call.get("start", 2)), 1)}, tuple(range(len(call.taken))))


def flip(call: Call) -> Operation:
    """Read a mirroring."""
    turned = call.dimensions("dims", 1)
    return Take({each: (call.taken[each] - 1, -1) for each in turned}, tuple(range(len(call.taken))))


def reduce(call: Call) -> Operation:
    """Read a mean, sum or maximum over dimensions."""
    gone = call.dimensions("dim", 1)
    count, keeps = len(call.taken), len(call.made) == len(call.taken)
    left = [each for each in range(count) if each not in gone]
    kept = tuple(each if keeps else (left.index(each) if each in left else None) for each in range(count))
    return Mix(gone, reduced=True, kept=kept)


def softmax(call: Call) -> Operation:
    """Read a softmax over dimensions."""
    return Mix(call.dimensions("dim", 1), reduced=False, kept=tuple(range(len(call.taken))))


def map_norm(call: Call) -> Operation:
    """Read a normalization over the whole map."""
    count = len(call.taken)
    return Mix(tuple(range(2, count)), reduced=False, kept=tuple(range(count)))


def layer_norm(call: Call) -> Operation:
    """Read a normalization over the last dimensions."""
    count = len(call.taken)
    last = len(_many(call.get("normalized_shape", 1)))
    return Mix(tuple(range(count - last, count)), reduced=False, kept=tuple(range(count)))


def linear(call: Call) -> Operation:
    """Read a linear layer, over the last dimension."""
    count = len(call.taken)
    return Mix((count - 1,), reduced=True, kept=tuple(range(count)))


def joined(call: Call) -> Operation:
    """Read what works value by value."""
    return Join()


def stacked(call: Call) -> Operation:
    """Read a concatenation."""
    return Stack(int(call.get("dim", 1, 0)) % len(call.made))


def parted(call: Call) -> Operation:
    """Read a cut into parts."""
    return Stack(int(call.get("dim", 2, 0)) % len(call.taken))


def reshaped(call: Call) -> Operation:
    """Read a change of shape."""
    return Reshape()


def permuted(call: Call) -> Operation:
    """Read a change of the order of dimensions."""
    count, name, given = len(call.taken), kind_of(call.node), list[Any](call.node.args[1:])
    numbers = given[0] if len(given) == 1 else given
    numbers = [number % count for number in numbers]
    if name == "permute":
        return Permute(tuple(numbers))
    order = list(range(count))
    order[numbers[0]], order[numbers[1]] = numbers[1], numbers[0]
    return Permute(tuple(order))
