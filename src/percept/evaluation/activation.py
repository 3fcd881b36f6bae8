"""Where a classifier looked: what each place of its last map says for a class, and that laid out over the picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from percept.errors import DataError, OptionError
from percept.evaluation.last_map import Centers, LastMap, find_last_map
from percept.evaluation.predict import evaluating

Floats = NDArray[np.float32]
Method = Literal["auto", "cam", "grad-cam"]
METHODS = ("auto", "cam", "grad-cam")
BATCH = 32  # pictures whose maps are held at a time
SAME = 1e-3  # of the largest score: how far the mean over the places may lie from the score of the map


@dataclass(frozen=True)
class Activation:
    """Where a classifier looked in some pictures.

    Attributes:
        classes: (samples,) number of the class that each map speaks for.
        scores: (samples,) the network's score of that class.
        places: (samples, rows, columns) what each place of the last map says for it. By "cam" the score of a picture is
            their mean; by "grad-cam" they are the map's channels, weighted by the mean slope of the score.
        bias: (samples,) what a place without anything says; 0 by "grad-cam".
        method: how they were found, "cam" or "grad-cam".
        size: height and width of the pictures, pixels.
        centers: of the rows and columns of places, where in the picture each looks, pixels.
    """

    classes: NDArray[np.int64]
    scores: Floats
    places: Floats
    bias: Floats
    method: Literal["cam", "grad-cam"]
    size: tuple[int, int]
    centers: tuple[Centers, Centers]

    def evidence(self, height: int | None = None, width: int | None = None) -> Floats:
        """Return what speaks for the class over the whole picture, drawn at any size.

        Args:
            height: rows of the drawing; None for those of the picture that the network took.
            width: its columns.

        Returns:
            (samples, height, width), 0 where nothing speaks for the class or something against it. Between the centers
            of the places the values run straight; further out than the outermost places reach they run down to 0.
        """
        rows = _between(self.centers[0], self.size[0], height or self.size[0])
        columns = _between(self.centers[1], self.size[1], width or self.size[1])
        positive = np.maximum(self.places - self.bias[:, None, None], 0)
        drawn: Floats = rows @ positive @ columns.T
        return drawn


def activation_maps(
    network: nn.Module, inputs: Tensor, classes: Sequence[int] | None = None, *, method: Method = "auto"
) -> Activation:
    """Return where a classifier looked in pictures, to give a class its score.

    Where the score is the mean of what the network's head says of each place of the last map, as behind global average
    pooling, the map is exact: these are the very parts of the score. Elsewhere the channels of the last map are
    weighted by how the score changes with them, which for such a head comes to the same.

    Args:
        network: a classifier that torch.fx can follow; it is left as it is.
        inputs: (samples, channels, height, width) pictures as the network takes them, at least one.
        classes: (samples,) numbers of the classes to look for; None for those with the highest score.
        method: "cam" (exact, for averaging heads alone), "grad-cam" (for any), or "auto": "cam" where it is exact.

    Raises:
        OptionError: the network makes no map, the method is unknown or does not fit it, or there is no such class.
        DataError: the inputs are no pictures.

    Source: notes §3.5.3 and §3.6.4; Zhou et al. 2016, "Learning deep features for discriminative localization";
        Selvaraju et al. 2017, "Grad-CAM".

    Example:
        >>> body = nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        >>> found = activation_maps(nn.Sequential(*body, nn.Linear(4, 3)), torch.rand(2, 1, 8, 8), [0, 2])
        >>> found.method, found.places.shape, np.allclose(found.places.mean(axis=(1, 2)), found.scores, atol=1e-6)
        ('cam', (2, 6, 6), True)
    """
    if method not in METHODS:
        raise OptionError(f"method is {method!r}; expected one of {', '.join(METHODS)}")
    if inputs.ndim != 4 or not len(inputs):
        raise DataError(f"inputs are of shape {tuple(inputs.shape)}; expected (samples, channels, height, width)")
    with evaluating(network):
        found = find_last_map(network, inputs[:1])
        averages = method != "grad-cam" and _averages(found, inputs[:1])
        if method == "cam" and not averages:
            raise OptionError("the scores are no means over the places of the last map; take method='grad-cam'")
        parts = [
            _looked(
                found,
                inputs[start : start + BATCH],
                None if classes is None else classes[start : start + BATCH],
                exact=averages,
            )
            for start in range(0, len(inputs), BATCH)
        ]
    chosen, scores, places, bias = (torch.cat(each).cpu().numpy() for each in zip(*parts, strict=True))
    size = int(inputs.shape[2]), int(inputs.shape[3])
    return Activation(chosen, scores, places, bias, "cam" if averages else "grad-cam", size, found.centers)


@torch.no_grad()
def _averages(found: LastMap, example: Tensor) -> bool:
    """Return whether scores are the mean of what the head says of each place alone.

    A head that bends behind the pooling might do so for one map by chance, but not for its negative and its square too.
    """
    features = found.body(example)
    for each in (features, -features, features.square()):
        try:
            whole, alone = found.head(each), found.head(_apart(each[0]))
        except Exception:  # a head for maps of one size, such as flattening and a linear layer
            return False
        if whole.ndim != 2 or alone.shape != (features.shape[2] * features.shape[3], whole.shape[1]):
            return False
        if not (alone.mean(dim=0) - whole[0]).abs().max() <= SAME * alone.abs().max():
            return False
    return True


def _apart(features: Tensor) -> Tensor:
    """Return the places of a map, (channels, rows, columns), as maps of one place each."""
    return features.flatten(1).T[:, :, None, None]


def _looked(
    found: LastMap, inputs: Tensor, classes: Sequence[int] | None, *, exact: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the classes, their scores, the places and the bias of a batch."""
    with torch.no_grad():
        features = found.body(inputs)
    with torch.enable_grad():
        watched = features.detach().requires_grad_()
        outputs = found.head(watched.clone())  # its layers may work in place
        chosen = _chosen(outputs, classes)
        scores = outputs.gather(1, chosen[:, None])[:, 0]
        if not exact:
            (slopes,) = torch.autograd.grad(scores.sum(), watched)
            places = (slopes.mean(dim=(2, 3), keepdim=True) * features).sum(dim=1)
            return chosen, scores.detach(), places, torch.zeros_like(scores)
    with torch.no_grad():
        empty = found.head(torch.zeros_like(features[:1, :, :1, :1]))[0]
        said = [
            found.head(_apart(each))[:, number].view(each.shape[1:])
            for each, number in zip(features, chosen.tolist(), strict=True)
        ]
    return chosen, scores.detach(), torch.stack(said), empty[chosen]


def _chosen(outputs: Tensor, classes: Sequence[int] | None) -> Tensor:
    if outputs.ndim != 2:
        raise OptionError(f"the network gives values of shape {tuple(outputs.shape)}; expected (samples, classes)")
    if classes is None:
        return outputs.argmax(dim=1)
    wanted = torch.as_tensor(np.asarray(classes, np.int64), device=outputs.device)
    if len(wanted) != len(outputs) or wanted.min() < 0 or wanted.max() >= outputs.shape[1]:
        raise OptionError(
            f"classes are {list(classes)}; expected a number from 0 to {outputs.shape[1] - 1} for each picture"
        )
    return wanted


def _between(centers: Centers, side: int, drawn: int) -> Floats:
    """Return (drawn, places) how much of each place is in each pixel of a side that is drawn at another size.

    A place stands for the pixels up to half a step from its center; beyond the outermost ones nothing is known.
    """
    pixels = (np.arange(drawn) + 0.5) * side / drawn - 0.5
    shares = np.eye(len(centers))
    if len(centers) > 1:
        step, ends = centers[1] - centers[0], np.zeros((1, len(centers)))
        before, behind = centers[0] - step * np.array([1.5, 0.5]), centers[-1] + step * np.array([0.5, 1.5])
        centers = np.concatenate([before, centers, behind])
        shares = np.concatenate([ends, shares[:1], shares, shares[-1:], ends])
    return np.stack([np.interp(pixels, centers, each) for each in shares.T], axis=1).astype(np.float32)
