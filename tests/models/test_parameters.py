"""Parameter counts: those of the papers' tables, as torchvision, timm and the authors' code have them."""

import pytest
from torch import nn

from percept.models import build
from percept.nn.geometry.trace import undrawn

THOUSAND = {
    "alexnet": 61_100_840,
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "googlenet": 13_385_816,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "wide_resnet50_2": 68_883_240,
    "resnext50_32x4d": 25_028_904,
    "densenet121": 7_978_856,
    "densenet169": 14_149_480,
    "densenet201": 20_013_928,
    "mobilenet": 4_231_976,
    "mobilenet_v2": 3_504_872,
    "efficientnet_b0": 5_288_548,
    "efficientnet_b1": 7_794_184,
    "efficientnet_b2": 9_109_994,
    "efficientnet_b3": 12_233_232,
    "efficientnet_b4": 19_341_616,
    "efficientnet_b5": 30_389_784,
    "efficientnet_b6": 43_040_704,
    "efficientnet_b7": 66_347_960,
}
TEN = {
    "cifar_resnet20": 269_722,
    "cifar_resnet32": 464_154,
    "cifar_resnet44": 658_586,
    "cifar_resnet56": 853_018,
    "cifar_resnet110": 1_727_962,
    "cifar_resnet1202": 19_421_274,
    "wrn28_10": 36_479_194,
    "densenet_bc_100_12": 769_162,
}
VARIANTS: list[tuple[str, dict[str, object], int]] = [
    ("googlenet", {"auxiliary": False}, 7_005_832),
    ("googlenet", {"largest": 3}, 13_004_888),
    ("googlenet", {"largest": 3, "auxiliary": False}, 6_624_904),
    ("vgg16", {"batch_norm": True}, 138_365_992),
    ("mobilenet", {"width": 0.5}, 1_331_592),  # the paper: 1.3 million
    ("mobilenet", {"width": 0.25}, 470_072),  # 0.5 million
]


def parameters(network: nn.Module) -> int:
    return sum(weights.numel() for weights in network.parameters())


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        *((name, {"classes": 1000, "channels": 3}, count) for name, count in THOUSAND.items()),
        *((name, {"classes": 10, "channels": 3}, count) for name, count in TEN.items()),
        *(pytest.param(*case, id=f"{case[0]}-{case[1]}") for case in VARIANTS),
    ],
)
def test_a_network_has_as_many_parameters_as_its_paper_gives_it(
    name: str, arguments: dict[str, object], expected: int
) -> None:
    with undrawn():
        network = build(name, **arguments)
        by_default = build(name, **({} if "channels" in arguments else arguments))
    assert parameters(network) == parameters(by_default) == expected


def test_network_in_network_has_the_parameters_of_the_notes_formula() -> None:
    # (rows x columns x channels in) x filters + filters, of each convolution of the paper's table
    table = [(5, 3, 192), (1, 192, 160), (1, 160, 96), (5, 96, 192), (1, 192, 192), (1, 192, 192)]
    table += [(3, 192, 192), (1, 192, 192), (1, 192, 10)]
    expected = sum(side * side * inputs * filters + filters for side, inputs, filters in table)
    assert parameters(build("nin", classes=10)) == expected == 966_986


@pytest.mark.parametrize("depth", [20, 110])
def test_projecting_shortcuts_cost_the_weights_of_two_small_convolutions(depth: int) -> None:
    # 16 -> 32 and 32 -> 64 channels, and scale and shift of 32 + 64 channels
    name = f"cifar_resnet{depth}"
    assert parameters(build(name, shortcut="B")) - TEN[name] == 16 * 32 + 32 * 64 + 2 * (32 + 64)
