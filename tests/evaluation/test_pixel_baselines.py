from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import jaccard_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from percept.data.objects import IGNORE
from percept.evaluation import pixel_baselines as module
from percept.evaluation.pixel_baselines import SCALES, filter_responses, pixel_baselines

NAMES = ("background", "cell")


def scenes(seed: int, *, bright: bool = True) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.uint8]]]:
    """Return three pictures whose foreground is brighter, or darker, but not so much that a threshold finds it all."""
    generator = np.random.default_rng(seed)
    pictures, masks = [], []
    for height, width in ((20, 30), (25, 15), (30, 30)):
        mask = (generator.random((height, width)) < 0.3).astype(np.uint8)
        grey = 110 + (40 if bright else -40) * mask.astype(int) + generator.normal(0, 25, mask.shape)
        mask[:2] = IGNORE
        pictures.append(np.clip(grey, 0, 255).astype(np.uint8)[..., None])
        masks.append(mask)
    return pictures, masks


def mean_iou(truth: NDArray[np.uint8], told: NDArray[Any]) -> float:
    shared = [((truth == number) & (told == number)).sum() for number in (0, 1)]
    either = [((truth == number) | (told == number)).sum() for number in (0, 1)]
    return float(np.mean([inside / total for inside, total in zip(shared, either, strict=True)]))


@pytest.mark.parametrize("bright", [True, False])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_threshold_and_no_side_has_a_larger_mean_iou(seed: int, bright: bool) -> None:
    pictures, masks = scenes(seed, bright=bright)
    known = [mask != IGNORE for mask in masks]
    grey = np.concatenate([picture[..., 0][inside] for picture, inside in zip(pictures, known, strict=True)])
    truth = np.concatenate([mask[inside] for mask, inside in zip(masks, known, strict=True)])
    tried = [mean_iou(truth, (grey >= level) ^ side) for level in range(257) for side in (False, True)]
    found = pixel_baselines(pictures, masks, np.arange(3), NAMES)["grey level"]
    told = [found.predict(picture)[inside] for picture, inside in zip(pictures, known, strict=True)]
    reached = jaccard_score(truth, np.concatenate(told), average="macro", labels=[0, 1])
    assert reached == pytest.approx(max(tried))


def test_the_majority_is_told_everywhere() -> None:
    pictures, masks = scenes(0)
    found = pixel_baselines(pictures, masks, np.arange(3), NAMES)["majority"]
    assert (found.predict(pictures[0]) == 0).all() and found.predict(pictures[0]).shape == (20, 30)
    known = np.concatenate([mask[mask != IGNORE] for mask in masks])
    assert f"{(known == 0).mean():.1%}" in found.note


def test_of_three_classes_each_grey_level_has_its_most_frequent_one() -> None:
    mask = np.repeat([0, 1, 2], 20)[:, None].repeat(10, axis=1).astype(np.uint8)
    picture = np.array([30, 120, 210], np.uint8)[mask][..., None]
    found = pixel_baselines([picture], [mask], np.arange(1), ("a", "b", "c"))["grey level"]
    np.testing.assert_array_equal(found.predict(picture), mask)


def test_the_linear_baseline_is_scikit_learns_on_the_filter_responses() -> None:
    pictures, masks = scenes(3)
    features, truth = [], []
    for picture, mask in zip(pictures, masks, strict=True):
        responses = filter_responses(picture)
        features.append(responses[mask != IGNORE])
        truth.append(mask[mask != IGNORE])
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    model.fit(np.concatenate(features), np.concatenate(truth))
    found = pixel_baselines(pictures, masks, np.arange(3), NAMES)["linear on filters"]
    expected = model.predict(filter_responses(pictures[1]).reshape(-1, features[0].shape[1])).reshape(25, 15)
    assert (found.predict(pictures[1]) == expected).mean() > 0.99  # the order of the pixels moves the last digits


def test_pictures_beyond_the_training_part_are_not_looked_at() -> None:
    pictures, masks = scenes(4)
    first = pixel_baselines(pictures, masks, np.arange(2), NAMES)
    changed = pixel_baselines([*pictures[:2], 255 - pictures[2]], [*masks[:2], 1 - masks[2] % 2], np.arange(2), NAMES)
    for name, baseline in first.items():
        assert baseline.note == changed[name].note
        np.testing.assert_array_equal(baseline.predict(pictures[2]), changed[name].predict(pictures[2]))


def test_a_training_part_of_one_class_has_no_linear_model() -> None:
    pictures, masks = scenes(5)
    only = [np.where(mask == IGNORE, mask, 0).astype(np.uint8) for mask in masks]
    found = pixel_baselines(pictures, only, np.arange(3), NAMES)["linear on filters"]
    assert (found.predict(pictures[0]) == 0).all() and "no other class" in found.note


def test_filters_see_slopes_and_curvatures() -> None:
    slope = np.tile(np.arange(0, 240, 4, dtype=np.uint8), (60, 1))[..., None]
    inside = filter_responses(slope)[28:32, 28:32]
    for number in range(len(SCALES)):
        blurred, steep, larger, smaller, laplacian = np.moveaxis(inside[..., 1 + 5 * number : 6 + 5 * number], 2, 0)
        np.testing.assert_allclose(blurred, inside[..., 0], atol=0.01)
        np.testing.assert_allclose(steep, 4, atol=0.01)
        np.testing.assert_allclose([larger, smaller, laplacian], 0, atol=0.05)
    noise = np.random.default_rng(0).integers(0, 256, (30, 30, 1)).astype(np.uint8)
    found = filter_responses(noise)
    for number, scale in enumerate(SCALES):
        expected = ndimage.gaussian_laplace(noise[..., 0].astype(np.float64), scale)
        np.testing.assert_allclose(found[..., 5 + 5 * number], expected, atol=0.05)
        hessian = found[..., 3 + 5 * number] + found[..., 4 + 5 * number]
        np.testing.assert_allclose(hessian, found[..., 5 + 5 * number], atol=1e-3)
        assert (found[..., 3 + 5 * number] >= found[..., 4 + 5 * number]).all()


def test_strips_of_a_large_picture_have_the_responses_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (130, 20, 3)).astype(np.uint8)
    monkeypatch.setattr(module, "STRIP", 50 * 20)
    strips = list(module._strips(picture))
    assert [len(strip) for strip in strips] == [50, 50, 30]
    np.testing.assert_allclose(np.concatenate(strips), filter_responses(picture), atol=1e-3)
