"""Time of an epoch: percept against a plain PyTorch Dataset and DataLoader on a folder of JPEGs.

Claims, on the CPU: from the second epoch on at most 10 % of percept's time lies outside forward, backward and step;
its first epoch, in which every picture is decoded, takes at most 1.2 times the plain loop's. Both run in this process
by turns, after a short training of each that is not counted, with the same pictures, network, batch size, threads and
optimizer; what is reported is the median turn.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules import module as hooks
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils.data import DataLoader, Dataset

import percept.workflow.fit
from percept.models import arguments_for, build, choose_size
from percept.workflow.events import Event, Trained

OUTSIDE = 0.10  # share of an epoch's time that may lie outside forward, backward and step
FIRST = 1.2  # times the plain loop's first epoch that percept's may take
CLASSES = 10
SIDE = 500  # pixels of the JPEGs
VALIDATION = 0.15
MODEL = "small_resnet"
MEASURES = ("first", "later", "outside")  # of `Laps`


@dataclass(frozen=True)
class Settings:
    """What both sides share.

    Attributes:
        size: (height, width) of the network's input, pixels.
        epochs: passes over the training pictures.
        batch_size: pictures a step.
        threads: of PyTorch; the plain loop has as many worker processes, percept as many threads that decode.
    """

    size: tuple[int, int]
    epochs: int
    batch_size: int
    threads: int


@dataclass
class Stopwatch:
    """Adds up the time that any network of this process spends in forward, backward and step.

    It starts when a network is called. In training it stops when the optimizer has made its step, otherwise when the
    network returns. PyTorch's own hooks tell it so, which leaves both loops as their users write them.
    """

    seconds: float = 0.0
    _network: nn.Module | None = None
    _began: float = 0.0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Count while the block runs."""
        handles = [
            hooks.register_module_forward_pre_hook(self._called),
            hooks.register_module_forward_hook(self._returned),
            register_optimizer_step_post_hook(self._stepped),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _called(self, network: nn.Module, _: object) -> None:
        if self._network is None:  # the whole network, not one of its layers
            self._network, self._began = network, time.perf_counter()

    def _returned(self, network: nn.Module, _: object, outputs: object) -> None:
        if network is self._network and not network.training:
            self._stop()

    def _stepped(self, *_: object) -> None:
        self._stop()

    def _stop(self) -> None:
        self.seconds += time.perf_counter() - self._began
        self._network = None


@dataclass
class Laps:
    """The epochs of one training, timed as they end; the first begins with the reading of the folder.

    Attributes:
        stopwatch: counts forward, backward and step.
        marks: (clock, stopwatch) in seconds at the start and after each epoch.
    """

    stopwatch: Stopwatch
    marks: list[tuple[float, float]] = field(default_factory=list)

    def mark(self) -> None:
        """Note that training starts or that an epoch has ended."""
        self.marks.append((time.perf_counter(), self.stopwatch.seconds))

    @property
    def first(self) -> float:
        """Return the seconds of the first epoch."""
        return self.marks[1][0] - self.marks[0][0]

    @property
    def later(self) -> float:
        """Return the mean seconds of an epoch from the second on."""
        return (self.marks[-1][0] - self.marks[1][0]) / (len(self.marks) - 2)

    @property
    def outside(self) -> float:
        """Return the share of time outside forward, backward and step from the second epoch on."""
        (clock, inside), (last_clock, last_inside) = self.marks[1], self.marks[-1]
        return 1 - (last_inside - inside) / (last_clock - clock)


def make_pictures(folder: Path, count: int) -> None:
    """Write textured JPEGs of 500 x 500 pixels, about 60 KB each, in one folder a class.

    Args:
        folder: where they go.
        count: of pictures, a multiple of the classes.
    """
    random = np.random.default_rng(0)
    for number in range(count):
        label = number % CLASSES
        path = folder / f"class{label}" / f"{number:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(_texture(random, label)).save(path, quality=85)


def _texture(random: np.random.Generator, label: int) -> NDArray[np.uint8]:
    """Return (500, 500, 3) clouds of several grains, the contrast falling with the grain as it does in photographs."""
    picture = np.full((SIDE, SIDE, 3), 128.0)
    for grain, contrast in ((4, 45.0), (16, 28.0), (60, 18.0), (200, 11.0)):
        coarse = random.integers(0, 256, (grain, grain, 3), dtype=np.uint8)
        smooth = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        picture += contrast / 74 * (np.asarray(smooth) - 127.5)  # 74: standard deviation of uniform bytes
    stripes = np.sin(np.arange(SIDE) * (0.05 + 0.02 * label) + random.uniform(0, 2 * np.pi))
    picture += 15 * stripes[:, None, None]  # what tells the class
    return picture.clip(0, 255).astype(np.uint8)


class JPEGFolder(Dataset[tuple[Tensor, int]]):
    """A data set as PyTorch's tutorials write it: every time a picture is asked for, it is decoded and resized.

    Args:
        paths: files, each in its class's folder.
        size: (height, width) to resize to, pixels.
    """

    def __init__(self, paths: list[Path], size: tuple[int, int]) -> None:
        self.paths = paths
        self.size = size
        self.classes = sorted({path.parent.name for path in paths})

    def __len__(self) -> int:
        """Return how many pictures there are."""
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return the (3, height, width) picture, normalized, and its class."""
        path = self.paths[index]
        with Image.open(path) as image:
            picture = image.convert("RGB").resize(self.size[::-1], Image.Resampling.BILINEAR)
        values = torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous().float().div(255)
        return values.sub(0.5).div(0.25), self.classes.index(path.parent.name)


def plain_epochs(folder: Path, settings: Settings, laps: Laps) -> None:
    """Train with a plain PyTorch loop, validation after each epoch, as percept has it."""
    torch.use_deterministic_algorithms(False)  # as a plain script has it; percept turns it on for the whole process
    laps.mark()
    paths = sorted(folder.glob("*/*.jpg"))
    order = np.random.default_rng(0).permutation(len(paths))
    held = round(VALIDATION * len(paths))
    loaders = [
        DataLoader(
            JPEGFolder([paths[row] for row in rows], settings.size),
            settings.batch_size,
            shuffle=shuffle,
            num_workers=settings.threads,
            persistent_workers=True,
        )
        for rows, shuffle in ((order[held:], True), (order[:held], False))
    ]
    network = build(MODEL, **arguments_for(MODEL, outputs=CLASSES, shape=(3, *settings.size)))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    for _ in range(settings.epochs):
        network.train()
        for inputs, targets in loaders[0]:
            loss = functional.cross_entropy(network(inputs), targets)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad()
        network.eval()
        with torch.inference_mode():
            right = sum(int((network(inputs).argmax(1) == targets).sum()) for inputs, targets in loaders[1])
        laps.mark()
        print(f"  plain: epoch of {_last(laps):5.1f} s, accuracy {right / held:.3f}", flush=True)


def percept_epochs(folder: Path, settings: Settings, laps: Laps) -> None:
    """Train with percept from an empty cache; nothing is sealed, so that both sides train on the same pictures."""
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["PERCEPT_CACHE"] = str(Path(scratch, "cache"))

        def watch(event: Event) -> None:
            if isinstance(event, Trained):
                laps.mark()
                accuracy = event.epoch.figures["accuracy"]
                print(f"  percept: epoch of {_last(laps):5.1f} s, accuracy {accuracy:.3f}", flush=True)

        laps.mark()
        percept.workflow.fit.fit(
            folder,
            out=Path(scratch, "run"),
            model=MODEL,
            test="none",
            validation_size=VALIDATION,
            image_size=settings.size,
            epochs=settings.epochs,
            patience=0,
            batch_size=settings.batch_size,
            optimizer="adamw",
            learning_rate=1e-3,
            device="cpu",
            precision="float32",
            threads=settings.threads,
            watch=watch,
        )


def _last(laps: Laps) -> float:
    return laps.marks[-1][0] - laps.marks[-2][0]


def timed(train: Callable[[Path, Settings, Laps], None], folder: Path, settings: Settings) -> Laps:
    """Return the laps of one training."""
    laps = Laps(Stopwatch())
    with laps.stopwatch.listening():
        train(folder, settings, laps)
    return laps


def report(plain: list[Laps], ours: list[Laps]) -> bool:
    """Print both sides and both ratios, and return whether the claims hold."""
    print(f"{'':10}{'first epoch':>14}{'later epochs':>14}{'outside forward, backward, step':>34}")
    for name, turns in (("plain", plain), ("percept", ours)):
        first, later, outside = (statistics.median(getattr(laps, each) for laps in turns) for each in MEASURES)
        print(f"{name:10}{first:12.1f} s{later:12.1f} s{outside:34.1%}")
    outside = statistics.median(laps.outside for laps in ours)
    # A turn's two sides ran one after the other, under the same load of the machine.
    first = statistics.median(mine.first / theirs.first for mine, theirs in zip(ours, plain, strict=True))
    met = outside <= OUTSIDE, first <= FIRST
    print(f"outside, percept from epoch two: {outside:.1%} (claim: at most {OUTSIDE:.0%}) {_verdict(met[0])}")
    print(f"first epoch, percept / plain: {first:.2f} (claim: at most {FIRST}) {_verdict(met[1])}")
    return all(met)


def _verdict(met: bool) -> str:
    return "holds" if met else "DOES NOT HOLD"


def main() -> int:
    """Run the benchmark; the exit code is 1 if a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--pictures", type=int, default=2000, help="JPEGs to make, a multiple of 10")
    parser.add_argument("--epochs", type=int, default=3, help="epochs a training, at least 2")
    parser.add_argument("--rounds", type=int, default=2, help="trainings of each side, by turns")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if options.epochs < 2 or options.pictures % CLASSES:
        parser.error(f"expected at least 2 epochs and a multiple of {CLASSES} pictures")
    settings = Settings(choose_size(MODEL, (SIDE, SIDE)), options.epochs, options.batch_size, options.threads)
    torch.set_num_threads(options.threads)
    plain: list[Laps] = []
    ours: list[Laps] = []
    with tempfile.TemporaryDirectory() as folder:
        pictures, few = Path(folder, "pictures"), Path(folder, "few")
        make_pictures(pictures, options.pictures)
        make_pictures(few, 6 * CLASSES)
        size = statistics.mean(path.stat().st_size for path in pictures.glob("*/*.jpg"))
        print(f"{options.pictures} JPEGs of {SIDE} x {SIDE} pixels, {size / 1024:.0f} KB each, into {settings.size}")
        for turn in range(options.rounds + 1):
            print(f"round {turn} of {options.rounds}" if turn else "warming up")
            sides = (plain, plain_epochs), (ours, percept_epochs)
            for laps, train in sides if turn % 2 else reversed(sides):
                timing = timed(train, pictures if turn else few, settings)
                if turn:
                    laps.append(timing)
    return 0 if report(plain, ours) else 1


if __name__ == "__main__":
    sys.exit(main())
