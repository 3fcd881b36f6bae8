"""Cost of choosing by cross-validation: percept's stacked selection against GridSearchCV, a PyTorch loop and skorch.

Claims, in wall seconds on two cores, against GridSearchCV(MLPClassifier, n_jobs=2, refit=False) of scikit-learn:

a) digits, 5 folds x 10 weight decays: at least 15 times faster;
b) iris, leaving one out x 5: 150 times;
c) wine, 10 folds x 10 x 5 restarts: 50 times; breast_cancer likewise: 60 times;
d) breast_cancer, leaving one out x 5: 50 times.

Every score of a fold must be scikit-learn's own number. Networks are trained in batches of 32, as the digits' claim has
it; with --batch auto in scikit-learn's default of 200.

All sides see the same standardized rows, folds, penalties and random states. scikit-learn's pool is warm, and so is the
kernel; what it costs to make that ready is printed. Where scikit-learn would take minutes a sample of the folds, evenly
spaced, is measured and scaled to all, and the table says so. The PyTorch loop and skorch train single networks on one
thread, whose time is scaled likewise to all networks on two cores. Sides are measured by turns; medians are reported.
"""

import argparse
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np
import psutil  # type: ignore[import-untyped,unused-ignore]
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, LeaveOneOut, StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import percept
from percept.estimators.restarts import seeds_of
from percept.training.stacked import compiled

Rows = NDArray[np.intp]
LOADERS: dict[str, Callable[..., Any]] = {
    "digits": load_digits,
    "iris": load_iris,
    "wine": load_wine,
    "breast_cancer": load_breast_cancer,
}
SEED = 0
RATE = 0.001


@dataclass(frozen=True)
class Task:
    """One selection: its claim, its data, how many folds (0 leaves one out), candidates, restarts, layers, epochs."""

    name: str
    claim: float
    data: str
    folds: int
    alphas: int
    restarts: int
    hidden: tuple[int, ...]
    epochs: int
    sampled: int  # folds that scikit-learn is measured on, at most


TASKS = (
    Task("a) digits, 5 folds x 10", 15, "digits", 5, 10, 1, (64,), 50, 5),
    Task("b) iris, leave one out x 5", 150, "iris", 0, 5, 1, (32,), 100, 15),
    Task("c) wine, 10 folds x 10 x 5", 50, "wine", 10, 10, 5, (32, 16), 100, 2),
    Task("c) breast_cancer, 10 folds x 10 x 5", 60, "breast_cancer", 10, 10, 5, (32, 16), 100, 1),
    Task("d) breast_cancer, leave one out x 5", 50, "breast_cancer", 0, 5, 1, (32, 16), 100, 10),
)


@dataclass(frozen=True)
class Timing:
    """Seconds of one side in one turn, scaled to the whole selection."""

    wall: float
    cpu: float


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of its pool so far."""
    here = psutil.Process()
    seconds = 0.0
    for process in (here, *here.children(recursive=True)):
        try:
            seconds += sum(process.cpu_times()[:2])
        except psutil.Error:
            continue
    return seconds


def timed(work: Callable[[], Any], scale: float = 1.0) -> tuple[Timing, Any]:
    """Return what a piece of work took, times a factor, and what it gave."""
    cpu, wall = cpu_seconds(), time.perf_counter()
    found = work()
    return Timing((time.perf_counter() - wall) * scale, (cpu_seconds() - cpu) * scale), found


def splits_of(task: Task, X: Any, y: Any) -> list[tuple[Rows, Rows]]:
    """Return the folds of a task."""
    splitter = StratifiedKFold(task.folds) if task.folds else LeaveOneOut()
    return list(splitter.split(X, y))


def measure(task: Task, dtype: str, batch: int | str, turns: int) -> None:
    """Measure all sides of one task and print them."""
    X, y = LOADERS[task.data](return_X_y=True)
    X = StandardScaler().fit_transform(X).astype(dtype)
    splits, alphas = splits_of(task, X, y), np.logspace(-4, 1, task.alphas)
    spaced = np.linspace(0, len(splits) - 1, min(task.sampled, len(splits))).round().astype(int)
    sample = [splits[each] for each in spaced]
    scale, networks = len(splits) / len(sample), len(splits) * task.alphas * task.restarts
    options: dict[str, Any] = {
        "hidden_layer_sizes": task.hidden,
        "batch_size": batch,
        "max_iter": task.epochs,
        "learning_rate_init": RATE,
        "random_state": SEED,
    }
    ours = percept.MLPClassifierCV(alphas, cv=splits, restarts=task.restarts, refit=False, **options)
    grid = {"alpha": alphas, "random_state": seeds_of(SEED, task.restarts)}
    theirs = GridSearchCV(MLPClassifier(**options), grid, cv=sample, n_jobs=2, refit=False)
    took: dict[str, list[Timing]] = {"scikit-learn": [], "percept": []}
    for _ in range(turns):
        timing, mine = timed(lambda: ours.fit(X, y))
        took["percept"].append(timing)
        timing, yours = timed(lambda: theirs.fit(X, y), scale)
        took["scikit-learn"].append(timing)
    own = np.stack([yours.cv_results_[f"split{each}_test_score"] for each in range(len(sample))], axis=-1)
    expected = own.reshape(task.alphas, task.restarts, len(sample)).transpose(0, 2, 1)
    same = int((mine.cv_results_["restart_test_score"][:, spaced] == expected).sum())
    others = {"PyTorch loop": torch_loop, **({"skorch": skorch_fit} if find_spec("skorch") else {})}
    with threadpool_limits(1):
        train = splits[0][0]
        for name, fit in others.items():
            one = partial(fit, task, X[train], y[train], batch)
            took[name] = [timed(one, networks / 2)[0] for _ in range(turns)]
    report(task, dtype, took, f"{same} of {expected.size}", len(sample), len(splits))


def report(task: Task, dtype: str, took: dict[str, list[Timing]], same: str, sampled: int, folds: int) -> None:
    """Print the medians of a task, and each turn's ratio to percept."""
    walls = {name: [each.wall for each in timings] for name, timings in took.items()}
    cpus = {name: [each.cpu for each in timings] for name, timings in took.items()}
    ratios = {
        name: statistics.median(a / b for a, b in zip(times, walls["percept"], strict=True))
        for name, times in walls.items()
    }
    cpu = statistics.median(a / b for a, b in zip(cpus["scikit-learn"], cpus["percept"], strict=True))
    print(
        f"| {task.name}, {dtype} | {statistics.median(walls['scikit-learn']):.1f} s"
        f"{f' ({sampled} of {folds} folds, scaled)' if sampled < folds else ''} |"
        f" {statistics.median(walls['percept']):.2f} s | **{ratios['scikit-learn']:.0f}** ({cpu:.0f} in CPU seconds) |"
        f" {task.claim:.0f} | "
        + ", ".join(f"{name} {ratios[name]:.0f}" for name in ratios if name not in ("percept", "scikit-learn"))
        + f" | {same} |",
        flush=True,
    )


def torch_loop(task: Task, X: Any, y: Any, batch: int | str) -> None:
    """Train one network by a plain PyTorch loop over row numbers, with fused Adam."""
    torch.manual_seed(SEED)
    sizes = (X.shape[1], *task.hidden, int(y.max()) + 1)
    layers: list[torch.nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    rows, targets = torch.from_numpy(X), torch.from_numpy(y.astype(np.int64))
    order: Any = torch.randperm
    network = torch.nn.Sequential(*layers[:-1]).to(rows.dtype)
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE, weight_decay=1e-4, fused=True)
    size = min(200, len(X)) if isinstance(batch, str) else batch
    for _ in range(task.epochs):
        for chosen in order(len(X)).split(size):
            optimizer.zero_grad()
            loss: Any = torch.nn.functional.cross_entropy(network(rows[chosen]), targets[chosen])
            loss.backward()
            optimizer.step()


def skorch_fit(task: Task, X: Any, y: Any, batch: int | str) -> None:
    """Train one network by skorch, set up as its documentation has it, without a validation split or printing."""
    from skorch import NeuralNetClassifier  # type: ignore[import-not-found,import-untyped,unused-ignore]

    sizes = (X.shape[1], *task.hidden, int(y.max()) + 1)
    layers: list[torch.nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    NeuralNetClassifier(
        torch.nn.Sequential(*layers[:-1]),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=RATE,
        max_epochs=task.epochs,
        batch_size=min(200, len(X)) if isinstance(batch, str) else batch,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    ).fit(X.astype(np.float32), y.astype(np.int64))


def main() -> int:
    """Measure and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--turns", type=int, default=3)
    arguments.add_argument("--only", default="", help="tasks whose name holds this")
    arguments.add_argument("--batch", default="32", help="rows a step, or auto")
    arguments.add_argument("--dtype", default="float64,float32")
    given = arguments.parse_args()
    batch: int | str = "auto" if given.batch == "auto" else int(given.batch)
    warnings.simplefilter("ignore", ConvergenceWarning)
    for dtype in given.dtype.split(","):
        begun = time.perf_counter()
        compiled.ready(np.dtype(dtype))
        print(f"kernel for {dtype} ready after {time.perf_counter() - begun:.1f} s")
    X, y = load_iris(return_X_y=True)
    with warnings.catch_warnings():
        GridSearchCV(MLPClassifier((2,), max_iter=2), {"alpha": [0.1, 1]}, cv=2, n_jobs=2).fit(X, y)  # warms the pool
    print(f"batches of {batch}; {psutil.cpu_count()} cores; medians of {given.turns} turns")
    print("| selection | scikit-learn | percept | times faster | claim | others, times percept's | same scores |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for task in TASKS:
        for dtype in given.dtype.split(","):
            if given.only in task.name:
                measure(task, dtype, batch, given.turns)
    return 0


if __name__ == "__main__":
    sys.exit(main())
