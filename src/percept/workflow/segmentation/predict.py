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
from percept.errors import DataError, OptionError
from percept.evaluation.pixel_scores import pixel_scores
from percept.files import replacing
from percept.models.file import TrainedModel
from percept.workflow.segmentation.colors import colors_of


@dataclass(frozen=True)
class Wanted:
    """What is written of each picture.

    Attributes:
        folder: where the files go.
        overlays: whether STEM_overlay.png, the classes laid over the picture, is written.
        probabilities: whether STEM_probabilities.npy, (classes, height, width) float32, is written.
    """

    folder: Path
    overlays: bool = True
    probabilities: bool = False


@dataclass(frozen=True)
class PictureMask:
    """What was predicted of one picture.

    Attributes:
        sample: the picture as it was named.
        mask: the file of class numbers, a palette PNG.
        shares: share of the pixels of each class, by its name.
    """

    sample: str
    mask: Path
    shares: dict[str, float]


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
    names = _names(pictures, wanted)
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
            _write(file, palette_png(mask, colors))
            if wanted.overlays:
                _write(wanted.folder / f"{name}_overlay.png", _png(overlay(picture, mask, colors)))
            if wanted.probabilities:
                _write(wanted.folder / f"{name}_probabilities.npy", _npy(softmax(scores, axis=0).astype(np.float32)))
            shares = np.bincount(mask.ravel(), minlength=len(model.classes)) / mask.size
            done.append(PictureMask(path.as_posix(), file, dict(zip(model.classes, shares.tolist(), strict=True))))
    return done


def _names(pictures: Sequence[Path], wanted: Wanted) -> list[str]:
    """Return the stem that each picture's files get, before anything is written."""
    names = [path.stem for path in pictures]
    ends = [".png", *(["_overlay.png"] * wanted.overlays), *(["_probabilities.npy"] * wanted.probabilities)]
    first: dict[str, Path] = {}
    for path, name in zip(pictures, names, strict=True):
        if name in first:
            raise OptionError(
                f"{path} and {first[name]} would both be written to {name}.png; predict them into two folders"
            )
        first[name] = path
        for end in ends:
            if (wanted.folder / f"{name}{end}").exists():
                raise OptionError(
                    f"{wanted.folder / f'{name}{end}'} exists and is not overwritten; give another --out folder"
                )
    return names


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as file:
        file.write(content)


def _png(picture: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def _npy(values: NDArray[np.float32]) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()
