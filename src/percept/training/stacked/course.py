"""The course of each model's training: its learning rate, how good it has become, and when it stops by its own rule.

The rules are scikit-learn's, so that with the same random state training stops at the same epoch.

Source: notes §2.5.2 (early stopping).
"""

from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from percept.training.stacked.design import Floats
from percept.training.stacked.solver import State

SMALLEST_RATE = 1e-6  # an adaptive learning rate at or below this stops training

# Columns of a table of courses; the kernel has them by the same numbers.
NOW, BEST, UNIMPROVED, STOPPED, SEEN, EPOCHS = range(6)

Judge = Literal["nothing", "loss", "score"]


@dataclass(frozen=True)
class Rule:
    """When training stops, and how its learning rate goes.

    Attributes:
        judge: what an epoch is judged by: "nothing" never stops, the training "loss", or the "score" on samples held
            out.
        score: which score it is: "hits", the share of samples with every output on the target's side of 0.5; "highest",
            the share whose highest output is the target's; "r2".
        tolerance: what a loss or score must gain to count as an improvement.
        patience: epochs without one before training stops, or with "adaptive" before the rate falls.
        schedule: "constant"; "invscaling", divided by (samples seen + 1)^power_t; "adaptive", divided by 5 each time
            training stalls.
        power_t: exponent of "invscaling".
        learning_rate: at the start.
    """

    judge: Judge = "nothing"
    score: str = "hits"
    tolerance: float = 0.0
    patience: float = inf
    schedule: str = "constant"
    power_t: float = 0.5
    learning_rate: float = 0.001


@dataclass
class Courses:
    """The courses of a stack so far; changed in place.

    Attributes:
        table: (models, 6) learning rate of the next epoch; best loss or score; epochs in a row that brought too little;
            1 where training has stopped; samples seen since the weights were drawn; epochs of this fit.
        best: (models, parameters) with the highest score, (models, 0) where no score is taken.
        best_statistics: (models, statistics) of those.
        losses: (models, epochs) mean loss of each, NaN where there was none.
        scores: (models, epochs) on the samples held out; (models, 0) where none are.
    """

    table: NDArray[np.float64]
    best: Floats
    best_statistics: Floats
    losses: NDArray[np.float64]
    scores: NDArray[np.float64]

    @property
    def running(self) -> NDArray[np.intp]:
        """The models that have not stopped."""
        return np.flatnonzero(self.table[:, STOPPED] == 0)

    @property
    def epochs(self) -> NDArray[np.intp]:
        """(models,) epochs of this fit."""
        return self.table[:, EPOCHS].astype(np.intp)


def new_courses(state: State, rule: Rule, epochs: int) -> Courses:
    """Return the courses of a stack before its first epoch.

    Args:
        state: of the stack.
        rule: by which it is trained.
        epochs: at most so many.

    Example:
        >>> from percept.training.stacked.design import Network
        >>> from percept.training.stacked.solver import new_state
        >>> new_courses(new_state(Network((2, 1)), np.zeros(3)), Rule("loss"), 5).losses.shape
        (1, 5)
    """
    models, scored = len(state.parameters), rule.judge == "score"
    table = np.zeros((models, 6))
    table[:, NOW] = rule.learning_rate
    table[:, BEST] = -inf if scored else inf
    return Courses(
        table,
        state.parameters.copy() if scored else state.parameters[:, :0].copy(),
        state.statistics.copy() if scored else state.statistics[:, :0].copy(),
        np.full((models, epochs), np.nan),
        np.full((models, epochs if scored else 0), np.nan),
    )


def decide(rule: Rule, course: NDArray[np.float64], value: float) -> bool:
    """Take in an epoch's loss or score; return whether a score is the best so far. The kernel has the same rules.

    Args:
        rule: by which the model is trained.
        course: (6,) its line of the table; changed in place.
        value: the loss or the score.
    """
    better = False
    if rule.judge == "loss":
        course[UNIMPROVED] = course[UNIMPROVED] + 1 if value > course[BEST] - rule.tolerance else 0
        course[BEST] = value if value < course[BEST] else course[BEST]  # not min(): a loss may be NaN
    elif rule.judge == "score":
        course[UNIMPROVED] = course[UNIMPROVED] + 1 if value < course[BEST] + rule.tolerance else 0
        better = bool(value > course[BEST])
        course[BEST] = value if better else course[BEST]
    if rule.schedule == "invscaling":
        course[NOW] = rule.learning_rate / (course[SEEN] + 1) ** rule.power_t
    if course[UNIMPROVED] > rule.patience:
        if rule.schedule != "adaptive" or course[NOW] <= SMALLEST_RATE:
            course[STOPPED] = 1
        else:
            course[NOW] /= 5.0
            course[UNIMPROVED] = 0
    return better
