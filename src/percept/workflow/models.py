"""The networks that percept knows, for `percept models`."""

from dataclasses import dataclass

import torch

from percept.models import MODELS, arguments_for, build, choose_size


@dataclass(frozen=True)
class ModelRow:
    """A network in the list.

    Attributes:
        name: what `--model` takes.
        takes: "pictures", "tables" or both.
        input_size: what pictures are resized to.
        weights: how many, for the input below.
        weights_of: that input.
        source: paper and year.
    """

    name: str
    takes: str
    input_size: str
    weights: int
    weights_of: str
    source: str


def models() -> tuple[ModelRow, ...]:
    """Return a row for each network."""
    rows = []
    for name, architecture in MODELS.items():
        pictures = architecture.kind != "table"
        height, width = choose_size(name, (28, 28))
        shape: tuple[int, ...] = (1, height, width) if pictures else (10,)
        with torch.device("meta"):
            network = build(name, **arguments_for(name, outputs=10, shape=shape))
        rows.append(
            ModelRow(
                name=name,
                takes={"image": "pictures", "table": "tables", "any": "pictures, tables"}[architecture.kind],
                input_size=architecture.size_rule if pictures else "-",
                weights=sum(parameter.numel() for parameter in network.parameters()),
                weights_of=f"{height}x{width} grey, 10 classes" if pictures else "10 features, 10 classes",
                source=f"{architecture.paper} {architecture.year}",
            )
        )
    return tuple(rows)
