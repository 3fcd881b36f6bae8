"""What the report shows of learning from few pictures: what augmentation makes of them, and the range of rates."""

import io
import math

import numpy as np
from PIL import Image

from percept.data.split_file import read_splits
from percept.report.contact_sheet import augmentation_sheet
from percept.report.content import Augmented, RateRange
from percept.runs.folder import RunFolder
from percept.runs.recipe import TrainingRecipe
from percept.workflow.augment import augmentation_layer, in_words
from percept.workflow.learning_rate import read_rates
from percept.workflow.report_data import spread
from percept.workflow.samples import Loaded

ROWS, VERSIONS = 6, 6  # pictures on the sheet, and how often each is augmented


def augmented_samples(
    folder: RunFolder, training: TrainingRecipe, loaded: Loaded | None, seed: int
) -> Augmented | None:
    """Return a sheet of training pictures with what augmentation makes of them; None where nothing is done to them.

    Args:
        folder: the run.
        training: its choices.
        loaded: its samples; None where they are gone.
        seed: of the draws.
    """
    if loaded is None or loaded.inputs is None:
        return None
    rows = np.flatnonzero(read_splits(folder.splits, loaded.dataset.keys) == "train")
    sheet = augmentation_of_rows(loaded, rows, training, seed=seed)
    return None if sheet is None else sheet_section(sheet, training)


def sheet_section(sheet: Image.Image, training: TrainingRecipe) -> Augmented:
    """Return what the report shows of an augmentation.

    Args:
        sheet: pictures beside augmented versions.
        training: the recipe's section, with what its augmentations come to.
    """
    file = io.BytesIO()
    sheet.save(file, "WEBP", quality=85)
    mixed = {"mixup": training.mixup, "cutmix": training.cutmix}
    after = [f"{name} with alpha {alpha:g}" for name, alpha in mixed.items() if alpha]
    more = f"; after it pairs are mixed by {' or '.join(after)}" if after else ""
    return Augmented(
        f"The augmentation {training.augment or 'none'} came to {in_words(training)}{more}", file.getvalue()
    )


def augmentation_of_rows(
    loaded: Loaded,
    rows: np.ndarray[tuple[int], np.dtype[np.int64]],
    training: TrainingRecipe,
    *,
    seed: int,
    pictures: int = ROWS,
    versions: int = VERSIONS,
) -> Image.Image | None:
    """Return a sheet of some of these pictures, as many of one class as of another, beside augmented versions.

    Args:
        loaded: the samples.
        rows: those to choose from.
        training: what augmentation came to.
        seed: of the draws.
        pictures: how many.
        versions: how many of each.
    """
    target = loaded.dataset.target
    layer = augmentation_layer(training, target.classes)
    if layer is None or loaded.inputs is None or not len(rows):
        return None
    labels = target.values.astype(np.int64) if target.classes else np.zeros(len(target.values), np.int64)
    by_class = [rows[labels[rows] == number] for number in np.unique(labels[rows])]
    first = [number for name in training.class_augmentations or {} for number in [target.classes.index(name)]]
    by_class.sort(key=lambda members: labels[members[0]] not in first)  # classes with their own augmentation come first
    by_class = by_class[:pictures]
    each = -(-pictures // len(by_class))
    chosen = np.array([members[at] for members in by_class for at in spread(len(members), each)])[:pictures]
    names = [target.classes[labels[row]] if target.classes else f"{target.values[row]:.4g}" for row in chosen]
    return augmentation_sheet(
        np.asarray(loaded.inputs[chosen]), layer, labels=labels[chosen], names=names, versions=versions, seed=seed
    )


def rate_range(folder: RunFolder) -> RateRange | None:
    """Return what a run's range test measured; None where there was none.

    Args:
        folder: the run.
    """
    if not folder.rates.exists():
        return None
    curve = read_rates(folder)
    suggested = None if math.isnan(curve.suggested) else curve.suggested
    return RateRange(
        tuple(curve.rates.tolist()),
        tuple(curve.losses.tolist()),
        tuple(curve.smoothed.tolist()),
        suggested,
        curve.sentence,
    )
