from math import ceil

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from percept.nn.blocks import ConvNormAct, NormActConv


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


def test_without_normalization_there_is_a_bias_in_its_place() -> None:
    block = ConvNormAct(3, 5, normalized=False)
    pictures = torch.randn(2, 3, 6, 6)
    maps = functional.conv2d(pictures, block.get_parameter("0.weight"), block.get_parameter("0.bias"), padding=1)
    torch.testing.assert_close(block(pictures), maps.clamp(min=0))


def test_a_convolution_can_come_last() -> None:
    torch.manual_seed(0)
    pictures = torch.randn(4, 3, 6, 6)
    block = NormActConv(3, 5)
    mean, variance = pictures.mean((0, 2, 3), keepdim=True), pictures.var((0, 2, 3), keepdim=True, correction=0)
    entered = ((pictures - mean) / (variance + 1e-5).sqrt()).clamp(min=0)
    expected = functional.conv2d(entered, block.get_parameter("2.weight"), padding=1)
    torch.testing.assert_close(block(pictures.clone()), expected)
