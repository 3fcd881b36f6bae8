import numpy as np
import pytest
import torch

from percept.data.weight_maps import weight_map
from percept.errors import OptionError
from percept.training.mask_loss import mask_loss, pixel_weights

CPU = torch.device("cpu")
MASKS = [np.array([[0, 0, 0, 1]], np.uint8), np.array([[1], [1]], np.uint8), np.array([[0, 255]], np.uint8)]


def test_classes_are_counted_in_the_training_rows_alone_and_what_is_ignored_counts_nowhere() -> None:
    rows = np.array([0, 2])
    loss = mask_loss("cross_entropy", MASKS, rows, 2, "balanced", device=CPU)
    scores = torch.randn(1, 2, 1, 4, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([[[0, 1, 255, 0]]])
    weights = torch.tensor([5 / (2 * 4), 5 / 2])  # pixels known / (classes x pixels of the class)
    expected = torch.nn.functional.cross_entropy(scores, targets, weight=weights, ignore_index=255)
    torch.testing.assert_close(loss(scores, targets), expected)


def test_pixel_weights_are_the_maps_of_each_mask() -> None:
    assert pixel_weights("none", MASKS, None, 2) is None
    found = pixel_weights("unet", MASKS, None, 2)
    assert found is not None
    for ours, mask in zip(found, MASKS, strict=True):
        np.testing.assert_array_equal(ours, weight_map(mask, (1.0, 1.0)))
    with pytest.raises(OptionError, match="weight map is 'fcn'; expected none or unet"):
        pixel_weights("fcn", MASKS, None, 2)
