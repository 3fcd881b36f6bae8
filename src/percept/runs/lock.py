"""One process trains a run at a time: a lock on a file, let go by the system itself when the process is killed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from percept.errors import RunFolderError
from percept.runs.folder import RunFolder


@contextmanager
def locked(folder: RunFolder) -> Iterator[None]:
    """Hold the lock of a run while the block runs.

    Args:
        folder: the run.

    Raises:
        RunFolderError: another process holds it.
    """
    path = folder.lock
    with path.open("ab") as file:
        if not _taken(file):
            raise RunFolderError(
                f"another percept is training {folder.path} at this moment; wait until it has ended, or stop it first"
            )
        try:
            yield
        finally:
            with suppress(OSError):  # where an open file cannot be removed, it stays, and does no harm
                path.unlink()


if sys.platform == "win32":
    import msvcrt

    def _taken(file: BinaryIO) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _taken(file: BinaryIO) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks: go on, as one process is what there nearly always is
            return True
        return True
