"""How much memory a network's maps take, in training and in inference, found by running it without values."""

import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from percept.errors import PerceptError
from percept.nn.geometry.trace import META, SAMPLES, refused, without_weights


@dataclass(frozen=True)
class Memory:
    """Bytes that the maps of one sample take, by the name of the module that made them ("" is the network itself).

    Attributes:
        kept: made by the module and kept until the backward pass, which needs it.
        alive: the most that is in memory at one time while the module predicts.
    """

    kept: dict[str, int]
    alive: dict[str, int]


def memory(network: nn.Module, shape: Sequence[int]) -> Memory:
    """Return the memory of a network's maps, as torch keeps them when the network runs as it is written.

    Args:
        network: any network; it is left as it is.
        shape: of one sample.

    Raises:
        OptionError: it cannot run so; the sentence says why.
    """
    with without_weights(network, training=True):
        training = _Counter(network)
        outputs = training.run(shape, gradients=True)
        kept = {name: size // SAMPLES for name, size in training.held.items()}
        del outputs  # only now: what the backward pass needs hangs on them
    with without_weights(network, training=False):
        predicting = _Counter(network)
        predicting.run(shape, gradients=False)
    return Memory(kept, {name: size // SAMPLES for name, size in predicting.peaks.items()})


def step_bytes(
    network: nn.Module, shape: Sequence[int], samples: int, loss: Callable[[Any], Tensor], *, for_each_weight: int = 2
) -> int:
    """Return the most bytes that a training step holds at one time: weights, maps, gradients, and the optimizer's own.

    What the libraries below torch take for a moment, to lay out the numbers of a convolution anew, is not in it.

    Args:
        network: any network; it is left as it is.
        shape: of one sample.
        samples: of a step.
        loss: from what the network gives to a scalar, both on the meta device.
        for_each_weight: numbers that the optimizer keeps for each weight, 2 for Adam.

    Raises:
        OptionError: the network cannot run so; the sentence says why.

    Example:
        >>> step_bytes(nn.Linear(1000, 1, bias=False), (1000,), 1, lambda outputs: outputs.sum()) // 4000
        5
    """
    weights = [*network.parameters(), *network.buffers()]
    kept = sum(each.nbytes for each in weights)
    optimized = sum(each.nbytes for each in network.parameters() if each.requires_grad)
    with without_weights(network, training=True):
        counter = _Counter(network)
        counter.run(shape, samples, gradients=True, loss=loss)
    return kept + for_each_weight * optimized + counter.peaks[""]


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes that each module makes, and those of them that are still held."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.network = network
        self.names = {id(module): name for name, module in network.named_modules()}
        self.running = [""]  # the modules that run now, the innermost last
        self.held: dict[str, int] = defaultdict(int)
        self.peaks: dict[str, int] = defaultdict(int)
        self.total = 0
        weights = [*network.parameters(), *network.buffers()]
        self.seen = weakref.WeakSet[Any](each.untyped_storage() for each in weights)

    def run(
        self,
        shape: Sequence[int],
        samples: int = SAMPLES,
        *,
        gradients: bool,
        loss: Callable[[Any], Tensor] | None = None,
    ) -> Any:
        inputs = torch.empty(samples, *shape, device=META)
        try:
            with self, self._telling_modules(), torch.set_grad_enabled(gradients):
                self._add(inputs)
                outputs = self.network(inputs)
                if loss is not None:
                    loss(outputs).backward()  # type: ignore[no-untyped-call]
                return outputs
        except PerceptError:
            raise
        except Exception as error:  # whatever a user's code raises
            raise refused(f"{self.running[-1]} {type(self.network).__name__}".strip(), shape, error) from error

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        for each in tree_leaves(made):
            if isinstance(each, Tensor):
                self._add(each)
        return made

    def _add(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage in self.seen:
            return  # a view, or what was changed in place
        self.seen.add(storage)
        name, size = self.running[-1], storage.nbytes()
        self._change(name, size)
        weakref.finalize(storage, self._change, name, -size)
        for each in self.running:
            self.peaks[each] = max(self.peaks[each], self.total)

    def _change(self, name: str, size: int) -> None:
        self.held[name] += size
        self.total += size

    @contextmanager
    def _telling_modules(self) -> Iterator[None]:
        def enter(module: nn.Module, _: Any) -> None:
            self.running.append(self.names.get(id(module), self.running[-1]))
            self.peaks[self.running[-1]] = max(self.peaks[self.running[-1]], self.total)

        def leave(module: nn.Module, _: Any, __: Any) -> None:
            self.running.pop()

        handles = [hooks.register_module_forward_pre_hook(enter), hooks.register_module_forward_hook(leave)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
