import pytest
import torch
from torch import nn

from percept.errors import OptionError
from percept.models import build
from percept.nn.geometry.memory import step_bytes
from percept.training.crop_sizes import BESIDE, crop_for_memory

MB = 2**20


def test_a_steps_bytes_are_those_counted_by_hand() -> None:
    # 1x1 convolution, 2 to 3 channels, of 10x10 floats: weights, their gradient, two numbers of Adam, input, output;
    # the gradient of the sum is one number, repeated without memory, and the sum itself is one more
    network = nn.Conv2d(2, 3, 1, bias=False)
    found = step_bytes(network, (2, 10, 10), 5, lambda outputs: outputs.sum())
    weights, maps = 6 * 4, 5 * 100 * 4
    assert weights * 4 + 5 * maps <= found <= weights * 4 + 5 * maps + 3 * maps + 64


@pytest.mark.parametrize(("name", "arguments"), [("unet", {"width": 8}), ("unet", {"width": 8, "padding": "same"})])
def test_the_crop_is_the_largest_that_fits(name: str, arguments: dict[str, object]) -> None:
    network = build(name, **arguments)
    crops = [crop_for_memory(network, each * MB, 2, channels=1, largest=(3000, 4000)) for each in (100, 200, 400)]
    assert [crop.step_bytes <= each * MB for crop, each in zip(crops, (100, 200, 400), strict=True)] == [True] * 3
    assert crops[0].height < crops[1].height < crops[2].height
    for crop in crops:
        more = crop_for_memory(network, 2**40, 2, channels=1, largest=_larger(crop.height, crop.border[0]))
        assert more.height > crop.height
    assert crops[0].step_bytes > 0.7 * 100 * MB and BESIDE > 1


def _larger(height: int, border: int) -> tuple[int, int]:
    side = height + 16 - 2 * border
    return side, side


def test_crops_are_no_larger_than_the_largest_picture_and_its_border() -> None:
    same = crop_for_memory(build("unet", width=4, padding="same"), 2**40, 1, channels=1, largest=(100, 150))
    assert (same.height, same.width, same.border) == (100, 150, (0, 0))
    valid = crop_for_memory(build("unet", width=4), 2**40, 1, channels=1, largest=(388, 380))
    assert (valid.height, valid.width, valid.border) == (572, 572, (92, 92))


def test_every_crop_is_one_that_the_network_takes() -> None:
    network = build("unet", width=2, depth=3, upsampling="nearest")
    for budget in (4, 8, 16, 32):
        crop = crop_for_memory(network, budget * MB, 1, channels=1, largest=(700, 300))
        scores = network(torch.zeros(1, 1, crop.height, crop.width))
        assert scores.shape[2:] == (crop.height - 2 * crop.border[0], crop.width - 2 * crop.border[1])


def test_a_budget_too_small_for_any_crop_is_refused_with_what_is_needed() -> None:
    with pytest.raises(OptionError, match=r"memory is 1 MB; a training step of 4 crops of 188x188 needs \d+ MB: grant"):
        crop_for_memory(build("unet", width=8), MB, 4, channels=1, largest=(500, 500))


def test_the_network_is_left_as_it_was() -> None:
    network = build("unet", width=2, padding="same", normalization="batch").eval()
    before = {name: values.clone() for name, values in network.state_dict().items()}
    crop_for_memory(network, 64 * MB, 2, channels=1, largest=(200, 200))
    assert not network.training
    assert all(torch.equal(values, before[name]) for name, values in network.state_dict().items())
    assert all(weights.grad is None for weights in network.parameters())
