"""Natural order: names sorted as people count, class2 before class10."""

import re


def natural_key(name: str) -> tuple[list[str | int], str]:
    """Return a sorting key that puts numbers inside names in the order of their values.

    Args:
        name: any text; letters compare without regard to case, ties by the exact text.

    Example:
        >>> sorted(["10", "9", "b", "A"], key=natural_key)
        ['9', '10', 'A', 'b']
    """
    pieces = re.split(r"(\d+)", name)  # text and digits by turns, text first: like always meets like
    return [int(piece) if place % 2 else piece.casefold() for place, piece in enumerate(pieces)], name
