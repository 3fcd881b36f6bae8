"""The linear classifier's loss and gradient against torch and finite differences."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import check_grad
from scipy.sparse import csr_array
from torch.nn import functional

from percept.training.softmax_regression import cross_entropy, objective


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("sparse", [False, True])
def test_the_gradient_is_that_of_finite_differences(rows: int, bias: bool, sparse: bool) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12, 3))
    targets = np.eye(max(rows, 2))[rng.integers(max(rows, 2), size=12)][:, -rows:]
    value = objective(csr_array(X) if sparse else X, targets, 0.7, rng.uniform(size=12), bias=bias)
    first = 0 if bias else 1  # the place of the first free parameter of each row

    def whole(free: NDArray[np.float64]) -> NDArray[np.float64]:
        parameters = np.zeros((rows, 4))
        parameters[:, first:] = free.reshape(rows, -1)
        return parameters.ravel()

    def loss(free: NDArray[np.float64]) -> float:
        return value(whole(free))[0]

    def gradient(free: NDArray[np.float64]) -> NDArray[np.float64]:
        return value(whole(free))[1].reshape(rows, -1)[:, first:].ravel()

    assert check_grad(loss, gradient, rng.normal(size=rows * (4 - first))) < 1e-6


def test_the_loss_is_torchs() -> None:
    rng = np.random.default_rng(1)
    scores, classes = rng.normal(size=(9, 5)) * 30, rng.integers(5, size=9)
    each, _ = cross_entropy(scores, np.eye(5)[classes])
    expected = functional.cross_entropy(torch.tensor(scores), torch.tensor(classes), reduction="none")
    assert np.allclose(each, expected.numpy())


def test_two_classes_in_one_row_are_the_logistic_loss_at_any_size() -> None:
    scores, targets = np.array([[900.0], [-900.0], [0.3]]), np.array([[0.0], [0.0], [1.0]])
    each, slope = cross_entropy(scores, targets)
    assert np.allclose(each, [900, 0, np.log1p(np.exp(-0.3))])
    assert np.allclose(slope[:, 0], [1, 0, 1 / (1 + np.exp(-0.3)) - 1])
