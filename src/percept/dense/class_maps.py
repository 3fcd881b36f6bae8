"""The class of every pixel of a picture of any size, written to a TIFF as it is found."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor, nn

from percept.dense.answer_files import AnswerFile, ArrayFile
from percept.dense.class_file import ClassFile
from percept.dense.results import OnDisk, Results
from percept.dense.sources import Source
from percept.dense.tiles import Settings, answer_tiles


def write_classes(
    network: nn.Module,
    source: Source,
    out: Path,
    colors: Sequence[tuple[int, int, int]],
    *,
    probabilities: Path | None = None,
    memory: str | float = "1GB",
    prepare: Callable[[Tensor], Tensor] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ClassFile:
    """Write the class of every pixel of a picture, of any size, tile by tile in bounded memory.

    Args:
        network: a dense network or a segmenter, as `predict_tiled` takes it.
        source: the picture; mirrored beyond its borders.
        out: a TIFF of class numbers in tiles, with a palette; a killed run is gone on with by the same call.
        colors: (red, green, blue) of each class, at most 255.
        probabilities: a .npy file of (classes, height, width) float32; None for none.
        memory: bytes that the maps of all tiles at work may take, such as "1GB".
        prepare: from the pixels of a tile to what the network takes, pixel by pixel.
        progress: called with the tiles that are done and how many there are.

    Returns:
        What was written.

    Raises:
        OptionError: the memory is too small, or tiles could not give the same answers.
        DataError: the picture cannot be read.
        WriteError: a file cannot be written.

    Source: notes §3.6.4.
    """
    found: list[ClassFile] = []

    def results(shape: tuple[int, int, int], dtype: np.dtype[Any], settings: Settings) -> Results:
        found.append(ClassFile(out, shape[1:], colors))
        files: list[AnswerFile] = [found[0]]
        if probabilities is not None:
            files.append(ArrayFile(probabilities, shape, np.dtype(np.float32), _probabilities))
        return OnDisk(files, settings())

    answer_tiles(network, source, results, memory=memory, prepare=prepare, progress=progress)
    return found[0]


def _probabilities(scores: NDArray[Any]) -> NDArray[Any]:
    made: NDArray[Any] = softmax(scores, axis=0)
    return made
