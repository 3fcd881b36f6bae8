"""Pictures of where a classifier looked in new samples: STEM_activation.png beside its predictions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from percept.data.images import box_seen, read_picture
from percept.data.preprocessing import ImagePreprocessing
from percept.evaluation.activation import Activation, activation_maps
from percept.evaluation.last_map import find_last_map
from percept.report.heatmap import drawn_size, heat_card
from percept.report.wording import percent
from percept.workflow.load import Predictor
from percept.workflow.looks import heats_of
from percept.workflow.picture_files import png_of, stems_of, write_bytes

END = "_activation.png"
LEAST, MOST = 256, 1024  # longer side of what is drawn, pixels


@dataclass(frozen=True)
class ActivationFiles:
    """Where a classifier looked, drawn into a folder.

    Attributes:
        predictor: the classifier.
        form: its preprocessing.
        files: of each picture, the file that is written.
    """

    predictor: Predictor
    form: ImagePreprocessing
    files: dict[Path, Path]

    @classmethod
    def of(cls, predictor: Predictor, pictures: Sequence[Path], folder: Path) -> Self:
        """Return what draws some pictures, before anything is written.

        Args:
            predictor: a classifier of pictures.
            pictures: their files.
            folder: where the drawings go.

        Raises:
            OptionError: the network makes no map of pictures, two of them would be written to one file, or a file is
                there already.
        """
        form = predictor.model.preprocessing
        if not isinstance(form, ImagePreprocessing):
            raise ValueError("a classifier of pictures has their preprocessing")
        stems = stems_of(pictures, folder, (END,))
        empty = torch.zeros(1, form.channels, form.height, form.width, device=predictor.device)
        find_last_map(predictor.model.network, empty)
        files = {path: folder / f"{stem}{END}" for path, stem in zip(pictures, stems, strict=True)}
        return cls(predictor, form, files)

    def write(self, pictures: Sequence[Path], pixels: NDArray[np.uint8], scores: NDArray[np.float64]) -> None:
        """Draw where the network looked, to give each picture the class that it predicts.

        Args:
            pictures: their files.
            pixels: (samples, height, width, channels) as the network takes them, before normalization.
            scores: (samples, classes) probabilities.
        """
        told = scores.argmax(axis=1)
        inputs = self.form.tensor(pixels, self.predictor.device)
        found = activation_maps(self.predictor.model.network, inputs, told.tolist())
        for number, path in enumerate(pictures):
            words = f"what speaks for {self.predictor.classes[told[number]]} ({percent(float(scores[number].max()))})"
            shown = self._seen(path)
            height, width = drawn_size(shown.shape[0], shown.shape[1], LEAST, MOST)
            heat = heats_of([_one(found, number)], height, width)[0, 0]
            write_bytes(self.files[path], png_of(heat_card(shown, heat, words)))

    def _seen(self, path: Path) -> NDArray[np.uint8]:
        """Return the part of a picture that the network takes, at its own size or not much above what is drawn."""
        form = self.form
        picture = read_picture(path, channels=form.channels, white=form.white, minimum=MOST)
        box = box_seen(picture.shape[0], picture.shape[1], form.height, form.width, form.resize)
        left, top, right, bottom = map(round, box)
        return np.ascontiguousarray(picture[top:bottom, left:right])


def _one(found: Activation, number: int) -> Activation:
    """Return where the network looked in one of the pictures."""
    one = slice(number, number + 1)
    return replace(
        found, classes=found.classes[one], scores=found.scores[one], places=found.places[one], bias=found.bias[one]
    )
