"""What a step costs: its weights, written out as a formula, and the multiplications it needs."""

from collections.abc import Sequence
from math import prod
from typing import Any, cast

from torch import Tensor, fx, nn
from torch.utils.flop_counter import FlopCounterMode

from percept.nn.geometry.trace import SAMPLES, kind_of, layer_of, value_of, without_weights

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
PRODUCTS = ("matmul", "mm", "bmm", "addmm", "baddbmm", "einsum", "bilinear", "scaled_dot_product_attention")
"""Functions that multiply matrices; torch's own counter knows them."""


def weights_of(node: fx.Node) -> list[Tensor]:
    """Return the parameters that a step uses: those of its layer, or those that its function is given."""
    layer = layer_of(node)
    if layer is not None:
        return list(layer.parameters())
    return [value_of(each) for each in node.all_input_nodes if each.op == "get_attr"]


def formula(node: fx.Node) -> str:
    """Return how many weights a step has, written out: of a convolution rows x columns x inputs x filters + biases.

    Source: notes §3.3.1: (h_r h_c C) N_F + N_F.

    Example:
        >>> from percept.nn.geometry.trace import trace
        >>> formula(trace(nn.Sequential(nn.Conv2d(64, 128, 3)), (64, 8, 8)).nodes[1])
        '3x3x64x128 + 128'
    """
    layer = layer_of(node)
    ordered = isinstance(layer, (*CONVOLUTIONS, *TRANSPOSED, nn.Linear)) or kind_of(node).startswith(("conv", "linear"))
    transposed = isinstance(layer, TRANSPOSED) or "transpose" in kind_of(node)
    terms = []
    for weights in weights_of(node):
        sides = list(weights.shape)
        if ordered and len(sides) > 1:
            channels = sides[:2] if transposed else sides[1::-1]
            sides = [*sides[2:], *channels]
        terms.append("x".join(map(str, sides)) or "1")
    return " + ".join(terms)


def multiply_adds(node: fx.Node) -> int:
    """Return the multiplications, each with an addition, that a step needs for one sample.

    Counted are convolutions, linear layers and matrix products; the rest is little, and a batch normalization becomes
    part of the convolution before it where a network predicts.

    Source: notes §3.5.6.
    """
    layer, kind, value = layer_of(node), kind_of(node), value_of(node)
    if isinstance(value, Tensor) and (isinstance(layer, (*CONVOLUTIONS, *TRANSPOSED, nn.Linear)) or _by_function(kind)):
        weight = layer.weight if layer is not None else _argument(node, "weight", 1)
        if isinstance(layer, TRANSPOSED) or "transpose" in kind:
            return _numbers(value_of(node.all_input_nodes[0])) * prod(_shape(weight)[1:])
        return _numbers(value) * prod(_shape(weight)[1:])
    if kind in PRODUCTS or isinstance(layer, nn.MultiheadAttention | nn.RNNBase | nn.Bilinear):
        return _counted_by_torch(node)
    return 0


def _by_function(kind: str) -> bool:
    return kind == "linear" or kind.startswith(("conv1d", "conv2d", "conv3d", "conv_transpose"))


def _argument(node: fx.Node, name: str, position: int) -> Any:
    given = node.args[position] if position < len(node.args) else node.kwargs[name]
    return value_of(given) if isinstance(given, fx.Node) else given


def _shape(weight: Any) -> Sequence[int]:
    shape: Sequence[int] = weight.shape
    return shape


def _numbers(value: Tensor) -> int:
    return value.numel() // SAMPLES


def _counted_by_torch(node: fx.Node) -> int:
    args: Any = fx.map_arg(node.args, value_of)
    kwargs: Any = fx.map_arg(node.kwargs, value_of)
    layer, target = layer_of(node), cast(Any, node.target)
    with FlopCounterMode(display=False) as counter:
        if layer is not None:
            with without_weights(layer, training=False):
                layer(*args, **kwargs)
        elif node.op == "call_method":
            getattr(args[0], target)(*args[1:], **kwargs)
        else:
            target(*args, **kwargs)
    return int(counter.get_total_flops()) // 2 // SAMPLES
