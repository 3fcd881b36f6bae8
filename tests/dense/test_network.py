"""Dense answers against the classifier on every patch, for random networks of every layer that is supported."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from percept.dense import convolutionalize, densify
from percept.dense.network import DenseNetwork, Semantics
from percept.errors import DataError, OptionError

METHODS = ("atrous", "shift-and-stitch")
CLASSES = 3
MOST_SHIFTS = 24  # passes of shift-and-stitch that a test has time for


def by_patches(network: nn.Module, picture: Tensor, patch: tuple[int, int]) -> Tensor:
    """Return the classifier's scores for every patch of a picture, (samples, classes, rows, columns)."""
    cut = picture.unfold(2, patch[0], 1).unfold(3, patch[1], 1).permute(0, 2, 3, 1, 4, 5)
    with torch.no_grad():
        scores = network.eval()(cut.reshape(-1, picture.shape[1], *patch))
    return scores.reshape(*cut.shape[:3], -1).permute(0, 3, 1, 2)  # type: ignore[no-any-return]


def difference(one: Tensor, other: Tensor) -> float:
    """Return the largest difference, by the largest value of the second."""
    assert one.shape == other.shape
    return float((one - other).abs().max() / other.abs().max().clamp(min=1e-12))


@dataclass
class Drawn:
    """Layers drawn so far, and the shape of what they give for one patch."""

    draw: Any
    padded: bool
    channels: int
    size: tuple[int, int]

    def pair(self, low: int, high: int) -> tuple[int, int]:
        return self.draw(st.integers(low, high)), self.draw(st.integers(low, high))

    def kernel(self, most: int = 4) -> tuple[int, int]:
        rows, columns = (self.draw(st.integers(1, min(most, side))) for side in self.size)
        return rows, columns

    def padding(self, most: tuple[int, int]) -> tuple[int, int]:
        if not self.padded:
            return 0, 0
        rows, columns = (self.draw(st.integers(0, min(2, each))) for each in most)
        return rows, columns

    def shaped(self, layer: nn.Module) -> nn.Module:
        """Keep a layer, with the shape that it gives; nothing in its place where it takes no such map."""
        try:
            with torch.no_grad():
                made = layer.eval()(torch.zeros(1, self.channels, *self.size))
        except RuntimeError:
            return nn.Identity()
        if min(made.shape) < 1:
            return nn.Identity()
        self.channels, self.size = made.shape[1], (made.shape[2], made.shape[3])
        return layer

    def convolution(self) -> nn.Module:
        kernel = self.kernel()
        rows, columns = (
            self.draw(st.integers(1, 2)) if taps > 1 and 2 * taps <= side else 1
            for taps, side in zip(kernel, self.size, strict=True)
        )
        groups = self.draw(st.sampled_from([each for each in (1, 2) if self.channels % each == 0]))
        outputs = groups * self.draw(st.integers(1, 3))
        stride, padding = self.pair(1, 2), self.padding(kernel)
        return self.shaped(
            nn.Conv2d(
                self.channels, outputs, kernel, stride, padding, (rows, columns), groups, self.draw(st.booleans())
            )
        )

    def max_pooling(self) -> nn.Module:
        kernel = self.kernel(3)
        dilation = self.draw(st.integers(1, 2))
        padding = self.padding((kernel[0] // 2, kernel[1] // 2))
        return self.shaped(nn.MaxPool2d(kernel, self.pair(1, 3), padding, dilation, ceil_mode=self.draw(st.booleans())))

    def average_pooling(self) -> nn.Module:
        kernel = self.kernel(6)
        padding = self.padding((kernel[0] // 2, kernel[1] // 2))
        pool = nn.AvgPool2d(
            *(kernel, self.pair(1, 3), padding),
            ceil_mode=self.draw(st.booleans()),
            count_include_pad=self.draw(st.booleans()),
            divisor_override=self.draw(st.sampled_from([None, None, 5])),
        )
        return self.shaped(pool)

    def normalization(self) -> nn.Module:
        layer = nn.BatchNorm2d(self.channels)
        for values in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
            nn.init.uniform_(values, 0.5, 1.5)  # type: ignore[arg-type]
        return layer

    def activation(self) -> nn.Module:
        return self.draw(  # type: ignore[no-any-return]
            st.sampled_from(
                [
                    nn.ReLU(),
                    nn.ReLU(inplace=True),
                    nn.Tanh(),
                    nn.GELU(),
                    nn.LeakyReLU(0.2),
                    nn.SiLU(inplace=True),
                    nn.PReLU(),
                    *(nn.Dropout(), nn.Dropout2d(), nn.Identity(), nn.LocalResponseNorm(3), nn.Softmax2d()),
                ]
            )
        )

    def edge(self) -> nn.Module:
        if self.padded:
            return self.shaped(nn.ZeroPad2d(self.draw(st.tuples(*[st.integers(-1, 2)] * 4))))
        return self.shaped(
            Cut(self.draw(st.integers(0, 1)), self.draw(st.integers(0, 1)), self.draw(st.integers(1, 2)))
        )

    def meeting(self) -> nn.Module:
        """Draw two branches of the same stride, the larger map cropped to the other's side."""
        channels, size = self.channels, self.size
        stride, kernel = self.pair(1, 2), self.kernel(3)
        outputs = self.draw(st.integers(1, 3))
        one = self.shaped(nn.Conv2d(channels, outputs, kernel, stride, self.padding(kernel)))
        first = self.channels, self.size
        self.channels, self.size = channels, size
        other = self.draw(st.sampled_from([self.shortcut, self.pooled]))(outputs, stride)
        second = self.channels, self.size
        if isinstance(one, nn.Identity) or isinstance(other, nn.Identity):
            self.channels, self.size = channels, size
            return nn.Identity()
        self.size = min(first[1][0], second[1][0]), min(first[1][1], second[1][1])
        meet = self.draw(st.sampled_from(["cat", "add", "iadd", "mul", "max"]))
        self.channels = first[0] + second[0] if meet == "cat" else first[0]
        return Meeting(one, other, meet, self.draw(st.booleans()))

    def shortcut(self, outputs: int, stride: tuple[int, int]) -> nn.Module:
        return self.shaped(nn.Conv2d(self.channels, outputs, 1, stride))

    def pooled(self, outputs: int, stride: tuple[int, int]) -> nn.Module:
        layer = nn.Conv2d(self.channels, outputs, 1)
        kernel = self.kernel(3)
        return self.shaped(
            nn.Sequential(nn.MaxPool2d(kernel, stride, self.padding((kernel[0] // 2, kernel[1] // 2))), layer)
        )

    def head(self) -> list[nn.Module]:
        kind = self.draw(st.sampled_from(["linear", "hidden", "global", "mean", "max", "convolution", "adaptive"]))
        values = self.channels * self.size[0] * self.size[1]
        if kind == "linear":
            return [nn.Flatten(), nn.Dropout(), nn.Linear(values, CLASSES)]
        if kind == "hidden":
            return [
                nn.Flatten(),
                nn.Linear(values, 5),
                nn.BatchNorm1d(5),
                nn.ReLU(),
                nn.Linear(5, CLASSES),
                nn.LogSoftmax(1),
            ]
        if kind == "global":
            return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(self.channels, CLASSES)]
        if kind in ("mean", "max"):
            return [Reduced(kind), nn.Linear(self.channels, CLASSES), nn.Softmax(1)]
        if kind == "convolution":
            return [nn.Conv2d(self.channels, CLASSES, self.size), nn.Flatten()]
        after = self.pair(1, 4)
        return [nn.AdaptiveAvgPool2d(after), nn.Flatten(), nn.Linear(self.channels * after[0] * after[1], CLASSES)]


class Cut(nn.Module):
    """A crop, and every few positions."""

    def __init__(self, start: int, end: int, step: int) -> None:
        super().__init__()
        self.part = slice(start, -end or None, step)

    def forward(self, features: Tensor) -> Tensor:
        return features[:, :, self.part, self.part]


class Meeting(nn.Module):
    """Two branches, cropped to the smaller of their maps, that meet."""

    def __init__(self, one: nn.Module, other: nn.Module, meet: str, permuted: bool) -> None:
        super().__init__()
        self.one, self.other, self.meet, self.permuted = one, other, meet, permuted

    def forward(self, features: Tensor) -> Tensor:
        one, other = self.one(features), self.other(features)
        height, width = (min(one.shape[axis], other.shape[axis]) for axis in (2, 3))
        one, other = one[:, :, :height, :width], other[..., :height, :width]
        if self.permuted:
            one, other = one.permute(0, 2, 3, 1), other.permute(0, 2, 3, 1)
        if self.meet == "cat":
            met = torch.cat([one, other], dim=3 if self.permuted else 1)
        elif self.meet == "iadd":
            one = one.clone()
            one += other
            met = functional.relu(one, inplace=True)
        else:
            meets: dict[str, Any] = {"add": torch.add, "mul": torch.mul, "max": torch.maximum}
            met = meets[self.meet](one, other)
        return met.permute(0, 3, 1, 2) if self.permuted else met


class Reduced(nn.Module):
    """The mean or the largest value of each channel."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, features: Tensor) -> Tensor:
        return features.mean((2, 3)) if self.kind == "mean" else features.amax((-1, -2))


@st.composite
def networks(draw: st.DrawFn, padded: bool) -> tuple[nn.Sequential, tuple[int, int], int]:
    """Draw a classifier of 3 to 12 layers, the patch that it takes, and its channels."""
    torch.manual_seed(draw(st.integers(0, 1000)))
    patch = draw(st.integers(5, 19)), draw(st.integers(5, 19))
    channels = draw(st.integers(1, 2))
    drawn = Drawn(draw, padded, channels, patch)
    kinds: list[Callable[[], nn.Module]] = [
        *(drawn.convolution, drawn.convolution, drawn.max_pooling, drawn.average_pooling),
        *(drawn.normalization, drawn.activation, drawn.edge, drawn.meeting),
    ]
    layers = [draw(st.sampled_from(kinds))() for _ in range(draw(st.integers(2, 9)))]
    network = nn.Sequential(*layers, *drawn.head()).eval()
    return network, patch, channels


def pictures(patch: tuple[int, int], channels: int, kind: torch.dtype) -> Tensor:
    return torch.randn(2, channels, patch[0] + 6, patch[1] + 9, dtype=kind)


@settings(max_examples=25, deadline=None)
@given(networks(padded=False), st.sampled_from([torch.float32, torch.float64]))
def test_answers_without_padding_are_those_of_the_classifier_on_each_patch(
    drawn: tuple[nn.Sequential, tuple[int, int], int], kind: torch.dtype
) -> None:
    holds_at_every_position(*drawn, kind)


@settings(max_examples=25, deadline=None)
@given(networks(padded=True), st.sampled_from([torch.float32, torch.float64]))
def test_answers_with_padding_are_those_of_the_classifier_on_each_patch_if_so_asked(
    drawn: tuple[nn.Sequential, tuple[int, int], int], kind: torch.dtype
) -> None:
    holds_at_every_position(*drawn, kind)


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(st.booleans().flatmap(networks), st.sampled_from([torch.float32, torch.float64]))
def test_answers_are_those_of_the_classifier_on_each_patch_for_many_networks(
    drawn: tuple[nn.Sequential, tuple[int, int], int], kind: torch.dtype
) -> None:
    holds_at_every_position(*drawn, kind)


def holds_at_every_position(network: nn.Module, patch: tuple[int, int], channels: int, kind: torch.dtype) -> None:
    network = network.to(kind)
    picture = pictures(patch, channels, kind)
    expected = by_patches(network, picture, patch)
    allowed = 1e-4 if kind == torch.float32 else 1e-10
    dense = densify(network, patch, semantics="patch", channels=channels)
    assert difference(answers(dense, "atrous", picture), expected) < allowed
    rows, columns = dense.stride
    if rows * columns <= MOST_SHIFTS:
        assert difference(answers(dense, "shift-and-stitch", picture), expected) < allowed
    assert difference(answers(dense, "heatmap", picture), expected[:, :, ::rows, ::columns]) < allowed


def answers(dense: DenseNetwork, method: Any, picture: Tensor) -> Tensor:
    dense.method = method
    with torch.no_grad():
        return dense(picture)  # type: ignore[no-any-return]


@settings(max_examples=20, deadline=None)
@given(networks(padded=True), st.sampled_from(["image", "plane"]))
def test_with_padding_strides_removed_and_shifts_stitched_are_the_same(
    drawn: tuple[nn.Sequential, tuple[int, int], int], semantics: Any
) -> None:
    network, patch, channels = drawn
    picture = pictures(patch, channels, torch.float64)
    dense = densify(network.double(), patch, semantics=semantics, channels=channels)
    assume(dense.stride[0] * dense.stride[1] <= MOST_SHIFTS)
    one, other = (answers(dense, method, picture) for method in METHODS)
    assert difference(one, other) < 1e-10


@settings(max_examples=20, deadline=None)
@given(networks(padded=True))
def test_zeros_around_the_picture_are_those_of_the_classifier_where_the_picture_is_one_patch(
    drawn: tuple[nn.Sequential, tuple[int, int], int],
) -> None:
    network, patch, channels = drawn
    picture = torch.randn(2, channels, *patch, dtype=torch.float64)
    with torch.no_grad():
        made = densify(network.double(), patch, semantics="image", channels=channels)(picture)
        assert difference(made[..., 0, 0], network(picture)) < 1e-10


@pytest.mark.parametrize("semantics", ["image", "patch", "plane"])
def test_answers_that_depend_on_padding_alone_are_the_classifiers(semantics: Semantics) -> None:
    torch.manual_seed(0)
    layers = (  # without biases, which "plane" has beyond the picture too
        *(nn.Conv2d(1, 1, 1, stride=(1, 2), bias=False), nn.ZeroPad2d((0, -1, 0, 0))),
        *(nn.Conv2d(1, 1, 1, padding=(0, 1), bias=False), nn.Conv2d(1, 1, 1, stride=(1, 4), bias=False)),
        *(nn.Flatten(), nn.Linear(5, 3)),
    )
    network, picture = nn.Sequential(*layers).double(), torch.randn(2, 1, 5, 5, dtype=torch.float64)
    with torch.no_grad():
        made = densify(network, (5, 5), semantics=semantics, channels=1)(picture)
        assert difference(made[..., 0, 0], network(picture)) < 1e-10


class VggLike(nn.Sequential):
    """Padded convolutions and poolings; without padding, the same layers."""

    def __init__(self, padding: int) -> None:
        super().__init__(
            *(nn.Conv2d(1, 3, 3, padding=padding), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(3, 4, 3, padding=padding), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(4 * 4 * 4, 2)),
        )


def test_without_zeros_inside_the_answers_are_those_of_the_network_without_padding_on_a_larger_patch() -> None:
    """By hand: the second convolution sees one position more, of the stride 2, at either side, the first one pixel."""
    torch.manual_seed(0)
    padded, plain = VggLike(1).double(), VggLike(0).double()
    plain.load_state_dict(padded.state_dict())
    picture = torch.randn(1, 1, 40, 42, dtype=torch.float64)
    dense = densify(padded, 16, semantics="plane")
    assert dense.context == ((3, 3), (3, 3))
    with torch.no_grad():
        expected = by_patches(plain, functional.pad(picture, (3, 3, 3, 3)), (22, 22))
        assert difference(dense(picture), expected) < 1e-10


def test_zeros_around_the_picture_do_not_reach_its_middle() -> None:
    torch.manual_seed(0)
    network = VggLike(1).double()
    picture = torch.randn(1, 1, 40, 42, dtype=torch.float64)
    with torch.no_grad():
        image, plane = (
            densify(network, 16, semantics="image")(picture),
            densify(network, 16, semantics="plane")(picture),
        )
    assert difference(image[..., 3:-3, 3:-3], plane[..., 3:-3, 3:-3]) < 1e-12
    assert min(float((image - plane)[..., side, :].abs().max()) for side in (0, 2, -3, -1)) > 1e-3


def test_a_convolutionalized_network_answers_as_often_as_its_strides_allow() -> None:
    torch.manual_seed(0)
    network = VggLike(0).double()
    picture = torch.randn(1, 1, 41, 42, dtype=torch.float64)
    heatmaps = convolutionalize(network, 22)
    assert heatmaps.stride == (4, 4)
    with torch.no_grad():
        assert difference(heatmaps(picture), by_patches(network, picture, (22, 22))[:, :, ::4, ::4]) < 1e-10


def test_patches_with_zeros_of_their_own_are_answered_in_parts_where_their_maps_are_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    network = VggLike(1).double()
    picture = torch.randn(1, 1, 41, 53, dtype=torch.float64)
    dense = densify(network, 16, "atrous", "patch")
    monkeypatch.setattr("percept.dense.network.ROOM", 30_000)
    assert difference(answers(dense, "atrous", picture), by_patches(network, picture, (16, 16))) < 1e-10
    assert (
        difference(answers(dense, "heatmap", picture), by_patches(network, picture, (16, 16))[:, :, ::4, ::4]) < 1e-10
    )


def test_a_network_with_padding_needs_a_meaning_and_is_told_the_three() -> None:
    with pytest.raises(OptionError, match=r'layer 0 and 1 more.*"patch": .*"image": .*"plane": '):
        densify(VggLike(1), 16)
    assert densify(VggLike(0), 22).semantics is None


def test_poolings_that_overflow_the_patch_count_as_padding_and_those_that_do_not_do_not() -> None:
    network = nn.Sequential(nn.MaxPool2d(3, 2, ceil_mode=True), nn.Flatten(), nn.LazyLinear(2))
    network(torch.zeros(1, 1, 8, 8))  # 8 pixels: windows at 0, 2, 4 and 6, the last of two pixels
    with pytest.raises(OptionError, match="layer 0"):
        densify(network, 8, channels=1)
    network = nn.Sequential(nn.MaxPool2d(3, 2, ceil_mode=True), nn.Flatten(), nn.LazyLinear(2))
    network(torch.zeros(1, 1, 9, 9))
    assert densify(network, 9, channels=1).semantics is None


def test_padding_that_a_crop_takes_off_again_is_none() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), Cut(1, 1, 1), nn.Flatten(), nn.Linear(2 * 6 * 6, 2))
    assert densify(network, 8).semantics is None


class Kept(nn.Module):
    """A crop of a map that is then written over."""

    def __init__(self) -> None:
        super().__init__()
        self.filter = nn.Conv2d(1, 2, 3)

    def forward(self, features: Tensor) -> Tensor:
        maps = self.filter(features)
        cut = maps[:, :, 1:-1, 1:-1]
        return torch.cat([cut, torch.relu(maps)[:, :, 1:-1, 1:-1]], dim=1)


def test_a_crop_keeps_its_values_where_the_map_that_it_was_taken_of_is_used_up() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(Kept(), nn.Flatten(), nn.Linear(4 * 4 * 4, 2)).double()
    picture = torch.randn(1, 1, 11, 12, dtype=torch.float64)
    with torch.no_grad():
        assert difference(densify(network, 8)(picture), by_patches(network, picture, (8, 8))) < 1e-10


class Gate(nn.Module):
    """Squeeze-excite: every position times a number that comes from all of them."""

    def forward(self, features: Tensor) -> Tensor:
        return features * functional.adaptive_avg_pool2d(features, 1).sigmoid()


class Positions(nn.Module):
    """Weights of each position's own."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(6, 6))

    def forward(self, features: Tensor) -> Tensor:
        return features * self.weights


class Noise(nn.Module):
    """Dropout that is never off."""

    def forward(self, features: Tensor) -> Tensor:
        return functional.dropout(features, 0.5)


class Turned(nn.Module):
    """A map and the same with its rows as columns."""

    def forward(self, features: Tensor) -> Tensor:
        return features + features.transpose(2, 3)


class Beside(nn.Module):
    """The means of the channels, added as if they were columns."""

    def forward(self, features: Tensor) -> Tensor:
        return features[:, :, :4, :4] + features.mean((2, 3))[:, None, None]


REFUSED = {
    "turned": (Turned(), r"layer 1 add.*rows and columns"),
    "beside": (Beside(), r"layer 1 add.*(rows and columns|squeeze-excite)"),
    "gate": (Gate(), r"layer 1 mul.*squeeze-excite"),
    "group": (nn.GroupNorm(2, 4), r"layer 1 \(GroupNorm\).*mean and variance"),
    "instance": (nn.InstanceNorm2d(4), r"layer 1 \(InstanceNorm2d\).*mean and variance"),
    "layer": (nn.LayerNorm((4, 6, 6)), r"layer 1 \(LayerNorm\).*mean and variance"),
    "batch": (nn.BatchNorm2d(4, track_running_stats=False), r"layer 1 \(BatchNorm2d\).*of the batch"),
    "positions": (Positions(), r"layer 1 mul.*from one position"),
    "noise": (Noise(), r"layer 1 dropout.*at random"),
    "softmax": (nn.Softmax(dim=2), r"layer 1 \(Softmax\).*from one position"),
    "upsampled": (nn.Upsample(scale_factor=2), r"layer 1 \(Upsample\).*larger"),
    "adaptive": (nn.Sequential(nn.AdaptiveMaxPool2d(4)), r"layer 1.0 \(AdaptiveMaxPool2d\).*6 positions into 4"),
    "uneven": (nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.ReLU()), r"layer 1.1 \(ReLU\).*6 positions into 4"),
    "unknown": (nn.Sequential(nn.FractionalMaxPool2d(2, 3)), r"layer 1.0 \(FractionalMaxPool2d\)"),
}


@pytest.mark.parametrize("semantics", ["patch", "image", "plane"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_depends_on_patch_and_position_together_is_refused_by_name(name: str, semantics: Any) -> None:
    layer, sentence = REFUSED[name]
    network = nn.Sequential(nn.Conv2d(1, 4, 3), layer, nn.Flatten(), nn.LazyLinear(2))
    network(torch.zeros(2, 1, 8, 8))
    with pytest.raises(ValueError, match=sentence):
        densify(network, 8, semantics=semantics)


def test_a_network_that_gives_a_map_is_refused() -> None:
    with pytest.raises(OptionError, match="2x6x6 values for a patch of 8x8"):
        densify(nn.Conv2d(1, 2, 3), 8)


def test_padding_by_reflection_has_a_meaning_in_the_plane_alone() -> None:
    layer = nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect")
    network = nn.Sequential(layer, nn.Flatten(), nn.Linear(2 * 8 * 8, 2)).double()
    for semantics in (None, "patch", "image"):
        with pytest.raises(OptionError, match="layer 0.*plane"):
            densify(network, 8, semantics=semantics)
    assert densify(network, 8, semantics="plane").context == ((1, 1), (1, 1))


class Local(nn.Module):
    """Normalization and linear layers over the channels of each position, as in ConvNeXt, and a scale."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.linear = nn.LayerNorm(4), nn.Linear(4, 4)
        self.scale = nn.Parameter(torch.randn(4))

    def forward(self, features: Tensor) -> Tensor:
        inner = self.linear(self.norm(features.permute(0, 2, 3, 1)))
        one, other = (self.scale * inner).permute(0, 3, 1, 2).chunk(2, dim=1)
        return functional.pad(one - other, (0, 0, 0, 0, 1, 2))


def test_what_works_on_the_channels_of_each_position_is_exact() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        *(nn.Conv2d(2, 4, 3, stride=2), Local(), nn.AdaptiveAvgPool2d(1), nn.GroupNorm(1, 5), nn.Flatten()),
        *(nn.LayerNorm(5), nn.Linear(5, 3)),
    ).double()
    picture = torch.randn(1, 2, 15, 17, dtype=torch.float64)
    with torch.no_grad():
        assert difference(densify(network, (9, 8))(picture), by_patches(network, picture, (9, 8))) < 1e-10


def test_a_dense_network_can_be_trained_and_learns_what_the_classifier_would() -> None:
    """The gradient of one answer's loss is that of the classifier on its patch."""
    torch.manual_seed(0)
    network = VggLike(0).double().eval()
    dense = densify(network, 22)
    picture = torch.randn(1, 1, 25, 24, dtype=torch.float64)
    dense(picture)[0, 1, 2, 1].backward()
    network(picture[:, :, 2:24, 1:23])[0, 1].backward()
    expected, found = next(network.parameters()).grad, next(dense.parameters()).grad
    assert expected is not None and found is not None and difference(found, expected) < 1e-10


def test_the_network_is_left_as_it_is() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2 * 6 * 6, 2)).train()
    before = {name: values.clone() for name, values in network.state_dict().items()}
    with torch.no_grad():
        densify(network, 8)(torch.randn(1, 1, 12, 12))
    assert network.training and network[1].training
    assert all(torch.equal(values, before[name]) for name, values in network.state_dict().items())


def test_batch_normalization_and_relu_become_part_of_the_convolution() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 6 * 6, 2))
    assert [type(step.layer).__name__ for step in densify(network, 8).plan.steps] == ["Picture", "Filter", "Filter"]


def test_auto_takes_less_work_and_stitches_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    dense = densify(VggLike(0), 22)
    picture = torch.zeros(1, 1, 100, 100)
    assert dense.method_for((79, 79), picture) == "atrous"
    monkeypatch.setattr("percept.dense.network.memory_of", lambda device: 2e5)
    assert dense.method_for((79, 79), picture) == "shift-and-stitch"


@pytest.mark.parametrize(("shape", "sentence"), [((1, 2, 30, 30), "expected"), ((1, 1, 30, 21), "smaller than")])
def test_pictures_of_another_shape_are_refused(shape: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        densify(VggLike(0), 22)(torch.zeros(shape))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"patch": 0}, "patch is 0"),
        ({"patch": (3, 4, 5)}, "patch is"),
        ({"patch": 22, "method": "fragments"}, "atrous"),
        ({"patch": 22, "semantics": "tile"}, "semantics is 'tile'"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        densify(VggLike(0), **arguments)


def test_a_dense_network_is_saved_and_loaded_as_any_other() -> None:
    torch.manual_seed(0)
    one, other = densify(VggLike(0), 22), densify(VggLike(0), 22)
    other.load_state_dict(one.state_dict())
    picture = torch.randn(1, 1, 30, 30)
    assert isinstance(other, DenseNetwork)
    with torch.no_grad():
        assert torch.equal(one(picture), other(picture))
