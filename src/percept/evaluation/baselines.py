"""What a network has to beat: the majority class or the mean, the nearest neighbors, and linear models."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import adaptive_avg_pool2d

from percept.data.dataset import Target
from percept.evaluation.picture_features import picture_features
from percept.evaluation.simple_models import (
    CHUNK,
    LINEAR,
    MANHATTAN,
    NEIGHBORS,
    SEARCH_ROWS,
    Reader,
    Rows,
    fit_and_predict,
)
from percept.evaluation.simple_models import Baseline as Baseline

Inputs = NDArray[np.uint8] | NDArray[np.float32]

SIDE = 32  # pixels a side that pictures are averaged down to at most
SIDE_OF_MANY = 16  # the same for more classes than MANY, each of which has weights of its own
MANY = 100
FEATURE_SIDE = 64  # the same for the hand-made features, which look at edges
FEATURE_ROWS = 5000  # training pictures that hand-made features are computed of, a millisecond or two each
LINEAR_NAME = "linear"


def baselines(inputs: Inputs, target: Target, train_rows: Rows, rows: Rows, *, seed: int = 0) -> dict[str, Baseline]:
    """Fit the simple models on the training rows and return their predictions for other rows.

    The number of neighbors and the penalty of the linear model are chosen by three-fold cross-validation inside the
    training rows, so the rows asked are as new to these models as they are to the network.

    Args:
        inputs: all samples, possibly memory-mapped: (samples, height, width, channels) uint8 pictures, or
            (samples, features) float32 rows as the network takes them, standardized.
        target: what is to be predicted, of all samples.
        train_rows: (t,) the samples to fit on, of at least two classes.
        rows: (n,) the samples to predict, 1 or more.
        seed: of the choice of samples where there are more than a model can take in seconds.

    Returns:
        By name: "majority" or "mean", "k-nearest neighbors", "linear"; for pictures also "k-NN, Manhattan" and
        "HOG and histograms". The weights of "linear" are of pixels: see `templates`.

    Source: notes §3.2.2 (linear classifier), §3.2.4 (k-nearest neighbors), §3.2.5 (hand-made features).
    """
    shuffled = np.random.default_rng(seed).permutation(train_rows)
    sample, task = shuffled[:SEARCH_ROWS], target.task
    features = _reader(inputs, sample, len(target.classes))
    found = {
        **_constant(target, train_rows, len(rows)),
        "k-nearest neighbors": fit_and_predict(NEIGHBORS[task], features, target, shuffled, rows),
        LINEAR_NAME: fit_and_predict(LINEAR[task], features, target, shuffled, rows),
    }
    if inputs.ndim == 4:
        near = fit_and_predict(MANHATTAN[task], features, target, shuffled, rows)
        found["k-NN, Manhattan"] = near
        found["HOG and histograms"] = _on_features(inputs, target, shuffled, rows)
    return found


def templates(baseline: Baseline, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return what a linear classifier of pixels looks for, one picture a class.

    Mid-grey is no weight; what is brighter speaks for the class where the picture is bright, what is darker against.

    Args:
        baseline: "linear" of `baselines`.
        shape: (height, width, channels) of the pictures that it was fitted on.

    Returns:
        (classes, height, width, channels) uint8, of at most 32 x 32 pixels.

    Raises:
        ValueError: the baseline has no weights.

    Source: notes §3.2.2: the score of a class is the inner product of the picture with its row of W.
    """
    if baseline.weights is None:
        raise ValueError("the baseline has no weights; expected the linear one of a classification")
    weights = baseline.weights.reshape(len(baseline.weights), shape[2], *_size(shape, len(baseline.weights)))
    scale = np.abs(weights).max(axis=(1, 2, 3), keepdims=True)
    shades = 127.5 * (1 + weights / np.where(scale > 0, scale, 1))
    return np.rint(shades).astype(np.uint8).transpose(0, 2, 3, 1)


def _constant(target: Target, train_rows: Rows, count: int) -> dict[str, Baseline]:
    """Return the baseline that looks at no input: the training shares of the classes, or the training mean."""
    truth = target.values[train_rows]
    if target.task == "regression":
        mean = float(truth.mean())
        return {"mean": Baseline(np.full(count, mean), f"always {mean:.4g}, the mean of the training samples")}
    shares = np.bincount(truth.astype(np.int64), minlength=len(target.classes)) / len(truth)
    note = f"always {target.classes[shares.argmax()]}, {shares.max():.1%} of the training samples"
    return {"majority": Baseline(np.tile(shares, (count, 1)), note)}


def _reader(inputs: Inputs, sample: Rows, classes: int) -> Reader:
    """Return the function that gives the simple models' (n, features) for rows of the inputs.

    Rows of a table are taken as they are. Pictures are averaged down and centered pixel by pixel, with one scale
    for all pixels, as a scale for each would blow up the noise of a border that hardly varies.
    """
    if inputs.ndim == 2:
        return lambda rows: np.asarray(inputs[rows], np.float32)
    size = _size(inputs.shape[1:], classes)
    shown = _flat(inputs, sample, size)
    mean, std = shown.mean(axis=0), float(shown.std()) or 1.0
    return lambda rows: (_flat(inputs, rows, size) - mean) / np.float32(std)


def _on_features(inputs: Inputs, target: Target, shuffled: Rows, rows: Rows) -> Baseline:
    """Return the linear model of the hand-made features, each standardized."""
    taken = shuffled[:FEATURE_ROWS]

    def read(wanted: Rows) -> NDArray[np.float32]:
        height, width = inputs.shape[1:3]
        size = (min(height, FEATURE_SIDE), min(width, FEATURE_SIDE))
        parts = [wanted[at : at + CHUNK] for at in range(0, len(wanted), CHUNK)]
        return np.concatenate([picture_features(_small(inputs, part, size)) for part in parts])

    shown = read(taken[: CHUNK // 4])
    mean, std = shown.mean(axis=0), shown.std(axis=0)
    std[std < 1e-6] = 1
    found = fit_and_predict(
        LINEAR[target.task], lambda wanted: (read(wanted) - mean) / std, target, taken, rows, len(shuffled)
    )
    return Baseline(found.predictions, f"a linear model of them, {found.note}")


def _size(shape: tuple[int, ...], classes: int) -> tuple[int, int]:
    """Return the height and width that pictures are averaged down to."""
    side = SIDE_OF_MANY if classes > MANY else SIDE
    return min(shape[0], side), min(shape[1], side)


def _flat(pictures: Inputs, rows: Rows, size: tuple[int, int]) -> NDArray[np.float32]:
    """Return pictures averaged down: (n, channels x pixels) float32 in [0, 255]."""
    parts = [_averaged(pictures, rows[at : at + CHUNK], size) for at in range(0, len(rows), CHUNK)]
    return torch.cat(parts).flatten(1).numpy()


def _small(pictures: Inputs, rows: Rows, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return pictures averaged down: (n, height, width, channels) uint8."""
    if size == pictures.shape[1:3]:
        return np.ascontiguousarray(pictures[rows], np.uint8)
    averaged: NDArray[np.uint8] = _averaged(pictures, rows, size).round().byte().permute(0, 2, 3, 1).numpy()
    return averaged


def _averaged(pictures: Inputs, rows: Rows, size: tuple[int, int]) -> torch.Tensor:
    """Return (n, channels, height, width) float32 in [0, 255]."""
    taken = torch.from_numpy(np.ascontiguousarray(pictures[rows]))
    return adaptive_avg_pool2d(taken.permute(0, 3, 1, 2).float(), size)
