"""A classifier of pictures: from arrays, paths or a folder to a trained network, with scikit-learn's habits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from percept.data.folders import read_folder
from percept.devices import choose_device
from percept.errors import DataError, OptionError
from percept.estimators.classifier_training import METRIC, train_classifier
from percept.estimators.options import check_choice, check_number
from percept.estimators.picture_training import (
    PictureTraining,
    check_training,
    drawing,
    part_rows,
    record,
)
from percept.estimators.pictures import Given, pixels_in_chunks, read_given
from percept.estimators.sizes import image_size
from percept.estimators.starting import Wish, start
from percept.evaluation.augmented import augmented, views_named
from percept.models import MODELS
from percept.models.file import TrainedModel, save_model
from percept.version import __version__


@dataclass(eq=False, repr=False)
class ImageClassifier(ClassifierMixin, PictureTraining, BaseEstimator):  # type: ignore[misc]
    """A network that tells the classes of pictures apart.

    Pictures are an array (samples, height, width[, channels]) of uint8, or of floats in [0, 1]; a list of such
    pictures of unlike sizes; a list or array of paths; or, in `fit` and `score` without y, a folder that holds one
    folder a class.

    Args:
        model: architecture, a name of `percept.models.names("image")`.
        pretrained: a trained body to start from: a percept model file or run folder, a checkpoint of torchvision or
            timm, a name of published weights, or a torch module; None for new weights.
        transfer: what of that body learns: "head", "last:K" stages with it, or "all".
        arguments: of the architecture's builder, beside those that the data say: {"width": 16}.
        image_size: height and width of what the network takes, one number for squares, pixels; None for what suits the
            architecture and the pictures.
        resize: "stretch" fits a whole picture in; "crop" keeps its proportions and cuts the center.
        augment: what happens to pictures in training: "auto", "light", "strong", changes such as "rotate=15,flip", or
            None.
        mixup: alpha of mixup, 0 for none.
        label_smoothing: share of each target spread over all classes, [0, 1).
        class_weight: None, "balanced", or a dictionary from class to weight.
        tta: views averaged in predictions: "horizontal", "crops", ..., joined by commas; None for the picture alone.
        solver: "adamw", "adam" or "sgd".
        max_iter: epochs; "auto" for what suits the number of pictures, as for the next three.
        batch_size: pictures of each step.
        learning_rate: how the rate moves: "cosine", "constant", or with early stopping "plateau".
        learning_rate_init: step size at the top, above 0.
        momentum: of sgd, below 1.
        alpha: weight decay, 0 or more.
        early_stopping: whether pictures are held out, training stops when their accuracy stalls, and the weights of
            the best epoch are kept; without it the last weights are.
        validation_fraction: of the pictures to hold out; a folder with a validation part says itself which.
        n_iter_no_change: epochs without improvement before training stops.
        random_state: seed or RandomState of first weights, orders, augmentation and pictures held out.
        precision: "float32", "bfloat16", or "auto" for the faster one where that was measured.
        device: where to compute: "cpu", "cuda", ..., or "auto".
        verbose: whether each epoch is printed.

    Attributes:
        classes_: the classes, sorted.
        network_: the trained torch module, in evaluation mode.
        preprocessing_: from pictures to what it takes.
        architecture_, arguments_: its name, and what it was built with.
        history_: a dictionary an epoch: losses, validation figures, learning rate, seconds.
        n_iter_, best_epoch_: epochs done, and the one whose weights are kept.
        loss_, loss_curve_: mean training loss of the epoch kept, and of every epoch.
        validation_scores_, best_validation_score_: accuracy on the pictures held out; None without early stopping.
        seed_: what every draw of the training derived from.
        notes_: what was found about a pretrained body, one sentence each.

    Source: notes §3.4.1 and §3.4.2; He et al. 2016 (the default network).

    Example:
        >>> dark, light = np.zeros((8, 8, 8), np.uint8), np.full((8, 8, 8), 255, np.uint8)
        >>> model = ImageClassifier(max_iter=2, augment=None, random_state=0, device="cpu")
        >>> model.fit(np.concatenate([dark, light]), ["dark"] * 8 + ["light"] * 8).classes_
        array(['dark', 'light'], dtype='<U5')
    """

    model: str = "small_resnet"
    pretrained: Any = field(default=None, kw_only=True)
    transfer: str = field(default="head", kw_only=True)
    arguments: Mapping[str, Any] | None = field(default=None, kw_only=True)
    image_size: int | tuple[int, int] | None = field(default=None, kw_only=True)
    resize: str = field(default="stretch", kw_only=True)
    mixup: float = field(default=0.0, kw_only=True)
    label_smoothing: float = field(default=0.0, kw_only=True)
    class_weight: str | Mapping[Any, float] | None = field(default=None, kw_only=True)
    tta: str | None = field(default=None, kw_only=True)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train the network, from fresh weights.

        Args:
            X: the pictures.
            y: (samples,) classes: numbers or text; None where X is a folder with one folder a class.

        Returns:
            The estimator.

        Raises:
            OptionError: an argument of the constructor does not work.
            DataError: the pictures cannot be used.
            TrainingError: the loss is no longer finite.
        """
        self._check()
        given, labels, parts = self._labeled(X, y)
        self.classes_, targets = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(f"y holds a single class, {self.classes_[0]}; expected two or more")
        generator, device = check_random_state(self.random_state), choose_device(self.device)
        rows, held = part_rows(self, parts, generator, targets)
        seed = int(generator.randint(2**31 - 1))
        with drawing(seed, device, None):
            begun = start(self._wish(), given, rows, len(self.classes_))
        size = begun.form.height, begun.form.width
        with drawing(seed, device, size):
            learned = train_classifier(self, begun, targets.astype(np.int64), rows, held, seed, device)
        self.network_, self.seed_ = learned.network, seed
        self.preprocessing_, self.architecture_, self.arguments_ = begun.form, begun.architecture, begun.arguments
        self.notes_ = () if begun.moved is None else begun.moved.notes
        record(self, learned, METRIC)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of each picture (samples,).

        Args:
            X: the pictures.
        """
        chosen = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[chosen])

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each class (samples, classes), ordered as in `classes_`.

        Args:
            X: the pictures.
        """
        check_is_fitted(self)
        if isinstance(X, np.ndarray) and X.ndim == 3 and self.preprocessing_.channels == 3 and X.shape[2] in (3, 4):
            raise DataError(f"X is of shape {X.shape}, a single picture; expected several: put it in brackets, [X]")
        given, views = read_given(X, self.preprocessing_.white), views_named(self.tta or "")
        device = next(self.network_.parameters()).device
        found = []
        with drawing(0, device, (self.preprocessing_.height, self.preprocessing_.width)):
            for pixels in pixels_in_chunks(given, self.preprocessing_):
                rows = np.arange(len(pixels))
                seen = augmented(self.network_, pixels, rows, self.preprocessing_, views, device=device)
                found.append(seen.probabilities)
        return np.concatenate(found)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the share of pictures whose class is predicted.

        Args:
            X: the pictures.
            y: (samples,) their classes; None where X is a folder with one folder a class.
            sample_weight: (samples,) what each picture counts for.
        """
        if y is None:
            X, y, _ = self._labeled(X, y)
            X = list(X.paths)
        return float(super().score(X, y, sample_weight))

    def save(self, path: str | Path) -> None:
        """Write the trained network as a percept model file, which `percept.load` and `percept predict` take.

        Args:
            path: the file, such as "ants.safetensors".

        Raises:
            OptionError: the body was a module of the user's own, which no file can describe.
            WriteError: the file cannot be written.
        """
        check_is_fitted(self)
        if not self.architecture_:
            raise OptionError(
                "the network has a body of your own, which a model file cannot describe; keep it with torch.save"
            )
        model = TrainedModel(
            network=self.network_,
            architecture=self.architecture_,
            arguments=self.arguments_,
            task="classification",
            classes=tuple(map(str, self.classes_.tolist())),
            target="class",
            target_scale=(0.0, 1.0),
            preprocessing=self.preprocessing_,
            metadata={
                "epoch": self.best_epoch_,
                "seed": self.seed_,
                "percept_version": __version__,
                **({"views": self.tta} if self.tta else {}),
            },
        )
        save_model(path, model)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        return tags

    def _check(self) -> None:
        check_training(self)
        check_choice("resize", self.resize, ("stretch", "crop"))
        check_choice("model", self.model, MODELS)
        check_number("mixup", self.mixup)
        check_number("label_smoothing", self.label_smoothing, high=1.0)
        views_named(self.tta or "")

    def _labeled(self, X: Any, y: Any) -> tuple[Given, NDArray[Any], NDArray[np.str_]]:
        """Return pictures, classes, and the part that a folder puts each picture in."""
        if y is not None:
            given, labels = read_given(X), column_or_1d(y, warn=True)
            check_consistent_length(range(len(given)), labels)
            check_classification_targets(labels)
            return given, labels, np.full(len(given), "")
        if not isinstance(X, str | Path):
            raise DataError(
                f"ImageClassifier requires y to be passed, but the target y is None, and X is a {type(X).__name__};"
                " only a folder with one folder a class says by itself what its pictures show"
            )
        dataset = read_folder(Path(X))
        return dataset.samples, np.array(dataset.target.labels()), dataset.given  # type: ignore[return-value]

    def _wish(self) -> Wish:
        arguments, size = dict(self.arguments or {}), image_size(self.image_size)
        return Wish(self.model, arguments, self.pretrained, self.transfer, size, self.resize)  # type: ignore[arg-type]
