"""What the command shows while it works: notes, a live line of epochs with the time left, and the end."""

import json
import math
import os
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from percept.workflow.events import Event, Networks

MOST_RECALLS = 10  # classes whose recall is printed


class Screen:
    """The terminal: people read it on standard output, or on standard error where --json has the output.

    Of several processes that train together, only the first speaks.

    Args:
        as_json: whether standard output is for JSON alone.
    """

    def __init__(self, as_json: bool) -> None:
        quiet = os.environ.get("RANK", "0") != "0"  # torchrun numbers its processes
        self.as_json = as_json and not quiet
        # a pipe or a file gets whole lines, however long; a terminal gets its own width
        width = None if (sys.stderr if as_json else sys.stdout).isatty() else 160
        self.console = Console(stderr=as_json, quiet=quiet, highlight=False, soft_wrap=True, width=width)

    def say(self, text: str, style: str = "") -> None:
        """Print a sentence, its brackets taken as they are; on a terminal it breaks between words, never in a path."""
        if self.console.is_terminal:
            text = "\n".join(_folded(line, self.console.width) for line in text.split("\n"))
        self.line(text, style)

    def line(self, text: str, style: str = "") -> None:
        """Print a line as it is, such as a row of a table."""
        self.console.print(text, style=style or None, markup=False)

    def table(self, table: Table) -> None:
        """Print a table."""
        self.console.print(table, soft_wrap=False)

    def result(self, values: object) -> None:
        """Print JSON on standard output, where it was asked for."""
        if self.as_json:
            sys.stdout.write(json.dumps(values) + "\n")
            sys.stdout.flush()


def _folded(line: str, width: int) -> str:
    hang = "  " if line.startswith("- ") else ""
    return textwrap.fill(line, width, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False)


@contextmanager
def decoding(screen: Screen) -> Iterator[Callable[[float, int], None]]:
    """Show how many pictures are decoded; a bar on a terminal, nothing in a file."""
    columns = TextColumn("reading pictures"), BarColumn(), TextColumn("{task.completed:.0f} of {task.total:.0f}")
    with _bar(screen, *columns) as tell:
        yield tell


@contextmanager
def predicting(screen: Screen) -> Iterator[Callable[[float, int], None]]:
    """Show how much of the masks is written, and the time left; a bar on a terminal, nothing in a file."""
    columns = TextColumn("{task.percentage:.0f} % of the masks"), BarColumn(), TimeRemainingColumn(), TextColumn("left")
    with _bar(screen, *columns) as tell:
        yield tell


@contextmanager
def _bar(screen: Screen, *columns: ProgressColumn) -> Iterator[Callable[[float, int], None]]:
    bar = Progress(*columns, console=screen.console, transient=True)
    task = None

    def tell(done: float, total: int) -> None:
        nonlocal task
        if not screen.console.is_terminal:
            return
        if task is None:
            bar.start()
            task = bar.add_task("", total=total)
        bar.update(task, completed=done)

    try:
        yield tell
    finally:
        if task is not None:
            bar.stop()


@dataclass
class EpochLine:
    """The live line of a training: what does not fit the terminal's width is left out, the least telling first.

    Attributes:
        epochs: how many there are at most.
        done: epochs that are done, with the share of the present one.
        left: the time left in words.
        figures: of the last epoch, the most telling first.
    """

    epochs: int
    done: float
    left: str = ""
    figures: tuple[str, ...] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        words = [f"epoch {min(int(self.done) + 1, self.epochs)} of {self.epochs}", self.left, *self.figures]
        line = ""
        for word in filter(None, words):
            longer = f"{line}  {word}" if line else word
            if len(longer) > options.max_width:
                break
            line = longer
        room = options.max_width - len(line) - 2
        grid = Table.grid(padding=(0, 2, 0, 0))
        bar = [ProgressBar(total=self.epochs, completed=self.done, width=min(room - 2, 24))] if room >= 10 else []
        grid.add_row(*bar, Text(line, no_wrap=True, overflow="crop"))
        yield grid


@dataclass
class NetworksLine:
    """The live line of a selection.

    Attributes:
        event: how many networks are done.
        what: what is counted.
        left: the time left in words.
    """

    event: "Networks"
    what: str
    left: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        line = f"{self.event.done:,} of {self.event.total:,} {self.what}  {self.left}".rstrip()
        room = options.max_width - len(line) - 2
        grid = Table.grid(padding=(0, 2, 0, 0))
        done, total = self.event.done, self.event.total
        bar = [ProgressBar(total=total, completed=done, width=min(room - 2, 24))] if room >= 10 else []
        grid.add_row(*bar, Text(line, no_wrap=True, overflow="crop"))
        yield grid


class TrainingView:
    """Epochs as they end: on a terminal a line that keeps moving, in a file a line every few seconds.

    Args:
        screen: where to show them.
        what: a selection counts: "networks", or "runs".
    """

    def __init__(self, screen: Screen, what: str = "networks") -> None:
        self.screen, self.what = screen, what
        self.networks: Networks | None = None
        self.begun = time.monotonic()
        self.first = 1
        self.epochs = 0
        self.last_line = 0.0
        self.last_epoch = 0
        self.folder: Any = None
        self.live: Live | None = None
        self.row = EpochLine(0, 0)

    def show(self, event: "Event") -> None:
        """Show one event of a training."""
        from percept.training.loop import Steps
        from percept.workflow.events import Networks, Note, Started, Trained

        if isinstance(event, Note):
            self.stop()
            self.screen.say(f"- {event.text}")
        elif isinstance(event, Networks):
            self._networks(event)
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
            self.row = EpochLine(event.epochs, event.first - 1)
            self.live = Live(self.row, console=self.screen.console, transient=True, refresh_per_second=8)
            self.live.start()

    def _networks(self, event: "Networks") -> None:
        """Show how many networks of a selection are done, and the time left, counted from the first that is told."""
        if self.networks is None or self.networks.total != event.total or self.networks.done >= event.done:
            self.stop()
            self.begun, self.first_networks, self.last_line = time.monotonic(), event.done, 0.0
        self.networks = event
        left = time_left(self.begun, event.done - self.first_networks, event.total - self.first_networks)
        if self.screen.console.is_terminal:
            if self.live is None:
                self.live = Live(NetworksLine(event, self.what), console=self.screen.console, transient=True)
                self.live.start()
            self.live.update(NetworksLine(event, self.what, left))
        elif time.monotonic() - self.last_line > 2 or event.done == event.total:
            self.last_line = time.monotonic()
            words = (f"{event.done:,} of {event.total:,} {self.what}", left if event.done < event.total else "")
            self.screen.say("  ".join(filter(None, words)))

    def _advance(self, done: float) -> None:
        self.row.done = done
        self.row.left = time_left(self.begun, done - self.first + 1, self.epochs - self.first + 1)

    def _epoch(self, event: Any) -> None:
        epoch = event.epoch
        self.last_epoch = epoch.number
        figures = {name: f"{name} {value:.4f}" for name, value in epoch.figures.items()}
        loss = f"validation {figures.pop('loss')}" if "loss" in figures else ""
        self._advance(epoch.number)
        self.row.figures = (f"loss {epoch.train_loss:.4f}", *figures.values(), loss, f"best epoch {event.best}")
        now = time.monotonic()
        if self.live is None and (now - self.last_line > 2 or epoch.number in (1, event.epochs)):
            self.last_line = now
            words = (f"epoch {epoch.number:3d} of {event.epochs}", *self.row.figures, self.row.left)
            self.screen.say("  ".join(filter(None, words)))

    def stop(self) -> None:
        """Take the live line away, and leave the last epoch's figures where it was."""
        if self.live is not None:
            self.live.stop()
            self.live = None
            if self.row.figures and self.last_epoch:
                words = (f"epoch {self.last_epoch} of {self.epochs}", *self.row.figures)
                self.screen.say("  ".join(filter(None, words)))


def time_left(begun: float, done: float, total: float) -> str:
    """Return the time left in words; "" before there is anything to tell it by."""
    if done <= 0:
        return ""
    seconds = (time.monotonic() - begun) / done * max(0.0, total - done)
    if seconds < 90:
        return f"{seconds:.0f} s left"
    return f"{seconds / 60:.0f} min left" if seconds < 5400 else f"{seconds / 3600:.1f} h left"


def figures_table(title: str, figures: Mapping[str, Mapping[str, float | None]]) -> Table:
    """Return figures and their intervals as a table; of many classes, the recalls of the worst alone.

    Figures of objects at a single IoU, such as object_f1[0.75], are left to the report and --json.

    Args:
        title: what stands above it.
        figures: {"accuracy": {"value": .., "low": .., "high": ..}, "recall[rose]": .., ...}.
    """
    recalls = [name for name in figures if name.startswith("recall[")]
    recalls.sort(key=lambda name: math.inf if (value := figures[name]["value"]) is None else value)
    left_out = set(recalls[MOST_RECALLS:])
    single = {name for name in figures if name.startswith(("object_f1[", "average_precision["))}
    more = f"and {len(left_out)} more classes, none with a lower recall (all of them: report, or --json)"
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        caption=more if left_out else None,
        caption_justify="left",
        box=None,
        pad_edge=False,
    )
    table.add_column("figure", overflow="fold")
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("95 % interval", justify="right", no_wrap=True)
    for name, figure in figures.items():
        if name not in left_out | single:
            interval = f"{written_number(figure['low'])} to {written_number(figure['high'])}"
            table.add_row(Text(name), written_number(figure["value"]), interval)
    return table


def written_number(value: float | None) -> str:
    """Return a figure as it is printed, a dash where there is none."""
    if value is None:
        return "-"
    if value and not 1e-3 <= abs(value) < 1e9:  # a target's own unit may be tiny or huge
        return f"{value:.4g}"
    return f"{value:.4f}" if abs(value) < 100 else f"{value:,.1f}"
