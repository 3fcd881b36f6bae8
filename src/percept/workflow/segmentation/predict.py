"""New pictures, a class for every pixel: masks, overlays and probabilities as files."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.special import softmax

from percept.data.images import read_picture
from percept.data.masks.drawing import overlay, palette_png
from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.devices import choose_device, using_threads
from percept.errors import DataError
from percept.evaluation.pixel_scores import pixel_scores
from percept.models.file import TrainedModel
from percept.report.points import with_points
from percept.runs.folder import write_rows
from percept.workflow.picture_files import png_of, stems_of, write_bytes
from percept.workflow.segmentation.colors import colors_of
from percept.workflow.segmentation.counting import Counting


@dataclass(frozen=True)
class Wanted:
    """What is written of each picture.

    Attributes:
        folder: where the files go.
        overlays: whether STEM_overlay.png, the classes laid over the picture, is written.
        probabilities: whether STEM_probabilities.npy, (classes, height, width) float32, is written.
        counting: what is counted, into STEM_points.csv and STEM_points.png; None for nothing.
    """

    folder: Path
    overlays: bool = True
    probabilities: bool = False
    counting: Counting | None = None

    @property
    def ends(self) -> tuple[str, ...]:
        """Return what follows a picture's stem in the names of its files."""
        return (
            ".png",
            *(["_overlay.png"] * self.overlays),
            *(["_probabilities.npy"] * self.probabilities),
            *([] if self.counting is None else ["_points.csv", "_points.png"]),
        )


@dataclass(frozen=True)
class PictureMask:
    """What was predicted of one picture.

    Attributes:
        sample: the picture as it was named.
        mask: the file of class numbers, a palette PNG.
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
) -> list[PictureMask]:
    """Write the classes of every pixel of some pictures, each as STEM.png, and return what was written.

    Args:
        model: a trained segmenter.
        pictures: their files.
        wanted: what is written, and where.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps"; None for what is there.
        threads: threads of the CPU.
        skip_unreadable: whether to go on without pictures that cannot be read.
        say: told of pictures that are left out.

    Raises:
        DataError: a picture cannot be read.
        OptionError: two pictures would be written to one file, or a file is there already.
        WriteError: a file cannot be written.
    """
    chosen = choose_device(device or "auto")
    form = model.preprocessing
    if not isinstance(form, PixelPreprocessing):
        raise DataError("the model gives one answer a sample; expected one that gives a class for every pixel")
    names = stems_of(pictures, wanted.folder, wanted.ends)
    wanted.folder.mkdir(parents=True, exist_ok=True)
    colors = colors_of(model)
    done = []
    with using_threads(threads):
        for path, name in zip(pictures, names, strict=True):
            try:
                picture = read_picture(path, channels=form.channels, white=form.white)
            except DataError as error:
                if not skip_unreadable:
                    raise
                say(f"left out: {error}")
                continue
            scores = next(pixel_scores(model.network, [picture], np.arange(1), form, device=chosen))
            mask = scores.argmax(axis=0).astype(np.uint8)
            file = wanted.folder / f"{name}.png"
            write_bytes(file, palette_png(mask, colors))
            if wanted.overlays:
                laid_over = Image.fromarray(overlay(picture, mask, colors))
                write_bytes(wanted.folder / f"{name}_overlay.png", png_of(laid_over))
            if wanted.probabilities:
                chances = softmax(scores, axis=0).astype(np.float32)
                write_bytes(wanted.folder / f"{name}_probabilities.npy", _npy(chances))
            objects = (
                None if wanted.counting is None else _count(wanted.folder / name, wanted.counting, scores, picture)
            )
            shares = np.bincount(mask.ravel(), minlength=len(model.classes)) / mask.size
            by_name = dict(zip(model.classes, shares.tolist(), strict=True))
            done.append(PictureMask(path.as_posix(), file, by_name, objects))
    return done


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
