"""How parameters are moved along their gradients, and what a solver remembers from step to step.

Source: notes §2.3.1, §2.4.3.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.training.stacked.design import Floats, Network


@dataclass(frozen=True)
class Sgd:
    """Gradient descent: v = momentum v - learning_rate g; w += v, or with Nesterov momentum v - learning_rate g.

    Source: notes §2.4.3; Sutskever et al. 2013.
    """

    learning_rate: float = 0.001
    momentum: float = 0.9
    nesterov: bool = True


@dataclass(frozen=True)
class Adam:
    """Steps scaled by running means of g and g^2; epsilon is added before the correction of the means' start at 0.

    Source: Kingma & Ba 2015, the form at the end of section 2.
    """

    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8


@dataclass(frozen=True)
class AdamW:
    """Adam whose weight decay shrinks the weights directly, by learning_rate * alpha / batch, past the running means.

    Source: Loshchilov & Hutter 2019.
    """

    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8


@dataclass(frozen=True)
class Rprop:
    """Step sizes that grow while a gradient keeps its sign and shrink when it turns; made for whole-data batches.

    Source: notes §2.4.3; Riedmiller & Braun 1993.
    """

    learning_rate: float = 0.01
    shrink: float = 0.5
    grow: float = 1.2
    smallest: float = 1e-6
    largest: float = 50.0


@dataclass(frozen=True)
class Adagrad:
    """Steps divided by the root of the sum of all squared gradients so far.

    Source: notes §2.4.3; Duchi et al. 2011.
    """

    learning_rate: float = 0.01
    epsilon: float = 1e-10


@dataclass(frozen=True)
class Rmsprop:
    """Steps divided by the root of a running mean of squared gradients.

    Source: notes §2.4.3; Tieleman & Hinton 2012.
    """

    learning_rate: float = 0.001
    decay: float = 0.99
    epsilon: float = 1e-8


@dataclass(frozen=True)
class Adadelta:
    """Steps in units of the running mean of earlier steps, so that the learning rate is a plain factor.

    Source: notes §2.4.3; Zeiler 2012.
    """

    learning_rate: float = 1.0
    decay: float = 0.9
    epsilon: float = 1e-6


Solver = Sgd | Adam | AdamW | Rprop | Adagrad | Rmsprop | Adadelta

SOLVERS: dict[str, type[Solver]] = {
    "sgd": Sgd,
    "adam": Adam,
    "adamw": AdamW,
    "rprop": Rprop,
    "adagrad": Adagrad,
    "rmsprop": Rmsprop,
    "adadelta": Adadelta,
}


@dataclass
class State:
    """A stack in the middle of training: changed in place by `run_epochs`.

    Attributes:
        parameters: (models, parameters).
        first: (models, parameters): velocities, first moments, or the previous gradients of rprop.
        second: (models, parameters): second moments, or the step sizes of rprop.
        steps: (models,) steps taken.
        statistics: (models, 2 * hidden units): running means, then variances, of each hidden layer in turn;
            (models, 0) without batch normalization.
        generators: one random source a model, for dropout; empty without.
    """

    parameters: Floats
    first: Floats
    second: Floats
    steps: NDArray[np.int64]
    statistics: Floats
    generators: list[np.random.Generator] = field(default_factory=list)


def new_state(network: Network, parameters: NDArray[Any], seeds: NDArray[np.integer[Any]] | None = None) -> State:
    """Return the state of a stack before its first step, with copies of the initial parameters.

    Args:
        network: the design.
        parameters: (models, parameters), or (parameters,) for one model; float32 or float64.
        seeds: (models,) of the random choices that dropout makes; None for 0, 1, 2, ...

    Example:
        >>> new_state(Network((2, 1)), np.zeros(3)).parameters.shape
        (1, 3)
    """
    start = np.array(parameters, ndmin=2, order="C")
    models = len(start)
    statistics = np.zeros((models, 2 * sum(network.hidden) if network.batch_norm else 0), start.dtype)
    at = 0
    for units in network.hidden if network.batch_norm else ():
        statistics[:, at + units : at + 2 * units] = 1
        at += 2 * units
    generators = []
    if any(network.dropout):
        generators = [np.random.default_rng(int(seed)) for seed in (range(models) if seeds is None else seeds)]
    return State(start, np.zeros_like(start), np.zeros_like(start), np.zeros(models, np.int64), statistics, generators)


def take(state: State, models: NDArray[np.intp] | list[int]) -> State:
    """Return a copy of some models' part of a state; their random sources are shared."""
    return State(
        state.parameters[models],
        state.first[models],
        state.second[models],
        state.steps[models],
        state.statistics[models],
        [state.generators[model] for model in models if state.generators],
    )


def put(state: State, models: NDArray[np.intp], part: State) -> None:
    """Write some models' part back."""
    for name in ("parameters", "first", "second", "steps", "statistics"):
        getattr(state, name)[models] = getattr(part, name)
