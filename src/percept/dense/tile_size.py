"""How large tiles are: the smallest whose halo is cheap, if the memory allows."""

from percept.dense.pieces import Pieces
from percept.errors import OptionError

SIDES = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048)
"""Sides of tiles that "auto" chooses from."""
ENOUGH = 1.25  # times the work without halo: larger tiles would hardly save any, and do not fit the caches


def tile_side(pieces: Pieces, tile: int | str, values: float, *, least: int = 0) -> int:
    """Return the side of the tiles.

    Args:
        pieces: the network on the picture.
        tile: what was asked for.
        values: that the maps of one tile may hold at a time.
        least: side that "auto" goes up to even where a smaller tile's halo is cheap.
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
        if side >= least and cost.work < ENOUGH * pieces.work * side**2:
            break
    if not chosen:
        smallest = min(longest, SIDES[0])
        times = pieces.cost((smallest, smallest)).peak / values
        raise OptionError(
            f"memory is too small for a tile of {smallest}x{smallest}: allow {times:.1f} times as much, or fewer"
            " workers"
        )
    return chosen
