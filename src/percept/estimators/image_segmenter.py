"""A class for every pixel: from pictures with masks to a trained network, with scikit-learn's habits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted

from percept.devices import choose_device
from percept.errors import DataError
from percept.estimators.given_masks import mask_ignore, read_masked_folder, read_masks, read_truth
from percept.estimators.options import check_choice, check_number, check_whole
from percept.estimators.picture_training import (
    PictureTraining,
    check_training,
    drawing,
    part_rows,
    record,
)
from percept.estimators.pictures import read_given, typical_of, whole_pictures
from percept.estimators.segmenter_training import METRIC, Lesson, train_segmenter
from percept.evaluation.pixel_scores import pixel_scores
from percept.evaluation.regions import pixel_confusion, region_figures
from percept.models.building import require_task
from percept.models.file import TrainedModel, save_model
from percept.nn.segmentation_losses import pixel_loss
from percept.training.mask_loss import WEIGHT_MAPS
from percept.training.segmentation_defaults import DEFAULT_MODEL
from percept.version import __version__


@dataclass(eq=False, repr=False)
class ImageSegmenter(PictureTraining, BaseEstimator):  # type: ignore[misc]
    """A network that gives every pixel of a picture a class.

    Pictures are an array (samples, height, width[, channels]) of uint8, or of floats in [0, 1]; a list of such
    pictures of unlike sizes; or a list or array of paths. Masks are whole numbers (height, width), one a pixel, or
    paths of masks. In `fit` and `score` without y, X is a folder in one of the layouts that `percept fit` reads.

    Args:
        model: architecture, a name of `percept.models.names("image", "segmentation")`.
        arguments: of its builder, beside those that the data say; None for `{"width": 16}` with unet, a quarter of the
            paper's width, and nothing else with the others.
        loss: "cross_entropy", "dice", "jaccard", "focal", or several joined by "+".
        class_weight: None, "balanced", "median_frequency", a dictionary from class to weight, or a list of weights.
        weight_map: "unet" where pixels between close objects are to count more; None.
        masking: share of the pixels left out of each step, [0, 1).
        crop: side of the crops that are trained on, pixels; "auto" for what suits the pictures.
        memory: what a training step may take, such as "4GB", by which crops are made smaller; None for half of what
            is free.
        ignore: the value of pixels that do not count; "auto" for 255 where there are other classes than 0; None.
        augment: what happens to crops in training: "auto", "light", "strong", changes such as "rotate=15,flip", or
            None; masks move along.
        solver: "adamw", "adam" or "sgd".
        max_iter: epochs; "auto" for what suits the pictures, as for the next three.
        batch_size: crops of each step.
        learning_rate: how the rate moves: "cosine", "constant", or with early stopping "plateau".
        learning_rate_init: step size at the top, above 0.
        momentum: of sgd, below 1.
        alpha: weight decay, 0 or more.
        early_stopping: whether pictures are held out, training stops when their mean IoU stalls, and the weights of
            the best epoch are kept; without it the last weights are.
        validation_fraction: of the pictures to hold out; a folder with a validation part says itself which.
        n_iter_no_change: epochs without improvement before training stops.
        random_state: seed or RandomState of first weights, crops, augmentation and pictures held out.
        precision: "float32", "bfloat16", or "auto" for bfloat16 where the device multiplies it natively.
        device: where to compute: "cpu", "cuda", ..., or "auto".
        verbose: whether each epoch is printed.

    Attributes:
        classes_: what stands for each class in predicted masks: the values of the arrays learned from, or for files the
            numbers 0, 1, ... of `class_names_`.
        class_names_: the names of the classes.
        network_: the trained torch module, in evaluation mode.
        preprocessing_: from pictures to what it takes.
        architecture_, arguments_: its name, and what it was built with.
        crop_: height and width of the crops that were trained on, pixels.
        history_: a dictionary an epoch: losses, validation figures, learning rate, seconds.
        n_iter_, best_epoch_: epochs done, and the one whose weights are kept.
        loss_, loss_curve_: mean training loss of the epoch kept, and of every epoch.
        validation_scores_, best_validation_score_: mean IoU on the pictures held out; None without early stopping.
        seed_: what every draw of the training derived from.
        meaning_: how the files of masks were understood; None for arrays.

    Source: notes §3.6; Ronneberger, Fischer & Brox 2015; Long, Shelhamer & Darrell 2015.

    Example:
        >>> pictures = np.zeros((2, 16, 16), np.uint8)
        >>> pictures[:, 4:12, 4:12] = 255
        >>> tiny = ImageSegmenter(arguments={"width": 2}, max_iter=1, augment=None, random_state=0, device="cpu")
        >>> tiny.fit(pictures, pictures > 0).predict(pictures).shape
        (2, 16, 16)
    """

    model: str = DEFAULT_MODEL
    arguments: Mapping[str, Any] | None = field(default=None, kw_only=True)
    loss: str = field(default="cross_entropy+dice", kw_only=True)
    class_weight: Any = field(default=None, kw_only=True)
    weight_map: str | None = field(default=None, kw_only=True)
    masking: float = field(default=0.0, kw_only=True)
    crop: int | str = field(default="auto", kw_only=True)
    memory: str | None = field(default=None, kw_only=True)
    ignore: int | str | None = field(default="auto", kw_only=True)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train the network, from fresh weights.

        Args:
            X: the pictures.
            y: their masks; None where X is a folder with both.

        Returns:
            The estimator.

        Raises:
            OptionError: an argument of the constructor does not work.
            DataError: the pictures or masks cannot be used.
            TrainingError: the loss is no longer finite.
        """
        self._check()
        lesson = self._read(X, y)
        generator, device = check_random_state(self.random_state), choose_device(self.device)
        rows, held = part_rows(self, lesson.parts, generator)
        if not len(rows):
            raise DataError("there is no picture to train on; give at least one")
        self.seed_ = int(generator.randint(2**31 - 1))
        with drawing(self.seed_, device, None):
            learned = train_segmenter(self, lesson, rows, held, self.seed_, device)
        self.classes_, self.class_names_ = lesson.masks.values, lesson.masks.names
        self.meaning_, self.network_, self.preprocessing_ = lesson.masks.meaning, learned.network, learned.form
        self.architecture_, self.arguments_, self.crop_ = self.model, learned.arguments, learned.crop
        record(self, learned, METRIC)
        return self

    def predict(self, X: Any) -> Any:
        """Return the class of every pixel.

        Args:
            X: the pictures.

        Returns:
            (samples, height, width) where all pictures have one size, else a list of (height, width).
        """
        return _together([self.classes_[each.argmax(axis=0)] for each in self._scores(X)])

    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class in every pixel, ordered as in `classes_`.

        Args:
            X: the pictures.

        Returns:
            (samples, classes, height, width) where all pictures have one size, else a list of
            (classes, height, width).
        """
        return _together([softmax(each, axis=0) for each in self._scores(X)])

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean intersection over union of the classes, the pixels of all pictures counted together.

        Args:
            X: the pictures.
            y: their masks; None where X is a folder with both.

        Source: notes §3.6.1.
        """
        check_is_fitted(self)
        if y is None:
            folder = read_masked_folder(_folder(X), mask_ignore(self.ignore), self.meaning_)
            X, truth, count = list(folder.pictures), folder.masks.maps, len(folder.masks.names)
        else:
            truth, count = read_truth(y, self.classes_, mask_ignore(self.ignore), self.meaning_)
        check_consistent_length(range(len(read_given(X))), range(len(truth)))
        confusions = [
            pixel_confusion(mask, each.argmax(axis=0), count) for mask, each in zip(truth, self._scores(X), strict=True)
        ]
        names = [str(number) for number in range(count)]
        figures = region_figures(np.stack(confusions), names, np.ones((len(confusions), 1)))
        return float(figures[METRIC][0])

    def save(self, path: str | Path) -> None:
        """Write the trained network as a percept model file, which `percept predict` takes.

        Args:
            path: the file, such as "cells.safetensors".

        Raises:
            WriteError: the file cannot be written.
        """
        check_is_fitted(self)
        told = {} if self.meaning_ is None else {"masks": self.meaning_.to_json()}
        model = TrainedModel(
            network=self.network_,
            architecture=self.architecture_,
            arguments=self.arguments_,
            task="segmentation",
            classes=self.class_names_,
            target="class of each pixel",
            target_scale=(0.0, 1.0),
            preprocessing=self.preprocessing_,
            metadata={"epoch": self.best_epoch_, "seed": self.seed_, "percept_version": __version__, **told},
        )
        save_model(path, model)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        tags.target_tags.required = True
        return tags

    def _check(self) -> None:
        check_training(self)
        require_task(self.model, "segmentation")
        check_choice("weight_map", self.weight_map, (None, *WEIGHT_MAPS))
        if self.crop != "auto":
            check_whole("crop", self.crop)
        check_number("masking", self.masking, high=1.0)
        pixel_loss(self.loss, masked=self.masking)
        mask_ignore(self.ignore)

    def _read(self, X: Any, y: Any) -> Lesson:
        if y is None:
            folder = read_masked_folder(_folder(X), mask_ignore(self.ignore))
            return Lesson(folder.pictures, folder.masks, folder.parts, folder.white)
        given, masks = read_given(X), read_masks(y, mask_ignore(self.ignore))
        check_consistent_length(range(len(given)), range(len(masks.maps)))
        seen = typical_of(given)
        pictures = whole_pictures(given, seen.channels, seen.white)
        return Lesson(pictures, masks, np.full(len(pictures), ""), seen.white)

    def _scores(self, X: Any) -> Iterator[NDArray[np.float32]]:
        check_is_fitted(self)
        given, form = read_given(X, self.preprocessing_.white), self.preprocessing_
        pictures = whole_pictures(given, form.channels, form.white)
        device = next(self.network_.parameters()).device
        return pixel_scores(self.network_, pictures, np.arange(len(pictures)), form, device=device)


def _folder(X: Any) -> Path:
    if not isinstance(X, str | Path):
        raise DataError(
            f"ImageSegmenter requires y to be passed, but the target y is None, and X is a {type(X).__name__};"
            " only a folder with pictures and masks says both"
        )
    return Path(X)


def _together(maps: list[NDArray[Any]]) -> Any:
    return np.stack(maps) if len({each.shape for each in maps}) == 1 else maps
