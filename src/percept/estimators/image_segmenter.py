"""A class for every pixel: from pictures with masks to a trained network, with scikit-learn's habits."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from percept.data.augment.crops import crop_augmentation
from percept.data.channel_statistics import channel_statistics
from percept.data.class_weights import WEIGHTINGS
from percept.data.objects import IGNORE
from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.devices import choose_device, choose_precision, free_memory, parse_memory
from percept.errors import DataError, OptionError
from percept.estimators.given_masks import Masks, mask_ignore, read_masked_folder, read_masks, read_truth
from percept.estimators.options import check_choice, check_number, check_whole
from percept.estimators.picture_training import (
    PictureTraining,
    check_training,
    drawing,
    follow,
    part_rows,
    record,
    settings_from,
)
from percept.estimators.pictures import read_given, typical_of, whole_pictures
from percept.evaluation.pixel_scores import pixel_scores
from percept.evaluation.pixel_validation import validation_figures
from percept.evaluation.regions import pixel_confusion, region_figures
from percept.models import arguments_for, build
from percept.models.building import require_task
from percept.models.file import TrainedModel, save_model
from percept.nn.segmentation_losses import pixel_loss
from percept.training.batches import steps_an_epoch
from percept.training.crop_sizes import crop_for_memory
from percept.training.loop import train_on
from percept.training.mask_loss import WEIGHT_MAPS, mask_loss, pixel_weights
from percept.training.optimizers import make_optimizer
from percept.training.pixel_batches import MaskedPart, PixelBatch, crops_an_epoch, pixel_batches
from percept.training.processes import make_accelerator
from percept.training.schedules import SCHEDULES
from percept.training.segmentation_defaults import DEFAULT_ARGUMENTS, DEFAULT_MODEL, segmentation_defaults
from percept.version import __version__

METRIC = "mean_iou"  # of the pictures held out, by which training stops


@dataclass(frozen=True)
class _Lesson:
    """What is learned from.

    Attributes:
        pictures: (height, width, channels) uint8 of each.
        masks: of them.
        parts: (samples,) the part that a folder puts each in, "" for none.
        white: the value that 16-bit pictures call white.
    """

    pictures: Sequence[NDArray[np.uint8]]
    masks: Masks
    parts: NDArray[np.str_]
    white: int


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
            self._train(lesson, rows, held, device)
        self.classes_, self.class_names_ = lesson.masks.values, lesson.masks.names
        self.meaning_ = lesson.masks.meaning
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

    def _read(self, X: Any, y: Any) -> _Lesson:
        if y is None:
            folder = read_masked_folder(_folder(X), mask_ignore(self.ignore))
            return _Lesson(folder.pictures, folder.masks, folder.parts, folder.white)
        given, masks = read_given(X), read_masks(y, mask_ignore(self.ignore))
        check_consistent_length(range(len(given)), range(len(masks.maps)))
        seen = typical_of(given)
        pictures = whole_pictures(given, seen.channels, seen.white)
        return _Lesson(pictures, masks, np.full(len(pictures), ""), seen.white)

    def _scores(self, X: Any) -> Iterator[NDArray[np.float32]]:
        check_is_fitted(self)
        given, form = read_given(X, self.preprocessing_.white), self.preprocessing_
        pictures = whole_pictures(given, form.channels, form.white)
        device = next(self.network_.parameters()).device
        return pixel_scores(self.network_, pictures, np.arange(len(pictures)), form, device=device)

    def _train(self, lesson: _Lesson, rows: NDArray[np.int64], held: NDArray[np.int64], device: torch.device) -> None:
        """Train the network and set everything that tells of it."""
        pictures, masks = lesson.pictures, lesson.masks
        channels, classes = int(pictures[0].shape[2]), len(masks.names)
        form = PixelPreprocessing(channels, *channel_statistics(pictures[row] for row in rows), lesson.white)
        sizes = [(int(pictures[row].shape[0]), int(pictures[row].shape[1])) for row in rows]
        defaults = segmentation_defaults(sizes, len(rows), self.solver)
        settings = settings_from(self, defaults, metric=METRIC, seed=self.seed_)
        precision = choose_precision(self.precision, device, gains=True)
        accelerator = make_accelerator(device, precision)
        arguments = self._arguments(classes, (channels, *np.median(sizes, axis=0).astype(int).tolist()))
        network = build(self.model, **arguments).to(device)
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        weighting = self._weighting(masks)
        loss = mask_loss(self.loss, masks.maps, rows, classes, weighting, masking=self.masking, device=device)
        side = int(defaults["crop"] if self.crop == "auto" else self.crop)
        memory = parse_memory(self.memory) if self.memory else free_memory(device) // 2
        crop = crop_for_memory(network, memory, settings.batch_size, channels=channels, largest=(side, side), loss=loss)
        weights = pixel_weights(self.weight_map or "none", masks.maps, masks.objects, classes)
        moves = None if self.augment is None else crop_augmentation(pictures, rows, self.augment, side)
        part = MaskedPart(pictures, masks.maps, rows, IGNORE, form, weights, moves)

        def stream(epoch: int) -> Iterator[tuple[Tensor, PixelBatch]]:
            chosen = {"seed": settings.seed, "epoch": epoch}
            drawn = pixel_batches(part, crop, settings.batch_size, **chosen, accelerator=accelerator)
            return ((batch.inputs, batch) for batch in drawn)

        def total(scores: Tensor, batch: PixelBatch) -> Tensor:
            return loss(scores, batch.targets, batch.weights)

        def validate() -> dict[str, float]:
            if not len(held):
                return {"loss": float("nan")}
            seen = pictures, masks.maps, held, masks.names, form
            return validation_figures(network, *seen, device=device, precision=precision)

        optimizer = make_optimizer(
            network,
            settings.optimizer,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            momentum=settings.momentum,
        )
        steps = steps_an_epoch(len(crops_an_epoch(part, crop)), settings.batch_size)
        schedule = SCHEDULES[settings.schedule](optimizer, steps, settings.epochs)
        epochs = train_on(network, optimizer, schedule, total, stream, steps, validate, settings, accelerator)
        history, kept = follow(self, epochs, network, settings)
        self.network_ = accelerator.unwrap_model(network, keep_fp32_wrapper=False).eval()
        self.preprocessing_, self.architecture_, self.arguments_ = form, self.model, arguments
        self.crop_ = crop.height, crop.width
        record(self, history, kept, METRIC)

    def _arguments(self, classes: int, shape: tuple[int, ...]) -> dict[str, object]:
        own = self.arguments if self.arguments is not None or self.model != DEFAULT_MODEL else DEFAULT_ARGUMENTS
        return {**arguments_for(self.model, outputs=classes, shape=shape), **(own or {})}

    def _weighting(self, masks: Masks) -> Any:
        """Return the weights of the classes as `percept.data.class_weights.class_weights` takes them."""
        asked = self.class_weight
        if isinstance(asked, str) or asked is None:
            check_choice("class_weight", asked, (None, *WEIGHTINGS))
            return asked or "none"
        if not isinstance(asked, Mapping):
            return [float(weight) for weight in asked]
        by_name = dict(zip(masks.names, masks.values.tolist(), strict=True))
        known = {by_name.get(key, key): weight for key, weight in asked.items()}
        if strange := [key for key in known if key not in masks.values.tolist()]:
            raise OptionError(f"class_weight names {strange[0]!r}; expected some of {', '.join(masks.names)}")
        return [float(known.get(value, 1.0)) for value in masks.values.tolist()]


def _folder(X: Any) -> Path:
    if not isinstance(X, str | Path):
        raise DataError(
            f"ImageSegmenter requires y to be passed, but the target y is None, and X is a {type(X).__name__};"
            " only a folder with pictures and masks says both"
        )
    return Path(X)


def _together(maps: list[NDArray[Any]]) -> Any:
    return np.stack(maps) if len({each.shape for each in maps}) == 1 else maps
