"""Which optimizer moves the weights: torch's own, by name, with decay on weights alone."""

from collections.abc import Callable, Iterable, Mapping

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
    network: nn.Module,
    name: str,
    *,
    learning_rate: float,
    weight_decay: float,
    momentum: float,
    factors: Mapping[str, float] | None = None,
) -> Optimizer:
    """Return an optimizer over a network's parameters that learn, in which biases and norms are not decayed.

    Args:
        network: the network to train; parameters whose `requires_grad` is False are left out.
        name: a name in `OPTIMIZERS`.
        learning_rate: step size.
        weight_decay: decay of parameters with two or more dimensions; decoupled for adamw, a penalty otherwise.
        momentum: momentum of sgd (Nesterov's form), 0 for none.
        factors: what the learning rate of a parameter is multiplied by, above 0, by its name; 1 where it is not named.
            The groups come in order of their rates, the largest first.

    Source: notes §2.3.1, §2.5.3; Kingma & Ba 2015; Loshchilov & Hutter 2019.

    Example:
        >>> layers = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
        >>> chosen = {"learning_rate": 0.1, "weight_decay": 0.0, "momentum": 0.0}
        >>> [group["lr"] for group in make_optimizer(layers, "sgd", factors={"0.weight": 0.5}, **chosen).param_groups]
        [0.1, 0.05]
    """
    trained = [
        (each, (factors or {}).get(name, 1.0)) for name, each in network.named_parameters() if each.requires_grad
    ]
    groups: list[dict[str, object]] = []
    for factor in sorted({factor for _, factor in trained}, reverse=True):
        alike = [parameter for parameter, own in trained if own == factor]
        rate = {} if factor == 1 else {"lr": learning_rate * factor}
        groups.append({"params": [p for p in alike if p.ndim >= 2], "weight_decay": weight_decay, **rate})
        groups.append({"params": [p for p in alike if p.ndim < 2], "weight_decay": 0.0, **rate})
    return OPTIMIZERS[name]([group for group in groups if group["params"]], learning_rate, momentum)
