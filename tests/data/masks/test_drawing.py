import io

import numpy as np
import pytest
from PIL import Image

from percept.data.masks.drawing import overlay, palette_png
from percept.data.objects import IGNORE
from percept.errors import OptionError

COLORS = [(0, 0, 0), (200, 0, 0), (0, 100, 50)]


def test_a_palette_png_holds_the_class_numbers_and_shows_their_colors() -> None:
    classes = np.random.default_rng(0).choice(np.array([0, 1, 2, IGNORE], np.uint8), (9, 14))
    image = Image.open(io.BytesIO(palette_png(classes, COLORS)))
    assert (image.format, image.mode) == ("PNG", "P")
    np.testing.assert_array_equal(np.asarray(image), classes)
    shown = np.asarray(image.convert("RGB"))
    for number, color in [*enumerate(COLORS), (IGNORE, (255, 255, 255))]:
        assert (shown[classes == number] == color).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_an_overlay_mixes_inside_and_draws_outlines_in_full(channels: int) -> None:
    picture = np.full((7, 7, channels), 100, np.uint8)
    classes = np.zeros((7, 7), np.uint8)
    classes[1:6, 1:6] = 1
    shown = overlay(picture, classes, COLORS, opacity=0.5)
    assert shown[3, 3].tolist() == [150, 50, 50]
    assert shown[1, 3].tolist() == [200, 0, 0]
    assert shown[0, 3].tolist() == [100, 100, 100]


def test_a_class_without_color_is_refused() -> None:
    with pytest.raises(OptionError, match="3 colors are given for classes up to 3"):
        palette_png(np.array([[3]], np.uint8), COLORS)
    with pytest.raises(OptionError, match="opacity is 2"):
        overlay(np.zeros((1, 1, 1), np.uint8), np.zeros((1, 1), np.uint8), COLORS, opacity=2)
