"""Which arguments the perceptron takes."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any

from percept.errors import OptionError
from percept.estimators.options import check_choice, check_flag, check_number, check_whole
from percept.training.perceptron import Settings


def check_options(estimator: Any) -> None:
    """Raise unless the arguments of a perceptron make sense.

    Args:
        estimator: a Perceptron.

    Raises:
        OptionError: one of them does not.
    """
    given = estimator.get_params(deep=False)
    check_choice("penalty", given["penalty"], ("l2", "l1", "elasticnet", None))
    check_choice("output", given["output"], ("sign", "step"))
    check_number("alpha", given["alpha"])
    check_number("l1_ratio", given["l1_ratio"], high=1.0, ends="[]")
    check_number("eta0", given["eta0"], ends="()")
    check_number("validation_fraction", given["validation_fraction"], high=1.0, ends="()")
    if given["tol"] is not None:
        check_number("tol", given["tol"])
    check_whole("max_iter", given["max_iter"])
    check_whole("n_iter_no_change", given["n_iter_no_change"])
    check_whole("verbose", given["verbose"], low=0)
    for name in ("fit_intercept", "shuffle", "early_stopping", "warm_start", "pocket", "trace"):
        check_flag(name, given[name])
    jobs, weight = given["n_jobs"], given["class_weight"]
    if not (jobs is None or isinstance(jobs, Integral)):
        raise OptionError(f"n_jobs is {jobs!r}; expected None or a whole number of threads, -1 for all")
    if not (weight is None or isinstance(weight, Mapping) or (isinstance(weight, str) and weight == "balanced")):
        raise OptionError(f"class_weight is {weight!r}; expected None, 'balanced' or a dictionary of weights")


def settings_of(estimator: Any, epochs: int) -> Settings:
    """Return how a perceptron's arguments say that each of its neurons be trained.

    Args:
        estimator: a Perceptron with checked arguments.
        epochs: at most so many.
    """
    return Settings(
        eta=estimator.eta0,
        output=estimator.output,
        penalty=estimator.penalty,
        alpha=estimator.alpha,
        l1_ratio=estimator.l1_ratio,
        bias=bool(estimator.fit_intercept),
        epochs=epochs,
        tolerance=estimator.tol,
        patience=estimator.n_iter_no_change,
        trace=bool(estimator.trace),
        verbose=estimator.verbose > 0,
    )
