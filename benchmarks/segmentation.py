"""A class for every pixel: membranes, nuclei, patches against whole pictures, and the memory that training takes.

membranes: the 30 pictures of the ISBI 2012 challenge in five folds, a U-Net of a quarter of the paper's width, a few
minutes a fold; the figures of the pictures out of fold, with intervals over them, beside the best baseline.
nuclei: the Data Science Bowl 2018 at 96x96; the IoU of the foreground of sealed pictures after a training in minutes.
Claim: at least 0.80 in 10 minutes of two cores. The archive at hand holds 670 files, of which 562 are three pixels
wide, a fault of these data; the 108 that are whole are used.
curves: one body, trained on patches and on whole pictures, on the nuclei, the same time: notes §3.6.6. Drawn with
--draw.
memory: a training on pictures up to 4000x3000, granted 4 GB. Claim: the process takes no more than that beyond what it
takes when everything is imported; measured as peak resident memory, in a process of its own.

Every part runs unless some are named. It exits 1 where a claim does not hold.
"""

import argparse
import csv
import io
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from PIL import Image

import percept
from percept.data.masks.dataset import read_segmentation
from percept.evaluation.pixel_baselines import pixel_baselines
from percept.evaluation.pixel_scores import pixel_scores
from percept.evaluation.segmentation import PictureScore
from percept.models import arguments_for
from percept.runs.folder import RunFolder
from percept.runs.recipe import ModelRecipe
from percept.workflow.fit import run_to_end
from percept.workflow.options import asked_of
from percept.workflow.segmentation.assess import rival_scores, scored, scoring_of, tell
from percept.workflow.segmentation.evaluate import reload_run

DATA = Path(__file__).parents[2] / "shared/data"
FOLDS, WIDTH = 5, 16
PATCH = 33  # pixels
GOAL, GRANTED = 0.80, 4.0  # IoU of nuclei; GB
CPU = torch.device("cpu")
PARTS = ("membranes", "nuclei", "curves", "memory")


def main() -> None:
    """Run the parts asked for, and exit 1 where a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[], metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--minutes", type=float, default=4, help="of each fold of the membranes")
    parser.add_argument("--folds", type=int, default=FOLDS, help="of the membranes that are run, fewer to try")
    parser.add_argument("--nuclei-minutes", type=float, default=10)
    parser.add_argument("--curve-minutes", type=float, default=4, help="of each of the two trainings")
    parser.add_argument("--body", choices=("small_resnet", "lenet"), default="small_resnet", help="of the curves")
    parser.add_argument("--draw", type=Path, help="file to draw the curves into, .svg or .png")
    parser.add_argument("--largest", type=int, nargs=2, default=(3000, 4000), help="height and width, of --memory")
    parser.add_argument("--count", type=int, default=4, help="pictures of --memory")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)  # what the process of --memory does
    given = parser.parse_args()
    if given.measure is not None:
        measure_memory(given.measure)
        return
    held = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in given.parts or PARTS:
            (folder / part).mkdir()
            begun, used = time.monotonic(), time.process_time()
            if part == "membranes":
                membranes(folder / part, given.minutes, given.folds)
            elif part == "nuclei":
                held &= nuclei(folder / part, given.nuclei_minutes)
            elif part == "curves":
                curves(folder / part, given.curve_minutes, given.body, given.draw)
            else:
                held &= memory(folder / part, tuple(given.largest), given.count)
            wall, cpu = (time.monotonic() - begun) / 60, (time.process_time() - used) / 60
            print(f"  {part}: {wall:.1f} minutes in all, {cpu:.1f} of CPU\n", flush=True)
    sys.exit(0 if held else 1)


def fit(data: Path, out: Path, model: ModelRecipe | None, parts_file: Path | None = None, **options: Any) -> RunFolder:
    """Fit as `percept fit` does, with arguments of the network and parts that no option names."""
    recipe, dataset = asked_of(str(data), None, options, {})
    if model is not None:
        recipe = recipe.model_copy(update={"model": model})
    if parts_file is not None:
        recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update={"parts_file": str(parts_file)})})
    run_to_end(recipe, dataset, out, resume=False, watch=None, progress=None)
    return RunFolder(out)


@dataclass(frozen=True)
class OutOfFold:
    """What was counted in the held-out pictures of a fold: the network's scores, and each baseline's."""

    ours: list[PictureScore]
    rivals: dict[str, tuple[list[PictureScore], str]]


def membranes(folder: Path, minutes: float, folds: int) -> None:
    """Print the figures of the pictures out of fold, the network's beside those of the best baseline."""
    data = DATA / "isbi2012_membrane"
    if not data.exists():
        print("membranes: the pictures of ../shared/data/isbi2012_membrane are not there; nothing was measured")
        return
    threads = torch.get_num_threads()
    print(f"membranes: {folds} of {FOLDS} folds, {minutes:g} minutes each, U-Net of width {WIDTH}, {threads} threads")
    keys = read_segmentation(data).keys
    order = np.random.default_rng(0).permutation(len(keys))
    ours: list[PictureScore] = []
    rivals: dict[str, tuple[list[PictureScore], str]] = {}
    for number, held_out in enumerate(np.array_split(order, FOLDS)[:folds]):
        rest = [row for row in order if row not in held_out]
        part_of = dict.fromkeys(rest, "train") | dict.fromkeys(rest[:4], "validation")
        part_of |= dict.fromkeys(held_out.tolist(), "test")
        parts = folder / f"parts-{number}.csv"
        write_parts(parts, keys, [part_of[row] for row in range(len(keys))])
        model = ModelRecipe(name="unet", arguments={"width": WIDTH})
        run = fit(data, folder / f"run-{number}", model, parts, minutes=minutes, classes=["membrane", "cell"])
        found = out_of_fold(run)
        ours += found.ours
        for name, (scores, note) in found.rivals.items():
            rivals[name] = ([*rivals.get(name, ([], ""))[0], *scores], note)
        print(f"  fold {number + 1}: {len(pd.read_csv(run.history))} epochs", flush=True)
    scoring = scoring_of(reload_run(RunFolder(folder / "run-0"))[1].dataset)
    told = tell(ours, rivals, scoring, groups=None, part="held-out", seed=0).assessment
    rows = {"U-Net": told.figures} | {name: figures for name, (figures, _) in told.baselines.items()}
    for name, figures in rows.items():
        error = figures["pixel_accuracy"]
        line = [f"pixel error {1 - error.value:.4f} ({1 - error.high:.4f} to {1 - error.low:.4f})"]
        for figure in ("mean_iou", "rand_error", "warping_error"):
            each = figures[figure]
            line.append(f"{figure} {each.value:.4f} ({each.low:.4f} to {each.high:.4f})")
        print(f"  {name}: {', '.join(line)}")
    print(f"  {told.verdict}")


def write_parts(path: Path, keys: Sequence[str], parts: Sequence[str]) -> None:
    """Write the part of each picture as a run's splits.csv has it."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("sample", "part", "target", "reason", "content"))
        writer.writerows((key, part, "", "fold", "") for key, part in zip(keys, parts, strict=True))


def out_of_fold(run: RunFolder) -> OutOfFold:
    """Return what is counted in the pictures that a run has not seen."""
    model, prepared = reload_run(run)
    rows, scoring = prepared.rows("test"), scoring_of(prepared.dataset)

    def score(predicted: Any) -> list[PictureScore]:
        return scored(predicted, rows, prepared.masks, prepared.objects, prepared.dataset, scoring)

    answers = pixel_scores(model.network, prepared.pictures, rows, prepared.preprocessing, device=CPU)
    ours = score(answer.argmax(axis=0).astype(np.uint8) for answer in answers)
    names = prepared.dataset.classes
    baselines = pixel_baselines(prepared.pictures, prepared.masks, prepared.rows("train"), names)
    return OutOfFold(ours, rival_scores(baselines, prepared.pictures, rows, score))


def nuclei(folder: Path, minutes: float) -> bool:
    """Print the foreground IoU of the sealed pictures, and return whether it reaches the goal."""
    data = unpacked(folder)
    if data is None:
        return True
    run = fit(data, folder / "run", None, minutes=minutes, nearest=True, classes=["background", "nucleus"])
    evaluation = percept.evaluate(run.path)
    found = evaluation.figures["iou[nucleus]"]
    print(
        f"nuclei: foreground IoU {found['value']:.3f} (95 % interval {found['low']:.3f} to {found['high']:.3f},"
        f" {evaluation.samples} sealed pictures) after {minutes:g} minutes, {len(pd.read_csv(run.history))} epochs"
    )
    print(f"  {evaluation.verdict}")
    return (found["value"] or 0.0) >= GOAL


def unpacked(folder: Path) -> Path | None:
    """Write the pictures that are whole, with their masks, into a folder and return it; None without the data."""
    archives = DATA / "dsb2018_96"
    if not archives.exists():
        print("the nuclei of ../shared/data/dsb2018_96 are not there; nothing was measured")
        return None
    whole = 0
    with zipfile.ZipFile(archives / "images.zip") as images, zipfile.ZipFile(archives / "masks.zip") as masks:
        for name in sorted(images.namelist()):
            if Image.open(io.BytesIO(images.read(name))).size != (96, 96):
                continue
            whole += 1
            for part, archive in (("images", images), ("masks", masks)):
                path = folder / "data" / part / Path(name).name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(name))
        print(f"{whole} of {len(images.namelist())} pictures are whole")
    return folder / "data"


def curves(folder: Path, minutes: float, body: str, draw: Path | None) -> None:
    """Print, and draw, the validation figures over the time of training on patches and on whole pictures."""
    data = unpacked(folder)
    if data is None:
        return
    # strides that suit patches of 33 pixels, the same in both
    strides = {"strides": [1, 2, 2, 2]} if body == "small_resnet" else {}
    whole = arguments_for("fcn8s", outputs=2, shape=(3, 96, 96), body=body)
    whole["body_arguments"] |= strides  # type: ignore[operator]
    models: dict[str, tuple[ModelRecipe, dict[str, Any]]] = {
        "patches": (ModelRecipe(name=body, arguments=strides), {"patches": PATCH}),
        "whole pictures": (ModelRecipe(name="fcn8s", arguments=whole), {}),
    }
    told: dict[str, pd.DataFrame] = {}
    for name, (model, options) in models.items():
        options = {**options, "minutes": minutes, "nearest": True, "classes": ["background", "nucleus"]}
        run = fit(data, folder / name.replace(" ", "-"), model, **options)
        history = pd.read_csv(run.history)
        told[name] = pd.DataFrame(
            {"minutes": history["seconds"].cumsum() / 60, "mean_iou": history["validation_mean_iou"]}
        )
        found = percept.evaluate(run.path).figures["mean_iou"]
        print(f"{body} on {name}: test mean IoU {found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})")
        for line in told[name].itertuples():
            print(f"  after {line.minutes:.2f} minutes: validation mean IoU {line.mean_iou:.3f}")
    if draw is not None:
        drawn(told).savefig(draw, metadata={"Date": None} if draw.suffix == ".svg" else None)


def drawn(told: dict[str, pd.DataFrame]) -> Figure:
    """Return the curves as a figure."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    for (name, curve), color in zip(told.items(), ("#c2571a", "#1f6fb2"), strict=True):
        axes.plot(curve["minutes"], curve["mean_iou"], marker="o", markersize=3, color=color, label=name)
    axes.set_xlabel("minutes of training")
    axes.set_ylabel("validation mean IoU")
    axes.set_xlim(left=0)
    axes.legend(frameon=False, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def memory(folder: Path, largest: tuple[int, int], count: int) -> bool:
    """Train on large pictures in a process of its own, print its peak memory, and return whether it stayed below."""
    write_large(folder / "data", largest, count)
    command = [sys.executable, __file__, "memory", "--measure", str(folder)]
    finished = subprocess.run(command, check=False, capture_output=True, text=True)
    if finished.returncode:
        print(f"memory: the training failed: {finished.stderr.strip().splitlines()[-1]}")
        return False
    peaks = json.loads(finished.stdout.splitlines()[-1])
    taken = {name: value - peaks["imported"] for name, value in peaks.items()}
    sizes = f"{count} pictures up to {largest[1]}x{largest[0]}"
    print(f"memory: {sizes}, {GRANTED:g} GB granted; beyond {peaks['imported']:.2f} GB for what is imported, at most")
    print(f"  {taken['trained']:.2f} GB until the first epoch ended, {taken['finished']:.2f} GB in all")
    return bool(taken["finished"] <= GRANTED)


def write_large(folder: Path, largest: tuple[int, int], count: int) -> None:
    """Write bright squares on noise, pictures of unlike sizes up to the largest, with their masks."""
    generator = np.random.default_rng(0)
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number in range(count):
        height, width = (round(side * (1 - number / (2 * count))) for side in largest)
        mask = np.kron(generator.integers(0, 2, (height // 50 + 1, width // 50 + 1)), np.ones((50, 50)))
        mask = mask[:height, :width].astype(np.uint8)
        picture = 100 + 60 * mask + generator.integers(0, 40, mask.shape, np.uint8)
        Image.fromarray(picture).save(folder / "images" / f"{number}.png", compress_level=1)
        Image.fromarray(mask * 255).save(folder / "masks" / f"{number}.png", compress_level=1)


def measure_memory(folder: Path) -> None:
    """Print the peak resident memory in GB: when all is imported, after the first epoch, and in the end."""
    import resource

    import sklearn.linear_model  # noqa: F401 - what a run imports late

    from percept.workflow.events import Event, Trained

    def peak() -> float:
        unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9

    peaks = {"imported": peak()}

    def watch(event: Event) -> None:
        if isinstance(event, Trained):
            peaks.setdefault("trained", peak())

    percept.fit(folder / "data", out=folder / "run", watch=watch, memory=f"{GRANTED:g}GB", crop=4096, epochs=1)
    print(json.dumps({**peaks, "finished": peak()}))


if __name__ == "__main__":
    main()
