"""A picture of any size as 8-bit grey or color, part by part as `read_picture` would have made it of the whole."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from percept.data.headers import UnreadableError
from percept.data.pixel_formats import from_integers, to_bytes
from percept.dense.slides import TiffSource
from percept.dense.sources import Source
from percept.dense.steps import Pair
from percept.errors import DataError

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # Pillow's names of 8-bit pictures by their channels
PLAIN = {1: "grey", 2: "color", 6: "color of a JPEG"}  # ways of TIFF to give a pixel's color that stand for themselves


class ByteSource:
    """A picture whose values are turned into bytes as they are read.

    Args:
        source: the picture as it is stored.
        channels: 1 (grey) or 3 (red, green, blue).
        white: the value of 16-bit pictures that becomes 255.
        name: of the picture, for messages.

    Raises:
        DataError: its channels or colors have no meaning as grey or color.
    """

    def __init__(self, source: Source, *, channels: int, white: int, name: str) -> None:
        self.source, self.channels, self.white, self.name = source, channels, white, name
        if source.shape[0] not in MODES:
            raise DataError(f"{name} has {source.shape[0]} channels; expected 1 (grey) or 3 (color)")
        if isinstance(source, TiffSource):
            colors, turned = int(source.page.photometric), source.page.tags.valueof(274, default=1)
            if colors not in PLAIN:
                raise DataError(f"{name} stores its colors as {source.page.photometric.name}; save it as grey or color")
            if turned != 1:
                raise DataError(f"{name} says that it is to be turned (orientation {turned}); save it upright")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return channels, height and width."""
        return self.channels, *self.source.shape[1:]

    def read(self, rows: Pair, columns: Pair) -> NDArray[Any]:
        """Return a part: (channels, rows, columns) uint8."""
        pixels = self.source.read(rows, columns)
        try:
            if pixels.dtype != np.uint8 and pixels.dtype.kind in "iu":
                pixels = from_integers(pixels, self.white)
            elif pixels.dtype.kind == "b":
                pixels = pixels.astype(np.uint8) * 255
            elif pixels.dtype.kind == "f":
                pixels = np.stack([_bytes_of(plane) for plane in pixels])
            plain = pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))
            made = to_bytes(Image.fromarray(plain), channels=self.channels, white=self.white)
        except UnreadableError as error:
            raise DataError(f"{self.name} cannot be read ({error.reason}); save it as 8-bit grey or color") from error
        return made.transpose(2, 0, 1).copy()

    def release(self) -> None:
        """Let go of what was read, as far as it is kept."""
        self.source.release()


def _bytes_of(plane: NDArray[Any]) -> NDArray[np.uint8]:
    return to_bytes(Image.fromarray(plane.astype(np.float32)), channels=1, white=255)[:, :, 0]
