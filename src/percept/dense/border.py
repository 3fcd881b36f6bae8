"""Exact answers of networks that pad: the zeros around every patch are its own, wherever it lies.

A position inside a patch that sees none of the padding has one value for all patches that hold it, and is computed once
for all of them. The others, near the patch's edges, are computed for each patch: for those near its upper or lower edge
the columns are still shared, so that they come as strips; only near its corners every patch is on its own.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from percept.dense.lattice import Span, divided, with_edges
from percept.dense.layers import Pool
from percept.dense.plan import Plan
from percept.dense.steps import Pair, Step, Window


@dataclass(frozen=True)
class Part:
    """A range of the positions of a patch's map along one axis.

    Attributes:
        first: position.
        stop: position behind the last one.
        own: whether each patch has values of its own there; else they are shared.
    """

    first: int
    stop: int
    own: bool


Parts = tuple[Part, ...]
Block = tuple[int, int]
"""Which part of the rows and which of the columns."""


@dataclass(frozen=True)
class Blocks:
    """A map of many patches, cut into parts along both axes.

    Attributes:
        parts: of the rows and of the columns.
        jumps: pixels from one position to the next.
        tensors: of each pair of parts (patch rows, patch columns, samples, channels, rows, columns), where a shared
            part has one patch, and its positions lie a step apart.
    """

    parts: tuple[Parts, Parts]
    jumps: Pair
    tensors: dict[Block, Tensor]


def split(size: int, low: int, high: int) -> Parts:
    """Return the parts of a map of which so many positions at each end are of their own.

    Example:
        >>> [(part.first, part.stop, part.own) for part in split(8, 1, 2)]
        [(0, 1, True), (1, 6, False), (6, 8, True)]
    """
    if low + high >= size:
        return (Part(0, size, own=True),)
    cuts = Part(0, low, own=True), Part(low, size - high, own=False), Part(size - high, size, own=True)
    return tuple(part for part in cuts if part.stop > part.first)


def parts_of(plan: Plan) -> list[tuple[Parts, Parts]]:
    """Return for each step which positions of its map are shared, along the rows and the columns."""
    found: list[tuple[Parts, Parts]] = []
    for step in plan.steps:
        axes: list[Parts] = []
        for axis in (0, 1):
            size = step.size[axis]
            if not step.inputs:
                axes.append(split(size, 0, 0))
            elif step.window is not None:
                axes.append(_slid(step.window, axis, found[step.inputs[0]][axis], size))
            else:
                ends = [_ends(found[place][axis]) for place in step.inputs]
                axes.append(split(size, max(low for low, _ in ends), max(high for _, high in ends)))
        found.append((axes[0], axes[1]))
    return found


def _ends(parts: Parts) -> Pair:
    """Return how many positions at each end are of their own; all of them, twice, where none is shared."""
    size = parts[-1].stop
    shared = [part for part in parts if not part.own]
    return (shared[0].first, size - shared[0].stop) if shared else (size, size)


def _slid(window: Window, axis: int, parts: Parts, size: int) -> Parts:
    low, high = _ends(parts)
    taken, stride, before = parts[-1].stop, window.stride[axis], window.before[axis]
    first = max(0, -(-(low + before) // stride))
    last = (taken - 1 - high + before - window.reach(axis)) // stride
    return split(size, min(first, size), max(0, size - 1 - last))


def evaluated_by_patch(plan: Plan, picture: Tensor, spans: tuple[Span, Span]) -> Tensor:
    """Return the answers of a patch classifier that pads, each for its patch alone.

    Args:
        plan: the classifier.
        picture: (samples, channels, rows, columns) the pixels of the first to the last patch.
        spans: which answers; where they begin does not matter.

    Returns:
        (samples, classes, rows, columns).
    """
    cuts = parts_of(plan)
    left = Counter(each for step in plan.steps for each in step.inputs)
    maps: dict[int, Blocks] = {0: Blocks(cuts[0], (1, 1), {(0, 0): picture[None, None]})}
    for number, step in enumerate(plan.steps[1:], start=1):
        inputs = [maps[place] for place in step.inputs]
        left.subtract(step.inputs)
        for place in set(step.inputs):
            if left[place] == 0:
                del maps[place]
        tensors = {}
        for rows in range(len(cuts[number][0])):
            for columns in range(len(cuts[number][1])):
                parts = cuts[number][0][rows], cuts[number][1][columns]
                tensors[rows, columns] = _block(step, inputs, parts, plan.jumps[number], spans)
        maps[number] = Blocks(cuts[number], plan.jumps[number], tensors)
    (last,) = maps[len(plan.steps) - 1].tensors.values()
    shared = [axis for axis in (0, 1) if not cuts[-1][axis][0].own]
    for axis in shared:  # the positions of a shared answer are those of the patches
        last = last.transpose(axis, 4 + axis)
    return last[..., 0, 0].permute(2, 3, 0, 1)


def _block(
    step: Step, inputs: Sequence[Blocks], parts: tuple[Part, Part], jumps: Pair, spans: tuple[Span, Span]
) -> Tensor:
    """Return a block of a step's map, whose positions are those of two parts."""
    if step.window is None:
        taken = [_gathered(blocks, parts, Window(), jumps, spans)[0] for blocks in inputs]
        joined: Tensor = step.layer([each.flatten(0, 2) for each in taken])
        return joined.reshape(*taken[0].shape[:3], *joined.shape[1:])
    features, edges = _gathered(inputs[0], parts, step.window, jumps, spans)
    strides, dilations, counts = [], [], []
    for axis in (0, 1):
        part, jump = parts[axis], inputs[0].jumps[axis]
        strides.append(step.window.stride[axis] if part.own or spans[axis].step > 1 else 1)
        apart = 1 if part.own else jump // _unit(spans[axis], jump)
        dilations.append(step.window.dilation[axis] * apart if step.window.kernel[axis] > 1 else 1)
        counts.append(_counted(step.window, axis, part, inputs[0].parts[axis][-1].stop, features) if part.own else None)
    samples = features.flatten(0, 2)
    made = with_edges(step, samples, edges, (strides[0], strides[1]), (dilations[0], dilations[1]))
    if isinstance(step.layer, Pool) and not step.layer.largest:
        made = divided(made, step.layer, step.window, counts[0], counts[1])
    return made.reshape(*features.shape[:3], *made.shape[1:])


def _unit(span: Span, jump: int) -> int:
    """Return how many pixels lie between the positions at which a shared part is held."""
    return 1 if span.step == 1 else jump


def _gathered(
    blocks: Blocks, parts: tuple[Part, Part], window: Window, jumps: Pair, spans: tuple[Span, Span]
) -> tuple[Tensor, tuple[Pair, Pair]]:
    """Return what some positions of a map are computed from, and how many positions beyond its edges they read."""
    edges: list[Pair] = [(0, 0), (0, 0)]
    held = blocks.tensors
    for axis in (0, 1):
        part, had = parts[axis], blocks.parts[axis]
        along = {
            block[1 - axis]: {each[axis]: held[each] for each in held if each[1 - axis] == block[1 - axis]}
            for block in held
        }
        if part.own:
            first = part.first * window.stride[axis] - window.before[axis]
            stop = (part.stop - 1) * window.stride[axis] - window.before[axis] + window.reach(axis) + 1
            size = had[-1].stop
            edges[axis] = min(max(0, -first), stop - first), min(max(0, stop - size), stop - first)
            wanted = max(0, first), min(stop, size)
            gathered = {
                other: _own(tensors, had, wanted, axis, blocks.jumps[axis], spans[axis])
                for other, tensors in along.items()
            }
        else:
            gathered = {
                other: _shared(tensors, had, part, window, axis, (blocks.jumps[axis], jumps[axis]), spans[axis])
                for other, tensors in along.items()
            }
        held = {((0, other) if axis == 0 else (other, 0)): tensor for other, tensor in gathered.items()}
    return held[0, 0], (edges[0], edges[1])


def _own(tensors: dict[int, Tensor], parts: Parts, wanted: Pair, axis: int, jump: int, span: Span) -> Tensor:
    """Return some positions of a map for each patch on its own."""
    pieces = []
    for number, part in enumerate(parts):
        first, stop = max(part.first, wanted[0]), min(part.stop, wanted[1])
        if first >= stop:
            continue
        tensor = tensors[number]
        if part.own:
            pieces.append(tensor.narrow(4 + axis, first - part.first, stop - first))
        else:
            pieces.append(_unfolded(tensor, first - part.first, stop - first, axis, jump, span))
    if not pieces:
        shape = list(tensors[0].shape)
        shape[axis], shape[4 + axis] = span.count, 0
        return tensors[0].new_empty(shape)
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces, dim=4 + axis)


def _unfolded(tensor: Tensor, first: int, count: int, axis: int, jump: int, span: Span) -> Tensor:
    """Return positions of a shared part for each patch: a view, in which patches overlap."""
    unit = _unit(span, jump)
    sizes, strides = list(tensor.shape), list(tensor.stride())
    along = strides[4 + axis]
    sizes[axis], strides[axis] = span.count, along * (span.step // unit)
    sizes[4 + axis], strides[4 + axis] = count, along * (jump // unit)
    return tensor.as_strided(sizes, strides, tensor.storage_offset() + first * (jump // unit) * along)


def _shared(
    tensors: dict[int, Tensor], parts: Parts, part: Part, window: Window, axis: int, jumps: Pair, span: Span
) -> Tensor:
    """Return the shared positions that shared positions of the next map are computed from."""
    (number,) = (place for place, each in enumerate(parts) if not each.own)
    unit, apart = _unit(span, jumps[0]), _unit(span, jumps[1])
    start = (part.first * window.stride[axis] - window.before[axis] - parts[number].first) * jumps[0] // unit
    count = (span.count - 1) * span.step // apart + (part.stop - 1 - part.first) * jumps[1] // apart + 1
    stride, reach = apart // unit, window.reach(axis) * jumps[0] // unit
    taken = tensors[number].narrow(4 + axis, start, (count - 1) * stride + reach + 1)
    return taken if window.kernel[axis] > 1 or stride == 1 or window.stride[axis] > 1 else _every(taken, axis, stride)


def _every(tensor: Tensor, axis: int, stride: int) -> Tensor:
    return tensor[..., ::stride] if axis else tensor[..., ::stride, :]


def _counted(window: Window, axis: int, part: Part, size: int, like: Tensor) -> Tensor:
    """Return how many positions of each window count in a mean."""
    first = torch.arange(part.first, part.stop) * window.stride[axis] - window.before[axis]
    taps = first[:, None] + torch.arange(window.kernel[axis]) * window.dilation[axis]
    return ((taps >= -window.counted[axis]) & (taps < size + window.counted[axis])).sum(1).to(like)
