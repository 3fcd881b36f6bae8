"""LeNet-5, the first convolutional network that read handwriting for a living."""

from collections.abc import Sequence

from torch import nn

from percept.models.arguments import require_counts, require_size
from percept.models.pictures import sides_alike, takes
from percept.nn.activations import activation_layer
from percept.nn.initializers import initialize

SMALLEST_SIDE = 12  # 12 -> 6 (pool) -> 2 (convolution) -> 1 (pool): the last map still has a pixel


def lenet(
    *,
    classes: int,
    channels: int = 1,
    size: Sequence[int] = (28, 28),
    activation: str = "relu",
) -> nn.Module:
    """Return LeNet-5 for pictures of one size.

    The table of layers is the paper's, which pads 28x28 digits to 32x32 as the first convolution does here. In four
    places today's usage replaces it: max pooling for the trainable subsampling, every map of the second convolution
    sees all maps of the first, a linear output for the radial basis functions, and ReLU for the scaled tanh
    (activation="tanh" comes closest to the paper).

    Args:
        classes: outputs of the network, 1 for regression.
        channels: 1 for grey pictures, 3 for colour.
        size: height and width of the pictures, pixels, each at least 12.
        activation: a key of `percept.nn.activations.ACTIVATIONS`.

    Returns:
        A network from (samples, channels, height, width) to (samples, classes) scores.

    Raises:
        OptionError: an argument is out of range.

    Source: notes §3.5; LeCun, Bottou, Bengio & Haffner 1998, section II.B.

    Example:
        >>> sum(weights.numel() for weights in lenet(classes=10).parameters())
        61706
    """
    require_counts("lenet", classes=classes, channels=channels, size=size)
    require_size("lenet", size, SMALLEST_SIDE)
    rows, columns = map(_pixels, size)
    c1, c3 = nn.Conv2d(channels, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
    c5, f6, scores = nn.Linear(16 * rows * columns, 120), nn.Linear(120, 84), nn.Linear(84, classes)
    for layer in (c1, c3, c5, f6):
        initialize(layer, activation)
    initialize(scores, "identity")
    network = nn.Sequential(  # the shape after each line, for one picture of 28x28
        *(c1, activation_layer(activation), nn.MaxPool2d(2)),  # 6 x 14 x 14
        *(c3, activation_layer(activation), nn.MaxPool2d(2)),  # 16 x 5 x 5
        nn.Flatten(),  # 400
        *(c5, activation_layer(activation)),  # 120
        *(f6, activation_layer(activation)),  # 84
        scores,  # classes
    )
    heights, widths = (sides_alike(side, _pixels) for side in size)
    return takes(network, "lenet", channels=channels, heights=heights, widths=widths)


def _pixels(side: int) -> int:
    """Return the side of the last map: 28 -> 14 -> 10 -> 5."""
    return (side // 2 - 4) // 2
