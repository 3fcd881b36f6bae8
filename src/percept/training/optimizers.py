"""Which optimizer moves the weights: torch's own, by name, with decay on weights alone."""

from collections.abc import Callable, Iterable

import torch
from torch import nn
from torch.optim import Optimizer

Groups = Iterable[dict[str, object]]

# Each takes the parameter groups, the learning rate and the momentum; weight decay lies in the groups.
OPTIMIZERS: dict[str, Callable[[Groups, float, float], Optimizer]] = {
    "adamw": lambda groups, rate, momentum: torch.optim.AdamW(groups, rate),
    "adam": lambda groups, rate, momentum: torch.optim.Adam(groups, rate),
    "sgd": lambda groups, rate, momentum: torch.optim.SGD(groups, rate, momentum=momentum, nesterov=momentum > 0),
}


def make_optimizer(
    network: nn.Module, name: str, *, learning_rate: float, weight_decay: float, momentum: float
) -> Optimizer:
    """Return an optimizer over a network's parameters, in which biases and norms are not decayed.

    Args:
        network: the network to train.
        name: a name in `OPTIMIZERS`.
        learning_rate: step size.
        weight_decay: decay of parameters with two or more dimensions; decoupled for adamw, a penalty otherwise.
        momentum: momentum of sgd (Nesterov's form), 0 for none.

    Source: notes §2.3.1, §2.5.3; Kingma & Ba 2015; Loshchilov & Hutter 2019.
    """
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups: Groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return OPTIMIZERS[name]([group for group in groups if group["params"]], learning_rate, momentum)
