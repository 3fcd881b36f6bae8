"""What the values of one mask look like: how many there are, in how many regions, and whether edges are smeared."""

from dataclasses import dataclass

from percept.data.masks.meaning import colored
from percept.data.masks.pairing import PictureFile
from percept.data.masks.raw import Color, count_values, read_raw, regions_per_value, solid_values

SMEARED = 8  # distinct values in one mask from which edges may be smeared


@dataclass(frozen=True)
class MaskLook:
    """What one mask's values look like.

    Attributes:
        name: the file.
        shape: (height, width).
        counts: pixels of each value.
        color: whether the values are packed colors.
        palette: color of each palette index that occurs.
        bits: of a value.
        lossy: whether the file is a JPEG.
        solid: values that fill a square of 2 x 2 pixels.
        regions: connected regions of a value on average; 0 where it was not asked for.
        colors: pixels of each color, the palette's where there is one.
    """

    name: str
    shape: tuple[int, int]
    counts: dict[int, int]
    color: bool
    palette: dict[int, Color]
    bits: int
    lossy: bool
    solid: frozenset[int]
    regions: float
    colors: dict[int, int]

    @property
    def smeared(self) -> bool:
        """Return whether its values look as resizing or JPEG leaves them at edges."""
        many = len(self.counts) >= SMEARED and 2 * len(self.solid) < len(self.counts)
        return many or (self.lossy and len(self.counts) > 2)


def look_at(file: PictureFile) -> MaskLook:
    """Return what the values of one mask look like.

    Raises:
        DataError: the file cannot be read.
    """
    raw = read_raw(file)
    counts = count_values(raw.values)
    numbered = not raw.color and len(counts) > 2
    height, width = raw.values.shape
    return MaskLook(
        str(file),
        (height, width),
        counts,
        raw.color,
        raw.palette,
        raw.bits,
        raw.lossy,
        frozenset(solid_values(raw.values)),
        regions_per_value(raw.values) if numbered and len(counts) <= 65536 else 0.0,
        count_values(colored(raw)) if raw.color or raw.palette else {},
    )
