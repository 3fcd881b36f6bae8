"""The letters of pictures: a font that has those of most languages written in Latin, Greek or Cyrillic."""

from pathlib import Path

import matplotlib
from PIL import ImageFont


def letters(size: int) -> ImageFont.FreeTypeFont:
    """Return the font that comes with matplotlib; Pillow's own has English letters alone.

    Args:
        size: pixels.
    """
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)
