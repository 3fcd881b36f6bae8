"""All networks of a selection, trained as stacks: every fold, weight decay and restart is one model among many."""

import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from percept.estimators.epochs import Lesson, Shuffles, train
from percept.estimators.folds import Fold, Material
from percept.estimators.held_out import hold_out
from percept.estimators.layers import Trained, answers
from percept.estimators.mlp_options import settings_of, solver_of
from percept.estimators.restarts import generators_of
from percept.selection.splits import line_up
from percept.training.quasi_newton import quasi_newton
from percept.training.stacked import compiled
from percept.training.stacked.course import new_courses
from percept.training.stacked.design import Floats, Network
from percept.training.stacked.draw import initial_parameters
from percept.training.stacked.run import ready_if_worth, time_lost
from percept.training.stacked.solver import new_state

ROOM = 48 << 20  # bytes of the parameters and moments that are held at once
A_WHILE = 2e11  # samples x parameters x epochs after which a block ends, so that it can be kept: some twenty seconds


@dataclass(frozen=True)
class Job:
    """One network to train: its fold, its candidate's number and weight decay, and its restart."""

    fold: Fold
    candidate: int
    alpha: float
    restart: int


@dataclass(frozen=True)
class Block:
    """Networks of one shape that are trained and kept together."""

    network: Network
    jobs: tuple[Job, ...]


@dataclass
class Trials:
    """What a block's networks came to, a line or an entry each.

    Attributes:
        parameters: (networks, parameters).
        statistics: (networks, statistics) of batch normalization.
        losses: (networks,) last training loss.
        scores: (networks,) best score on the samples held out for early stopping, NaN without.
        epochs: (networks,) epochs trained.
        best_epochs: (networks,) epoch of that score, or the last.
        outputs: (test rows, outputs) of each network.
        train_outputs: (training rows, outputs) of each network, empty where not asked for.
        seconds: of training, and of answering.
    """

    parameters: Floats
    statistics: Floats
    losses: NDArray[np.float64]
    scores: NDArray[np.float64]
    epochs: NDArray[np.intp]
    best_epochs: NDArray[np.intp]
    outputs: list[Floats] = field(default_factory=list)
    train_outputs: list[Floats] = field(default_factory=list)
    seconds: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Start:
    """What a fold's networks begin with: one entry a restart, and the rows trained on and held out."""

    generators: list[np.random.RandomState]
    parameters: list[Floats]
    seeds: list[int]
    rows: NDArray[np.intp]
    held: NDArray[np.intp] | None


def blocks_of(
    folds: Sequence[Fold], candidates: Sequence[tuple[float, tuple[int, ...]]], restarts: int
) -> Iterator[Block]:
    """Yield all networks in blocks, those of one fold and shape side by side.

    Args:
        folds: of the selection.
        candidates: weight decay and hidden layers of each.
        restarts: of each candidate on each fold.
    """
    shapes: dict[tuple[int, ...], list[int]] = {}
    for number, (_, hidden) in enumerate(candidates):
        shapes.setdefault(hidden, []).append(number)
    for hidden, numbers in shapes.items():
        jobs: list[Job] = []
        network: Network | None = None
        samples, many = 0, len(numbers) * restarts
        for fold in folds:
            same = bool(jobs) and fold.material is jobs[-1].fold.material
            shape = network if same and network is not None else _network(fold.material, hidden)
            if jobs and (not same or _full(shape, jobs, samples, many)):
                yield Block(network or shape, tuple(jobs))
                jobs, samples = [], 0
            network = shape
            samples += many * len(fold.train)
            jobs += [Job(fold, each, candidates[each][0], restart) for each in numbers for restart in range(restarts)]
        if network is not None and jobs:
            yield Block(network, tuple(jobs))


def _network(material: Material, hidden: tuple[int, ...]) -> Network:
    sizes = (material.X.shape[1], *hidden, material.T.shape[1])
    design: Network = material.template._network(sizes)
    return design


def _full(network: Network, jobs: Sequence[Job], samples: int, more: int) -> bool:
    """Return whether so many networks more would take too much memory, or these too long to lose them.

    `samples` are those that all jobs together are trained on.
    """
    material, count = jobs[0].fold.material, len(jobs) + more
    each = 4 * network.parameter_count + (len(material.T) if jobs[0].fold.weight is not None else 0)
    work = network.parameter_count * samples * material.template.max_iter
    return bool(count * each * material.X.dtype.itemsize > ROOM or work > A_WHILE)


def get_ready(blocks: Sequence[Block]) -> None:
    """Have the compiled kernel ready if the blocks together gain back what that costs; one alone may not."""
    template = blocks[0].jobs[0].fold.material.template
    if template.solver == "lbfgs" or template.device != "cpu":
        return
    lost = 0.0
    for block in blocks:
        samples = [len(job.fold.train) for job in block.jobs]
        batch = 200 if template.batch_size == "auto" else template.batch_size
        lost += template.max_iter / 2 * time_lost(block.network, samples, min(batch, max(samples)))
    ready_if_worth(blocks[0].network, solver_of(template), blocks[0].jobs[0].fold.material.X.dtype, lost)


def run_block(block: Block, *, with_train: bool, tell: Callable[[int], None] | None = None) -> Trials:
    """Train a block's networks and return what they came to.

    Args:
        block: the networks.
        with_train: whether answers to training rows are wanted.
        tell: told how many networks are done.
    """
    material = block.jobs[0].fold.material
    begun = time.perf_counter()
    starts = _starts(block)
    trained_by = _by_whole if material.template.solver == "lbfgs" else _by_batches
    trials = trained_by(block, starts, tell)
    trained = time.perf_counter()
    trials.outputs = _answers(block, trials, [job.fold.test for job in block.jobs])
    answered = time.perf_counter()
    if with_train:
        trials.train_outputs = _answers(block, trials, [job.fold.train for job in block.jobs])
    trials.seconds = (trained - begun, answered - trained)
    return trials


def _starts(block: Block) -> dict[int, Start]:
    """Return what each fold's networks begin with, drawn as a fit of each alone would draw it."""
    starts: dict[int, Start] = {}
    alike: dict[int, Start] = {}  # without samples held out, folds of one size draw the same
    for job in block.jobs:
        fold = job.fold
        if fold.number in starts:
            continue
        template, size = fold.material.template, len(fold.train)
        if size in alike:
            starts[fold.number] = replace(alike[size], rows=fold.train)
            continue
        generators = generators_of(check_random_state(deepcopy(template.random_state)), template.restarts)
        dtype = fold.material.X.dtype
        drawn = [initial_parameters(block.network, each, dtype, template.initializer) for each in generators]
        rows, held = fold.train, None
        if template.early_stopping and template.solver != "lbfgs":
            strata = template._strata(fold.material.T[fold.train])
            kept, out = hold_out(size, template.validation_fraction, generators[0], strata)
            rows, held = fold.train[kept], fold.train[out]
        seeds = [each.randint(2**31 - 1) for each in generators] if block.network.dropout else []
        starts[fold.number] = Start(generators, drawn, seeds, rows, held)
        if held is None:
            alike[size] = starts[fold.number]
    return starts


def _by_batches(block: Block, starts: dict[int, Start], tell: Callable[[int], None] | None) -> Trials:
    """Train by batches, the whole block at once."""
    material, jobs = block.jobs[0].fold.material, block.jobs
    lines = {number: line for line, number in enumerate(starts)}
    own = [starts[job.fold.number] for job in jobs]
    rows, counts = line_up([start.rows for start in starts.values()])
    held, held_counts = None, None
    if own[0].held is not None:
        held, held_counts = line_up([start.held for start in starts.values() if start.held is not None])
    rows_of = np.array([lines[job.fold.number] for job in jobs])
    state = new_state(
        block.network,
        np.stack([start.parameters[job.restart] for start, job in zip(own, jobs, strict=True)]),
        np.array([start.seeds[job.restart] for start, job in zip(own, jobs, strict=True)]) if own[0].seeds else None,
    )
    template = material.template
    template.n_layers_ = block.network.layers + 1
    settings = settings_of(template, int(counts.max()), template.max_iter)
    settings = replace(settings, verbose=False)
    courses = new_courses(state, settings.rule, settings.epochs)
    lesson = Lesson(
        *(material.X, material.T, _weights(block), rows, counts, rows_of),
        alphas=np.array([job.alpha for job in jobs], np.float64),
        held=held,
        held_counts=held_counts,
    )
    train(
        *(block.network, lesson, state, courses, _shuffles(own, jobs), settings),
        template._validator(
            block.network, material.X, material.T, material.weight, [start.held for start in starts.values()]
        ),
        tell,
    )
    epochs, scored = courses.epochs, settings.rule.judge == "score"
    last = np.maximum(epochs - 1, 0)
    best = np.nanargmax(np.where(np.isnan(courses.scores), -np.inf, courses.scores), axis=1) if scored else last
    models = np.arange(len(jobs))
    return Trials(
        courses.best if scored else state.parameters,
        courses.best_statistics if scored else state.statistics,
        courses.losses[models, last],
        courses.scores[models, best] if scored else np.full(len(jobs), np.nan),
        epochs,
        best + 1,
    )


def _shuffles(own: Sequence[Start], jobs: Sequence[Job]) -> Shuffles:
    """Return the sources of the samples' order: networks that begin alike and see as many samples share one."""
    sources: dict[int, int] = {}
    generators: list[np.random.RandomState] = []
    samples: list[int] = []
    orders_of = np.zeros(len(jobs), np.intp)
    for model, (start, job) in enumerate(zip(own, jobs, strict=True)):
        generator = start.generators[job.restart]
        if id(generator) not in sources:
            sources[id(generator)] = len(generators)
            generators.append(generator)
            samples.append(len(start.rows))
        orders_of[model] = sources[id(generator)]
    return Shuffles(generators, samples, orders_of)


def _weights(block: Block) -> Floats | None:
    """Return the samples' weights (rows,), or (networks, rows) where the folds have their own."""
    material = block.jobs[0].fold.material
    if block.jobs[0].fold.weight is None:
        return material.weight
    weights = np.zeros((len(block.jobs), len(material.T)), material.X.dtype)
    for line, job in zip(weights, block.jobs, strict=True):
        line[job.fold.train] = job.fold.weight
    return weights


def _by_whole(block: Block, starts: dict[int, Start], tell: Callable[[int], None] | None) -> Trials:
    """Train by L-BFGS, one network after the other."""
    found, losses, steps = [], [], []
    for done, job in enumerate(block.jobs, 1):
        material, fold = job.fold.material, job.fold
        template, start = material.template, starts[fold.number]
        weight = fold.weight
        if weight is None and material.weight is not None:
            weight = material.weight[fold.train]
        minimum = quasi_newton(
            block.network,
            start.parameters[job.restart],
            material.X[fold.train],
            material.T[fold.train],
            alpha=job.alpha,
            sample_weight=weight,
            steps=template.max_iter,
            evaluations=template.max_fun,
            tolerance=template.tol,
            verbose=False,
        )
        found.append(minimum.parameters.astype(material.T.dtype))
        losses.append(minimum.loss)
        steps.append(minimum.steps)
        if tell is not None:
            tell(done)
    epochs = np.array(steps, np.intp)
    nothing = np.empty((len(found), 0), material.T.dtype)
    return Trials(np.stack(found), nothing, np.array(losses), np.full(len(found), np.nan), epochs, epochs)


def _answers(block: Block, trials: Trials, rows: Sequence[NDArray[np.intp]]) -> list[Floats]:
    """Return each network's outputs for its rows."""
    network, material = block.network, block.jobs[0].fold.material
    template = material.template
    fast = template.solver != "lbfgs" and compiled.takes(network, solver_of(template))
    if fast and compiled.loaded(material.X.dtype):
        lines: dict[int, int] = {}
        parts: list[NDArray[np.intp]] = []
        rows_of = np.zeros(len(rows), np.intp)
        for model, own in enumerate(rows):
            if id(own) not in lines:
                lines[id(own)] = len(parts)
                parts.append(own)
            rows_of[model] = lines[id(own)]
        together, counts = line_up(parts)
        found = compiled.answers(network, trials.parameters, material.X, together, rows_of, counts)
        return [outputs[: counts[line]] for outputs, line in zip(found, rows_of, strict=True)]
    return [
        answers(network, Trained(*each), material.X[own])
        for *each, own in zip(trials.parameters, trials.statistics, rows, strict=True)
    ]
