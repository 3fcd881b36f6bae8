"""Transfer on few pictures: ants and bees from a body that knows CIFAR-10, with its features kept and without.

Claims: with the features of the frozen body kept, the head reaches the same figures, and from epoch two on an epoch
takes at most a tenth of the CPU time. Beside it, what each way of training reaches on the 153 pictures that none of
them saw: from scratch, the head alone, the last stage and the whole network, at the defaults and the last epoch, so
that nothing was chosen by these pictures. All run in this process, one after the other.

The body is a published residual network for CIFAR-10 unless --body names a run or a model file of percept.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from percept.data.cache import load_pixels
from percept.data.dataset import PictureFiles
from percept.data.preprocessing import ImagePreprocessing
from percept.evaluation.intervals import evaluate_figures
from percept.evaluation.metrics import metric_named
from percept.evaluation.predict import outputs, probabilities
from percept.models import build
from percept.models.bodies import IMAGENET
from percept.models.transfer import Transfer, transfer
from percept.nn.losses import cross_entropy
from percept.training.batches import LabeledPart
from percept.training.features import FeatureStore
from percept.training.loop import Epoch
from percept.training.phases import plan, train_in_phases
from percept.training.processes import make_accelerator
from percept.training.settings import TrainingSettings

DATA = Path(__file__).parents[2] / "shared/data"
WEIGHTS = DATA / "weights/cifar10_resnet/resnet20-12fca82f.th"
FASTER = 10.0  # what the claim asks for
CPU = torch.device("cpu")
WAYS = ("head", "last:1", "all", "scratch")


@dataclass(frozen=True)
class Course:
    """What one training brought.

    Attributes:
        first: CPU seconds of the first epoch, the body's features included where they are kept.
        later: median CPU seconds of the later epochs.
        chances: (pictures, 2) what the network says of the pictures it never saw.
    """

    first: float
    later: float
    chances: NDArray[np.float64]


def main() -> None:
    """Run what is asked for, print a table, and exit 1 where a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--body", type=Path, help="a run folder or model file of percept for pictures")
    parser.add_argument("--side", type=int, default=32, help="pixels of the pictures' sides")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=list(WAYS))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if not (DATA / "hymenoptera").exists():
        sys.exit("the pictures of ../shared/data/hymenoptera are not there; nothing was measured")
    print(f"ants and bees at {given.side}x{given.side}, {given.epochs} epochs, {torch.get_num_threads()} threads")
    training, validation = parts(given.side)
    held = True
    for way in given.ways:
        store = FeatureStore() if way == "head" else None
        course = run(start(way, training, given), training, validation, given.epochs, given.seed, store)
        print(f"{way}: {accuracy(course.chances, validation)}, {course.later:.3f} s of CPU an epoch", flush=True)
        if way == "head":
            anew = run(start(way, training, given), training, validation, given.epochs, given.seed, None)
            held = compare(course, anew)
    sys.exit(0 if held else 1)


def compare(kept: Course, anew: Course) -> bool:
    """Print the head's training with features kept beside that without, and return whether the claim holds."""
    faster, apart = anew.later / kept.later, float(np.abs(anew.chances - kept.chances).max())
    same = bool((anew.chances.argmax(axis=1) == kept.chances.argmax(axis=1)).all())
    for name, course in {"kept": kept, "computed anew": anew}.items():
        print(f"  features {name}: first epoch {course.first:.3f} s of CPU, later {course.later:.4f} s each")
    print(f"  from epoch two {faster:.0f} times as fast; probabilities {apart:.1e} apart, the same answers: {same}")
    return faster >= FASTER and same


def parts(side: int) -> tuple[LabeledPart, LabeledPart]:
    """Return the set's own training part, and the one it calls val."""
    paths = [sorted((DATA / "hymenoptera" / part).rglob("*.jpg")) for part in ("train", "val")]
    files = PictureFiles(tuple(path for some in paths for path in some))
    pixels = load_pixels(files, height=side, width=side, channels=3, resize="stretch").array
    targets = np.array([path.parent.name == "bees" for path in files.paths]).astype(np.int64)
    form = ImagePreprocessing(side, side, 3, mean=IMAGENET[0], std=IMAGENET[1])
    rows = np.split(np.arange(len(files)), [len(paths[0])])
    training, validation = (LabeledPart(pixels, targets, each, form) for each in rows)
    return training, validation


def start(way: str, training: LabeledPart, given: argparse.Namespace) -> Transfer:
    """Return the network before training, its new weights drawn by the seed."""
    torch.manual_seed(given.seed)
    shape = (3, given.side, given.side)
    if way == "scratch":
        return transfer(build("cifar_resnet20", classes=2), classes=2, level="all", shape=shape)
    if given.body is not None:
        return transfer(given.body, classes=2, level=way)
    return transfer(WEIGHTS, classes=2, level=way, architecture="cifar_resnet20", shape=shape)


def run(
    moved: Transfer, training: LabeledPart, validation: LabeledPart, epochs: int, seed: int, store: FeatureStore | None
) -> Course:
    """Train by the usual course and return its times and what the network says in the end."""
    settings = TrainingSettings(epochs, 16, "adamw", 2e-3, 0.02, 0.9, "cosine", "loss", 0, 1.0, seed)
    form = moved.preprocessing if isinstance(moved.preprocessing, ImagePreprocessing) else training.preprocessing
    training, validation = (LabeledPart(part.inputs, part.targets, part.rows, form) for part in (training, validation))
    truth = validation.targets[validation.rows]
    loss = metric_named("loss", "classification")
    course = train_in_phases(
        moved.network,
        moved.parts,
        plan(moved.stages, settings),
        cross_entropy(),
        training,
        validation,
        lambda scores: {"loss": loss.measure(truth, probabilities(scores))},
        settings,
        make_accelerator(CPU, "float32"),
        store=store,
    )
    seconds = list(times(course))
    scores = outputs(moved.network, validation.inputs, validation.rows, form, device=CPU)
    return Course(seconds[0], statistics.median(seconds[1:]), probabilities(scores))


def times(course: Iterator[object]) -> Iterator[float]:
    """Yield the CPU seconds of each epoch."""
    begun = time.process_time()
    for event in course:
        if isinstance(event, Epoch):
            now = time.process_time()
            yield now - begun
            begun = now


def accuracy(chances: NDArray[np.float64], validation: LabeledPart) -> str:
    """Return the accuracy with its 95 % interval."""
    truth = validation.targets[validation.rows]
    found = evaluate_figures(truth, chances, classes=("ants", "bees"))["accuracy"]
    return f"accuracy {found.value:.3f} (95 % interval {found.low:.3f} to {found.high:.3f}, {len(truth)} pictures)"


if __name__ == "__main__":
    main()
