"""Small pictures by the default choices: the CIFAR-10 subset and Fashion-MNIST, within minutes, on sealed pictures.

CIFAR-10's 21,000 pictures are put into one .npz and percept seals a part by itself; Fashion-MNIST keeps its own test
set. Nothing is named but the time. Each set is fitted by the command's own function and opened at the end. Beside it
the simple methods of the same run, on the same pictures.

Claims: at least 0.80 on the CIFAR-10 subset in 15 minutes of two cores, and 0.925 on Fashion-MNIST, in 30, with fewer
than 500,000 weights.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import percept
from percept.runs.ledger import read_ledger

DATA = Path(__file__).parents[2] / "shared/data"
CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
NAMES = ("value", "low", "high")


def main() -> None:
    """Train on each set and print what it reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", choices=[[], *SETS], default=list(SETS))
    parser.add_argument("--minutes", type=float, default=15.0, help="of each training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for the runs; by default they go at the end")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in given.sets:
            place = (given.keep or Path(folder)) / name
            place.mkdir(parents=True, exist_ok=True)
            print(f"{name}, {given.minutes:g} minutes, {torch.get_num_threads()} threads", flush=True)
            report(place / "run", SETS[name](place), given.minutes, given.seed)


def cifar(place: Path) -> Path:
    """Return one .npz of all pictures of the subset."""
    archive = place / "cifar10.npz"
    if not (DATA / "cifar10").exists():
        sys.exit("the pictures of ../shared/data/cifar10 are not there; nothing was measured")
    if not archive.exists():
        pictures, labels = zip(*(cifar_part(part) for part in ("train", "test")), strict=True)
        np.savez(archive, images=np.concatenate(pictures), labels=np.concatenate(labels))
    return archive


def cifar_part(part: str) -> tuple[NDArray[np.uint8], NDArray[np.str_]]:
    """Return (pictures, 32, 32, 3) of one part of the subset, train or test, and their classes."""
    sheets = sorted((DATA / "cifar10").glob(f"{part}_[0-9]*.png"))
    tiles = [
        np.asarray(Image.open(sheet)).reshape(25, 32, 40, 32, 3).transpose(0, 2, 1, 3, 4).reshape(1000, 32, 32, 3)
        for sheet in sheets
    ]
    labels = np.fromfile(DATA / f"cifar10/{part}_labels.u8", np.uint8)[: 1000 * len(sheets)]
    return np.concatenate(tiles), np.array(CIFAR_CLASSES)[labels]


def fashion(place: Path) -> Path:
    """Return the folder as it was published."""
    folder = DATA / "fashion_mnist"
    if not folder.exists():
        sys.exit("the pictures of ../shared/data/fashion_mnist are not there; nothing was measured")
    return folder


def report(out: Path, source: Path, minutes: float, seed: int) -> None:
    """Fit, open the sealed pictures, and print both with the simple methods."""
    run = percept.fit(source, out=out, minutes=minutes, seed=seed)
    figures = percept.evaluate(run.path).figures
    weights = sum(each.numel() for each in percept.load(run.path).model.network.parameters())
    seconds = float(run.history["seconds"].sum())
    print(f"  percept: accuracy {triple(figures['accuracy'])}, {weights:,} weights, ", end="")
    print(f"{len(run.history)} epochs, {seconds:.0f} s of training")
    found = read_ledger(out / "ledger.jsonl")[0].baselines or {}
    for name, each in found.items():
        print(f"  {name}: accuracy {triple(each['figures']['accuracy'])}", flush=True)


def interval(figure: dict[str, float | None]) -> tuple[float, float, float]:
    """Return a figure with its limits; nan for what is not defined."""
    value, low, high = (float("nan") if figure[name] is None else float(figure[name] or 0) for name in NAMES)
    return value, low, high


def triple(figure: dict[str, float | None]) -> str:
    """Return a figure with its limits in words."""
    value, low, high = interval(figure)
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


SETS: dict[str, Callable[[Path], Path]] = {"cifar10": cifar, "fashion_mnist": fashion}

if __name__ == "__main__":
    main()
