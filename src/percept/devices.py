"""Where the arithmetic happens: the device, its threads, and the precision it gains from."""

import math
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import psutil
import torch

from percept.errors import OptionError

Precision = Literal["float32", "bfloat16"]


def choose_device(name: str = "auto") -> torch.device:
    """Return the device of that name.

    Args:
        name: "auto" (a GPU if there is one, else the CPU), "cpu", "cuda", "cuda:1", "mps".

    Raises:
        OptionError: the name is unknown, or this machine has no such device.

    Example:
        >>> choose_device("cpu")
        device(type='cpu')
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        raise OptionError(f"device is {name!r}; expected auto, cpu, cuda, cuda:0 or mps") from None
    present = {
        "cpu": 1,
        "cuda": torch.cuda.device_count(),
        "mps": int(torch.backends.mps.is_available()),
    }.get(device.type)
    if present is None:
        raise OptionError(f"device is {name!r}; expected auto, cpu, cuda, cuda:0 or mps")
    if (device.index or 0) >= present:
        raise OptionError(f"device {name!r} is not on this machine; use device cpu, or auto to let percept choose")
    return device


def choose_threads(count: int | None) -> int:
    """Return how many threads to use: `count`, or as many as torch uses now for None.

    Raises:
        OptionError: it is less than 1.
    """
    if count is not None and count < 1:
        raise OptionError(f"threads is {count}; expected 1 or more")
    return count or torch.get_num_threads()


@contextmanager
def using_threads(count: int | None) -> Iterator[None]:
    """Hold torch to `count` threads, None leaving it as it is, and put it back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(choose_threads(count))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def choose_precision(name: str, device: torch.device, *, gains: bool) -> Precision:
    """Return the precision to compute in; weights and files stay float32.

    Args:
        name: "auto", "float32" or "bfloat16"; auto takes bfloat16 where the network gains from it and the
            device multiplies it natively.
        device: where the network runs.
        gains: whether the network is large enough to run faster so.
    """
    if name == "float32" or name == "bfloat16":
        return name  # type: ignore[return-value]
    if name != "auto":
        raise OptionError(f"precision is {name!r}; expected auto, float32 or bfloat16")
    if not gains:
        return "float32"
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    native = device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
    return "bfloat16" if native else "float32"


@contextmanager
def full_float32() -> Iterator[None]:
    """Let float32 on a GPU be float32; without this, torch's convolutions there keep 10 bits of a number's 23.

    Afterwards, and where several threads are within, once the last of them has left, torch computes as it did before.

    Source: the TensorFloat-32 section of torch's notes on CUDA.
    """
    with _LOCK:
        _WITHIN.append([(kind, kind.fp32_precision) for kind in _KINDS] if not _WITHIN else [])
        for kind in _KINDS:
            kind.fp32_precision = "ieee"
    try:
        yield
    finally:
        with _LOCK:
            if len(_WITHIN) > 1:
                _WITHIN.pop()
            else:
                for kind, before in _WITHIN.pop():
                    kind.fp32_precision = before


_LOCK = threading.Lock()
_CUDNN: Any = torch.backends.cudnn  # whose kinds of operations torch declares at run time
_KINDS = (_CUDNN.conv, _CUDNN.rnn, torch.backends.cuda.matmul)
_WITHIN: list[list[tuple[Any, str]]] = []  # for each thread or call within; the first holds how torch computed before


def parse_memory(size: str | float) -> int:
    """Return the bytes that a text such as "4GB" means; a unit is 1000 of the one before, with an i 1024.

    Args:
        size: a number of bytes, or such a text.

    Raises:
        OptionError: it is no such size.

    Example:
        >>> parse_memory("4GB"), parse_memory("500 MB"), parse_memory("1 GiB"), parse_memory(1e9)
        (4000000000, 500000000, 1073741824, 1000000000)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(?:([kmgt]?)|([kmgt])i)b?\s*", str(size).lower())
    if isinstance(size, int | float):
        found_bytes = float(size)
    elif found is None:
        found_bytes = 0.0
    else:
        found_bytes = float(found[1]) * 1000 ** " kmgt".index(found[2] or " ") * 1024 ** " kmgt".index(found[3] or " ")
    if not 1 <= found_bytes < math.inf:
        raise OptionError(f"memory is {size!r}; expected a size such as 4GB or 500MB")
    return int(found_bytes)


def free_memory(device: torch.device) -> int:
    """Return the bytes that are free on a device now.

    Args:
        device: a CPU or a GPU.
    """
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)
