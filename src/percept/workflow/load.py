"""A trained model ready to predict: from a run folder or a model file, on paths, arrays or tables."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import softmax

from percept.data.arrays import picture_array
from percept.data.columns import TablePreprocessing
from percept.data.images import read_picture, resize
from percept.data.new_rows import read_features
from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.data.preprocessing import ImagePreprocessing
from percept.devices import choose_device
from percept.errors import DataError, PerceptWarning
from percept.estimators.pictures import read_given, whole_pictures
from percept.evaluation.augmented import augmented, views_named
from percept.evaluation.inference import ready_for
from percept.evaluation.pixel_scores import pixel_scores
from percept.evaluation.predict import outputs, probabilities, values
from percept.evaluation.temperature import with_temperature
from percept.models.file import TrainedModel, load_model
from percept.runs.folder import open_run

CHUNK = 256  # samples in memory at a time


@dataclass(frozen=True)
class Predictor:
    """A trained model that takes samples as users have them.

    Attributes:
        model: the network with its preprocessing and classes.
        device: where it computes.
        tta: views of each picture whose mean answer counts, such as "horizontal,crops"; "" for the picture as it is.
    """

    model: TrainedModel
    device: torch.device
    tta: str = ""

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the names of the classes; empty for regression."""
        return self.model.classes

    def predict(self, samples: Any) -> Any:
        """Return the predicted class names (text), or figures (float64), one a sample; of a segmenter, maps of classes.

        Args:
            samples: a path or list of paths of pictures, (samples, height, width[, channels]) pictures, the path of a
                table, a DataFrame, or (samples, features) rows in the columns' order. A segmenter takes pictures of
                unlike sizes too, as a list.

        Returns:
            (samples,), or of a segmenter a list of (height, width) uint8 numbers of classes, one a picture.

        Raises:
            DataError: a sample cannot be read or does not fit the model.
        """
        if isinstance(self.model.preprocessing, PixelPreprocessing):
            return [each.argmax(axis=0).astype(np.uint8) for each in self._pixel_scores(samples)]
        scores = self.scores(samples)
        return np.array(self.classes)[scores.argmax(axis=1)] if self.classes else scores

    def predict_proba(self, samples: Any) -> Any:
        """Return the probability of each class, in the order of `classes`.

        Args:
            samples: as for `predict`.

        Returns:
            (samples, classes), or of a segmenter a list of (classes, height, width) float32, one a picture.

        Raises:
            DataError: a sample cannot be used, or the model predicts figures.
        """
        if isinstance(self.model.preprocessing, PixelPreprocessing):
            return [softmax(each, axis=0) for each in self._pixel_scores(samples)]
        if not self.classes:
            raise DataError(f"the model predicts figures of {self.model.target!r}, not classes; use predict")
        return self.scores(samples)

    def scores(self, samples: Any) -> NDArray[np.float64]:
        """Return probabilities (samples, classes) or figures (samples,)."""
        if isinstance(self.model.preprocessing, TablePreprocessing):
            rows = samples if isinstance(samples, str | Path | pd.DataFrame) else np.asarray(samples)
            frame = read_features(rows, self.model.preprocessing, target=self.model.target)
            for sentence in unknown_sentences(self.model.preprocessing.unknown(frame)):
                warnings.warn(sentence, PerceptWarning, stacklevel=3)
            return self.table_scores(frame)
        if isinstance(samples, str | Path):
            samples = [samples]
        ready = self.ready_for(len(samples))
        if isinstance(samples, Sequence) and all(isinstance(sample, str | Path) for sample in samples):
            chunks = [samples[start : start + CHUNK] for start in range(0, len(samples), CHUNK)]
            pictures: Iterator[NDArray[np.uint8]] = (self.read([Path(path) for path in chunk]) for chunk in chunks)
        else:
            array = picture_array(samples, self._pictures.white)
            pictures = (self.fitted(array[start : start + CHUNK]) for start in range(0, len(array), CHUNK))
        return np.concatenate([ready.picture_scores(chunk) for chunk in pictures])

    def ready_for(self, count: int) -> "Predictor":
        """Return a predictor that is faster at so many samples, or this one where that would not pay."""
        form = self.model.sample_preprocessing
        if isinstance(form, TablePreprocessing):
            return self
        grey = np.zeros((1, form.height, form.width, form.channels), np.uint8)
        network = ready_for(self.model.network, form.tensor(grey, self.device), count)
        return self if network is self.model.network else replace(self, model=replace(self.model, network=network))

    def read(self, paths: Sequence[Path]) -> NDArray[np.uint8]:
        """Return pictures from files at the network's size: (samples, height, width, channels)."""
        return np.stack([self.read_one(path) for path in paths])

    def read_one(self, path: Path) -> NDArray[np.uint8]:
        """Return one picture at the network's size: (height, width, channels)."""
        form = self._pictures
        minimum = max(form.height, form.width)
        picture = read_picture(path, channels=form.channels, white=form.white, minimum=minimum)
        return resize(picture, form.height, form.width, form.resize)

    def fitted(self, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return pictures in memory at the network's size and channels."""
        from percept.data.cache import load_pixels
        from percept.data.dataset import PictureArray

        form = self._pictures
        return load_pixels(
            PictureArray(pictures), height=form.height, width=form.width, channels=form.channels, resize=form.resize
        ).array

    def _pixel_scores(self, samples: Any) -> Iterator[NDArray[np.float32]]:
        """Yield scores of each picture, (classes, height, width)."""
        form = self.model.preprocessing
        if not isinstance(form, PixelPreprocessing):
            raise DataError("the model gives one answer a sample; expected one that gives a class for every pixel")
        pictures = whole_pictures(read_given(samples, form.white), form.channels, form.white)
        return pixel_scores(self.model.network, pictures, np.arange(len(pictures)), form, device=self.device)

    @property
    def _pictures(self) -> ImagePreprocessing:
        if not isinstance(self.model.preprocessing, ImagePreprocessing):
            raise DataError(f"the model takes rows of a table with the target {self.model.target!r}, not pictures")
        return self.model.preprocessing

    def picture_scores(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return scores of pictures at the network's size: (samples, height, width, channels)."""
        return self._scores(pixels)

    def table_scores(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Return scores of rows in the model's columns."""
        if not isinstance(self.model.preprocessing, TablePreprocessing):
            raise DataError("the model takes pictures, not a table")
        return self._scores(self.model.preprocessing.transform(frame))

    def _scores(self, inputs: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float64]:
        rows = np.arange(len(inputs), dtype=np.int64)
        form = self.model.preprocessing
        if self.tta:
            views = views_named(self.tta)
            return self._calibrated(
                augmented(self.model.network, inputs, rows, form, views, device=self.device).probabilities
            )
        raw = outputs(self.model.network, inputs, rows, form, device=self.device)
        return self._calibrated(probabilities(raw)) if self.classes else values(raw, self.model.target_scale)

    def _calibrated(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        temperature = self.model.temperature
        return scores if temperature == 1 else with_temperature(scores, temperature)


def unknown_sentences(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield a sentence on each column with cells that hold a category which training did not have.

    Args:
        counts: how many cells there are of them in each column.
    """
    for column, count in counts.items():
        cells = "1 cell has" if count == 1 else f"{count} cells have"
        yield f"column {column}: {cells} a category never seen in training, taken as unknown"


def load(path: str | Path, *, device: str = "auto") -> Predictor:
    """Return the trained model in a run folder or model file, ready to predict.

    Args:
        path: the run folder, or a model.safetensors.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".

    Raises:
        RunFolderError: the folder holds no finished run.
        ModelFileError: the file is damaged, or of a newer format.
    """
    file = open_run(path).model if Path(path).is_dir() or not Path(path).exists() else Path(path)
    chosen = choose_device(device)
    model = load_model(file, device=str(chosen))
    return Predictor(model, chosen, model.views)
