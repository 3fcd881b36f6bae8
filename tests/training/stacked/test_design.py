from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from percept.training.stacked.design import Network, layers_of, views

SIZES = st.lists(st.integers(1, 6), min_size=2, max_size=5).map(tuple)


@given(SIZES, st.booleans())
def test_the_layers_cover_every_parameter_once(sizes: tuple[int, ...], batch_norm: bool) -> None:
    network = Network(sizes, batch_norm=batch_norm)
    seen = np.zeros(network.parameter_count, int)
    for layer in layers_of(network):
        for part in (layer.weights, layer.biases, layer.scale, layer.shift):
            if part is not None:
                seen[part] += 1
    assert (seen == 1).all()


@given(SIZES)
def test_views_lay_out_weights_row_by_row_then_biases_layer_by_layer(sizes: tuple[int, ...]) -> None:
    network = Network(sizes)
    flat = np.arange(float(network.parameter_count))
    weights, biases = views(network, flat)
    joined = [part.ravel() for pair in zip(weights, biases, strict=True) for part in pair]
    np.testing.assert_array_equal(np.concatenate(joined), flat)
    assert [weight.shape for weight in weights] == list(pairwise(sizes))


def test_views_share_the_memory_of_the_flat_vector() -> None:
    flat = np.zeros(3)
    weights, biases = views(Network((2, 1)), flat)
    weights[0][1, 0], biases[0][0] = 5, 7
    assert flat.tolist() == [0, 5, 7]


def test_parameters_of_the_normalization_follow_after_the_plain_network() -> None:
    network = Network((2, 3, 4, 1), batch_norm=True)
    assert network.plain_size == 2 * 3 + 3 + 3 * 4 + 4 + 4 + 1
    assert network.parameter_count == network.plain_size + 2 * (3 + 4)
