"""Files that are whole or not there: written aside, flushed to disk, then renamed over the old one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from percept.errors import WriteError


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file whose content takes the place of `path` when the block ends well.

    Args:
        path: the file to write; its folder is made if it is missing.

    Yields:
        A binary file; text goes through `write_text`.

    Raises:
        WriteError: the disk is full or the folder cannot be written to; a file that was there stays as it was.
    """
    aside = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        kept = "; the file that was there is unchanged" if path.is_file() else ""
        reason = error.strerror or error
        raise WriteError(f"{path} cannot be written ({reason}); make room or choose another folder{kept}") from error
    finally:
        with suppress(OSError):  # what went wrong before matters more than what is left
            aside.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8 with plain line ends, whole or not at all.

    Args:
        path: the file to write.
        text: what it will hold.

    Raises:
        WriteError: the disk is full or the folder cannot be written to.
    """
    with replacing(path) as file:
        file.write(text.encode())
