"""Training by batches until it no longer pays: all models of a stack, each of which stops on its own.

The order of the samples is drawn as scikit-learn draws it, so that with the same random state the loss curve is the
same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.training.stacked.course import NOW, STOPPED, UNIMPROVED, Courses, Rule
from percept.training.stacked.design import Floats, Network
from percept.training.stacked.draw import draw_orders
from percept.training.stacked.run import Validate, run_courses
from percept.training.stacked.solver import Solver, State
from percept.training.stacked.work import prepare

FIRST_EPOCHS = 16  # drawn before the first: training that stops early should not have drawn many in vain
MOST_PLACES = 1 << 22  # of orders held at once


@dataclass(frozen=True)
class Lesson:
    """What the models of a stack are trained on.

    Attributes:
        X: (all, features), dense or sparse.
        T: (all, outputs).
        weight: (all,) or None.
        rows: (lines, n) samples of X that are trained on.
        counts: (lines,) how many of a line's count.
        rows_of: (models,) the line of each model.
        alphas: (models,) weight decay of each.
        held: (lines, h) samples that are held out to judge training by, or None.
        held_counts: (lines,) how many of a line's count.
    """

    X: Any
    T: Floats
    weight: Floats | None
    rows: NDArray[np.intp]
    counts: NDArray[np.intp]
    rows_of: NDArray[np.intp]
    alphas: NDArray[np.float64]
    held: NDArray[np.intp] | None = None
    held_counts: NDArray[np.intp] | None = None


@dataclass(frozen=True)
class Settings:
    """How they are trained."""

    solver: Solver
    layer_rates: tuple[float, ...] | None
    batch_size: int
    epochs: int
    shuffle: bool
    rule: Rule
    verbose: bool = False
    device: str = "cpu"


@dataclass
class Shuffles:
    """Where the order of the samples comes from: a source for models with the same seed and as many samples.

    Attributes:
        generators: the source's random states.
        samples: (sources,) that each puts in order.
        orders_of: (models,) the source of each model.
        exact: whether random states end where scikit-learn leaves them, which has drawn for no epoch in vain.
    """

    generators: Sequence[np.random.RandomState]
    samples: Sequence[int]
    orders_of: NDArray[np.intp]
    exact: bool = False
    last: dict[int, NDArray[np.intp]] = field(default_factory=dict)

    def draw(self, epochs: int, models: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the next orders (sources, epochs, most samples) of the sources that some models have."""
        orders = np.zeros((len(self.samples), epochs, max(self.samples)), np.intp)
        for source in np.unique(self.orders_of[models]).tolist():
            count = self.samples[source]
            orders[source, :, :count] = draw_orders(self.generators[source], count, epochs, self.last.get(source))
            self.last[source] = orders[source, -1, :count].copy()
        return orders


def train(
    network: Network,
    lesson: Lesson,
    state: State,
    courses: Courses,
    shuffles: Shuffles,
    settings: Settings,
    validate: Validate | None = None,
    tell: Callable[[int], None] | None = None,
) -> None:
    """Train every model of a stack in place until it stops by its own rule or has had its epochs.

    Args:
        network: what the models are.
        lesson: what they are trained on.
        state: parameters and moments of all models; changed in place.
        courses: how their training went so far; changed in place.
        shuffles: the order of the samples.
        settings: how.
        validate: the score of a model on its samples held out, where there are any.
        tell: told how much is done, in models, if all take all their epochs.

    Source: notes §2.5.2 (early stopping).
    """
    done = 0
    while done < settings.epochs and len(courses.running):
        epochs = _so_many(lesson, shuffles, settings, done)
        before = [each.get_state() for each in shuffles.generators] if shuffles.exact else []
        work = prepare(
            network, lesson.X, lesson.T, state, lesson.rows, _orders(shuffles, settings, epochs, courses.running),
            settings.batch_size, lesson.alphas, settings.solver, lesson.weight, lesson.rows_of,
            shuffles.orders_of if settings.shuffle else np.zeros(len(lesson.rows_of), np.intp),
            lesson.counts, settings.layer_rates, lesson.held, lesson.held_counts,
        )  # fmt: skip
        left = settings.epochs - done
        told = None if tell is None else partial(_tell, tell, len(lesson.rows_of), done, epochs, settings.epochs)
        try:
            run_courses(work, courses, settings.rule, validate, expected_epochs=left, device=settings.device, tell=told)
        finally:
            taken = courses.epochs - done
            for source, kept in enumerate(before):
                _wind_back(shuffles, source, kept, int(taken[shuffles.orders_of == source].max()), epochs)
        done += epochs
        if settings.verbose:
            print("\n".join(_words(courses, settings.rule)))


def _tell(tell: Callable[[int], None], models: int, before: int, epochs: int, most: int, done: int) -> None:
    """Tell how much is done, in models: `done` of them have had so many epochs more than before."""
    tell((models * before + done * epochs) // most)


def _so_many(lesson: Lesson, shuffles: Shuffles, settings: Settings, done: int) -> int:
    """Return the epochs to train before the next look: one where each is told of, else as many as before."""
    if settings.verbose:
        return 1
    room = MOST_PLACES // max(1, len(shuffles.samples) * lesson.rows.shape[1])
    return int(min(settings.epochs - done, max(1, min(room, max(FIRST_EPOCHS, done)))))


def _orders(shuffles: Shuffles, settings: Settings, epochs: int, running: NDArray[np.intp]) -> NDArray[np.intp]:
    if settings.shuffle:
        return shuffles.draw(epochs, running)
    most = max(shuffles.samples)
    return np.broadcast_to(np.arange(most), (1, epochs, most))


def _wind_back(shuffles: Shuffles, source: int, before: Any, taken: int, drawn: int) -> None:
    """Set a random state back to where it would be, had only the epochs taken been drawn."""
    if taken < drawn and source in shuffles.last:
        generator = shuffles.generators[source]
        generator.set_state(before)
        for _ in range(taken):
            generator.shuffle(np.arange(shuffles.samples[source]))


def _words(courses: Courses, rule: Rule) -> list[str]:
    """Return the last epoch in words, and what came of it."""
    lines = []
    latest = courses.epochs.max()
    for model, course in enumerate(courses.table):
        epoch = courses.epochs[model]
        if epoch < latest:
            continue
        label = f"Model {model + 1}: " if len(courses.table) > 1 else ""
        lines.append(f"{label}Iteration {epoch}, loss = {courses.losses[model, epoch - 1]:.8f}")
        if rule.judge == "score":
            lines.append(f"{label}Validation score: {courses.scores[model, epoch - 1]:.6f}")
        what = "Training loss" if rule.judge == "loss" else "Validation score"
        still = f"{label}{what} has not improved by {rule.tolerance:g} for {rule.patience:g} epochs in a row"
        if course[STOPPED]:
            small = ", with a learning rate that is too small to matter" if rule.schedule == "adaptive" else ""
            lines.append(f"{still}{small}. Stopping.")
        elif rule.schedule == "adaptive" and epoch > 1 and course[UNIMPROVED] == 0 and course[NOW] < rule.learning_rate:
            lines.append(f"{label}The learning rate is {course[NOW]:g}.")
    return lines
