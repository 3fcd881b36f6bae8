"""A patch classifier that answers at every position of a picture, exactly."""

import os
from collections.abc import Iterator
from dataclasses import replace
from math import prod
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from percept.dense.border import evaluated_by_patch
from percept.dense.costs import Cost, cost_of
from percept.dense.lattice import Span, evaluated, line_of
from percept.dense.plan import Plan
from percept.dense.steps import Pair
from percept.devices import full_float32
from percept.errors import DataError

Method = Literal["auto", "atrous", "shift-and-stitch"]
Semantics = Literal["patch", "image", "plane"]
ROOM = 2**26  # values that maps may hold at a time where each patch has values of its own


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
        method = self.method_for(counts, pictures) if self.method == "auto" else self.method
        if method == "shift-and-stitch":
            return self.stitched(pictures, (0, 0), self._spans(counts, (1, 1)))
        spans = self._spans(counts, self.stride if method == "heatmap" else (1, 1))
        if self.semantics != "patch":
            return self.answers(pictures, (0, 0), spans)
        side = self._side(spans)
        bands = (
            [self.answers(pictures, (0, 0), (rows, columns)) for columns in _cut(spans[1], side)]
            for rows in _cut(spans[0], side)
        )
        return torch.cat([torch.cat(band, dim=3) for band in bands], dim=2)

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
        atrous = self.cost(self._spans(counts, (1, 1)))
        stitched = self.cost(self._spans(counts, self.stride)).times(prod(self.stride))
        if self.semantics == "patch":  # in parts: memory is no matter
            return "shift-and-stitch" if atrous.work > stitched.work else "atrous"
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
            begin = min(max(first, corner[axis]), behind)
            end = max(begin, min(stop, behind))  # nothing of the picture, where only zeros around it are needed
            pictures = pictures.narrow(axis + 2, begin - corner[axis], end - begin)
            before = min(begin, stop) - first
            amounts = [before, stop - first - before - (end - begin), *amounts]
        if any(amounts):
            pictures = functional.pad(pictures, amounts)
        evaluate = evaluated_by_patch if self.semantics == "patch" else evaluated
        with full_float32():
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

    def _spans(self, counts: Pair, every: Pair) -> tuple[Span, Span]:
        """Return the spans of answers at every position, or every few of them."""
        rows, columns = (
            Span(0, every[axis], (counts[axis] - 1) // every[axis] + 1, self._ends(counts[axis])) for axis in (0, 1)
        )
        return rows, columns

    def _ends(self, count: int) -> int | None:
        return count if self.semantics == "image" else None

    def _side(self, spans: tuple[Span, Span]) -> int:
        """Return the side of parts whose maps are not too large, where each patch has values of its own."""
        side = max(span.count for span in spans)
        while side > 1 and self.cost((replace(spans[0], count=side), replace(spans[1], count=side))).peak > ROOM:
            side = -(-side // 2)
        return side


def _cut(span: Span, side: int) -> Iterator[Span]:
    """Yield a span in parts of at most so many answers."""
    for first in range(0, span.count, side):
        yield replace(span, first=span.first + first * span.step, count=min(side, span.count - first))


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
