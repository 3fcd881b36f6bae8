"""What is counted in pictures: a class, from which probability on, and how far apart its objects are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.dense.counting import Found, find_objects
from percept.errors import OptionError
from percept.models.file import TrainedModel

THRESHOLD = 0.5


@dataclass(frozen=True)
class Counting:
    """What is counted.

    Attributes:
        name: of the class.
        number: of the class.
        threshold: probability that an object reaches.
        distance: pixels that two objects are apart at least, along the rows or the columns.
    """

    name: str
    number: int
    threshold: float
    distance: tuple[float, float]

    def find(self, scores: NDArray[np.float32]) -> Found:
        """Return the objects in a picture.

        Args:
            scores: (classes, height, width) of each pixel.
        """
        # in float64, where probabilities close to 1 still differ
        every = np.logaddexp.reduce(scores, axis=0, dtype=np.float64)
        return find_objects(np.exp(scores[self.number] - every), self.distance, threshold=self.threshold)


def counting_of(
    model: TrainedModel, count: str | None, threshold: float | None = None, distance: float | None = None
) -> Counting | None:
    """Return what is to be counted; None for nothing.

    Args:
        model: that of the run.
        count: name of a class; None for none.
        threshold: probability that an object reaches, above 0 and at most 1; None for 0.5.
        distance: pixels that two objects are apart at least; None for half of the patch that is classified.

    Raises:
        OptionError: there is no such class, or a number is out of range.
    """
    if count is None:
        given = {"--threshold": threshold, "--distance": distance}
        for option, value in given.items():
            if value is not None:
                raise OptionError(f"{option} is {value:g}, but nothing is counted; name a class with --count")
        return None
    form = model.preprocessing
    if not isinstance(form, PixelPreprocessing):
        raise ValueError("a model that gives a class for every pixel has its preprocessing")
    if count not in model.classes:
        raise OptionError(f"--count is {count!r}; expected one of {', '.join(model.classes)}")
    if threshold is not None and not 0 < threshold <= 1:
        raise OptionError(f"--threshold is {threshold:g}; expected a probability above 0 and at most 1")
    if distance is not None and not distance > 0:
        raise OptionError(f"--distance is {distance:g}; expected pixels above 0")
    if distance is None and form.patch is None:
        raise OptionError(
            "--count needs --distance for a model of whole pictures: how many pixels two objects are apart at least"
        )
    height, width = form.patch or (1, 1)
    apart = (height / 2, width / 2) if distance is None else (distance, distance)
    return Counting(count, model.classes.index(count), THRESHOLD if threshold is None else threshold, apart)
