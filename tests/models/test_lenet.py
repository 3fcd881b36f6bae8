import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from percept.errors import OptionError
from percept.models.lenet import lenet


def test_each_layer_has_the_weights_of_the_paper_with_full_connections() -> None:
    counts = [sum(w.numel() for w in layer.parameters()) for layer in lenet(classes=10).children()]
    # Section II.B gives C1 156, C5 48,120 and F6 10,164; C3 sees all six maps here (60 of 96 pairs in the paper).
    assert [count for count in counts if count] == [156, 16 * (6 * 25 + 1), 48_120, 10_164, 10 * (84 + 1)]


def test_maps_have_the_sides_of_the_paper() -> None:
    features, sides = torch.zeros(1, 1, 28, 28), []
    for layer in lenet(classes=10).children():
        features = layer(features)
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            sides.append(features.shape[2])
    assert sides == [28, 14, 10, 5]


@settings(deadline=None, max_examples=20)
@given(height=st.integers(12, 40), width=st.integers(12, 40), channels=st.sampled_from([1, 3]))
def test_any_size_from_twelve_on_works(height: int, width: int, channels: int) -> None:
    network = lenet(classes=3, channels=channels, size=[height, width])
    assert network(torch.zeros(2, channels, height, width)).shape == (2, 3)


@pytest.mark.parametrize("size", [(11, 28), (28, 11), (28,), (28, 28, 1)])
def test_a_size_without_a_pixel_left_is_refused(size: tuple[int, ...]) -> None:
    with pytest.raises(OptionError, match="expected a height and a width of at least 12"):
        lenet(classes=10, size=size)


def test_the_activation_of_the_paper_can_be_chosen() -> None:
    assert sum(isinstance(layer, nn.Tanh) for layer in lenet(classes=10, activation="tanh").children()) == 4
