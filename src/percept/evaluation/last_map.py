"""The last map of a classifier: what leads to it, what the scores make of it, and where its places lie."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn

from percept.errors import OptionError, PerceptError
from percept.evaluation.fusing import IDLE, Noting
from percept.evaluation.predict import evaluating
from percept.models.split import split_at
from percept.nn.geometry.windows import Windows
from percept.nn.receptive_field import receptive_fields

Centers = NDArray[np.float64]
Halves = tuple[nn.Module, nn.Module]


@dataclass(frozen=True)
class LastMap:
    """A network, cut behind the last map that still has places.

    Attributes:
        body: from (samples, channels, height, width) to the map, (samples, channels, rows, columns).
        head: from the map to (samples, classes) scores.
        centers: of the map's rows and of its columns, where in the picture each looks, pixels; pixel 0 lies at 0.
    """

    body: nn.Module
    head: nn.Module
    centers: tuple[Centers, Centers]


def find_last_map(network: nn.Module, example: Tensor) -> LastMap:
    """Return a classifier, cut behind its last map; poolings that only shrink it count as part of what follows.

    Args:
        network: stays as it is, and shares its layers with what is returned.
        example: (1, channels, height, width) a picture as the network takes it.

    Raises:
        OptionError: torch.fx cannot follow the network, or it makes no map of which all its scores are made.

    Source: Selvaraju et al. 2017, section 3: the last convolutional layer sees the most and still knows where.

    Example:
        >>> network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 2))
        >>> found = find_last_map(network, torch.zeros(1, 1, 8, 8))
        >>> found.body(torch.zeros(1, 1, 8, 8)).shape, found.centers[0].tolist()
        (torch.Size([1, 4, 6, 6]), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    """
    with evaluating(network), torch.no_grad():
        steps = _followed(network, example)
        maps = [node for node in steps.graph.nodes if node.op != "placeholder" and _places(node) > 1]
        cut = next((found for node in reversed(maps) if (found := _cut(network, node))), None)
        if cut is None:
            raise OptionError(
                f"{type(network).__name__} makes no map of the picture that all its scores come from, so there is no"
                " place to point at; expected a network with convolutions"
            )
        shape = cut[0](example).shape
    return LastMap(*cut, _centers(network, tuple(example.shape), tuple(shape[1:])))


def _followed(network: nn.Module, example: Tensor) -> fx.GraphModule:
    """Return the steps of a network with the shape of what each gives."""
    try:
        steps = fx.GraphModule(network, fx.Tracer().trace(network))
        Noting(steps).run(example)
    except Exception as error:  # whatever a network does that fx cannot follow
        raise OptionError(
            f"{type(network).__name__} cannot be followed step by step ({' '.join(str(error).split())}); expected a"
            " network whose steps do not depend on the picture's values"
        ) from error
    return steps


def _places(node: fx.Node) -> int:
    """Return how many places a step's map has; 0 where it gives none."""
    shape = node.meta.get("shape", ())
    return int(shape[2] * shape[3]) if len(shape) == 4 else 0


def _cut(network: nn.Module, node: fx.Node) -> Halves | None:
    """Return the network cut behind a step, or before the poolings that lead to it; None where it cannot be cut."""
    found = split_at(network, node)
    given: Any = node.args[0] if len(node.all_input_nodes) == 1 else None
    if found is None or not isinstance(given, fx.Node) or given.op == "placeholder" or not _pools(network, given, node):
        return found
    return _cut(network, given) or found


def _pools(network: nn.Module, given: fx.Node, made: fx.Node) -> bool:
    """Return whether a step only brings the places of a map together, or hands it on as dropout does."""
    layer = network.get_submodule(str(made.target)) if made.op == "call_module" else None
    if isinstance(layer, IDLE):
        return True
    if layer is not None and any(True for _ in layer.parameters()):
        return False
    before, after = given.meta.get("shape", ()), made.meta["shape"]
    return len(before) == 4 and before[1] == after[1] and 1 < _places(made) < _places(given)


def _centers(network: nn.Module, taken: tuple[int, ...], shape: tuple[int, ...]) -> tuple[Centers, Centers]:
    """Return where in the picture the rows and columns of a map look; spread evenly where that is not known."""
    try:
        layers = receptive_fields(network, taken[1:])
    except PerceptError:
        layers = ()
    field = next((layer.field for layer in reversed(layers) if layer.shape == shape), None)
    rows, columns = (
        _along(side, count, None if field is None else field.along[axis].windows)
        for axis, (side, count) in enumerate(zip(taken[2:], shape[1:], strict=True))
    )
    return rows, columns


def _along(side: int, count: int, windows: Windows | None) -> Centers:
    """Return where the places of a map look along one axis of the picture."""
    places = np.arange(count, dtype=np.float64)
    # beside gates such as squeeze-excite, through which each place sees everything, its own windows count
    first = None if windows is None or not windows.step else windows.first_center
    if windows is None or first is None:
        return (places + 0.5) * side / count - 0.5
    return float(first) + float(windows.stride) * places
