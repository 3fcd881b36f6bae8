"""The networks that percept knows, for `percept models`."""

from collections.abc import Iterator
from dataclasses import dataclass

from percept.models import MODELS, Architecture, choose_size
from percept.nn.inspection import measure_network
from percept.workflow.inspect import papers_own

TAKES = {"image": "pictures", "table": "tables", "any": "pictures, tables"}
OF_MASKS = {"unet": (1, 2)}  # channels and classes of its paper; for the others colors, and the 21 of PASCAL VOC
SMALL_PICTURES, FEATURES = (32, 32), 10  # that networks for small pictures, and for tables, are measured on
LARGE = 224  # pixels from which a network is one for the thousand classes of ImageNet


@dataclass(frozen=True)
class ModelRow:
    """A network in the list, measured for one input.

    Attributes:
        name: what `--model` takes.
        takes: "pictures", "tables" or both; "masks" for pictures of which every pixel gets a class.
        input_size: what pictures are resized to.
        weights: how many.
        weights_of: the input that all the figures are for.
        multiply_adds: for one sample.
        receptive_field: pixels along each side that the last convolution or pooling sees of the picture; 0 for tables.
            Global poolings, gates and dense layers then see all of it.
        paper: who described it.
        year: when.
    """

    name: str
    takes: str
    input_size: str
    weights: int
    weights_of: str
    multiply_adds: int
    receptive_field: int
    paper: str
    year: int


def models() -> tuple[ModelRow, ...]:
    """Return a row for each network."""
    return tuple(model_rows())


def model_rows() -> Iterator[ModelRow]:
    """Yield a row for each network as soon as it is measured."""
    for name, architecture in MODELS.items():
        shape, classes = _input_of(name, architecture)
        found = measure_network(papers_own(name, classes, shape), shape)
        pictures = len(shape) == 3
        yield ModelRow(
            name=name,
            takes="masks" if architecture.task == "segmentation" else TAKES[architecture.kind],
            input_size=architecture.size_rule if architecture.kind != "table" else "-",
            weights=found.parameters,
            weights_of=f"{'x'.join(map(str, shape))}, {classes} classes" if pictures else f"{FEATURES} features",
            multiply_adds=found.multiply_adds,
            receptive_field=found.local_field if found.local_field > 1 else 0,
            paper=architecture.paper,
            year=architecture.year,
        )


def _input_of(name: str, architecture: Architecture) -> tuple[tuple[int, ...], int]:
    """Return the shape of a sample and the number of classes that a network was made for."""
    if architecture.kind == "table":
        return (FEATURES,), 10
    side = architecture.kept_sides[1]
    if architecture.task == "segmentation":
        channels, classes = OF_MASKS.get(name, (3, 21))
        return (channels, side, side), classes
    if side >= LARGE:
        return (3, side, side), 1000
    return (3, *choose_size(name, SMALL_PICTURES)), 10
