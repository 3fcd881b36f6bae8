"""What the two estimators of pictures share: the arguments that say how they train, and the record of a training."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from percept.devices import full_float32, using_threads
from percept.errors import OptionError, TrainingError
from percept.estimators.held_out import hold_out
from percept.estimators.options import check_choice, check_flag, check_number, check_whole
from percept.training.defaults import default_threads
from percept.training.loop import Epoch, Steps
from percept.training.optimizers import OPTIMIZERS
from percept.training.schedules import SCHEDULES
from percept.training.settings import TrainingSettings
from percept.training.stopping import NOTHING_YET, keep_best

PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(eq=False, repr=False, kw_only=True)
class PictureTraining:
    """The arguments that say how a network for pictures is trained: one list for both estimators."""

    augment: str | None = "auto"
    solver: str = "adamw"
    max_iter: int | Literal["auto"] = "auto"
    batch_size: int | Literal["auto"] = "auto"
    learning_rate: str = "cosine"
    learning_rate_init: float | Literal["auto"] = "auto"
    momentum: float = 0.9
    alpha: float | Literal["auto"] = "auto"
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: int = 10
    random_state: int | np.random.RandomState | None = None
    precision: str = "auto"
    device: str = "auto"
    verbose: bool | int = False


@dataclass(frozen=True)
class Learned:
    """What a training leaves.

    Attributes:
        network: with the weights that are kept, in evaluation mode.
        history: every epoch.
        kept: number of the epoch whose weights are kept.
    """

    network: nn.Module
    history: list[Epoch]
    kept: int


def check_training(options: PictureTraining) -> None:
    """Raise unless the arguments of a training make sense.

    Raises:
        OptionError: one of them does not.
    """
    check_choice("solver", options.solver, OPTIMIZERS)
    check_choice("learning_rate", options.learning_rate, SCHEDULES)
    check_choice("precision", options.precision, PRECISIONS)
    for name in ("max_iter", "batch_size"):
        if getattr(options, name) != "auto":
            check_whole(name, getattr(options, name))
    if options.learning_rate_init != "auto":
        check_number("learning_rate_init", options.learning_rate_init, ends="()")
    if options.alpha != "auto":
        check_number("alpha", options.alpha)
    check_number("momentum", options.momentum, high=1.0)
    check_flag("early_stopping", options.early_stopping)
    check_number("validation_fraction", options.validation_fraction, high=1.0, ends="()")
    check_whole("n_iter_no_change", options.n_iter_no_change)
    if options.learning_rate == "plateau" and not options.early_stopping:
        raise OptionError("learning_rate='plateau' goes by samples held out; set early_stopping=True")


def settings_from(
    options: PictureTraining, defaults: dict[str, float | int | str], *, metric: str, seed: int
) -> TrainingSettings:
    """Return the settings of a training, with what suits the data where an argument is "auto".

    Args:
        options: the arguments.
        defaults: "epochs", "batch_size", "learning_rate" and "weight_decay" that suit the data.
        metric: the figure of the pictures held out that stopping goes by.
        seed: what every draw of the training derives from.
    """

    def chosen(name: str, given: Any) -> Any:
        return defaults[name] if isinstance(given, str) else given

    return TrainingSettings(
        epochs=int(chosen("epochs", options.max_iter)),
        batch_size=int(chosen("batch_size", options.batch_size)),
        optimizer=options.solver,
        learning_rate=float(chosen("learning_rate", options.learning_rate_init)),
        weight_decay=float(chosen("weight_decay", options.alpha)),
        momentum=float(options.momentum),
        schedule=options.learning_rate,
        metric=metric,
        patience=options.n_iter_no_change if options.early_stopping else 0,
        clip_norm=0.0,
        seed=seed,
    )


def part_rows(
    options: PictureTraining,
    given: NDArray[np.str_],
    generator: np.random.RandomState,
    strata: NDArray[Any] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows to train on, and those held out to say when training should stop, none without early stopping.

    Args:
        options: the arguments.
        given: (samples,) the part that a folder puts each in; "" and "train" train, "test" is left out, and
            "validation" is held out, or left out without early stopping.
        generator: what rows are drawn from where the folder says nothing.
        strata: (samples,) whose proportions both sides keep, or None.

    Raises:
        DataError: too few samples would be held out.
    """
    rows, held = np.flatnonzero((given == "") | (given == "train")), np.flatnonzero(given == "validation")
    if not options.early_stopping or len(held):
        return rows, held if options.early_stopping else rows[:0]
    of_rows = None if strata is None else strata[rows]
    train, held = hold_out(len(rows), options.validation_fraction, generator, of_rows)
    return rows[train], rows[held]


@contextmanager
def drawing(seed: int, device: torch.device, size: tuple[int, int] | None) -> Iterator[None]:
    """Let torch draw from a seed on as many threads as suit a size; afterwards both are as they were.

    Args:
        seed: of torch's generators.
        device: where the network trains.
        size: (height, width) of what the network takes, pixels; None for large ones.
    """
    threads = None if size is None else default_threads(size)
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices), using_threads(threads), full_float32():
        torch.manual_seed(seed)
        yield


def follow(
    options: PictureTraining, epochs: Iterable[Epoch | Steps], network: nn.Module, settings: TrainingSettings
) -> tuple[list[Epoch], int]:
    """Train to the end, with early stopping to the best epoch's weights; return the epochs and the number kept.

    Args:
        options: the arguments.
        epochs: what a training yields.
        network: that is trained.
        settings: its settings.

    Raises:
        TrainingError: the loss is no longer finite.
    """
    history: list[Epoch] = []
    best = NOTHING_YET
    judged: Iterable[Any] = epochs
    if options.early_stopping:
        judged = keep_best(epochs, network, metric=settings.metric, higher_is_better=True, patience=settings.patience)
    try:
        for event in judged:
            if isinstance(event, Steps):
                continue
            epoch, best = event if options.early_stopping else (event, best)
            history.append(epoch)
            if options.verbose:
                print(_line(epoch, settings))
    except TrainingError as error:
        raise TrainingError(
            f"the training loss is not finite in epoch {len(history) + 1}: the steps are too large for this network;"
            f" set a smaller learning_rate_init than {settings.learning_rate:g}"
        ) from error
    if options.early_stopping:
        network.load_state_dict(best.weights)
    return history, best.epoch or len(history)


def _line(epoch: Epoch, settings: TrainingSettings) -> str:
    held = "".join(f", validation {name} {value:.4f}" for name, value in epoch.figures.items() if value == value)
    return f"epoch {epoch.number} of {settings.epochs}: loss {epoch.train_loss:.4f}{held}"


def record(estimator: Any, learned: Learned, metric: str) -> None:
    """Set the attributes that tell of a training.

    Args:
        estimator: they are set on it.
        learned: what the training left.
        metric: the figure that stopping went by.
    """
    held, history, kept = estimator.early_stopping, learned.history, learned.kept
    estimator.history_ = [
        {
            "epoch": epoch.number,
            "train_loss": epoch.train_loss,
            **({f"validation_{name}": value for name, value in epoch.figures.items()} if held else {}),
            "learning_rate": epoch.learning_rate,
            "seconds": epoch.seconds,
        }
        for epoch in history
    ]
    estimator.n_iter_, estimator.best_epoch_ = len(history), kept
    estimator.loss_curve_ = [epoch.train_loss for epoch in history]
    estimator.loss_ = estimator.loss_curve_[kept - 1]
    estimator.validation_scores_ = [epoch.figures[metric] for epoch in history] if held else None
    estimator.best_validation_score_ = history[kept - 1].figures[metric] if held else None
