import torch

from percept.nn.blocks import Inception, MlpConv


def test_the_maps_of_the_four_branches_stand_one_after_the_other() -> None:
    torch.manual_seed(0)
    module = Inception(6, 2, (3, 4), (2, 5), 1).eval()
    features = torch.randn(2, 6, 7, 5)
    maps = module(features)
    assert maps.shape == (2, 2 + 4 + 5 + 1, 7, 5) and module.outputs == 12
    branches = (module.pointwise, module.three, module.five, module.pooled)
    for branch, part in zip(branches, maps.split([2, 4, 5, 1], dim=1), strict=True):
        torch.testing.assert_close(branch(features), part)


def test_a_bottleneck_saves_most_of_the_weights_of_large_filters() -> None:
    # inception 3a of the paper: 192 channels, 16 before 32 filters of 5x5
    five = Inception(192, 64, (96, 128), (16, 32), 32).five
    convolutions = [weights.numel() for weights in five.parameters() if weights.ndim == 4]
    assert convolutions == [192 * 16, 25 * 16 * 32]
    assert sum(convolutions) < 25 * 192 * 32 / 9


def test_the_largest_filters_can_be_three_wide() -> None:
    module = Inception(4, 2, (3, 4), (2, 5), 1, largest=3)
    assert [tuple(weights.shape) for weights in module.five.parameters() if weights.ndim == 4] == [
        (2, 4, 1, 1),
        (5, 2, 3, 3),
    ]
    assert module(torch.zeros(2, 4, 6, 6)).shape == (2, 12, 6, 6)


def test_an_mlpconv_layer_is_a_perceptron_of_every_window() -> None:
    torch.manual_seed(0)
    layer, picture = MlpConv(2, (5, 4, 3), kernel=3), torch.randn(1, 2, 4, 4)
    window = picture[0, :, 0:3, 1:4].flatten()  # around row 1, column 2
    values = window
    for number in range(3):
        matrix, shift = layer.get_parameter(f"{number}.0.weight").flatten(1), layer.get_parameter(f"{number}.0.bias")
        values = (matrix @ values + shift).clamp(min=0)
    torch.testing.assert_close(layer(picture)[0, :, 1, 2], values)
