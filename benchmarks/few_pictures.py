"""Few pictures: ants and bees from scratch, with augmentation and mixup, and from a body that percept trained itself.

Each way is a whole run of `percept.fit` on the set's 245 training pictures, of which percept validates on a part, with
the same minutes; the 153 pictures that the set calls val are sealed, and each way opens them once, at its end. Nothing
is chosen by them. The body learns the CIFAR-10 subset first, in minutes of its own. Beside the ways the best of the
simple methods, chosen on the validation part. All run in this process, one after the other.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import percept
from percept.runs.ledger import read_ledger
from percept.workflow.run import Run
from small_pictures import DATA, cifar_part, interval, triple

WAYS: dict[str, dict[str, Any]] = {
    "from scratch": {"augment": "none"},
    "augmentation": {"augment": "auto"},
    "augmentation, mixup": {"augment": "auto", "mixup": 0.2},
    "own body, head": {"transfer": "head"},
    "own body, all": {"transfer": "all", "augment": "auto"},
    "own body, all, mixup": {"transfer": "all", "augment": "auto", "mixup": 0.2},
}


@dataclass(frozen=True)
class Line:
    """What one way reached on the sealed pictures.

    Attributes:
        way: its name.
        accuracy: value and limits of the 95 % interval.
        log_loss: the same.
        epochs: how many there were.
        seconds: of training.
    """

    way: str
    accuracy: tuple[float, float, float]
    log_loss: tuple[float, float, float]
    epochs: int
    seconds: float


def main() -> None:
    """Train every way and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0, help="of each way")
    parser.add_argument("--body-minutes", type=float, default=15.0, help="of the body's training")
    parser.add_argument("--body", type=Path, help="a run or model file to take the body from, instead of training one")
    parser.add_argument("--side", type=int, default=64, help="pixels of the pictures' sides")
    parser.add_argument("--ways", nargs="*", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a new folder for the runs; by default they go at the end")
    given = parser.parse_args()
    if not (DATA / "hymenoptera").exists() or not (given.body or (DATA / "cifar10").exists()):
        sys.exit("the pictures of ../shared/data are not there; nothing was measured")
    with tempfile.TemporaryDirectory() as folder:
        place = given.keep or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        threads = f"{torch.get_num_threads()} threads"
        print(f"ants and bees at {given.side}x{given.side}, {given.minutes:g} minutes a way, {threads}", flush=True)
        body = given.body
        if body is None and any("transfer" in WAYS[way] for way in given.ways):
            body = trained_body(place / "body", given.body_minutes, given.seed)
        print(f"{'way':24} {'accuracy':24} {'log loss':24} epochs  seconds")
        for number, way in enumerate(given.ways):
            print(written(one(way, place / str(number), body, given)), flush=True)
        print(beside(place / "0"))


def trained_body(out: Path, minutes: float, seed: int) -> Path:
    """Return a run of the default network on the CIFAR-10 subset, with what it reaches on its sealed pictures."""
    pictures, labels = cifar_part("train")
    run = percept.fit(pictures, labels, out=out, minutes=minutes, seed=seed)
    figure = percept.evaluate(run.path).figures["accuracy"]
    print(
        f"body on {len(labels)} pictures of CIFAR-10: accuracy {triple(figure)}, {len(run.history)} epochs", flush=True
    )
    return out


def one(way: str, out: Path, body: Path | None, given: argparse.Namespace) -> Line:
    """Return what one way reaches on the pictures that it never saw."""
    choices = dict(WAYS[way])
    if "transfer" in choices:
        choices["pretrained"] = body
    root, size = DATA / "hymenoptera", (given.side, given.side)
    run = percept.fit(
        root / "train",
        test=root / "val",
        out=out,
        image_size=size,
        minutes=given.minutes,
        seed=given.seed,
        **choices,
    )
    figures = percept.evaluate(run.path).figures
    return Line(
        way,
        interval(figures["accuracy"]),
        interval(figures["log_loss"]),
        len(run.history),
        seconds(run),
    )


def seconds(run: Run) -> float:
    """Return how long its epochs took together."""
    return float(run.history["seconds"].sum())


def written(line: Line) -> str:
    """Return a line of the table."""
    columns = [f"{value:.3f} ({low:.3f} to {high:.3f})" for value, low, high in (line.accuracy, line.log_loss)]
    return f"{line.way:24} {columns[0]:24} {columns[1]:24} {line.epochs:6d} {line.seconds:8.0f}"


def beside(path: Path) -> str:
    """Return what the simple methods reach on the same pictures, from the first run's ledger."""
    found = read_ledger(path / "ledger.jsonl")[0].baselines or {}
    return "\n".join(f"{name:24} {triple(each['figures']['accuracy'])}" for name, each in found.items())


if __name__ == "__main__":
    main()
