"""The blocks that convolutional networks are stacked from, one concept a file."""

from percept.nn.blocks.checkpointing import Checkpointed
from percept.nn.blocks.convolution import ConvNormAct, NormActConv
from percept.nn.blocks.dense import DenseLayer, dense_block, transition
from percept.nn.blocks.fully_connected import hidden_layers, scores_layer
from percept.nn.blocks.inception import Inception
from percept.nn.blocks.mbconv import MBConv, SqueezeExcite, StochasticDepth
from percept.nn.blocks.mlpconv import MlpConv
from percept.nn.blocks.residual import BasicResidual, BottleneckResidual, PaddedIdentity, Shortcut
from percept.nn.blocks.separable import DepthwiseSeparable
from percept.nn.blocks.upsampling import (
    UP_CONVOLUTION_LOSSES,
    UPSAMPLINGS,
    BedOfNails,
    transposed,
    up_convolution,
    upsampling,
)
from percept.nn.blocks.wide import WideResidual

__all__ = [
    "UPSAMPLINGS",
    "UP_CONVOLUTION_LOSSES",
    "BasicResidual",
    "BedOfNails",
    "BottleneckResidual",
    "Checkpointed",
    "ConvNormAct",
    "DenseLayer",
    "DepthwiseSeparable",
    "Inception",
    "MBConv",
    "MlpConv",
    "NormActConv",
    "PaddedIdentity",
    "Shortcut",
    "SqueezeExcite",
    "StochasticDepth",
    "WideResidual",
    "dense_block",
    "hidden_layers",
    "scores_layer",
    "transition",
    "transposed",
    "up_convolution",
    "upsampling",
]
