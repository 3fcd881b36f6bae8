"""The report of a segmenter's run written again."""

from pathlib import Path

from percept.errors import PerceptError
from percept.runs.folder import RunFolder
from percept.runs.recipe import Recipe
from percept.workflow.segmentation.evaluate import load_segmenter, reload_masks
from percept.workflow.segmentation.report import report_masks


def rewrite_report(folder: RunFolder, recipe: Recipe, data: str | Path | None) -> Path:
    """Write the report of a segmenter's run again; without the data it has no pictures.

    Args:
        folder: the run.
        recipe: its choices.
        data: where the data lie now, if they have moved.

    Returns:
        Where the report lies.

    Raises:
        RunFolderError: the run's model is none for masks.
    """
    model, form = load_segmenter(folder)
    try:
        prepared = reload_masks(recipe, folder, form, data)
    except PerceptError:
        if data is not None:
            raise
        prepared = None
    return report_masks(folder, prepared, recipe, model)
