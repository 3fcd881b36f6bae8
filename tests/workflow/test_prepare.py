"""Options that do not go with the data are refused before anything is trained."""

from typing import Any

import numpy as np
import pytest

from percept.data.tables import arrays_table
from percept.errors import OptionError
from percept.runs.recipe import Recipe
from percept.workflow.prepare import prepare

X = np.arange(40.0).reshape(20, 2)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"data": {"image_size": (8, 8)}}, "--image-size is for pictures; arrays is a table"),
        ({"data": {"skip_unreadable": True}}, "--skip-unreadable is for pictures"),
        ({"training": {"augment": "shift"}}, "--augment is for pictures"),
        ({"training": {"class_weights": "balanced"}}, "--class-weights balanced is for classes; y is predicted"),
    ],
)
def test_options_of_other_data_are_refused(options: dict[str, dict[str, Any]], sentence: str) -> None:
    recipe = Recipe.from_options({**options, "data": {"source": "arrays", **options.get("data", {})}})
    with pytest.raises(OptionError, match=sentence):
        prepare(arrays_table(X, X[:, 0] / 7), recipe)
