"""Which samples are held out."""

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from percept.errors import DataError
from percept.estimators.held_out import hold_out


def test_the_same_samples_are_held_out_as_by_scikit_learn() -> None:
    y = np.arange(50) % 3 == 0
    rows, held = hold_out(50, 0.2, np.random.RandomState(4), y)
    expected = train_test_split(np.arange(50), test_size=0.2, random_state=np.random.RandomState(4), stratify=y)
    np.testing.assert_array_equal(rows, expected[0])
    np.testing.assert_array_equal(held, expected[1])


def test_one_sample_is_too_few_to_hold_out() -> None:
    with pytest.raises(DataError, match="validation set is too small"):
        hold_out(5, 0.1, np.random.RandomState(0), None)
