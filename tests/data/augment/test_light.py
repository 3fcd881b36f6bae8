"""Values change as Pillow, colorsys, SciPy and closed forms say."""

import colorsys

import numpy as np
import pytest
import scipy.ndimage
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from percept.data.augment.covering import erased, overlaid
from percept.data.augment.draws import generator_of
from percept.data.augment.layer import augment
from percept.data.augment.light import blurred, draw_light, recolored
from percept.data.augment.recipe import Augmentation

ONE = torch.ones(1, dtype=torch.float64)
ENHANCERS = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.3])
def test_brightness_contrast_and_saturation_are_pillows(place: int, factor: float) -> None:
    pixels = np.random.default_rng(place).integers(0, 256, (12, 9, 3)).astype(np.uint8)
    factors = [ONE, ONE, ONE]
    factors[place] = ONE * factor
    picture = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
    ours = recolored(picture, *factors).clamp(0, 1)[0].permute(1, 2, 0).numpy() * 255
    theirs = np.asarray(ENHANCERS[place](Image.fromarray(pixels)).enhance(factor))
    assert np.abs(ours - theirs).max() <= 1.5  # Pillow rounds to whole values, and its mean grey too


def test_all_three_at_once_are_one_after_the_other() -> None:
    picture = torch.rand(4, 3, 6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    factors = [torch.rand(4, dtype=torch.float64, generator=torch.Generator().manual_seed(s)) + 0.5 for s in (1, 2, 3)]
    ones = torch.ones(4, dtype=torch.float64)
    step = recolored(picture, factors[0], ones, ones)
    step = recolored(step, ones, factors[1], ones)
    step = recolored(step, ones, ones, factors[2])
    assert torch.allclose(recolored(picture, *factors), step, atol=1e-12)


@settings(deadline=None)
@given(color=st.tuples(*[st.floats(0.05, 0.95)] * 3), factor=st.floats(0.3, 1.0))
def test_saturation_keeps_hue_and_luma(color: tuple[float, float, float], factor: float) -> None:
    changed = recolored(torch.tensor(color).double().view(1, 3, 1, 1), ONE, ONE, ONE * factor).flatten().tolist()
    assert colorsys.rgb_to_yiq(*changed)[0] == pytest.approx(colorsys.rgb_to_yiq(*color)[0], abs=0.01)
    before, after = colorsys.rgb_to_hsv(*color), colorsys.rgb_to_hsv(*changed)
    if before[1] > 0.02:
        assert min(abs(before[0] - after[0]), 1 - abs(before[0] - after[0])) < 1e-5
        assert after[1] <= before[1] + 1e-6  # the factor is float32


def test_grey_pictures_have_no_saturation_to_change() -> None:
    picture = torch.rand(2, 1, 5, 5)
    assert torch.equal(recolored(picture, torch.ones(2), torch.ones(2), torch.tensor([0.0, 2.0])), picture)


@pytest.mark.parametrize(("height", "width"), [(17, 23), (3, 5), (1, 1)])
def test_a_blurred_picture_is_scipys(height: int, width: int) -> None:
    pictures = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))
    ours = blurred(pictures, torch.tensor([0.7, 1.9], dtype=torch.float64), 6)
    for picture, deviation, result in zip(pictures.numpy(), (0.7, 1.9), ours.numpy(), strict=True):
        if min(height, width) > 6:
            expected = scipy.ndimage.gaussian_filter(picture, (0, deviation, deviation), mode="mirror", radius=6)
            assert np.abs(expected - result).max() < 1e-5
        assert result.mean() == pytest.approx(picture.mean(), abs=0.1)


def test_noise_has_the_deviation_drawn_and_falls_on_half_of_the_pictures() -> None:
    recipe, grey = Augmentation(noise=0.1), torch.full((400, 1, 16, 16), 0.5)
    light = draw_light(recipe, 400, generator_of(0))
    changed = augment(grey, recipe, generator_of(0)).pictures
    noisy = light.noise > 0
    assert 150 < noisy.sum() < 250
    assert torch.equal(changed[~noisy], grey[~noisy])
    measured = (changed[noisy] - 0.5).flatten(1).std(1).double() / light.noise[noisy]
    assert (measured - 1).abs().max() < 0.25  # 256 samples: standard error 0.044
    assert abs(float(measured.mean()) - 1) < 0.02


def test_values_stay_between_black_and_white() -> None:
    recipe = Augmentation(brightness=1, contrast=1, saturation=1, noise=0.5, blur=2, overlay=0.4, erase=0.3)
    pictures = torch.randint(0, 256, (30, 3, 12, 12), dtype=torch.uint8)
    changed = augment(pictures, recipe, generator_of(0)).pictures
    assert changed.min() >= 0 and changed.max() <= 1 and changed.dtype == torch.float32


def test_an_overlay_is_a_blend_with_another_picture_of_the_batch() -> None:
    pictures = torch.eye(40).view(40, 40, 1, 1).expand(40, 40, 2, 2)  # each picture has a channel of its own
    blend = overlaid(pictures, 0.3, generator_of(0))[..., 0, 0]
    assert torch.allclose(blend.sum(1), torch.ones(40))
    own = blend.diagonal()
    assert own.min() >= 0.7 and 10 < (own < 1).sum() < 30
    assert ((blend > 0).sum(1) <= 2).all()


def test_a_patch_is_a_rectangle_of_the_mean_and_no_larger_than_asked() -> None:
    pictures = torch.rand(200, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    result = erased(pictures, 0.25, generator_of(0))
    mean = pictures.mean((2, 3), keepdim=True)
    hidden = (result != pictures).any(1)
    assert torch.allclose(
        result[hidden[:, None].expand_as(result)], mean.expand_as(result)[hidden[:, None].expand_as(result)]
    )
    rows, columns = hidden.any(2).sum(1), hidden.any(1).sum(1)
    assert torch.equal(rows * columns, hidden.sum((1, 2)))  # nothing but a rectangle
    assert hidden.float().mean((1, 2)).max() <= 0.25
    assert 70 < (rows > 0).sum() < 130
