"""Views are the picture turned, mirrored and cropped, and their mean is what a hand calculation gives."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn

from percept.data.preprocessing import ImagePreprocessing
from percept.errors import OptionError
from percept.evaluation.augmented import VIEWS, Augmented, augmented, cropped, gain_sentence, reduced, views_named
from percept.evaluation.metrics import metric_named

CPU = torch.device("cpu")
FORM = ImagePreprocessing(8, 8, 3, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))


def pictures(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, size=(count, 8, 8, 3)).astype(np.uint8)


def seen(network: nn.Module, names: str, count: int = 9) -> Augmented:
    return augmented(network, pictures(count), np.arange(count), FORM, views_named(names), device=CPU, batch_size=4)


class PixelByPixel(nn.Module):
    """The average over the picture of a function of each pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.each = nn.Sequential(nn.Conv2d(3, 5, 1), nn.Tanh(), nn.Conv2d(5, 4, 1))

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.each(images).mean((2, 3))
        return scores


@pytest.mark.parametrize("names", ["", "horizontal", "vertical", "rotations", "horizontal,vertical,rotations"])
def test_views_change_nothing_where_the_network_does_not_care_for_places(names: str) -> None:
    torch.manual_seed(0)
    found = seen(PixelByPixel(), names)
    np.testing.assert_allclose(found.probabilities, found.single, atol=1e-6)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1)


class LeftAgainstRight(nn.Module):
    """Two scores: the first pixel of the first row, and the last one."""

    def forward(self, images: Tensor) -> Tensor:
        return images[:, 0, 0, :: images.shape[3] - 1]


def test_the_mean_over_a_mirrored_pair_is_even_where_the_scores_change_places() -> None:
    found = seen(LeftAgainstRight(), "horizontal")
    np.testing.assert_array_equal(found.outputs[1], found.outputs[0][:, ::-1])
    np.testing.assert_allclose(found.probabilities, 0.5)  # softmax of (a, b) and of (b, a)


def test_the_mean_is_that_of_probabilities_and_not_of_scores() -> None:
    found = Augmented(np.array([[[0, 0]], [[np.log(3), 0]]], np.float32), (1.0, 3.0))
    np.testing.assert_allclose(found.probabilities, [[(1 / 2 + 3 / 4) / 2, (1 / 2 + 1 / 4) / 2]], rtol=1e-6)
    assert found.cost == 4


CORNERED = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 1, 2, 2)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("horizontal", [[[2, 1], [4, 3]]]),
        ("vertical", [[[3, 4], [1, 2]]]),
        ("rotations", [[[2, 4], [1, 3]], [[4, 3], [2, 1]], [[3, 1], [4, 2]]]),
    ],
)
def test_flips_and_quarter_turns_move_each_pixel_where_it_belongs(name: str, expected: list[list[list[int]]]) -> None:
    assert [view(CORNERED)[0, 0].tolist() for view in VIEWS[name]] == expected


def test_crops_show_the_four_corners_and_the_middle() -> None:
    picture = torch.zeros(1, 1, 16, 16)
    for row, column in ((0, 0), (0, 15), (15, 0), (15, 15)):
        picture[0, 0, row, column] = 1
    lit = [
        [bool(view(picture)[0, 0, row, column] > 0.1) for row in (0, -1) for column in (0, -1)]
        for view in VIEWS["crops"]
    ]
    assert [row.index(True) for row in lit[:4]] == [0, 1, 2, 3]
    assert [sum(row) for row in lit] == [1, 1, 1, 1, 0]


@settings(max_examples=25, deadline=None)
@given(height=st.integers(1, 20), width=st.integers(1, 20), level=st.floats(-3, 3))
def test_a_view_keeps_the_size_and_an_even_picture(height: int, width: int, level: float) -> None:
    picture = torch.full((2, 3, height, width), level)
    for name, views in VIEWS.items():
        for number, view in enumerate(views):
            turned = name == "rotations" and number % 2 == 0
            shape = (2, 3, width, height) if turned else (2, 3, height, width)
            torch.testing.assert_close(view(picture), torch.full(shape, level))


def test_a_crop_of_the_whole_and_a_reduction_by_nothing_are_the_picture() -> None:
    picture = torch.rand(2, 3, 7, 9)
    torch.testing.assert_close(cropped(picture, share=1, at=(0.5, 0.5)), picture)
    torch.testing.assert_close(reduced(picture, share=1), picture)


def test_a_reduced_picture_continues_its_border_outwards() -> None:
    picture = torch.arange(8.0).expand(1, 1, 8, 8)
    found = reduced(picture, share=0.5)[0, 0, 4]
    assert found[:2].tolist() == [found[2].item()] * 2
    assert found[6:].tolist() == [found[5].item()] * 2
    assert found[3:5].tolist() == pytest.approx([2.5, 4.5])  # each the mean of the pixels around it


def test_unknown_views_are_refused_and_named_ones_counted_once() -> None:
    with pytest.raises(OptionError, match="tta is 'flip'; expected horizontal, vertical, rotations, crops, scales"):
        views_named("flip")
    assert len(views_named("horizontal, horizontal,rotations")) == 5


def test_the_network_stays_in_its_mode() -> None:
    network = PixelByPixel().train()
    seen(network, "horizontal")
    assert network.training


def scores(right: NDArray[np.bool_], truth: NDArray[np.int64]) -> NDArray[np.float32]:
    answers = np.where(right, truth, 1 - truth)
    return np.eye(2, dtype=np.float32)[answers]


@pytest.mark.parametrize(
    ("before", "after", "ending"),
    [(0.5, 1.0, "they are better beyond chance."), (1.0, 0.5, "they are worse."), (0.5, 0.5, "that may be chance.")],
)
def test_the_sentence_says_what_views_bring_and_cost(before: float, after: float, ending: str) -> None:
    truth = np.tile([0, 1], 50)
    place = np.arange(100) / 100
    found = Augmented(np.stack([scores(place < before, truth), 3 * scores(place < after, truth)]), (1.0, 1.0))
    sentence = gain_sentence(found, truth, metric_named("accuracy", "classification"))
    assert sentence.startswith("2 views of each picture take 2.0 times as long as one: accuracy")
    assert f"accuracy {after:.3g} against {before:.3g} of the picture as it is" in sentence
    assert sentence.endswith(ending)
