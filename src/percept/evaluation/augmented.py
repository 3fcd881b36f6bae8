"""Test-time augmentation: the mean of what a network says of several views of a picture, and what it costs."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import isnan
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from percept.devices import Precision
from percept.errors import OptionError
from percept.evaluation.intervals import paired_difference
from percept.evaluation.metrics import Metric
from percept.evaluation.predict import BATCH, Preprocessing, outputs, probabilities

View = Callable[[Tensor], Tensor]
"""From pictures to pictures of the same size: (samples, channels, height, width), as the network takes them."""

CROP = 0.875
"""Share of the sides that a crop keeps: 224 of 256 pixels, as Krizhevsky et al. took them."""
CORNERS = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.5))
"""Where five crops lie: of what is left over, the share above them and to their left."""


def as_it_is(pictures: Tensor) -> Tensor:
    """Return the pictures."""
    return pictures


def rotated(pictures: Tensor, *, quarters: int) -> Tensor:
    """Return pictures rotated counterclockwise by quarters of a turn; height and width change places at odd ones."""
    return torch.rot90(pictures, quarters, (2, 3))


def cropped(pictures: Tensor, *, share: float, at: tuple[float, float]) -> Tensor:
    """Return a part of each picture, enlarged to the size of the whole.

    Args:
        pictures: (samples, channels, height, width).
        share: of height and width that is kept, in (0, 1].
        at: of the rows and columns that are left over, the share above and to the left, in [0, 1].
    """
    height, width = pictures.shape[2:]
    rows, columns = (max(1, round(share * side)) for side in (height, width))
    top, left = (round(place * rest) for place, rest in zip(at, (height - rows, width - columns), strict=True))
    part = pictures[:, :, top : top + rows, left : left + columns]
    return functional.interpolate(part, (height, width), mode="bilinear", antialias=True)


def reduced(pictures: Tensor, *, share: float) -> Tensor:
    """Return pictures reduced to a share of their sides, their border continued outwards to the size of the whole."""
    height, width = pictures.shape[2:]
    rows, columns = (max(1, round(share * side)) for side in (height, width))
    small = functional.interpolate(pictures, (rows, columns), mode="bilinear", antialias=True)
    top, left = (height - rows) // 2, (width - columns) // 2
    return functional.pad(small, (left, width - columns - left, top, height - rows - top), mode="replicate")


VIEWS: dict[str, tuple[View, ...]] = {
    "horizontal": (partial(torch.flip, dims=(3,)),),
    "vertical": (partial(torch.flip, dims=(2,)),),
    "rotations": tuple(partial(rotated, quarters=quarters) for quarters in (1, 2, 3)),
    "crops": tuple(partial(cropped, share=CROP, at=corner) for corner in CORNERS),
    "scales": (partial(cropped, share=CROP, at=(0.5, 0.5)), partial(reduced, share=CROP)),
}
"""Views by name, each beside the picture as it is: flips, quarter turns, five crops, and one size up and down."""


def views_named(names: str) -> tuple[View, ...]:
    """Return the views of some names; the picture as it is comes first.

    Args:
        names: keys of `VIEWS`, joined by commas; "" for the picture alone.

    Raises:
        OptionError: a name is unknown.

    Source: notes §3.4.1 (test time augmentation); Krizhevsky, Sutskever & Hinton 2012, section 4.1 (crops and flips).

    Example:
        >>> len(views_named("horizontal,crops"))
        7
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in VIEWS:
            raise OptionError(f"tta is {names!r}; expected {', '.join(VIEWS)}, one or several joined by commas")
    return (as_it_is, *(view for name in dict.fromkeys(wanted) for view in VIEWS[name]))


@dataclass(frozen=True)
class Viewed:
    """A preprocessing after which a view is taken.

    Attributes:
        preprocessing: that of the model.
        view: the view.
    """

    preprocessing: Preprocessing
    view: View

    def tensor(self, samples: NDArray[Any], device: torch.device, /) -> Tensor:
        """Return the view of these samples."""
        return self.view(self.preprocessing.tensor(samples, device))


@dataclass(frozen=True)
class Augmented:
    """What a network says of the views of some pictures.

    Attributes:
        outputs: (views, samples, outputs) raw; the first are of the pictures as they are.
        seconds: time that each view took.
    """

    outputs: NDArray[np.float32]
    seconds: tuple[float, ...]

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Return (samples, classes): the mean over the views."""
        return np.asarray(np.mean([probabilities(each) for each in self.outputs], axis=0))

    @property
    def single(self) -> NDArray[np.float64]:
        """Return (samples, classes) of the pictures as they are."""
        return probabilities(self.outputs[0])

    @property
    def cost(self) -> float:
        """Return how many times as long the views took as the pictures as they are."""
        return sum(self.seconds) / self.seconds[0]


def augmented(
    network: nn.Module,
    inputs: NDArray[np.uint8] | NDArray[np.float32],
    rows: NDArray[np.int64],
    preprocessing: Preprocessing,
    views: Sequence[View],
    *,
    device: torch.device,
    precision: Precision = "float32",
    batch_size: int = BATCH,
) -> Augmented:
    """Return a network's outputs for several views of some pictures; it is left in the mode it was in.

    Args:
        network: lies on `device`.
        inputs: all samples, as in `percept.evaluation.predict.outputs`.
        rows: (n,) which samples, in which order.
        preprocessing: that of the model.
        views: at least one, the picture as it is first; from `views_named`, or any others.
        device: where to compute.
        precision: what to compute in.
        batch_size: samples a forward pass, 1 or more.

    Source: notes §3.4.1 (test time augmentation).
    """
    made, seconds = [], []
    for view in views:
        begun = time.perf_counter()
        form = Viewed(preprocessing, view)
        made.append(outputs(network, inputs, rows, form, device=device, precision=precision, batch_size=batch_size))
        seconds.append(time.perf_counter() - begun)
    return Augmented(np.stack(made), tuple(seconds))


def gain_sentence(
    found: Augmented, truth: NDArray[Any], metric: Metric, *, groups: NDArray[np.int64] | None = None, seed: int = 0
) -> str:
    """Return one sentence on what the views brought and what they cost.

    Args:
        found: what the network says.
        truth: (samples,) class numbers.
        metric: see `percept.evaluation.metrics.metric_named`.
        groups: (samples,) group numbers, as in `paired_difference`.
        seed: of the resampling.
    """
    cost = f"{len(found.outputs)} views of each picture take {found.cost:.1f} times as long as one"
    name = metric.name.replace("_", " ")
    before, after = metric.measure(truth, found.single), metric.measure(truth, found.probabilities)
    change = f"{name} {after:.3g} against {before:.3g} of the picture as it is"
    difference = paired_difference(truth, found.probabilities, found.single, metric, groups=groups, seed=seed)
    sign = 1 if metric.higher_is_better else -1
    low, high = sorted((sign * difference.low, sign * difference.high))
    if isnan(low):
        return f"{cost}: {change}; there are too few samples to say more."
    interval = f"gain {sign * difference.value:.3g}, 95 % interval {low:.3g} to {high:.3g}"
    worth = "they are better beyond chance" if low > 0 else "they are worse" if high < 0 else "that may be chance"
    return f"{cost}: {change} ({interval}); {worth}."
