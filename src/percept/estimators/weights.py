"""What each sample counts for: the caller's sample weights times the weights of the classes."""

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array, compute_class_weight, compute_sample_weight

from percept.errors import DataError, OptionError

Floats = NDArray[np.floating[Any]]


def sample_weights(given: object, samples: int, dtype: np.dtype[Any]) -> Floats | None:
    """Return one weight a sample, or None where none are given.

    Args:
        given: None, one number for all, or (samples,) numbers; negative ones are taken as they are.
        samples: how many samples there are.
        dtype: of the weights returned.

    Raises:
        DataError: they do not match the samples, or all of them are zero.
        ValueError: they are not finite numbers.

    Example:
        >>> sample_weights([1, 2], 2, np.dtype("float32"))
        array([1., 2.], dtype=float32)
    """
    if given is None:
        return None
    if isinstance(given, Real):
        weights: Floats = np.full(samples, given, dtype)
    else:
        weights = check_array(given, ensure_2d=False, dtype=dtype, order="C", input_name="sample_weight")
    if weights.shape != (samples,):
        raise DataError(f"sample_weight has shape {weights.shape}; expected one number for each of {samples} samples")
    if not weights.any():
        raise DataError("every sample_weight is zero; expected at least one non-zero number")
    return weights


def with_class_weights(
    weights: Floats | None, class_weight: object, y: NDArray[Any], dtype: np.dtype[Any]
) -> Floats | None:
    """Return sample weights multiplied by the weight of each sample's class.

    Args:
        weights: (samples,) or None for ones.
        class_weight: None, "balanced" (samples / (classes * samples of the class)), a dictionary from class to
            weight, or for several labels a list of dictionaries.
        y: (samples,) classes or (samples, labels) indicators.
        dtype: of the weights returned.

    Raises:
        OptionError: class_weight is none of these, or leaves no sample any weight.

    Source: notes §2.4; King & Zeng 2001.
    """
    if class_weight is None:
        return weights
    named = isinstance(class_weight, (Mapping, list, tuple))
    if not named and not (isinstance(class_weight, str) and class_weight == "balanced"):
        raise OptionError(f"class_weight is {class_weight!r}; expected None, 'balanced' or a dictionary of weights")
    by_class: Floats = compute_sample_weight(class_weight, y).astype(dtype)
    if not by_class.any():
        raise OptionError(f"class_weight is {class_weight!r}, which gives every sample weight 0; give a class more")
    return by_class if weights is None else weights * by_class


def class_weights(
    class_weight: Any, classes: NDArray[Any], y: NDArray[Any], counts: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Return a weight for each class.

    Args:
        class_weight: None, "balanced" or a dictionary from class to weight.
        classes: (classes,) sorted.
        y: (samples,) classes.
        counts: (samples,) how many samples each stands for, or None for one; a class of which there is none weighs 1.

    Raises:
        ValueError: the dictionary, or y, does not go with the classes.

    Source: notes §2.4; King & Zeng 2001.

    Example:
        >>> class_weights("balanced", np.array([3, 5]), np.array([3, 5]), np.array([1.0, 4.0]))
        array([2.5  , 0.625])
    """
    if counts is None or not isinstance(class_weight, str):
        return np.asarray(compute_class_weight(class_weight, classes=classes, y=y))
    sizes = np.bincount(np.searchsorted(classes, y), weights=counts, minlength=len(classes))
    present = sizes > 0
    weights = np.ones(len(classes))
    weights[present] = sizes.sum() / (present.sum() * sizes[present])
    return weights
