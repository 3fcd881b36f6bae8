"""One neuron trained by the perceptron rule: its epochs, when it stops, and the best weights seen (its pocket)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from percept.errors import DataError
from percept.training import rules
from percept.training.rules import Floats, Whole
from percept.training.trace import Trace

# So many products of a weight and a value are interpreted before numba is asked: about as long as numba takes to load.
INTERPRETED = 1_000_000

# Where samples x samples x features are at most so many, every weight vector seen is tried for the pocket; elsewhere
# those of each epoch's longest run of right answers, as in Gallant's algorithm with its ratchet.
FEW = 200_000

# A share of each update that goes to the bias where inputs are sparse, as scikit-learn has it (Bottou's advice).
SPARSE_BIAS_RATE = 0.01


@dataclass(frozen=True)
class Task:
    """What one neuron learns from.

    Args:
        X: (samples, features) float32 or float64, C-ordered or CSR.
        targets: (samples,) -1 or 1, in the type of X.
        weights: (samples,) factor of each sample's updates, in the type of X.
        held_out: (samples,) True for samples that are not trained on.
    """

    X: Any
    targets: Floats
    weights: Floats
    held_out: NDArray[np.bool_]


@dataclass(frozen=True)
class Settings:
    """How one neuron is trained.

    Args:
        eta: learning rate, above 0.
        output: "sign" (a sum of 0 is a mistake) or "step" (a sum of 0 answers 0).
        penalty: "l2", "l1", "elasticnet" or None.
        alpha: strength of the penalty, 0 or more.
        l1_ratio: the share of L1 in elasticnet, 0 to 1.
        bias: whether w0 is learnt.
        epochs: at most so many.
        tolerance: least gain of the loss that counts as one, or None to take all epochs.
        patience: it stops after so many epochs without a gain.
        seed: for the order of samples, or None for the order given.
        trace: whether bias and weights after every update are kept.
        verbose: whether each epoch prints a line.
    """

    eta: float = 1.0
    output: str = "sign"
    penalty: str | None = None
    alpha: float = 0.0
    l1_ratio: float = 0.0
    bias: bool = True
    epochs: int = 1000
    tolerance: float | None = 1e-3
    patience: int = 5
    seed: int | None = None
    trace: bool = False
    verbose: bool = False


@dataclass(frozen=True)
class Pass:
    """One epoch: its mistakes, and its perceptron loss, alone and with the penalty, each a mean over samples."""

    mistakes: int
    loss: float
    objective: float


@dataclass(frozen=True)
class Outcome:
    """What training gave: the last weights, the pocket's, and how it went."""

    weights: Floats
    bias: float
    pocket: NDArray[np.float64]  # (features + 1,) with the bias first
    passes: tuple[Pass, ...]
    wrong: int  # trained samples of some weight on the wrong side at the end
    trace: Trace | None


@dataclass
class State:
    """The weights while they are trained, as `rules.sweep` wants them."""

    vector: Floats
    parts: Floats
    paid: Floats
    figures: NDArray[np.float64]
    candidate: NDArray[np.float64]
    seen: NDArray[np.float64]  # (updates, features + 1) of the last epoch, where kept
    pocket: NDArray[np.float64]
    pocket_lost: float = inf
    longest: float = 0.0
    settled: bool = False
    trace: list[tuple[Whole, NDArray[np.float64], NDArray[np.float64]]] = field(default_factory=list)


def train(
    task: Task, weights: Floats, bias: float, settings: Settings, score: Callable[[Floats, float], float] | None = None
) -> Outcome:
    """Train one neuron by the perceptron rule until it stops gaining.

    Args:
        task: samples and targets.
        weights: (features,) to start from; not changed.
        bias: w0 to start from.
        settings: how.
        score: for early stopping: the score of weights and bias, higher is better, in place of the loss.

    Raises:
        DataError: the weights have become infinite.

    Source: notes §1.3.3; Rosenblatt 1958; Gallant 1990.
    """
    state = _start(weights, bias, settings)
    examined = _examined(task)
    passes: list[Pass] = []
    best, waited = inf, 0
    for done in sweeps(task, state, settings):
        passes.append(done)
        if not (np.isfinite(state.figures[rules.BIAS]) and np.isfinite(state.vector).all()):
            raise DataError(
                f"the weights are infinite after epoch {len(passes)} (floating-point under-/overflow occurred);"
                " scale the features first, for example with StandardScaler"
            )
        # scikit-learn scores the vector before its scale, which a penalty makes smaller; so does this
        value = done.objective if score is None else -score(state.vector, float(state.figures[rules.BIAS]))
        if settings.verbose:
            print(f"epoch {len(passes)}: {done.mistakes} mistakes, mean loss {done.loss:.6f}")
        _try_for_pocket(examined, state, settings.output)
        waited = waited + 1 if settings.tolerance is not None and value > best - settings.tolerance else 0
        best = min(best, value)
        if waited >= settings.patience or len(passes) == settings.epochs:
            break
    return _finish(task, examined, state, settings, tuple(passes))


def sweeps(task: Task, state: State, settings: Settings) -> Iterator[Pass]:
    """Yield one epoch after the other, without end; after one without mistakes nothing changes, and nothing is done.

    Args:
        task: samples and targets.
        state: changed in place.
        settings: how; epochs, tolerance and patience are the caller's.
    """
    samples, trained = len(task.targets), int((~task.held_out).sum())
    cells = getattr(task.X, "nnz", task.X.size)
    order = np.arange(samples)
    turn = None if settings.seed is None else _turn(samples, settings.seed, cells)
    few = trained * cells <= FEW
    kept = trained if settings.trace or few else 0
    updated, sums = np.empty(trained, np.int64), np.empty(trained)
    history = np.empty((kept, len(state.vector) + 1))
    layout, rule = _layout(task.X), _numbers(task.X, settings)
    spent = 0
    while True:
        order = order if turn is None else order[turn]
        if state.settled:
            state.seen = state.seen[:0]
            yield Pass(0, 0.0, 0.0)
            continue
        rows = order[~task.held_out[order]]
        spent += cells
        sweep = (
            rules.sweep if spent <= INTERPRETED and not rules.compiled.cache_info().currsize else rules.compiled()[0]
        )
        mistakes, updates, loss, objective = sweep(
            *layout, task.targets, task.weights, rows, rule, state.vector, state.parts, state.paid, state.figures,
            state.candidate, updated, sums, history,
        )  # fmt: skip
        state.seen = history[:updates].copy()
        if settings.trace:
            state.trace.append((updated[:updates].copy(), sums[:updates].copy(), state.seen))
        state.settled = mistakes == 0 and settings.penalty is None
        yield Pass(int(mistakes), float(loss) / trained, float(objective) / trained)


def _start(weights: Floats, bias: float, settings: Settings) -> State:
    """Return the state before the first epoch."""
    vector = np.array(weights, order="C")
    paid = np.zeros(len(vector) if settings.penalty in ("l1", "elasticnet") else 0, vector.dtype)
    parts = np.array([1.0, vector @ vector, np.abs(vector).sum(), 0.0], vector.dtype)
    pocket = np.concatenate([[bias], vector]).astype(np.float64)
    return State(vector, parts, paid, np.array([bias, 0.0, 0.0, 0.0]), pocket.copy(), pocket[None][:0], pocket)


def _layout(X: Any) -> tuple[Floats, Whole, Whole, bool]:
    """Return the samples as `rules.sweep` wants them: values, columns, where each sample starts, whether dense."""
    if hasattr(X, "indptr"):
        return X.data, X.indices, X.indptr, False
    samples, features = X.shape
    starts = np.arange(0, samples * features + 1, features, dtype=np.int64)
    return X.ravel(), np.arange(features, dtype=np.int32), starts, True


def _numbers(X: Any, settings: Settings) -> NDArray[np.float64]:
    """Return the rule's numbers at their places in `rules`."""
    shares = {"l2": (1.0, 0.0), "l1": (0.0, 1.0), "elasticnet": (1.0 - settings.l1_ratio, settings.l1_ratio)}
    smooth, sharp = shares.get(settings.penalty or "", (0.0, 0.0))
    rate = 0.0 if not settings.bias else SPARSE_BIAS_RATE if issparse(X) else 1.0
    strength = settings.alpha if settings.penalty else 0.0
    l2, l1 = smooth * settings.eta * strength, sharp * settings.eta * strength
    return np.array([settings.eta, l2, l1, strength, sharp, rate, float(settings.output == "step")])


def _turn(samples: int, seed: int, cells: int) -> Whole:
    """Return the permutation that each epoch applies to the order of the one before."""
    turn = np.arange(samples)
    loaded = rules.compiled.cache_info().currsize or cells > INTERPRETED
    (rules.compiled()[1] if loaded else rules.shuffled)(turn, seed)
    return turn


def _examined(task: Task) -> Task:
    """Return the samples by which weights are judged: those trained on, of some weight; a copy only where needed."""
    rows = ~task.held_out & (task.weights != 0)
    return task if rows.all() else Task(task.X[rows], task.targets[rows], task.weights[rows], task.held_out[rows])


def _lost(examined: Task, weights: NDArray[np.float64], output: str) -> NDArray[np.float64]:
    """Return the weight of the samples that each row of weights (rows, features + 1), bias first, answers wrongly."""
    sums = examined.X @ weights[:, 1:].T.astype(examined.X.dtype) + weights[:, 0]
    targets = examined.targets[:, None]
    wrong = sums * targets <= 0
    if output == "step":
        wrong &= ~((sums == 0) & (targets < 0))
    return np.asarray(examined.weights.astype(np.float64) @ wrong)


def _try_for_pocket(examined: Task, state: State, output: str) -> None:
    """Put weights of the last epoch in the pocket where they answer more samples rightly than those there."""
    run, state.figures[rules.LONGEST] = state.figures[rules.LONGEST], 0.0
    tried = state.seen
    if len(examined.targets) * getattr(examined.X, "nnz", examined.X.size) > FEW:
        tried = state.candidate[None][: int(run >= max(state.longest, 1.0))]
        state.longest = max(state.longest, float(run))
    if len(tried):
        lost = _lost(examined, tried, output)
        best = int(lost.argmin())
        if lost[best] < state.pocket_lost:
            state.pocket_lost, state.pocket = float(lost[best]), tried[best].copy()


def _finish(task: Task, examined: Task, state: State, settings: Settings, passes: tuple[Pass, ...]) -> Outcome:
    """Return what training gave; the last weights go in the pocket unless the ones there are better."""
    weights, bias = state.vector * state.parts[rules.SCALE], float(state.figures[rules.BIAS])
    last = np.concatenate([[bias], weights]).astype(np.float64)
    lost = float(_lost(examined, last[None], settings.output)[0])
    wrong = int(_lost(replace(examined, weights=np.ones_like(examined.weights)), last[None], settings.output)[0])
    pocket = last if lost <= state.pocket_lost else state.pocket
    trace = _trace(task, state) if settings.trace else None
    return Outcome(weights, bias, pocket, passes, wrong, trace)


def _trace(task: Task, state: State) -> Trace:
    """Return the trace as arrays."""
    samples, scores, weights = (np.concatenate(parts) for parts in zip(*state.trace, strict=True))
    epochs = np.repeat(np.arange(1, len(state.trace) + 1), [len(part[0]) for part in state.trace])
    targets = task.targets[samples].astype(np.float64)
    return Trace(np.zeros_like(samples), epochs, samples, scores, targets, weights)
