from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from percept.data.objects import IGNORE
from percept.data.weight_maps import separation_weights, two_nearest, weight_map
from percept.errors import DataError, OptionError


def scene(seed: int) -> NDArray[np.int32]:
    """Return discs, lines and single pixels, some over others, some with numbers left out between them."""
    generator = np.random.default_rng(seed)
    height, width = generator.integers(12, 48, 2)
    rows, columns = np.mgrid[:height, :width]
    instances = np.zeros((height, width), np.int32)
    for number in range(1, int(generator.integers(1, 14))):
        row, column = generator.integers(0, height), generator.integers(0, width)
        radius = generator.choice([0, 1, 2, 4, 7])
        inside = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
        if generator.random() < 0.2:
            inside = rows == row  # a line through the whole picture
        instances[inside] = 3 * number
    return instances


def direct(instances: NDArray[Any], w0: float, sigma: float, inside: bool) -> NDArray[np.float64]:
    """Return the paper's formula evaluated at every pixel from the distances to all pixels of all objects."""
    weights = np.zeros(instances.shape)
    objects = [np.argwhere(instances == number) for number in np.unique(instances[instances > 0])]
    if len(objects) < 2:
        return weights
    for place in np.ndindex(*instances.shape):
        if instances[place] and not inside:
            continue
        distances = sorted(np.sqrt(((pixels - place) ** 2).sum(axis=1).min()) for pixels in objects)
        weights[place] = w0 * np.exp(-((distances[0] + distances[1]) ** 2) / (2 * sigma**2))
    return weights


@pytest.mark.parametrize("seed", range(20))
def test_weights_equal_the_formula_over_all_pixels_and_objects(seed: int) -> None:
    instances = scene(seed)
    w0, sigma, inside = [(10.0, 5.0, False), (10.0, 5.0, True), (30.0, 2.0, False), (1.0, 11.0, True)][seed % 4]
    found = separation_weights(instances, w0=w0, sigma=sigma, inside=inside)
    np.testing.assert_allclose(found, direct(instances, w0, sigma, inside), atol=1e-5, rtol=0)


def test_the_scenes_have_gaps_that_weigh() -> None:
    assert sum(direct(scene(seed), 10, 5, False).max() > 1 for seed in range(20)) >= 10


def test_numbers_larger_than_there_are_pixels_are_objects_like_others() -> None:
    small, large = np.array([[1, 0, 2]]), np.array([[70_000_000_000, 0, 5]])
    np.testing.assert_array_equal(separation_weights(small), separation_weights(large))
    whole = np.array([[1_000_000, 1_000_000, 2_000_000]])  # no background at all
    np.testing.assert_allclose(two_nearest(whole, 9)[1], [[2, 1, 1]])


def test_one_object_or_none_has_no_gap() -> None:
    assert not separation_weights(np.zeros((4, 5), np.int32)).any()
    assert not separation_weights(np.eye(4, dtype=np.int32), inside=True).any()


def test_without_a_second_term_the_map_is_the_class_weights() -> None:
    classes = np.array([[0, 1, IGNORE], [1, 0, 0]])
    assert weight_map(classes, (0.5, 3), w0=0).tolist() == [[0.5, 3, 0], [3, 0.5, 0.5]]


def test_instances_keep_touching_objects_apart_where_components_do_not() -> None:
    instances = np.array([[1, 1, 2, 2], [1, 0, 0, 2]])
    classes = (instances > 0).astype(np.uint8)
    assert weight_map(classes, (1, 1)).max() == 1  # one component, no gap
    # beside one object by a side, beside the other by a corner
    expected = 1 + 10 * np.exp(-((1 + 2**0.5) ** 2) / (2 * 5**2))
    assert weight_map(classes, (1, 1), instances)[1, 1] == pytest.approx(expected)


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(DataError, match="class 2, but there are 2 class_weights"):
        weight_map(np.array([[2]]), (1, 1))
    with pytest.raises(DataError, match="instances are 1 x 2, but the class map is 1 x 1"):
        weight_map(np.array([[1]]), (1, 1), np.array([[1, 2]]))
    with pytest.raises(OptionError, match="sigma 0"):
        separation_weights(np.zeros((2, 2), int), sigma=0)
    with pytest.raises(OptionError, match="class_weights are"):
        weight_map(np.array([[1]]), (1, -1))
