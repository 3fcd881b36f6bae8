"""The ledger: one line for each opening of the sealed test set, never rewritten."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from percept.errors import RunFolderError, WriteError
from percept.files import append_text
from percept.version import __version__

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Opening:
    """One opening of the test set.

    Attributes:
        number: 1 for the first, the only one whose figures nobody could have tuned to.
        time: when, in ISO 8601 with the zone.
        samples: how many test samples were predicted.
        figures: {"accuracy": {"value": .., "low": .., "high": ..}, ...}, 95 % intervals.
        model: digest of the model file.
        verdict: whether the network earned its place, in a sentence.
        baselines: by its name, figures of each baseline and a note on how it was fitted.
        tta: names of the views that the answers are the mean of; "" for the samples as they are.
        said: sentences on what these views brought and cost, and on the uncertainty by dropout.
        percept_version: version of percept that opened it.
        format_version: version of this line's format.
    """

    number: int
    time: str
    samples: int
    figures: dict[str, dict[str, float | None]]
    model: str
    verdict: str = ""
    baselines: dict[str, dict[str, Any]] | None = None
    tta: str = ""
    said: tuple[str, ...] = ()
    percept_version: str = __version__
    format_version: int = FORMAT_VERSION


def read_ledger(path: Path) -> tuple[Opening, ...]:
    """Return every opening so far, the first one first.

    Raises:
        RunFolderError: a line is damaged or of a newer format.
    """
    if not path.exists():
        return ()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RunFolderError(f"{path} cannot be read ({error}); put back the file as it was") from error
    openings = []
    for number, line in enumerate(lines, start=1):
        try:
            values: dict[str, Any] = json.loads(line)
            if values["format_version"] > FORMAT_VERSION:
                raise RunFolderError(
                    f"{path} line {number} has format {values['format_version']}, this percept ({__version__})"
                    f" reads up to {FORMAT_VERSION}; install a newer percept"
                )
            openings.append(Opening(**{**values, "said": tuple(values.get("said", ()))}))
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise RunFolderError(f"{path} line {number} is damaged ({error}); put back the file as it was") from error
    return tuple(openings)


def now() -> str:
    """Return the present time, to the second, with its zone."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def append_opening(path: Path, opening: Opening) -> None:
    """Add an opening at the end; on disk when this returns.

    Raises:
        WriteError: the disk is full or the folder cannot be written to.
    """
    try:
        append_text(path, json.dumps(asdict(opening)) + "\n")
    except WriteError as error:
        raise WriteError(f"{error}; the test figures are not shown unrecorded") from error
