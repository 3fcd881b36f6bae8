"""Classes written to a file tile by tile, against the scores of the picture as a whole."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.special import softmax
from torch import nn

from percept.dense import densify, predict_tiled
from percept.dense.class_maps import write_classes
from percept.dense.sources import ArraySource

COLORS = [(0, 0, 0), (230, 159, 0), (86, 180, 233)]
PICTURE = np.random.default_rng(0).standard_normal((1, 300, 280)).astype(np.float32)


def dense() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 3 * 3, 3)
    return densify(nn.Sequential(*layers).eval(), 8)


def written(folder: Path, **options: Any) -> Path:
    options = {"memory": "400KB", **options}
    write_classes(
        *(dense(), ArraySource(PICTURE), folder / "mask.tif", COLORS), probabilities=folder / "scores.npy", **options
    )
    return folder


def test_classes_and_probabilities_are_those_of_the_scores(tmp_path: Path) -> None:
    scores = predict_tiled(dense(), PICTURE)
    with Image.open(written(tmp_path) / "mask.tif") as image:
        assert np.array_equal(np.asarray(image), scores.argmax(axis=0))
    np.testing.assert_allclose(np.load(tmp_path / "scores.npy"), softmax(scores, axis=0), atol=1e-6)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["mask.tif", "scores.npy"]


class KilledError(Exception):
    """Stands for the end of the process."""


def test_a_killed_run_goes_on_where_it_was_and_ends_with_the_same_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("percept.dense.results.SAFE_EVERY", 0.0)

    def die(done: int, count: int) -> None:
        if done == 5:
            raise KilledError

    with pytest.raises(KilledError):
        written(tmp_path / "killed", progress=die)
    assert not (tmp_path / "killed" / "mask.tif").exists()
    seen: list[int] = []
    written(tmp_path / "killed", progress=lambda done, count: seen.append(done))
    assert seen[0] == 5 and len(seen) > 2
    written(tmp_path / "straight")
    for name in ("mask.tif", "scores.npy"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "straight" / name).read_bytes()
