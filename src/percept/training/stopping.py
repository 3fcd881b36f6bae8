"""When to stop, and which epoch's weights to keep."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from percept.training.loop import Epoch, Steps


@dataclass(frozen=True)
class Best:
    """The best epoch so far by the metric, with its weights.

    Attributes:
        epoch: its number; 0 before the first.
        value: its metric.
        loss: its validation loss, which decides between epochs of one metric.
        weights: a copy of the network's state at its end.
    """

    epoch: int
    value: float
    loss: float
    weights: dict[str, Tensor]


NOTHING_YET = Best(0, math.nan, math.nan, {})


def keep_best(
    epochs: Iterable[Epoch | Steps],
    network: nn.Module,
    *,
    metric: str,
    higher_is_better: bool,
    patience: int,
    best: Best = NOTHING_YET,
    first: int = 1,
) -> Iterator[tuple[Epoch, Best] | Steps]:
    """Yield each epoch with the best one so far, and stop after `patience` epochs without a better one.

    Of epochs with the same figure, as a share of few samples often is, the one with the lower loss is better.

    Args:
        epochs: what `train` yields.
        network: the network that is being trained, whose weights are copied.
        metric: name of the validation figure to go by.
        higher_is_better: whether a larger figure is a better one.
        patience: epochs without a better figure before the end; 0 never stops early.
        best: the best so far, when going on from a checkpoint.
        first: number of the epoch from which patience counts.

    Source: notes §2.5.2; Prechelt 1998, "Early Stopping - But When?".
    """
    for epoch in epochs:
        if isinstance(epoch, Steps):
            yield epoch
            continue
        value, loss = epoch.figures[metric], epoch.figures["loss"]
        better = value > best.value if higher_is_better else value < best.value
        if better or (value == best.value and loss < best.loss) or not best.weights:
            copies = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
            best = Best(epoch.number, value, loss, copies)
        yield epoch, best
        if patience and epoch.number - max(best.epoch, first - 1) >= patience:
            return
