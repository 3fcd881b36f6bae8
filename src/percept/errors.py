"""What can go wrong, in the user's words: one sentence with what was got, what was expected, what to do."""


class PerceptError(Exception):
    """The base of every error that percept raises about the user's input; the command prints it and exits 2."""


class OptionError(PerceptError, ValueError):
    """An argument or command-line option has a value that does not work."""


class DataError(PerceptError, ValueError):
    """The user's data cannot be used as it is."""


class ModelFileError(PerceptError, ValueError):
    """A model file is missing, corrupt, truncated, or of a format that this version does not read."""


class RunFolderError(PerceptError, ValueError):
    """A run folder is missing, unfinished, already taken, or of a format that this version does not read."""


class PerceptWarning(UserWarning):
    """Something the user should know although the work goes on."""


class TrainingError(PerceptError, RuntimeError):
    """Training went wrong in a way that more epochs will not mend, such as a loss that is no longer finite."""


class WriteError(PerceptError, OSError):
    """A file cannot be written; what was there before is unchanged."""
