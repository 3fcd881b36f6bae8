"""The built-in sets hold what scikit-learn's do."""

import numpy as np
import pytest
from sklearn import datasets

from percept.data.builtin import BUILTIN, load_builtin
from percept.data.dataset import PictureArray, Table
from percept.errors import DataError


def test_digits_are_pictures_of_the_full_range() -> None:
    dataset = load_builtin("digits")
    assert isinstance(dataset.samples, PictureArray)
    pixels = dataset.samples.pixels
    assert pixels.shape == (1797, 8, 8, 1)
    assert (str(pixels.dtype), int(pixels.max())) == ("uint8", 255)
    reference = datasets.load_digits()
    np.testing.assert_array_equal(np.rint(pixels[..., 0] / 255 * 16), reference.images)
    np.testing.assert_array_equal(dataset.target.values, reference.target)


@pytest.mark.parametrize(("name", "shape"), [("iris", (150, 4)), ("wine", (178, 13)), ("breast_cancer", (569, 30))])
def test_tables_hold_the_same_numbers(name: str, shape: tuple[int, int]) -> None:
    dataset = load_builtin(name)
    reference = getattr(datasets, f"load_{name}")()
    assert isinstance(dataset.samples, Table)
    assert dataset.samples.frame.shape == shape
    np.testing.assert_array_equal(dataset.samples.frame.to_numpy(), reference.data)
    assert [dataset.target.classes[value] for value in dataset.target.values.astype(int)] == list(
        reference.target_names[reference.target]
    )


def test_diabetes_is_a_regression_in_plain_units() -> None:
    dataset = load_builtin("diabetes")
    assert isinstance(dataset.samples, Table)
    assert dataset.target.task == "regression"
    assert dataset.samples.frame["age"].between(18, 80).all()  # years, not the scaled column


def test_every_set_that_is_listed_can_be_loaded() -> None:
    for name in BUILTIN:
        dataset = load_builtin(name)
        assert len(dataset) == len(dataset.samples) == len(dataset.target.values) == len(set(dataset.keys))


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(DataError, match="expected one of digits, iris"):
        load_builtin("mnist")
