"""The hand-made features are scikit-image's and numpy's."""

import numpy as np
import pytest

from percept.evaluation.picture_features import color_shares, intensity_shares, oriented_gradients, picture_features

SHAPES = [(28, 28, 1), (32, 32, 3), (37, 21, 3), (16, 50, 1)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", [(4, 4), (8, 5)])
def test_oriented_gradients_are_scikit_images(shape: tuple[int, int, int], cell: tuple[int, int]) -> None:
    feature = pytest.importorskip("skimage.feature", reason="scikit-image is not installed")
    pictures = np.random.default_rng(0).integers(0, 256, (4, *shape), dtype=np.uint8)
    found = oriented_gradients(pictures, cell)
    for picture, row in zip(pictures, found, strict=True):
        expected = feature.hog(
            picture.astype(np.float64), 9, pixels_per_cell=cell, cells_per_block=(2, 2), channel_axis=-1
        )
        np.testing.assert_allclose(row, expected, atol=2e-3)  # float32 puts a few directions on the other side of a bin
        assert np.abs(row - expected).mean() < 1e-4


def test_a_ramp_to_the_right_points_to_zero_degrees_and_one_downwards_to_ninety() -> None:
    ramp = np.tile(np.arange(16, dtype=np.uint8) * 10, (16, 1))[..., None]
    right, down = oriented_gradients(np.stack([ramp, ramp.swapaxes(0, 1)]), (4, 4)).reshape(2, -1, 9)
    assert (right.argmax(axis=1) == 0).all()
    assert (down.argmax(axis=1) == 4).all()  # 80 to 100 degrees


@pytest.mark.parametrize("shape", SHAPES)
def test_histograms_are_numpys(shape: tuple[int, int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (1, *shape), dtype=np.uint8)
    grey = picture[0, ..., 0] if shape[2] == 1 else np.rint(picture[0] @ np.array([0.299, 0.587, 0.114]))
    expected = np.histogram(grey, 16, (0, 256))[0] / grey.size
    np.testing.assert_allclose(
        intensity_shares(picture)[0], expected, atol=1.5 / grey.size
    )  # a grey at .5 may round up
    if shape[2] == 3:
        cube = np.histogramdd(picture[0].reshape(-1, 3), 4, [(0, 256)] * 3)[0]
        np.testing.assert_allclose(color_shares(picture)[0], cube.ravel() / grey.size, rtol=1e-6)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 3), (2, 3, 3), (1, 40, 1), (8, 8, 1)])
def test_pictures_of_any_size_have_finite_features(shape: tuple[int, int, int]) -> None:
    for value in (0, 255):
        features = picture_features(np.full((2, *shape), value, np.uint8))
        assert len(features) == 2
        assert features.shape[1] >= 16
        assert np.isfinite(features).all()
