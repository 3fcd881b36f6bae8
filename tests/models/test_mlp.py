import warnings

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from torch import nn

from percept.errors import OptionError
from percept.models.mlp import mlp


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_probabilities_equal_those_of_scikit_learn_with_the_same_weights(activation: str) -> None:
    X, y = load_iris(return_X_y=True)
    other = MLPClassifier((7, 5), activation=activation, max_iter=3, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        other.fit(X, y)
    network = mlp(classes=3, inputs=4, hidden=(7, 5), activation=activation).double()
    layers = [layer for layer in network.children() if isinstance(layer, nn.Linear)]
    for layer, matrix, shift in zip(layers, other.coefs_, other.intercepts_, strict=True):
        layer.load_state_dict({"weight": torch.tensor(matrix.T), "bias": torch.tensor(shift)})
    probabilities = network(torch.tensor(X)).softmax(dim=1).detach().numpy()
    np.testing.assert_allclose(probabilities, other.predict_proba(X), rtol=1e-9)


def test_without_hidden_layers_it_is_linear() -> None:
    network = mlp(classes=2, inputs=3, hidden=())
    a, b = torch.randn(5, 3), torch.randn(5, 3)
    torch.testing.assert_close(network(a) + network(b), network(a + b) + network(torch.zeros(1, 3)))


def test_batch_normalization_stands_before_the_activation_and_dropout_after_it() -> None:
    network = mlp(classes=2, inputs=3, hidden=(4, 4), dropout=0.5, batch_norm=True)
    hidden = [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Dropout]
    assert [type(layer) for layer in network.children()] == [nn.Flatten, *hidden, *hidden, nn.Linear]


def test_dropout_acts_in_training_only() -> None:
    torch.manual_seed(0)
    network, rows = mlp(classes=2, inputs=3, dropout=0.5), torch.randn(4, 3)
    assert not torch.equal(network(rows), network(rows))
    network.eval()
    assert torch.equal(network(rows), network(rows))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"hidden": [8, 0]}, r"hidden is \[8, 0\]; expected whole numbers of at least 1"),
        ({"hidden": "64"}, "hidden is '64'; expected a whole number"),
        ({"dropout": 1.0}, "dropout is 1.0; expected a number from 0 up to, but not including, 1"),
        ({"dropout": float("nan")}, "dropout is nan"),
        ({"activation": "sigmoid"}, "activation is 'sigmoid'; expected one of"),
    ],
)
def test_an_argument_out_of_range_is_refused(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        mlp(classes=2, inputs=3, **wrong)  # type: ignore[arg-type]
