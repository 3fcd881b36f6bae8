import numpy as np
import pytest
import torch
from torch.nn import functional

from percept.errors import OptionError
from percept.nn.blocks import UP_CONVOLUTION_LOSSES, UPSAMPLINGS, BedOfNails, transposed, up_convolution, upsampling


@pytest.mark.parametrize("name", UPSAMPLINGS)
@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_sides_become_exactly_as_many_times_as_long(name: str, factor: int) -> None:
    assert upsampling(name, 2, factor)(torch.zeros(1, 2, 3, 5)).shape == (1, 2, 3 * factor, 5 * factor)


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_a_transposed_convolution_starts_as_bilinear_interpolation(factor: int) -> None:
    features = torch.randn(1, 3, 6, 7)
    expected = functional.interpolate(features, scale_factor=factor, mode="bilinear", align_corners=False)
    inside = (..., slice(factor, -factor), slice(factor, -factor))  # at the border it interpolates towards zeros
    torch.testing.assert_close(transposed(3, factor)(features)[inside], expected[inside])


def test_its_weights_can_be_learned() -> None:
    assert transposed(2, 2).weight.requires_grad


def test_a_bed_of_nails_is_undone_by_taking_every_second_pixel() -> None:
    features = torch.randn(2, 3, 4, 5)
    nails = BedOfNails(2)(features)
    assert torch.equal(nails[..., ::2, ::2], features)
    assert int((nails != 0).sum()) == features.numel()


@pytest.mark.parametrize(
    ("name", "factor", "sentence"),
    [
        ("neares", 2, "upsampling is 'neares'; expected one of nearest, .*; did you mean nearest?"),
        ("nearest", 0, "factor is 0; expected a whole number of at least 1"),
        ("nearest", 1.5, "factor is 1.5"),
    ],
)
def test_what_cannot_be_built_is_refused(name: str, factor: int, sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        upsampling(name, 1, factor)


def test_a_transposed_convolution_is_a_bed_of_nails_and_a_convolution_by_the_mirrored_filter() -> None:
    one, other = (up_convolution(name, 3, 5, padded=False) for name in ("transposed", "bed_of_nails"))
    weight, bias = one.state_dict()["0.weight"], one.state_dict()["0.bias"]
    other.load_state_dict({"2.weight": weight.transpose(0, 1).flip(2, 3), "2.bias": bias})
    features = torch.randn(2, 3, 4, 6)
    torch.testing.assert_close(other(features), one(features))


def test_nearest_and_nails_are_those_of_numpy() -> None:
    features = np.random.default_rng(0).random((2, 3, 4, 5), np.float32)
    ones, nail = np.ones((3, 3), np.float32), np.zeros((3, 3), np.float32)
    nail[0, 0] = 1
    for name, square in (("nearest", ones), ("bed_of_nails", nail)):
        found = upsampling(name, 3, 3)(torch.from_numpy(features)).numpy()
        np.testing.assert_array_equal(found, np.kron(features, square))


@pytest.mark.parametrize("name", UPSAMPLINGS)
def test_an_up_convolution_without_padding_sees_nothing_beyond_the_border(name: str) -> None:
    layer, lost = up_convolution(name, 2, 3, padded=False), UP_CONVOLUTION_LOSSES[name]
    features = torch.randn(1, 2, 12, 12)
    whole, part = layer(features), layer(features[..., 3:9, 2:10])
    assert part.shape[2:] == (12 - 2 * lost, 16 - 2 * lost)
    torch.testing.assert_close(part, whole[..., 6 : 6 + part.shape[2], 4 : 4 + part.shape[3]])
    assert up_convolution(name, 2, 3, padded=True)(features).shape == (1, 3, 24, 24)


@pytest.mark.parametrize("factor", [1, 2, 3, 8])
def test_a_transposed_convolution_off_center_keeps_its_values_where_nails_are(factor: int) -> None:
    features = torch.randn(1, 2, 4, 5)
    for learned in (True, False):
        layer = transposed(2, factor, centered=False, learned=learned)
        large = layer(features).detach()
        assert large.shape[2:] == (4 * factor, 5 * factor) and layer.weight.requires_grad == learned
        torch.testing.assert_close(large[..., ::factor, ::factor], features)
        sides = 3 * factor + 1, 4 * factor + 1
        between = functional.interpolate(features, size=sides, mode="bilinear", align_corners=True)
        torch.testing.assert_close(large[..., : sides[0], : sides[1]], between)
