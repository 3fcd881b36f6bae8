"""What the command shows while it works: notes, a live line of epochs with the time left, and the end."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

if TYPE_CHECKING:
    from percept.workflow.events import Event


class Screen:
    """The terminal: people read it on standard output, or on standard error where --json has the output.

    Args:
        as_json: whether standard output is for JSON alone.
    """

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        # a pipe or a file gets whole lines, however long; a terminal gets its own width
        width = None if sys.stdout.isatty() else 160
        self.console = Console(stderr=as_json, highlight=False, soft_wrap=True, width=width)

    def say(self, text: str, style: str = "") -> None:
        """Print a sentence, its brackets taken as they are."""
        self.console.print(text, style=style or None, markup=False)

    def table(self, table: Table) -> None:
        """Print a table."""
        self.console.print(table, soft_wrap=False)

    def result(self, values: object) -> None:
        """Print JSON on standard output, where it was asked for."""
        if self.as_json:
            sys.stdout.write(json.dumps(values) + "\n")
            sys.stdout.flush()


@contextmanager
def decoding(screen: Screen) -> Iterator[Callable[[int, int], None]]:
    """Show how many pictures are decoded; a bar on a terminal, nothing in a file."""
    columns = TextColumn("reading pictures"), BarColumn(), TextColumn("{task.completed:.0f} of {task.total:.0f}")
    bar = Progress(*columns, console=screen.console, transient=True)
    task = None

    def tell(done: int, total: int) -> None:
        nonlocal task
        if not screen.console.is_terminal:
            return
        if task is None:
            bar.start()
            task = bar.add_task("pictures", total=total)
        bar.update(task, completed=done, total=total)

    try:
        yield tell
    finally:
        if task is not None:
            bar.stop()


class TrainingView:
    """Epochs as they end: on a terminal a bar that keeps moving, in a file a line every few seconds.

    Args:
        screen: where to show them.
    """

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.begun = time.monotonic()
        self.first = 1
        self.epochs = 0
        self.last_line = 0.0
        self.last_epoch = 0
        self.folder: Any = None
        self.bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figures]}"),
            TextColumn("{task.fields[left]}"),
            console=screen.console,
            transient=True,
        )
        self.task: Any = None

    def show(self, event: "Event") -> None:
        """Show one event of a training."""
        from percept.training.loop import Steps
        from percept.workflow.events import Note, Started, Trained

        if isinstance(event, Note):
            self.screen.say(f"- {event.text}")
        elif isinstance(event, Started):
            self._start(event)
        elif isinstance(event, Steps):
            self._advance(event.epoch - 1 + event.done / event.total)
        elif isinstance(event, Trained):
            self._epoch(event)

    def _start(self, event: Any) -> None:
        self.folder, self.first, self.epochs = event.folder, event.first, event.epochs
        self.last_epoch, self.begun = event.first - 1, time.monotonic()
        if event.first > 1:
            self.screen.say(f"- goes on from epoch {event.first}")
        if self.screen.console.is_terminal and event.first <= event.epochs:
            self.task = self.bar.add_task(
                "epochs", total=event.epochs, completed=event.first - 1, epoch=event.first, figures="", left=""
            )
            self.bar.start()

    def _advance(self, done: float) -> None:
        if self.task is not None:
            left = _time_left(self.begun, done - self.first + 1, self.epochs - self.first + 1)
            self.bar.update(self.task, completed=done, epoch=f"{int(done) + 1} of {self.epochs}", left=left)

    def _epoch(self, event: Any) -> None:
        epoch = event.epoch
        self.last_epoch = epoch.number
        figures = f"loss {epoch.train_loss:.4f}  validation " + "  ".join(
            f"{name} {value:.4f}" for name, value in epoch.figures.items()
        )
        if self.task is not None:
            self.bar.update(self.task, figures=f"{figures}  best {event.best}")
            self._advance(epoch.number)
            return
        now = time.monotonic()
        if now - self.last_line > 2 or epoch.number in (1, event.epochs):
            self.last_line = now
            left = _time_left(self.begun, epoch.number - self.first + 1, event.epochs - self.first + 1)
            self.screen.say(f"epoch {epoch.number:3d} of {event.epochs}  {figures}  {left}")

    def stop(self) -> None:
        """Take the bar away."""
        if self.task is not None:
            self.bar.stop()
            self.task = None


def _time_left(begun: float, done: float, total: float) -> str:
    if done <= 0:
        return ""
    seconds = (time.monotonic() - begun) / done * max(0.0, total - done)
    if seconds < 90:
        return f"{seconds:.0f} s left"
    return f"{seconds / 60:.0f} min left" if seconds < 5400 else f"{seconds / 3600:.1f} h left"


def figures_table(title: str, figures: Mapping[str, Mapping[str, float | None]]) -> Table:
    """Return figures and their intervals as a table."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    for name, figure in figures.items():
        interval = f"{_number(figure['low'])} to {_number(figure['high'])}"
        table.add_row(name.replace("[", r"\["), _number(figure["value"]), interval)
    return table


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if abs(value) < 100 else f"{value:,.1f}"
