"""The artificial neuron of notes §1.3.2, against the notes' numbers and hand-made geometry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percept.errors import DataError, OptionError
from percept.nn.neuron import Neuron, distances, perceptron_loss

TABLE = [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_the_notes_or_neuron_answers_or() -> None:
    assert Neuron((-1 / 2, 1, 1), "step")(TABLE).tolist() == [0, 1, 1, 1]


def test_the_notes_and_neuron_answers_and() -> None:
    neuron = Neuron((-2, 3 / 2, 1), "step")
    assert neuron(TABLE).tolist() == [0, 0, 0, 1]
    assert neuron.sums(TABLE).tolist() == [-2, -1, -1 / 2, 1 / 2]


def test_a_sum_of_zero_is_0_for_both_outputs() -> None:
    assert Neuron((0, 1), "step")([[0.0]]).tolist() == [0]
    assert Neuron((0, 1), "sign")([[-3.0], [0.0], [2.0]]).tolist() == [-1, 0, 1]


def test_the_signed_distance_is_the_length_to_the_foot_of_the_perpendicular() -> None:
    neuron = Neuron((-5, 3, 4))  # 3x + 4y = 5, which the point (0.6, 0.8) lies nearest to the origin on
    assert np.allclose(neuron.signed_distance([[0.0, 0.0], [0.6, 0.8], [3.0, 4.0]]), [-1, 0, 4])


@given(st.floats(0.01, 100), st.lists(st.floats(-5, 5), min_size=3, max_size=3))
def test_the_distance_does_not_change_with_the_scale_of_the_weights(factor: float, weights: list[float]) -> None:
    if np.hypot(weights[1], weights[2]) < 1e-3:
        return
    point = np.array([[1.0, -2.0]])
    scaled = [factor * weight for weight in weights]
    assert np.allclose(Neuron(weights).signed_distance(point), Neuron(scaled).signed_distance(point))


def test_without_weights_there_is_no_hyperplane_to_be_far_from() -> None:
    assert np.isnan(distances(np.array([1.0]), np.zeros(2))).all()


def test_the_perceptron_loss_counts_mistakes_by_their_sums() -> None:
    sums, targets = np.array([3.0, -2.0, 0.5, 0.0]), np.array([1.0, 1.0, -1.0, -1.0])
    assert perceptron_loss(sums, targets) == 2.5


def test_wrong_weights_outputs_and_inputs_are_told() -> None:
    with pytest.raises(OptionError, match="expected one of step, sign"):
        Neuron((0, 1), "sine")
    with pytest.raises(OptionError, match="the bias w0"):
        Neuron(())
    with pytest.raises(DataError, match=r"expected \(samples, 2\)"):
        Neuron((0, 1, 1))([[1.0]])
