"""Activation functions: what stands between linear layers and makes a network more than one linear layer.

    name         g(a)                          g'(a)
    identity     a                             1
    logistic     1 / (1 + e^-a)                g(a) (1 - g(a))
    tanh         (e^a - e^-a) / (e^a + e^-a)   1 - g(a)^2
    relu         max(0, a)                     1 where a > 0, else 0
    leaky_relu   a where a > 0, else 0.01 a    1 where a > 0, else 0.01
    elu          a where a > 0, else e^a - 1   1 where a > 0, else g(a) + 1
    softmax      e^a_k / sum_j e^a_j           dg_k/da_j = g_k (1[j = k] - g_j), over the channels

Source: notes §2.2; the names are scikit-learn's where it has them.
"""

from collections.abc import Callable
from difflib import get_close_matches
from functools import partial

from torch import nn

from percept.errors import OptionError

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": partial(nn.LeakyReLU, negative_slope=0.01),
    "elu": partial(nn.ELU, alpha=1.0),
    "softmax": partial(nn.Softmax, dim=1),  # dimension 1 holds the channels of (samples, channels, ...)
}


def activation_layer(name: str) -> nn.Module:
    """Return a new layer that applies the activation function of that name to every value.

    Args:
        name: a key of `ACTIVATIONS`.

    Raises:
        OptionError: there is no activation of that name.

    Source: notes §2.2.

    Example:
        >>> activation_layer("relu")
        ReLU()
    """
    if isinstance(name, str) and name in ACTIVATIONS:
        return ACTIVATIONS[name]()
    near = get_close_matches(str(name), ACTIVATIONS, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    raise OptionError(f"activation is {name!r}; expected one of {', '.join(ACTIVATIONS)}{meant}")
