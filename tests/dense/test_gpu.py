"""Dense answers on a CUDA device against the classifier on every patch, on the CPU."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from percept.dense import densify, predict_tiled

pytestmark = pytest.mark.gpu
PATCH = 20
PICTURE = np.random.default_rng(0).standard_normal((3, 60, 70)).astype(np.float32)


def classifier(padding: int) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 3, padding=padding), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, stride=2, padding=padding), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        nn.Linear(32, 4),
    ).eval()


def by_patches(network: nn.Module) -> torch.Tensor:
    """Return the scores of every patch within the picture, (classes, rows, columns), on the CPU in double precision."""
    cut = torch.from_numpy(PICTURE).double().unfold(1, PATCH, 1).unfold(2, PATCH, 1).permute(1, 2, 0, 3, 4)
    with torch.no_grad():
        scores = network.double()(cut.reshape(-1, 3, PATCH, PATCH))
    return scores.reshape(*cut.shape[:2], -1).permute(2, 0, 1)  # type: ignore[no-any-return]


def difference(found: torch.Tensor | np.ndarray, expected: torch.Tensor) -> float:
    """Return the largest difference, by the largest value."""
    assert found.shape == expected.shape
    return float((torch.as_tensor(found).cpu() - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("method", ["atrous", "shift-and-stitch"])
@pytest.mark.parametrize("padding", [0, 1])
def test_answers_on_a_gpu_are_the_classifiers_on_each_patch(method: str, padding: int) -> None:
    network = classifier(padding)
    dense = densify(network, PATCH, method, semantics="patch" if padding else None).cuda()  # type: ignore[arg-type]
    with torch.no_grad():
        found = dense(torch.from_numpy(PICTURE)[None].cuda())[0]
    assert difference(found, by_patches(network)) < 1e-5


def test_tiles_on_a_gpu_are_the_classifiers_answers_and_go_to_a_file(tmp_path: Path) -> None:
    network = classifier(0)
    dense = densify(network, PATCH).cuda()
    expected = by_patches(network)
    assert difference(predict_tiled(dense, PICTURE, tile=16, border="valid"), expected) < 1e-5
    written = predict_tiled(dense, PICTURE, tile=16, border="valid", out=tmp_path / "answers.npy")
    assert difference(np.array(written), expected) < 1e-5
