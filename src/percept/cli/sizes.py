"""Sizes of pictures as they are typed."""

from percept.errors import OptionError


def picture_size(option: str, text: str) -> tuple[int, int]:
    """Return height and width.

    Args:
        option: what it was given for, for the message.
        text: such as "64", or "64x96" for height x width.

    Raises:
        OptionError: it is no such size.

    Example:
        >>> picture_size("--image", "64"), picture_size("--image", "64x96")
        ((64, 64), (64, 96))
    """
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise OptionError(f"{option} is {text!r}; expected pixels such as 64, or 64x96 for height x width")
    return int(parts[0]), int(parts[-1])
