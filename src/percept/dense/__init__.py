"""From one answer a picture to one a pixel: any classifier, exactly, at any size."""

from percept.dense.classifier import convolutionalize, densify
from percept.dense.counting import Found, find_objects
from percept.dense.network import DenseNetwork
from percept.dense.tiles import predict_tiled

__all__ = ["DenseNetwork", "Found", "convolutionalize", "densify", "find_objects", "predict_tiled"]
