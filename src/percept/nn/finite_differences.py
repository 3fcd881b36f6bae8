"""The numerical check of a gradient: what the loss does when one number moves a little to either side."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from percept.nn.losses import Loss
from percept.nn.passes import BatchPass, same_state, watching

KINK = 1e-4
"""Relative difference of the slopes to either side from which they belong to a kink; a smooth loss's differ by less."""
CLOSE = 1e-5
"""Relative error from which a gradient is looked at again, from nearer by: more than one kink may lie in the way."""


@dataclass(frozen=True)
class Check:
    """One entry of a gradient beside the slope of the loss.

    Attributes:
        name: the parameter, or the call of a layer, that the entry belongs to.
        entry: its place in the flattened tensor.
        gradient: what backpropagation gives.
        left: slope of the loss just below.
        right: slope of the loss just above; unlike `left` at a kink, such as a rectifier's at 0.
        noise: slopes below this are lost in rounding.
    """

    name: str
    entry: int
    gradient: float
    left: float
    right: float
    noise: float

    @property
    def error(self) -> float:
        """How far the gradient is from the slope, relative to the larger of them; 0 between the slopes of a kink."""
        central = (self.left + self.right) / 2
        size = max(abs(self.gradient), abs(central), self.noise)
        low, high = sorted((self.left, self.right))
        if high - low > KINK * size + self.noise:  # any slope between the two is a right answer
            return max(low - self.gradient, self.gradient - high, 0.0) / size
        return abs(self.gradient - central) / size


def check_gradients(done: BatchPass, inputs: Tensor, targets: Tensor, loss: Loss, *, entries: int = 3) -> list[Check]:
    """Compare gradients with finite differences at some entries of every parameter and of every layer's output.

    Args:
        done: the pass, in float64 for differences that mean something.
        inputs: (samples, ...) what went in.
        targets: (samples, ...) what the loss compared with.
        loss: the loss of the pass.
        entries: of each tensor: the one with the largest gradient, the others at random.

    Returns:
        A check for each entry, parameters first.

    Source: notes §2.3.3; the central difference (E(w + h) - E(w - h)) / 2h, h about the cube root of the precision.
    """
    precision = float(torch.finfo(done.loss.dtype).eps)
    rounding = 100 * precision * (1 + abs(float(done.loss.detach())))
    checks = []

    def check(name: str, entry: int, gradient: float, h: float, moved: Callable[[int, float], float]) -> Check:
        below, here, above = moved(entry, -h), moved(entry, 0.0), moved(entry, h)
        return Check(name, entry, gradient, (here - below) / h, (above - here) / h, rounding / h)

    def add(name: str, gradient: Tensor, size: float, moved: Callable[[int, float], float]) -> None:
        h = precision ** (1 / 3) * max(1.0, size)
        for entry in _entries(gradient, entries):
            slope = float(gradient.flatten()[entry])
            found = check(name, entry, slope, h, moved)
            if found.error > CLOSE:
                nearer = (check(name, entry, slope, h * factor, moved) for factor in (0.1, 0.01))
                found = min(found, *nearer, key=lambda each: each.error)
            checks.append(found)

    for name, gradient in done.gradients.items():
        parameter = done.network.get_parameter(name)
        add(
            name,
            gradient,
            float(parameter.detach().abs().max()),
            _by_parameter(done.network, parameter, inputs, targets, loss),
        )
    for call, each in enumerate(done.layers):
        size = float(each.value.detach().square().mean().sqrt())
        add(each.name, each.gradient, size, _by_output(done, call, inputs, targets, loss))
    return checks


def _entries(gradient: Tensor, count: int) -> list[int]:
    generator = torch.Generator().manual_seed(0)
    largest = int(gradient.abs().flatten().argmax())
    others = torch.randint(gradient.numel(), (count - 1,), generator=generator).tolist()
    return list(dict.fromkeys([largest, *others]))


def _by_parameter(
    network: nn.Module, parameter: Tensor, inputs: Tensor, targets: Tensor, loss: Loss
) -> Callable[[int, float], float]:
    def moved(entry: int, shift: float) -> float:
        place = torch.unravel_index(torch.tensor(entry), parameter.shape)
        before = parameter[place].item()
        with torch.no_grad(), same_state(network, inputs.device):
            parameter[place] = before + shift
            value = float(loss(network(inputs), targets))
            parameter[place] = before
        return value

    return moved


def _by_output(
    done: BatchPass, call: int, inputs: Tensor, targets: Tensor, loss: Loss
) -> Callable[[int, float], float]:
    wanted = done.layers[call]
    earlier = sum(each.layer is wanted.layer for each in done.layers[:call])

    def moved(entry: int, shift: float) -> float:
        calls = -1
        here = False

        def seen(name: str, layer: nn.Module, taken: Tensor | None, value: Tensor) -> None:
            nonlocal calls, here
            calls += layer is wanted.layer
            here = layer is wanted.layer and calls == earlier

        def shifted(value: Tensor) -> Tensor:
            copy = value.clone()
            if here:
                copy[torch.unravel_index(torch.tensor(entry), copy.shape)] += shift
            return copy

        with torch.no_grad(), same_state(done.network, inputs.device), watching(done.network, seen, shifted):
            return float(loss(done.network(inputs), targets))

    return moved
