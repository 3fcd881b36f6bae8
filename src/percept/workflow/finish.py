"""The end of a run: predictions of the validation part, figures beside baselines, the model file, the report."""

import platform
from collections.abc import Generator, Mapping
from dataclasses import asdict
from importlib.metadata import version

from percept.models.file import TrainedModel, save_model
from percept.runs.folder import RunFolder
from percept.runs.ledger import now
from percept.runs.recipe import Recipe
from percept.training.curves import loss_by_chance, more_accurate, read_curves
from percept.version import __version__
from percept.workflow.assess import Assessment, Predictions, assess, write_json, write_predictions
from percept.workflow.audit import audit_samples
from percept.workflow.choose import assess_out_of_fold
from percept.workflow.chosen import Chosen
from percept.workflow.events import Event, Note
from percept.workflow.learn import Learned
from percept.workflow.machine import Machine
from percept.workflow.objective import scaled_targets
from percept.workflow.prepare import Prepared
from percept.workflow.report import FORMAT_VERSION, report
from percept.workflow.trust import trust_metadata
from percept.workflow.views import abstention_sentence, see

PACKAGES = ("torch", "accelerate", "scikit-learn", "numpy", "pandas", "pillow")


def finish(
    prepared: Prepared,
    recipe: Recipe,
    folder: RunFolder,
    machine: Machine,
    learned: Learned,
    command: str,
    chosen: Chosen | None = None,
) -> Generator[Event, None, None]:
    """Write everything that a finished run holds; the checkpoint goes last, so that a killed finish is done again.

    Args:
        prepared: samples, split and preprocessing.
        recipe: every choice.
        folder: the run folder.
        machine: where the network lies.
        learned: what training left.
        command: what the user typed.
        chosen: the selection that the network comes from, whose out-of-fold figures are then the run's; or None.
    """
    dataset, way = prepared.loaded.dataset, ""
    said: tuple[str, ...] = ()
    if chosen is None:
        yield Note("measuring the network and its baselines on the validation part")
        predictions, assessment, said = _validated(prepared, recipe, machine, learned)
        if recipe.training.metric in (None, "loss"):
            said = (*said, *more_accurate(learned.history, learned.best.epoch, len(prepared.rows("validation"))))
        yield from map(Note, said)
    else:
        yield Note("measuring the baselines out of fold, as the networks were")
        predictions, assessment, way = assess_out_of_fold(prepared, chosen)
    white = getattr(prepared.preprocessing, "white", 65535)
    findings = audit_samples(prepared.loaded, white)
    write_predictions(folder.predictions("validation"), predictions, dataset.target)
    write_json(
        folder.findings,
        {
            "format_version": FORMAT_VERSION,
            "created": now(),
            "command": command,
            "notes": [*dataset.notes, *prepared.notes],
            "audit": [asdict(finding) for finding in findings],
            "chosen_epoch": learned.best.epoch,
            "health": learned.checked.warnings,
            "signal": learned.checked.signal,
            "fit": _fit_in_words(prepared, learned),
            "validation": {**assessment.to_json(), "said": said},
            "out_of_fold": way,
            "versions": {
                "percept": __version__,
                "python": platform.python_version(),
                **{package: version(package) for package in PACKAGES},
            },
            "machine": {"system": platform.system(), "processor": platform.machine()},
        },
    )
    kept = trust_metadata(predictions, recipe.training.abstain) if recipe.training.abstain is not None else {}
    if recipe.training.abstain is not None and "abstain_below" not in kept:
        yield Note(f"no probability keeps to an error of {recipe.training.abstain:g}: every sample is answered")
    model = _model(prepared, recipe, learned, kept)
    yield from map(Note, abstention_sentence(model, predictions, recipe.training.abstain))
    save_model(folder.model, model)
    if recipe.data.parts_file is None:  # runs of a selection's parts may be hundreds; percept report draws one's
        report(folder.path, loaded=prepared.loaded)
    folder.drop_checkpoint()


def _validated(
    prepared: Prepared, recipe: Recipe, machine: Machine, learned: Learned
) -> tuple[Predictions, Assessment, tuple[str, ...]]:
    """Return the network's predictions of the validation part, their figures beside the baselines', and what to say."""
    dataset, rows, training = prepared.loaded.dataset, prepared.rows("validation"), recipe.training
    model = _model(prepared, recipe, learned, {})
    data, where = (prepared.inputs, dataset, rows), machine.accelerator.device
    seen = see(model.network, model, *data, model.views, training, device=where, precision=machine.precision)
    predictions = Predictions(tuple(dataset.keys[row] for row in rows), dataset.target.values[rows], seen.scores)
    train = prepared.rows("train")
    assessment = assess(
        predictions, prepared.inputs, dataset, train, rows, "validation", training.seed, training.metric
    )
    return predictions, assessment, seen.said


def _fit_in_words(prepared: Prepared, learned: Learned) -> str:
    """Return what the curves say of the fit; "" where there are none."""
    if not learned.history:
        return ""
    targets = scaled_targets(prepared.loaded.dataset.target, learned.target_scale)
    return read_curves(learned.history, loss_by_chance(targets[prepared.rows("train")])).sentence


def _model(prepared: Prepared, recipe: Recipe, learned: Learned, kept: Mapping[str, float]) -> TrainedModel:
    target, training = prepared.loaded.dataset.target, recipe.training
    views = {"views": training.views} if training.views else {}
    return TrainedModel(
        network=learned.network,
        architecture=recipe.model.name or "",
        arguments=recipe.model.arguments,
        task=target.task,
        classes=target.classes,
        target=target.name,
        target_scale=learned.target_scale,
        preprocessing=prepared.preprocessing,
        metadata={
            "epoch": learned.best.epoch,
            "seed": training.seed,
            "percept_version": __version__,
            **views,
            **kept,
        },
    )
