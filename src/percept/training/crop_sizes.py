"""How large crops of pictures may be so that a training step on them fits into the memory that the user grants."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from percept.errors import OptionError
from percept.models.pictures import Pictures, taken_by
from percept.nn.geometry.memory import step_bytes
from percept.nn.geometry.trace import META, without_weights
from percept.nn.segmentation_losses import PixelLoss, pixel_loss

BESIDE = 1.4
"""What a process takes for a step, in multiples of what torch's tensors take: on CPUs 1.2 to 1.35 was measured."""
STEP = 16  # pixels between the sides that are tried


@dataclass(frozen=True)
class Crop:
    """The crops of a training step.

    Attributes:
        height: of what the network takes, pixels.
        width: of the same.
        border: (rows, columns) at each border for which the network gives no class, 0 unless it is without padding.
        step_bytes: what a training step on them is expected to take.
    """

    height: int
    width: int
    border: tuple[int, int]
    step_bytes: int


def crop_for_memory(
    network: nn.Module,
    budget: int,
    batch_size: int,
    *,
    channels: int,
    largest: tuple[int, int],
    loss: PixelLoss | None = None,
) -> Crop:
    """Return the largest crops with which a training step fits into a budget, square unless the pictures are narrower.

    Nothing is computed: the step is run without values.

    Args:
        network: from (samples, channels, height, width) to (samples, classes, rows, columns) scores.
        budget: memory for the step, bytes: weights, gradients, Adam's two numbers a weight, maps, and what the
            libraries below torch take.
        batch_size: crops of a step.
        channels: of the pictures.
        largest: height and width that crops need not exceed, those of the largest picture.
        loss: of the step; None for cross-entropy and Dice.

    Raises:
        OptionError: not even the smallest crop fits, or the network cannot be run so.

    Example:
        >>> from percept.models import build
        >>> network = build("unet", width=4, padding="same")
        >>> crop = crop_for_memory(network, 64 * 2**20, 2, channels=1, largest=(3000, 200))
        >>> crop.width, crop.height < 3000
        (200, True)
    """
    takes = taken_by(network) or Pictures(type(network).__name__, channels)
    border = _border(network, channels, takes)
    whole = takes.nearest(largest[0] + 2 * border[0], largest[1] + 2 * border[1])[-1]
    loss = loss or pixel_loss("cross_entropy+dice")

    def size(steps: int) -> tuple[int, int]:
        side = STEP * steps
        return takes.nearest(*(min(side, each) for each in whole))[0]

    def needs(steps: int) -> int:
        return round(BESIDE * _step(network, (channels, *size(steps)), batch_size, loss))

    fits, too_large = 1, -(-max(whole) // STEP) + 1
    needed = needs(fits)
    if needed > budget:
        height, width = size(fits)
        raise OptionError(
            f"memory is {_megabytes(budget)}; a training step of {batch_size} crops of {height}x{width} needs"
            f" {_megabytes(needed)}: grant that much, or choose a smaller network or batch"
        )
    while too_large - fits > 1:
        middle = (fits + too_large) // 2
        wanted = needs(middle)
        if wanted <= budget:
            fits, needed = middle, wanted
        else:
            too_large = middle
    return Crop(*size(fits), border, needed)


def _step(network: nn.Module, shape: tuple[int, ...], samples: int, loss: PixelLoss) -> int:
    def total(scores: Tensor) -> Tensor:
        targets = torch.zeros(scores.shape[0], *scores.shape[2:], dtype=torch.int64, device=scores.device)
        return loss(scores, targets, torch.ones_like(targets, dtype=torch.float32))

    return step_bytes(network, shape, samples, total)


def _border(network: nn.Module, channels: int, takes: Pictures) -> tuple[int, int]:
    """Return by how many pixels the output is smaller at each border, (rows, columns)."""
    height, width = takes.nearest(256, 256)[-1]
    with without_weights(network, training=False), torch.no_grad():
        rows, columns = network(torch.empty(1, channels, height, width, device=META)).shape[-2:]
    return (height - rows) // 2, (width - columns) // 2


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.0f} MB"
