"""Evaluating a patch classifier for many patches at once, every map computed once.

Each map is held at positions `first`, `first + step`, ... along an axis. With steps of one pixel everywhere this is the
network with its strides removed and its later filters rarefied (à trous); with steps of each map's own jump it is the
network as it is, convolutionalized, and one such pass for each shift of the answers is shift-and-stitch.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from percept.dense.layers import Filter, Pool
from percept.dense.plan import Plan
from percept.dense.steps import Pair, Step, Window


@dataclass(frozen=True)
class Span:
    """Which answers are wanted along one axis.

    Attributes:
        first: position of the first one, pixels.
        step: pixels from one to the next: 1, or the stride of the network.
        count: how many.
        ends: how many positions the picture has for patches, where zeros lie beyond its border; None where there is
            real context on all sides, or the network asks for none.
    """

    first: int
    step: int
    count: int
    ends: int | None = None


@dataclass(frozen=True)
class Line:
    """The positions at which a map is held along one axis: first, first + step, ..."""

    first: int
    step: int
    count: int


def line_of(plan: Plan, place: int, axis: int, span: Span) -> Line:
    """Return the positions of a step's map that are needed.

    Args:
        plan: the classifier.
        place: of the step.
        axis: 0 for rows, 1 for columns.
        span: the answers that are wanted.
    """
    jump = plan.jumps[place][axis]
    low, high = plan.reaches[place][axis]
    low, high = span.first + low, span.first + (span.count - 1) * span.step + high
    if span.ends is not None:
        low, high = max(low, 0), min(high, span.ends - 1 + (plan.steps[place].size[axis] - 1) * jump)
    step = 1 if span.step == 1 else jump
    if place == 0:
        return Line(low, 1, max(0, high - low + 1))  # 0 where answers depend on nothing but padding
    first = low + (span.first - low) % step
    return Line(first, step, max(0, (high - first) // step + 1))


def evaluated(plan: Plan, picture: Tensor, spans: tuple[Span, Span]) -> Tensor:
    """Return the answers of a patch classifier.

    Args:
        plan: the classifier.
        picture: (samples, channels, rows, columns), the positions that `line_of` gives for step 0.
        spans: which answers, along the rows and the columns.

    Returns:
        (samples, classes, rows, columns).
    """
    lines = [(line_of(plan, place, 0, spans[0]), line_of(plan, place, 1, spans[1])) for place in range(len(plan.steps))]
    left = Counter(each for step in plan.steps for each in step.inputs)
    maps: dict[int, Tensor] = {0: picture.contiguous(memory_format=torch.channels_last)}
    owned: set[int] = set()
    for number, step in enumerate(plan.steps[1:], start=1):
        left.subtract(step.inputs)
        mine = bool(step.inputs) and step.inputs[0] in owned and left[step.inputs[0]] == 0
        inputs = [(maps[each], lines[each], plan.jumps[each], plan.steps[each].size) for each in step.inputs]
        for each in set(step.inputs):
            if left[each] == 0:
                del maps[each]
        made = _step(step, inputs, lines[number], spans, owned=mine)
        viewed = {each for each, held in zip(step.inputs, inputs, strict=True) if _storage(made) == _storage(held[0])}
        if mine or not viewed:
            owned.add(number)
        else:
            owned -= viewed  # another step's map lies in the same memory
        maps[number] = made
        del inputs, made
    return maps[len(plan.steps) - 1]


def _storage(features: Tensor) -> int:
    return features.untyped_storage().data_ptr()


Held = tuple[Tensor, tuple[Line, Line], Pair, Pair]
"""A map, its positions, its jumps and its size in one patch."""


def _step(step: Step, inputs: list[Held], lines: tuple[Line, Line], spans: tuple[Span, Span], *, owned: bool) -> Tensor:
    features = inputs[0][0]
    if min(lines[0].count, lines[1].count) == 0:
        return features.new_empty(len(features), step.channels, lines[0].count, lines[1].count)
    if step.window is None:
        made: Tensor = step.layer([_at(held, lines) for held in inputs], owned=owned)
        return made
    return _windowed(step, step.window, inputs[0], lines, spans)


def _at(held: Held, lines: tuple[Line, Line]) -> Tensor:
    """Return a map at some of the positions at which it is held."""
    features, have, _, _ = held
    for dim, had, wanted in ((2, have[0], lines[0]), (3, have[1], lines[1])):
        if had == wanted:
            continue
        start, step = (wanted.first - had.first) // had.step, wanted.step // had.step
        index = [slice(None)] * 4
        index[dim] = slice(start, start + (wanted.count - 1) * step + 1, step)
        features = features[tuple(index)]
    return features


def _windowed(step: Step, window: Window, held: Held, lines: tuple[Line, Line], spans: tuple[Span, Span]) -> Tensor:
    features, have, jumps, sizes = held
    strides, dilations, edges = [], [], []
    for axis in (0, 1):
        had, wanted, jump = have[axis], lines[axis], jumps[axis]
        start = (wanted.first - window.before[axis] * jump - had.first) // had.step
        stride = wanted.step // had.step if wanted.count > 1 else 1
        dilation = window.dilation[axis] * jump // had.step if window.kernel[axis] > 1 else 1
        end = start + (wanted.count - 1) * stride + (window.kernel[axis] - 1) * dilation + 1
        low, high = (min(max(0, beyond), end - start) for beyond in (-start, end - had.count))
        if start > 0 or end < had.count:
            begin = min(max(start, 0), had.count)
            features = features.narrow(axis + 2, begin, max(0, min(end, had.count) - begin))
        strides.append(stride)
        dilations.append(dilation)
        edges.append((low, high))
    made = with_edges(step, features, (edges[0], edges[1]), (strides[0], strides[1]), (dilations[0], dilations[1]))
    if isinstance(step.layer, Pool) and not step.layer.largest:
        counts = [
            _counted(window, axis, lines[axis], jumps[axis], sizes[axis], spans[axis].ends, made) for axis in (0, 1)
        ]
        return divided(made, step.layer, window, counts[0], counts[1])
    return made


def with_edges(step: Step, features: Tensor, edges: tuple[Pair, Pair], stride: Pair, dilation: Pair) -> Tensor:
    """Return what a layer makes of a map around which some positions of its own outside value are put.

    Args:
        step: whose layer.
        features: (samples, channels, rows, columns).
        edges: positions before and behind it, along the rows and the columns.
        stride: of the layer on this map.
        dilation: of the layer on this map.
    """
    alike = all(low == high for low, high in edges)
    if not alike:
        outside: float = step.layer.outside  # type: ignore[assignment]
        features = functional.pad(features, (*edges[1], *edges[0]), value=outside)
        edges = (0, 0), (0, 0)
    layer: Callable[..., Tensor] = step.layer
    if isinstance(step.layer, Filter):
        features = features.contiguous(memory_format=torch.channels_last)
    return layer(features, stride, dilation, (edges[0][0], edges[1][0]))


def divided(sums: Tensor, pool: Pool, window: Window, rows: Tensor | None, columns: Tensor | None) -> Tensor:
    """Return the means of windows from their sums.

    Args:
        sums: (..., rows, columns).
        pool: the pooling.
        window: of it.
        rows: how many positions of each window count along the rows; None for all.
        columns: the same along the columns.
    """
    divisor: Tensor | float = window.kernel[0] * window.kernel[1]
    if pool.divisor is not None:
        divisor = pool.divisor
    elif rows is not None or columns is not None:
        rows = torch.tensor(float(window.kernel[0])) if rows is None else rows[:, None]
        columns = torch.tensor(float(window.kernel[1])) if columns is None else columns
        divisor = rows.to(sums) * columns.to(sums)
    return sums / divisor if torch.is_grad_enabled() or not max(window.kernel) > 1 else sums.div_(divisor)


def _counted(
    window: Window, axis: int, line: Line, jump: int, size: int, ends: int | None, like: Tensor
) -> Tensor | None:
    """Return how many positions of each window count in its mean; None for all of them."""
    if ends is None:
        return None
    low, high = -window.counted[axis] * jump, ends - 1 + (size - 1 + window.counted[axis]) * jump
    first = torch.arange(line.count) * line.step + line.first - window.before[axis] * jump
    taps = first[:, None] + torch.arange(window.kernel[axis]) * window.dilation[axis] * jump
    return ((taps >= low) & (taps <= high)).sum(1).to(like)
