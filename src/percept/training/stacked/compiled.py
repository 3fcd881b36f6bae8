"""Running the compiled kernel on a stack: whether it is ready, and its models spread over threads."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.training.compilation import UNREADABLE
from percept.training.stacked.design import Network
from percept.training.stacked.solver import Adam, Sgd, Solver
from percept.training.stacked.threads import allowed_threads, one_blas_thread
from percept.training.stacked.work import Work

_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
_loaded: set[str] = set()  # number types whose kernel this process has
_ENDINGS = {("identity", "squared_error"), ("logistic", "log_loss"), ("softmax", "log_loss"), ("exp", "poisson")}


def takes(network: Network, solver: Solver) -> bool:
    """Return whether the kernel can train this network with this solver at all."""
    return (
        isinstance(solver, (Sgd, Adam))
        and network.activation in _ACTIVATIONS
        and (network.output, network.loss) in _ENDINGS
        and not network.batch_norm
        and not any(network.dropout)
        and _installed()
    )


@cache
def _installed() -> bool:
    return find_spec("numba") is not None


@cache
def _signature(name: str) -> tuple[Any, ...]:
    """Return numba's types of the kernel's arguments: the same for every call, so that it is compiled once."""
    import numba

    types: Any = numba.types

    number = numba.from_dtype(np.dtype(name))

    def given(of: Any, dimensions: int) -> Any:
        return types.Array(of, dimensions, "C", readonly=True)

    def own(of: Any) -> Any:
        return types.Array(of, 1, "C")

    whole = types.int64
    inputs = (given(number, 2), given(number, 1), given(types.int32, 1), given(types.int32, 1))
    settings = (own(whole), own(whole), own(types.float64), own(types.float64))
    samples = (given(whole, 1), given(whole, 2), types.float64, whole)
    state = (own(number), own(number), own(number), own(types.float64))
    return (types.Tuple(inputs), given(number, 2), given(number, 1), *settings, *samples, *state)


def loaded(dtype: np.dtype[Any]) -> bool:
    """Return whether this process has the kernel for a number type."""
    return dtype.str in _loaded


def on_disk(dtype: np.dtype[Any]) -> bool:
    """Return whether the kernel for a number type lies compiled on disk."""
    from percept.training.stacked import kernel

    function: Any = kernel.train_one
    signature = _signature(dtype.str)
    try:  # numba offers no public way to ask; what cannot be read is taken for not compiled
        cached = function._cache
        key = cached._index_key(signature, function.targetctx.codegen())
        return bool(key in cached._cache_file._load_index())
    except UNREADABLE:
        return False


def _given(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view that cannot be written to, which is the kernel's type for what it only reads."""
    seen = array.view()
    seen.flags.writeable = False
    return seen


def train(work: Work) -> NDArray[np.float64]:
    """Train every model of a stack in place, each on one thread, and return the losses (models, epochs)."""
    from percept.training.stacked import kernel

    function: Any = kernel.train_one
    dtype = work.state.parameters.dtype
    if dtype.str not in _loaded:
        function.compile(_signature(dtype.str))
        _loaded.add(dtype.str)
    state, none = work.state, np.empty(0, np.int32)
    losses = np.empty((work.models, work.epochs))
    inputs: tuple[NDArray[Any], ...] = (work.X, np.empty(0, dtype), none, none)
    if work.sparse:
        columns, starts = (part.astype(np.int32, copy=False) for part in (work.X.indices, work.X.indptr))
        inputs = (np.empty((0, work.X.shape[1]), dtype), work.X.data, columns, starts)
    inputs = tuple(_given(part) for part in inputs)
    targets, sizes = _given(work.T), np.array(work.network.sizes, np.int64)
    choices, constants = _settings(work)
    equal = _given(np.empty(0, dtype))

    def train_model(model: int) -> None:
        rows = work.rows[work.rows_of[model], : work.counts[model]]
        weights = _given(work.weights[model % len(work.weights)]) if work.weights.size else equal
        order = _given(work.orders[work.orders_of[model]])
        parts = (state.parameters[model], state.first[model], state.second[model], losses[model])
        taken = (float(work.alphas[model]), int(state.steps[model]))
        state.steps[model] = function(
            inputs, targets, weights, sizes, choices, constants, work.rates, _given(rows), order, *taken, *parts
        )

    with one_blas_thread():
        threads = 1 if work.models == 1 else min(allowed_threads(), work.models)
        if threads == 1:
            for model in range(work.models):
                train_model(model)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(train_model, range(work.models)))
    return losses


def _settings(work: Work) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the kernel's choices (activation, output, solver, batch size) and its constants."""
    from percept.training.stacked import kernel

    network, solver = work.network, work.solver
    ending = kernel.OUTPUT_CODES[network.output, str(network.loss)]
    tiny = float(np.finfo(work.state.parameters.dtype).tiny)
    if isinstance(solver, Adam):
        kind, constants = kernel.ADAM, (solver.beta_1, solver.beta_2, solver.epsilon, tiny)
    elif isinstance(solver, Sgd):
        kind, constants = kernel.NESTEROV if solver.nesterov else kernel.SGD, (solver.momentum, 0.0, 0.0, tiny)
    else:
        raise TypeError(f"the kernel has no {type(solver).__name__}")
    choices = np.array([kernel.ACTIVATION_CODES[network.activation], ending, kind, work.batch_size], np.int64)
    return choices, np.array(constants)
