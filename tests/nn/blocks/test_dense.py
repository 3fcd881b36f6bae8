import torch

from percept.nn.blocks import DenseLayer, dense_block, transition


def test_a_layer_appends_its_maps_and_leaves_its_input() -> None:
    torch.manual_seed(0)
    layer, features = DenseLayer(5, 3), torch.randn(2, 5, 4, 4)
    before = features.clone()
    maps = layer(features)
    assert maps.shape == (2, 8, 4, 4)
    assert torch.equal(maps[:, :5], before) and torch.equal(features, before)


def test_every_layer_sees_the_maps_of_all_before_it() -> None:
    block = dense_block(6, 4, layers=3)
    assert [layer.get_parameter("first.2.weight").shape[1] for layer in block] == [6, 10, 14]
    # 1x1 to 4 x growth, 3x3 to growth, and scale and shift of what comes into each
    expected = sum(2 * inputs + inputs * 16 + 2 * 16 + 9 * 16 * 4 for inputs in (6, 10, 14))
    assert sum(weights.numel() for weights in block.parameters()) == expected


def test_a_transition_halves_the_sides_and_rounds_them_down() -> None:
    assert transition(8, 4)(torch.zeros(1, 8, 7, 6)).shape == (1, 4, 3, 3)
