"""With the weights of torchvision's or timm's network of the same name, percept's gives the same scores.

Both libraries are no dependency of percept. torchvision's compiled part does not load beside every build of torch;
`run_torchvision_models.py` shows how to compare all the same.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from percept.models import build, load_weights

pytestmark = pytest.mark.slow

# Name in percept; name in the library; arguments there; arguments in percept; side of the pictures.
Case = tuple[str, str, Mapping[str, object], Mapping[str, object], int]

AUXILIARY = {"aux_logits": True, "init_weights": False}
VGG = ("vgg11", "vgg13", "vgg16", "vgg19")
RESIDUAL = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2", "resnext50_32x4d")
DENSE = ("densenet121", "densenet169", "densenet201")

TORCHVISION: list[Case] = [
    ("alexnet", "alexnet", {}, {}, 224),
    *((name, name, {}, {}, 224) for name in VGG),
    *((name, f"{name}_bn", {}, {"batch_norm": True}, 224) for name in VGG),
    ("googlenet", "googlenet", AUXILIARY, {"largest": 3}, 97),
    ("googlenet", "googlenet", AUXILIARY, {"largest": 3, "auxiliary": False}, 224),
    *((name, name, {}, {}, 97) for name in (*RESIDUAL, *DENSE, "mobilenet_v2")),
    *((f"efficientnet_b{number}", f"efficientnet_b{number}", {}, {}, 97) for number in range(8)),
]
TIMM: list[Case] = [
    ("mobilenet", "mobilenetv1_100", {}, {}, 97),
    ("mobilenet_v2", "mobilenetv2_100", {}, {}, 97),
    *((f"efficientnet_b{number}", f"efficientnet_b{number}", {}, {}, 97) for number in range(5)),
    ("efficientnet_b5", "efficientnet_b5", {}, {"epsilon": 1e-5}, 97),
    ("vgg16", "vgg16", {}, {}, 224),
    ("vgg11", "vgg11_bn", {}, {"batch_norm": True}, 224),
    *((name, name, {}, {}, 97) for name in ("resnet18", "resnet50", "wide_resnet50_2", "resnext50_32x4d")),
    ("densenet121", "densenet121", {}, {}, 97),
]


def library(name: str) -> ModuleType:
    """Return a library, or skip the test with the reason why it does not load."""
    try:
        return import_module(name)
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"{name} does not load: {error}")


def stirred(network: nn.Module) -> nn.Module:
    """Return a network with all that normalization learns away from where it starts."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert layer.running_mean is not None and layer.running_var is not None
            nn.init.normal_(layer.running_mean, 0, 0.1)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0, 0.1)
    return network.eval()


def relative_difference(ours: Tensor, theirs: Tensor) -> float:
    """Return the largest difference of two scores by the largest score."""
    return float((ours - theirs).abs().max() / theirs.abs().max())


def compare(case: Case, theirs: nn.Module, file: Path, record_property: Any) -> None:
    """Load a network's saved weights into percept's and hold the scores against each other."""
    name, foreign, _, arguments, side = case
    with torch.device("meta"):
        ours = build(name, classes=1000, channels=3, **arguments)
    load_weights(ours, file)
    pictures = torch.randn(2, 3, side, side + (side != 224))
    with torch.inference_mode():
        difference = relative_difference(ours.eval()(pictures), theirs(pictures))
    record_property("comparison", (name, foreign, side, difference))
    assert difference < 1e-5


@pytest.mark.parametrize("case", TORCHVISION, ids=lambda case: f"{case[1]}-{case[4]}")
def test_scores_equal_those_of_torchvision(case: Case, tmp_path: Path, record_property: Any) -> None:
    torch.manual_seed(0)
    theirs = stirred(getattr(library("torchvision").models, case[1])(weights=None, **case[2]))
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    compare(case, theirs, tmp_path / "weights.pth", record_property)


@pytest.mark.parametrize("case", TIMM, ids=lambda case: case[1])
def test_scores_equal_those_of_timm(case: Case, tmp_path: Path, record_property: Any) -> None:
    library("torchvision")  # which timm needs
    torch.manual_seed(0)
    theirs = stirred(library("timm").create_model(case[1], pretrained=False, **case[2]))
    safetensors.torch.save_file(theirs.state_dict(), tmp_path / "weights")
    compare(case, theirs, tmp_path / "weights", record_property)
