"""The fully connected end of a convolutional network: hidden layers with dropout, and the scores of the classes."""

from collections.abc import Sequence

from torch import nn

from percept.nn.activations import activation_layer
from percept.nn.initializers import initialize


def hidden_layers(inputs: int, units: Sequence[int], *, dropout: float) -> nn.Sequential:
    """Return fully connected layers, each followed by ReLU and dropout.

    Args:
        inputs: values of one sample that come in.
        units: of each layer.
        dropout: probability in [0, 1) that a unit is silent in a training step.

    Source: notes §2.5.4 and §3.3.4; Krizhevsky, Sutskever & Hinton 2012, section 4.2.

    Example:
        >>> [type(layer).__name__ for layer in hidden_layers(8, [4], dropout=0.5)]
        ['Linear', 'ReLU', 'Dropout']
    """
    layers: list[nn.Module] = []
    for outputs in units:
        weights = nn.Linear(inputs, outputs)
        initialize(weights, "relu")
        layers += [weights, activation_layer("relu", in_place=True), nn.Dropout(dropout)]
        inputs = outputs
    return nn.Sequential(*layers)


def scores_layer(inputs: int, classes: int) -> nn.Linear:
    """Return the last layer, which gives each class a score.

    Args:
        inputs: values of one sample that come in.
        classes: scores that go out.
    """
    layer = nn.Linear(inputs, classes)
    initialize(layer, "identity")
    return layer
