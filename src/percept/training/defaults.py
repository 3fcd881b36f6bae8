"""What percept chooses where the user does not: the training of each kind of network on each size of data."""

from percept.data.dataset import Kind
from percept.models import MODELS

UNNORMALIZED = {"alexnet": 0.25}
"""Deep networks without normalization, which go astray at first at the rate of the others, and their share of it."""


MANY = 10  # times the usual epochs, beyond which time is not filled with more


def training_defaults(
    kind: Kind, model: str, optimizer: str, samples: int, transfer: str | None = None
) -> dict[str, float | int | str]:
    """Return epochs, batch size, learning rate, weight decay, patience and augmentation for a training part.

    Args:
        kind: pictures or a table.
        model: name of the network.
        optimizer: name of the optimizer.
        samples: size of the training part.
        transfer: what of a pretrained network learns; None for weights drawn anew.

    Example:
        >>> training_defaults("table", "mlp", "adamw", 1000)["batch_size"]
        32
    """
    convolutional = MODELS[model].kind == "image"
    if kind == "table":
        patience = 30
        batch_size = _power_of_two(samples // 30, 16, 256)
    else:
        patience = 0
        batch_size = _power_of_two(samples // 30, 16, 64)
    rate = {"sgd": 0.05, "adam": 1e-3, "adamw": 1e-3}[optimizer] * (2 if convolutional else 1)
    rate *= UNNORMALIZED.get(model, 1)
    decay = 0.02 if optimizer == "adamw" else 1e-4
    if kind == "table" and model == "mlp" and optimizer == "adamw":
        # rows are few and noisy: large steps and strong decay did best over twenty tables, see benchmarks/tables.py
        rate, decay = 3e-3, 0.3
    return {
        "epochs": usual_epochs(kind, samples),
        "batch_size": batch_size,
        "learning_rate": rate,
        "weight_decay": decay,
        "patience": patience,
        # pictures are learnt by heart, tens of thousands too; a frozen body's features are kept, and so not augmented
        "augment": "auto" if convolutional and transfer != "head" else "none",
    }


def usual_epochs(kind: Kind, samples: int) -> int:
    """Return how many epochs a training has.

    Args:
        kind: pictures or a table.
        samples: size of the training part.
    """
    if kind == "table":
        return 200 if samples < 2_000 else 100 if samples < 20_000 else 40
    return 40 if samples < 5_000 else 20


def most_epochs(usual: int) -> int:
    """Return how many epochs a training has at most, where its minutes leave room for more than the usual number.

    Args:
        usual: epochs of a training whose time is not limited.
    """
    return MANY * usual


def default_threads(image_size: tuple[int, int] | None) -> int | None:
    """Return 1 where a step is so short that threads would wait for each other more than they help, else None for all.

    Args:
        image_size: (height, width) of the network's input, pixels; None for a table.

    Example:
        >>> default_threads(None), default_threads((8, 8)), default_threads((64, 64))
        (1, 1, None)
    """
    return 1 if image_size is None or min(image_size) < 16 else None


def _power_of_two(size: int, smallest: int, largest: int) -> int:
    return min(max(1 << max(size, 1).bit_length() - 1, smallest), largest)
