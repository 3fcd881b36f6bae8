"""The sealed pictures with masks, opened: figures with intervals, a line in the ledger, the report written again."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from percept.data.masks.loading import load_masks, load_pictures
from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.data.sealed import check_sealed
from percept.data.split_file import read_splits
from percept.data.splits import Split
from percept.devices import choose_device, using_threads
from percept.errors import DataError, RunFolderError
from percept.models.file import TrainedModel, load_model
from percept.runs.folder import RunFolder
from percept.runs.ledger import Opening, append_opening, now, read_ledger
from percept.runs.recipe import Recipe
from percept.workflow.evaluate import Evaluation
from percept.workflow.report import read_findings, read_history
from percept.workflow.segmentation.finish import measure, read_scores, write_scores
from percept.workflow.segmentation.prepare import PreparedMasks, as_dataset, read_masks
from percept.workflow.segmentation.report import report_masks


def evaluate_masks(
    folder: RunFolder, recipe: Recipe, *, data: str | Path | None, device: str | None, threads: int | None
) -> Evaluation:
    """Open the sealed test part of a segmenter's run, and write that down.

    Args:
        folder: the run folder, finished, with a test part.
        recipe: its choices.
        data: where the data lie now, if they have moved.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps"; None for what is there.
        threads: threads of the CPU.

    Raises:
        RunFolderError: a file of the run is damaged.
        DataError: the data are gone or have changed.
    """
    chosen = choose_device(device or "auto")
    model, form = load_segmenter(folder, device=str(chosen))
    read_ledger(folder.ledger)  # what is damaged is found before the test set is opened, not after
    read_history(folder)
    read_scores(folder, "validation")
    prepared = reload_masks(recipe, folder, form, data)
    check_sealed(folder.splits, as_dataset(prepared.dataset))
    rows = prepared.rows("test")
    best = read_findings(folder)["validation"]["best_baseline"]
    with using_threads(threads):
        told = measure(prepared, model, rows, chosen, part="test", seed=recipe.training.seed, best=best)
    opening = Opening(
        number=len(read_ledger(folder.ledger)) + 1,  # another may have opened it meanwhile
        time=now(),
        samples=len(rows),
        model=hashlib.blake2b(folder.model.read_bytes(), digest_size=16).hexdigest(),
        figures=told.assessment.to_json()["figures"],
        verdict=told.assessment.verdict,
        baselines=told.assessment.to_json()["baselines"],
    )
    append_opening(folder.ledger, opening)
    write_scores(folder, "test", told)
    page = report_masks(folder, prepared, recipe, model)
    return Evaluation(opening.figures, opening.number, len(rows), opening.verdict, folder.ledger, page)


def load_segmenter(folder: RunFolder, device: str = "cpu") -> tuple[TrainedModel, PixelPreprocessing]:
    """Return the model of a finished run, and what its pictures are prepared by.

    Args:
        folder: the run.
        device: where the network goes.

    Raises:
        RunFolderError: the run's model is none for masks.
    """
    model = load_model(folder.model, device=device)
    if not isinstance(model.preprocessing, PixelPreprocessing):
        raise RunFolderError(f"{folder.model} is not the segmenter of this run; put back the file as it was")
    return model, model.preprocessing


def reload_run(folder: RunFolder) -> tuple[TrainedModel, PreparedMasks]:
    """Return the model of a finished run, and its pictures and masks in their parts.

    Args:
        folder: the run.

    Raises:
        RunFolderError: the run's model is none for masks.
        DataError: the data are gone.
    """
    model, form = load_segmenter(folder)
    return model, reload_masks(Recipe.read(folder.recipe), folder, form)


def reload_masks(
    recipe: Recipe, folder: RunFolder, preprocessing: PixelPreprocessing, data: str | Path | None = None
) -> PreparedMasks:
    """Return the pictures and masks of a finished run, in the parts that it put them in.

    Args:
        recipe: the run's choices.
        folder: the run.
        preprocessing: that of its model.
        data: where the data lie now, if they have moved.

    Raises:
        DataError: the data are gone.
        RunFolderError: they are other pictures than the run's.
    """
    where = recipe.data if data is None else recipe.data.model_copy(update={"path": str(Path(data).resolve())})
    if not Path(where.path or where.source).exists():
        raise DataError(f"{where.path or where.source} is gone; say where the data lie now with --data")
    dataset = replace(read_masks(where), white=preprocessing.white)
    parts = read_splits(folder.splits, dataset.keys)
    masks, objects = load_masks(dataset)
    split = Split(parts, np.full(len(parts), ""))
    pictures = load_pictures(dataset, preprocessing.channels)
    return PreparedMasks(recipe, dataset, split, preprocessing, pictures, masks, objects, ())
