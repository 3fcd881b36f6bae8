"""What a network is: architectures by name, and the file that keeps a trained one."""

from percept.models.architecture import Architecture
from percept.models.building import arguments_for, build, choose_size, names, require_task
from percept.models.catalog import MODELS
from percept.models.pretrained import load_weights

__all__ = ["MODELS", "Architecture", "arguments_for", "build", "choose_size", "load_weights", "names", "require_task"]
