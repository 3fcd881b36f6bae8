"""The end of a segmenter's run: figures beside baselines, a row a picture, the model file, the report."""

import platform
from collections.abc import Generator
from dataclasses import asdict
from importlib.metadata import version

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from percept.data.audit.masks import audit_masks
from percept.evaluation.pixel_baselines import pixel_baselines
from percept.evaluation.pixel_scores import pixel_scores
from percept.evaluation.segmentation import PictureScore
from percept.files import write_text
from percept.models.file import TrainedModel, save_model
from percept.runs.folder import RunFolder
from percept.runs.ledger import now
from percept.runs.recipe import Recipe
from percept.version import __version__
from percept.workflow.assess import write_json
from percept.workflow.events import Event, Note
from percept.workflow.finish import PACKAGES
from percept.workflow.learn import Learned
from percept.workflow.machine import Machine
from percept.workflow.report import FORMAT_VERSION
from percept.workflow.segmentation.assess import Told, rival_scores, scored, scoring_of, tell
from percept.workflow.segmentation.colors import meaning_to_json
from percept.workflow.segmentation.prepare import PreparedMasks
from percept.workflow.segmentation.report import report_masks


def finish_masks(
    prepared: PreparedMasks, recipe: Recipe, folder: RunFolder, machine: Machine, learned: Learned, command: str
) -> Generator[Event, None, None]:
    """Write everything that a finished run holds; the checkpoint goes last, so that a killed finish is done again.

    Args:
        prepared: pictures, masks, split and preprocessing.
        recipe: every choice.
        folder: the run folder.
        machine: where the network lies.
        learned: what training left.
        command: what the user typed.
    """
    yield Note("measuring the network and its baselines on the validation part")
    dataset, rows = prepared.dataset, prepared.rows("validation")
    model = model_of(prepared, recipe, learned)
    told = measure(prepared, model, rows, machine.accelerator.device, part="validation", seed=recipe.training.seed)
    write_scores(folder, "validation", told)
    write_json(
        folder.findings,
        {
            "format_version": FORMAT_VERSION,
            "created": now(),
            "command": command,
            "notes": [*dataset.notes, *prepared.notes],
            "audit": [asdict(finding) for finding in audit_masks(dataset, prepared.content)],
            "chosen_epoch": learned.best.epoch,
            "health": learned.checked.warnings,
            "signal": learned.checked.signal,
            "validation": told.assessment.to_json(),
            "versions": {
                "percept": __version__,
                "python": platform.python_version(),
                **{package: version(package) for package in PACKAGES},
            },
            "machine": {"system": platform.system(), "processor": platform.machine()},
        },
    )
    save_model(folder.model, model)
    if recipe.data.parts_file is None:
        report_masks(folder, prepared, recipe, model)
    folder.drop_checkpoint()


def measure(
    prepared: PreparedMasks,
    model: TrainedModel,
    rows: NDArray[np.int64],
    device: torch.device,
    *,
    part: str,
    seed: int,
    best: str | None = None,
) -> Told:
    """Return what the network and the baselines, fitted on the training part, reach on some pictures.

    Args:
        prepared: pictures, masks and split.
        model: the trained network.
        rows: which pictures.
        device: where to compute.
        part: what the verdict calls them.
        seed: of the baselines and the resampling.
        best: the baseline that was best on the validation part, where that is known.
    """
    dataset, pictures = prepared.dataset, prepared.pictures
    scoring = scoring_of(dataset)

    def score(predicted: object) -> list[PictureScore]:
        return scored(predicted, rows, prepared.masks, prepared.objects, dataset, scoring)  # type: ignore[arg-type]

    answers = pixel_scores(model.network, pictures, rows, prepared.preprocessing, device=device)
    ours = score(answer.argmax(axis=0).astype(np.uint8) for answer in answers)
    fitted = pixel_baselines(pictures, prepared.masks, prepared.rows("train"), dataset.classes, seed=seed)
    groups = None if dataset.groups is None else dataset.groups[rows]
    rivals = rival_scores(fitted, pictures, rows, score)
    return tell(ours, rivals, scoring, groups=groups, part=part, seed=seed, best=best)


def write_scores(folder: RunFolder, part: str, told: Told) -> None:
    """Write the table of a part: a row a picture, with its own figures."""
    write_text(folder.predictions(part), told.table.to_csv(index=False, lineterminator="\n"))


def read_scores(folder: RunFolder, part: str) -> pd.DataFrame:
    """Return the table that `write_scores` wrote."""
    return pd.read_csv(folder.predictions(part), dtype={"key": str})


def model_of(prepared: PreparedMasks, recipe: Recipe, learned: Learned) -> TrainedModel:
    """Return the trained network with all that is needed to use it."""
    dataset = prepared.dataset
    return TrainedModel(
        network=learned.network,
        architecture=recipe.model.name or "",
        arguments=recipe.model.arguments,
        task="segmentation",
        classes=dataset.classes,
        target="class of each pixel",
        target_scale=(0.0, 1.0),
        preprocessing=prepared.preprocessing,
        metadata={
            "epoch": learned.best.epoch,
            "seed": recipe.training.seed,
            "percept_version": __version__,
            "masks": meaning_to_json(dataset.meaning),
        },
    )
