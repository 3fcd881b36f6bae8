"""How networks with a width multiplier round their channels."""


def round_channels(channels: float, multiple: int = 8) -> int:
    """Return the nearest multiple, at least one, and never below nine tenths of what was asked for.

    Args:
        channels: as multiplied.
        multiple: of which processors like channels to be.

    Source: Sandler et al. 2018 and Tan & Le 2019, by their reference code.

    Example:
        >>> round_channels(32 * 1.4), round_channels(16 * 0.25), round_channels(11)
        (48, 8, 16)
    """
    rounded = max(multiple, int(channels + multiple / 2) // multiple * multiple)
    return rounded + multiple if rounded < 0.9 * channels else rounded
