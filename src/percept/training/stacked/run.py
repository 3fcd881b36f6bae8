"""Training a stack of networks, by the compiled kernel or by torch, whichever finishes first."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from percept.errors import OptionError
from percept.training.stacked.compiled import loaded, on_disk, takes
from percept.training.stacked.course import EPOCHS, NOW, SEEN, Courses, Rule, decide, new_courses
from percept.training.stacked.design import Floats, Network
from percept.training.stacked.forward import folded, forward
from percept.training.stacked.solver import Solver, State, put
from percept.training.stacked.work import Work, prepare

__all__ = ["folded", "forward", "run_courses", "run_epochs"]

Engine = Literal["auto", "kernel", "torch"]
Validate = Callable[
    [Floats, Floats, int], float
]  # a score from parameters, statistics and the line of samples held out

# Seconds on one core of a plain machine; they only need to be right within a factor.
COMPILING = 36.0  # the kernel for one number type, once on a machine
LOADING_NUMBA = 0.45  # once a process
LOADING = 0.2  # the compiled kernel, once a process
IMPORTING = 2.0  # torch, once a process
STEP = 100e-6  # how much longer torch takes for a step of a whole stack, beyond the arithmetic
ARITHMETIC = 1.8e-10  # how much longer it takes for one sample and one parameter, forward and back

_spent = 0.0  # seconds of this process's work that torch did though the kernel would have been faster


def run_epochs(
    network: Network,
    X: Any,
    T: NDArray[Any],
    state: State,
    rows: NDArray[np.intp],
    orders: NDArray[np.intp],
    batch_size: int,
    alphas: float | NDArray[np.floating[Any]],
    solver: Solver,
    sample_weight: NDArray[Any] | None = None,
    *,
    rows_of: NDArray[np.intp] | None = None,
    orders_of: NDArray[np.intp] | None = None,
    counts: NDArray[np.intp] | None = None,
    layer_rates: Sequence[float] | None = None,
    expected_epochs: int | None = None,
    device: str = "cpu",
    engine: Engine = "auto",
) -> NDArray[np.float64]:
    """Train every model of a stack in place and return the loss of each epoch, as scikit-learn's `loss_curve_` has it.

    A model's result does not depend on the other models: by the kernel it is the same to the last bit, alone or in a
    stack and on any number of threads. Kernel and torch agree up to rounding. A batch whose weights sum to 0 takes no
    step.

    Args:
        network: the design that the models share.
        X: (samples, features) of all models, dense or sparse (CSR).
        T: (samples, outputs) targets: indicators for log_loss, {-1, 1} for a tanh output and for the perceptron loss.
        state: the stack, changed in place; its number type is that of the arithmetic.
        rows: (models or 1, n) rows of X that a model is trained on.
        orders: (models or 1, epochs, n) order of an epoch, as positions in the model's rows. A batch of all of them
            is taken in the order of the rows, whatever the order.
        batch_size: samples a step; the last batch of an epoch may be smaller.
        alphas: one number, or (models,): the penalty of a batch is 0.5 alpha |W|^2 / (sum of its weights).
        solver: settings of the solver.
        sample_weight: (samples,), or (models, samples), indexed like X; None for equal weights.
        rows_of: (models,) which line of `rows` a model has, where that is neither the only one nor its own.
        orders_of: (models,) the same for `orders`.
        counts: (lines of rows,) how many of a line's rows count, where lines differ in length; None for all.
        layer_rates: (layers,) factors of the learning rate.
        expected_epochs: epochs that this call and those to come may run, for the choice of the engine; None for those
            of this call.
        device: where torch runs.
        engine: "kernel" or "torch" for tests; "auto" chooses.

    Returns:
        (models, epochs): losses of batches, with their penalty, as a mean weighted by batch size.

    Raises:
        DataError: shapes do not agree.
        OptionError: the loss does not go with the output, the kernel was asked for what it does not do, or there is no
            such device.

    Source: notes §2.3; Kingma & Ba 2015.
    """
    work = prepare(
        network, X, T, state, rows, orders, batch_size, alphas, solver, sample_weight, rows_of, orders_of, counts,
        layer_rates,
    )  # fmt: skip
    rule = Rule(learning_rate=solver.learning_rate)
    courses = new_courses(state, rule, work.epochs)
    run_courses(work, courses, rule, expected_epochs=expected_epochs, device=device, engine=engine)
    return courses.losses


def run_courses(
    work: Work,
    courses: Courses,
    rule: Rule,
    validate: Validate | None = None,
    *,
    expected_epochs: int | None = None,
    device: str = "cpu",
    engine: Engine = "auto",
    tell: Callable[[int], None] | None = None,
) -> None:
    """Train every model of a stack in place for the epochs of an order, each until it stops by its own rule.

    Args:
        work: the order; `percept.training.stacked.work.prepare` makes one.
        courses: how the models' training went so far; changed in place.
        rule: when training stops.
        validate: where a score judges: the score of a model's parameters and statistics on a line of samples held out,
            for torch, which does not have the kernel's.
        expected_epochs: see `run_epochs`.
        device: see `run_epochs`.
        engine: see `run_epochs`.
        tell: told how many models are done, each time some more are.

    Raises:
        OptionError: the kernel was asked for what it does not do, or there is no such device.
    """
    if engine == "kernel" and not takes(work.network, work.solver):
        raise OptionError("the kernel does not train this network with this solver; use engine torch")
    if engine == "kernel" or (engine == "auto" and device == "cpu" and kernel_is_faster(work, expected_epochs)):
        from percept.training.stacked import compiled

        compiled.train(work, courses, rule, tell)
    else:
        _by_torch(work, courses, rule, validate, device)


def _by_torch(work: Work, courses: Courses, rule: Rule, validate: Validate | None, device: str) -> None:
    """Train by torch: all epochs at once where nothing is judged, else one at a time, models of one rate together."""
    from percept.training.stacked import torch_path

    begun = int(courses.epochs.max(initial=0))
    if rule.judge == "nothing" and rule.schedule == "constant":
        courses.losses[:, begun : begun + work.epochs] = torch_path.train(work, device)
        courses.table[:, EPOCHS] += work.epochs
        courses.table[:, SEEN] += work.epochs * work.counts
        return
    for epoch in range(work.epochs):
        running = courses.running
        for rate in np.unique(courses.table[running, NOW]):
            models = running[courses.table[running, NOW] == rate]
            part = work.part(models, epoch, float(rate))
            courses.losses[models, begun + epoch] = torch_path.train(part, device)[:, 0]
            put(work.state, models, part.state)
        for model in running:
            _judge(work, courses, rule, validate, int(model), begun + epoch)


def _judge(work: Work, courses: Courses, rule: Rule, validate: Validate | None, model: int, epoch: int) -> None:
    """Take in what an epoch gave a model, and keep its weights where its score is the best so far."""
    course, state = courses.table[model], work.state
    course[EPOCHS] += 1
    course[SEEN] += work.counts[model]
    value = float(courses.losses[model, epoch])
    if rule.judge == "score" and validate is not None:
        value = validate(state.parameters[model], state.statistics[model], int(work.rows_of[model]))
        courses.scores[model, epoch] = value
    if decide(rule, course, value):
        courses.best[model], courses.best_statistics[model] = state.parameters[model], state.statistics[model]


def kernel_is_faster(work: Work, expected_epochs: int | None) -> bool:
    """Return whether the kernel finishes first, counting what it takes to have it ready.

    Short fits add up: once torch has lost as much time to the kernel as getting it ready takes, it is made ready.
    """
    global _spent
    if not takes(work.network, work.solver):
        return False
    if loaded(work.state.parameters.dtype):
        return True
    later = max((expected_epochs or 0) - work.epochs, 0)  # a fit that may stop on its own does so half-way, say
    if _worth(work.state.parameters.dtype, seconds_lost(work, work.epochs + later / 2)):
        return True
    _spent += seconds_lost(work, work.epochs)
    return False


def ready_if_worth(network: Network, solver: Solver, dtype: np.dtype[Any], lost: float) -> None:
    """Have the kernel ready, for work still to come of which torch would lose so many seconds, if it repays that.

    Args:
        network: of the work.
        solver: of the work.
        dtype: of the work.
        lost: seconds, see `time_lost`.
    """
    if takes(network, solver) and not loaded(dtype) and _worth(dtype, lost):
        from percept.training.stacked import compiled

        compiled.ready(dtype)


def _worth(dtype: np.dtype[Any], lost: float) -> bool:
    """Return whether the kernel, not yet loaded, repays making it ready by the seconds that torch would lose."""
    lost += _spent + (0.0 if "torch" in sys.modules else IMPORTING)
    loading = LOADING + (0.0 if "numba" in sys.modules else LOADING_NUMBA)
    return lost >= loading and (lost >= COMPILING or on_disk(dtype))


def seconds_lost(work: Work, epochs: float) -> float:
    """Return about how many seconds longer torch takes than the kernel for so many epochs of a stack."""
    return epochs * time_lost(work.network, work.counts, work.batch_size)


def time_lost(network: Network, samples: Sequence[int] | NDArray[np.intp], batch_size: int) -> float:
    """Return about how many seconds longer torch takes than the kernel for one epoch of a stack.

    Torch takes the steps of models with the same number of samples together, the kernel one model's after another's.

    Args:
        network: the design.
        samples: (models,) that each is trained on.
        batch_size: samples a step.
    """
    counts = np.asarray(samples)
    steps = -(-np.unique(counts) // batch_size)
    return float(steps.sum() * STEP + int(counts.sum()) * network.parameter_count * ARITHMETIC)
