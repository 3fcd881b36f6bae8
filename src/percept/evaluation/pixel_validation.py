"""What a segmenter reaches on pictures held out of training: the figures that an epoch is judged by."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax
from torch import nn

from percept.data.objects import IGNORE
from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.devices import Precision
from percept.evaluation.pixel_scores import pixel_scores
from percept.evaluation.regions import pixel_confusion, region_figures

FIGURES = ("mean_iou", "mean_dice", "pixel_accuracy")


def validation_figures(
    network: nn.Module,
    pictures: Sequence[NDArray[np.uint8]],
    masks: Sequence[NDArray[np.uint8]],
    rows: NDArray[np.int64],
    classes: Sequence[str],
    preprocessing: PixelPreprocessing,
    *,
    device: torch.device,
    precision: Precision = "float32",
) -> dict[str, float]:
    """Return mean IoU, mean Dice and accuracy of some pictures, and cross-entropy a pixel as "loss".

    Args:
        network: as it is now, on `device`.
        pictures: (height, width, channels) of each, of any sizes.
        masks: (height, width) class numbers of each; pixels that are `IGNORE` do not count.
        rows: which pictures.
        classes: names of the classes.
        preprocessing: that of the model.
        device: where to compute.
        precision: what to compute in.

    Source: notes §3.6.1.
    """
    confusions, surprise, known = [], 0.0, 0
    answers = pixel_scores(network, pictures, rows, preprocessing, device=device, precision=precision)
    for row, scores in zip(rows.tolist(), answers, strict=True):
        truth = masks[row]
        confusions.append(pixel_confusion(truth, scores.argmax(axis=0), len(classes)))
        inside = truth != IGNORE
        chances = log_softmax(scores[:, inside], axis=0)
        surprise -= float(np.take_along_axis(chances, truth[inside].astype(np.int64)[None], axis=0).sum())
        known += int(inside.sum())
    return epoch_figures(np.stack(confusions), surprise / max(known, 1), classes)


def epoch_figures(confusions: NDArray[np.int64], loss: float, classes: Sequence[str]) -> dict[str, float]:
    """Return the figures that an epoch is judged by.

    Args:
        confusions: (pictures, classes, classes) pixels: row the true class, column the predicted one.
        loss: cross-entropy of the known pixels.
        classes: their names.
    """
    found = region_figures(confusions, classes, np.ones((len(confusions), 1)))
    return {"loss": loss, **{name: float(np.nan_to_num(found[name][0])) for name in FIGURES}}
