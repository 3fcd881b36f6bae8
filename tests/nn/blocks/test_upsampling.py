import pytest
import torch
from torch.nn import functional

from percept.errors import OptionError
from percept.nn.blocks import UPSAMPLINGS, BedOfNails, transposed, upsampling


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
