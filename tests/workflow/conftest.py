"""Small pictures that a network learns to tell apart in seconds."""

import numpy as np
import pytest
from numpy.typing import NDArray

Pictures = tuple[NDArray[np.uint8], NDArray[np.str_]]


@pytest.fixture(scope="session")
def bars() -> Pictures:
    """Return (90, 12, 12, 1) noisy pictures of a bar that lies or stands, and their labels."""
    random = np.random.default_rng(0)
    pictures = random.integers(0, 120, (90, 12, 12, 1), dtype=np.uint8)
    labels = np.where(np.arange(90) % 3 == 0, "lying", "standing")
    for picture, label in zip(pictures, labels, strict=True):
        place = random.integers(2, 9)
        (picture if label == "lying" else picture.transpose(1, 0, 2))[place : place + 2] = 250
    return pictures, labels
