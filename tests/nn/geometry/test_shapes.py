"""Shapes told without torch are those that torch's own layers and functions give."""

import operator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from percept.nn.geometry.shapes import shape_of_call, shape_of_layer

sides = st.integers(1, 12)
pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))


def by_torch(layer: nn.Module, features: Tensor) -> tuple[int, ...] | None:
    try:
        return tuple(layer.eval()(features).shape)
    except RuntimeError:
        return None


@settings(max_examples=100, deadline=None)
@given(pairs, pairs, st.tuples(st.integers(0, 2), st.integers(0, 2)), pairs, sides, sides, st.sampled_from([1, 2, 4]))
def test_a_convolution_gives_the_shape_that_torch_gives(
    kernel: Any, stride: Any, padding: Any, dilation: Any, height: int, width: int, channels: int
) -> None:
    layer = nn.Conv2d(2, 4, kernel, stride, padding, dilation)
    features = torch.zeros(2, channels, height, width)
    assert shape_of_layer(layer, features.shape) == by_torch(layer, features)


@pytest.mark.parametrize("layer", [nn.Linear(3, 5), nn.AdaptiveAvgPool2d(1), nn.AdaptiveAvgPool2d((1, 1)), nn.ReLU()])
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 4), (2, 3, 4, 3), (1, 2, 3, 4)])
def test_other_layers_give_the_shape_that_torch_gives_or_are_left_to_it(
    layer: nn.Module, shape: tuple[int, ...]
) -> None:
    told = shape_of_layer(layer, shape)
    assert told is None or tuple(told) == by_torch(layer, torch.zeros(shape))


@given(*(st.tuples(*[st.sampled_from([1, 2, 3])] * 4) for _ in range(2)), st.integers(0, 4), st.integers(-4, 3))
def test_functions_give_the_shape_that_torch_gives_or_are_left_to_it(one: Any, other: Any, cut: int, dim: int) -> None:
    pair = torch.zeros(one), torch.zeros(other[cut:])
    try:
        met: torch.Size | None = operator.mul(*pair).shape
    except RuntimeError:
        met = None
    told = shape_of_call(operator.mul, pair, {})
    assert (told is None) == (met is None) and (met is None or tuple(told or ()) == met)
    both = torch.zeros(one), torch.zeros(other)
    try:
        stacked: torch.Size | None = torch.cat(both, dim=dim).shape
    except RuntimeError:
        stacked = None
    told = shape_of_call(torch.cat, (both,), {"dim": dim})
    assert (told is None) == (stacked is None) and (stacked is None or tuple(told or ()) == stacked)
