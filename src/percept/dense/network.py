"""A patch classifier that answers at every position of a picture, exactly."""

import os
from collections.abc import Sequence
from math import prod
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from percept.dense.border import evaluated_by_patch
from percept.dense.costs import Cost, cost_of
from percept.dense.fusion import fused
from percept.dense.lattice import Span, evaluated, line_of
from percept.dense.plan import Plan, planned
from percept.dense.reading import channels_of, read_steps
from percept.dense.steps import Pair
from percept.errors import DataError, OptionError

Method = Literal["auto", "atrous", "shift-and-stitch"]
Semantics = Literal["patch", "image", "plane"]
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
) -> "DenseNetwork":
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
) -> "DenseNetwork":
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


class DenseNetwork(nn.Module):
    """A patch classifier with an answer for every position of a picture, or every few of them.

    Its parameters are those of the classifier with the batch normalizations folded into them, and can be trained on
    whole pictures.

    Args:
        plan: the classifier's steps.
        semantics: what an answer of a network with padding means.
        method: how it is evaluated; "heatmap" for an answer every `stride` pixels alone.
    """

    def __init__(self, plan: Plan, semantics: Semantics | None, method: Method | Literal["heatmap"]) -> None:
        super().__init__()
        self.plan = plan
        self.layers = nn.ModuleList([step.layer for step in plan.steps])
        self.semantics: Semantics | None = semantics if plan.padded else None
        self.method = method
        self.eval()

    @property
    def patch(self) -> Pair:
        """Return the rows and columns of a patch."""
        return self.plan.patch

    @property
    def stride(self) -> Pair:
        """Return how many pixels lie between the answers of one pass without the strides removed."""
        return self.plan.stride

    @property
    def channels(self) -> int:
        """Return the channels of the pictures."""
        return self.plan.steps[0].channels

    @property
    def classes(self) -> int:
        """Return the scores of each answer."""
        return self.plan.steps[-1].channels

    @property
    def context(self) -> tuple[Pair, Pair]:
        """Return how many pixels beyond its patch an answer depends on: before and behind, rows and columns."""
        if self.semantics != "plane":
            return (0, 0), (0, 0)
        return self.plan.context(0), self.plan.context(1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the answers for pictures.

        Args:
            pictures: (samples, channels, height, width), at least as large as a patch.

        Returns:
            (samples, classes, height - patch height + 1, width - patch width + 1), of which "heatmap" gives every
            `stride`-th row and column.

        Raises:
            DataError: the pictures have other channels, or are smaller than a patch.
        """
        counts = self._counts(pictures)
        steps = self.stride
        method = self.method_for(counts, pictures) if self.method == "auto" else self.method
        if method == "heatmap":
            rows, columns = (
                Span(0, steps[axis], (counts[axis] - 1) // steps[axis] + 1, self._ends(counts[axis])) for axis in (0, 1)
            )
            return self.answers(pictures, (0, 0), (rows, columns))
        if method == "atrous" or steps == (1, 1):
            rows, columns = (Span(0, 1, count, self._ends(count)) for count in counts)
            return self.answers(pictures, (0, 0), (rows, columns))
        return self.stitched(
            pictures,
            (0, 0),
            (Span(0, 1, counts[0], self._ends(counts[0])), Span(0, 1, counts[1], self._ends(counts[1]))),
        )

    def stitched(self, pictures: Tensor, corner: Pair, spans: tuple[Span, Span]) -> Tensor:
        """Return the answers at all positions, from one pass for each shift by less than the stride.

        Args:
            pictures: (samples, channels, rows, columns).
            corner: position of its upper left pixel.
            spans: the answers, a pixel apart.
        """
        made: Tensor | None = None
        for row in range(min(self.stride[0], spans[0].count)):
            for column in range(min(self.stride[1], spans[1].count)):
                shifts = row, column
                own = [_shifted(spans[axis], shifts[axis], self.stride[axis]) for axis in (0, 1)]
                part = self.answers(pictures, corner, (own[0], own[1]))
                if made is None:
                    made = part.new_empty(*part.shape[:2], spans[0].count, spans[1].count)
                made[:, :, row :: self.stride[0], column :: self.stride[1]] = part
        return cast(Tensor, made)

    def method_for(self, counts: Pair, pictures: Tensor) -> Literal["atrous", "shift-and-stitch"]:
        """Return the method of less work, unless its maps take more than half of the memory.

        Args:
            counts: rows and columns of the answers.
            pictures: on the device whose memory counts.
        """
        atrous = self.cost((Span(0, 1, counts[0], self._ends(counts[0])), Span(0, 1, counts[1], self._ends(counts[1]))))
        shifts = prod(self.stride)
        rows, columns = (
            Span(0, self.stride[axis], -(-counts[axis] // self.stride[axis]), self._ends(counts[axis]))
            for axis in (0, 1)
        )
        stitched = self.cost((rows, columns)).times(shifts)
        room = memory_of(pictures.device) / 2 / pictures.element_size() / len(pictures)
        return "shift-and-stitch" if atrous.work > stitched.work or atrous.peak > room else "atrous"

    def cost(self, spans: tuple[Span, Span]) -> Cost:
        """Return what answers cost, for one picture."""
        return cost_of(self.plan, spans, by_patch=self.semantics == "patch")

    def pixels(self, span: Span, axis: int) -> Pair:
        """Return the first position that answers depend on along an axis, and the one behind the last.

        They may lie beyond the picture for "plane" alone.
        """
        if self.semantics == "patch":
            return span.first, span.first + (span.count - 1) * span.step + self.patch[axis]
        line = line_of(self.plan, 0, axis, span)
        return line.first, line.first + line.count

    def answers(self, pictures: Tensor, corner: Pair, spans: tuple[Span, Span]) -> Tensor:
        """Return some of the answers, in one pass.

        Args:
            pictures: (samples, channels, rows, columns) a part of the picture; zeros lie beyond it.
            corner: position of its upper left pixel.
            spans: which answers, along the rows and the columns.
        """
        amounts: list[int] = []
        for axis in (0, 1):
            first, stop = self.pixels(spans[axis], axis)
            behind = corner[axis] + pictures.shape[axis + 2]
            begin, end = max(first, corner[axis]), min(stop, behind)
            pictures = pictures.narrow(axis + 2, begin - corner[axis], end - begin)
            amounts = [begin - first, stop - end, *amounts]
        if any(amounts):
            pictures = functional.pad(pictures, amounts)
        evaluate = evaluated_by_patch if self.semantics == "patch" else evaluated
        return evaluate(self.plan, pictures, spans)

    def _counts(self, pictures: Tensor) -> Pair:
        if pictures.ndim != 4 or pictures.shape[1] != self.channels:
            raise DataError(
                f"pictures are of shape {tuple(pictures.shape)}; expected (samples, {self.channels}, height, width)"
            )
        counts = pictures.shape[2] - self.patch[0] + 1, pictures.shape[3] - self.patch[1] + 1
        if min(counts) < 1:
            raise DataError(
                f"pictures are {pictures.shape[2]}x{pictures.shape[3]}, smaller than the patch of"
                f" {self.patch[0]}x{self.patch[1]} that is classified; extend them, as predict_tiled does"
            )
        return counts

    def _ends(self, count: int) -> int | None:
        return count if self.semantics == "image" else None


def _shifted(span: Span, shift: int, stride: int) -> Span:
    return Span(span.first + shift, stride, -(-(span.count - shift) // stride), span.ends)


def memory_of(device: torch.device) -> float:
    """Return the bytes of memory of a device."""
    if device.type == "cuda":
        return float(torch.cuda.get_device_properties(device).total_memory)
    try:
        return float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not a system of the Unix family
        return 8e9
