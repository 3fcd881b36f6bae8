"""The training of a classifier of pictures by an estimator's arguments: augmentation, loss and epochs."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from sklearn.utils import compute_class_weight

from percept.data.augment.layer import AugmentationLayer
from percept.data.augment.presets import parse_augmentation
from percept.data.augment.recipe import Augmentation
from percept.data.augment.symmetry import traits_of
from percept.data.mixup import Mixing
from percept.devices import Precision, choose_precision
from percept.estimators.picture_training import Learned, follow, settings_from
from percept.estimators.starting import Start
from percept.evaluation.metrics import metric_named
from percept.evaluation.predict import probabilities
from percept.models import MODELS
from percept.models.freezing import freeze
from percept.nn.losses import Loss, cross_entropy
from percept.training.batches import LabeledPart, steps_an_epoch
from percept.training.defaults import training_defaults
from percept.training.features import FeatureStore
from percept.training.loop import Epoch, Score, Steps, train
from percept.training.phases import plan, train_in_phases
from percept.training.processes import make_accelerator
from percept.training.settings import TrainingSettings

METRIC = "accuracy"  # of the pictures held out, by which training stops


def train_classifier(
    estimator: Any,
    begun: Start,
    targets: NDArray[np.int64],
    rows: NDArray[np.int64],
    held: NDArray[np.int64],
    seed: int,
    device: torch.device,
) -> Learned:
    """Train the network of an ImageClassifier, in place.

    Args:
        estimator: its arguments, and `classes_`.
        begun: network, pixels and preprocessing.
        targets: (samples,) class numbers.
        rows: which pictures to train on.
        held: which to judge each epoch by; none without early stopping.
        seed: of every draw.
        device: where to train.

    Raises:
        OptionError: an argument does not work.
        TrainingError: the loss is no longer finite.
    """
    defaults = training_defaults("image", begun.architecture or estimator.model, estimator.solver, len(rows))
    settings = settings_from(estimator, defaults, metric=METRIC, seed=seed)
    precision = _precision(estimator.precision, begun, device)
    accelerator = make_accelerator(device, precision)
    training = LabeledPart(
        *(begun.pixels, targets, rows, begun.form),
        augmentation=_augmentation(estimator, begun, targets, rows),
        mixing=Mixing(len(estimator.classes_), mixup=estimator.mixup, label_smoothing=estimator.label_smoothing),
    )
    validation = LabeledPart(begun.pixels, targets, held, begun.form)
    network = begun.network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    loss, score = _loss(estimator, targets[rows], device), _score(targets[held])
    epochs = _epochs(begun, loss, training, validation, score, settings, accelerator, precision)
    history, kept = follow(estimator, epochs, network, settings)
    if begun.moved is not None:  # what was frozen is so no longer
        freeze(network, begun.moved.parts, len(begun.moved.parts.stages))
    return Learned(accelerator.unwrap_model(network, keep_fp32_wrapper=False).eval(), history, kept)


def _precision(asked: str, begun: Start, device: torch.device) -> Precision:
    pays = MODELS[begun.architecture].bfloat16_from if begun.architecture else None
    gains = pays is not None and min(begun.form.height, begun.form.width) >= pays
    return choose_precision(asked, device, gains=gains)


def _augmentation(
    estimator: Any, begun: Start, targets: NDArray[np.int64], rows: NDArray[np.int64]
) -> AugmentationLayer | None:
    if estimator.augment is None:
        return None
    names = tuple(map(str, estimator.classes_.tolist()))
    recipe = parse_augmentation(estimator.augment, traits_of(begun.pixels, targets, names, rows=rows))
    return None if recipe == Augmentation() else AugmentationLayer(recipe)


def _loss(estimator: Any, targets: NDArray[np.int64], device: torch.device) -> Loss:
    if estimator.class_weight is None:
        return cross_entropy()
    classes = estimator.classes_
    weights = compute_class_weight(estimator.class_weight, classes=classes, y=classes[targets])
    return cross_entropy(torch.tensor(weights, dtype=torch.float32, device=device))


def _epochs(
    begun: Start,
    loss: Loss,
    training: LabeledPart,
    validation: LabeledPart,
    score: Score,
    settings: TrainingSettings,
    accelerator: Accelerator,
    precision: Precision,
) -> Iterator[Epoch | Steps]:
    """Return the epochs of a training, of a trained body in phases."""
    network, rest = begun.network, (loss, training, validation, score, settings, accelerator, precision)
    if begun.moved is not None:
        phases = plan(begun.moved.stages, settings)
        return train_in_phases(network, begun.moved.parts, phases, *rest, store=FeatureStore())
    steps = steps_an_epoch(len(training), settings.batch_size)
    optimizer, schedule = settings.begin(network, steps)
    return train(network, optimizer, schedule, *rest)


def _score(truth: NDArray[np.int64]) -> Score:
    """Return what gives the figures of the pictures held out; NaN where there are none."""
    shown = [metric_named(name, "classification") for name in ("loss", METRIC)]

    def score(outputs: NDArray[np.float32]) -> dict[str, float]:
        if not len(truth):
            return {each.name: float("nan") for each in shown}
        chances = probabilities(outputs)
        return {each.name: each.measure(truth, chances) for each in shown}

    return score
