"""The multilayer perceptron: fully connected hidden layers, each followed by an activation."""

from collections.abc import Sequence

from torch import nn

from percept.models.arguments import require_counts, require_share
from percept.nn.activations import activation_layer
from percept.nn.initializers import initialize


def mlp(
    *,
    classes: int,
    inputs: int,
    hidden: Sequence[int] = (128, 64),
    activation: str = "relu",
    dropout: float = 0.0,
    batch_norm: bool = False,
) -> nn.Module:
    """Return a multilayer perceptron with a linear output.

    Args:
        classes: outputs of the network, 1 for regression.
        inputs: values of one sample: features of a row, or channels x height x width of a picture.
        hidden: units of each hidden layer, from the input on; empty makes the network linear.
        activation: a key of `percept.nn.activations.ACTIVATIONS`, after every hidden layer.
        dropout: probability in [0, 1) that a hidden unit is silent in a training step.
        batch_norm: whether each hidden layer is normalized over the batch before its activation.

    Returns:
        A network from (samples, inputs) or (samples, channels, height, width) to (samples, classes) scores.

    Raises:
        OptionError: an argument is out of range.

    Source: notes §2.1-2.3 and §2.5.4; Rumelhart, Hinton & Williams 1986; Srivastava et al. 2014.

    Example:
        >>> [type(layer).__name__ for layer in mlp(classes=2, inputs=3, hidden=[4], batch_norm=True).children()]
        ['Flatten', 'Linear', 'BatchNorm1d', 'ReLU', 'Linear']
    """
    require_counts("mlp", classes=classes, inputs=inputs, hidden=hidden)
    require_share("mlp", dropout=dropout)
    layers: list[nn.Module] = [nn.Flatten()]
    units = inputs
    for outputs in hidden:
        layers += _hidden_layer(units, outputs, activation, dropout, batch_norm)
        units = outputs
    scores = nn.Linear(units, classes)
    initialize(scores, "identity")
    return nn.Sequential(*layers, scores)


def _hidden_layer(inputs: int, outputs: int, activation: str, dropout: float, batch_norm: bool) -> list[nn.Module]:
    weights = nn.Linear(inputs, outputs)
    initialize(weights, activation)
    layers: list[nn.Module] = [weights]
    if batch_norm:
        layers.append(nn.BatchNorm1d(outputs))
    layers.append(activation_layer(activation))
    if dropout > 0:
        layers.append(nn.Dropout(dropout))
    return layers
