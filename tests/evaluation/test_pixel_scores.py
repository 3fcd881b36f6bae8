import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.evaluation.pixel_scores import pixel_scores
from percept.models import build

CPU = torch.device("cpu")
FORM = PixelPreprocessing(1, (0.4,), (0.2,))


def picture(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 1)).astype(np.uint8)


def scores_of(network: torch.nn.Module, *pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    return list(pixel_scores(network, pictures, np.arange(len(pictures)), FORM, device=CPU))


@pytest.mark.parametrize("size", [(20, 27), (33, 32), (1, 40)])
def test_a_unet_without_padding_is_shown_the_mirrored_picture(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network = build("unet", classes=3, channels=1, width=4, depth=2, padding="valid").eval()
    with torch.no_grad():
        lost = 140 - network(torch.zeros(1, 1, 140, 140)).shape[-1]  # of both borders, the same at any size
    border = lost // 2
    # more than is needed below and to the right: what stands further away than the border is not seen
    sides = [next(side for side in range(each + lost, 400) if (side - 140) % 4 == 0) + 8 for each in size]
    shown = np.pad(
        picture(*size)[..., 0],
        [(border, side - border - each) for side, each in zip(sides, size, strict=True)],
        mode="reflect" if min(size) > 1 else "symmetric",
    )
    if min(size) > 1:
        inputs = (torch.from_numpy(shown).float() / 255 - 0.4) / 0.2
    else:  # one row has no neighbor to mirror: it is repeated, and its columns mirrored
        row = np.pad(picture(*size)[0, :, 0], (border, sides[1] - border - size[1]), mode="reflect")
        inputs = ((torch.from_numpy(row).float() / 255 - 0.4) / 0.2).expand(sides[0], -1)
    with torch.no_grad():
        expected = network(inputs[None, None].contiguous())[0, :, : size[0], : size[1]]
    (found,) = scores_of(network, picture(*size))
    assert found.shape == (3, *size)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_a_padded_network_sees_the_picture_as_it_is() -> None:
    network = build("unet", classes=2, channels=1, width=4, depth=2, padding="same").eval()
    inputs = (torch.from_numpy(picture(24, 30)[..., 0]).float() / 255 - 0.4) / 0.2
    with torch.no_grad():
        expected = network(inputs[None, None])[0]
    np.testing.assert_allclose(scores_of(network, picture(24, 30))[0], expected.numpy(), atol=1e-4)


def test_pictures_come_in_the_order_of_the_rows_whatever_their_sizes() -> None:
    network = torch.nn.Conv2d(1, 1, 1, bias=False)
    with torch.no_grad():
        network.weight.fill_(1)
    pictures = [picture(5, 7, 0), picture(9, 3, 1), picture(5, 7, 2), picture(5, 7, 3)]
    rows = np.array([3, 2, 1, 0, 0])
    found = list(pixel_scores(network, pictures, rows, FORM, device=CPU))
    for row, scores in zip(rows, found, strict=True):
        np.testing.assert_allclose(scores[0], (pictures[row][..., 0] / 255 - 0.4) / 0.2, atol=1e-5)


def test_the_network_keeps_its_mode() -> None:
    network = build("unet", classes=2, channels=1, width=4, depth=2, padding="same", normalization="batch").train()
    before = {name: values.clone() for name, values in network.state_dict().items()}
    scores_of(network, picture(16, 16))
    assert network.training
    for name, values in network.state_dict().items():
        assert torch.equal(values, before[name])
