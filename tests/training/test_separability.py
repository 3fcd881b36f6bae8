"""Linear separability against truth tables and sets that are apart by construction."""

import itertools

import numpy as np
import pytest
from scipy.sparse import csr_array

from percept.errors import DataError
from percept.training.separability import linearly_separable

TABLE = np.array(list(itertools.product([0.0, 1.0], repeat=2)))


def test_of_the_16_operators_of_two_bits_only_xor_and_its_opposite_are_not_separable() -> None:
    apart = [
        linearly_separable(TABLE, answers)
        for answers in itertools.product([0, 1], repeat=4)
        if 0 < sum(answers) < 4  # the two constant ones have one class
    ]
    assert apart.count(False) == 2
    assert not linearly_separable(TABLE, [0, 1, 1, 0])
    assert not linearly_separable(TABLE, [1, 0, 0, 1])


def test_without_a_bias_the_hyperplane_goes_through_the_origin() -> None:
    assert linearly_separable([[1.0], [2.0]], ["a", "b"])
    assert not linearly_separable([[1.0], [2.0]], ["a", "b"], bias=False)


@pytest.mark.parametrize("seed", range(4))
def test_a_set_cut_by_a_hyperplane_is_separable_and_a_point_on_the_wrong_side_spoils_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 3)) * [1, 1e4, 1e-4]
    y = X @ [1, 1e-4, 1e4] > 0.2
    assert linearly_separable(X, y)
    assert linearly_separable(csr_array(X), y)
    inner = X[y].mean(axis=0)  # between samples of the class, and of the other class
    assert not linearly_separable(np.vstack([X, inner]), np.append(y, False))


def test_three_classes_are_refused() -> None:
    with pytest.raises(DataError, match="expected two"):
        linearly_separable([[0], [1], [2]], [0, 1, 2])
