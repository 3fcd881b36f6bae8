"""Pictures too large for memory, a class for every pixel: read and written part by part."""

from collections.abc import Callable
from math import ceil
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from percept.data.headers import read_header
from percept.data.images import read_picture
from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.dense import densify
from percept.dense.byte_source import ByteSource
from percept.dense.class_file import ClassFile
from percept.dense.class_maps import write_classes
from percept.dense.sources import SLIDES, ArraySource, Source, open_source
from percept.devices import parse_memory
from percept.errors import DataError
from percept.evaluation.predict import evaluating
from percept.models.file import TrainedModel
from percept.workflow.segmentation.colors import colors_of

TIFF = (".tif", ".tiff")
OVERVIEW = 2048  # pixels of the longer side of what is shown of a large picture
FLOATS = 3  # float32 values a class and pixel, of a picture that is answered in memory: scores, softmax and its sum


def too_large(path: Path, form: PixelPreprocessing, classes: int, memory: str) -> Source | None:
    """Return a picture to be read in parts, where its answers would not fit the memory; None for others.

    Args:
        path: of a picture, a .npy file of (channels, height, width), or a slide; the last two are always read in parts.
        form: preprocessing of the model.
        classes: of the model.
        memory: what may be taken, such as "1GB".

    Raises:
        DataError: the file cannot be read, or the library that reads it in parts is missing.
    """
    ending, name = path.suffix.lower(), path.as_posix()
    if ending not in (".npy", *SLIDES):
        try:
            header = read_header(path)
        except DataError:
            if ending not in TIFF:
                raise
        else:
            taken = header.height * header.width * (5 * form.channels + 4 * FLOATS * classes)
            if taken <= parse_memory(memory):
                return None
            if ending not in TIFF:
                return ArraySource(read_picture(path, channels=form.channels, white=form.white).transpose(2, 0, 1))
    return ByteSource(open_source(path), channels=form.channels, white=form.white, name=name)


def write_large(
    model: TrainedModel,
    source: Source,
    out: Path,
    *,
    probabilities: Path | None,
    memory: str,
    device: torch.device,
    progress: Callable[[int, int], None] | None,
) -> ClassFile:
    """Write the class of every pixel of a large picture to a TIFF, going on with what a killed run has written.

    Args:
        model: a trained segmenter; its network lies on `device`.
        source: the picture, of the bytes that the model was trained on.
        out: the TIFF.
        probabilities: a .npy file of (classes, height, width); None for none.
        memory: what the maps may take, such as "1GB".
        device: where to compute.
        progress: called with the tiles that are done and how many there are.

    Raises:
        OptionError: a layer lets no answer be given for a part alone; the sentence names it.
        WriteError: a file cannot be written.
    """
    form = model.preprocessing
    if not isinstance(form, PixelPreprocessing):
        raise DataError("the model gives one answer a sample; expected one that gives a class for every pixel")

    def prepare(pixels: Tensor) -> Tensor:
        return form.tensor(pixels.to(torch.uint8).permute(0, 2, 3, 1).numpy(), device).to(pixels.dtype)

    network: nn.Module = model.network
    if form.patch is not None:
        network = densify(network, form.patch, semantics=form.semantics, channels=form.channels)
    with evaluating(network):
        return write_classes(
            *(network, source, out, colors_of(model)),
            probabilities=probabilities,
            memory=memory,
            prepare=prepare,
            progress=progress,
        )


def overview(source: Source, classes: ClassFile) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return every so many pixels of a large picture, (rows, columns, channels), and their classes, (rows, columns).

    Args:
        source: the picture, of bytes.
        classes: its finished mask.
    """
    channels, height, width = source.shape
    step = ceil(max(height, width) / OVERVIEW)
    reach = step * ceil(1024 / step)
    made = np.empty((ceil(height / step), ceil(width / step), channels), np.uint8)
    for row in range(0, height, reach):
        for column in range(0, width, reach):
            part = source.read((row, min(row + reach, height)), (column, min(column + reach, width)))[:, ::step, ::step]
            rows, columns = part.shape[1:]
            place = row // step, column // step
            made[place[0] : place[0] + rows, place[1] : place[1] + columns] = part.transpose(1, 2, 0)
        source.release()
    return made, classes.every(step)
