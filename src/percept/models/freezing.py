"""Which part of a network learns: the rest keeps its weights, its running averages, and its dropout off."""

from types import MethodType

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from percept.errors import OptionError
from percept.models.parts import Parts


def stages_to_train(level: str, stages: int) -> int:
    """Return how many of the last stages of a body are to be trained, beside its head.

    Args:
        level: "head", "last:K" or "all".
        stages: stages of the body.

    Raises:
        OptionError: it is none of these, or the body has no K stages.

    Example:
        >>> stages_to_train("head", 5), stages_to_train("last:2", 5), stages_to_train("all", 5)
        (0, 2, 5)
    """
    word, _, number = level.partition(":")
    if level in ("head", "all"):
        return stages if level == "all" else 0
    if word == "last" and number.isdecimal() and 1 <= int(number) <= stages:
        return int(number)
    last = f", last:1 to last:{stages}" if stages else ""
    raise OptionError(f"transfer is {level!r}; expected head{last} or all: the body has {stages} stages")


def freeze(network: nn.Module, parts: Parts, stages: int) -> None:
    """Let the head and the last stages of the body learn, and nothing else; a later call changes what learns.

    What does not learn has `requires_grad` False and stays in evaluation mode whenever `network.train()` is called: its
    batch normalizations neither use nor move averages of the batch, its dropout lets everything through. A module that
    holds both kinds, and so would behave as in training for all of them, stays in evaluation mode too; auxiliary heads
    learn only with the whole network.

    Args:
        network: changed in place.
        parts: its parts, from `find_parts`.
        stages: how many stages learn, counted from the head; all of them means the whole network.

    Source: notes §3.4.2, step 3, and §2.3.4.

    Example:
        >>> from percept.models.parts import find_parts
        >>> network = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2))
        >>> freeze(network, find_parts(network, (4,)), stages=0)
        >>> network.train()[1].training, [each.requires_grad for each in network.parameters()]
        (False, [False, False, False, False, True, True])
    """
    whole = stages >= len(parts.stages)
    learning = [*parts.stages[len(parts.stages) - stages :], parts.head]
    weights = {name for part in learning for name in part.weights}
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(whole or name in weights)
    network.__dict__.pop("train", None)
    still = () if whole else _still(network, {name for part in learning for name in part.layers})
    if still:
        _hold(network, still)
    network.train(network.training)


def hold_normalization(network: nn.Module) -> None:
    """Keep the batch normalizations of a trained network in evaluation mode; their scales and shifts still learn.

    The averages that it was trained with hold on: those of a few pictures, whose pixels are much alike, are no match.

    Args:
        network: changed in place.

    Source: notes §3.4.2, step 3.

    Example:
        >>> network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        >>> hold_normalization(network)
        >>> network.train()[1].training, network[0].training, network[1].weight.requires_grad
        (False, True, True)
    """
    held = tuple(name for name, module in network.named_modules() if isinstance(module, _BatchNorm))
    if held:
        _hold(network, held)
    network.train(network.training)


def _still(network: nn.Module, learning: set[str]) -> tuple[str, ...]:
    """Return the names of the modules that are to stay in evaluation mode: all but those that learn as a whole."""
    leaves = [name for name, module in network.named_modules() if not any(True for _ in module.children())]
    resting = [leaf for leaf in leaves if not any(leaf == each or leaf.startswith(f"{each}.") for each in learning)]
    return tuple(
        name
        for name, _ in network.named_modules()
        if any(leaf == name or leaf.startswith(f"{name}." if name else "") for leaf in resting)
    )


def _hold(network: nn.Module, still: tuple[str, ...]) -> None:
    """Give a network a `train` of its own, which a deep copy takes along."""

    def train(self: nn.Module, mode: bool = True) -> nn.Module:
        type(self).train(self, mode)
        for name in still:
            self.get_submodule(name).training = False
        return self

    network.train = MethodType(train, network)  # type: ignore[method-assign]
