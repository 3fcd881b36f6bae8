"""Where a network is cut behind its last map, and that the places of this map lie where gradients say."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from percept.errors import OptionError
from percept.evaluation.last_map import find_last_map
from percept.models import build

# The last map of each network by its paper: the last convolution's, with the activation behind it, before poolings.
MAPS = [
    ("lenet", (1, 28, 28), {}, (16, 10, 10)),  # not the 5 x 5 of the pooling
    ("small_resnet", (1, 28, 28), {}, (128, 4, 4)),
    ("nin", (3, 32, 32), {}, (10, 8, 8)),
    ("vgg11", (3, 64, 64), {"size": (64, 64)}, (512, 4, 4)),  # conv5_2 of 4 x 4, not the 2 x 2 of the pooling
    ("googlenet", (3, 64, 64), {}, (1024, 2, 2)),
    ("efficientnet_b0", (3, 64, 64), {}, (1280, 2, 2)),
]


@pytest.mark.parametrize(("name", "shape", "arguments", "expected"), MAPS, ids=[each[0] for each in MAPS])
def test_the_network_is_cut_at_the_map_of_its_last_convolution(
    name: str, shape: tuple[int, int, int], arguments: dict[str, object], expected: tuple[int, int, int]
) -> None:
    network = build(name, classes=10, channels=shape[0], **arguments).eval()
    inputs = torch.rand(2, *shape)
    found = find_last_map(network, inputs[:1])
    with torch.no_grad():
        features = found.body(inputs)
        assert tuple(features.shape) == (2, *expected)
        torch.testing.assert_close(found.head(features), network(inputs))
    assert features.min() >= 0 or name == "efficientnet_b0"  # behind the activation; SiLU dips below 0


def test_the_centers_are_those_of_the_pixels_that_gradients_reach() -> None:
    body = nn.Conv2d(1, 3, 5, stride=2, padding=1), nn.Conv2d(3, 4, 3), nn.MaxPool2d(2, 1), nn.Conv2d(4, 5, 3, stride=2)
    network = nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 2)).double().eval()
    for layer in network:  # so that no gradient is 0 but those of pixels that are not seen, whichever the maximum is
        if isinstance(layer, nn.Conv2d):
            nn.init.constant_(layer.weight, 0.1)
    picture = torch.rand(1, 1, 41, 53, dtype=torch.float64)
    found = find_last_map(network, picture)
    reached = np.zeros((41, 53), bool)
    for _ in range(40):  # of other pictures, in which other values are the largest
        picture = torch.rand(1, 1, 41, 53, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(found.body(picture)[0, 0, 3, 4], picture)
        reached |= gradient[0, 0].numpy() != 0
    rows, columns = np.flatnonzero(reached.any(axis=1)), np.flatnonzero(reached.any(axis=0))
    assert found.centers[0][3] == (rows[0] + rows[-1]) / 2
    assert found.centers[1][4] == (columns[0] + columns[-1]) / 2


def test_where_the_field_is_not_known_the_places_are_spread_evenly() -> None:
    class Turned(nn.Module):
        def forward(self, features: Tensor) -> Tensor:
            return torch.roll(features, 1, dims=2)

    layers = nn.Conv2d(1, 3, 4, stride=4), Turned(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)
    found = find_last_map(nn.Sequential(*layers), torch.rand(1, 1, 16, 8))
    assert found.centers[0].tolist() == [1.5, 5.5, 9.5, 13.5] and found.centers[1].tolist() == [1.5, 5.5]


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_a_network_that_makes_no_map_is_refused(name: str) -> None:
    network = build(name, classes=2, inputs=64) if name == "linear" else build(name, classes=2, inputs=64, hidden=(4,))
    with pytest.raises(OptionError, match="no map of the picture.*expected a network with convolutions"):
        find_last_map(nn.Sequential(nn.Flatten(), network), torch.rand(1, 1, 8, 8))


def test_a_network_that_cannot_be_followed_is_refused() -> None:
    class Choosing(nn.Module):
        def forward(self, pictures: Tensor) -> Tensor:
            return pictures.mean(dim=(2, 3)) if pictures.sum() > 0 else pictures.amax(dim=(2, 3))

    with pytest.raises(OptionError, match="Choosing cannot be followed"):
        find_last_map(Choosing(), torch.rand(1, 3, 8, 8))


def test_the_network_is_left_as_it_was() -> None:
    network = build("small_resnet", classes=2, channels=1).train()
    next(network.children()).eval()
    modes = [module.training for module in network.modules()]
    find_last_map(network, torch.rand(1, 1, 28, 28))
    assert [module.training for module in network.modules()] == modes
