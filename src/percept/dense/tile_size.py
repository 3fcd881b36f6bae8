"""How large tiles are: the smallest whose halo is cheap, if the memory allows."""

from percept.dense.pieces import Pieces
from percept.errors import OptionError

SIDES = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048)
"""Sides of tiles that "auto" chooses from."""
ENOUGH = 1.25  # times the work without halo: larger tiles would hardly save any, and do not fit the caches
UNITS = {"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "B": 1.0}


def tile_side(pieces: Pieces, tile: int | str, values: float) -> int:
    """Return the side of the tiles.

    Args:
        pieces: the network on the picture.
        tile: what was asked for.
        values: that the maps of one tile may hold at a time.
    """
    if tile != "auto":
        if not isinstance(tile, int) or tile < 1:
            raise OptionError(f'tile is {tile!r}; expected a number of pixels, or "auto"')
        return tile
    longest = max(pieces.counts)
    chosen = 0
    for side in [each for each in SIDES if each < longest] + [min(longest, SIDES[-1])]:
        cost = pieces.cost((side, side))
        if cost.peak > values:
            break
        chosen = side
        if cost.work < ENOUGH * pieces.work * side**2:
            break
    if not chosen:
        smallest = min(longest, SIDES[0])
        times = pieces.cost((smallest, smallest)).peak / values
        raise OptionError(
            f"memory is too small for a tile of {smallest}x{smallest}: allow {times:.1f} times as much, or fewer"
            " workers"
        )
    return chosen


def bytes_of(memory: str | float) -> float:
    """Return a number of bytes, such as "1GB".

    Raises:
        OptionError: it is none.

    Example:
        >>> bytes_of("500MB"), bytes_of("1 GiB")
        (500000000.0, 1073741824.0)
    """
    if isinstance(memory, int | float):
        number, unit = float(memory), "B"
    else:
        text = memory.replace(" ", "").upper()
        unit = text.lstrip("0123456789.") or "B"
        try:
            number = float(text.removesuffix(unit) if unit in UNITS else "")
        except ValueError:
            raise OptionError(f"memory is {memory!r}; expected bytes, such as 1GB or 500MB") from None
    if not number > 0:
        raise OptionError(f"memory is {memory!r}; expected more than nothing, such as 1GB")
    return number * UNITS[unit]
