"""The preprocessing of a segmenter: pictures at their own size, each channel normalized."""

from dataclasses import asdict, dataclass
from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray

from percept.data.preprocessing import CPU, standardized, standardized_unit


@dataclass(frozen=True)
class PixelPreprocessing:
    """How a picture of any size becomes a segmenter's input.

    Attributes:
        channels: 1 (grey) or 3 (red, green, blue).
        mean: mean of each channel over the training pictures, in [0, 1].
        std: standard deviation of each channel over the training pictures, in [0, 1].
        white: the value that a 16-bit picture calls white.
        patch: (height, width) of the patches that the network classifies, each for the pixel in its middle; None for a
            network that takes whole pictures.
        semantics: what the answer of a classifier of patches that pads its maps means, as in `percept.dense.densify`.
    """

    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    white: int = 65535
    patch: tuple[int, int] | None = None
    semantics: Literal["patch", "image", "plane"] = "patch"

    def tensor(self, pixels: NDArray[np.uint8], device: torch.device = CPU) -> torch.Tensor:
        """Return the network's input: (samples, channels, height, width) float32 in channels-last memory.

        Args:
            pixels: (samples, height, width, channels) uint8.
            device: where the result is wanted.
        """
        return standardized(pixels, self.mean, self.std, device)

    def normalized(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return what `tensor` does for pictures that are on their device already, such as augmented ones.

        Args:
            pictures: (samples, channels, height, width) floating in [0, 1].
        """
        return standardized_unit(pictures, self.mean, self.std)

    def to_json(self) -> dict[str, object]:
        """Return the settings as JSON values."""
        return {"kind": "pixels", **asdict(self)}

    @classmethod
    def from_json(cls, values: dict[str, object]) -> Self:
        """Return the preprocessing that `to_json` wrote."""
        settings = {name: value for name, value in values.items() if name != "kind"}
        settings["mean"] = tuple(settings["mean"])  # type: ignore[arg-type]
        settings["std"] = tuple(settings["std"])  # type: ignore[arg-type]
        if settings.get("patch") is not None:
            settings["patch"] = tuple(settings["patch"])  # type: ignore[arg-type]
        return cls(**settings)  # type: ignore[arg-type]
