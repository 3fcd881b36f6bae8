"""Class activation maps: parts of the score, equal by both ways where both apply, and laid where the pixels are."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from percept.dense import convolutionalize
from percept.errors import DataError, OptionError
from percept.evaluation.activation import activation_maps
from percept.models import build

# Networks that end in global average pooling and scores.
AVERAGING = [("small_resnet", 28), ("nin", 32), ("cifar_resnet20", 32), ("resnet18", 64), ("mobilenet_v2", 64)]
SLOWER = [("googlenet", 64), ("densenet121", 64), ("efficientnet_b0", 64)]
ALL = [*AVERAGING, *(pytest.param(*each, marks=pytest.mark.slow) for each in SLOWER)]
WITHOUT_PADDING = nn.Conv2d(2, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3), nn.ReLU()


def trained_like(name: str, side: int) -> nn.Module:
    """Return a network in double precision whose running averages are those of pictures like ours."""
    torch.manual_seed(0)
    network = build(name, classes=4, channels=3).double()
    with torch.no_grad():
        network.train()(torch.rand(8, 3, side, side, dtype=torch.float64))
    return network.eval()


@pytest.mark.parametrize(("name", "side"), ALL)
def test_the_score_is_the_mean_over_the_places(name: str, side: int) -> None:
    network = trained_like(name, side)
    pictures = torch.rand(3, 3, side, side, dtype=torch.float64)
    with torch.no_grad():
        scores = network(pictures).numpy()
    for classes in ([0, 1, 3], [2, 2, 0]):
        found = activation_maps(network, pictures, classes)
        assert found.method == "cam"
        expected = scores[np.arange(3), classes]
        np.testing.assert_allclose(found.places.mean(axis=(1, 2)), expected, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found.scores, expected, rtol=1e-9)


@pytest.mark.parametrize(("name", "side"), ALL)
def test_both_ways_agree_up_to_the_number_of_places_where_the_head_averages(name: str, side: int) -> None:
    network, pictures = trained_like(name, side), torch.rand(2, 3, side, side, dtype=torch.float64)
    exact = activation_maps(network, pictures)
    sloped = activation_maps(network, pictures, method="grad-cam")
    assert (exact.classes == sloped.classes).all() and (sloped.bias == 0).all()
    places = exact.places.shape[1] * exact.places.shape[2]
    evidence = exact.places - exact.bias[:, None, None]
    np.testing.assert_allclose(sloped.places * places, evidence, atol=1e-9 * np.abs(evidence).max())


def test_a_place_says_what_the_network_says_of_the_patch_that_it_sees() -> None:
    network = nn.Sequential(*WITHOUT_PADDING, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)).eval()
    pictures = torch.rand(2, 2, 25, 31)
    heatmaps = convolutionalize(network, 8)(pictures)  # 3 -> 4 (pooling) -> 8 pixels that a place sees
    for number in range(3):
        found = activation_maps(network, pictures, [number, number])
        np.testing.assert_allclose(found.places, heatmaps[:, number].detach().numpy(), atol=1e-6)


def test_the_map_is_the_weighted_sum_of_the_paper() -> None:
    scores = nn.Linear(8, 3)
    network = nn.Sequential(*WITHOUT_PADDING, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5), scores)
    pictures = torch.rand(1, 2, 20, 20)
    with torch.no_grad():
        features = nn.Sequential(*WITHOUT_PADDING)(pictures)[0].numpy()
    found = activation_maps(network, pictures, [1])
    by_hand = np.einsum("c,crs->rs", scores.weight[1].detach().numpy(), features)  # Zhou et al., equation 2
    np.testing.assert_allclose(found.places[0] - found.bias[0], by_hand, atol=1e-6)
    assert found.bias[0] == pytest.approx(scores.bias[1].item())


def test_behind_flattening_channels_are_weighted_by_the_mean_of_their_weights() -> None:
    scores = nn.Linear(8 * 6 * 7, 3)
    network = nn.Sequential(*WITHOUT_PADDING, nn.Flatten(), scores)
    pictures = torch.rand(2, 2, 18, 20)
    with torch.no_grad():
        features = nn.Sequential(*WITHOUT_PADDING)(pictures).numpy()
    found = activation_maps(network, pictures, [2, 0])
    assert found.method == "grad-cam"
    weights = scores.weight.detach().numpy().reshape(3, 8, 6, 7).mean(axis=(2, 3))  # Selvaraju et al., equation 1
    by_hand = np.einsum("nc,ncrs->nrs", weights[[2, 0]], features)
    np.testing.assert_allclose(found.places, by_hand, atol=1e-6)


def test_a_head_that_bends_behind_the_pooling_is_not_taken_for_one_that_averages() -> None:
    torch.manual_seed(0)
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3)
    network, pictures = nn.Sequential(*WITHOUT_PADDING, *head), torch.rand(2, 2, 20, 20)
    assert activation_maps(network, pictures).method == "grad-cam"
    with pytest.raises(OptionError, match="no means.*method='grad-cam'"):
        activation_maps(network, pictures, method="cam")


def shows_the_picture(side: int, padding: int) -> nn.Module:
    """Return a network whose last map is the picture, without the border that its filter does not reach."""
    layer = nn.Conv2d(1, 1, 5, padding=padding, bias=False)
    nn.init.zeros_(layer.weight)
    layer.weight.data[0, 0, 2, 2] = 1
    scores = nn.Linear(1, 2)
    nn.init.ones_(scores.weight)
    return nn.Sequential(layer, nn.AdaptiveAvgPool2d(1), nn.Flatten(), scores)


@pytest.mark.parametrize("padding", [0, 2])
def test_what_speaks_for_a_class_lies_on_the_pixels_it_was_seen_at(padding: int) -> None:
    picture = torch.rand(1, 1, 16, 20)
    drawn = activation_maps(shows_the_picture(16, padding), picture, [0]).evidence()
    assert drawn.shape == (1, 16, 20)
    inside = np.s_[2:-2, 2:-2]
    np.testing.assert_allclose(drawn[0][inside], picture[0, 0].numpy()[inside], atol=1e-6)
    if padding:
        np.testing.assert_allclose(drawn[0], picture[0, 0].numpy(), atol=1e-6)
    else:  # a step beyond the outermost center half of it is left, and further out nothing
        np.testing.assert_allclose(drawn[0, 2:-2, 1], picture[0, 0, 2:-2, 2].numpy() / 2, atol=1e-6)
        assert (drawn[0, :, 0] == 0).all() and (drawn[0, -1] == 0).all()


@pytest.mark.parametrize("size", [(32, 40), (48, 20), (5, 7)])
def test_maps_are_drawn_at_other_sizes_as_torch_interpolates(size: tuple[int, int]) -> None:
    picture = torch.rand(2, 1, 16, 20) - 0.3
    drawn = activation_maps(shows_the_picture(16, 2), picture, [0, 1]).evidence(*size)
    expected = functional.interpolate(picture.clamp(min=0), size, mode="bilinear", align_corners=False)
    np.testing.assert_allclose(drawn, expected[:, 0].numpy(), atol=1e-5)


def test_the_classes_are_those_of_the_highest_scores_unless_others_are_asked_for() -> None:
    network, pictures = trained_like("small_resnet", 28), torch.rand(40, 3, 28, 28, dtype=torch.float64)
    found = activation_maps(network, pictures)  # more than are worked on at a time
    with torch.no_grad():
        expected = network(pictures).max(dim=1)
    assert (found.classes == expected.indices.numpy()).all()
    np.testing.assert_allclose(found.scores, expected.values.numpy())


def test_weights_gradients_and_modes_of_the_network_are_left_alone() -> None:
    network = build("lenet", classes=3, channels=1).train()
    before = {name: values.clone() for name, values in network.state_dict().items()}
    activation_maps(network, torch.rand(2, 1, 28, 28))
    assert network.training and all(module.training for module in network.modules())
    assert all(each.grad is None and each.requires_grad for each in network.parameters())
    assert all(torch.equal(values, before[name]) for name, values in network.state_dict().items())


CALLS: list[tuple[Callable[[nn.Module, Tensor], object], type[Exception], str]] = [
    (lambda network, pictures: activation_maps(network, pictures, [0, 3]), OptionError, r"\[0, 3\].*from 0 to 2"),
    (lambda network, pictures: activation_maps(network, pictures, [0]), OptionError, "for each picture"),
    (lambda network, pictures: activation_maps(network, pictures, method="cams"), OptionError, "auto, cam, grad-cam"),  # type: ignore[arg-type]
    (lambda network, pictures: activation_maps(network, pictures[0]), DataError, "samples, channels, height, width"),
    (lambda network, pictures: activation_maps(network, pictures[:0]), DataError, r"\(0, 1, 28, 28\)"),
]


@pytest.mark.parametrize(("call", "error", "match"), CALLS)
def test_what_does_not_fit_is_refused(
    call: Callable[[nn.Module, Tensor], object], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        call(build("lenet", classes=3, channels=1), torch.rand(2, 1, 28, 28))
