"""The weights that a layer starts with: drawn so that signals neither vanish nor explode through the depth."""

from torch import nn

# Activations that pass only the positive side whole: they lose half of the variance, which He's rule gives back.
_RECTIFIERS = frozenset({"relu", "leaky_relu", "elu"})


def initialize(layer: nn.Linear | nn.Conv2d, activation: str) -> None:
    """Draw a layer's weights from torch's global generator by the rule for the activation that follows it.

    Weights are Gaussian with mean 0. Before a rectifier the variance is 2 / n_in (He), before anything else
    2 / (n_in + n_out) (Glorot), where n_in and n_out count the connections of one output and of one input unit.
    Biases become 0.

    Args:
        layer: changed in place.
        activation: a key of `ACTIVATIONS`; "identity" for an output layer.

    Source: notes §2.3.5; Glorot & Bengio 2010, equation 12; He et al. 2015, equation 10.

    Example:
        >>> layer = nn.Linear(3, 2)
        >>> initialize(layer, "relu")
        >>> layer.bias.tolist()
        [0.0, 0.0]
    """
    if activation in _RECTIFIERS:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    else:
        nn.init.xavier_normal_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
