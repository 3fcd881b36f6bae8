"""The fitted temperature is the least log loss by scikit-learn's measure, and closed forms where there are some."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import log_loss

from percept.evaluation.calibration import calibration
from percept.evaluation.temperature import fit_temperature, with_temperature


def drawn(temperature: float, count: int = 20_000) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return classes drawn from softmax(outputs / temperature), and the softmax of the outputs themselves."""
    random = np.random.default_rng(0)
    outputs = random.normal(scale=4, size=(count, 5))
    truth = np.array([random.choice(5, p=row) for row in softmax(outputs / temperature, axis=1)])
    return truth, softmax(outputs, axis=1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_behind_a_draw_is_found_again(temperature: float) -> None:
    truth, probabilities = drawn(temperature)
    assert fit_temperature(truth, probabilities) == pytest.approx(temperature, rel=0.05)


def test_no_other_temperature_has_less_log_loss_by_scikit_learn() -> None:
    truth, probabilities = drawn(2.5, 500)
    best = fit_temperature(truth, probabilities)
    least = log_loss(truth, with_temperature(probabilities, best))
    for other in np.geomspace(0.1, 10, 200):
        assert least <= log_loss(truth, with_temperature(probabilities, other)) + 1e-9


@settings(max_examples=30, deadline=None)
@given(right=st.integers(51, 99), given_at=st.floats(0.55, 0.99))
def test_one_confidence_becomes_the_share_that_is_right(right: int, given_at: float) -> None:
    truth = np.repeat([0, 1], [right, 100 - right])
    probabilities = np.tile([[given_at, 1 - given_at]], (100, 1))
    odds = np.log(given_at / (1 - given_at)) / np.log(right / (100 - right))
    found = fit_temperature(truth, probabilities)
    assert found == pytest.approx(np.clip(odds, 0.05, 20), rel=1e-2)


def test_a_network_that_is_too_sure_has_less_calibration_error_afterwards() -> None:
    truth, probabilities = drawn(2.5)
    after = with_temperature(probabilities, fit_temperature(truth, probabilities))
    assert calibration(truth, after).error < 0.2 * calibration(truth, probabilities).error


def test_answers_stay_and_one_changes_nothing() -> None:
    _, probabilities = drawn(1.0, 200)
    np.testing.assert_allclose(with_temperature(probabilities, 1.0), probabilities)
    for temperature in (0.3, 4.0):
        changed = with_temperature(probabilities, temperature)
        np.testing.assert_allclose(changed.sum(axis=1), 1)
        np.testing.assert_array_equal(changed.argmax(axis=1), probabilities.argmax(axis=1))


def test_probabilities_of_zero_and_answers_all_right_are_no_trouble() -> None:
    sure = np.eye(3)[np.array([0, 1, 2, 0])]
    assert 0.05 <= fit_temperature(np.array([0, 1, 2, 0]), sure) <= 20
    assert np.isfinite(with_temperature(sure, fit_temperature(np.array([1, 1, 2, 0]), sure))).all()


@pytest.mark.parametrize("temperature", [0, -1, float("nan"), float("inf")])
def test_a_temperature_is_above_zero(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature is"):
        with_temperature(np.array([[0.5, 0.5]]), temperature)
