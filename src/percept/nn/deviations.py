"""How widely initial weights are spread, by name of the rule."""

import math
from collections.abc import Callable

# The standard deviation of the Gaussian that weights are drawn from, by the connections of one output unit (n_in) and
# of one input unit (n_out). Source: notes §2.3.5; Glorot & Bengio 2010; He et al. 2015.
INITIALIZERS: dict[str, Callable[[int, int], float]] = {
    "zero": lambda n_in, n_out: 0.0,
    "small_normal": lambda n_in, n_out: 0.01,
    "large_normal": lambda n_in, n_out: 1.0,
    "xavier": lambda n_in, n_out: math.sqrt(2 / (n_in + n_out)),
    "he": lambda n_in, n_out: math.sqrt(2 / n_in),
}
