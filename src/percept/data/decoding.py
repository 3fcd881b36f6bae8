"""Many pictures' files to pixels of one size, several at a time, in their order and in bounded memory."""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from percept.data.headers import UnreadableError, file_trouble
from percept.data.images import JPEG_EXTENSIONS, decode, resize
from percept.errors import OptionError

if TYPE_CHECKING:  # at run time it would import torch
    from percept.data.preprocessing import Resize

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class PixelSettings:
    """What the pixels of a picture are to be: see `ImagePreprocessing`, which has the same fields."""

    height: int
    width: int
    channels: int
    resize: "Resize"
    white: int

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise OptionError(f"size is {self.height} x {self.width}; expected 1 pixel or more on each side")
        if self.channels not in (1, 3):
            raise OptionError(f"channels is {self.channels}; expected 1 (grey) or 3 (color)")
        if not 1 <= self.white <= 65535:
            raise OptionError(f"white is {self.white}; expected 1 to 65535")


@dataclass(frozen=True)
class Decoded:
    """One picture, decoded and resized.

    Attributes:
        pixels: (height, width, channels) uint8; zeros where the file cannot be read.
        content: digest of the upright pixels before they were resized; "" where the file cannot be read.
        file: digest of the file's bytes.
        reason: why the file cannot be read, "" where it can.
    """

    pixels: NDArray[np.uint8]
    content: str
    file: bytes
    reason: str = ""


def decode_files(
    paths: Sequence[Path], settings: PixelSettings, threads: int | None = None
) -> Generator[Decoded, None, None]:
    """Yield every picture of some files, in their order.

    Args:
        paths: pictures' files; those that cannot be read are yielded with a reason, not raised.
        settings: what the pixels are to be.
        threads: how many files are decoded at a time; None takes as many as this process has processors.
    """
    mixed = mixes_jpeg(paths)
    return in_order(lambda path: _decode_file(path, settings, mixed), paths, threads)


def mixes_jpeg(paths: Sequence[Path]) -> bool:
    """Tell whether some but not all files are JPEG, so that one may hold the very pixels of another in another format.

    Only then are digests taken of pictures decoded in full and in color, which is slower.
    """
    return len({path.suffix.lower() in JPEG_EXTENSIONS for path in paths}) == 2


def in_order(
    function: Callable[[Item], Result], items: Sequence[Item], threads: int | None
) -> Generator[Result, None, None]:
    """Yield the function of each item in order, computed by threads that run only a few items ahead."""
    count = processors() if threads is None else threads
    if count < 1:
        raise OptionError(f"threads is {count}; expected 1 or more")
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(count) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > 4 * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux: containers and job schedulers give a part of the machine
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def content_digest(pixels: NDArray[np.uint8]) -> str:
    """Return a text that two pictures share only if their shape and every pixel are equal."""
    digest = hashlib.blake2b(str(pixels.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def file_digest(path: Path) -> bytes:
    """Return a digest of a file's bytes; all files that the system does not give share one."""
    try:
        return _digest(path.read_bytes())
    except OSError:
        return _digest(None)


def _decode_file(path: Path, settings: PixelSettings, mixed: bool) -> Decoded:
    """Return one picture; what goes wrong becomes its reason."""
    data = None
    try:
        data = path.read_bytes()
        longer = max(settings.height, settings.width)
        picture = whole = decode(data, channels=settings.channels, white=settings.white, minimum=longer)
        if mixed and (settings.channels == 1 or path.suffix.lower() in JPEG_EXTENSIONS):
            whole = decode(data, channels=3, white=settings.white, minimum=None)
    except (OSError, UnreadableError) as error:
        reason = error.reason if isinstance(error, UnreadableError) else file_trouble(error)
        nothing = np.zeros((settings.height, settings.width, settings.channels), np.uint8)
        return Decoded(nothing, "", _digest(data), reason)
    pixels = resize(picture, settings.height, settings.width, settings.resize)
    return Decoded(pixels, content_digest(whole), _digest(data))


def _digest(data: bytes | None) -> bytes:
    """Return a digest of a file's bytes, None for a file that the system does not give."""
    return b"not given" if data is None else hashlib.blake2b(data, digest_size=16).digest()
