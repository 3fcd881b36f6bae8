"""Files that are whole or not there: written aside, flushed to disk, then renamed; or longer by whole lines."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from percept.errors import WriteError

_ASIDE = re.compile(r".+\.\d+\.partial")  # what `replacing` writes to: the file's name and the process's number


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


def append_text(path: Path, text: str) -> None:
    """Add text at the end of a file in UTF-8, all of it or nothing; on disk when this returns.

    Args:
        path: the file, made if it is missing.
        text: what is added, whole lines.

    Raises:
        WriteError: the disk is full or the folder cannot be written to; what was there is unchanged.
    """
    before: bytes | None = None
    try:
        before = path.read_bytes() if path.exists() else b""
        with path.open("ab", buffering=0) as file:
            data = (b"" if before.endswith(b"\n") or not before else b"\n") + text.encode()
            while data:
                data = data[file.write(data) :]
            os.fsync(file.fileno())
    except OSError as error:
        if before is not None:
            with suppress(OSError):  # half a line would be read as damage
                os.truncate(path, len(before))
        reason = error.strerror or error
        raise WriteError(f"{path} cannot be written ({reason}); make room; what was there is unchanged") from error


def is_aside(path: Path) -> bool:
    """Return whether a file is one that `replacing` was writing when its process was killed, if nobody writes now.

    Example:
        >>> is_aside(Path("recipe.toml.417.partial")), is_aside(Path("recipe.toml"))
        (True, False)
    """
    return _ASIDE.fullmatch(path.name) is not None
