"""Steps made fewer: batch normalizations become part of the filters before them, and filters take their ReLU along."""

from collections import Counter
from dataclasses import replace

from torch import nn

from percept.dense.layers import Filter
from percept.dense.point_layers import Affine, Rectify
from percept.dense.steps import Step


def fused(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return steps that compute the same, fewer of them; the layers of the given ones are used up.

    Source: Ioffe & Szegedy 2015, section 3.1: in inference a batch normalization is a linear function.
    """
    users = Counter(place for step in steps for place in step.inputs)
    made: list[Step] = []
    at: dict[int, int] = {}
    for place, step in enumerate(steps):
        before = made[at[step.inputs[0]]] if step.inputs else None
        alone = before is not None and users[step.inputs[0]] == 1
        if alone and before is not None and isinstance(before.layer, Filter) and _taken_in(before.layer, step.layer):
            at[place] = at[step.inputs[0]]
            continue
        at[place] = len(made)
        made.append(replace(step, inputs=tuple(at[each] for each in step.inputs)))
    return tuple(made)


def _taken_in(filters: Filter, layer: nn.Module) -> bool:
    """Let a filter do what the layer behind it does, where it can."""
    if filters.rectified:
        return False
    if isinstance(layer, Rectify):
        filters.rectified = True
        return True
    if not isinstance(layer, Affine):
        return False
    scale, shift = layer.scale.data, layer.shift.data
    filters.weight.data *= scale[:, None, None, None]
    filters.bias = nn.Parameter(shift if filters.bias is None else shift + filters.bias.data * scale)
    return True
