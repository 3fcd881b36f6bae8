"""Masks of new samples: what `percept predict` writes where the model gives a class for every pixel."""

from collections.abc import Callable, Sequence
from pathlib import Path

from percept.evaluation.pixel_scores import TILES
from percept.models.file import TrainedModel
from percept.workflow.picture_files import folder_of, picture_paths
from percept.workflow.predict_options import PredictOptions
from percept.workflow.segmentation.counting import counting_of
from percept.workflow.segmentation.predict import PictureMask, Wanted, predict_masks


def write_masks(
    model: TrainedModel,
    samples: Sequence[Path],
    out: str | Path | None,
    options: PredictOptions,
    *,
    say: Callable[[str], None],
    progress: Callable[[float, int], None] | None = None,
) -> list[PictureMask]:
    """Write the classes of every pixel of pictures, each as STEM.png with an overlay beside it; see `predict`.

    Args:
        model: a trained segmenter.
        samples: pictures, or folders of pictures.
        out: the folder of the masks.
        options: what is asked for.
        say: told of pictures that are left out.
        progress: told how many pictures are done, parts of one included, and of how many.
    """
    wanted = Wanted(
        mask_folder(out),
        probabilities=options.probabilities,
        counting=counting_of(model, options.count, options.threshold, options.distance),
        memory=options.memory or TILES,
        resume=options.resume,
    )
    return predict_masks(
        *(model, picture_paths(samples), wanted),
        device=options.device,
        threads=options.threads,
        skip_unreadable=options.skip_unreadable,
        say=say,
        progress=progress or (lambda done, total: None),
    )


def mask_folder(out: str | Path | None) -> Path:
    """Return the folder that masks go to.

    Raises:
        OptionError: none is named, or a file is.
    """
    return folder_of(out, "the model gives a class for every pixel", "masks")
