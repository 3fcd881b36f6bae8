"""Signals that ask the command to end: it stops where it is, says so in one sentence, and keeps what it has."""

import signal
import time
from types import FrameType

QUIET = 1.0  # seconds in which a second signal, such as a nervous Ctrl-C, is taken for the first


class Stopped(BaseException):
    """A signal asked the command to stop; raised wherever the command is.

    Args:
        number: the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number  # as a shell reports it: 130 after Ctrl-C, 143 after a plain kill


_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # there is no SIGHUP on Windows


def ignore_signals() -> None:
    """Let nothing disturb the last moments of a process: its exit code is decided, and what it says is said."""
    for name in _NAMES:
        if (number := getattr(signal, name, None)) is not None:
            signal.signal(number, signal.SIG_IGN)


def stop_on_signals() -> None:
    """Raise `Stopped` on Ctrl-C, on a plain kill, and when the terminal goes away; what is ignored stays ignored."""
    asked = 0.0

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if time.monotonic() - asked > QUIET:
            asked = time.monotonic()
            raise Stopped(number)

    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)
