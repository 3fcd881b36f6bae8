"""Which of torch's layers, functions and methods do what in space."""

from collections.abc import Callable

from torch import fx, nn

from percept.nn.geometry.operations import Operation, Unknown
from percept.nn.geometry.readings import (
    Call,
    adaptive,
    convolution,
    cut,
    flip,
    joined,
    layer_norm,
    linear,
    map_norm,
    narrow,
    pad,
    parted,
    permuted,
    pooling,
    reduce,
    reshaped,
    resize,
    shuffled,
    softmax,
    stacked,
    transposed,
)
from percept.nn.geometry.shapes import ELEMENTWISE
from percept.nn.geometry.trace import kind_of, layer_of


def operation(node: fx.Node) -> Operation:
    """Return what a step does in space.

    Args:
        node: a step of a trace, with at least one input.
    """
    layer = layer_of(node)
    call = Call(node, layer)
    if layer is not None:
        known = next((LAYERS[each] for each in type(layer).__mro__ if each in LAYERS), None)
    else:
        home = getattr(node.target, "__module__", None) or "torch"
        ours = node.op == "call_method" or home.partition(".")[0] in ("torch", "_operator", "builtins")
        known = FUNCTIONS.get(kind_of(node)) if ours else None
    return Unknown("percept does not know which pixels it takes together") if known is None else known(call)


LAYERS: dict[type[nn.Module], Callable[[Call], Operation]] = {
    **dict.fromkeys((*ELEMENTWISE, nn.Softmax2d, nn.ChannelShuffle), joined),
    **dict.fromkeys((nn.Conv1d, nn.Conv2d, nn.Conv3d), convolution),
    **dict.fromkeys((nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), transposed),
    **dict.fromkeys((nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d), pooling(4)),
    **dict.fromkeys((nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d), pooling(None)),
    **dict.fromkeys((nn.LPPool1d, nn.LPPool2d), pooling(None)),
    **dict.fromkeys((nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d), adaptive),
    **dict.fromkeys((nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d), adaptive),
    **dict.fromkeys((nn.Upsample, nn.UpsamplingNearest2d, nn.UpsamplingBilinear2d), resize),
    **dict.fromkeys((nn.PixelShuffle, nn.PixelUnshuffle), shuffled),
    **dict.fromkeys((nn.ZeroPad2d, nn.ConstantPad2d, nn.ReflectionPad2d, nn.ReplicationPad2d), pad),
    **dict.fromkeys((nn.GroupNorm, nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d), map_norm),
    **dict.fromkeys((nn.Softmax, nn.LogSoftmax), softmax),
    nn.LayerNorm: layer_norm,
    nn.Linear: linear,
    **dict.fromkeys((nn.Flatten, nn.Unflatten), reshaped),
}
"""What each layer does; a layer derived from one of them and called as a whole does the same."""

ELEMENTWISE_FUNCTIONS = (
    *(
        "relu",
        "relu_",
        "relu6",
        "leaky_relu",
        "prelu",
        "elu",
        "celu",
        "selu",
        "gelu",
        "silu",
        "mish",
        "softplus",
        "softsign",
        "sigmoid",
        "tanh",
    ),
    *(
        "hardtanh",
        "hardsigmoid",
        "hardswish",
        "logsigmoid",
        "threshold",
        "dropout",
        "dropout1d",
        "dropout2d",
        "dropout3d",
    ),
    *(
        "alpha_dropout",
        "batch_norm",
        "local_response_norm",
        "add",
        "sub",
        "mul",
        "div",
        "truediv",
        "neg",
        "abs",
        "exp",
        "log",
        "log1p",
        "sqrt",
        "rsqrt",
        "square",
        "pow",
        "sign",
    ),
    *(
        "clamp",
        "clamp_min",
        "clamp_max",
        "maximum",
        "minimum",
        "where",
        "add_",
        "sub_",
        "mul_",
        "div_",
        "iadd",
        "isub",
        "imul",
        "contiguous",
        "clone",
        "detach",
        "to",
        "float",
        "double",
        "half",
        "bfloat16",
        "type_as",
        "expand",
        "expand_as",
        "lerp",
    ),
)
FUNCTIONS: dict[str, Callable[[Call], Operation]] = {
    **dict.fromkeys(ELEMENTWISE_FUNCTIONS, joined),
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), convolution),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), transposed),
    **dict.fromkeys(("max_pool1d", "max_pool2d", "max_pool3d"), pooling(4)),
    **dict.fromkeys(("avg_pool1d", "avg_pool2d", "avg_pool3d"), pooling(None)),
    **dict.fromkeys(("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"), adaptive),
    **dict.fromkeys(("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"), adaptive),
    **dict.fromkeys(("interpolate", "upsample"), resize),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle"), shuffled),
    **dict.fromkeys(("mean", "sum", "amax", "amin", "var", "std"), reduce),
    **dict.fromkeys(("softmax", "log_softmax"), softmax),
    **dict.fromkeys(("group_norm", "instance_norm"), map_norm),
    **dict.fromkeys(("cat", "concat", "concatenate"), stacked),
    **dict.fromkeys(("chunk", "split"), parted),
    **dict.fromkeys(("flatten", "view", "reshape", "squeeze", "unsqueeze", "unflatten", "ravel"), reshaped),
    **dict.fromkeys(("permute", "transpose", "swapaxes"), permuted),
    "layer_norm": layer_norm,
    "linear": linear,
    "pad": pad,
    "slice": cut,
    "narrow": narrow,
    "flip": flip,
}
"""What each function or method of a tensor does, by its name."""
