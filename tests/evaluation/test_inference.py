"""A network made ready to predict gives what it gave, in fewer steps."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from percept.data.preprocessing import ImagePreprocessing
from percept.evaluation import inference
from percept.evaluation.fusing import Scaling
from percept.evaluation.inference import prepared_for_inference, ready_for
from percept.evaluation.packed import NOTHING, PACKS, RELU, PackedConvolution, PackedLinear, Step
from percept.evaluation.predict import outputs
from percept.models import build
from percept.nn.blocks import BasicResidual, BottleneckResidual, WideResidual, dense_block, transition

PICTURES = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def moved(network: nn.Module) -> nn.Module:
    """Return the network with averages and scales as after a training."""
    generator = torch.Generator().manual_seed(1)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert layer.running_mean is not None and layer.running_var is not None
            layer.running_mean.normal_(0, 0.2, generator=generator)
            layer.running_var.uniform_(0.5, 2, generator=generator)
            layer.weight.data.uniform_(0.5, 1.5, generator=generator)
            layer.bias.data.normal_(0, 0.2, generator=generator)
    return network.eval()


def difference(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max() / one.abs().max())


@pytest.mark.parametrize(
    "name", ["small_resnet", "nin", "cifar_resnet20", "mobilenet", "mobilenet_v2", "efficientnet_b0", "googlenet"]
)
def test_outputs_stay_within_the_last_digits(name: str) -> None:
    torch.manual_seed(0)
    network = moved(build(name, classes=5))
    pictures = functional.interpolate(PICTURES, scale_factor=2) if name == "googlenet" else PICTURES
    with torch.inference_mode():
        before = network(pictures)
        ready = prepared_for_inference(network, pictures[:1])
        assert difference(before, ready(pictures)) < 1e-5
        assert difference(before[:1], ready(pictures[:1].contiguous(memory_format=torch.channels_last))) < 1e-5
        packed = prepared_for_inference(network, pictures[:1], batch=len(pictures))
        assert difference(before, packed(pictures)) < 1e-5 and difference(before[:1], packed(pictures[:1])) < 1e-5
        assert network(pictures).equal(before)  # the network itself is left as it is


def test_normalizations_and_rectifiers_are_gone() -> None:
    ready = prepared_for_inference(moved(build("cifar_resnet20", classes=5)), PICTURES[:1])
    kinds = [type(layer) for layer in ready.modules()]
    assert nn.BatchNorm2d not in kinds and not any(each.requires_grad for each in ready.parameters())
    if PACKS:
        assert nn.Conv2d not in kinds and kinds.count(PackedConvolution) == 19
        assert kinds.count(nn.ReLU) == 2  # those behind a sum with a map that is padded meanwhile


@pytest.mark.skipif(not PACKS, reason="this torch is built without oneDNN")
def test_blocks_keep_no_sums_and_only_normalizations_that_come_first() -> None:
    network = prepared_for_inference(blocks(), PICTURES[:1])
    assert isinstance(network, fx.GraphModule)
    assert {node.target for node in network.graph.nodes if node.op in ("call_function", "call_method")} == {torch.cat}
    kinds = [type(layer) for layer in network.modules()]
    assert kinds.count(PackedConvolution) == 1 + 6 + 1 + 7 + 5 and kinds.count(Scaling) == 3 + 1 + 2


ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.SiLU, nn.Sigmoid, nn.Hardswish, nn.Hardsigmoid, nn.GELU, nn.LeakyReLU, nn.Hardtanh)


@pytest.mark.skipif(not PACKS, reason="this torch is built without oneDNN")
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_layers_take_an_activation_along(activation: type[nn.Module]) -> None:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 4, 3), activation(), nn.Flatten(), nn.Linear(4 * 30 * 30, 50), activation()
    network = nn.Sequential(*layers)
    with torch.inference_mode():
        ready, pictures = prepared_for_inference(network, PICTURES[:1]), 8 * PICTURES
        assert difference(network(pictures), ready(pictures)) < 1e-5
    kinds = [type(layer) for layer in ready.modules()]
    assert PackedConvolution in kinds and PackedLinear in kinds and activation not in kinds


@pytest.mark.parametrize("activation", [nn.Tanh, nn.ELU, nn.Softplus, lambda: nn.GELU("tanh")])
def test_other_activations_stay(activation: Callable[[], nn.Module]) -> None:
    ready = prepared_for_inference(nn.Sequential(nn.Conv2d(3, 4, 3), activation()), PICTURES[:1])
    assert type(activation()) in [type(layer) for layer in ready.modules()]


def test_only_a_rectifier_is_taken_along_behind_a_sum() -> None:
    torch.manual_seed(0)
    for activation in ("relu", "silu"):
        network = BasicResidual(3, 3, activation=activation).eval()
        with torch.inference_mode():
            assert difference(network(PICTURES), prepared_for_inference(network, PICTURES[:1])(PICTURES)) < 1e-5


class Read(nn.Module):
    """Uses the weight of its convolution besides, so that it must stay as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.filter, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, pictures: Tensor) -> Tensor:
        made: Tensor = self.norm(self.filter(pictures)) * self.filter.weight.mean()
        return made


class Twice(nn.Module):
    """Normalizes two maps by one layer."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other, self.norm = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, pictures: Tensor) -> Tensor:
        made: Tensor = self.norm(self.one(pictures)) + self.norm(self.other(pictures))
        return made


class Shared(nn.Module):
    """Uses the map before its normalization as well."""

    def __init__(self) -> None:
        super().__init__()
        self.filter, self.norm, self.act = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()

    def forward(self, pictures: Tensor) -> Tensor:
        made = self.filter(pictures)
        return self.act(self.norm(made)) + made  # type: ignore[no-any-return]


class Untraceable(nn.Module):
    """Asks the values of the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.filter, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, pictures: Tensor) -> Tensor:
        made: Tensor = self.norm(self.filter(pictures if pictures.sum() > 0 else -pictures))
        return made


class Named(nn.Module):
    """Calls a layer by the name of a function that it is not."""

    def __init__(self) -> None:
        super().__init__()
        self.filter, self.relu = nn.Conv2d(3, 4, 3), nn.Tanh()

    def forward(self, pictures: Tensor) -> Tensor:
        made: Tensor = self.relu(self.filter(pictures))
        return made


class Overwritten(nn.Module):
    """Writes over the input of its convolution before the convolution's output is added to it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.filter, self.act = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1), nn.ReLU(inplace=True)

    def forward(self, pictures: Tensor) -> Tensor:
        given = torch.tanh(self.first(pictures))
        made: Tensor = self.filter(given)
        return made + self.act(given)  # type: ignore[no-any-return]


class SumFirst(nn.Module):
    """Adds into a map that is read afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.filter = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        given = torch.tanh(self.first(pictures))
        made = given.add_(self.filter(given))
        return made * given


class Broadcast(nn.Module):
    """Adds one map to those of all samples, another number to each, and takes activations behind sums along."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other, self.last = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
        self.map = nn.Parameter(torch.rand(1, 4, 30, 30))

    def forward(self, pictures: Tensor) -> Tensor:
        first = functional.silu(self.one(pictures) + self.map)
        second = torch.sigmoid(torch.add(self.other(first), first, alpha=2))
        third = self.last(second) + second
        return functional.relu(third) + functional.hardtanh(self.last(third) + 0.5)


class ByType(nn.Module):
    """Does otherwise under torch.fx, which follows it with something else than a tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.filter = nn.Conv2d(3, 4, 3)

    def forward(self, pictures: Tensor) -> Tensor:
        made: Tensor = self.filter(pictures)
        return made if isinstance(made, Tensor) else -made


def hooked() -> nn.Module:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    network[0].register_forward_hook(lambda layer, given, made: made * 2)
    return network


def alone() -> nn.Module:
    plain = nn.BatchNorm1d(4, affine=False)
    return nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 4, 3), nn.Flatten(2), plain)


def blocks() -> nn.Module:
    dense = dense_block(8, 4, layers=3), transition(20, 6)
    residual = BottleneckResidual(6, 4, 8, stride=2), BottleneckResidual(8, 4, 8)
    return moved(nn.Sequential(nn.Conv2d(3, 8, 3), *dense, *residual, WideResidual(8, 6), WideResidual(6, 6)))


def by_rows() -> nn.Module:
    linear = nn.Linear(4 * 30 * 30, 6), nn.BatchNorm1d(6), nn.Dropout(), nn.ReLU6(), nn.Linear(6, 3)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), *linear)


def normalized_by_another_dimension() -> nn.Module:
    return nn.Sequential(nn.Flatten(2), nn.Linear(1024, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))


def by_the_batch() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False), nn.ReLU())


def padded_by_reflection() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), nn.BatchNorm2d(4), nn.ReLU())


def grouped_and_dilated() -> nn.Module:
    layers = [nn.Conv2d(3, 6, 3, 2, "valid", 2), nn.Conv2d(6, 6, (3, 1), padding=(1, 0), groups=3, bias=False)]
    return nn.Sequential(layers[0], nn.BatchNorm2d(6), nn.Identity(), nn.ReLU(inplace=True), layers[1], nn.ReLU())


@pytest.mark.parametrize(
    "make",
    [
        Read,
        Twice,
        Shared,
        Untraceable,
        Named,
        Overwritten,
        SumFirst,
        Broadcast,
        ByType,
        hooked,
        alone,
        blocks,
        by_rows,
        normalized_by_another_dimension,
        by_the_batch,
        padded_by_reflection,
        grouped_and_dilated,
    ],
)
def test_what_cannot_be_folded_is_left(make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    network = make().eval()
    for layer in network.modules():
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)) and layer.running_mean is not None:
            layer.running_mean.fill_(0.3)
    with torch.inference_mode():
        assert difference(network(PICTURES), prepared_for_inference(network, PICTURES[:1])(PICTURES)) < 1e-5


def test_it_pays_for_much_work_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 30 * 30, 2)).eval()
    work = 30 * 30 * 4 * 27 + 4 * 30 * 30 * 2
    monkeypatch.setattr(inference, "ENOUGH", 10 * work)
    assert ready_for(network, PICTURES[:1], 9) is network
    assert ready_for(network, PICTURES[:1], 10) is not network
    assert ready_for(network, torch.zeros(1, 5), 10**9) is network  # rows of a table
    assert not any(layer._forward_hooks for layer in network.modules())


def test_predictions_of_many_pictures_are_those_of_few() -> None:
    form = ImagePreprocessing(height=32, width=32, channels=3, mean=(0.5,) * 3, std=(0.2,) * 3)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    network = moved(build("small_resnet", classes=4))
    ready = prepared_for_inference(network, form.tensor(pixels[:1]))
    plain, fast = (
        outputs(each, pixels, np.arange(5), form, device=torch.device("cpu"), batch_size=2) for each in (network, ready)
    )
    np.testing.assert_allclose(fast, plain, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not PACKS, reason="this torch is built without oneDNN")
@pytest.mark.parametrize("step", [NOTHING, RELU])
def test_a_sum_that_onednn_refuses_is_done_behind_the_convolution(step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object) -> Tensor:
        raise RuntimeError("could not create a memory")

    features, added = torch.randn(2, 4, 1, 1), torch.randn(2, 6, 1, 1)
    packed = PackedConvolution(nn.Conv2d(4, 6, 1).requires_grad_(False), (2, 4, 1, 1), step)
    with torch.inference_mode():
        expected = packed(features, added)
        monkeypatch.setattr(torch.ops.mkldnn._convolution_pointwise, "binary", refused)
        torch.testing.assert_close(packed(features, added), expected)
