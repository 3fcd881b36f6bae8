"""Receptive fields against gradients, against published figures, and by hand."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from percept.errors import OptionError
from percept.nn.receptive_field import LayerField, receptive_fields

SIDES = (66, 61)  # rows and columns of the pictures that gradients are taken of
CHANNELS = 2


class Mean(nn.Module):
    """The mean over the windows of a max pooling: unlike the largest value, it lets gradients to all pixels."""

    def __init__(self, pool: nn.MaxPool2d) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, features: Tensor) -> Tensor:
        pool: Any = self.pool
        weights = torch.ones(CHANNELS, 1, *pool.kernel_size, dtype=features.dtype)
        mean = functional.conv2d(
            functional.pad(features, (0, 8, 0, 8)),  # room for windows that ceil_mode adds
            *(weights, None, pool.stride, pool.padding, pool.dilation, CHANNELS),
        )
        height, width = pool(features).shape[2:]
        cut: Tensor = mean[:, :, :height, :width]
        return cut


class Branches(nn.Module):
    """Two paths of the same stride that meet again, cut to the smaller of their maps."""

    def __init__(self, one: nn.Module, other: nn.Module, meet: str) -> None:
        super().__init__()
        self.one, self.other, self.meet = one, other, meet
        self.channels = nn.Conv2d(2 * CHANNELS, CHANNELS, 1)

    def forward(self, features: Tensor) -> Tensor:
        one, other = self.one(features), self.other(features)
        height, width = (min(one.shape[axis], other.shape[axis]) for axis in (2, 3))
        one, other = one[:, :, :height, :width], other[:, :, :height, :width]
        if self.meet == "cat":
            return self.channels(torch.cat([one, other], dim=1))  # type: ignore[no-any-return]
        met: Tensor = one + other if self.meet == "add" else one * other
        return met


class Cut(nn.Module):
    """A crop at each side, and perhaps a padding, or the same turned."""

    def __init__(self, start: int, end: int, step: int, turned: bool) -> None:
        super().__init__()
        self.part, self.turned = slice(start, -end or None, step), turned

    def forward(self, features: Tensor) -> Tensor:
        cut = functional.pad(features[:, :, self.part, :-1], (2, 0))
        return cut.flip(3) if self.turned else cut


pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))
small = st.tuples(st.integers(1, 2), st.integers(1, 2))
zeros = st.tuples(st.integers(0, 2), st.integers(0, 2))


@st.composite
def slides(draw: st.DrawFn) -> nn.Module:
    kernel, stride, dilation = draw(pairs), draw(small), draw(small)
    padding = draw(zeros)
    kind = draw(st.sampled_from(["conv", "max", "average", "transposed"]))
    if kind == "conv":
        return nn.Conv2d(CHANNELS, CHANNELS, kernel, stride, padding, dilation, groups=draw(st.sampled_from([1, 2])))
    if kind == "transposed":
        kernel = (max(kernel[0], stride[0]), max(kernel[1], stride[1]))
        apart = (dilation[0] if stride[0] == 1 else 1, dilation[1] if stride[1] == 1 else 1)  # no position sees nothing
        return nn.ConvTranspose2d(CHANNELS, CHANNELS, kernel, stride, padding, dilation=apart)
    padding = (min(padding[0], kernel[0] // 2), min(padding[1], kernel[1] // 2))
    ceil = draw(st.booleans())
    if kind == "max":
        return nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil)
    return nn.AvgPool2d(kernel, stride, padding, ceil_mode=ceil)


others = st.one_of(
    st.just(nn.ReLU()),
    st.just(nn.BatchNorm2d(CHANNELS)),
    st.sampled_from(["nearest", "nearest-exact", "bilinear", "bicubic"]).flatmap(
        lambda mode: st.sampled_from([2, 3, 1.5]).map(lambda scale: nn.Upsample(scale_factor=scale, mode=mode))
    ),
    st.just(nn.Upsample(size=(40, 50), mode="bilinear", align_corners=True)),
    st.just(nn.AdaptiveAvgPool2d((12, 17))),
    st.builds(Cut, st.integers(0, 2), st.integers(0, 2), st.integers(1, 2), st.booleans()),
    st.just(nn.PixelUnshuffle(1)),
)


def chains(length: int) -> st.SearchStrategy[nn.Module]:
    return st.lists(st.one_of(slides(), others), min_size=1, max_size=length).map(lambda layers: nn.Sequential(*layers))


@st.composite
def branches(draw: st.DrawFn) -> nn.Module:
    one = draw(chains(3))
    kernels = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    other = nn.Sequential(nn.Conv2d(CHANNELS, CHANNELS, kernels, padding=draw(zeros)), *([nn.ReLU()]))
    if draw(st.booleans()):
        one = nn.Sequential(nn.Conv2d(CHANNELS, CHANNELS, draw(pairs), padding=draw(zeros)), nn.ReLU())
    return Branches(one, other, draw(st.sampled_from(["add", "cat", "mul"])))


networks = st.lists(st.one_of(slides(), others, branches()), min_size=1, max_size=5).map(
    lambda layers: nn.Sequential(*layers)
)


def with_mean_for_max(network: nn.Module) -> nn.Module:
    for module in list(network.modules()):
        for name, layer in list(module.named_children()):
            if isinstance(layer, nn.MaxPool2d) and not isinstance(module, Mean):
                setattr(module, name, Mean(layer))
    return network


def positive(network: nn.Module) -> nn.Module:
    """Return the network in float64 with positive weights, so that no two paths cancel."""
    generator = torch.Generator().manual_seed(0)
    network = network.double().eval()
    with torch.no_grad():
        for weights in network.parameters():
            weights.copy_(torch.rand(weights.shape, generator=generator, dtype=torch.float64) + 0.5)
    return network


def seen_by_gradient(network: nn.Module, position: tuple[int, int]) -> tuple[tuple[int, int], ...] | None:
    """Return the first and last row and column of the pixels that have a gradient."""
    picture = torch.rand(1, CHANNELS, *SIDES, dtype=torch.float64) + 0.5
    picture.requires_grad_()
    (gradient,) = torch.autograd.grad(network(picture)[0, :, position[0], position[1]].sum(), picture)
    pixels = gradient[0].abs().sum(dim=0).nonzero()
    if not len(pixels):
        return None
    return tuple((int(pixels[:, axis].min()), int(pixels[:, axis].max())) for axis in (0, 1))


@settings(max_examples=12, deadline=None)
@given(networks)
def test_the_pixels_with_a_gradient_are_the_window(network: nn.Sequential) -> None:
    hold_against_gradients(network)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(networks)
def test_the_pixels_with_a_gradient_are_the_window_of_many_networks(network: nn.Sequential) -> None:
    hold_against_gradients(network)


def hold_against_gradients(network: nn.Sequential) -> None:
    try:
        last = receptive_fields(network, (CHANNELS, *SIDES))[-1]
    except OptionError as error:
        assume("cannot be followed" not in str(error))  # a map that has become too small for its next layer
        raise
    oracle = positive(with_mean_for_max(network))
    height, width = last.shape[1:]
    for row, column in {(height // 2, width // 2), (height // 2 + 1, width // 2 + 1), (height // 2 - 1, width // 2)}:
        if not (0 <= row < height and 0 <= column < width):
            continue
        window = last.field.window(row, column)
        if all(each and each[0] >= 6 and each[1] < side - 6 for each, side in zip(window, SIDES, strict=True)):
            assert seen_by_gradient(oracle, (row, column)) == window


def by_kind(network: nn.Module, kind: str, shape: Sequence[int] = (3, 224, 224)) -> LayerField:
    return [layer for layer in receptive_fields(network.to("meta"), shape) if layer.kind == kind][-1]


def vgg16() -> nn.Module:
    """Simonyan & Zisserman 2015, table 1, column D, without the dense layers."""
    layers: list[nn.Module] = []
    channels = 3
    for width, convolutions in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(convolutions):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


class Bottleneck(nn.Module):
    """He et al. 2016, figure 5; the stride at the first convolution (the paper) or at the 3x3 (torchvision)."""

    def __init__(self, inputs: int, width: int, stride: int, at: int) -> None:
        super().__init__()
        strides = (stride, 1) if at == 0 else (1, stride)
        self.path = nn.Sequential(
            *(nn.Conv2d(inputs, width, 1, strides[0]), nn.BatchNorm2d(width), nn.ReLU()),
            *(nn.Conv2d(width, width, 3, strides[1], 1), nn.BatchNorm2d(width), nn.ReLU()),
            *(nn.Conv2d(width, 4 * width, 1), nn.BatchNorm2d(4 * width)),
        )
        self.shortcut = nn.Conv2d(inputs, 4 * width, 1, stride) if inputs != 4 * width else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(self.path(features) + self.shortcut(features))


def resnet(blocks: Sequence[int], at: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 7, 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for stage, count in enumerate(blocks):
        for block in range(count):
            width = 64 * 2**stage
            layers.append(Bottleneck(channels, width, 2 if stage and not block else 1, at))
            channels = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def mobilenet() -> nn.Module:
    """Howard et al. 2017, table 1, without the pooling and the dense layer."""
    layers: list[nn.Module] = [nn.Conv2d(3, 32, 3, 2, 1)]
    channels = 32
    for width, stride in [
        (64, 1),
        (128, 2),
        (128, 1),
        (256, 2),
        (256, 1),
        (512, 2),
        *[(512, 1)] * 5,
        (1024, 2),
        (1024, 1),
    ]:
        layers += [nn.Conv2d(channels, channels, 3, stride, 1, groups=channels), nn.Conv2d(channels, width, 1)]
        channels = width
    return nn.Sequential(*layers)


def alexnet() -> nn.Module:
    """Krizhevsky, Sutskever & Hinton 2012, as in "One weird trick": the convolutions and poolings."""
    return nn.Sequential(
        *(nn.Conv2d(3, 64, 11, 4), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(64, 192, 5, padding=2), nn.ReLU()),
        *(nn.MaxPool2d(3, 2), nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 384, 3, padding=1)),
        *(nn.ReLU(), nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2)),
    )


@pytest.mark.parametrize(
    ("network", "kind", "size", "stride"),
    [
        # Araujo, Norris & Sim 2019, "Computing receptive fields of convolutional neural networks", distill.pub, table 1
        (alexnet, "MaxPool2d", 195, 32),
        (vgg16, "MaxPool2d", 212, 32),
        (lambda: resnet((3, 4, 6, 3), 0), "relu", 483, 32),
        (lambda: resnet((3, 4, 23, 3), 0), "relu", 1027, 32),
        (lambda: resnet((3, 8, 36, 3), 0), "relu", 1507, 32),
        (mobilenet, "Conv2d", 315, 32),
        # by hand: 7, 11 (pool), + 3 x 8, + 8 + 3 x 16, + 16 + 5 x 32, + 32 + 2 x 64
        (lambda: resnet((3, 4, 6, 3), 1), "relu", 427, 32),
        # by hand: 2 layers of 3x3 and a pool of 2 at stride 1, 2, then 3 layers and a pool at stride 4, 8, 16
        (vgg16, "Conv2d", 196, 16),
    ],
    ids=["alexnet", "vgg16", "resnet50", "resnet101", "resnet152", "mobilenet", "resnet50-v1.5", "vgg16-conv5_3"],
)
def test_published_receptive_fields(network: Callable[[], nn.Module], kind: str, size: int, stride: int) -> None:
    field = by_kind(network(), kind).field
    assert (field.size, field.stride, field.whole) == ((size, size), (stride, stride), False)


def test_the_first_center_of_vgg16_is_by_hand() -> None:
    # every convolution is padded to stay in place; each pooling of 2 moves the center by half a stride: (32 - 1) / 2
    assert by_kind(vgg16(), "MaxPool2d").field.first_center == (Fraction(31, 2), Fraction(31, 2))


def test_rows_and_columns_differ_where_kernels_do() -> None:
    field = by_kind(
        nn.Sequential(nn.Conv2d(1, 1, (5, 1), (2, 1)), nn.MaxPool2d((1, 3))), "MaxPool2d", (1, 20, 30)
    ).field
    assert (field.size, field.stride, field.first_center) == ((5, 3), (2, 3), (2, 1))
    assert field.window(3, 2) == ((6, 10), (6, 8))


def test_behind_an_upsampling_the_stride_is_a_fraction() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.Upsample(scale_factor=2))
    field = by_kind(network, "Upsample", (1, 8, 8)).field
    assert (field.size, field.stride) == ((3, 3), (Fraction(1, 2), Fraction(1, 2)))
    assert field.window(4, 5) == ((1, 3), (1, 3))


def test_between_the_taps_of_a_transposed_convolution_nothing_is_seen() -> None:
    network = nn.Sequential(nn.Conv2d(CHANNELS, CHANNELS, 3), nn.ConvTranspose2d(CHANNELS, CHANNELS, 1, stride=2))
    field = by_kind(network, "ConvTranspose2d", (CHANNELS, *SIDES)).field
    oracle = positive(
        nn.Sequential(nn.Conv2d(CHANNELS, CHANNELS, 3), nn.ConvTranspose2d(CHANNELS, CHANNELS, 1, stride=2))
    )
    assert field.window(40, 40) == seen_by_gradient(oracle, (40, 40)) == ((20, 22), (20, 22))
    assert field.window(41, 41) == (None, None) and seen_by_gradient(oracle, (41, 41)) is None


class Gate(nn.Module):
    """Squeeze-excite."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.squeeze, self.excite = nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1)
        self.behind = nn.Conv2d(4, 4, 3)

    def forward(self, features: Tensor) -> Tensor:
        features = self.before(features)
        return self.behind(features * self.excite(self.squeeze(features)).sigmoid())  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "last",
    [nn.AdaptiveAvgPool2d(1), nn.Sequential(nn.Flatten(), nn.Linear(400, 2)), nn.GroupNorm(2, 4), nn.Softmax(dim=2)],
)
def test_what_takes_all_positions_sees_the_whole_picture(last: nn.Module) -> None:
    layers = receptive_fields(nn.Sequential(nn.Conv2d(1, 4, 3), last), (1, 12, 12))
    assert layers[0].field.size == (3, 3)
    field = layers[-1].field
    assert field.size[0] == 12 and (field.whole or isinstance(last, nn.Softmax))


def test_a_gate_sees_the_whole_picture_and_keeps_what_its_filters_see() -> None:
    field = receptive_fields(Gate(), (1, 16, 16))[-1].field
    assert (field.whole, field.size, field.local, field.stride) == (True, (16, 16), (5, 5), (1, 1))
    assert str(field) == "whole picture"


def test_a_pooling_of_a_cut_map_sees_what_is_left() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 2, stride=2), nn.AdaptiveAvgPool2d(1))
    field = receptive_fields(network, (1, 9, 8))[-1].field  # the last of nine rows is in no window
    assert (field.whole, field.size) == (False, (8, 8))


def test_shuffled_channels_keep_their_place() -> None:
    class Shuffle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.filter = nn.Conv2d(1, 4, 3, 2)

        def forward(self, features: Tensor) -> Tensor:
            features = self.filter(features)
            count, channels, height, width = features.shape
            features = features.view(count, 2, channels // 2, height, width).transpose(1, 2)
            return features.reshape(count, channels, height, width).permute(0, 2, 3, 1)

    field = receptive_fields(Shuffle(), (1, 9, 9))[-1].field
    assert (field.size, field.stride) == ((3, 3), (2, 2))


def test_branches_that_drift_apart_are_followed_position_by_position() -> None:
    class Skip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pool = nn.MaxPool2d(2)

        def forward(self, features: Tensor) -> Tensor:
            below = functional.interpolate(self.pool(features), size=features.shape[2:])
            return torch.cat([features, below], dim=1)

    field = receptive_fields(Skip(), (1, 15, 15))[-1].field  # 15 rows pooled to 7, and stretched to 15
    assert [field.window(row, 0)[0] for row in (0, 1, 7, 14)] == [(0, 1), (0, 1), (6, 7), (12, 14)]


class Branching(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        return features if features.sum() > 0 else -features


class Sorting(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        return features.sort(dim=2).values


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(7, 2)), "layer 0.1 (Linear) cannot be followed for an input of 64"),
        (nn.Sequential(nn.Conv2d(3, 4, 3)), "layer 0.0 (Conv2d) cannot be followed for an input of 1x8x8"),
        (Branching(), "0 gt: what runs next depends on the picture's values"),
        (Sorting(), "the receptive field is not known from 0 sort (sort) on"),
        (nn.Upsample(size=(3, 3), mode="trilinear"), "layer 0 (Upsample) cannot be followed"),
        (nn.Fold((8, 8), 1), "layer 0 (Fold) cannot be followed"),
    ],
)
def test_what_cannot_be_followed_is_named(layer: nn.Module, sentence: str) -> None:
    with pytest.raises(OptionError) as refusal:
        receptive_fields(nn.Sequential(layer), (1, 8, 8))
    assert sentence in str(refusal.value)


def test_the_network_is_left_as_it_is() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout())
    network[1].eval()
    before = {name: (id(values), values.clone()) for name, values in network.state_dict(keep_vars=True).items()}
    receptive_fields(network, (1, 8, 8))
    with pytest.raises(OptionError):
        receptive_fields(network, (4, 8, 8))
    after = network.state_dict(keep_vars=True)
    assert all(id(after[name]) == key and after[name].equal(values) for name, (key, values) in before.items())
    assert [layer.training for layer in network] == [True, False, True]
