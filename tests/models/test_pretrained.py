"""Weights of other programs are told apart by content, loaded whole or not at all, and never run code."""

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import safetensors.torch
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

import percept
from percept.data.preprocessing import ImagePreprocessing
from percept.errors import ModelFileError
from percept.models import arguments_for, build, load_weights
from percept.models.bodies import IMAGENET
from percept.models.file import TrainedModel, load_model, save_model
from percept.models.layouts import LAYOUTS, renamed

DATA = Path(__file__).parents[3] / "shared" / "data"


def torchvision_names(network: nn.Module) -> dict[str, Tensor]:
    """Return the weights of percept's residual network under the names that torchvision gives them."""
    names = {"stem.0.": "conv1.", "stem.1.": "bn1.", "scores.": "fc.", "stage": "layer", ".shortcut.": ".downsample."}
    for number, word in enumerate(("first", "second", "third"), start=1):
        names |= {f".{word}.0.": f".conv{number}.", f".{word}.1.": f".bn{number}."}
    weights = {}
    for name, values in network.state_dict().items():
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        weights[name] = values
    return weights


@pytest.fixture(scope="module")
def small() -> nn.Module:
    torch.manual_seed(0)
    return build("cifar_resnet20", shortcut="B")


def fresh() -> nn.Module:
    torch.manual_seed(1)
    return build("cifar_resnet20", shortcut="B")


def same(one: nn.Module, other: nn.Module) -> bool:
    weights, others = one.state_dict(), other.state_dict()
    return weights.keys() == others.keys() and all(torch.equal(weights[key], others[key]) for key in weights)


def saved_as(form: str, network: nn.Module, path: Path) -> None:
    weights = torchvision_names(network)
    if form == "safetensors":
        safetensors.torch.save_file(weights, path)
    elif form == "torch before 1.6":
        torch.save(weights, path, _use_new_zipfile_serialization=False)
    elif form == "without counters":
        torch.save({name: values for name, values in weights.items() if "num_batches" not in name}, path)
    elif form == "checkpoint of several devices":
        wrapped = {f"module.{name}": values for name, values in weights.items()}
        torch.save({"epoch": 3, "state_dict": wrapped, "best": torch.tensor(0.9)}, path)
    elif form == "percept":
        arguments = {**arguments_for("cifar_resnet20", outputs=10, shape=(3, 32, 32)), "shortcut": "B"}
        preprocessing = ImagePreprocessing(32, 32, 3, mean=(0.5,) * 3, std=(0.2,) * 3)
        classes = tuple(map(str, range(10)))
        kept = (network, "cifar_resnet20", arguments, "classification", classes, "class", (0.0, 1.0), preprocessing)
        save_model(path, TrainedModel(*kept))  # type: ignore[arg-type]
    else:
        torch.save(weights, path)


FORMS = (
    *("torch", "torch before 1.6", "safetensors", "percept"),
    *("without counters", "checkpoint of several devices"),
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors", "weights"])
def test_the_content_and_not_the_name_tells_what_a_file_is(
    form: str, name: str, small: nn.Module, tmp_path: Path
) -> None:
    saved_as(form, small, tmp_path / name)
    network = fresh()
    assert load_weights(network, tmp_path / name) is network
    assert same(network, small)


@pytest.mark.parametrize("form", ["torch", "without counters"])
def test_a_network_on_the_meta_device_becomes_the_loaded_one(form: str, small: nn.Module, tmp_path: Path) -> None:
    saved_as(form, small, tmp_path / "weights.pth")
    with torch.device("meta"):
        network = build("cifar_resnet20", shortcut="B")
    assert same(load_weights(network, str(tmp_path / "weights.pth")), small)


def test_weights_of_other_classes_are_refused_with_what_to_do(small: nn.Module, tmp_path: Path) -> None:
    saved_as("torch", small, tmp_path / "weights.pth")
    network = build("cifar_resnet20", shortcut="B", classes=3)
    before = {name: values.clone() for name, values in network.state_dict().items()}
    with pytest.raises(
        ModelFileError,
        match=r"weights.pth does not fit cifar_resnet20: scores.weight has shape \(10, 64\), not \(3, 64\), scores.bias"
        r" has shape \(10,\), not \(3,\); build the network with classes=10",
    ):
        load_weights(network, tmp_path / "weights.pth")
    assert all(torch.equal(values, before[name]) for name, values in network.state_dict().items())


def test_a_file_of_another_network_is_refused_with_what_fits_not(small: nn.Module, tmp_path: Path) -> None:
    saved_as("torch", small, tmp_path / "weights.pth")
    # two blocks more in each of three stages, each of two convolutions and two times four tensors of normalization
    with pytest.raises(
        ModelFileError,
        match=r"does not fit cifar_resnet32: it lacks stage1.3.first.0.weight \(16, 16, 3, 3\), .* and 57 more",
    ):
        load_weights(build("cifar_resnet32", shortcut="B"), tmp_path / "weights.pth")
    with pytest.raises(
        ModelFileError,
        match=r"does not fit cifar_resnet20: it has, without a place, layer2.0.downsample.0.weight \(32, 16, 1, 1\)",
    ):
        load_weights(build("cifar_resnet20"), tmp_path / "weights.pth")


class Runs:
    """Would run code when unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (exec, ("raise SystemExit('code from a file was run')",))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"weights": torch.zeros(2), "more": Runs()}, "holds more than weights, which only running code from it"),
        ([1, 2], "holds list, not weights by name"),
        ({"epoch": 3}, "holds a dictionary of epoch, not weights by name"),
    ],
)
def test_what_is_not_weights_alone_is_refused(content: object, sentence: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(ModelFileError, match=sentence):
        load_weights(fresh(), tmp_path / "weights.pth")


@pytest.mark.parametrize("form", ["torch", "torch before 1.6", "safetensors", "percept"])
@pytest.mark.parametrize("kept", [0.3, 0.98])
def test_a_file_that_is_cut_off_is_refused(form: str, kept: float, small: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "weights"
    saved_as(form, small, path)
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(ModelFileError, match="is damaged|cut off"):
        load_weights(fresh(), path)


@pytest.mark.parametrize("content", [b"", b"GIF89a.....", b"{}"])
def test_a_file_of_another_kind_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(content)
    with pytest.raises(ModelFileError, match="holds no weights; give a PyTorch checkpoint"):
        load_weights(fresh(), tmp_path / "weights.pth")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="nothing.pth does not exist; give a PyTorch checkpoint"):
        load_weights(fresh(), "nothing.pth")
    with pytest.raises(ModelFileError, match="cannot be read"):
        load_weights(fresh(), tmp_path)


def hub(monkeypatch: pytest.MonkeyPatch, found: Path | OSError) -> list[tuple[str, str]]:
    """Put a hub in place of the real one and return what it will be asked for."""
    asked: list[tuple[str, str]] = []

    def download(repository: str, file: str) -> str:
        asked.append((repository, file))
        if isinstance(found, OSError):
            raise found
        return str(found)

    module = ModuleType("huggingface_hub")
    module.hf_hub_download = download  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    timm = ModuleType("timm")
    timm.get_pretrained_cfg = lambda name: type("Cfg", (), {"hf_hub_id": f"timm/{name}.usual"})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "timm", timm)
    return asked


@pytest.mark.parametrize("name", ["runs/nosuch", "some/where/else"])
def test_a_mistyped_path_is_told_at_once(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    monkeypatch.setattr("percept.models.weights_file.import_module", lambda module: pytest.fail("asked the hub"))
    with pytest.raises(ModelFileError, match=f"{name} does not exist"):
        load_weights(nn.Linear(1, 1), name)


@pytest.mark.parametrize(
    ("name", "repository"),
    [("owner/net", "owner/net"), ("net.a1_in1k", "timm/net.a1_in1k"), ("net", "timm/net.usual")],
)
def test_a_name_is_fetched_from_the_hub(
    name: str, repository: str, small: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved_as("safetensors", small, tmp_path / "model.safetensors")
    asked = hub(monkeypatch, tmp_path / "model.safetensors")
    assert same(load_weights(fresh(), name), small)
    assert asked == [(repository, "model.safetensors")]


def test_without_a_network_or_the_extra_a_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    hub(monkeypatch, ConnectionError("no route to host"))
    with pytest.raises(ModelFileError, match=r"net.a1 is no file here, and fetching it .* failed \(no route to host\)"):
        load_weights(fresh(), "net.a1")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ModelFileError, match="net.a1 is no file here, .* pip install 'percept.pretrained.'"):
        load_weights(fresh(), "net.a1")


def test_a_dense_layer_written_as_a_convolution_is_the_same_layer(tmp_path: Path) -> None:
    network = build("vgg11", classes=2, size=(64, 64))
    weights = network.state_dict()
    weights["hidden.0.weight"] = weights["hidden.0.weight"].reshape(4096, 512, 2, 2)
    torch.save(weights, tmp_path / "weights.pth")
    assert same(load_weights(build("vgg11", classes=2, size=(64, 64)), tmp_path / "weights.pth"), network)


def test_auxiliary_heads_are_left_out_where_the_network_has_none(tmp_path: Path) -> None:
    torch.save(build("googlenet", classes=2).state_dict(), tmp_path / "weights.pth")
    load_weights(build("googlenet", classes=2, auxiliary=False), tmp_path / "weights.pth")


@pytest.mark.parametrize(
    ("layout", "theirs", "ours"),
    [
        ("torchvision or timm, dense", "features.denseblock2.denselayer12.norm.1.bias", "stage2.11.first.0.bias"),
        ("torchvision, MobileNetV2", "features.7.conv.2.weight", "stage4.0.project.0.weight"),
        ("torchvision, EfficientNet", "features.3.1.block.2.fc2.bias", "stage3.1.squeeze.expand.bias"),
        ("torchvision or timm, VGG-16", "features.28.weight", "stage5.2.0.weight"),
        ("timm, MobileNetV2 or EfficientNet", "blocks.0.0.bn2.weight", "stage1.0.project.1.weight"),
        ("torchvision, GoogLeNet", "inception4c.branch3.1.bn.running_var", "stage4bcd.c.five.1.1.running_var"),
    ],
)
def test_names_are_translated_by_table(layout: str, theirs: str, ours: str) -> None:
    assert renamed(theirs, LAYOUTS[layout]) == ours


def cifar_test_pictures() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    sheet = np.asarray(Image.open(DATA / "cifar10" / "test_00.png"))  # 25 rows of 40 pictures of 32x32
    pictures = sheet.reshape(25, 32, 40, 32, 3).transpose(0, 2, 1, 3, 4).reshape(1000, 32, 32, 3)
    return pictures, np.fromfile(DATA / "cifar10" / "test_labels.u8", np.uint8)


def test_a_run_begins_with_a_checkpoint_and_its_head_alone_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("percept.workflow.finish.report", lambda *where, **what: None)
    torch.manual_seed(0)
    body = build("cifar_resnet20", classes=1000)
    torch.save({"state_dict": torchvision_names(body)}, tmp_path / "weights.pth")
    pictures = np.random.default_rng(0).integers(0, 256, (60, 24, 24, 3)).astype(np.uint8)
    run = percept.fit(
        *(pictures, np.arange(60) % 3),
        out=tmp_path / "run",
        model="cifar_resnet20",
        pretrained=tmp_path / "weights.pth",
        transfer="head",
        image_size=(24, 24),
        epochs=1,
        threads=1,
        device="cpu",
    )
    learned, before = load_model(run.path / "model.safetensors").network.state_dict(), body.state_dict()
    assert {name for name in before if not torch.equal(before[name], learned[name])} == {"scores.weight", "scores.bias"}
    assert learned["scores.weight"].shape == (3, 64)
    form = run.model.model.preprocessing
    assert isinstance(form, ImagePreprocessing)
    assert (form.mean, form.std) == IMAGENET


@pytest.mark.slow
@pytest.mark.skipif(not DATA.exists(), reason="the folder ../shared with CIFAR-10 and trained weights is not there")
def test_the_trained_residual_network_of_another_project_scores_what_it_is_known_to() -> None:
    network = load_weights(build("cifar_resnet20"), DATA / "weights" / "cifar10_resnet" / "resnet20-12fca82f.th").eval()
    pictures, labels = cifar_test_pictures()
    preprocessing = ImagePreprocessing(32, 32, 3, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    with torch.inference_mode():
        scores = torch.cat([network(preprocessing.tensor(part)) for part in np.split(pictures, 10)])
    assert float(np.mean(scores.argmax(dim=1).numpy() == labels)) == 0.915  # as ../shared/data/weights states
