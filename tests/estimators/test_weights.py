"""What each sample counts for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils import compute_class_weight, compute_sample_weight

from percept.errors import DataError, OptionError
from percept.estimators.weights import class_weights, sample_weights, with_class_weights

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


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4)), min_size=1))
def test_balanced_class_weights_of_counted_samples_are_scikit_learns_of_repeated_ones(
    samples: list[tuple[str, int]],
) -> None:
    y, counts = np.array([label for label, _ in samples]), np.array([float(count) for _, count in samples])
    classes = np.unique(y)
    expected = compute_class_weight("balanced", classes=classes, y=y.repeat(counts.astype(int)))
    np.testing.assert_allclose(class_weights("balanced", classes, y, counts), expected)


def test_a_class_without_samples_does_not_count_where_classes_are_balanced() -> None:
    classes, y, counts = np.array([3, 5, 7]), np.array([3, 7]), np.array([1.0, 3.0])
    np.testing.assert_allclose(class_weights("balanced", classes, y, counts), [2, 1, 2 / 3])
