"""Running the compiled kernel on a stack: whether it is ready, and its models spread over threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.training.compilation import UNREADABLE
from percept.training.stacked.course import SMALLEST_RATE, Courses, Rule
from percept.training.stacked.design import Floats, Network
from percept.training.stacked.solver import Adam, Sgd, Solver
from percept.training.stacked.threads import allowed_threads, one_blas_thread
from percept.training.stacked.work import Work

_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
ARITHMETIC = 4e-10  # seconds for one sample and one parameter, forward and back; right within a factor
IN_LANES = 2000  # parameters of networks that are trained in lanes; all lanes' must stay near the processor
SHORT = 0.2  # seconds that Ctrl-C may wait for
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
def _signatures(name: str) -> dict[str, tuple[Any, ...]]:
    """Return numba's types of the kernel's arguments: the same for every call, so that it is compiled once."""
    import numba

    types: Any = numba.types
    number = numba.from_dtype(np.dtype(name))

    def given(of: Any, dimensions: int) -> Any:
        return types.Array(of, dimensions, "C", readonly=True)

    def own(of: Any, dimensions: int) -> Any:
        return types.Array(of, dimensions, "C")

    whole, real = types.int64, types.float64
    inputs = types.Tuple((given(number, 2), given(number, 1), given(types.int32, 1), given(types.int32, 1)))
    lines = (given(whole, 2), given(whole, 1), given(whole, 1))
    training = (
        *(given(whole, 1), inputs, given(number, 2), given(number, 2), given(whole, 1), given(whole, 1)),
        *(given(real, 1), given(real, 1), *lines, given(whole, 2), given(whole, 1), given(whole, 3), given(whole, 1)),
        *(given(real, 1), own(whole, 1), *(own(number, 2),) * 4, *(own(real, 2),) * 3, own(whole, 1)),
    )
    answering = (*(given(whole, 1), inputs, given(whole, 1), given(whole, 1), *lines, own(number, 2), own(number, 3)),)
    return {"train_models": training, "answer_models": answering}


def loaded(dtype: np.dtype[Any]) -> bool:
    """Return whether this process has the kernel for a number type."""
    return dtype.str in _loaded


def on_disk(dtype: np.dtype[Any]) -> bool:
    """Return whether the kernel for a number type lies compiled on disk."""
    from percept.training.stacked import kernel

    function: Any = kernel.train_models
    signature = _signatures(dtype.str)["train_models"]
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


def ready(dtype: np.dtype[Any]) -> None:
    """Compile the kernel for a number type, or load it from disk, if this process does not have it."""
    from percept.training.stacked import kernel

    if dtype.str not in _loaded:
        for name, signature in _signatures(dtype.str).items():
            function: Any = getattr(kernel, name)
            function.compile(signature)
        _loaded.add(dtype.str)


def train(work: Work, courses: Courses, rule: Rule, tell: Callable[[int], None] | None = None) -> None:
    """Train every model of a stack in place, each on one thread, until it stops or has had its epochs.

    Ctrl-C ends it after the present epoch of each model at work.

    Args:
        work: the order.
        courses: of the models; changed in place.
        rule: by which they stop.
        tell: told how many models are done, each time some more are.
    """
    from percept.training.stacked import kernel

    function: Any = kernel.train_models
    ready(work.state.parameters.dtype)
    state, begun = work.state, int(courses.epochs.max(initial=0))
    epochs = slice(begun, begun + work.epochs)
    losses, scores = (np.full_like(each[:, epochs], np.nan, order="C") for each in (courses.losses, courses.scores))
    halt = np.zeros(1, np.int64)
    lanes = lanes_of(work, rule)
    choices, constants = _settings(
        work.network, work.batch_size, work.solver, rule, state.parameters.dtype, sure=_sure(work.T), lanes=lanes
    )
    arguments = (
        *(_inputs(work.X, state.parameters.dtype), _given(work.T), _given(work.weights)),
        *(_given(np.array(work.network.sizes)), _given(choices), _given(constants), _given(work.factors)),
        *(_given(work.rows), _given(work.rows_of), _given(work.line_counts), _given(work.held)),
        *(_given(work.held_counts), _given(work.orders), _given(work.orders_of), _given(work.alphas), state.steps),
        *(state.parameters, state.first, state.second, courses.best, courses.table, losses, scores, halt),
    )
    seconds = work.epochs * int(work.counts.sum()) * work.network.parameter_count * ARITHMETIC
    running = courses.running
    running = running[np.argsort(work.counts[running], kind="stable")]  # those that can be trained in lanes together
    stopped = work.models - len(running)
    told = None if tell is None else lambda done: tell(stopped + done)
    try:
        _spread(lambda models: function(_given(models), *arguments), running, lanes, seconds, halt, told)
    finally:
        courses.losses[:, epochs], courses.scores[:, epochs] = losses, scores


def answers(
    network: Network,
    parameters: Floats,
    X: Any,
    rows: NDArray[np.intp],
    rows_of: NDArray[np.intp],
    counts: NDArray[np.intp],
) -> Floats:
    """Return what each model of a stack answers to its rows: (models, n, outputs), 0 past a line's count.

    Args:
        network: the design, one that the kernel takes.
        parameters: (models, parameters).
        X: (samples, features), dense or CSR, in the parameters' number type.
        rows: (lines, n).
        rows_of: (models,) line of each model.
        counts: (lines,) rows that count.
    """
    from percept.training.stacked import kernel

    function: Any = kernel.answer_models
    dtype = parameters.dtype
    ready(dtype)
    found = np.zeros((len(parameters), rows.shape[1], network.sizes[-1]), dtype)
    choices, _ = _settings(network, 1, Adam(), Rule(), dtype)
    lines = (np.ascontiguousarray(each, np.intp) for each in (rows, rows_of, counts))
    arguments = (
        *(_inputs(X, dtype), _given(np.array(network.sizes)), _given(choices), *(_given(each) for each in lines)),
        *(np.ascontiguousarray(parameters), found),
    )
    seconds = int(counts[rows_of].sum()) * network.parameter_count * ARITHMETIC / 3
    halt = np.zeros(1, np.int64)
    _spread(lambda models: function(_given(models), *arguments), np.arange(len(parameters)), 1, seconds, halt, None)
    return found


def lanes_of(work: Work, rule: Rule) -> int:
    """Return how many networks of a stack are trained at once, one in each lane of a vector."""
    from percept.training.stacked import kernel

    size, sizes = work.state.parameters.itemsize, work.network.sizes
    samples = min(work.batch_size, work.rows.shape[1]) + 7
    few = work.network.parameter_count <= IN_LANES
    near = (max(sizes) + 1) * samples * size <= kernel.NEAR  # else BLAS adds up its gradients in its own order
    plain = not work.sparse and not work.weights.size and rule.schedule != "adaptive"  # all take the same steps
    return kernel.LANE_BYTES // size if few and near and plain else 1


def _spread(
    work: Callable[[NDArray[np.intp]], None],
    models: NDArray[np.intp],
    lanes: int,
    seconds: float,
    halt: NDArray[np.int64],
    tell: Callable[[int], None] | None,
) -> None:
    """Deal models to threads, whole lanes together; where they take long, the main thread is free to hear of Ctrl-C."""
    threads, groups = allowed_threads(), -(-len(models) // lanes)
    if not len(models):
        return
    with one_blas_thread():
        if len(models) == 1 and seconds < SHORT:
            work(models)
            return
        many = min(groups, max(threads * 4, len(models) // 16))
        ends = [groups * part // many * lanes for part in range(1, many)]
        parts = np.split(models, ends)
        with ThreadPoolExecutor(min(threads, many)) as pool:
            jobs = {pool.submit(work, part): len(part) for part in parts}
            done = 0
            try:
                for job in as_completed(jobs):
                    job.result()
                    done += jobs[job]
                    if tell is not None:
                        tell(done)
            except BaseException:
                halt[0] = 1
                raise


def _inputs(X: Any, dtype: np.dtype[Any]) -> tuple[NDArray[Any], ...]:
    """Return the inputs as the kernel takes them: dense values, and those of a sparse matrix."""
    none = np.empty(0, np.int32)
    parts: tuple[NDArray[Any], ...] = (X, np.empty(0, dtype), none, none)
    if hasattr(X, "tocsr"):
        columns, starts = (part.astype(np.int32, copy=False) for part in (X.indices, X.indptr))
        parts = (np.empty((0, X.shape[1]), dtype), X.data, columns, starts)
    return tuple(_given(part) for part in parts)


def _sure(T: Floats) -> bool:
    """Return whether every row of targets has one 1 and zeros."""
    return bool(((T == 0) | (T == 1)).all() and (T.sum(axis=1) == 1).all())


def _settings(
    network: Network,
    batch_size: int,
    solver: Solver,
    rule: Rule,
    dtype: np.dtype[Any],
    *,
    sure: bool = False,
    lanes: int = 1,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the kernel's choices and constants."""
    from percept.training.stacked import kernel

    tiny = float(np.finfo(dtype).tiny)
    if isinstance(solver, Adam):
        kind, constants = kernel.ADAM, (solver.beta_1, solver.beta_2, solver.epsilon, tiny)
    elif isinstance(solver, Sgd):
        kind, constants = kernel.NESTEROV if solver.nesterov else kernel.SGD, (solver.momentum, 0.0, 0.0, tiny)
    else:
        raise TypeError(f"the kernel has no {type(solver).__name__}")
    judge = {"nothing": kernel.NOTHING, "loss": kernel.LOSS, "score": kernel.SCORES[rule.score]}[rule.judge]
    ending = kernel.OUTPUT_CODES[network.output, str(network.loss)]
    schedule = kernel.SCHEDULES[rule.schedule]
    choices = (kernel.ACTIVATION_CODES[network.activation], ending, kind, batch_size, judge, schedule, sure, lanes)
    stopping = (rule.tolerance, rule.patience, rule.power_t, rule.learning_rate, SMALLEST_RATE)
    return np.array(choices, np.int64), np.array([*constants, *stopping])
