from pathlib import Path
from typing import Any

import numpy as np
import pytest

import percept
from percept.errors import OptionError
from percept.runs.recipe import Recipe
from percept.workflow.segmentation.asked import refuse_class_options


@pytest.mark.parametrize(
    "options",
    [
        {"crop": 32},
        {"patches": 17},
        {"loss": "dice"},
        {"weight_map": "unet"},
        {"masking": 0.5},
        {"memory": "1GB"},
        {"classes": ["a", "b"]},
        {"ignore": 255},
        {"nearest": True},
    ],
)
def test_options_of_masks_are_refused_for_other_data(options: dict[str, Any], tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    with pytest.raises(OptionError, match=f"--{next(iter(options)).replace('_', '-')} is for pictures with masks"):
        percept.fit(rows, (rows[:, 0] > 0).astype(int), out=tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("training", "option"),
    [({"mixup": 0.2}, "--mixup"), ({"transfer": "head"}, "--transfer"), ({"find_lr": True}, "--find-lr")],
)
def test_options_for_one_answer_a_sample_are_refused_for_masks(training: dict[str, object], option: str) -> None:
    recipe = Recipe.from_options({"data": {"source": "cells"}, "training": training})
    with pytest.raises(OptionError, match=f"{option} is not for cells, which holds pictures with masks; leave it out"):
        refuse_class_options(recipe, "cells")
