"""A new head on any body: what learns, what stays, and what the network was before is what it is now."""

import re
import sys
from copy import deepcopy
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from percept.data.preprocessing import ImagePreprocessing
from percept.errors import DataError, ModelFileError, OptionError
from percept.models import MODELS, arguments_for, build
from percept.models.bodies import IMAGENET, open_body
from percept.models.channels import adapt_channels
from percept.models.file import TrainedModel, load_model, save_model
from percept.models.freezing import freeze, hold_normalization, stages_to_train
from percept.models.head import with_new_head
from percept.models.parts import find_parts
from percept.models.transfer import transfer
from percept.nn.geometry.trace import undrawn
from percept.nn.losses import cross_entropy

LARGE = re.compile(
    r"efficientnet_b[1-7]|resnet1[05]|densenet(121|169|201)|cifar_resnet(44|56|110)|wrn|resnext|wide|vgg1[39]"
)
PICTURES = [
    pytest.param(name, marks=pytest.mark.slow) if LARGE.match(name) else name
    for name, known in MODELS.items()
    if known.kind == "image" and known.task == "classification" and name != "cifar_resnet1202"
]
# One of each family with batch normalization, at the smallest size that keeps every layer busy.
_NORMALIZED = {
    "small_resnet": 16,
    "vgg11": 32,
    "nin": 16,
    "googlenet": 32,
    "resnet18": 32,
    "resnet50": 32,
    "resnext50_32x4d": 32,
    "cifar_resnet20": 16,
    "wrn28_10": 8,
    "densenet_bc_100_12": 8,
    "densenet121": 32,
    "mobilenet": 32,
    "mobilenet_v2": 32,
    "efficientnet_b0": 32,
}
NORMALIZED = [
    pytest.param(*each, marks=pytest.mark.slow) if LARGE.match(each[0]) else each for each in _NORMALIZED.items()
]


def taken(name: str) -> tuple[int, int, int]:
    side = MODELS[name].kept_sides[1]
    return 3, side, side


def bare(name: str, classes: int, shape: tuple[int, ...]) -> nn.Module:
    with undrawn():
        return build(name, **arguments_for(name, outputs=classes, shape=shape))


def small(name: str, side: int) -> nn.Module:
    torch.manual_seed(0)
    network = build(name, **arguments_for(name, outputs=7, shape=(3, side, side)))
    for layer in network.modules():
        if isinstance(layer, _BatchNorm) and layer.running_mean is not None:
            nn.init.normal_(layer.running_mean, std=0.1)
    return network.eval()


def steps(network: nn.Module, shape: tuple[int, ...], classes: int) -> None:
    """Train for two steps, as any loop would."""
    trained = [each for each in network.parameters() if each.requires_grad]
    optimizer = torch.optim.SGD(trained, 0.1)
    for seed in range(2):
        torch.manual_seed(seed)
        network.train()
        loss = cross_entropy()(network(torch.randn(4, *shape)), torch.randint(classes, (4,)))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()


@pytest.mark.parametrize("name", PICTURES)
def test_a_new_head_makes_the_network_that_the_architecture_builds_for_so_many_classes(name: str) -> None:
    shape = taken(name)
    network = bare(name, 10, shape)
    moved = with_new_head(network, find_parts(network, shape), classes=3)
    expected = {key: values.shape for key, values in bare(name, 3, shape).state_dict().items()}
    assert {key: values.shape for key, values in moved.state_dict().items()} == expected


@pytest.mark.parametrize("name", PICTURES)
def test_stages_and_head_hold_every_weight_once_in_the_order_of_the_network(name: str) -> None:
    shape = taken(name)
    network = bare(name, 10, shape)
    parts = find_parts(network, shape)
    found = [weight for part in (*parts.stages, parts.head) for weight in part.weights]
    beside = tuple(f"{each}." for each in parts.beside)
    every = [key for key, _ in network.named_parameters() if not beside or not key.startswith(beside)]
    assert sorted(found) == sorted(every)
    assert parts.beside == (("auxiliary1", "auxiliary2") if name == "googlenet" else ())


@pytest.mark.parametrize(
    ("name", "sizes"),  # of the maps in the papers' tables
    [
        ("resnet50", [112, 56, 28, 14, 7]),
        ("vgg16", [224, 112, 56, 28, 14, None, None]),
        ("googlenet", [112, 56, 28, 14, 7]),
        ("mobilenet_v2", [112, 56, 28, 14, 7]),
        ("densenet121", [112, 56, 28, 14, 7]),
        ("efficientnet_b0", [112, 56, 28, 14, 7]),
        ("alexnet", [55, 27, 13, None, None]),
        ("nin", [64, 32, 16]),
    ],
)
def test_a_stage_begins_where_the_papers_tables_halve_the_map(name: str, sizes: list[int | None]) -> None:
    parts = find_parts(bare(name, 10, taken(name)), taken(name))
    assert [stage.size and stage.size[0] for stage in parts.stages] == sizes


class Squeezed(nn.Module):
    """A body with other names than any of percept's, and scores from a 1x1 convolution, as in SqueezeNet."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.5))
        self.beta = nn.Sequential(nn.Conv2d(8, 12, 3, 2), nn.BatchNorm2d(12), nn.ReLU())
        self.gamma = nn.Sequential(nn.Dropout(0.5), nn.Conv2d(12, 5, 1), nn.ReLU())

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.gamma(self.beta(self.alpha(images))).mean((2, 3))
        return scores


def test_a_convolution_before_the_average_is_a_head_whatever_it_is_called() -> None:
    network = Squeezed()
    parts = find_parts(network, (3, 20, 20))
    assert (parts.scores, parts.head.layers) == ("gamma.1", ("gamma.0", "gamma.1", "gamma.2"))
    assert [stage.layers[0] for stage in parts.stages] == ["alpha.0", "beta.0"]
    moved = with_new_head(network, parts, 2)
    assert moved(torch.zeros(1, 3, 20, 20)).shape == (1, 2)
    assert network(torch.zeros(1, 3, 20, 20)).shape == (1, 5)


class Twice(nn.Module):
    """Gives two tensors."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return images, images


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        (Twice(), "Twice gives several values; expected one tensor of scores"),
        (nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4)), r"ends in 1 \(LayerNorm\), from which no head can be told"),
        (
            nn.Sequential(nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 3, 1), nn.Flatten()),
            "gives 12 scores, but not one an output of its last layer, 1;",
        ),
        (nn.Sequential(nn.ReLU()), r"ends in 0 \(ReLU\), from which no head can be told"),
    ],
)
def test_a_network_without_a_head_of_its_own_is_refused(network: nn.Module, sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        find_parts(network, (4,))


def test_a_level_is_read_or_refused_with_what_there_is() -> None:
    assert [stages_to_train(level, 3) for level in ("head", "last:1", "last:3", "all")] == [0, 1, 3, 3]
    for wrong in ("last", "last:0", "last:4", "last:x", "body", "last:1.5"):
        with pytest.raises(OptionError, match=r"expected head, last:1 to last:3 or all: the body has 3 stages"):
            stages_to_train(wrong, 3)


@pytest.mark.parametrize(("name", "side"), NORMALIZED)
def test_nothing_of_a_frozen_layer_changes_in_training(name: str, side: int) -> None:
    shape = (3, side, side)
    network = small(name, side)
    parts = find_parts(network, shape)
    moved = with_new_head(network, parts, 2)
    freeze(moved, parts, 0)
    before = deepcopy(moved.state_dict())
    steps(moved, shape, 2)
    changed = {key for key, values in moved.state_dict().items() if not torch.equal(values, before[key])}
    layers = {key.rpartition(".")[0] for key in changed}
    norms = [each for each in parts.head.layers if isinstance(moved.get_submodule(each), _BatchNorm)]
    assert layers == {parts.scores, *norms}


def test_nothing_of_a_frozen_layer_of_a_multilayer_perceptron_changes() -> None:
    torch.manual_seed(0)
    network = build("mlp", classes=2, inputs=5, hidden=[8, 6], batch_norm=True, dropout=0.5)
    parts = find_parts(network, (5,))
    freeze(network, parts, 1)
    before = deepcopy(network.state_dict())
    steps(network, (5,), 2)
    changed = {key.partition(".")[0] for key, values in network.state_dict().items() if not values.equal(before[key])}
    assert changed == {"5", "6", "9"}  # the second hidden layer, its normalization, the scores


@pytest.mark.parametrize(("name", "side"), NORMALIZED)
def test_the_last_stage_learns_with_its_running_averages_and_no_other(name: str, side: int) -> None:
    shape = (3, side, side)
    network = small(name, side)
    parts = find_parts(network, shape)
    moved = with_new_head(network, parts, 2)
    freeze(moved, parts, 1)
    before = deepcopy(moved.state_dict())
    steps(moved, shape, 2)
    changed = {key for key, values in moved.state_dict().items() if not torch.equal(values, before[key])}
    learning = {*parts.stages[-1].layers, *parts.head.layers}
    assert {key.rpartition(".")[0] for key in changed} <= learning
    averages = {f"{each}.running_mean" for each in learning if isinstance(moved.get_submodule(each), _BatchNorm)}
    assert averages <= changed


@pytest.mark.parametrize(("name", "side"), [("resnet18", 32), ("googlenet", 32), ("nin", 16)])
def test_with_all_of_it_learning_every_layer_moves_again(name: str, side: int) -> None:
    shape = (3, side, side)
    moved = small(name, side)
    parts = find_parts(moved, shape)
    freeze(moved, parts, 0)
    freeze(moved, parts, len(parts.stages))
    before = deepcopy(moved.state_dict())
    steps(moved, shape, 7)
    assert all(each.requires_grad and module.training for module in moved.modules() for each in module.parameters())
    unmoved = [
        key
        for key, values in moved.state_dict().items()
        if key.endswith(("running_mean", "running_var")) and torch.equal(values, before[key])
    ]
    assert unmoved == []


def test_dropout_works_in_the_parts_that_learn_alone() -> None:
    network = Squeezed()
    parts = find_parts(network, (3, 20, 20))
    dropouts = ("alpha.3", "gamma.0")
    modes = {}
    for stages in (0, 1, 2):
        freeze(network, parts, stages)
        modes[stages] = [network.train().get_submodule(name).training for name in dropouts]
    assert modes == {0: [False, True], 1: [False, True], 2: [True, True]}
    assert not any(module.training for module in network.eval().modules())


def test_a_copy_of_a_frozen_network_stays_frozen_by_itself() -> None:
    network = Squeezed()
    freeze(network, find_parts(network, (3, 20, 20)), 0)
    copy = deepcopy(network).train()
    assert not copy.alpha[1].training
    assert copy.gamma[0].training
    freeze(network, find_parts(network, (3, 20, 20)), 2)
    assert network.train().alpha[1].training
    assert not copy.train().alpha[1].training


def test_auxiliary_heads_rest_unless_the_whole_network_learns() -> None:
    network = small("googlenet", 32)
    parts = find_parts(network, (3, 32, 32))
    moved = with_new_head(network, parts, 2)
    picture = torch.randn(2, 3, 32, 32)
    freeze(moved, parts, 1)
    assert moved.train()(picture).shape == (2, 2)
    freeze(moved, parts, len(parts.stages))
    outputs = moved.train()(picture)
    assert [tuple(each.shape) for each in (outputs.main, *outputs.auxiliary)] == [(2, 2)] * 3


@pytest.mark.parametrize("name", ["small_resnet", "nin", "googlenet", "cifar_resnet20", "mobilenet_v2"])
def test_on_grey_pictures_a_network_of_other_channels_gives_what_it_gave(name: str) -> None:
    network, grey = small(name, 32), torch.randn(2, 1, 32, 32)
    colored, one = grey.repeat(1, 3, 1, 1), deepcopy(network)
    assert "were summed over the 3 channels" in adapt_channels(one, (3, 32, 32), channels=1)
    torch.testing.assert_close(one(grey), network(colored), rtol=1e-4, atol=1e-4)
    three = deepcopy(one)
    assert "were repeated for the 3 channels" in adapt_channels(three, (1, 32, 32), channels=3)
    torch.testing.assert_close(three(colored), one(grey), rtol=1e-4, atol=1e-4)
    assert adapt_channels(three, (3, 32, 32), channels=3) == ""


def test_channels_that_no_convolution_takes_in_are_refused() -> None:
    flat = build("linear", classes=2, inputs=12)
    with pytest.raises(OptionError, match=r"0 \(Flatten\) takes in the 3 channels"):
        adapt_channels(flat, (3, 2, 2), channels=1)
    with pytest.raises(OptionError, match="trained on 3 channels, the data have 4; expected as many, or 1"):
        adapt_channels(small("nin", 16), (3, 16, 16), channels=4)


def model_of(name: str, side: int) -> TrainedModel:
    arguments = arguments_for(name, outputs=7, shape=(3, side, side))
    form = ImagePreprocessing(side, side, 3, mean=(0.3, 0.4, 0.5), std=(0.1, 0.2, 0.3), resize="crop")
    classes = tuple("abcdefg")
    return TrainedModel(small(name, side), name, arguments, "classification", classes, "letter", (0.0, 1.0), form)


def test_a_run_of_percept_is_a_body_with_its_preprocessing(tmp_path: Path) -> None:
    model = model_of("small_resnet", 16)
    save_model(tmp_path / "model.safetensors", model)
    for source in (tmp_path, str(tmp_path / "model.safetensors")):
        moved = transfer(source, classes=2, channels=1)
        assert moved.architecture == "small_resnet"
        expected = ImagePreprocessing(16, 16, 1, mean=(0.4,), std=(0.2,), resize="crop")
        assert isinstance(moved.preprocessing, ImagePreprocessing)
        assert (moved.preprocessing.height, moved.preprocessing.resize) == (16, "crop")
        np.testing.assert_allclose(moved.preprocessing.mean + moved.preprocessing.std, expected.mean + expected.std)
    weights = model.network.state_dict()
    kept = [name for name, values in moved.network.state_dict().items() if torch.equal(values, weights[name])]
    assert len(kept) == len(weights) - 2 - 1  # but the scores' weights, and the first filters; its biases begin at 0


def test_a_network_with_a_new_head_is_written_and_read_as_any_other(tmp_path: Path) -> None:
    save_model(tmp_path / "old.safetensors", model_of("nin", 16))
    moved = transfer(tmp_path / "old.safetensors", classes=2, channels=1, level="last:1")
    assert isinstance(moved.preprocessing, ImagePreprocessing)
    names = (moved.architecture, moved.arguments, "classification", ("x", "y"), "thing", (0.0, 1.0))
    save_model(tmp_path / "new.safetensors", TrainedModel(moved.network, *names, moved.preprocessing))  # type: ignore[arg-type]
    picture = torch.randn(2, 1, 16, 16)
    again = load_model(tmp_path / "new.safetensors").network
    torch.testing.assert_close(again(picture), moved.network.eval()(picture))


@pytest.mark.parametrize("classes", [1000, 7])
def test_a_checkpoint_says_its_classes_and_imagenets_means_go_with_a_thousand(classes: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build("cifar_resnet20", classes=classes, channels=3)
    torch.save({"state_dict": network.state_dict()}, tmp_path / "weights.pth")
    body = open_body(tmp_path / "weights.pth", architecture="cifar_resnet20")
    assert body.shape == (3, 64, 64)
    picture = torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(body.network(picture), network.eval()(picture))
    if classes == 1000:
        assert isinstance(body.preprocessing, ImagePreprocessing)
        assert (body.preprocessing.mean, body.preprocessing.std) == IMAGENET
        assert "normalized as torchvision" in body.notes[0]
    else:
        assert (body.preprocessing, body.notes) == (None, ())


def test_published_weights_come_with_the_normalization_that_timm_states(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    safetensors.torch.save_file(build("mobilenet", classes=1000).state_dict(), tmp_path / "model.safetensors")
    asked: list[str] = []

    def stated(name: str) -> SimpleNamespace:
        asked.append(name)
        return SimpleNamespace(mean=(0.5, 0.5, 0.5), std=(0.4, 0.5, 0.6), hf_hub_id="")

    hub, timm = ModuleType("huggingface_hub"), ModuleType("timm")
    hub.hf_hub_download = lambda repository, file: str(tmp_path / file)  # type: ignore[attr-defined]
    timm.get_pretrained_cfg = stated  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    monkeypatch.setitem(sys.modules, "timm", timm)
    body = open_body("timm/mobilenetv1_100.ra4", architecture="mobilenet", shape=(3, 64, 96))
    assert body.preprocessing == ImagePreprocessing(64, 96, 3, mean=(0.5, 0.5, 0.5), std=(0.4, 0.5, 0.6))
    assert (asked, body.notes) == (["mobilenetv1_100.ra4"], ())
    monkeypatch.setitem(sys.modules, "timm", None)
    body = open_body("owner/mobilenet", architecture="mobilenet")
    assert isinstance(body.preprocessing, ImagePreprocessing)
    assert (body.preprocessing.mean, len(body.notes)) == (IMAGENET[0], 1)


def test_a_source_that_says_too_little_or_too_much_is_refused(tmp_path: Path) -> None:
    torch.save(build("cifar_resnet20").state_dict(), tmp_path / "weights.pth")
    with pytest.raises(OptionError, match="does not say of which network its weights are; name it"):
        transfer(tmp_path / "weights.pth", classes=2)
    with pytest.raises(OptionError, match="a module does not say which samples it takes"):
        transfer(Squeezed(), classes=2)
    with pytest.raises(ModelFileError, match="does not fit cifar_resnet32"):
        transfer(tmp_path / "weights.pth", classes=2, architecture="cifar_resnet32")
    save_model(tmp_path / "model.safetensors", model_of("small_resnet", 16))
    with pytest.raises(ModelFileError, match="holds small_resnet, not resnet18; leave the architecture out"):
        transfer(tmp_path, classes=2, architecture="resnet18")
    with pytest.raises(DataError, match="trained on rows of a table, not on pictures"):
        transfer(build("linear", classes=2, inputs=4), classes=2, channels=3, shape=(4,))


def test_a_users_module_stays_as_it_is() -> None:
    network = Squeezed().train()
    before = deepcopy(network.state_dict())
    moved = transfer(network, classes=2, shape=(3, 20, 20))
    assert (moved.architecture, moved.preprocessing, moved.shape) == ("", None, (3, 20, 20))
    assert all(torch.equal(values, before[name]) for name, values in network.state_dict().items())
    assert all(each.requires_grad for each in network.parameters())
    assert "train" not in vars(network)


def test_held_normalizations_go_by_their_averages_and_keep_them_while_the_rest_learns() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))
    network(torch.randn(8, 3, 9, 9))  # gives it averages that are not those of a fresh layer
    inputs = 5 + 3 * torch.randn(2, 3, 9, 9)
    expected = network.eval()(inputs)
    before = {name: values.clone() for name, values in network.state_dict().items()}
    hold_normalization(network)
    copy = deepcopy(network)
    for each in (network, copy):
        found = each.train()(inputs)
        torch.testing.assert_close(found, expected)
        found.square().mean().backward()
        assert all(parameter.grad is not None for parameter in each.parameters())
        assert all(torch.equal(before[name], values) for name, values in each.state_dict().items())
