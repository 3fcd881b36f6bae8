"""Pictures too large for one pass through a padded segmenter: strips of rows whose scores equal those of the whole."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from percept.errors import OptionError
from percept.nn.receptive_field import receptive_fields

TRACED = 256  # side of the picture by which the network is followed, pixels
STRIP = 2**21  # pixels of a strip together with what its scores see around it


class Reach(NamedTuple):
    """How far the scores of a pixel see.

    Attributes:
        above: rows above the pixel.
        below: rows below it.
        step: rows after which the network does the same again.
    """

    above: int
    below: int
    step: int


def reach_of(network: nn.Module, channels: int) -> Reach | None:
    """Return how far the scores of a pixel see; None where that is not known or has no end.

    Args:
        network: from (samples, channels, height, width) to a score for each class and pixel, with padding.
        channels: of the pictures.
    """
    try:
        found = receptive_fields(network, (channels, TRACED, TRACED))[-1].field
    except OptionError:
        return None
    if isinstance(found, OptionError) or found is None or len(found.along) != 2:
        return None
    rows = found.along[0].windows
    if rows.whole or len(rows.period) != rows.step:  # it sees all, or a score is not of one pixel
        return None
    seen = [(place - window[0], window[1] - place) for place, window in enumerate(rows.period) if window is not None]
    above, below = (max(0, *side) for side in zip(*seen, strict=True))
    return Reach(above, below, rows.step)


def strip_scores(network: nn.Module, inputs: Tensor, reach: Reach) -> Tensor:
    """Return a score for each class and pixel of pictures, (samples, classes, height, width), strip by strip.

    A strip begins where the network does the same as at the picture's first row, and has the rows around it that its
    scores see; so the scores are those of the whole picture, up to rounding.

    Args:
        network: a padded segmenter.
        inputs: (samples, channels, height, width).
        reach: what its scores see.
    """
    return torch.cat(list(_strips(network, inputs, reach)), dim=2)


def _strips(network: nn.Module, inputs: Tensor, reach: Reach) -> Iterator[Tensor]:
    height, width = inputs.shape[2:]
    step = reach.step
    above, below = (-(-each // step) * step for each in (reach.above, reach.below))
    rows = max(step, (STRIP // width - above - below) // step * step)
    for start in range(0, height, rows):
        top, bottom = max(0, start - above), min(height, start + rows + below)
        scores: Tensor = network(inputs[:, :, top:bottom].contiguous(memory_format=torch.channels_last))
        yield scores[:, :, start - top : min(start + rows, height) - top]
