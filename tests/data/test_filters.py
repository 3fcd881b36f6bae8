"""Filters are scipy's correlations, at every border, and their kernels what their names say."""

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from percept.data.filters import SOBEL_COLUMNS, Border, as_pixels, blur, correlate, edges, gaussian, sharpen
from percept.errors import OptionError

SCIPY: dict[Border, Literal["mirror", "reflect", "nearest", "constant", "wrap"]] = {
    "reflect": "mirror",
    "symmetric": "reflect",
    "edge": "nearest",
    "zero": "constant",
    "wrap": "wrap",
}


@settings(max_examples=60, deadline=None)
@given(
    border=st.sampled_from(sorted(SCIPY)),
    sides=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    kernel=st.tuples(st.sampled_from([1, 3, 5]), st.sampled_from([1, 3, 5])),
    seed=st.integers(0, 99),
)
def test_a_correlation_is_scipys_at_every_border(border, sides, kernel, seed) -> None:  # type: ignore[no-untyped-def]
    random = np.random.default_rng(seed)
    image, weights = random.normal(size=sides), random.normal(size=kernel)
    expected = ndimage.correlate(image, weights, mode=SCIPY[border])
    np.testing.assert_allclose(correlate(image, weights, border=border), expected, atol=1e-5)


def test_channels_and_samples_are_filtered_each_by_itself() -> None:
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (3, 7, 6, 2), dtype=np.uint8)
    weights = random.normal(size=(3, 5))
    found = correlate(pictures, weights)
    for sample in range(3):
        for channel in range(2):
            expected = ndimage.correlate(pictures[sample, ..., channel].astype(float), weights, mode="mirror")
            np.testing.assert_allclose(found[sample, ..., channel], expected, rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(correlate(pictures[0], weights), found[0])


def test_a_kernel_with_channels_sums_over_them() -> None:
    random = np.random.default_rng(1)
    picture, weights = random.normal(size=(6, 8, 3)), random.normal(size=(3, 3, 3))
    expected = ndimage.correlate(picture, weights, mode="constant")[:, :, 1]  # the middle channel sees all three
    np.testing.assert_allclose(correlate(picture, weights, border="zero")[..., 0], expected, atol=1e-5)


def test_no_border_leaves_the_pixels_whose_neighborhood_lies_inside() -> None:
    random = np.random.default_rng(2)
    image, weights = random.normal(size=(7, 9)), random.normal(size=(3, 5))
    expected = ndimage.correlate(image, weights)[1:-1, 2:-2]
    np.testing.assert_allclose(correlate(image, weights, border="none"), expected, atol=1e-5)


def test_the_named_filters_are_scipys() -> None:
    image = np.random.default_rng(3).uniform(0, 255, (20, 24))
    np.testing.assert_allclose(blur(image, 5), ndimage.uniform_filter(image, 5, mode="mirror"), rtol=1e-4)
    np.testing.assert_allclose(gaussian(image, 1.3), ndimage.gaussian_filter(image, 1.3, mode="mirror"), rtol=1e-4)
    slopes = [ndimage.sobel(image, axis, mode="mirror") / 8 for axis in (0, 1)]
    np.testing.assert_allclose(edges(image), np.hypot(*slopes), rtol=1e-3, atol=1e-3)
    mean = ndimage.uniform_filter(image, 3, mode="mirror")
    np.testing.assert_allclose(sharpen(image, 0.7), image + 0.7 * (image - mean), rtol=1e-4, atol=1e-3)


def test_a_ramp_of_slope_two_has_edges_of_two() -> None:
    ramp = np.tile(2.0 * np.arange(8), (5, 1))
    np.testing.assert_allclose(edges(ramp)[:, 1:-1], 2)
    np.testing.assert_allclose(correlate(ramp, SOBEL_COLUMNS, border="none"), 2)  # not turned around: it is positive


def test_pixels_are_rounded_and_clipped() -> None:
    assert as_pixels(np.array([[-0.6, 0.4, 254.6, 400]], np.float32)).tolist() == [[0, 0, 255, 255]]


@pytest.mark.parametrize(
    ("shape", "kernel", "border", "words"),
    [
        ((5, 5), np.ones((2, 3)), "edge", "the kernel has shape \\(2, 3\\); expected odd"),
        ((5, 5), np.ones(3), "edge", "the kernel has shape \\(3,\\)"),
        ((5, 5, 3), np.ones((3, 3, 2)), "edge", "the kernel has 2 channels, the image 3"),
        ((5,), np.ones((3, 3)), "edge", "the image has shape \\(5,\\)"),
        ((5, 2), np.ones((3, 3)), "none", "the image is 2 x 5 pixels, smaller than the kernel of 3 x 3"),
        ((5, 5), np.ones((3, 3)), "mirror", "border is 'mirror'; expected one of reflect, symmetric"),
    ],
)
def test_what_cannot_be_filtered_is_refused_with_a_reason(shape, kernel, border, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(OptionError, match=words):
        correlate(np.zeros(shape), kernel, border=border)


@pytest.mark.parametrize("sigma", [0, -1, float("nan"), float("inf")])
def test_a_gaussian_needs_a_width(sigma: float) -> None:
    with pytest.raises(OptionError, match="sigma is"):
        gaussian(np.zeros((5, 5)), sigma)
