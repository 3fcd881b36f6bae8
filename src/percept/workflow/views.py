"""What a classifier says of several views of each picture, `--tta`: the answers, and what the views bring and cost."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from percept.data.columns import TablePreprocessing
from percept.data.dataset import Dataset
from percept.devices import Precision
from percept.errors import OptionError
from percept.evaluation.abstention import abstention_at
from percept.evaluation.augmented import augmented, gain_sentence, views_named
from percept.evaluation.metrics import metric_named
from percept.evaluation.predict import outputs, probabilities, values
from percept.evaluation.temperature import with_temperature
from percept.evaluation.uncertainty import PASSES, Uncertainty, dropout_outputs, dropout_uncertainty, has_dropout
from percept.models.file import TrainedModel
from percept.report.wording import percent
from percept.runs.folder import RunFolder
from percept.runs.recipe import TrainingRecipe
from percept.workflow.assess import Predictions, read_predictions, told_metric
from percept.workflow.load import Predictor
from percept.workflow.trust import trust_metadata

Inputs = NDArray[np.uint8] | NDArray[np.float32]


@dataclass(frozen=True)
class Viewed:
    """Answers, possibly from several views.

    Attributes:
        scores: (samples, classes) probabilities, the mean over the views, or (samples,) figures.
        said: what the views brought and cost, and how uncertain the answers are, in sentences.
    """

    scores: NDArray[np.float64]
    said: tuple[str, ...]


def views_of(model: TrainedModel, tta: str | None) -> str:
    """Return the names of the views that a model answers by.

    Args:
        model: the model.
        tta: names of views, joined by commas; None for those that the model was fitted with, "none" or "" for none.

    Raises:
        OptionError: a name is unknown, or the model takes rows of a table or gives figures.
    """
    if tta is None:
        return model.views
    if tta in ("none", ""):
        return ""
    views_named(tta)
    check_pictures("--tta", model)
    return tta


def check_pictures(option: str, model: TrainedModel) -> None:
    """Refuse what is for classifiers of pictures alone.

    Args:
        option: as the user writes it.
        model: the model.

    Raises:
        OptionError: the model takes rows of a table, or gives no classes of whole pictures.
    """
    if isinstance(model.preprocessing, TablePreprocessing):
        raise OptionError(f"{option} is for pictures; the model takes rows of a table: leave it out")
    if model.task != "classification":
        gives = "a class for every pixel" if model.task == "segmentation" else "a figure"
        raise OptionError(f"{option} is for pictures with classes; the model gives {gives}: leave it out")


def see(
    network: nn.Module,
    model: TrainedModel,
    inputs: Inputs,
    dataset: Dataset,
    rows: NDArray[np.int64],
    tta: str,
    training: TrainingRecipe,
    *,
    device: torch.device,
    precision: Precision = "float32",
) -> Viewed:
    """Return what a model says of labelled samples, of pictures by several views with what these are worth.

    Args:
        network: the model's, possibly made faster.
        model: the model.
        inputs: all samples.
        dataset: their targets and groups.
        rows: which samples.
        tta: names of views; "" for samples as they are.
        training: how it was trained: the metric that the gain is told by, and the seed of resampling and dropout.
        device: where to compute.
        precision: what to compute in.

    Source: notes §3.4.1 (test time augmentation), §2.5.4 (dropout).
    """
    form = model.preprocessing
    if not tta:
        raw = outputs(network, inputs, rows, form, device=device, precision=precision)
        return Viewed(probabilities(raw) if model.classes else values(raw, model.target_scale), ())
    found = augmented(network, inputs, rows, form, views_named(tta), device=device, precision=precision)
    truth, groups = dataset.target.values[rows], None if dataset.groups is None else dataset.groups[rows]
    metric = metric_named(told_metric(training.metric, dataset.target.task), dataset.target.task)
    said = [gain_sentence(found, truth, metric, groups=groups, seed=training.seed)]
    if has_dropout(model.network):
        said.append(doubt_sentence(doubt(model, inputs, rows, device, training.seed), truth))
    return Viewed(found.probabilities, tuple(said))


def doubt(model: TrainedModel, inputs: Inputs, rows: NDArray[np.int64], device: torch.device, seed: int) -> Uncertainty:
    """Return what many passes with dropout on say of some samples.

    Args:
        model: whose network has dropout.
        inputs: all samples.
        rows: which samples.
        device: where to compute.
        seed: of what is drawn.

    Source: Gal & Ghahramani 2016.
    """
    return dropout_uncertainty(
        dropout_outputs(model.network, inputs, rows, model.preprocessing, device=device, seed=seed)
    )


def doubt_sentence(found: Uncertainty, truth: NDArray[Any]) -> str:
    """Return in one sentence how far passes with dropout differ on right and on wrong answers.

    Args:
        found: from `doubt`.
        truth: (samples,) class numbers.
    """
    right = found.probabilities.argmax(axis=1) == truth
    means = [
        f"{found.mutual_information[chosen].mean():.2g} on the {chosen.sum()} {word} answers"
        for chosen, word in ((right, "right"), (~right, "wrong"))
        if chosen.any()
    ]
    return (
        f"Over {PASSES} passes with dropout on, answers differ by a mutual information (nats, 0 where all passes agree)"
        f" of {' and '.join(means)}."
    )


def calibrated(model: TrainedModel, folder: RunFolder, abstain: float) -> TrainedModel:
    """Return a run's model with the temperature and the threshold that keep to an error on its validation part.

    Args:
        model: a classifier.
        folder: its run.
        abstain: share of wrong answers to keep to, in (0, 1).

    Raises:
        OptionError: no threshold keeps to it, or the model gives no classes.
        RunFolderError: the run has no validation predictions.
    """
    if model.task != "classification":
        raise OptionError("--abstain is for classes; the model gives none: leave it out")
    validation = read_predictions(folder.predictions("validation"), model.task, model.classes)
    kept = trust_metadata(validation, abstain)
    if "abstain_below" not in kept:
        raise OptionError(
            f"no probability keeps to an error of {abstain:g} on the validation part; take a larger --abstain"
        )
    return replace(model, metadata={**model.metadata, **kept})


def asked_to(predictor: Predictor, run: str | Path, tta: str | None, abstain: float | None) -> Predictor:
    """Return a predictor with views and a threshold of its own, where they are asked for.

    Args:
        predictor: of the run.
        run: run folder or model file.
        tta: names of views, as `views_of` takes them.
        abstain: share of wrong answers to keep to; None for the model's own threshold.

    Raises:
        OptionError: they do not go with the model, or there is no run to choose a threshold by.
    """
    model, views = predictor.model, views_of(predictor.model, tta)
    if abstain is not None:
        if not Path(run).is_dir():
            raise OptionError(
                f"--abstain is {abstain:g}, but {run} is a model file; give the run folder, whose validation part tells"
                " which probability keeps to an error"
            )
        model = calibrated(model, RunFolder(Path(run)), abstain)
    return replace(predictor, model=model, tta=views)


def abstention_sentence(model: TrainedModel, predictions: Predictions, target: float | None) -> tuple[str, ...]:
    """Return in a sentence what answering only when sure brings; nothing for a model that always answers.

    Args:
        model: the model.
        predictions: with the network's own probabilities.
        target: the share of wrong answers that was aimed at.
    """
    if not model.abstain_below or target is None:
        return ()
    scores = with_temperature(predictions.scores, model.temperature)
    found = abstention_at(predictions.truth.astype(np.int64), scores, model.abstain_below, target)
    if not found.answered:
        return (f"No answer is as sure as the probability of {model.abstain_below:.3g} that it asks for.",)
    low, high = percent(found.error[1]), percent(found.error[2])
    sentence = (
        f"Answering only from a probability of {model.abstain_below:.3g} on, for an error of {percent(target)}:"
        f" {found.answered} of {len(scores)} answered, {found.wrong} of these wrong ({percent(found.error[0])}, 95 %"
        f" interval {low} to {high})."
    )
    return (sentence,)
