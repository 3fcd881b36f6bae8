"""Heatmaps over pictures: their colors are fair to the eye, and say by themselves what they mean."""

import re

import numpy as np
import pytest

from percept.report.heatmap import COLORS, OPACITY, drawn_size, heat_card, heat_overlay, ramp


def test_even_steps_of_a_value_are_even_steps_of_lightness() -> None:
    color = pytest.importorskip("skimage.color", reason="scikit-image is not installed")
    lightness = color.rgb2lab(COLORS(np.linspace(0, 1, 33))[:, None, :3])[:, 0, 0]  # CIE L*, 0 to 100
    steps = np.diff(lightness)
    assert steps.min() > 0.8 * steps.mean() > 0 and steps.max() < 1.2 * steps.mean()
    assert lightness[-1] - lightness[0] > 60


def test_colors_are_blended_with_the_picture_in_grey() -> None:
    picture = np.full((10, 20, 3), (200, 200, 200), np.uint8)
    heat = np.zeros((100, 200))
    heat[:, 100:] = 1
    drawn = heat_overlay(picture, heat)
    assert drawn.shape == (100, 200, 3)
    for column, end in ((10, 0.0), (190, 1.0)):
        expected = (1 - OPACITY) * 200 + OPACITY * 255 * np.array(COLORS(end)[:3])
        np.testing.assert_allclose(drawn[50, column], expected, atol=0.5)


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_of_small_pictures_stay_squares(channels: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 1), np.uint8).repeat(channels, axis=2)
    drawn = heat_overlay(picture, np.full((64, 64), 0.3))
    squares = drawn.reshape(8, 8, 8, 8, 3)
    assert (squares == squares[:, :1, :, :1]).all()
    assert len(np.unique(squares[:, 0, :, 0, 0])) > 30


@pytest.mark.parametrize("words", ["what speaks for cat (97 %)", "what speaks for " + "a very long name " * 20])
def test_a_card_holds_the_picture_and_below_it_words_and_the_whole_ramp(words: str) -> None:
    picture, heat = np.full((256, 192, 1), 90, np.uint8), np.linspace(0, 1, 256)[:, None].repeat(192, axis=1)
    card = np.asarray(heat_card(picture, heat, words))
    assert card.shape[1] == 192 and 256 < card.shape[0] < 320
    np.testing.assert_array_equal(card[:256], heat_overlay(picture, heat))
    below = card[256:]
    for end in (0.0, 1.0):
        assert (below == np.rint(np.multiply(COLORS(end)[:3], 255))).all(axis=2).any()
    assert (below[:, -2:] == 255).all()  # nothing runs out of it


def test_the_style_sheets_gradient_runs_from_the_least_to_the_most() -> None:
    stops = re.findall("#([0-9a-f]{6})", ramp())
    ends = [tuple(bytes.fromhex(stop)) for stop in (stops[0], stops[-1])]
    expected = [tuple(round(255 * float(value)) for value in COLORS(end)[:3]) for end in (0.0, 1.0)]
    assert ends == expected


@pytest.mark.parametrize(
    ("given", "expected"), [((8, 8), (256, 256)), ((500, 250), (500, 250)), ((1, 4096), (1, 1024))]
)
def test_pictures_are_drawn_between_the_least_and_the_most(given: tuple[int, int], expected: tuple[int, int]) -> None:
    assert drawn_size(*given, 256, 1024) == expected
