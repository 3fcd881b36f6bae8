"""Activation functions: what stands between linear layers and makes a network more than one linear layer.

    name         g(a)                          g'(a)
    identity     a                             1
    logistic     1 / (1 + e^-a)                g(a) (1 - g(a))
    tanh         (e^a - e^-a) / (e^a + e^-a)   1 - g(a)^2
    relu         max(0, a)                     1 where a > 0, else 0
    leaky_relu   a where a > 0, else 0.01 a    1 where a > 0, else 0.01
    elu          a where a > 0, else e^a - 1   1 where a > 0, else g(a) + 1
    softmax      e^a_k / sum_j e^a_j           dg_k/da_j = g_k (1[j = k] - g_j), over the channels
    relu6        min(max(0, a), 6)             1 where 0 < a < 6, else 0
    silu         a / (1 + e^-a) = a s(a)       s(a) (1 + a (1 - s(a))), where s is the logistic function

Source: notes §2.2; the names are scikit-learn's where it has them. The last two, of the networks for small devices:
Sandler et al. 2018; Ramachandran, Zoph & Le 2017.
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

MOBILE_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu6": nn.ReLU6, "silu": nn.SiLU}


def activation_layer(name: str, *, in_place: bool = False) -> nn.Module:
    """Return a new layer that applies the activation function of that name to every value.

    Args:
        name: a key of `ACTIVATIONS` or of `MOBILE_ACTIVATIONS`.
        in_place: whether the layer writes over its input where the function can, which saves memory where nothing
            else reads that input, not even the backward pass.

    Raises:
        OptionError: there is no activation of that name.

    Source: notes §2.2.

    Example:
        >>> activation_layer("relu")
        ReLU()
    """
    known = {**ACTIVATIONS, **MOBILE_ACTIVATIONS}
    if isinstance(name, str) and name in known:
        layer = known[name]()
        if in_place and hasattr(layer, "inplace"):
            layer.inplace = True  # type: ignore[assignment]
        return layer
    near = get_close_matches(str(name), known, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    raise OptionError(f"activation is {name!r}; expected one of {', '.join(known)}{meant}")
