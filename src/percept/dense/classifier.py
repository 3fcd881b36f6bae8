"""From a classifier of patches to a network with an answer for every position of a picture."""

from collections.abc import Sequence

from torch import nn

from percept.dense.fusion import fused
from percept.dense.network import DenseNetwork, Method, Semantics
from percept.dense.plan import Plan, planned
from percept.dense.reading import channels_of, read_steps
from percept.errors import OptionError

METHODS = ("auto", "atrous", "shift-and-stitch")
MEANINGS = {
    "patch": "each answer is that of the classifier on its patch, with zeros around every patch",
    "image": "zeros lie around the picture alone",
    "plane": "there are no zeros inside: what lies beyond a patch is the picture's real context",
}
"""What an answer of a network with padding inside can mean."""


def densify(
    network: nn.Module,
    patch: int | Sequence[int],
    method: Method = "auto",
    semantics: Semantics | None = None,
    *,
    channels: int | None = None,
) -> DenseNetwork:
    """Return a patch classifier as a network with an answer for every position of a picture.

    Every answer is exact: for a network without padding it is what the classifier says of the patch there. A network
    with padding inside needs a meaning, of which three are possible.

    Args:
        network: a classifier that torch.fx can follow, from (samples, channels, height, width) to (samples, classes);
            it is left as it is. Dropout is off, and batch normalization goes by its running averages.
        patch: height and width of the patches that it classifies, pixels; one number for both.
        method: "atrous" (strides removed, later filters and poolings rarefied), "shift-and-stitch" (one pass for each
            shift of the picture by less than the stride), or "auto": the one of less work, unless its maps would take
            more than half of the machine's memory.
        semantics: for a network with padding inside: "patch" (each answer that of the classifier on its patch, with
            zeros around every patch), "image" (zeros around the picture alone), or "plane" (no zeros inside, but the
            picture's real context; beyond the picture its pixels count as zero).
        channels: of the picture; None for those of the network's first convolution.

    Returns:
        A network from (samples, channels, height, width) to (samples, classes, height - patch height + 1,
        width - patch width + 1): the answer at (row, column) is that for the patch with its upper left pixel there,
        whose center is the pixel (row + patch height // 2, column + patch width // 2).

    Raises:
        OptionError: a layer has no exact dense form, a meaning is missing or impossible; the sentence names the layer.

    Source: notes §3.6.4-3.6.5; Long, Shelhamer & Darrell 2015, "Fully convolutional networks for semantic
        segmentation", sections 3.1 and 3.2; Giusti et al. 2013, "Fast image scanning with deep max-pooling
        convolutional neural networks".

    Example:
        >>> import torch
        >>> network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 3 * 3, 2))
        >>> picture = torch.rand(1, 1, 20, 20)
        >>> answers = densify(network, 8)(picture)
        >>> answers.shape, torch.allclose(answers[:, :, 5, 7], network(picture[:, :, 5:13, 7:15]), atol=1e-6)
        (torch.Size([1, 2, 13, 13]), True)
    """
    if method not in METHODS:
        raise OptionError(f"method is {method!r}; expected one of {', '.join(METHODS)}")
    return DenseNetwork(_plan(network, patch, channels, semantics), semantics, method)


def convolutionalize(
    network: nn.Module,
    patch: int | Sequence[int],
    semantics: Semantics | None = None,
    *,
    channels: int | None = None,
) -> DenseNetwork:
    """Return a patch classifier as a network with an answer every `stride` pixels of a picture of any size.

    Its linear layers become convolutions and its global poolings local ones over the extent of a patch; its strides
    stay. The heatmap of each class is every `stride`-th row and column of what `densify` gives.

    Args:
        network: a classifier, as `densify` takes it.
        patch: height and width of the patches that it classifies, pixels; one number for both.
        semantics: for a network with padding inside, as for `densify`.
        channels: of the picture; None for those of the network's first convolution.

    Returns:
        A network from (samples, channels, height, width) to (samples, classes, rows, columns); its `stride` tells how
        many pixels lie between answers.

    Raises:
        OptionError: a layer has no exact dense form, a meaning is missing or impossible; the sentence names the layer.

    Source: notes §3.6.4; Long, Shelhamer & Darrell 2015, section 3.1.

    Example:
        >>> network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 3 * 3, 2))
        >>> import torch
        >>> heatmaps = convolutionalize(network, 8)
        >>> heatmaps.stride, heatmaps(torch.rand(1, 1, 20, 30)).shape
        ((2, 2), torch.Size([1, 2, 7, 12]))
    """
    return DenseNetwork(_plan(network, patch, channels, semantics), semantics, "heatmap")


def _plan(network: nn.Module, patch: int | Sequence[int], channels: int | None, semantics: Semantics | None) -> Plan:
    if semantics is not None and semantics not in MEANINGS:
        raise OptionError(f"semantics is {semantics!r}; expected one of {', '.join(MEANINGS)}")
    plan = planned_for(network, patch, channels)
    if plan.mirrored and semantics != "plane":
        raise OptionError(
            f"layer {plan.mirrored[0]} has no exact dense form: it pads by what lies inside the patch (by reflection or"
            ' the like); take semantics="plane", where the real context takes its place'
        )
    if plan.padded and semantics is None:
        meanings = "; ".join(f'"{name}": {meaning}' for name, meaning in MEANINGS.items())
        others = f" and {len(plan.padded) - 1} more" if len(plan.padded) > 1 else ""
        raise OptionError(
            f"the network pads inside a patch of {plan.patch[0]}x{plan.patch[1]} (layer {plan.padded[0]}{others}), so"
            f" say what its answers mean by semantics=...: {meanings}"
        )
    return plan


def planned_for(network: nn.Module, patch: int | Sequence[int], channels: int | None = None) -> Plan:
    """Return the steps of a patch classifier with their geometry, whatever its answers will mean.

    Args:
        network: a classifier, as `densify` takes it; its weights may be on the meta device.
        patch: height and width of the patches, pixels; one number for both.
        channels: of the picture; None for those of the network's first convolution.

    Raises:
        OptionError: a layer has no exact dense form, or the patch is none.
    """
    sides = (patch, patch) if isinstance(patch, int) else tuple(patch)
    if len(sides) != 2 or min(sides) < 1:
        raise OptionError(f"patch is {patch!r}; expected its height and width in pixels, or one number for both")
    size = int(sides[0]), int(sides[1])
    count = channels_of(network, size) if channels is None else channels
    return planned(fused(read_steps(network, count, size)))
