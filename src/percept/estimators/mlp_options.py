"""Which arguments the multilayer perceptrons take, and whether they go together."""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from math import inf
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np

from percept.errors import OptionError, PerceptWarning
from percept.estimators.epochs import Settings
from percept.estimators.options import check_choice, check_flag, check_number, check_whole
from percept.nn.deviations import INITIALIZERS
from percept.training.stacked.course import Rule
from percept.training.stacked.solver import SOLVERS, Solver

ACTIVATIONS = ("identity", "logistic", "tanh", "relu", "leaky_relu", "elu", "softmax")
SCHEDULES = ("constant", "invscaling", "adaptive")
SMALLEST_ADADELTA = 0.01  # below it, training seems to have converged before it has begun


@dataclass(eq=False, repr=False, kw_only=True)
class TrainingOptions:
    """The arguments that say how a multilayer perceptron is trained: one list for all estimators that have them."""

    solver: str = "adam"
    batch_size: int | Literal["auto"] = "auto"
    learning_rate: str = "constant"
    learning_rate_init: float = 0.001
    power_t: float = 0.5
    max_iter: int = 200
    shuffle: bool = True
    random_state: int | np.random.RandomState | None = None
    tol: float = 1e-4
    verbose: bool | int = False
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    early_stopping: bool = False
    validation_fraction: float = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_iter_no_change: float = 10
    max_fun: int = 15000
    initializer: str | None = None
    dropout: float | Sequence[float] = 0.0
    batch_norm: bool = False
    restarts: int = 1
    learning_rates: Sequence[float] | None = None
    device: str = "cpu"


def check_options(estimator: Any) -> None:
    """Raise unless the arguments that both multilayer perceptrons share make sense, each and together.

    Args:
        estimator: an MLPClassifier or MLPRegressor.

    Raises:
        OptionError: one of them does not.
    """
    given = estimator.get_params(deep=False)
    held_out = given["early_stopping"] is True and given["solver"] != "lbfgs"
    check_choice("activation", given["activation"], ACTIVATIONS)
    check_choice("solver", given["solver"], ("lbfgs", *SOLVERS))
    check_choice("learning_rate", given["learning_rate"], SCHEDULES)
    check_choice("initializer", given["initializer"], (None, *INITIALIZERS))
    for name in ("alpha", "power_t", "tol"):
        check_number(name, given[name])
    for name in ("learning_rate_init", "epsilon"):
        check_number(name, given[name], ends="()")
    for name in ("beta_1", "beta_2"):
        check_number(name, given[name], high=1)
    check_number("validation_fraction", given["validation_fraction"], high=1, ends="()" if held_out else "[)")
    check_number("momentum", given["momentum"], high=1, ends="[]")
    for name in ("max_iter", "max_fun", "restarts"):
        check_whole(name, given[name])
    if given["batch_size"] != "auto":
        check_whole("batch_size", given["batch_size"])
    if given["n_iter_no_change"] != inf:
        check_whole("n_iter_no_change", given["n_iter_no_change"])
    for name in ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping", "batch_norm"):
        check_flag(name, given[name])
    if not isinstance(given["verbose"], (bool, np.bool_)):
        check_whole("verbose", given["verbose"], low=0)
    layers = len(hidden_sizes(given["hidden_layer_sizes"])) + 1
    rates = layer_rates(given["learning_rates"], layers)
    device = _device(given["device"])
    if given["solver"] == "lbfgs":
        _check_batchless(given, rates, device)


def _check_batchless(given: dict[str, Any], rates: tuple[float, ...] | None, device: str) -> None:
    """Raise if L-BFGS is asked for something that needs batches, torch, or rates of learning."""
    for name, used in (
        ("dropout", bool(np.any(given["dropout"]))),
        ("batch_norm", given["batch_norm"]),
        ("learning_rates", rates is not None),
        ("a loss of your own", callable(given["loss"])),
        (f"device={given['device']!r}", device != "cpu" and given["device"] != "auto"),
    ):
        if used:
            raise OptionError(
                f"solver is 'lbfgs', which does not take {name}; use solver='adam' or another of its kind"
            )


def hidden_sizes(given: object) -> tuple[int, ...]:
    """Return the units of each hidden layer.

    Args:
        given: one whole number, or a sequence of them, as for `hidden_layer_sizes`.

    Raises:
        OptionError: they are not whole numbers above 0.

    Example:
        >>> hidden_sizes(10)
        (10,)
    """
    sizes = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    whole = tuple(int(size) for size in sizes if isinstance(size, Integral) and int(size) > 0)
    if len(whole) < len(sizes):
        raise OptionError(f"hidden_layer_sizes is {given!r}; expected whole numbers of units, all of them > 0")
    return whole


def dropout_chances(given: object, layers: int) -> tuple[float, ...]:
    """Return each hidden layer's chance of dropout, or nothing where no layer has any.

    Args:
        given: one number for all hidden layers, or one for each.
        layers: how many hidden layers there are.

    Raises:
        OptionError: there are more or fewer, or one is not in [0, 1).

    Source: notes §2.5.3; Srivastava et al. 2014.

    Example:
        >>> dropout_chances(0.5, 2)
        (0.5, 0.5)
    """
    chances = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,) * layers
    if len(chances) != layers:
        raise OptionError(
            f"dropout has {len(chances)} numbers; expected one, or one for each of {layers} hidden layers"
        )
    for chance in chances:
        check_number("dropout", chance, high=1)
    return tuple(float(chance) for chance in chances if isinstance(chance, Real)) if any(chances) else ()


def layer_rates(given: object, layers: int) -> tuple[float, ...] | None:
    """Return what each layer's learning rate is multiplied by, or None for 1 everywhere.

    Args:
        given: None, or one number of at least 0 for each layer of weights; 0 freezes a layer.
        layers: how many layers of weights there are.

    Raises:
        OptionError: there are more or fewer, or one is negative.

    Source: notes §2.3.1.

    Example:
        >>> layer_rates([1, 0.5], 2)
        (1.0, 0.5)
    """
    if given is None:
        return None
    rates = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    if len(rates) != layers:
        raise OptionError(
            f"learning_rates has {len(rates)} numbers; expected one for each of {layers} layers of weights"
        )
    for rate in rates:
        check_number("learning_rates", rate)
    return tuple(float(rate) for rate in rates if isinstance(rate, Real))


def settings_of(estimator: Any, samples: int, epochs: int) -> Settings:
    """Return how an estimator's arguments say that it be trained by batches.

    Args:
        estimator: an MLPClassifier or MLPRegressor with checked arguments.
        samples: how many are trained on.
        epochs: at most so many.

    Raises:
        OptionError: batches of one sample are to be normalized.
    """
    if estimator.batch_size != "auto" and estimator.batch_size > samples:
        warnings.warn(
            f"batch_size is {estimator.batch_size}, larger than the {samples} samples to train on: each batch takes all"
            " of them",
            PerceptWarning,
            stacklevel=5,
        )
    if estimator.solver == "adadelta" and estimator.learning_rate_init < SMALLEST_ADADELTA:
        warnings.warn(
            f"learning_rate_init is {estimator.learning_rate_init:g}, which is hardly a step for adadelta: it"
            " multiplies steps that adadelta sizes by itself; set learning_rate_init=1",
            PerceptWarning,
            stacklevel=5,
        )
    batch = min(200 if estimator.batch_size == "auto" else int(estimator.batch_size), samples)
    if estimator.batch_norm and batch == 1:
        raise OptionError("batch_norm compares the samples of a batch, and a batch here is 1 sample; give it 2 or more")
    return Settings(
        solver=solver_of(estimator),
        layer_rates=layer_rates(estimator.learning_rates, estimator.n_layers_ - 1),
        batch_size=batch,
        epochs=epochs,
        shuffle=bool(estimator.shuffle),
        rule=Rule(
            judge="score" if estimator.early_stopping else "loss",
            score=estimator._score_name(),
            tolerance=float(estimator.tol),
            patience=float(estimator.n_iter_no_change),
            schedule=estimator.learning_rate if estimator.solver == "sgd" else "constant",
            power_t=float(estimator.power_t),
            learning_rate=float(estimator.learning_rate_init),
        ),
        verbose=bool(estimator.verbose),
        device=_device(estimator.device),
    )


def _device(name: Any) -> str:
    """Return the device to compute on, if there is one; for the CPU torch need not be asked, nor imported."""
    if isinstance(name, str) and name == "cpu":
        return name
    from percept.devices import choose_device

    return str(choose_device(name))


def solver_of(estimator: Any) -> Solver:
    """Return the solver that an estimator's arguments name; what a solver does not know is left out."""
    kind = SOLVERS[estimator.solver]
    known = {
        "learning_rate": float(estimator.learning_rate_init),
        "momentum": float(estimator.momentum),
        "nesterov": bool(estimator.nesterovs_momentum),
        "beta_1": float(estimator.beta_1),
        "beta_2": float(estimator.beta_2),
        "epsilon": float(estimator.epsilon),
    }
    return kind(**{part.name: known[part.name] for part in fields(kind) if part.name in known})  # type: ignore[arg-type]
