from pathlib import Path
from typing import Any

import numpy as np
import pytest

import percept
from percept.errors import OptionError


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
