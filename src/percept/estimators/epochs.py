"""Training by batches until it no longer pays: epochs of a stack of models, each of which stops on its own.

The order of the samples, the rates of learning and the rules of stopping are scikit-learn's, so that with the same
random state the loss curve is the same.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.errors import PerceptWarning
from percept.estimators.layers import Trained
from percept.training.stacked.design import Floats, Network
from percept.training.stacked.draw import draw_orders
from percept.training.stacked.run import run_epochs
from percept.training.stacked.solver import Solver, State

Validate = Callable[[Trained], float]  # the score of a network on the samples held out

SMALLEST_RATE = 1e-6  # an adaptive learning rate at or below this stops training


@dataclass(frozen=True)
class Samples:
    """What is trained on.

    Attributes:
        X: (all, features), dense or sparse.
        T: (all, outputs).
        weight: (all,) or None.
        rows: (n,) the samples of X that are trained on, the others being held out.
    """

    X: Any
    T: Floats
    weight: Floats | None
    rows: NDArray[np.int64]


@dataclass(frozen=True)
class Settings:
    """How it is trained; the names are the estimator's own (`tol` is tolerance, `n_iter_no_change` patience)."""

    solver: Solver
    layer_rates: tuple[float, ...] | None
    schedule: str
    power_t: float
    alpha: float
    batch_size: int
    epochs: int
    shuffle: bool
    tolerance: float
    patience: float
    verbose: bool
    device: str = "cpu"


@dataclass
class Course:
    """One model's training so far.

    Attributes:
        generator: draws the order of the samples.
        learning_rate: of the next epoch.
        losses: mean loss of each epoch.
        best_loss: the lowest, None where scores decide.
        scores: on the samples held out, None where there are none.
        best_score: the highest.
        best: the network of the highest score.
        unimproved: epochs in a row that brought too little.
        seen: samples trained on since the weights were drawn.
        epochs: epochs of this fit.
        order: (n,) of the last epoch.
        stopped: whether it has stopped by its own rule.
    """

    generator: np.random.RandomState
    learning_rate: float
    losses: list[float] = field(default_factory=list)
    best_loss: float | None = np.inf
    scores: list[float] | None = None
    best_score: float | None = None
    best: Trained | None = None
    unimproved: int = 0
    seen: int = 0
    epochs: int = 0
    order: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    stopped: bool = False

    def judge_loss(self, tolerance: float) -> None:
        """Take in the last epoch's loss, by which training stops where no samples are held out."""
        best = np.inf if self.best_loss is None else self.best_loss
        self.unimproved = self.unimproved + 1 if self.losses[-1] > best - tolerance else 0
        self.best_loss = self.losses[-1] if self.losses[-1] < best else best  # not min(): a loss may be NaN

    def judge_score(self, score: float, found: Trained, tolerance: float) -> None:
        """Take in the last epoch's score on the samples held out, by which training stops; keep the best weights."""
        best = -np.inf if self.best_score is None else self.best_score
        self.scores = [] if self.scores is None else self.scores
        self.scores.append(score)
        self.unimproved = self.unimproved + 1 if score < best + tolerance else 0
        if score > best:
            self.best_score = score
            self.best = found.copy()


def train(
    network: Network,
    samples: Samples,
    state: State,
    courses: list[Course],
    settings: Settings,
    validate: Validate | None = None,
) -> None:
    """Train every model of a stack in place until it stops by its own rule or has had its epochs.

    Args:
        network: what the models are.
        samples: what they are trained on.
        state: parameters and moments of all models; changed in place.
        courses: one a model; changed in place.
        settings: how.
        validate: the score of a model's parameters, where samples are held out.

    Source: notes §2.5.2 (early stopping).
    """
    for course in courses:
        course.order = np.arange(len(samples.rows))
    try:
        for _ in range(settings.epochs):
            running = [model for model, course in enumerate(courses) if not course.stopped]
            if not running:
                break
            losses = _epoch(network, samples, state, courses, running, settings)
            for model, loss in zip(running, losses, strict=True):
                course = courses[model]
                course.losses.append(loss)
                course.epochs += 1
                course.seen += len(samples.rows)
                if validate is None:
                    course.judge_loss(settings.tolerance)
                else:
                    found = Trained(state.parameters[model], state.statistics[model])
                    course.judge_score(validate(found), found, settings.tolerance)
                label = f"Model {model + 1}: " if len(courses) > 1 else ""
                for line in _decide(course, settings):
                    if settings.verbose:
                        print(label + line)
    except KeyboardInterrupt:
        warnings.warn("training was interrupted; the weights reached so far are kept", PerceptWarning, stacklevel=2)


def _decide(course: Course, settings: Settings) -> Iterator[str]:
    """Set the next learning rate, or stop; yield what happened in words."""
    yield f"Iteration {course.epochs}, loss = {course.losses[-1]:.8f}"
    if course.scores is not None:
        yield f"Validation score: {course.scores[-1]:.6f}"
    if settings.schedule == "invscaling":
        course.learning_rate = settings.solver.learning_rate / (course.seen + 1) ** settings.power_t
    if course.unimproved <= settings.patience:
        return
    what = "Training loss" if course.scores is None else "Validation score"
    still = f"{what} has not improved by {settings.tolerance:g} for {settings.patience:g} epochs in a row"
    if settings.schedule != "adaptive":
        course.stopped = True
        yield f"{still}. Stopping."
    elif course.learning_rate <= SMALLEST_RATE:
        course.stopped = True
        yield f"{still}, with a learning rate that is too small to matter. Stopping."
    else:
        course.learning_rate /= 5.0
        course.unimproved = 0
        yield f"{still}. The learning rate is now {course.learning_rate:g}."


def _epoch(
    network: Network,
    samples: Samples,
    state: State,
    courses: list[Course],
    running: list[int],
    settings: Settings,
) -> list[float]:
    """Train the running models for one epoch, those of one learning rate together; return their mean losses."""
    if settings.shuffle:
        for model in running:
            course = courses[model]
            course.order = draw_orders(course.generator, len(course.order), 1, course.order)[0]
    losses: dict[int, float] = {}
    groups: dict[float, list[int]] = {}  # learning rate -> the models that have it, which one call can train
    for model in running:
        groups.setdefault(courses[model].learning_rate, []).append(model)
    for learning_rate, group in groups.items():
        part = state if len(group) == len(courses) else take(state, group)
        found = run_epochs(
            network,
            samples.X,
            samples.T,
            part,
            samples.rows,
            np.stack([courses[model].order for model in group])[:, None],
            settings.batch_size,
            settings.alpha,
            replace(settings.solver, learning_rate=learning_rate),
            samples.weight,
            layer_rates=settings.layer_rates,
            expected_epochs=settings.epochs - courses[group[0]].epochs,
            device=settings.device,
        )
        if part is not state:
            _put(state, group, part)
        losses |= zip(group, found[:, 0].tolist(), strict=True)
    return [losses[model] for model in running]


def take(state: State, models: list[int]) -> State:
    """Return a copy of some models' part of a state; their random sources are shared."""
    return State(
        state.parameters[models],
        state.first[models],
        state.second[models],
        state.steps[models],
        state.statistics[models],
        [state.generators[model] for model in models if state.generators],
    )


def _put(state: State, models: list[int], part: State) -> None:
    """Write some models' part back."""
    for name in ("parameters", "first", "second", "steps", "statistics"):
        getattr(state, name)[models] = getattr(part, name)
