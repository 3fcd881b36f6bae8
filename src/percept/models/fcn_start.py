"""A fully convolutional network that begins as a trained classifier: its layers, and its scores of the same classes."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import nn

from percept.errors import OptionError
from percept.models.body import body_of
from percept.models.fcn import FCN, convolutions
from percept.models.parts import find_parts

AVERAGED = (nn.AdaptiveAvgPool2d, nn.AvgPool2d, nn.Flatten, nn.Dropout, nn.Dropout2d, nn.Identity)
"""What may stand behind the scores of a classifier: a local mean of its heatmaps is then its answer."""


def begin_as(network: nn.Module, trained: nn.Module, shape: tuple[int, int, int], rows: Sequence[int | None]) -> None:
    """Give a fully convolutional network the weights of a trained classifier; finer maps have no say at first.

    At each place of the last map it then gives the scores that the classifier gives for the picture there, before they
    are enlarged. Where the classifier averages its last map, it gives those before the average, which is left out, as
    the paper leaves out GoogLeNet's.

    Args:
        network: an `FCN` over the classifier's architecture and arguments; changed in place.
        trained: the classifier; stays as it is.
        shape: (channels, height, width) of its pictures.
        rows: for each class of the network, which of the classifier's scores it takes over; None for scores of zero.

    Raises:
        OptionError: the network is none, or the classifier makes something else of its scores; the sentence names the
            layer.

    Source: notes §3.6.5; Long, Shelhamer & Darrell 2015, sections 4.1 and 4.2.

    Example:
        >>> from percept.models import build
        >>> classifier = build("cifar_resnet20", classes=5)
        >>> network = build("fcn8s", classes=2, body="cifar_resnet20")
        >>> begin_as(network, classifier, (3, 32, 32), [None, 4])
        >>> torch.equal(network.scores[-1].weight[1].flatten(), classifier.state_dict()["scores.weight"][4])
        True
    """
    if not isinstance(network, FCN):
        raise OptionError(f"{type(network).__name__} is not made of a classifier's layers alone; choose fcn8s")
    parts = find_parts(trained, shape)
    after = parts.head.layers[parts.head.layers.index(parts.scores) + 1 :]
    for name in after:
        layer = trained.get_submodule(name)
        if not isinstance(layer, AVERAGED):
            raise OptionError(
                f"layer {name} ({type(layer).__name__}) changes the classifier's scores, which no layer of a fully"
                " convolutional network does; take a classifier that ends in its scores, such as resnet18"
            )
    body = body_of(trained, shape, pooled=True)
    weights = {f"body.{name}": values for name, values in body.layers.state_dict().items()}
    weights |= {f"dense.{name}": values for name, values in nn.Sequential(*convolutions(body)).state_dict().items()}
    scores, layer = cast(nn.Conv2d, network.scores[-1]), cast(nn.Linear, trained.get_submodule(parts.scores))
    if layer.weight[0].numel() != scores.in_channels:
        raise OptionError(
            f"layer {parts.scores} ({type(layer).__name__}) sees several places of the last map at once; take a"
            " classifier with a hidden dense layer, such as lenet, or one that averages its last map, such as resnet18"
        )
    mine = network.state_dict()
    network.load_state_dict({name: weights.get(name, values) for name, values in mine.items()})
    with torch.no_grad():
        for place, row in enumerate(rows):
            if row is not None:
                scores.weight[place] = layer.weight[row].reshape(scores.weight[place].shape)
                if scores.bias is not None and layer.bias is not None:
                    scores.bias[place] = layer.bias[row]
