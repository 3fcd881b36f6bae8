"""New pictures of any size, a class for every pixel: masks, overlays and probabilities as files."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.special import softmax

from percept.data.images import read_picture
from percept.data.masks.drawing import overlay, palette_png
from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.dense.class_file import ClassFile
from percept.dense.sources import Source
from percept.devices import choose_device, parse_memory, using_threads
from percept.errors import DataError, OptionError
from percept.evaluation.pixel_scores import TILES, pixel_scores
from percept.models.file import TrainedModel
from percept.report.points import with_points
from percept.runs.folder import write_rows
from percept.workflow.picture_files import png_of, stems_of, write_bytes
from percept.workflow.segmentation.colors import colors_of
from percept.workflow.segmentation.counting import Counting
from percept.workflow.segmentation.large import overview, too_large, write_large

MASKS = (".png", ".tif")  # how the file of a mask ends: of a picture in memory, and of one that is read in parts


@dataclass(frozen=True)
class Wanted:
    """What is written of each picture.

    Attributes:
        folder: where the files go.
        overlays: whether STEM_overlay.png, the classes laid over the picture, is written.
        probabilities: whether STEM_probabilities.npy, (classes, height, width) float32, is written.
        counting: what is counted, into STEM_points.csv and STEM_points.png; None for nothing.
        memory: what a picture may take; larger ones are read and written part by part.
        resume: whether pictures whose masks are there are left as they are, instead of being an error.
    """

    folder: Path
    overlays: bool = True
    probabilities: bool = False
    counting: Counting | None = None
    memory: str = TILES
    resume: bool = False

    @property
    def ends(self) -> tuple[str, ...]:
        """Return what follows a picture's stem in the names of its files."""
        return (
            *MASKS,
            *(["_overlay.png"] * self.overlays),
            *(["_probabilities.npy"] * self.probabilities),
            *([] if self.counting is None else ["_points.csv", "_points.png"]),
        )


@dataclass(frozen=True)
class PictureMask:
    """What was predicted of one picture.

    Attributes:
        sample: the picture as it was named.
        mask: the file of class numbers, a palette PNG, for a picture too large for memory a TIFF.
        shares: share of the pixels of each class, by its name.
        objects: how many objects were counted; None where none were asked for.
    """

    sample: str
    mask: Path
    shares: dict[str, float]
    objects: int | None = None


def predict_masks(
    model: TrainedModel,
    pictures: Sequence[Path],
    wanted: Wanted,
    *,
    device: str | None = None,
    threads: int | None = None,
    skip_unreadable: bool = False,
    say: Callable[[str], None] = lambda sentence: None,
    progress: Callable[[float, int], None] = lambda done, total: None,
) -> list[PictureMask]:
    """Write the classes of every pixel of some pictures, each as STEM.png, and return what was written.

    A picture that would not fit the memory goes to STEM.tif, part by part; a killed run is gone on with by the same
    call.

    Args:
        model: a trained segmenter.
        pictures: their files.
        wanted: what is written, and where.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps"; None for what is there.
        threads: threads of the CPU.
        skip_unreadable: whether to go on without pictures that cannot be read.
        say: told of pictures that are left out.
        progress: told how many pictures are done, parts of one included, and of how many.

    Raises:
        DataError: a picture cannot be read.
        OptionError: two pictures would be written to one file, or a file is there already.
        WriteError: a file cannot be written.
    """
    chosen = choose_device(device or "auto")
    form = model.preprocessing
    if not isinstance(form, PixelPreprocessing):
        raise DataError("the model gives one answer a sample; expected one that gives a class for every pixel")
    parse_memory(wanted.memory)
    left = _left(pictures, wanted)
    if len(left) < len(pictures):
        say(f"{len(pictures) - len(left)} of {len(pictures)} pictures have their masks already")
    wanted.folder.mkdir(parents=True, exist_ok=True)
    done = []
    with using_threads(threads):
        for number, (path, name) in enumerate(left):
            progress(number, len(left))
            try:
                large = too_large(path, form, len(model.classes), wanted.memory)
                picture = large or read_picture(path, channels=form.channels, white=form.white)
            except DataError as error:
                if not skip_unreadable:
                    raise
                say(f"left out: {error}")
                continue
            if isinstance(picture, np.ndarray):
                made = _small(picture, model, wanted, name, chosen)
            else:
                made = _large(picture, model, wanted, name, chosen, partial(_part, progress, number, len(left)))
            shares = (made.counts / made.counts.sum()).tolist()
            by_name = dict(zip(model.classes, shares, strict=True))
            done.append(PictureMask(path.as_posix(), made.mask, by_name, made.objects))
    progress(len(left), len(left))
    return done


@dataclass(frozen=True)
class _Made:
    """A mask's file, the pixels of each class in it, and how many objects were counted."""

    mask: Path
    counts: NDArray[np.int64]
    objects: int | None


def _left(pictures: Sequence[Path], wanted: Wanted) -> list[tuple[Path, str]]:
    """Return the pictures that are not done yet, and the stem that each one's files get."""
    names = stems_of(pictures, wanted.folder, wanted.ends, resume=wanted.resume)
    return [(path, name) for path, name in zip(pictures, names, strict=True) if not _done(wanted.folder / name, wanted)]


def _done(stem: Path, wanted: Wanted) -> bool:
    """Tell whether the last file of a picture is there: the mask, of one that is read in parts the overlay."""
    in_memory, in_parts = (stem.with_name(f"{stem.name}{end}") for end in MASKS)
    overlay_there = not wanted.overlays or stem.with_name(f"{stem.name}_overlay.png").exists()
    return in_memory.exists() or (in_parts.exists() and overlay_there)


def _part(progress: Callable[[float, int], None], number: int, count: int, tiles: int, total: int) -> None:
    progress(number + tiles / total, count)


def _small(picture: NDArray[np.uint8], model: TrainedModel, wanted: Wanted, name: str, device: torch.device) -> _Made:
    """Write the files of a picture in memory, the mask last."""
    form = cast(PixelPreprocessing, model.preprocessing)
    scores = next(pixel_scores(model.network, [picture], np.arange(1), form, device=device, memory=wanted.memory))
    mask, colors = scores.argmax(axis=0).astype(np.uint8), colors_of(model)
    if wanted.overlays:
        laid_over = Image.fromarray(overlay(picture, mask, colors))
        write_bytes(wanted.folder / f"{name}_overlay.png", png_of(laid_over))
    if wanted.probabilities:
        chances = softmax(scores, axis=0).astype(np.float32)
        write_bytes(wanted.folder / f"{name}_probabilities.npy", _npy(chances))
    objects = None if wanted.counting is None else _count(wanted.folder / name, wanted.counting, scores, picture)
    file = wanted.folder / f"{name}.png"
    write_bytes(file, palette_png(mask, colors))
    return _Made(file, np.bincount(mask.ravel(), minlength=len(model.classes)), objects)


def _large(
    source: Source,
    model: TrainedModel,
    wanted: Wanted,
    name: str,
    device: torch.device,
    progress: Callable[[int, int], None],
) -> _Made:
    """Write the files of a picture that is read in parts."""
    if wanted.counting is not None:
        raise OptionError(
            f"--count needs the probabilities of a picture in memory, and {name} does not fit {wanted.memory}; allow"
            " more with --memory, or count in its parts"
        )
    file = wanted.folder / f"{name}.tif"
    if file.exists():  # the run was killed before it came to the overlay
        written = ClassFile(file, source.shape[1:], colors_of(model))
    else:
        written = write_large(
            *(model, source, file),
            probabilities=wanted.folder / f"{name}_probabilities.npy" if wanted.probabilities else None,
            memory=wanted.memory,
            device=device,
            progress=progress,
        )
    if wanted.overlays:
        picture, classes = overview(source, written)
        laid_over = Image.fromarray(overlay(picture, classes, colors_of(model)))
        write_bytes(wanted.folder / f"{name}_overlay.png", png_of(laid_over))
    return _Made(written.path, written.counts(len(model.classes)), None)


def _npy(values: NDArray[np.float32]) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def _count(stem: Path, counting: Counting, scores: NDArray[np.float32], picture: NDArray[np.uint8]) -> int:
    """Write the objects that are found in a picture, as a table and as a picture, and return how many they are."""
    found = counting.find(scores)
    rows = [(*point, score) for point, score in zip(found.points.tolist(), found.scores.tolist(), strict=True)]
    write_rows(stem.with_name(f"{stem.name}_points.csv"), ("row", "column", "probability"), rows)
    write_bytes(stem.with_name(f"{stem.name}_points.png"), png_of(with_points(picture, found.points)))
    return len(found)
