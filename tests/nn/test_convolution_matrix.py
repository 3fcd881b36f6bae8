"""A convolution and its matrix give the same."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from percept.errors import OptionError
from percept.nn.convolution_matrix import bias_vector, convolution_matrix

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(3, 8), st.integers(3, 8)),
    kernel=pairs,
    stride=pairs,
    padding=st.one_of(st.tuples(st.integers(0, 2), st.integers(0, 2)), st.sampled_from(["same", "valid"])),
    dilation=pairs,
    groups=st.sampled_from([1, 2]),
    bias=st.booleans(),
)
def test_the_matrix_equals_the_convolution(
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int] | str,
    dilation: tuple[int, int],
    groups: int,
    bias: bool,
) -> None:
    stride = (1, 1) if padding == "same" else stride
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "bias": bias}
    convolution = nn.Conv2d(4, 6, kernel, **options, dtype=torch.float64)  # type: ignore[arg-type]
    picture = torch.randn(1, 4, *size, dtype=torch.float64)
    try:
        expected = convolution(picture)[0].detach()
    except RuntimeError:
        assume(False)
    matrix = convolution_matrix(convolution, size)
    found = matrix @ picture.numpy().ravel() + bias_vector(convolution, expected[0].numel()).numpy()
    assert matrix.shape == (expected.numel(), picture.numel())
    np.testing.assert_allclose(found, expected.numpy().ravel(), rtol=1e-12, atol=1e-12)


def test_a_matrix_shares_few_weights_among_many_places() -> None:
    convolution = nn.Conv2d(1, 2, 3, padding=1)
    matrix = convolution_matrix(convolution, (12, 12))
    # 12 rows, of which two lack one of three taps, and the same for columns: (36 - 2)^2 entries a channel
    assert matrix.shape == (288, 144) and matrix.nnz == 2 * 34**2
    assert len(np.unique(matrix.data)) == 18


def test_a_group_sees_its_own_channels_alone() -> None:
    matrix = convolution_matrix(nn.Conv2d(2, 2, 1, groups=2), (2, 2)).toarray()
    assert not matrix[:4, 4:].any() and not matrix[4:, :4].any() and matrix[:4, :4].any()


@pytest.mark.parametrize(
    ("convolution", "sentence"),
    [
        (nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), "padding_mode is 'reflect'; expected zeros"),
        (nn.Conv2d(1, 1, 5), "size is 4x9; expected at least 5 pixels along axis 0"),
    ],
)
def test_what_has_no_such_matrix_is_refused(convolution: nn.Conv2d, sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        convolution_matrix(convolution, (4, 9))
