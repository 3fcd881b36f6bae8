import copy
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from percept.errors import DataError, OptionError
from percept.models import build
from percept.models.pictures import sides_alike


@pytest.mark.parametrize(
    ("name", "arguments", "shape", "sentence"),
    [
        ("resnet18", {}, (1, 1, 64, 64), "resnet18 takes pictures of 3 channels; got 1: build it with channels=1"),
        ("nin", {"channels": 1}, (1, 3, 32, 32), "nin takes pictures of 1 channel; got 3: build it with channels=3"),
        (
            *("resnet18", {}, (3, 64, 64)),
            r"resnet18 takes pictures of shape \(samples, 3, height, width\); got \(3, 64, 64\)",
        ),
        (
            *("densenet121", {}, (1, 3, 28, 40)),
            "densenet121 takes heights of at least 29 and widths of at least 29; got 28x40: the nearest .* is 29x40",
        ),
        (
            *("vgg11", {}, (1, 3, 200, 300)),
            "vgg11 takes heights from 224 to 255 and widths from 224 to 255; got 200x300: the nearest .* is 224x255",
        ),
        ("alexnet", {"size": (64, 96)}, (1, 3, 62, 96), "takes heights from 63 to 94 .* the nearest .* 63x96"),
        ("lenet", {"classes": 2}, (1, 1, 32, 28), "lenet takes heights from 28 to 31 .* works is 31x28"),
    ],
)
def test_a_picture_of_another_shape_is_refused_with_the_nearest_that_works(
    name: str, arguments: dict[str, object], shape: tuple[int, ...], sentence: str
) -> None:
    with torch.device("meta"):
        network = build(name, **arguments)
        with pytest.raises(DataError, match=sentence):
            network(torch.zeros(shape))


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("vgg11", {"size": (31, 64)}, r"vgg11: size is \[31, 64\]; .* at least 32: the nearest .* is 32x64"),
        ("alexnet", {"size": [64]}, r"alexnet: size is \[64\]; expected a height and a width of at least 63"),
        ("cifar_resnet20", {"shortcut": "C"}, "cifar_resnet20: shortcut is 'C'; expected A or B"),
        ("googlenet", {"largest": 4}, "googlenet: largest is 4; expected 3 or 5"),
        ("mobilenet", {"width": 0}, "mobilenet: width is 0; expected a number above 0"),
        ("efficientnet_b0", {"dropped": 1}, "efficientnet_b0: dropped is 1; expected a number from 0"),
        ("resnet18", {"classes": 0}, "resnet18: classes is 0; expected a whole number"),
        ("resnet18", {"depth": 50}, "resnet18 has no argument 'depth'; expected classes, channels"),
    ],
)
def test_an_argument_out_of_range_is_refused(name: str, arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        build(name, **arguments)


@pytest.mark.parametrize(("size", "fits"), [((224, 224), (255, 224)), ((64, 64), (64, 95)), ((32, 70), (63, 64))])
def test_sizes_that_give_the_same_last_map_are_taken(size: tuple[int, int], fits: tuple[int, int]) -> None:
    with torch.device("meta"):
        assert build("vgg11", classes=2, size=size)(torch.zeros(1, 3, *fits)).shape == (1, 2)


@given(side=st.integers(1, 400), step=st.integers(1, 40))
def test_the_range_of_alike_sides_is_whole(side: int, step: int) -> None:
    smallest, largest = sides_alike(side, lambda side: side // step)
    assert (smallest, largest) == (max(side // step * step, 1), side // step * step + step - 1)


def test_copies_check_as_well() -> None:
    network = build("cifar_resnet20")
    for each in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        with pytest.raises(DataError, match="cifar_resnet20 takes pictures of 3 channels; got 2"):
            each(torch.zeros(1, 2, 8, 8))


def test_a_traced_network_inside_another_is_the_same_network() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(build("cifar_resnet20"), nn.Softmax(dim=1)).eval()
    pictures = torch.randn(2, 3, 9, 11)
    torch.testing.assert_close(torch.fx.symbolic_trace(network)(pictures), network(pictures))
