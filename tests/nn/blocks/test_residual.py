from math import ceil

import pytest
import torch
from torch import nn

from percept.nn.blocks import BasicResidual, BottleneckResidual, PaddedIdentity, WideResidual


def weights(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


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


@pytest.mark.parametrize("side", [4, 5])
def test_the_shortcut_without_weights_takes_every_second_pixel_and_pads_channels_on_both_sides(side: int) -> None:
    features = torch.randn(2, 3, side, side)
    padded = PaddedIdentity(3, 6, stride=2)(features)
    assert torch.equal(padded[:, 1:4], features[:, :, ::2, ::2])
    assert not padded[:, :1].any() and not padded[:, 4:].any()


def test_option_a_adds_no_weights() -> None:
    block = BasicResidual(4, 8, stride=2, shortcut="A")
    assert weights(block) == 9 * 4 * 8 + 9 * 8 * 8 + 2 * 2 * 8
    nn.init.zeros_(block.get_parameter("second.1.weight"))
    features = torch.randn(2, 4, 5, 5)
    expected = torch.zeros(2, 8, 3, 3)
    expected[:, 2:6] = features[:, :, ::2, ::2].clamp(min=0)
    torch.testing.assert_close(block.eval()(features), expected)


@pytest.mark.parametrize("groups", [1, 4])
def test_a_bottleneck_has_the_weights_of_its_three_convolutions(groups: int) -> None:
    block = BottleneckResidual(16, 8, 32, stride=2, groups=groups)
    norms = 2 * (8 + 8 + 32 + 32)
    assert weights(block) == 16 * 8 + 9 * 8 * 8 // groups + 8 * 32 + 16 * 32 + norms
    assert block(torch.zeros(2, 16, 7, 6)).shape == (2, 32, 4, 3)


@pytest.mark.parametrize(
    "block", [BasicResidual(4, 4), BasicResidual(4, 8, stride=2, shortcut="A"), BottleneckResidual(4, 2, 8, stride=2)]
)
def test_the_sum_in_place_has_the_gradients_of_a_sum(block: BasicResidual | BottleneckResidual) -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 4, 6, 6, requires_grad=True)
    branch = block.second(block.first(features))
    branch = block.third(branch) if isinstance(block, BottleneckResidual) else branch
    expected = (block.shortcut(features) + branch).clamp(min=0)
    wanted = [features, *block.parameters()]
    weights = torch.randn_like(expected)
    by_sum = torch.autograd.grad((expected * weights).sum(), wanted)
    values = features * 1  # a map that its maker needs no more, as in a network
    in_place = torch.autograd.grad((block(values) * weights).sum(), wanted)
    for one, other in zip(by_sum, in_place, strict=True):
        torch.testing.assert_close(one, other)


def test_groups_do_not_see_each_other() -> None:
    second = BottleneckResidual(4, 4, 4, groups=2).eval().second
    features = torch.randn(1, 4, 5, 5, requires_grad=True)
    (gradient,) = torch.autograd.grad(second[0](features)[:, :2].sum(), features)
    assert gradient[:, :2].any() and not gradient[:, 2:].any()


@pytest.mark.parametrize("network", [BottleneckResidual(8, 4, 8), WideResidual(8, 8)], ids=["bottleneck", "wide"])
def test_a_block_whose_branch_is_silent_passes_its_input_on(network: nn.Module) -> None:
    last = "third.1.weight" if isinstance(network, BottleneckResidual) else "second.weight"
    nn.init.zeros_(network.get_parameter(last))
    features = torch.rand(2, 8, 5, 5)
    torch.testing.assert_close(network.eval()(features), features)


def test_a_wide_block_projects_what_it_has_normalized_and_activated() -> None:
    torch.manual_seed(0)
    block = WideResidual(4, 6, stride=2).eval()
    nn.init.zeros_(block.get_parameter("second.weight"))
    features = torch.randn(2, 4, 5, 5)
    entered = (features / (1 + 1e-5) ** 0.5).clamp(min=0)
    expected = torch.einsum("nchw,oc->nohw", entered[:, :, ::2, ::2], block.get_parameter("shortcut.weight")[..., 0, 0])
    torch.testing.assert_close(block(features.clone()), expected)


def test_dropout_between_the_convolutions_acts_in_training_only() -> None:
    torch.manual_seed(0)
    block, features = WideResidual(4, 4, dropout=0.5), torch.randn(2, 4, 5, 5)
    assert not torch.equal(block(features), block(features))
    block.eval()
    assert torch.equal(block(features), block(features))
