from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from percept.data.objects import IGNORE, connected_objects, separated


def test_objects_are_the_components_of_the_graph_of_touching_pixels() -> None:
    classes = np.random.default_rng(0).integers(0, 3, (12, 15))
    found = connected_objects(classes)
    # an independent answer: a graph with an edge between neighboring pixels of one class
    places = [(row, column) for row in range(12) for column in range(15)]
    edges = np.zeros((180, 180), bool)
    for one, (row, column) in enumerate(places):
        for other, (below, right) in enumerate(places):
            near = max(abs(row - below), abs(column - right)) == 1
            edges[one, other] = near and classes[row, column] == classes[below, right]
    _, components = connected_components(edges)
    for one in range(180):
        for other in range(180):
            if classes.flat[one] and classes.flat[other]:
                assert (found.flat[one] == found.flat[other]) == (components[one] == components[other])
    assert ((found == 0) == (classes == 0)).all()


def test_ignored_pixels_are_no_object() -> None:
    assert connected_objects(np.array([[1, IGNORE, 1]])).tolist() == [[1, 0, 2]]


def test_another_background_leaves_class_0_as_objects() -> None:
    assert connected_objects(np.array([[0, 1, 0]]), background=1).tolist() == [[1, 0, 2]]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int64])
def test_separated_objects_are_components_of_their_own(kind: type) -> None:
    instances: NDArray[Any] = np.zeros((9, 12), kind)
    largest = np.iinfo(np.uint8).max
    instances[1:8, 1:6], instances[1:8, 6:11] = 3, largest
    apart = separated(instances)
    assert connected_objects(apart.astype(int)).max() == 2
    assert connected_objects((instances > 0).astype(int)).max() == 1
    assert int((instances > 0).sum() - apart.sum()) == 2 * 7  # the column of each object beside the other


def test_objects_that_do_not_touch_stay_whole() -> None:
    instances = np.array([[1, 1, 0, 2, 2]], np.uint16)
    assert (separated(instances) == (instances > 0)).all()


def test_a_line_of_corners_keeps_objects_apart_only_where_corners_do_not_touch() -> None:
    classes = 1 - np.eye(5, dtype=np.int64)
    assert connected_objects(classes).max() == 1
    assert connected_objects(classes, corners=False).max() == 2
