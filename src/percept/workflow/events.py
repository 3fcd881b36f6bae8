"""What a long command tells while it works: notes, progress, epochs."""

from dataclasses import dataclass
from pathlib import Path

from percept.training.loop import Epoch, Steps


@dataclass(frozen=True)
class Note:
    """A sentence for the user.

    Attributes:
        text: the sentence.
    """

    text: str


@dataclass(frozen=True)
class Started:
    """Training begins.

    Attributes:
        folder: the run folder.
        first: number of the first epoch, above 1 after `--resume`.
        epochs: number of the last epoch, if nothing stops it early.
    """

    folder: Path
    first: int
    epochs: int


@dataclass(frozen=True)
class Trained:
    """An epoch has ended.

    Attributes:
        epoch: what it brought.
        epochs: how many there are at most.
        best: number of the best epoch so far.
    """

    epoch: Epoch
    epochs: int
    best: int


@dataclass(frozen=True)
class Networks:
    """Networks of a selection are done.

    Attributes:
        done: so many.
        total: of so many.
    """

    done: int
    total: int


Event = Note | Started | Trained | Steps | Networks
