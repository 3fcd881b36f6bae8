"""The version of percept, read by the package, the command and every file that percept writes."""

__version__ = "0.1.0"
