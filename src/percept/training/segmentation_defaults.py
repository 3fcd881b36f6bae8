"""What percept chooses where the user does not: the training of a segmenter on each size of data."""

from collections.abc import Sequence

import numpy as np

from percept.training.phases import FINE

DEFAULT_MODEL, DEFAULT_ARGUMENTS = "unet", {"width": 16}
"""A U-Net of a quarter of the paper's width: a sixteenth of its work, which a laptop can do."""
LARGEST_CROP, STEP = 256, 16  # pixels
PIXELS = 2**18  # of the crops of a step together: four of 256 x 256
MOST_BATCH = 16


def segmentation_defaults(
    sizes: Sequence[tuple[int, int]], samples: int, optimizer: str, *, trained: bool = False
) -> dict[str, float | int | str]:
    """Return crop, batch size, epochs, learning rate, weight decay and the rest for a training part.

    Args:
        sizes: (height, width) of each picture, pixels.
        samples: pictures of the training part.
        optimizer: name of the optimizer.
        trained: whether the network begins as a trained one, which learns at small steps.

    Example:
        >>> chosen = segmentation_defaults([(512, 512)] * 30, 20, "adamw")
        >>> chosen["crop"], chosen["batch_size"], chosen["loss"]
        (256, 4, 'cross_entropy+dice')
    """
    shorter = int(np.median([min(size) for size in sizes]))
    rate = {"sgd": 0.05, "adam": 2e-3, "adamw": 2e-3}[optimizer]
    crop = min(LARGEST_CROP, max(STEP, -(-shorter // STEP) * STEP))
    return {
        "crop": crop,
        "batch_size": min(max(PIXELS // crop**2, 2), MOST_BATCH),
        "epochs": 100 if samples < 100 else 50 if samples < 1000 else 20,
        "learning_rate": FINE * rate if trained else rate,
        "weight_decay": 0.02 if optimizer == "adamw" else 1e-4,
        "patience": 0,
        "metric": "mean_iou",
        "loss": "cross_entropy+dice",
        "weight_map": "none",
        "augment": "auto",
    }
