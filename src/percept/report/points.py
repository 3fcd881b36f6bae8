"""A picture with points marked in it, visible on dark and on bright ground."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from percept.report.pictures import as_image

RING, EDGE = (255, 200, 0), (0, 0, 0)  # of each mark, and around it
SIZES = 4, 12  # radius of the marks, pixels: at least and at most
SHARE = 40  # of the picture's longer side that the radius is


def with_points(picture: NDArray[np.uint8], points: NDArray[np.int64]) -> Image.Image:
    """Return a picture with a ring around each point.

    Args:
        picture: (height, width, channels) of 1 or 3 channels.
        points: (n, 2) rows and columns, pixels.

    Example:
        >>> marked = with_points(np.zeros((40, 40, 1), np.uint8), np.array([[20, 10]]))
        >>> marked.size, marked.getpixel((6, 20)), marked.getpixel((10, 20))
        ((40, 40), (255, 200, 0), (0, 0, 0))
    """
    image = as_image(picture).convert("RGB")
    draw = ImageDraw.Draw(image)
    radius = min(max(SIZES[0], max(image.size) // SHARE), SIZES[1])
    for row, column in points.tolist():
        for reach, color in ((radius + 1, EDGE), (radius - 1, EDGE), (radius, RING)):
            draw.ellipse((column - reach, row - reach, column + reach, row + reach), outline=color)
    return image
