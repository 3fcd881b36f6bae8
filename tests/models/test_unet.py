"""U-Net: against the paper's figure and a plain forward pass written out from it."""

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from percept.errors import DataError, OptionError
from percept.models import build
from percept.nn.blocks import UPSAMPLINGS
from percept.nn.geometry.trace import undrawn
from percept.nn.receptive_field import receptive_fields


def test_the_papers_network_makes_388_of_572_pixels_with_its_parameters() -> None:
    with undrawn():
        network = build("unet", classes=2, channels=1, padding="valid")
        assert network(torch.zeros(1, 1, 572, 572)).shape == (1, 2, 388, 388)
    assert sum(weights.numel() for weights in network.parameters()) == 31_030_658


def test_each_level_has_the_size_of_the_papers_figure() -> None:
    with undrawn():
        network = build("unet")
        shapes: list[tuple[int, ...]] = []
        parts = [*network.get_submodule("down").children(), *reversed(list(network.get_submodule("across").children()))]
        for part in parts:
            part.register_forward_hook(lambda module, taken, made: shapes.append(tuple(made.shape[1:])))
        network(torch.zeros(1, 1, 572, 572))
    down = [(64, 568), (128, 280), (256, 136), (512, 64), (1024, 28)]
    up = [(512, 52), (256, 100), (128, 196), (64, 388)]
    assert shapes == [(channels, side, side) for channels, side in down + up]


def plain_unet(weights: dict[str, Tensor], images: Tensor, depth: int) -> Tensor:
    """Return the scores by the paper's figure, step by step, without padding."""

    def two(part: str, features: Tensor) -> Tensor:
        for place in (0, 1):
            name = f"{part}.{place}.0"
            features = functional.relu(functional.conv2d(features, weights[f"{name}.weight"], weights[f"{name}.bias"]))
        return features

    maps = [two("down.0", images)]
    for level in range(1, depth + 1):
        maps.append(two(f"down.{level}", functional.max_pool2d(maps[-1], 2)))
    features = maps.pop()
    for level in reversed(range(depth)):
        name = f"up.{level}.0"
        features = functional.conv_transpose2d(features, weights[f"{name}.weight"], weights[f"{name}.bias"], stride=2)
        beside, side = maps.pop(), features.shape[-1]
        edge = (beside.shape[-1] - side) // 2
        features = two(f"across.{level}", torch.cat([beside[..., edge : edge + side, edge : edge + side], features], 1))
    return functional.conv2d(features, weights["scores.weight"], weights["scores.bias"])


@pytest.mark.parametrize(("depth", "side"), [(1, 22), (2, 56), (3, 100)])
def test_scores_are_those_of_the_figure_written_out(depth: int, side: int) -> None:
    torch.manual_seed(0)
    network = build("unet", classes=3, channels=2, depth=depth, width=4)
    images = torch.randn(2, 2, side, side)
    torch.testing.assert_close(network(images), plain_unet(network.state_dict(), images, depth))


def test_weights_are_drawn_by_the_papers_rule() -> None:
    torch.manual_seed(0)
    network = build("unet", channels=8, width=32)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and layer.weight.numel() > 5000:
            incoming = layer.in_channels * (9 if isinstance(layer, nn.Conv2d) else 1)
            assert float(layer.weight.detach().std()) == pytest.approx((2 / incoming) ** 0.5, rel=0.05)
            assert layer.bias is None or not layer.bias.any()


@pytest.mark.parametrize(("upsampling", "depth"), [*product(UPSAMPLINGS, (1, 2)), ("transposed", 3)])
def test_the_sizes_that_are_taken_are_those_that_the_layers_can_take(upsampling: str, depth: int) -> None:
    with undrawn():
        network = build("unet", width=1, depth=depth, upsampling=upsampling)
        (check,) = network._forward_pre_hooks.values()
        network._forward_pre_hooks.clear()
        smallest = check.heights[0]  # type: ignore[attr-defined]
        for side in range(1, smallest + 2 ** (depth + 1) + 1):
            try:
                works = network(torch.zeros(1, 1, side, side)).shape[-1] > 0
            except RuntimeError:
                works = False
            assert works == (check.nearest(side, side) == ((side, side),))  # type: ignore[attr-defined]


@settings(deadline=None, max_examples=15)
@given(height=st.integers(1, 900), width=st.integers(1, 900))
def test_every_illegal_size_is_refused_with_the_nearest_two_that_work(height: int, width: int) -> None:
    def around(side: int) -> tuple[int, int]:
        legal = list(range(188, 1000, 16))  # 16 k + 12, from the size that leaves 4 pixels
        return max([each for each in legal if each <= side], default=188), min(each for each in legal if each >= side)

    (less_high, more_high), (less_wide, more_wide) = around(height), around(width)
    with undrawn():
        network = build("unet", width=1)
        if (less_high, less_wide) == (height, width):
            assert network(torch.zeros(1, 1, height, width)).shape == (1, 2, height - 184, width - 184)
            return
        with pytest.raises(DataError) as caught:
            network(torch.zeros(1, 1, height, width))
    sizes = f"{less_high}x{less_wide}", f"{more_high}x{more_wide}"
    wanted = f"size that works is {sizes[0]};" if sizes[0] == sizes[1] else f"that work are {sizes[0]} and {sizes[1]};"
    assert wanted in str(caught.value) and str(caught.value).endswith('build it with padding="same"')


@settings(deadline=None, max_examples=8)
@given(height=st.integers(1, 100), width=st.integers(1, 100))
@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_the_padded_form_gives_a_class_for_every_pixel_of_any_size(upsampling: str, height: int, width: int) -> None:
    with undrawn():
        network = build("unet", padding="same", width=2, upsampling=upsampling)
        assert network(torch.zeros(1, 1, height, width)).shape == (1, 2, height, width)


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_without_padding_a_crop_gives_what_the_whole_picture_gives_there(upsampling: str) -> None:
    torch.manual_seed(0)
    network = build("unet", width=2, depth=2, upsampling=upsampling, normalization="batch").eval()
    picture = torch.randn(1, 1, 120, 120)
    whole, crop = network(picture), network(picture[..., 12:100, 24:112])
    torch.testing.assert_close(crop, whole[..., 12 : 12 + crop.shape[2], 24 : 24 + crop.shape[3]])


def test_an_output_pixel_is_centered_on_its_pixel_of_the_picture() -> None:
    with undrawn():
        last = receptive_fields(build("unet", width=2), (1, 572, 572))[-1].field
    windows = [last.window(place, place)[0] for place in range(16)]
    sizes = {window[1] - window[0] + 1 for window in windows if window}
    assert sizes == {188, 204}
    assert all(window and window[0] <= place + 92 <= window[1] for place, window in enumerate(windows))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"padding": "full"}, "unet: padding is 'full'; expected valid or same"),
        ({"depth": 0}, "unet: depth is 0; expected a whole number of at least 1"),
        ({"normalization": "layer"}, "unet: normalization is 'layer'; expected none or batch"),
        ({"upsampling": "cubic"}, "unet: upsampling is 'cubic'; expected nearest or bilinear or bed_of_nails"),
        ({"dropout": 1}, "unet: dropout is 1; expected a number from 0"),
    ],
)
def test_an_argument_out_of_range_is_refused(arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        build("unet", **arguments)


@pytest.mark.slow
def test_a_small_unet_learns_discs() -> None:
    """Bright and dark discs on noise; IoU of the discs on pictures that training did not see."""
    from percept.nn.segmentation_losses import pixel_loss

    torch.manual_seed(0)
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")

    def scenes(count: int) -> tuple[Tensor, Tensor]:
        centers, radii = 64 * torch.rand(count, 4, 2), 4 + 8 * torch.rand(count, 4)
        away = (rows - centers[..., 0, None, None]) ** 2 + (columns - centers[..., 1, None, None]) ** 2
        inside = (away < radii[..., None, None] ** 2).any(1)
        brighter = torch.where(torch.rand(count, 1, 1) < 0.5, 1.0, -1.0)
        return (brighter * inside + 0.4 * torch.randn(count, 64, 64))[:, None], inside.long()

    network = build("unet", padding="same", depth=3, width=8, normalization="batch")
    loss = pixel_loss("cross_entropy+dice")
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(120):
        pictures, targets = scenes(8)
        optimizer.zero_grad()
        loss(network(pictures), targets).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    pictures, targets = scenes(40)
    found = network.eval()(pictures).argmax(1)
    both, either = ((found == 1) & (targets == 1)).sum(), ((found == 1) | (targets == 1)).sum()
    assert float(both / either) > 0.9
