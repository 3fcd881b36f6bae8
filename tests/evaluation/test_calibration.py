"""Calibration is scikit-learn's curve of the predicted class, and its error a weighted gap."""

import numpy as np
import pytest
from scipy import stats
from sklearn.calibration import calibration_curve

from percept.evaluation.calibration import calibration


def test_bins_equal_scikit_learns_curve_of_right_against_confidence() -> None:
    generator = np.random.default_rng(0)
    truth, probabilities = generator.integers(0, 3, 500), generator.dirichlet([0.5, 0.5, 0.5], 500)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    accuracies, confidences = calibration_curve(right, confidence, n_bins=12)
    bins = calibration(truth, probabilities, bins=12).bins
    np.testing.assert_allclose([place.accuracy for place in bins], accuracies)
    np.testing.assert_allclose([place.confidence for place in bins], confidences)
    assert sum(place.count for place in bins) == 500
    assert all(place.low < place.confidence <= place.high for place in bins)


def test_the_error_by_hand() -> None:
    first = [[0.65, 0.35]] * 4  # 3 of 4 right: gap .10
    second = [[0.05, 0.95]]  # wrong: gap .95
    found = calibration(np.array([0, 0, 0, 1, 0]), np.array(first + second))
    assert found.error == pytest.approx(4 / 5 * 0.10 + 1 / 5 * 0.95)
    assert [place.low for place in found.bins] == pytest.approx([0.6, 0.9])
    assert [place.count for place in found.bins] == [4, 1]


def test_the_limits_of_a_bin_are_those_of_clopper_and_pearson() -> None:
    shown = np.array([[0.65, 0.35]] * 4 + [[0.95, 0.05]] * 3 + [[0.85, 0.15]] * 2)
    bins = calibration(np.array([0, 0, 0, 1, 0, 0, 0, 1, 1]), shown).bins
    for place, (hits, count) in zip(bins, [(3, 4), (0, 2), (3, 3)], strict=True):
        expected = stats.binomtest(hits, count).proportion_ci(0.95, "exact")
        assert (place.accuracy_low, place.accuracy_high) == pytest.approx((expected.low, expected.high))


def test_certain_and_right_is_perfectly_calibrated() -> None:
    found = calibration(np.array([0, 1, 2]), np.eye(3))
    assert found.error == 0
    assert [(place.high, place.accuracy) for place in found.bins] == [(1, 1)]


def test_probabilities_that_mean_what_they_say_have_a_small_error() -> None:
    generator = np.random.default_rng(1)
    score = generator.uniform(0, 1, 20_000)
    truth = (generator.random(20_000) < score).astype(np.int64)
    assert calibration(truth, np.stack([1 - score, score], axis=1)).error < 0.02
