"""Learning rates by depth: the nearer a layer is to the picture, the less it is moved from what it has learnt."""

from percept.models.parts import Parts

DECAY = 1 / 2.6
"""What the learning rate of a stage is multiplied by from one to the next, towards the picture: Howard & Ruder's."""


def rates_by_depth(parts: Parts, decay: float = DECAY) -> dict[str, float]:
    """Return the factor on the learning rate of each parameter: 1 in the head, `decay` to the power of its depth below.

    Args:
        parts: the network's parts, from `percept.models.parts.find_parts`.
        decay: in (0, 1]; 1 lets all layers learn at one rate.

    Source: notes §3.4.2 (lower rates preserve what was learnt); Howard & Ruder 2018, section 3.2.

    Example:
        >>> from torch import nn
        >>> from percept.models.parts import find_parts
        >>> network = nn.Sequential(nn.Linear(4, 3, bias=False), nn.ReLU(), nn.Linear(3, 2, bias=False))
        >>> rates_by_depth(find_parts(network, (4,)), decay=0.5)
        {'0.weight': 0.5, '2.weight': 1.0}
    """
    depth = len(parts.stages)
    body = {name: decay ** (depth - number) for number, stage in enumerate(parts.stages) for name in stage.weights}
    return body | dict.fromkeys(parts.head.weights, 1.0)
