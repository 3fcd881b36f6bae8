"""What a network saw in a picture, in colors over it, and the colors' meaning beside it."""

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from percept.report.contact_sheet import INK, PAPER
from percept.report.letters import letters
from percept.report.pictures import SMALL_SIDE, as_image
from percept.report.wording import short_label

Pixels = NDArray[np.uint8]

COLORS = colormaps["viridis"]
"""Even steps of a value are even steps to the eye, in print and to the color-blind too (Smith & van der Walt 2015)."""
OPACITY = 0.6  # of the colors over the grey picture
STEPS = 9  # colors that a legend is drawn from
LEAST, MOST = "nothing", "most"
"""What the two ends of the colors stand for."""


def ramp() -> str:
    """Return the colors from least to most as a style sheet writes a gradient.

    Example:
        >>> ramp()[:36]
        'linear-gradient(to right, #440154, #'
    """
    stops = (COLORS(step)[:3] for step in np.linspace(0, 1, STEPS))
    names = ("#{:02x}{:02x}{:02x}".format(*np.rint(np.multiply(stop, 255)).astype(int)) for stop in stops)
    return f"linear-gradient(to right, {', '.join(names)})"


def drawn_size(height: int, width: int, least: int, most: int) -> tuple[int, int]:
    """Return the size that a picture is drawn at, its proportions kept.

    Args:
        height: of the picture, pixels.
        width: of the picture, pixels.
        least: its longer side at least.
        most: its longer side at most.

    Example:
        >>> drawn_size(8, 16, 256, 1024), drawn_size(3000, 4000, 256, 1024)
        ((128, 256), (768, 1024))
    """
    longest = max(height, width)
    scale = min(max(longest, least), most) / longest
    return max(1, round(height * scale)), max(1, round(width * scale))


def heat_overlay(picture: Pixels, heat: NDArray[np.floating]) -> Pixels:
    """Return a picture in grey with a heatmap laid over it.

    Args:
        picture: (rows, columns, channels) of 1 or 3 channels.
        heat: (height, width) in [0, 1].

    Returns:
        (height, width, 3): the size of the heatmap, to which the picture is brought.
    """
    height, width = heat.shape
    how = Image.Resampling.NEAREST if max(picture.shape[:2]) <= SMALL_SIDE else Image.Resampling.LANCZOS
    grey = np.asarray(as_image(picture).convert("L").resize((width, height), how), np.float32)[..., None]
    colors = COLORS(np.clip(heat, 0, 1))[..., :3] * 255
    blended: Pixels = np.rint(grey * (1 - OPACITY) + colors * OPACITY).astype(np.uint8)
    return blended


def heat_card(picture: Pixels, heat: NDArray[np.floating], words: str) -> Image.Image:
    """Return a picture with a heatmap laid over it, and below it what it shows and what its colors mean.

    Args:
        picture: (rows, columns, channels) of 1 or 3 channels.
        heat: (height, width) in [0, 1].
        words: what the heatmap is of.
    """
    height, width = heat.shape
    size = max(12, width // 48)
    font, line = letters(size - 1), round(1.5 * size)
    card = Image.new("RGB", (width, height + 2 * line + 4), PAPER)
    card.paste(Image.fromarray(heat_overlay(picture, heat)), (0, 0))
    draw = ImageDraw.Draw(card)
    columns = max(4, len(words))
    while columns > 4 and draw.textlength(short_label(words, columns), font) > width - 8:
        columns -= 1
    draw.text((4, height + 2), short_label(words, columns), fill=INK, font=font)
    left, right = (round(draw.textlength(each, font)) + 10 for each in (LEAST, MOST))
    draw.text((4, height + line), LEAST, fill=INK, font=font)
    draw.text((width - right + 6, height + line), MOST, fill=INK, font=font)
    along = np.linspace(0, 1, max(1, width - left - right))
    bar = np.rint(COLORS(along)[:, :3] * 255).astype(np.uint8)
    card.paste(Image.fromarray(np.repeat(bar[None], line // 2, axis=0)), (left, height + line + line // 4))
    return card
