from dataclasses import replace

import numpy as np
import pytest
import torch

from percept.data.patches import Centers
from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.evaluation.patch_scores import center_scores, patch_scores
from percept.evaluation.pixel_scores import pixel_scores
from percept.models import build

CPU = torch.device("cpu")
FORM = PixelPreprocessing(3, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
PICTURE = np.random.default_rng(0).integers(0, 256, (9, 14, 3)).astype(np.uint8)


def network_for(patch: int) -> torch.nn.Module:
    torch.manual_seed(0)
    return build("lenet", classes=4, channels=3, size=(patch, patch)).eval()


@pytest.mark.parametrize("patch", [13, 17, 31])
def test_each_pixel_has_the_scores_of_the_patch_around_it(patch: int) -> None:
    network, half = network_for(patch), patch // 2
    padded = np.pad(PICTURE, [(half, half), (half, half), (0, 0)], mode="reflect")
    found = patch_scores(network, PICTURE, (patch, patch), FORM, device=CPU)
    assert found.shape == (4, 9, 14) and found.dtype == np.float32
    for row, column in [(0, 0), (4, 7), (8, 13), (0, 13), (8, 2)]:
        cut = padded[row : row + patch, column : column + patch].astype(np.float32) / 255
        inputs = torch.from_numpy((cut - FORM.mean) / FORM.std).float().permute(2, 0, 1)[None]
        with torch.no_grad():
            np.testing.assert_allclose(found[:, row, column], network(inputs)[0].numpy(), atol=1e-5)


def test_pixels_asked_for_one_by_one_have_the_scores_of_the_whole_picture() -> None:
    network = network_for(13)
    whole = patch_scores(network, PICTURE, (13, 13), FORM, device=CPU)
    rows, columns = np.array([0, 3, 8]), np.array([13, 5, 0])
    centers = Centers(np.zeros(3, np.int64), rows, columns, np.zeros(3, np.int64))
    found = center_scores(network, [PICTURE], centers, 13, FORM, device=CPU)
    np.testing.assert_allclose(found, whole[:, rows, columns].T, atol=1e-5)


def test_a_preprocessing_with_patches_is_what_sends_pixel_scores_there() -> None:
    network, form = network_for(13), replace(FORM, patch=(13, 13))
    (found,) = pixel_scores(network, [PICTURE], np.arange(1), form, device=CPU)
    alone = patch_scores(network, PICTURE, (13, 13), form, device=CPU)
    np.testing.assert_allclose(found, alone, atol=1e-5 * np.abs(alone).max())
    assert PixelPreprocessing.from_json(form.to_json()) == form


def test_a_model_file_from_before_patches_is_for_whole_pictures() -> None:
    before = {name: value for name, value in FORM.to_json().items() if name != "patch"}
    assert PixelPreprocessing.from_json(before) == FORM and FORM.patch is None
