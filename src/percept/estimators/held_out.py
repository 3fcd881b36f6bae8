"""Which samples are trained on and which are held out to say when training should stop.

Source: notes §2.5.2 (early stopping).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from percept.errors import DataError

Rows = NDArray[np.int64]


def hold_out(
    samples: int, fraction: float, generator: np.random.RandomState, strata: NDArray[Any] | None
) -> tuple[Rows, Rows]:
    """Return the rows to train on and the rows held out, drawn as scikit-learn draws them.

    Args:
        samples: how many there are.
        fraction: of them to hold out.
        generator: drawn from.
        strata: (samples,) whose proportions both sides keep, or None.

    Raises:
        DataError: fewer than two samples would be held out.
        ValueError: the strata cannot be split.

    Example:
        >>> train, held = hold_out(10, 0.2, np.random.RandomState(0), None)
        >>> len(train), len(held)
        (8, 2)
    """
    rows, held = train_test_split(np.arange(samples), random_state=generator, test_size=fraction, stratify=strata)
    if len(held) < 2:
        raise DataError(
            f"The validation set is too small: validation_fraction={fraction:g} of {samples} samples is {len(held)} and"
            " 2 are needed; raise validation_fraction or give more samples"
        )
    return rows, held
