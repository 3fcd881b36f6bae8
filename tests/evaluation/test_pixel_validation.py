import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, jaccard_score, log_loss
from torch import nn

from percept.data.objects import IGNORE
from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.evaluation.pixel_validation import validation_figures


def test_the_figures_are_scikit_learns_over_all_known_pixels() -> None:
    torch.manual_seed(0)
    draw = np.random.default_rng(0)
    network = nn.Conv2d(1, 3, 1)
    shapes = [(9, 7), (8, 8), (5, 11)]
    pictures = [draw.integers(0, 256, (*shape, 1), dtype=np.uint8) for shape in shapes]
    masks = [draw.choice(np.array([0, 1, 2, IGNORE], np.uint8), shape) for shape in shapes]
    form = PixelPreprocessing(1, (0.5,), (0.2,))
    rows = np.array([2, 0])
    found = validation_figures(network, pictures, masks, rows, "abc", form, device=torch.device("cpu"))

    with torch.no_grad():
        scores = [network(form.tensor(pictures[row][None]))[0].double().softmax(0).flatten(1).T.numpy() for row in rows]
    truth = np.concatenate([masks[row].ravel() for row in rows])
    known, chances = truth != IGNORE, np.concatenate(scores)
    told, right = chances.argmax(axis=1)[known], truth[known]
    assert found == pytest.approx(
        {
            "loss": log_loss(right, chances[known].astype(np.float64), labels=[0, 1, 2]),
            "mean_iou": jaccard_score(right, told, average="macro"),
            "mean_dice": f1_score(right, told, average="macro"),
            "pixel_accuracy": accuracy_score(right, told),
        },
        rel=1e-5,
    )
