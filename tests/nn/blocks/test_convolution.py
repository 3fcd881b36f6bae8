from math import ceil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from percept.nn.blocks import BasicResidual, ConvNormAct


def weights(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@settings(deadline=None, max_examples=30)
@given(
    side=st.integers(1, 15),
    kernel=st.sampled_from([1, 3, 5]),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
)
def test_the_side_of_a_map_is_divided_by_the_stride_and_rounded_up(
    side: int, kernel: int, stride: int, dilation: int
) -> None:
    block = ConvNormAct(2, 4, kernel=kernel, stride=stride, dilation=dilation, groups=2).eval()
    assert block(torch.zeros(1, 2, side, side + 1)).shape == (1, 4, ceil(side / stride), ceil((side + 1) / stride))


def test_a_block_normalizes_before_its_activation() -> None:
    torch.manual_seed(0)
    pictures = torch.randn(4, 3, 6, 6)
    block = ConvNormAct(3, 5)
    maps = functional.conv2d(pictures, block.get_parameter("0.weight"), padding=1)
    mean, variance = maps.mean((0, 2, 3), keepdim=True), maps.var((0, 2, 3), keepdim=True, correction=0)
    torch.testing.assert_close(block(pictures), ((maps - mean) / (variance + 1e-5).sqrt()).clamp(min=0))


def test_a_residual_block_whose_branch_is_silent_passes_its_input_on() -> None:
    block = BasicResidual(4, 4).eval()
    nn.init.zeros_(block.get_parameter("second.1.weight"))
    features = torch.randn(2, 4, 5, 5)
    torch.testing.assert_close(block(features), features.clamp(min=0))


@pytest.mark.parametrize(
    ("outputs", "stride", "projected"), [(8, 1, False), (8, 2, True), (16, 1, True), (16, 2, True)]
)
def test_the_shortcut_is_projected_only_where_shapes_differ(outputs: int, stride: int, projected: bool) -> None:
    block = BasicResidual(8, outputs, stride=stride)
    # 9 weights a filter tap pair of the two 3x3 convolutions, scale and shift of each normalization, 1x1 shortcut
    branch = 9 * 8 * outputs + 2 * outputs + 9 * outputs * outputs + 2 * outputs
    assert weights(block) == branch + (8 * outputs + 2 * outputs if projected else 0)
    assert block(torch.zeros(2, 8, 7, 7)).shape == (2, outputs, ceil(7 / stride), ceil(7 / stride))


def test_gradients_reach_the_input_of_a_deep_stack_through_the_shortcuts() -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 4, 6, 6, requires_grad=True)
    stack = nn.Sequential(*(BasicResidual(4, 4) for _ in range(20)))
    (gradient,) = torch.autograd.grad(stack(features).sum(), features)
    assert gradient.abs().max() > 1e-3
