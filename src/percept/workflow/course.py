"""A training on disk: every epoch written as it ends, and gone on with where a killed one stopped."""

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from accelerate import Accelerator
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from percept.errors import RunFolderError
from percept.runs.folder import RunFolder, append_row, write_rows
from percept.training.checkpoint import Checkpoint, epochs_done, restore_checkpoint, save_checkpoint
from percept.training.loop import Epoch, Steps
from percept.training.processes import averaged
from percept.training.settings import TrainingSettings
from percept.training.stopping import NOTHING_YET, Best, keep_best
from percept.training.time_budget import until
from percept.workflow.events import Event, Note, Started, Trained


class Begun(NamedTuple):
    """A stretch of epochs, ready to go.

    Attributes:
        optimizer: over what learns in it.
        schedule: of that optimizer.
        train: gives its epochs from one of them on.
    """

    optimizer: Optimizer
    schedule: LRScheduler
    train: Callable[[int], Iterator[Epoch | Steps]]


@dataclass(frozen=True)
class Stretch:
    """Epochs with one optimizer and one schedule.

    Attributes:
        last: number of its last epoch.
        begin: makes ready what it needs, in the network as the stretch before left it.
    """

    last: int
    begin: Callable[[], Begun]


@dataclass(frozen=True)
class Course:
    """Everything that a training on disk goes by.

    Attributes:
        network: trained in place.
        stretches: one behind the other; patience counts in the last one.
        settings: how to train.
        higher_is_better: whether a larger metric is a better one.
        data: digest of the samples, by which changed data are told.
        deadline: of `time.monotonic`, when no further epoch is begun; None for none.
    """

    network: nn.Module
    stretches: Sequence[Stretch]
    settings: TrainingSettings
    higher_is_better: bool
    data: str
    deadline: float | None = None


def train_on_disk(
    course: Course, folder: RunFolder, accelerator: Accelerator, notes: Sequence[str] = ()
) -> Generator[Event, None, tuple[tuple[Epoch, ...], Best]]:
    """Train, going on from the folder's checkpoint if there is one, and leave the network with its best weights.

    Args:
        course: what is trained.
        folder: where history and checkpoint go.
        accelerator: device and processes.
        notes: what is to be told before the first epoch.

    Yields:
        What happens, as it happens.

    Returns:
        Every epoch, and the best of them.

    Raises:
        RunFolderError: the data have changed since the checkpoint.
    """
    settings, network = course.settings, course.network
    done = epochs_done(folder.checkpoint) if folder.checkpoint.exists() else 0
    history: list[Epoch] = []
    best = NOTHING_YET
    accelerator.wait_for_everyone()
    told = False
    for before, stretch in zip((0, *(each.last for each in course.stretches)), course.stretches, strict=False):
        if stretch.last < done or (history and _time_left(course.deadline, accelerator) < 0):
            continue
        begun = stretch.begin()
        if done and not history:
            state = restore_checkpoint(folder.checkpoint, network, begun.optimizer, begun.schedule)
            if state.data != course.data:
                raise RunFolderError(
                    f"the data of {folder.path} have changed since the run was begun; put them back, or begin a new run"
                )
            history, best = list(state.history), state.best
        if not told:
            told = True
            if accelerator.is_main_process:
                _rewrite_history(folder, history)
            yield Started(folder.path, len(history) + 1, settings.epochs)
            yield from map(Note, () if history else notes)
        patience = settings.patience if stretch is course.stretches[-1] else 0
        if len(history) >= stretch.last or _stopped(history, best, patience, before):
            continue
        epochs = begun.train(len(history) + 1)
        if course.deadline is not None:
            schedule = begun.schedule if stretch is course.stretches[-1] else None
            epochs = until(epochs, partial(_time_left, course.deadline, accelerator), schedule, stretch.last)
        for event in keep_best(
            epochs,
            network,
            metric=settings.metric,
            higher_is_better=course.higher_is_better,
            patience=patience,
            best=best,
            first=before + 1,
        ):
            if isinstance(event, Steps):
                yield event
                continue
            epoch, best = event
            history.append(epoch)
            if accelerator.is_main_process:
                state = Checkpoint(tuple(history), best, course.data)
                save_checkpoint(folder.checkpoint, network, begun.optimizer, begun.schedule, state)
                append_row(folder.history, history_row(epoch))
            yield Trained(epoch, settings.epochs, best.epoch)
    network.load_state_dict(best.weights)
    return tuple(history), best


def history_row(epoch: Epoch) -> dict[str, object]:
    """Return an epoch as a line of history.csv, the time columns last."""
    return {
        "epoch": epoch.number,
        "train_loss": epoch.train_loss,
        **{f"validation_{name}": value for name, value in epoch.figures.items()},
        "learning_rate": epoch.learning_rate,
        "gradient_norm": epoch.gradient_norm,
        "seconds": round(epoch.seconds, 3),
        "compute_seconds": round(epoch.compute_seconds, 3),
    }


def _time_left(deadline: float | None, accelerator: Accelerator) -> float:
    """Return the seconds until a deadline, the same in every process, whose clocks are not read at one moment."""
    return math.inf if deadline is None else averaged([deadline - time.monotonic()], accelerator)[0]


def _stopped(history: list[Epoch], best: Best, patience: int, before: int) -> bool:
    return bool(history) and bool(patience) and len(history) - max(best.epoch, before) >= patience


def _rewrite_history(folder: RunFolder, history: list[Epoch]) -> None:
    # a line whose checkpoint was not finished belongs to an epoch that will be trained again
    if not history:
        folder.history.unlink(missing_ok=True)
        return
    rows = [history_row(epoch) for epoch in history]
    write_rows(folder.history, list(rows[0]), [list(row.values()) for row in rows])
