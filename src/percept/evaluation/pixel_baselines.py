"""What a segmenter has to beat: one class everywhere, a threshold on the grey level, and a linear model of filters."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from percept.data.objects import IGNORE

Pictures = Sequence[NDArray[np.uint8]]
Masks = Sequence[NDArray[np.uint8]]
Predict = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]

SCALES = (1.0, 2.0, 4.0)  # standard deviations of the filters, pixels
FITTED = 40_000  # training pixels that the linear model is fitted on
LOOKED_AT = 100  # training pictures that they are drawn from
STRIP = 2**20  # pixels whose filter responses are worked out together
REACH = 1 + round(4 * max(SCALES))  # pixels that a filter sees to each side: four deviations, and one for slopes


@dataclass(frozen=True)
class PixelBaseline:
    """A simple segmenter.

    Attributes:
        predict: from a picture (height, width, channels) to its classes (height, width).
        note: how it was fitted.
    """

    predict: Predict
    note: str


def pixel_baselines(
    pictures: Pictures, masks: Masks, rows: NDArray[np.int64], classes: tuple[str, ...], *, seed: int = 0
) -> dict[str, PixelBaseline]:
    """Fit the simple segmenters on training pictures.

    Args:
        pictures: all, each (height, width, channels) uint8.
        masks: all, each (height, width) class numbers, `IGNORE` where nothing is known.
        rows: the training pictures.
        classes: names of the classes.
        seed: of the choice of pixels.

    Returns:
        By name: "majority", "grey level", "linear on filters".

    Source: notes §3.1 (local linear filters), §3.2.2 (linear classifier); Otsu 1979 for the thought of a threshold.
    """
    counts = np.zeros((256, len(classes)), np.int64)
    for row in rows:
        known = masks[row] != IGNORE
        pairs = _grey(pictures[row])[known].astype(np.int64) * len(classes) + masks[row][known]
        counts += np.bincount(pairs, minlength=counts.size).reshape(counts.shape)
    return {
        "majority": _majority(counts, classes),
        "grey level": _threshold(counts, classes) if len(classes) == 2 else _levels(counts, classes),
        "linear on filters": _linear(pictures, masks, rows, classes, seed),
    }


def filter_responses(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return what classical filters say of each pixel: (height, width, features).

    The picture itself, and at each of `SCALES` its Gaussian blur, the length of its gradient, its Laplacian, and the
    larger and smaller curvature; borders are mirrored.

    Args:
        picture: (height, width, channels) uint8; the filters see its grey level, the colors are features too.

    Source: notes §3.1.
    """
    grey = picture.mean(axis=2, dtype=np.float32)
    found = [picture.astype(np.float32), grey[..., None]] if picture.shape[2] > 1 else [grey[..., None]]
    for scale in SCALES:
        blurred = ndimage.gaussian_filter(grey, scale)
        down, right = np.gradient(blurred) if min(grey.shape) > 1 else (np.zeros_like(blurred),) * 2
        down2, right2, mixed = (ndimage.gaussian_filter(grey, scale, order=order) for order in ((2, 0), (0, 2), (1, 1)))
        half, spread = (down2 + right2) / 2, np.hypot((down2 - right2) / 2, mixed)
        found.append(np.stack([blurred, np.hypot(down, right), half + spread, half - spread, down2 + right2], axis=2))
    return np.concatenate(found, axis=2).astype(np.float32)


def _grey(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey: NDArray[np.uint8] = np.rint(picture.mean(axis=2)).astype(np.uint8)
    return grey


def _majority(counts: NDArray[np.int64], classes: tuple[str, ...]) -> PixelBaseline:
    pixels = counts.sum(axis=0)
    most = int(pixels.argmax())
    share = pixels[most] / max(1, pixels.sum())
    note = f"always {classes[most]}, {share:.1%} of the training pixels"
    return PixelBaseline(lambda picture: np.full(picture.shape[:2], most, np.uint8), note)


def _threshold(counts: NDArray[np.int64], classes: tuple[str, ...]) -> PixelBaseline:
    """Return the threshold, and its side, with the largest mean IoU on the training pixels."""
    below = np.concatenate([[[0, 0]], counts.cumsum(axis=0)])  # (257, classes) pixels darker than each level
    total = below[-1]
    best: tuple[float, int, int] = (-1.0, 0, 0)
    for bright in (0, 1):  # the class of the bright side
        dark = 1 - bright
        right_dark, right_bright = below[:, dark], total[bright] - below[:, bright]
        with np.errstate(invalid="ignore", divide="ignore"):
            overlaps = [
                right_dark / (total[dark] + below[:, bright]),
                right_bright / (total[bright] + total[dark] - below[:, dark]),
            ]
            scores = np.nan_to_num(np.mean(overlaps, axis=0))
        level = int(scores.argmax())
        best = max(best, (float(scores[level]), level, bright))
    _, level, bright = best
    table = np.where(np.arange(256) >= level, bright, 1 - bright).astype(np.uint8)
    note = f"{classes[bright]} where the grey level is {level} or more, the threshold of the largest mean IoU"
    return PixelBaseline(lambda picture: table[_grey(picture)], f"{note} on the training pixels")


def _levels(counts: NDArray[np.int64], classes: tuple[str, ...]) -> PixelBaseline:
    smooth = ndimage.gaussian_filter1d(counts.astype(np.float64), 2.0, axis=0)
    table = smooth.argmax(axis=1).astype(np.uint8)
    note = "each grey level its most frequent class among the training pixels"
    return PixelBaseline(lambda picture: table[_grey(picture)], note)


def _linear(
    pictures: Pictures, masks: Masks, rows: NDArray[np.int64], classes: tuple[str, ...], seed: int
) -> PixelBaseline:
    generator = np.random.default_rng(seed)
    looked_at = np.sort(generator.permutation(rows)[:LOOKED_AT])
    features, truth = (
        np.concatenate(part) for part in zip(*_drawn(pictures, masks, looked_at, generator), strict=True)
    )
    if len(np.unique(truth)) < 2:
        only = int(truth[0]) if len(truth) else 0
        note = f"always {classes[only]}: no other class occurs among the training pixels drawn"
        return PixelBaseline(lambda picture: np.full(picture.shape[:2], only, np.uint8), note)
    model: Any = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    with warnings.catch_warnings(), threadpool_limits(1, "blas"):
        warnings.simplefilter("ignore", ConvergenceWarning)  # enough for a baseline
        model.fit(features, truth)

    def predict(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        strips = (model.predict(each.reshape(-1, each.shape[2])) for each in _strips(picture))
        answers: NDArray[np.uint8] = np.concatenate(list(strips)).astype(np.uint8)
        return answers.reshape(picture.shape[:2])

    note = f"logistic regression on {features.shape[1]} filter responses, fitted on {len(truth):,} training pixels"
    return PixelBaseline(predict, note)


def _drawn(
    pictures: Pictures, masks: Masks, rows: NDArray[np.int64], generator: np.random.Generator
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.uint8]]]:
    """Yield filter responses and classes of known pixels, as many from each picture."""
    share = -(-FITTED // max(1, len(rows)))
    for row in rows:
        known = np.flatnonzero(masks[row] != IGNORE)
        pixels = np.sort(generator.permutation(known)[:share]) if len(known) > share else known
        first = 0
        for strip in _strips(pictures[row]):
            responses = strip.reshape(-1, strip.shape[2])
            here = pixels[(pixels >= first) & (pixels < first + len(responses))]
            yield responses[here - first], masks[row].ravel()[here]
            first += len(responses)


def _strips(picture: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
    """Yield the filter responses of a picture in strips of rows, the same as of the whole, so that none is large."""
    height, width = picture.shape[:2]
    rows = max(1, STRIP // width)
    for start in range(0, height, rows):
        above, end = min(start, REACH), min(start + rows, height)
        responses = filter_responses(picture[start - above : end + REACH])
        yield responses[above : above + end - start]
