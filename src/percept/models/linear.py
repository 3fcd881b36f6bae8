"""The linear network: one layer of scores Wx + b, the least that can learn."""

from torch import nn

from percept.models.arguments import require_counts
from percept.nn.initializers import initialize


def linear(*, classes: int, inputs: int) -> nn.Module:
    """Return a linear classifier, or linear regression where `classes` is 1.

    Args:
        classes: outputs of the network, 1 for regression.
        inputs: values of one sample: features of a row, or channels x height x width of a picture.

    Returns:
        A network from (samples, inputs) or (samples, channels, height, width) to (samples, classes) scores.

    Raises:
        OptionError: an argument is not a whole number of at least 1.

    Source: notes §3.2.2.

    Example:
        >>> sum(weights.numel() for weights in linear(classes=10, inputs=3072).parameters())
        30730
    """
    require_counts("linear", classes=classes, inputs=inputs)
    scores = nn.Linear(inputs, classes)
    initialize(scores, "identity")
    return nn.Sequential(nn.Flatten(), scores)
