"""What a network is: architectures by name, and the file that keeps a trained one."""

from percept.models.architecture import MODELS, Architecture, arguments_for, build, choose_size, names

__all__ = ["MODELS", "Architecture", "arguments_for", "build", "choose_size", "names"]
