import numpy as np
import pytest

from percept.data.channel_statistics import channel_statistics


def test_they_are_numpys_over_all_pixels_of_pictures_of_any_sizes() -> None:
    draw = np.random.default_rng(0)
    pictures = [draw.integers(0, 256, (*size, 3), dtype=np.uint8) for size in ((4, 5), (7, 2))]
    mean, std = channel_statistics(pictures)
    pixels = np.concatenate([each.reshape(-1, 3) for each in pictures]) / 255
    assert mean == pytest.approx(pixels.mean(axis=0).tolist())
    assert std == pytest.approx(pixels.std(axis=0).tolist())


def test_a_channel_that_does_not_vary_is_divided_by_one() -> None:
    mean, std = channel_statistics([np.full((2, 2, 1), 51, np.uint8)])
    assert mean == pytest.approx((0.2,)) and std == (1.0,)
