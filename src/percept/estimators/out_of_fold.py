"""What each candidate answered for the samples that were left out, by as many networks as left each of them out."""

import numpy as np
from numpy.typing import NDArray

from percept.selection.splits import Rows
from percept.training.stacked.design import Floats


class OutOfFold:
    """Answers by candidate and sample.

    Args:
        samples: how many there are.
        candidates: how many there are.
        width: answers to each sample.
    """

    def __init__(self, samples: int, candidates: int, width: int) -> None:
        self.sums = np.zeros((candidates, samples, width))
        self.times = np.zeros((candidates, samples), np.intp)

    def add(self, candidate: int, rows: Rows, answers: Floats, columns: NDArray[np.intp]) -> None:
        """Take in the answers (rows, columns) of one network for rows that it was not trained on.

        Args:
            candidate: its number.
            rows: of the samples.
            answers: (rows, columns).
            columns: which of all answers they are; a fold may lack a class.
        """
        self.sums[candidate, rows[:, None], columns] += answers
        self.times[candidate, rows] += 1

    def of(self, candidate: int) -> NDArray[np.float64]:
        """Return the mean answers (samples, width) of a candidate, NaN for samples that were never left out."""
        with np.errstate(invalid="ignore"):
            found: NDArray[np.float64] = self.sums[candidate] / self.times[candidate, :, None]
        return found
