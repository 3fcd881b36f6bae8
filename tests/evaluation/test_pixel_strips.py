from typing import Any

import pytest
import torch

from percept.evaluation import pixel_scores, pixel_strips
from percept.evaluation.pixel_scores import whole_scores
from percept.evaluation.pixel_strips import reach_of, strip_scores
from percept.models import build

SMALL: dict[str, Any] = {"classes": 2, "channels": 1}
NETWORKS: dict[str, dict[str, Any]] = {
    "unet": {"width": 4, "depth": 2, "padding": "same", "normalization": "batch"},
    "encoder_decoder": {"body": "small_resnet", "body_arguments": {"width": 4, "strides": [1, 2, 2, 2]}},
    "fcn8s": {"body": "small_resnet", "body_arguments": {"width": 4, "strides": [1, 2, 2, 2]}},
}


@pytest.mark.parametrize("height", [203, 256])
@pytest.mark.parametrize("name", NETWORKS)
def test_strips_have_the_scores_of_the_whole_picture(name: str, height: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = build(name, **SMALL, **NETWORKS[name]).eval()
    inputs = torch.randn(1, 1, height, 20)
    reach = reach_of(network, 1)
    assert reach is not None
    monkeypatch.setattr(pixel_strips, "STRIP", 20 * (reach.above + reach.below + 4 * reach.step))
    passes = []
    network.register_forward_hook(lambda module, given, made: passes.append(given[0].shape[2]))
    with torch.inference_mode():
        whole = network(inputs)
        found = strip_scores(network, inputs, reach)
    assert len(passes) > 3 and max(passes[1:]) < height
    torch.testing.assert_close(found, whole, atol=1e-4, rtol=1e-4)


def test_scores_see_as_far_as_a_changed_pixel_changes_them() -> None:
    torch.manual_seed(0)
    network = build("unet", **SMALL, **NETWORKS["unet"]).eval()
    reach = reach_of(network, 1)
    assert reach is not None
    inputs = torch.randn(1, 1, 128, 8, requires_grad=True)
    for row in range(64, 64 + reach.step):
        (gradient,) = torch.autograd.grad(network(inputs)[0, :, row].sum(), inputs)
        seen = gradient[0, 0].abs().sum(dim=1).nonzero()
        assert seen.min() >= row - reach.above and seen.max() <= row + reach.below


def test_only_large_pictures_go_strip_by_strip(monkeypatch: pytest.MonkeyPatch) -> None:
    network = build("unet", **SMALL, **NETWORKS["unet"]).eval()
    monkeypatch.setattr(pixel_strips, "STRIP", 20 * 200)
    passes = []
    network.register_forward_hook(lambda module, given, made: passes.append(given[0].shape[2]))
    with torch.inference_mode():
        whole_scores(network, torch.zeros(1, 1, 300, 20))
        assert passes == [300]
        monkeypatch.setattr(pixel_scores, "LARGE", 300 * 20 - 1)
        whole_scores(network, torch.zeros(1, 1, 300, 20))
    assert len(passes) > 2


def test_a_network_that_sees_the_whole_picture_has_no_reach() -> None:
    gated = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Upsample((256, 256)))
    assert reach_of(gated, 1) is None
