"""Augmentation of photos: percept's default against torchvision v2, kornia and albumentations, the same work.

Claim: on the CPU, at 64 and at 224 pixels, percept makes at least 1.5 times as many pictures a second as torchvision.
All run in this process by turns, with two threads, on the same uint8 pictures, and end in float32 of (n, channels,
height, width) in [0, 1]; what is reported is the median wall time and the median CPU time of a batch. The operations
are those of "auto" for photos: crop and enlarge, turn, flip, brightness, contrast, saturation. percept reads each
picture once, at one grid; the libraries read it once for each move, torchvision and albumentations picture after
picture. With --device cuda the pictures and all but albumentations are on a GPU.

torchvision, kornia and albumentations are not needed by percept: one that is not installed is left out. torchvision's
compiled part does not load beside every build of torch; nothing here needs it, so where it is missing its two
operations are declared and never called.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from importlib import import_module

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clock import by_turns, declare_operations_of_torchvision, machine
from percept.data.augment.draws import generator_of
from percept.data.augment.layer import augment
from percept.data.augment.presets import Traits, automatic
from percept.data.augment.recipe import Augmentation

CLAIM = 1.5  # times torchvision's pictures a second
SIZES = {64: 128, 224: 32}  # pixels a side, and pictures of a batch
TURN, KEPT, LIGHT = 10.0, 0.6, 0.2  # degrees, share of the area, reach of the factors: what "auto" has for photos

Run = Callable[[], Tensor]


def percept(pictures: NDArray[np.uint8], device: str) -> Run:
    """Return percept's augmentation of a batch (n, side, side, 3)."""
    size = (pictures.shape[1], pictures.shape[2])
    recipe = automatic(Traits(size, 3, flip=True))
    same = dict.fromkeys(("brightness", "contrast", "saturation"), LIGHT)
    if recipe != Augmentation(rotate=TURN, crop=1 - KEPT, flip=True, **same):  # type: ignore[arg-type]
        raise SystemExit("the default for photos has changed: change the others' operations too")
    batch = torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2)
    steps = iter(range(10**9))
    return lambda: augment(batch, recipe, generator_of(0, 0, next(steps))).pictures


def torchvision(pictures: NDArray[np.uint8], device: str) -> Run:
    """Return torchvision's augmentation of the batch, picture by picture as in a data set."""
    v2 = import_module("torchvision.transforms.v2")
    side = pictures.shape[1]
    change = v2.Compose(
        [
            v2.RandomResizedCrop(side, scale=(KEPT, 1.0), ratio=(1.0, 1.0)),
            v2.RandomRotation(TURN, interpolation=v2.InterpolationMode.BILINEAR),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(LIGHT, LIGHT, LIGHT),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )
    each = list(torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).contiguous())
    return lambda: torch.stack([change(picture) for picture in each])


def kornia(pictures: NDArray[np.uint8], device: str) -> Run:
    """Return kornia's augmentation of the batch at once, each picture by draws of its own."""
    library = import_module("kornia.augmentation")
    side = pictures.shape[1]
    change = library.AugmentationSequential(
        library.RandomResizedCrop((side, side), scale=(KEPT, 1.0), ratio=(1.0, 1.0)),
        library.RandomRotation(TURN, p=1.0),
        library.RandomHorizontalFlip(),
        library.ColorJiggle(LIGHT, LIGHT, LIGHT, p=1.0),
        data_keys=["input"],
    )
    batch = torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).contiguous()
    return lambda: change(batch.to(torch.float32) / 255)


def albumentations(pictures: NDArray[np.uint8], device: str) -> Run:
    """Return albumentations' augmentation of the batch, picture by picture, always on the CPU."""
    library = import_module("albumentations")
    side = pictures.shape[1]
    change = library.Compose(
        [
            library.RandomResizedCrop((side, side), scale=(KEPT, 1.0), ratio=(1.0, 1.0), p=1.0),
            library.Rotate(TURN, p=1.0),
            library.HorizontalFlip(p=0.5),
            library.ColorJitter((1 - LIGHT, 1 + LIGHT), (1 - LIGHT, 1 + LIGHT), (1 - LIGHT, 1 + LIGHT), (0, 0), p=1.0),
        ]
    )

    def run() -> Tensor:
        changed = torch.from_numpy(np.stack([change(image=picture)["image"] for picture in pictures]))
        return changed.to(device).permute(0, 3, 1, 2).to(torch.float32).div_(255)

    return run


SIDES: dict[str, Callable[[NDArray[np.uint8], str], Run]] = {
    "percept": percept,
    "torchvision": torchvision,
    "kornia": kornia,
    "albumentations": albumentations,
}


def present() -> Iterator[str]:
    """Yield the sides that are installed."""
    declare_operations_of_torchvision()
    for name in SIDES:
        try:
            import_module(name)
        except ImportError:
            print(f"{name} is not installed: left out", file=sys.stderr)
            continue
        yield name


def main() -> int:
    """Print the table and return 0 if the claim holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    names = list(present())
    if "albumentations" in names:
        import_module("cv2").setNumThreads(arguments.threads)
    print(machine(arguments.device, arguments.threads))
    print(
        "| side, pixels | batch | library | pictures/s (wall) | pictures/s (CPU) | percept is so many times as fast |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    held = True
    for side, count in SIZES.items():
        smooth = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3)).astype(np.uint8)
        pictures = np.ascontiguousarray(smooth.repeat(side // 8, axis=1).repeat(side // 8, axis=2))
        runs = {name: SIDES[name](pictures, arguments.device) for name in names}
        seconds = by_turns(runs, arguments.rounds, arguments.device)
        for name, each in seconds.items():
            wall, cpu = each.wall / seconds["percept"].wall, each.cpu / seconds["percept"].cpu
            rates = f"{count / each.wall:.0f} | {count / each.cpu:.0f}"
            print(f"| {side} | {count} | {name} | {rates} | {wall:.2f} ({cpu:.2f}) |", flush=True)
            held &= name != "torchvision" or wall >= CLAIM
    print(f"claim of {CLAIM} times torchvision: {'holds' if held else 'does not hold'}")
    return 0 if held else 1


if __name__ == "__main__":
    raise SystemExit(main())
