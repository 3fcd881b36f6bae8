"""The sealed test set, opened: figures with intervals, a line in the ledger, the report written again."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from percept.data.dataset import Dataset, Target
from percept.data.split_file import read_splits
from percept.devices import choose_device, using_threads
from percept.errors import RunFolderError
from percept.models.file import load_model
from percept.runs.folder import RunFolder, open_run
from percept.runs.ledger import Opening, append_opening, now, read_ledger
from percept.runs.recipe import Recipe
from percept.workflow.assess import Figures, Predictions, assess, read_predictions, write_predictions
from percept.workflow.load import Predictor
from percept.workflow.report import read_findings, read_history, report
from percept.workflow.samples import network_inputs, reload
from percept.workflow.views import abstention_sentence, see, views_of


@dataclass(frozen=True)
class Evaluation:
    """What the test set said.

    Attributes:
        figures: {"accuracy": {"value": .., "low": .., "high": ..}, ...}, 95 % bootstrap intervals.
        opening: how many times the test set has been opened, this time included.
        samples: how many test samples there are.
        verdict: whether the network earned its place beside the baselines, in a sentence.
        ledger: the file of all openings.
        report: the report, written again with the test figures.
        said: sentences on several views of each picture, on dropout, and on answering only when sure.
    """

    figures: Figures
    opening: int
    samples: int
    verdict: str
    ledger: Path
    report: Path
    said: tuple[str, ...] = ()


def evaluate(
    run: str | Path,
    *,
    data: str | Path | None = None,
    tta: str | None = None,
    device: str | None = None,
    threads: int | None = None,
) -> Evaluation:
    """Open the sealed test set of a run, and write that down.

    Args:
        run: the run folder.
        data: where the data lie now, if they have moved.
        tta: views of each picture whose mean answer counts, such as "horizontal,crops"; None for those that the run was
            fitted with, "none" for the picture as it is.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps"; None for the CPU or GPU that is there.
        threads: threads of the CPU.

    Raises:
        RunFolderError: there is no finished run, or nothing is sealed in it.
        DataError: the data are gone or have changed.
        OptionError: there is no such view, or the samples have none.
    """
    folder = open_run(run)
    recipe = Recipe.read(folder.recipe)
    if recipe.data.test == "none":
        raise RunFolderError(
            f"{run} was fitted with --test none: there is nothing sealed to open; fit again without it,"
            " or use percept predict on new labelled data"
        )
    if recipe.data.task == "segmentation":
        from percept.workflow.segmentation.evaluate import evaluate_masks  # it builds on this file

        views_of(load_model(folder.model), tta)
        return evaluate_masks(folder, recipe, data=data, device=device, threads=threads)
    chosen = choose_device(device or "auto")
    model = load_model(folder.model, device=str(chosen))
    views = views_of(model, tta)
    read_ledger(folder.ledger)  # what is damaged is found before the test set is opened, not after
    read_history(folder)
    read_predictions(folder.predictions("validation"), model.task, model.classes)
    loaded = reload(recipe, folder, model.sample_preprocessing, data, sealed=True)
    parts = read_splits(folder.splits, loaded.dataset.keys)
    rows, train = np.flatnonzero(parts == "test"), np.flatnonzero(parts == "train")
    inputs = network_inputs(loaded, model.sample_preprocessing)
    with using_threads(threads):
        network = Predictor(model, chosen).ready_for(len(rows)).model.network
        seen = see(network, model, inputs, loaded.dataset, rows, views, recipe.training, device=chosen)
    predictions = _predictions(seen.scores, loaded.dataset, rows)
    beforehand = read_findings(folder)["validation"]["best_baseline"]
    seed, metric = recipe.training.seed, recipe.training.metric
    said = (*seen.said, *abstention_sentence(model, predictions, recipe.training.abstain))
    assessment = assess(predictions, inputs, loaded.dataset, train, rows, "test", seed, metric, best=beforehand)
    opening = Opening(
        number=len(read_ledger(folder.ledger)) + 1,  # another may have opened it meanwhile
        time=now(),
        samples=len(rows),
        model=hashlib.blake2b(folder.model.read_bytes(), digest_size=16).hexdigest(),
        figures=assessment.to_json()["figures"],
        verdict=assessment.verdict,
        baselines=assessment.to_json()["baselines"],
        tta=views,
        said=said,
    )
    append_opening(folder.ledger, opening)
    write_predictions(folder.predictions("test"), predictions, loaded.dataset.target)
    page = report(folder.path, loaded=loaded)
    return Evaluation(opening.figures, opening.number, len(rows), opening.verdict, folder.ledger, page, said)


def predict_part(folder: RunFolder, part: str) -> tuple[Predictions, Target]:
    """Return what a finished run's network says of one part of its data, and the target.

    Args:
        folder: the run.
        part: "train", "validation" or "test"; of the parts that a selection leaves out, the last.
    """
    recipe = Recipe.read(folder.recipe)
    device = choose_device(recipe.training.device or "cpu")
    model = load_model(folder.model, device=str(device))
    loaded = reload(recipe, folder, model.sample_preprocessing)
    rows = np.flatnonzero(read_splits(folder.splits, loaded.dataset.keys) == part)
    inputs = network_inputs(loaded, model.sample_preprocessing)
    seen = see(model.network, model, inputs, loaded.dataset, rows, model.views, recipe.training, device=device)
    return _predictions(seen.scores, loaded.dataset, rows), loaded.dataset.target


def _predictions(scores: NDArray[np.float64], dataset: Dataset, rows: NDArray[np.int64]) -> Predictions:
    return Predictions(tuple(dataset.keys[row] for row in rows), dataset.target.values[rows], scores)
