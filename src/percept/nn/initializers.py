"""The weights that a layer starts with: drawn so that signals neither vanish nor explode through the depth."""

from difflib import get_close_matches

from torch import nn

from percept.errors import OptionError
from percept.nn.deviations import INITIALIZERS

# Activations that pass only the positive side whole: they lose half of the variance, which He's rule gives back.
_RECTIFIERS = frozenset({"relu", "leaky_relu", "elu", "relu6", "silu"})


def initialize(layer: nn.Linear | nn.Conv2d, activation: str) -> None:
    """Draw a layer's weights from torch's global generator by the rule for the activation that follows it.

    Weights are Gaussian with mean 0. Before a rectifier the variance is 2 / n_in (He), before anything else
    2 / (n_in + n_out) (Glorot), where n_in and n_out count the connections of one output and of one input unit.
    Biases become 0.

    Args:
        layer: changed in place.
        activation: a key of `ACTIVATIONS` or `MOBILE_ACTIVATIONS`; "identity" for an output layer.

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


def initialize_by_name(network: nn.Module, name: str) -> nn.Module:
    """Draw the weights of every fully connected and convolutional layer anew by a named rule; biases become 0.

    Args:
        network: changed in place.
        name: a key of `INITIALIZERS`.

    Returns:
        The network.

    Raises:
        OptionError: there is no rule of that name.

    Source: notes §2.3.5; Glorot & Bengio 2010; He et al. 2015.

    Example:
        >>> initialize_by_name(nn.Linear(2, 1), "zero").weight.tolist()
        [[0.0, 0.0]]
    """
    if name not in INITIALIZERS:
        near = get_close_matches(str(name), INITIALIZERS, n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise OptionError(f"initializer is {name!r}; expected one of {', '.join(INITIALIZERS)}{meant}")
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d):
            n_in, n_out = nn.init._calculate_fan_in_and_fan_out(layer.weight)
            nn.init.normal_(layer.weight, 0.0, INITIALIZERS[name](n_in, n_out))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network
