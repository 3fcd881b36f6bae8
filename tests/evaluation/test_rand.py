from itertools import combinations

import numpy as np
import pytest

from percept.evaluation.rand import adapted_rand_error


@pytest.mark.parametrize("seed", range(5))
def test_the_error_is_scikit_images(seed: int) -> None:
    metrics = pytest.importorskip("skimage.metrics", reason="scikit-image is not installed")
    generator = np.random.default_rng(seed)
    truth, predicted = generator.integers(0, 6, (2, 15, 20))
    predicted = np.where(generator.random(truth.shape) < 0.5, truth, predicted)
    assert adapted_rand_error(truth, predicted) == pytest.approx(metrics.adapted_rand_error(truth, predicted)[0])


@pytest.mark.parametrize("seed", range(5))
def test_the_error_is_that_of_all_pairs_of_pixels(seed: int) -> None:
    truth, predicted = np.random.default_rng(seed).integers(0, 3, (2, 4, 5))
    pixels = [(one, other) for one, other in zip(truth.flat, predicted.flat, strict=True) if one]
    true = told = both = 0
    for (first, second), (third, fourth) in combinations(pixels, 2):
        true += first == third
        told += second == fourth
        both += first == third and second == fourth
    precision, recall = both / told, both / true
    expected = 1 - 2 * precision * recall / (precision + recall)
    assert adapted_rand_error(truth, predicted) == pytest.approx(expected)


def test_names_of_regions_do_not_matter() -> None:
    truth = np.array([[1, 1, 2], [1, 0, 2]])
    assert adapted_rand_error(truth, np.array([[9, 9, 4], [9, 7, 4]])) == 0


def test_unknown_pixels_are_left_out() -> None:
    truth, predicted = np.array([[1, 1, 2, 2]]), np.array([[1, 1, 2, 1]])
    assert adapted_rand_error(truth, predicted, np.array([[True, True, True, False]])) == 0


def test_nothing_joined_in_truth_has_no_error() -> None:
    assert np.isnan(adapted_rand_error(np.array([[1, 2, 0]]), np.array([[1, 1, 1]])))
    assert np.isnan(adapted_rand_error(np.zeros((2, 2), int), np.ones((2, 2), int)))
