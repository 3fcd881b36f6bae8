"""Monte-Carlo dropout agrees with what can be enumerated by hand."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import softmax
from scipy.stats import entropy
from torch import Tensor, nn

from percept.errors import OptionError
from percept.evaluation.uncertainty import dropout_outputs, dropout_uncertainty, uncertainty

CPU = torch.device("cpu")
ROWS = np.array([[1.0, 2.0], [0.0, 0.0], [3.0, -1.0]], np.float32)


@dataclass(frozen=True)
class Plain:
    """Rows go to the network as they are."""

    def tensor(self, samples: NDArray[np.float32], device: torch.device) -> Tensor:
        return torch.from_numpy(samples).to(device)


def passes_of(network: nn.Module, passes: int, seed: int = 0) -> NDArray[np.float32]:
    return dropout_outputs(network, ROWS, np.arange(3), Plain(), device=CPU, passes=passes, seed=seed)


def test_passes_that_agree_leave_the_uncertainty_in_the_sample() -> None:
    found = uncertainty(np.array([[[0.25, 0.75]], [[0.25, 0.75]]]))
    assert found.entropy[0] == pytest.approx(0.25 * math.log(4) + 0.75 * math.log(4 / 3))
    assert found.mutual_information[0] == pytest.approx(0, abs=1e-12)


def test_passes_that_are_sure_of_different_classes_differ_by_all_the_uncertainty() -> None:
    found = uncertainty(np.array([[[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]]]))
    assert found.probabilities[0].tolist() == pytest.approx([1 / 3] * 3)
    assert found.entropy[0] == pytest.approx(math.log(3))
    assert found.mutual_information[0] == pytest.approx(math.log(3))


@given(st.integers(1, 6), st.integers(1, 4), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_the_passes_differ_by_no_more_than_all_uncertainty_and_scipy_agrees(
    passes: int, samples: int, classes: int, seed: int
) -> None:
    chances = np.random.default_rng(seed).dirichlet(np.full(classes, 0.5), size=(passes, samples))
    found = uncertainty(chances)
    np.testing.assert_allclose(found.entropy, entropy(chances.mean(0), axis=1), atol=1e-12)
    expected = entropy(chances.mean(0), axis=1) - entropy(chances, axis=2).mean(0)
    np.testing.assert_allclose(found.mutual_information, expected, atol=1e-12)
    assert (found.mutual_information <= found.entropy + 1e-12).all()
    assert (found.entropy <= math.log(classes) + 1e-12).all()


def test_many_passes_have_the_mean_of_all_masks() -> None:
    identity = nn.Linear(2, 2, bias=False)
    nn.init.eye_(identity.weight)
    network = nn.Sequential(nn.Dropout(0.5), identity)
    found = dropout_uncertainty(passes_of(network, 4000))
    # each of the two inputs is doubled or silent, each way with probability 1/2
    masks = np.array([[0, 0], [0, 2], [2, 0], [2, 2]])
    expected = np.mean([softmax(ROWS * mask, axis=1) for mask in masks], axis=0)
    np.testing.assert_allclose(found.probabilities, expected, atol=0.03)
    assert found.mutual_information[1] == pytest.approx(0, abs=1e-9)  # zeros stay zeros whatever is silent


def test_only_dropout_is_as_in_training_and_everything_is_put_back() -> None:
    network = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    network.train()
    network[2].eval()
    before = {name: values.clone() for name, values in network.state_dict().items()}
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = passes_of(network, 3)
    assert torch.equal(torch.rand(1), expected)
    assert [module.training for module in network] == [True, True, False, True]
    assert all(torch.equal(values, before[name]) for name, values in network.state_dict().items())
    assert not np.array_equal(first[0], first[1])
    np.testing.assert_array_equal(first, passes_of(network, 3))
    assert not np.array_equal(first, passes_of(network, 3, seed=1))


def test_a_network_without_dropout_is_refused() -> None:
    for network in (nn.Linear(2, 2), nn.Sequential(nn.Dropout(0.0), nn.Linear(2, 2))):
        with pytest.raises(OptionError, match="the network has no dropout"):
            passes_of(network, 2)
    with pytest.raises(OptionError, match="passes is 0; expected 1 or more"):
        passes_of(nn.Sequential(nn.Dropout(0.5)), 0)
