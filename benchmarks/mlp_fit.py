"""Cost of one fit on a table: percept's multilayer perceptrons against scikit-learn's, a plain PyTorch loop and skorch.

Claims, in CPU seconds on one thread: percept takes at most half of scikit-learn's on the digits in batches of 32, and
nowhere more than 1.1 times any of the others'; its scores are scikit-learn's within noise. All fit in this process by
turns, with the same rows, layers, batch size, penalty and number type; PyTorch's loop and skorch train for as many
epochs as scikit-learn did. Medians of the turns are reported, and of each turn's ratios. The compiler is not counted:
the kernel is made ready before, and what that cost is printed.
"""

import argparse
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from threadpoolctl import threadpool_limits
from torch import nn

import percept
from percept.data.columns import fit_columns
from percept.data.dataset import Table
from percept.data.source import read_source
from percept.training.stacked.compiled import on_disk
from percept.training.stacked.design import Network
from percept.training.stacked.run import run_epochs
from percept.training.stacked.solver import Adam, new_state

Floats = NDArray[np.floating[Any]]

TABULAR = Path(__file__).parents[2] / "shared/data/tabular"
# File in TABULAR, the column to predict, and the unit that its numbers are given in.
FILES = {
    "adult": ("adult-train.csv.gz", "-1", 1.0),
    "california_housing": ("california_housing.csv.gz", "median_house_value", 100_000.0),  # dollars
}
DTYPES = ("float64", "float32")
LESS = 2.0  # times less CPU than scikit-learn on DIGITS
MORE = 1.1  # times any other's CPU that percept may take anywhere
NOISE = 0.02  # of accuracy or R2
QUICK = 3  # epochs with --quick
MEASURES = ("cpu", "wall", "score")  # of `Timing`
DIGITS = "digits, batch 32"
SEED = 0
ALPHA = 1e-4  # scikit-learn's default penalty, which it divides by the batch


@dataclass(frozen=True)
class Task:
    """One table and how it is fitted.

    Attributes:
        name: what the table of results calls it.
        kind: the kind of target.
        X: (rows, features) to train on.
        y: (rows,) class numbers or figures.
        held_out: X and y of the fifth that is kept for the score.
        hidden: units of the hidden layer.
        batch_size: rows a step.
        epochs: at most so many.
        patience: epochs without improvement before scikit-learn and percept stop.
    """

    name: str
    kind: Literal["multiclass", "binary", "regression"]
    X: Floats
    y: NDArray[Any]
    held_out: tuple[Floats, NDArray[Any]]
    hidden: int
    batch_size: int = 200
    epochs: int = 200
    patience: int = 10

    def cast(self, dtype: str) -> "Task":
        """Return the task with features, and figures to predict, of a number type."""
        X, y = self.held_out
        figures = dtype if self.kind == "regression" else y.dtype
        held_out = X.astype(dtype), y.astype(figures)
        return replace(self, X=self.X.astype(dtype), y=self.y.astype(figures), held_out=held_out)


@dataclass(frozen=True)
class Fitted:
    """What a fit leaves: what it predicts for (rows, features), and how many epochs it trained for."""

    predict: Callable[[Floats], NDArray[Any]]
    epochs: int


@dataclass(frozen=True)
class Timing:
    """One fit: seconds of CPU (of all threads) and by the wall clock, accuracy or R2 on the fifth, epochs."""

    cpu: float
    wall: float
    score: float
    epochs: int


Fit = Callable[[Task, int], Fitted]  # the number: the epochs that scikit-learn's fit took


def digits(batch_size: int) -> Task:
    """Return the digits, to be fitted for 50 epochs."""
    X, y = load_digits(return_X_y=True)
    rows, others, labels, held = train_test_split(X / 16, y, test_size=0.2, random_state=SEED)
    name = f"digits, batch {batch_size}"
    return Task(name, "multiclass", rows, labels, (others, held), 64, batch_size, epochs=50, patience=50)


def from_file(name: str) -> Task:
    """Return a table of FILES as percept reads and encodes it, to be fitted with scikit-learn's defaults."""
    file, column, unit = FILES[name]
    data = read_source(str(TABULAR / file), target=column)
    if not isinstance(data.samples, Table):
        raise TypeError(f"{file} is no table")
    train, test = train_test_split(np.arange(len(data)), test_size=0.2, random_state=SEED)
    known = data.samples.take(train).frame
    columns = fit_columns(known)
    y = data.target.values / unit if data.target.task == "regression" else data.target.values
    kind: Literal["binary", "regression"] = "regression" if data.target.task == "regression" else "binary"
    held_out = columns.transform(data.samples.take(test).frame), y[test]
    return Task(name, kind, columns.transform(known), y[train], held_out, 100)


def tasks() -> list[Task]:
    """Return every task whose data are there."""
    found = [digits(32), digits(200)]
    for name, (file, *_) in FILES.items():
        if (TABULAR / file).exists():
            found.append(from_file(name))
        else:
            print(f"{name} is left out: {TABULAR / file} is not there")
    return found


def fit_scikit_learn(task: Task, _: int) -> Fitted:
    """Fit scikit-learn's classifier or regressor."""
    return _fit_estimator(MLPRegressor if task.kind == "regression" else MLPClassifier, task)


def fit_percept(task: Task, _: int) -> Fitted:
    """Fit percept's classifier or regressor, with the same arguments."""
    return _fit_estimator(percept.MLPRegressor if task.kind == "regression" else percept.MLPClassifier, task)


def _fit_estimator(estimator: Any, task: Task) -> Fitted:
    model = estimator(
        hidden_layer_sizes=(task.hidden,),
        batch_size=task.batch_size,
        max_iter=task.epochs,
        n_iter_no_change=task.patience,
        random_state=SEED,
    )
    model.fit(task.X, task.y)
    return Fitted(model.predict, model.n_iter_)


def fit_torch(task: Task, epochs: int) -> Fitted:
    """Fit by a loop over batches of row numbers, without a DataLoader and with Adam's fused step."""
    network, criterion, T = _torch_parts(task)
    inputs, targets = torch.from_numpy(task.X), torch.from_numpy(T)
    optimizer = torch.optim.Adam(network.parameters(), fused=True, weight_decay=ALPHA / task.batch_size)
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(inputs)), task.batch_size):
            optimizer.zero_grad()
            loss = criterion(network(inputs[rows]), targets[rows])
            loss.backward()
            optimizer.step()

    def predict(X: Floats) -> NDArray[Any]:
        with torch.inference_mode():
            return _decided(task, network(torch.from_numpy(X)).numpy())

    return Fitted(predict, epochs)


def fit_skorch(task: Task, epochs: int) -> Fitted:
    """Fit the same network by skorch, without its validation part, which the others do not have either."""
    network, criterion, T = _torch_parts(task)
    model = import_module("skorch").NeuralNet(
        network,
        criterion=criterion,
        optimizer=torch.optim.Adam,
        optimizer__fused=True,
        optimizer__weight_decay=ALPHA / task.batch_size,
        lr=1e-3,
        max_epochs=epochs,
        batch_size=task.batch_size,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    model.fit(task.X, T)
    return Fitted(lambda X: _decided(task, model.forward(X).numpy()), epochs)


def _torch_parts(task: Task) -> tuple[nn.Sequential, nn.Module, NDArray[Any]]:
    """Return the network, what it is to minimize, and the targets as PyTorch wants them."""
    torch.manual_seed(SEED)
    outputs = int(task.y.max()) + 1 if task.kind == "multiclass" else 1
    network = nn.Sequential(nn.Linear(task.X.shape[1], task.hidden), nn.ReLU(), nn.Linear(task.hidden, outputs))
    network.to(torch.from_numpy(task.X[:0]).dtype)
    if task.kind == "multiclass":
        return network, nn.CrossEntropyLoss(), task.y
    criterion = nn.MSELoss() if task.kind == "regression" else nn.BCEWithLogitsLoss()
    return network, criterion, task.y[:, None].astype(task.X.dtype)


def _decided(task: Task, outputs: Floats) -> NDArray[Any]:
    """Return classes, or figures, for a network's (rows, outputs)."""
    if task.kind == "multiclass":
        classes: NDArray[np.int64] = np.argmax(outputs, axis=1)
        return classes
    return outputs[:, 0] if task.kind == "regression" else outputs[:, 0] > 0


def timed(fit: Fit, task: Task, epochs: int) -> Timing:
    """Return what one fit cost, and the score of what it gave."""
    wall, cpu = time.perf_counter(), time.process_time()
    fitted = fit(task, epochs)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    X, y = task.held_out
    score = r2_score if task.kind == "regression" else accuracy_score
    return Timing(cpu, wall, float(score(y, fitted.predict(X))), fitted.epochs)


def warm_up(sides: dict[str, Fit], task: Task) -> None:
    """Fit once by each side and number type, and make the kernel ready; print what that cost percept."""
    cpu = timed(fit_percept, task, task.epochs).cpu
    print(f"percept's first fit of the process, {task.name}, by the engine of its own choice: {cpu:.2f} s of CPU")
    for dtype in DTYPES:
        before = "on disk" if on_disk(np.dtype(dtype)) else "not compiled"
        began = time.process_time()
        load_kernel(dtype)
        print(
            f"kernel for {dtype}, {before}: ready after {time.process_time() - began:.2f} s of CPU, not counted below"
        )
        for fit in sides.values():
            timed(fit, replace(task.cast(dtype), epochs=2), 2)


def load_kernel(dtype: str) -> None:
    """Have the kernel train the smallest network there is, for which it is compiled or read from disk first."""
    network, samples, row = Network((1, 1)), np.ones((1, 1), dtype), np.zeros(1, np.intp)
    state = new_state(network, np.zeros(network.parameter_count, dtype))
    run_epochs(network, samples, samples, state, row, row, 1, ALPHA, Adam(), engine="kernel")


def by_turns(sides: dict[str, Fit], task: Task, runs: int) -> dict[str, list[Timing]]:
    """Return every side's fits of one task; scikit-learn comes first and says how many epochs the others train."""
    timings: dict[str, list[Timing]] = {name: [] for name in sides}
    for _ in range(runs):
        for name, fit in sides.items():
            epochs = timings["scikit-learn"][-1].epochs if timings["scikit-learn"] else task.epochs
            timings[name].append(timed(fit, task, epochs))
    return timings


def times_percept(timings: dict[str, list[Timing]], name: str) -> float:
    """Return a side's CPU seconds in units of percept's: the median of the turns."""
    # A turn's fits ran one after the other, under the same load of the machine.
    return statistics.median(a.cpu / b.cpu for a, b in zip(timings[name], timings["percept"], strict=True))


def report(task: Task, dtype: str, timings: dict[str, list[Timing]]) -> None:
    """Print a line for each side."""
    rows, features = task.X.shape
    heads = "".join(f"{head:>10}" for head in ("CPU", "wall", "score", "epochs", "CPU"))
    print(f"\n{f'{task.name}: {rows} x {features}, {dtype}':44}{heads}")
    for name, turns in timings.items():
        cpu, wall, score = (statistics.median(getattr(turn, each) for turn in turns) for each in MEASURES)
        times = f"{times_percept(timings, name):.2f} x" if name != "percept" else "1"
        print(f"  {name:42}{cpu:8.2f} s{wall:8.2f} s{score:10.4f}{turns[-1].epochs:10}{times:>10}", flush=True)


def judge(results: dict[tuple[str, str], dict[str, list[Timing]]]) -> bool:
    """Print every claim and whether it holds, and return whether all do."""
    met = []
    print()
    for (task, dtype), timings in results.items():
        if task == DIGITS:
            times = times_percept(timings, "scikit-learn")
            met.append(times >= LESS)
            print(
                f"{task}, {dtype}, scikit-learn / percept: {times:.2f} (claim: at least {LESS:g}) {_verdict(met[-1])}"
            )
    ratios = [
        (1 / times_percept(timings, name), f"percept / {name} on {', '.join(key)}")
        for key, timings in results.items()
        for name in timings
        if name != "percept"
    ]
    most, where = max(ratios)
    met.append(most <= MORE)
    print(f"highest ratio, {where}: {most:.2f} (claim: at most {MORE}) {_verdict(met[-1])}")
    gaps = [
        (abs(timings["percept"][-1].score - timings["scikit-learn"][-1].score), ", ".join(key))
        for key, timings in results.items()
    ]
    widest, where = max(gaps)
    met.append(widest <= NOISE)
    print(
        f"widest gap between percept's and scikit-learn's score, {where}: {widest:.4f} (claim: at most {NOISE})",
        end=" ",
    )
    print(_verdict(met[-1]))
    return all(met)


def _verdict(met: bool) -> str:
    return "holds" if met else "DOES NOT HOLD"


def main() -> int:
    """Run the benchmark; the exit code is 1 if a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5, help="fits of each side, by turns")
    parser.add_argument("--quick", action="store_true", help="one run of few epochs, to try the script out")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("expected at least 1 run")
    warnings.simplefilter("ignore", ConvergenceWarning)  # all have as many epochs as the task gives, converged or not
    sides: dict[str, Fit] = {"scikit-learn": fit_scikit_learn, "percept": fit_percept, "plain PyTorch": fit_torch}
    if find_spec("skorch"):
        sides["skorch"] = fit_skorch
    else:
        print("skorch is left out: it is not installed")
    torch.set_num_threads(1)
    numba.set_num_threads(1)
    results = {}
    with threadpool_limits(1):
        found = tasks()
        if options.quick:
            found = [replace(task, epochs=QUICK) for task in found]
        warm_up(sides, found[0])
        for task in found:
            for dtype in DTYPES:
                key = task.name, dtype
                results[key] = by_turns(sides, task.cast(dtype), 1 if options.quick else options.runs)
                report(task, dtype, results[key])
    return 0 if judge(results) else 1


if __name__ == "__main__":
    sys.exit(main())
