"""What each sample counts for."""

import numpy as np
import pytest
from sklearn.utils import compute_sample_weight

from percept.errors import DataError, OptionError
from percept.estimators.weights import sample_weights, with_class_weights

DOUBLE = np.dtype("float64")


def test_one_number_counts_for_every_sample() -> None:
    weights = sample_weights(2, 3, DOUBLE)
    assert weights is not None
    assert weights.tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("given", "words"), [([1, 2], "expected one number for each of 3"), ([[1, 2, 3]], "shape"), ([0, 0, 0], "zero")]
)
def test_weights_that_do_not_match_the_samples_are_refused(given: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        sample_weights(given, 3, DOUBLE)


def test_a_missing_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="sample_weight contains NaN"):
        sample_weights([1, np.nan], 2, DOUBLE)


@pytest.mark.parametrize("class_weight", ["balanced", {"a": 3.0, "b": 0.5}])
def test_class_weights_multiply_sample_weights(class_weight: str | dict[str, float]) -> None:
    y, given = np.array(["a", "b", "b"]), np.array([1.0, 2.0, 3.0])
    expected = compute_sample_weight(class_weight, y)
    alone = with_class_weights(None, class_weight, y, DOUBLE)
    both = with_class_weights(given, class_weight, y, DOUBLE)
    np.testing.assert_allclose(alone, expected)  # type: ignore[arg-type]
    np.testing.assert_allclose(both, expected * given)  # type: ignore[arg-type]


def test_unknown_class_weights_are_refused() -> None:
    with pytest.raises(OptionError, match="class_weight is 'even'"):
        with_class_weights(None, "even", np.array([0, 1]), DOUBLE)


def test_class_weights_that_leave_nothing_to_learn_from_are_refused() -> None:
    with pytest.raises(OptionError, match="gives every sample weight 0"):
        with_class_weights(None, {0: 0, 1: 0}, np.array([0, 1]), DOUBLE)
