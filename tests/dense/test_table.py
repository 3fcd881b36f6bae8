"""Every architecture by name: it answers as the classifier does on each patch, or is refused with its reason."""

import os
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from percept.dense import densify
from percept.dense.table import INTRODUCTION, entry, page
from percept.errors import OptionError
from percept.models import MODELS, arguments_for, build, names

PAGE = Path(__file__).parents[2] / "docs" / "dense-table.md"
REFUSED = tuple(name for name in names() if name.startswith("efficientnet"))
UNRUN = ("cifar_resnet1202",)  # 1202 layers for each patch: minutes
FAST = ("linear", "mlp", "lenet", "small_resnet", "nin", "cifar_resnet20")
SMALLEST = {"alexnet": 63, "lenet": 28, "vgg11": 32, "vgg13": 32, "vgg16": 32, "vgg19": 32}
"""Sides of patches, pixels; 17 for the others, which is small for their strides: the more padding to get right."""


def marked(name: str) -> object:
    return pytest.param(name, marks=() if name in FAST else pytest.mark.slow)


def trained(network: nn.Module) -> nn.Module:
    """Give the normalizations averages that are not 0 and 1."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d) and layer.running_mean is not None and layer.running_var is not None:
            nn.init.normal_(layer.running_mean, std=0.1)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
    return network.eval()


@pytest.mark.parametrize("name", [marked(name) for name in names() if name not in REFUSED + UNRUN])
def test_an_architecture_answers_as_the_classifier_on_each_patch(name: str) -> None:
    torch.manual_seed(0)
    channels, side = (1 if name == "lenet" else 3), max(SMALLEST.get(name, 17), MODELS[name].smallest_side)
    network = trained(build(name, **arguments_for(name, outputs=3, shape=(channels, side, side))))
    kind = torch.float32 if name.startswith("vgg") else torch.float64  # those have 10^8 weights
    network = network.to(kind)
    picture = torch.randn(1, channels, side + 2, side + 3, dtype=kind)
    with torch.inference_mode():
        answers: Tensor = densify(network, side, semantics="patch", channels=channels)(picture)
        cut = picture.unfold(2, side, 1).unfold(3, side, 1)[0].permute(1, 2, 0, 3, 4)
        expected = network(cut.reshape(-1, channels, side, side)).reshape(3, 4, 3).permute(2, 0, 1)
    scale = expected.abs().max()
    assert float((answers[0] - expected).abs().max() / scale) < (1e-4 if kind == torch.float32 else 1e-10)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in REFUSED])
def test_networks_with_gates_are_refused_by_layer_and_reason(name: str) -> None:
    row = entry(name)
    assert row.plan is None
    assert "layer stage1.0.squeeze mul" in row.reason and "squeeze-excite" in row.reason


def test_a_refusal_is_an_error_of_densify() -> None:
    network = build("efficientnet_b0", classes=2)
    with pytest.raises(OptionError, match=r"stage1.0.squeeze mul.*squeeze-excite"):
        densify(network, 32, semantics="patch")


def test_the_page_begins_and_holds_rows_as_the_code_writes_them() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.startswith(INTRODUCTION.format(side=224, classes=10, beside=24))
    rows = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == list(names())
    for name in (*FAST, "efficientnet_b0"):
        assert entry(name).line() in rows


@pytest.mark.slow
def test_the_page_is_what_the_code_writes() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        f"write it anew: python -m percept.dense.table > {os.path.relpath(PAGE)}"
    )
