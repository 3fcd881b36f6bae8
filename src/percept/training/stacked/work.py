"""One order to the engine, with every array in the form that both the kernel and torch take."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.errors import DataError, OptionError
from percept.training.stacked.design import LOSSES, OUTPUTS, Floats, Network
from percept.training.stacked.solver import Solver, State, take


@dataclass(frozen=True)
class Work:
    """What the engine was asked for; see `run_courses` for shapes. `weights` is (0 or 1 or models, samples)."""

    network: Network
    X: Any
    T: Floats
    state: State
    rows: NDArray[np.intp]
    orders: NDArray[np.intp]
    rows_of: NDArray[np.intp]
    orders_of: NDArray[np.intp]
    line_counts: NDArray[np.intp]
    batch_size: int
    alphas: NDArray[np.float64]
    solver: Solver
    weights: Floats
    factors: NDArray[np.float64]
    held: NDArray[np.intp]
    held_counts: NDArray[np.intp]

    @property
    def rates(self) -> NDArray[np.float64]:
        """(layers,) learning rate of each layer."""
        return self.solver.learning_rate * self.factors

    @property
    def counts(self) -> NDArray[np.intp]:
        """(models,) samples that each model is trained on."""
        return self.line_counts[self.rows_of]

    @property
    def models(self) -> int:
        """Number of networks in the stack."""
        return len(self.state.parameters)

    @property
    def epochs(self) -> int:
        """Number of passes over the samples."""
        return int(self.orders.shape[1])

    @property
    def sparse(self) -> bool:
        """Whether the inputs are a sparse matrix."""
        return hasattr(self.X, "tocsr")

    def part(self, models: NDArray[np.intp], epoch: int, learning_rate: float) -> "Work":
        """Return the order to train some of the models for one of the epochs, with copies of their state."""
        return replace(
            self,
            state=take(self.state, models),
            orders=self.orders[:, epoch : epoch + 1],
            rows_of=self.rows_of[models],
            orders_of=self.orders_of[models],
            alphas=self.alphas[models],
            solver=replace(self.solver, learning_rate=learning_rate),
            weights=self.weights[models] if len(self.weights) > 1 else self.weights,
        )


def prepare(
    network: Network,
    X: Any,
    T: NDArray[Any],
    state: State,
    rows: NDArray[np.intp],
    orders: NDArray[np.intp],
    batch_size: int,
    alphas: float | NDArray[np.floating[Any]],
    solver: Solver,
    sample_weight: NDArray[Any] | None,
    rows_of: NDArray[np.intp] | None,
    orders_of: NDArray[np.intp] | None,
    counts: NDArray[np.intp] | None,
    layer_rates: Sequence[float] | None,
    held: NDArray[np.intp] | None = None,
    held_counts: NDArray[np.intp] | None = None,
) -> Work:
    """Return an order to the engine, checked, with every array contiguous and of the parameters' number type.

    Raises:
        DataError: shapes do not agree.
        OptionError: the loss does not go with the output.
    """
    dtype = state.parameters.dtype
    models = len(state.parameters)
    rows, orders = np.atleast_2d(rows), orders if orders.ndim == 3 else np.atleast_2d(orders)[None]
    size = np.full(len(rows), rows.shape[1]) if counts is None else np.asarray(counts)
    work = Work(
        network,
        X.tocsr().astype(dtype, copy=False) if hasattr(X, "tocsr") else np.ascontiguousarray(X, dtype),
        np.ascontiguousarray(T, dtype),
        state,
        np.ascontiguousarray(rows, np.intp),
        np.ascontiguousarray(orders, np.intp),
        _which("rows", rows, rows_of, models),
        _which("orders", orders, orders_of, models),
        np.ascontiguousarray(size, np.intp),
        batch_size,
        np.zeros(models) + alphas,
        solver,
        np.empty((0, 0), dtype) if sample_weight is None else np.atleast_2d(np.ascontiguousarray(sample_weight, dtype)),
        np.array([1.0] * network.layers if layer_rates is None else layer_rates, np.float64),
        *_held_out(rows, held, held_counts),
    )
    _check(work)
    return work


def _held_out(
    rows: NDArray[np.intp], held: NDArray[np.intp] | None, counts: NDArray[np.intp] | None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the lines of samples held out, one for each line of `rows`, and how many of each count."""
    if held is None:
        return np.empty((len(rows), 0), np.intp), np.zeros(len(rows), np.intp)
    lines = np.ascontiguousarray(np.atleast_2d(held), np.intp)
    return lines, np.full(len(lines), lines.shape[1]) if counts is None else np.asarray(counts)


def _which(name: str, arrays: NDArray[Any], of: NDArray[np.intp] | None, models: int) -> NDArray[np.intp]:
    """Return which of the arrays each model has: the only one, its own, or the one that the caller says."""
    if of is not None:
        return np.ascontiguousarray(of, np.intp)
    if len(arrays) not in (1, models):
        raise DataError(f"{name} are {len(arrays)} for {models} models; expected 1, or one for each model")
    return np.zeros(models, np.intp) if len(arrays) == 1 else np.arange(models)


def _check(work: Work) -> None:
    network = work.network
    outputs = LOSSES.get(network.loss, ()) if isinstance(network.loss, str) else OUTPUTS
    if network.output not in outputs:
        choice = f"an output of {', '.join(outputs)}" if outputs else f"a loss of {', '.join(LOSSES)}, or a function"
        raise OptionError(f"loss {network.loss!r} with output {network.output!r}; expected {choice}")
    shapes = {
        "X": (work.X.shape[1:], network.sizes[:1]),
        "T": (work.T.shape, (work.X.shape[0], network.sizes[-1])),
        "parameters": (work.state.parameters.shape[1:], (network.parameter_count,)),
        "orders": (work.orders.shape[2:], work.rows.shape[1:]),
        "layer_rates": (work.factors.shape, (network.layers,)),
        "held": ((len(work.held),), (len(work.rows),)),
        "dropout": ((len(network.dropout),), (len(network.hidden) if network.dropout else 0,)),
    }
    if work.weights.size:
        shapes["sample_weight"] = (work.weights.shape[1:], work.X.shape[:1])
    for name, (shape, expected) in shapes.items():
        if shape != expected:
            raise DataError(f"{name} has shape {shape}; expected {expected} for layers of {network.sizes} units")
    samples = len(work.T)
    for name, numbers, below in (
        ("rows", work.rows, samples),
        ("held", work.held, samples),
        ("orders", work.orders, work.rows.shape[1]),
    ):
        if numbers.size and numbers.view(np.uintp).max() >= below:  # below 0 they read as huge
            raise DataError(f"{name} go from {numbers.min()} to {numbers.max()}; expected 0 to {below - 1}")
    if work.batch_size < 1:
        raise OptionError(f"batch_size is {work.batch_size}; expected 1 or more")
