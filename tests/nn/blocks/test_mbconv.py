import pytest
import torch
from torch import nn

from percept.nn.blocks import DepthwiseSeparable, MBConv, SqueezeExcite, StochasticDepth


@pytest.mark.parametrize("stride", [1, 2])
def test_a_separable_convolution_is_a_whole_one_of_rank_one_filters(stride: int) -> None:
    torch.manual_seed(0)
    block, features = DepthwiseSeparable(3, 5, stride=stride, activation="identity").eval(), torch.randn(2, 3, 6, 6)
    depthwise, pointwise = block.get_parameter("depthwise.0.weight"), block.get_parameter("pointwise.0.weight")
    filters = pointwise * depthwise.transpose(0, 1)  # (5, 3, 1, 1) x (1, 3, 3, 3)
    whole = nn.functional.conv2d(features, filters, stride=stride, padding=1)
    torch.testing.assert_close(block(features), whole / (1 + 1e-5))  # two normalizations by variance 1


def test_squeeze_and_excitation_scales_each_channel_by_what_all_averages_say() -> None:
    torch.manual_seed(0)
    layer, features = SqueezeExcite(4, 2, activation="relu"), torch.randn(3, 4, 5, 5)
    nn.init.normal_(layer.get_parameter("reduce.bias"))
    nn.init.normal_(layer.get_parameter("expand.bias"))
    averages = features.mean((2, 3))
    hidden = (averages @ layer.reduce.weight[..., 0, 0].T + layer.get_parameter("reduce.bias")).clamp(min=0)
    scales = torch.sigmoid(hidden @ layer.expand.weight[..., 0, 0].T + layer.get_parameter("expand.bias"))
    torch.testing.assert_close(layer(features), features * scales[..., None, None])


def test_stochastic_depth_leaves_out_whole_samples_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    layer, features = StochasticDepth(0.25), torch.ones(4000, 2, 3, 3)
    kept = layer(features)
    assert kept.unique().tolist() == pytest.approx([0, 4 / 3])
    assert torch.equal(kept, kept[:, :1, :1, :1].expand_as(kept))
    assert float(kept.mean()) == pytest.approx(1, abs=0.03)  # 3 standard errors
    assert torch.equal(layer.eval()(features), features)


@pytest.mark.parametrize(("outputs", "stride", "added"), [(8, 1, True), (8, 2, False), (12, 1, False), (12, 2, False)])
def test_the_input_is_added_where_shapes_agree(outputs: int, stride: int, added: bool) -> None:
    torch.manual_seed(0)
    block = MBConv(8, outputs, stride=stride).eval()
    nn.init.zeros_(block.get_parameter("project.1.weight"))
    features = torch.randn(2, 8, 6, 6)
    expected = features if added else torch.zeros(2, outputs, 6 // stride, 6 // stride)
    torch.testing.assert_close(block(features), expected)


def test_the_narrow_ends_are_linear() -> None:
    torch.manual_seed(0)
    block = MBConv(4, 6, expansion=1).eval()
    assert bool((block(torch.randn(2, 4, 6, 6)) < 0).any())


def test_the_weights_are_those_of_the_paper() -> None:
    # EfficientNet-B0, the first block of stage 2: 16 -> 96 -> 24, 4 squeezed
    block = MBConv(16, 24, expansion=6, stride=2, squeezed=4, activation="silu")
    squeeze = 96 * 4 + 4 + 4 * 96 + 96
    assert sum(weights.numel() for weights in block.parameters()) == (
        16 * 96 + 2 * 96 + 9 * 96 + 2 * 96 + squeeze + 96 * 24 + 2 * 24
    )
