"""Random numbers that repeat: from one generator on the CPU, the same for every device."""

import numpy as np
import torch
from torch import Tensor


def generator_of(*numbers: int) -> torch.Generator:
    """Return a generator that depends on some numbers alone, so that training which goes on repeats what it drew.

    Args:
        numbers: each 0 or more, such as the seed, the epoch, the step and the process.

    Example:
        >>> first, again = (torch.rand(1, generator=generator_of(0, 3, 7)) for _ in range(2))
        >>> bool(first == again)
        True
    """
    seed = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(seed >> np.uint64(1)))  # torch takes 63 bits


def on_device(generator: torch.Generator, device: torch.device) -> torch.Generator:
    """Return a generator on a device that continues one on the CPU, for draws as large as pictures."""
    if device == generator.device:
        return generator
    return torch.Generator(device).manual_seed(int(torch.randint(2**62, (), generator=generator)))


def uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """Return (count,) float64 from low to high."""
    return low + (high - low) * torch.rand(count, generator=generator, dtype=torch.float64)


def either_way(count: int, reach: float, generator: torch.Generator) -> Tensor:
    """Return (count,) float64 from -reach to reach."""
    return uniform(count, -reach, reach, generator)


def half(count: int, generator: torch.Generator) -> Tensor:
    """Return (count,) bool, each true with a chance of one half."""
    return torch.rand(count, generator=generator) < 0.5


def whole(count: int, reach: int, generator: torch.Generator) -> Tensor:
    """Return (count,) float64 whole numbers from -reach to reach, each as likely."""
    return torch.randint(-reach, reach + 1, (count,), generator=generator).to(torch.float64)
