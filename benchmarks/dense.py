"""An answer for every pixel: percept's dense networks against the patch loop, and against MONAI's sliding windows.

Claims, at 1024x1024 pixels on the CPU: at least 22 (LeNet), 90 (VGG-like), 75 (AlexNet-like) and 348 (ResNet-like)
times as fast as the well-batched loop over all patches; at least 1.5 times as fast as MONAI's sliding_window_inference
at overlap 0.25, and 2.5 times at 0.5, with the same dense network inside. MONAI blends windows that know nothing of
what lies beyond them, so its answers differ; by how much stands beside its time.

All run in this process, by turns, on the same picture with the same number of threads. Loops over patches are timed
on a sample and scaled. CPU seconds are of all threads together; memory is the highest that the process reached above
where it began, by Linux's own count. What is not installed is left out.

With --device cuda all is on a GPU: seconds are by the clock, memory is what torch took of the GPU's, and the claims do
not hold. Both the loop and MONAI compute as torch does there unless told otherwise, with 10 bits of float32's 23;
percept's dense networks compute with all of them. Errors are against the classifier on the CPU, and what is timed ends
with the answers in the memory of the CPU.

With --large a picture of 8192x8192 pixels is mapped from a file and written to one, compared with the classifier at 100
positions, and the run is killed and gone on with.
"""

import argparse
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from clock import machine, timed
from percept.dense import DenseNetwork, densify, predict_tiled
from percept.dense.plan import multiply_adds

try:
    sliding_window_inference: Any = import_module("monai.inferers").sliding_window_inference
except Exception:  # not installed, or without what it needs
    sliding_window_inference = None

PROMISED = {"lenet": 0.8 * 28, "vgg": 0.8 * 112, "alexnet": 0.8 * 94, "resnet": 0.8 * 435}
"""Times the patch loop, at 1024 pixels."""
WAYS = ("patches", "atrous", "stitch", "monai")
OVERLAPS = {0.25: 1.5, 0.5: 2.5}
WINDOW = 256  # pixels of MONAI's windows around the dense network
BATCHES = {"cpu": (16, 64, 256), "cuda": (256, 1024, 4096)}  # patches at a time, of which the loop takes the fastest
CLASSES = 10


class Block(nn.Module):
    """Two 3x3 convolutions without padding, and a shortcut that is cropped to their side."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.branch = nn.Sequential(*convolution(inputs, outputs, stride=stride), *convolution(outputs, outputs)[:2])
        alike = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if alike else nn.Sequential(*convolution(inputs, outputs, 1, stride)[:2])
        self.start = 2 if stride == 1 else 1

    def forward(self, features: Tensor) -> Tensor:
        """Return the block's output."""
        branch = self.branch(features)
        rows, columns = (slice(self.start, self.start + side) for side in branch.shape[2:])
        return functional.relu(branch + self.shortcut(features)[:, :, rows, columns])


def convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, stride, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


def lenet() -> nn.Module:
    """Return LeNet-5 for 28 pixels: 24, 12, 8, 4."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.Tanh(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(256, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, CLASSES)),
    )


def vgg() -> nn.Module:
    """Return three stages of two convolutions for 60 pixels: 28, 12, 4."""
    return nn.Sequential(
        *(*convolution(3, 32), *convolution(32, 32), nn.MaxPool2d(2)),
        *(*convolution(32, 64), *convolution(64, 64), nn.MaxPool2d(2)),
        *(*convolution(64, 128), *convolution(128, 128), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(2048, 256), nn.ReLU(), nn.Linear(256, CLASSES)),
    )


def alexnet() -> nn.Module:
    """Return AlexNet, as wide as one of its two halves, for 163 pixels: 39, 19, 15, 7, 5, 3, 1."""
    return nn.Sequential(
        *(nn.Conv2d(3, 48, 11, 4), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(48, 128, 5), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(128, 192, 3), nn.ReLU(), nn.Conv2d(192, 192, 3), nn.ReLU(), nn.Conv2d(192, 128, 3), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(128, 256), nn.ReLU(), nn.Linear(256, CLASSES)),
    )


def resnet() -> nn.Module:
    """Return three stages of two blocks, as wide as those for CIFAR, for 63 pixels: 61, 53, 24, 20, 9, 7, 3."""
    return nn.Sequential(
        *(*convolution(3, 16), Block(16, 16), Block(16, 16), Block(16, 32, 2), Block(32, 32), Block(32, 64, 2)),
        *(Block(64, 64), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, CLASSES)),
    )


NETWORKS: dict[str, tuple[Callable[[], nn.Module], int, int]] = {
    "lenet": (lenet, 28, 1),
    "vgg": (vgg, 60, 3),
    "alexnet": (alexnet, 163, 3),
    "resnet": (resnet, 63, 3),
}
"""Builder, side of the patch, channels."""


@dataclass(frozen=True)
class Measured:
    """What a way took: seconds, CPU seconds, and bytes above where it began; scaled where it ran on a sample."""

    seconds: float
    cpu: float  # by the clock too where a GPU computes
    memory: float

    def times(self, factor: float) -> "Measured":
        """Return so many times as much work, in as much memory."""
        return Measured(self.seconds * factor, self.cpu * factor, self.memory)


def measured(work: Callable[[], Any], rounds: int = 1, device: str = "cpu") -> tuple[Measured, Any]:
    """Run some work; of several rounds the one of least CPU time counts, or with a GPU of least time."""
    once = on_the_cpu if device == "cpu" else on_the_gpu
    *others, (took, made) = (once(work) for _ in range(rounds))
    return min([took, *(each for each, _ in others)], key=lambda each: each.cpu), made


def on_the_cpu(work: Callable[[], Any]) -> tuple[Measured, Any]:
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)  # else work in memory that was freed before would seem to take none
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forget the highest so far
    seconds, made = timed(work)
    return Measured(seconds.wall, seconds.cpu, status("VmHWM") - before), made


def on_the_gpu(work: Callable[[], Any]) -> tuple[Measured, Any]:
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    seconds, made = timed(work, "cuda")
    return Measured(seconds.wall, seconds.wall, torch.cuda.max_memory_allocated() - before), made


def status(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return float(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {name}")


def built(name: str) -> nn.Module:
    """Return a network whose normalizations and scores are as after training: of about unit size."""
    torch.manual_seed(0)
    builder, patch, channels = NETWORKS[name]
    network = builder().train()
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(8, channels, patch, patch))
    return network.eval()


def patch_loop(network: nn.Module, picture: Tensor, patch: int, batch: int, count: int) -> Tensor:
    """Return the scores of some patches of a picture, batch by batch."""
    windows = picture[0].unfold(1, patch, 1).unfold(2, patch, 1)  # channels, rows, columns, patch, patch
    width = windows.shape[2]
    made = []
    for first in range(0, count, batch):
        places = torch.arange(first, min(first + batch, count), device=picture.device)
        cut = windows[:, places // width, places % width].transpose(0, 1)
        made.append(network(cut.contiguous(memory_format=torch.channels_last)))
    return torch.cat(made).cpu()


def on_the_host(work: Callable[[], Tensor]) -> Tensor:
    return work().cpu()


def sgemm() -> float:
    """Return the multiplications and additions of a matrix product, in 10^9 a CPU second."""
    one = torch.randn(1500, 1500)
    best, _ = measured(lambda: one @ one, 7)
    return 2 * 1500**3 / best.cpu / 1e9


def mirrored(pictures: Tensor, patch: int) -> Tensor:
    return functional.pad(pictures, [patch // 2, patch - 1 - patch // 2] * 2, mode="reflect")


def windows_of_patches(network: nn.Module, picture: Tensor, patch: int) -> Measured:
    """Time MONAI with windows of one patch, one pixel apart, on a corner, and scale it to the picture."""
    corner = picture[:, :, : patch + 15, : patch + 15]

    def scores(patches: Tensor) -> Tensor:
        made: Tensor = network(patches)
        return made[:, :, None, None].expand(-1, -1, patch, patch).clone()

    run = partial(sliding_window_inference, corner, patch, 64, scores, overlap=1 - 1 / patch)
    took, _ = measured(run, 1, picture.device.type)
    return took.times(picture.shape[2] * picture.shape[3] / 16**2)


def row(way: str, took: Measured, loop: Measured, work: float, note: str = "") -> None:
    rate = f"{2 * work / took.cpu / 1e9:.0f}" if work else ""
    print(
        f"| {way} | {took.seconds:.3g} | {took.cpu:.3g} | {took.memory / 1e6:.0f} | {loop.seconds / took.seconds:.3g} |"
        f" {loop.cpu / took.cpu:.3g} | {rate} | {note} |",
        flush=True,
    )


def compare(name: str, sides: list[int], threads: int, sample: int, ways: list[str], device: str) -> None:
    """Print a table for one network."""
    _, patch, channels = NETWORKS[name]
    classifier = built(name)
    network = built(name).to(device)
    dense = densify(classifier, patch, "atrous").to(device)
    flops = multiply_adds(dense.plan)
    torch.manual_seed(1)
    largest = torch.randn(1, channels, max(sides), max(sides)).to(device)
    batches = BATCHES[device]
    for batch in batches if device != "cpu" else [16]:
        patch_loop(network, largest, patch, batch, batch)  # a GPU's library of kernels is loaded when one is first used
    runs = [partial(patch_loop, network, largest, patch, batch, max(sample, batch)) for batch in batches]
    loops = [
        (measured(run, 1 if device == "cpu" else 3, device)[0].times(sample / max(sample, batch)), batch)
        for run, batch in zip(runs, batches, strict=True)
    ]
    once, batch = min(loops, key=lambda each: each[0].cpu)
    for side in sides:
        picture = largest[:, :, :side, :side]
        print(f"\n{name}, patch {patch}, stride {dense.stride[0]}, {side}x{side} pixels\n")
        print("| way | s | CPU s | MB | times the loop | by CPU | GFLOP / CPU s | largest error |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
        loop = once.times(side**2 / sample)
        row(f"patch loop, batches of {batch} (sampled)", loop, loop, 0)
        found = picture.cpu().numpy()[0]
        tiled, answers = measured(partial(predict_tiled, dense, found, workers=threads), 2, device)
        scale = float(abs(answers).max())
        extended = mirrored(picture, patch)
        places = [0, side // 3, side**2 // 2 + 1, side**2 - 1]
        cut = [extended[:, :, p // side : p // side + patch, p % side : p % side + patch] for p in places]
        expected = classifier(torch.cat(cut).cpu()).numpy()
        error = max(abs(answers[:, p // side, p % side] - expected[i]).max() for i, p in enumerate(places)) / scale
        row("percept, tiles", tiled, loop, flops * side**2, f"{error:.0e}")
        for way in ("atrous", "stitch"):
            if way in ways:
                dense.method = "atrous" if way == "atrous" else "shift-and-stitch"
                one_pass = partial(dense, extended)
                took, whole = measured(partial(on_the_host, one_pass), 1 if device == "cpu" else 2, device)
                error = abs(whole[0].numpy() - answers).max() / scale
                row(f"percept, {dense.method}, one pass a shift", took, loop, 0, f"{error:.0e} from tiles")
        dense.method = "atrous"
        if sliding_window_inference is None:
            print("| MONAI | not installed | | | | | | |")
        elif "patches" in ways:
            row("MONAI, windows of one patch (sampled)", windows_of_patches(network, picture, patch), loop, 0)
        if sliding_window_inference is not None and "monai" in ways:
            monai(dense, picture, answers, loop, tiled)
        if side == 1024 and device == "cpu":
            reached = loop.cpu / tiled.cpu
            print(f"\n{reached:.0f} times the patch loop; promised {PROMISED[name]:.0f}: {reached >= PROMISED[name]}")


def monai(dense: DenseNetwork, picture: Tensor, answers: Any, loop: Measured, tiled: Measured) -> None:
    """Print MONAI's rows with the dense network inside."""

    def inside(window: Tensor) -> Tensor:
        made: Tensor = dense(mirrored(window, dense.patch[0]))
        return made

    for overlap, promised in OVERLAPS.items():
        side = min(WINDOW, picture.shape[2])
        windows = partial(sliding_window_inference, picture, side, 1, inside, overlap, mode="gaussian")
        took, blended = measured(
            partial(on_the_host, windows), 1 if picture.device.type == "cpu" else 2, picture.device.type
        )
        error = abs(blended[0].numpy() - answers).max() / abs(answers).max()
        faster = took.cpu / tiled.cpu
        note = f"{error:.2f}; percept {faster:.2f} times as fast (promised at 1024: {promised})"
        row(f"MONAI, the dense network, overlap {overlap}", took, loop, 0, note)


def large(side: int, threads: int, folder: Path) -> None:
    """Run the ResNet-like network over a mapped picture, killed and gone on with, and check 100 positions."""
    path, out = folder / "picture.npy", folder / "answers.npy"
    pixels = np.lib.format.open_memmap(path, "w+", np.uint8, (3, side, side))
    generator = np.random.default_rng(0)
    for first in range(0, side, 512):
        pixels[:, first : first + 512] = generator.integers(0, 256, pixels[:, first : first + 512].shape, np.uint8)
    del pixels
    command = [sys.executable, __file__, "--one", str(path), str(out), "--threads", str(threads)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first_run:
        assert first_run.stdout is not None
        for line in first_run.stdout:
            if line.startswith("tiles") and int(line.split()[1]) >= int(line.split()[3]) // 3:
                os.kill(first_run.pid, signal.SIGKILL)
                print(f"killed after {line.strip()}; {out.name} is there: {out.exists()}", flush=True)
                break
    subprocess.run(command, check=True)
    network, patch = built("resnet"), NETWORKS["resnet"][1]
    answers, picture = np.load(out, mmap_mode="r"), np.load(path, mmap_mode="r")
    places = [(0, 0), (0, side - 1), (side - 1, 0), (side - 1, side - 1)]
    places += [(int(each[0]), int(each[1])) for each in generator.integers(0, side, (96, 2))]
    cut = np.empty((len(places), 3, patch, patch), np.float32)
    for number, place in enumerate(places):
        rows, columns = (np.abs(np.arange(each - patch // 2, each + patch - patch // 2)) for each in place)
        rows, columns = (np.where(each < side, each, 2 * side - 2 - each) for each in (rows, columns))
        cut[number] = picture[:, rows[:, None], columns]
    expected = network(torch.from_numpy(cut) / 128 - 1).numpy()
    found = np.stack([answers[:, row, column] for row, column in places])
    scale = abs(expected).max()
    print(
        f"100 positions: largest difference from the classifier {abs(found - expected).max() / scale:.1e} of the scale"
    )


def told(done: int, count: int) -> None:
    if done % 20 == 0:
        print(f"tiles {done} of {count}", flush=True)


def one(path: Path, out: Path, threads: int) -> None:
    """Run the network over a mapped picture in this process, printing tiles as they are done."""
    dense = densify(built("resnet"), NETWORKS["resnet"][1])
    took, answers = measured(
        lambda: predict_tiled(
            dense,
            np.load(path, mmap_mode="r"),
            memory="1GB",
            out=out,
            prepare=lambda tile: tile / 128 - 1,
            workers=threads,
            progress=told,
        )
    )
    print(
        f"{answers.shape}: {took.seconds:.0f} s, {took.cpu:.0f} CPU s, {took.memory / 1e6:.0f} MB above the start,"
        f" {status('VmHWM') / 1e6:.0f} MB in all",
        flush=True,
    )


def main() -> None:
    """Print the machine and a table for each network and size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=list(NETWORKS), help=f"of {', '.join(NETWORKS)}")
    parser.add_argument("--sides", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=tuple(BATCHES), default="cpu")
    parser.add_argument("--sample", type=int, default=512, help="patches that the loop is timed on")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="besides the patch loop and tiles")
    parser.add_argument(
        "--large", type=int, nargs="?", const=8192, help="side of the mapped picture, for that check alone"
    )
    parser.add_argument("--folder", type=Path, help="for the files of --large; a temporary one otherwise")
    parser.add_argument("--one", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_grad_enabled(False)
    if options.one:
        one(options.one[0], options.one[1], options.threads)
        return
    print(f"{machine(options.device, options.threads)}, sgemm {sgemm():.0f} GFLOP a CPU second")
    if options.large:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            large(options.large, options.threads, Path(folder))
        return
    for name in options.networks:
        compare(name, options.sides, options.threads, options.sample, options.ways, options.device)


if __name__ == "__main__":
    main()
