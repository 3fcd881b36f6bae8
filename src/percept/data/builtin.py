"""The small data sets that come with percept, from scikit-learn: digits as pictures, four tables."""

from typing import Any

import numpy as np
import pandas as pd

from percept.data.dataset import Dataset, PictureArray, Table, Target
from percept.errors import DataError

# Name of each set and what it is about.
BUILTIN = {
    "digits": "1,797 handwritten digits, 8x8 pixels, ten classes",
    "iris": "150 flowers of three species, four lengths in cm",
    "wine": "178 wines of three growers, 13 chemical measurements",
    "breast_cancer": "569 tumors, malignant or benign, 30 measurements of cell nuclei",
    "diabetes": "442 patients, 10 measurements, how far the disease has gone a year later (a number)",
}

_TARGETS = {"iris": "species", "wine": "grower", "breast_cancer": "diagnosis", "diabetes": "progression"}


def load_builtin(name: str) -> Dataset:
    """Return a built-in data set.

    Args:
        name: one of `BUILTIN`.

    Raises:
        DataError: there is no set of that name.

    Example:
        >>> load_builtin("iris").target.classes
        ('setosa', 'versicolor', 'virginica')
    """
    from sklearn import datasets  # heavy, and needed only here

    if name == "digits":
        return _digits(datasets.load_digits())
    if name not in _TARGETS:
        raise DataError(f"{name!r} is no built-in data set; expected one of {', '.join(BUILTIN)}, or a path")
    # Plain units, not the scaled ones that scikit-learn gives first.
    loaded = datasets.load_diabetes(scaled=False) if name == "diabetes" else getattr(datasets, f"load_{name}")()
    return _table(name, loaded)


def _digits(loaded: Any) -> Dataset:
    pixels = np.rint(loaded.images * (255 / 16)).astype(np.uint8)[..., None]  # ink from 0 to 16 there
    return Dataset(
        name="digits",
        samples=PictureArray(pixels),
        target=Target("classification", loaded.target.astype(np.int64), tuple(map(str, loaded.target_names)), "digit"),
        keys=tuple(map(str, range(1, len(pixels) + 1))),
        given=np.full(len(pixels), "", dtype="<U10"),
    )


def _table(name: str, loaded: Any) -> Dataset:
    frame = pd.DataFrame(loaded.data.astype(np.float64), columns=list(map(str, loaded.feature_names)))
    if name == "diabetes":
        target = Target("regression", loaded.target.astype(np.float64), (), _TARGETS[name])
    else:
        classes = tuple(map(str, loaded.target_names))
        target = Target("classification", loaded.target.astype(np.int64), classes, _TARGETS[name])
    return Dataset(
        name=name,
        samples=Table(frame),
        target=target,
        keys=tuple(map(str, range(1, len(frame) + 1))),
        given=np.full(len(frame), "", dtype="<U10"),
    )
