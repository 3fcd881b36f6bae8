"""What is wrong with the data: `percept audit`, and the audit inside every run."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from percept.data.audit import Finding, audit_pictures, audit_table
from percept.data.dataset import Dataset, PictureFiles, Task
from percept.data.headers import PictureHeader, read_header
from percept.errors import DataError
from percept.runs.recipe import DataRecipe
from percept.workflow.memory import in_memory
from percept.workflow.prepare import picture_choices
from percept.workflow.samples import ARRAYS, Loaded, load_samples, read_dataset
from percept.workflow.segmentation.prepare import holds_masks

MODEL = "small_resnet"  # pictures are read at this network's size, so that a fit finds them in the cache


@dataclass(frozen=True)
class Audit:
    """What the audit found.

    Attributes:
        notes: how the data were understood.
        findings: what is wrong, the gravest first.
        samples: how many samples there are.
        classes: the classes' names; empty for regression.
    """

    notes: tuple[str, ...]
    findings: tuple[Finding, ...]
    samples: int
    classes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the audit as JSON values."""
        return {
            "samples": self.samples,
            "classes": list(self.classes),
            "notes": list(self.notes),
            "findings": [asdict(finding) for finding in self.findings],
        }


def audit(
    data: Any,
    target: Any = None,
    *,
    test: str | Path | None = None,
    task: Task | Literal["segmentation"] | None = None,
    group: str | None = None,
    header: bool | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Audit:
    """Look through labelled data for what would spoil a model or its figures.

    Args:
        data: as for `percept.fit`.
        target: target column of a table, or (samples,) labels beside arrays.
        test: the user's own test data.
        task: "classification", "regression" or "segmentation".
        group: column of a table whose equal values belong together.
        header: whether a table's first line holds names.
        progress: told how many pictures are decoded, and of how many.

    Raises:
        DataError: the data cannot be understood at all.
    """
    memory = None
    asked = None if task == "segmentation" else task
    if not isinstance(data, str | Path):
        memory = in_memory(data, target, task=asked, group=group, test=test, header=header)
    recipe = DataRecipe(
        source=str(data) if memory is None else ARRAYS,
        target=None if target is None or memory else str(target),
        task=task,
        header=header,
        group=group,
        test_file=str(test) if test else None,
        skip_unreadable=True,
    )
    if memory is None and holds_masks(recipe):
        return _audit_masks(recipe, progress)
    dataset, white = memory or read_dataset(recipe), 65535
    if dataset.kind == "image":
        size, channels, white = picture_choices(dataset, MODEL)
        recipe = recipe.model_copy(update={"image_size": size, "channels": channels})
        loaded = load_samples(dataset, recipe, white=white, progress=progress)
    else:
        loaded = Loaded(dataset, None, (), dataset)
    return Audit(dataset.notes, audit_samples(loaded, white), len(dataset), dataset.target.classes)


def _audit_masks(recipe: DataRecipe, progress: Callable[[int, int], None] | None) -> Audit:
    from percept.data.audit.masks import audit_masks
    from percept.workflow.segmentation.prepare import read_masks

    dataset = read_masks(recipe, progress)
    return Audit(dataset.notes, audit_masks(dataset), len(dataset), dataset.classes)


def audit_samples(loaded: Loaded, white: int = 65535) -> tuple[Finding, ...]:
    """Return what the audit finds in samples that are loaded.

    Args:
        loaded: the samples, and the files that could not be read.
        white: the value that 16-bit pictures call white.
    """
    if loaded.pixels is None:
        return audit_table(loaded.all)
    return audit_pictures(loaded.all, loaded.pixels, picture_headers(loaded.all), white=white, near=_near(loaded))


def _near(loaded: Loaded) -> NDArray[np.int64] | None:
    """Return (samples,) equal numbers for near copies, of all samples; those that cannot be read are like no other."""
    if loaded.near is None or loaded.pixels is None:
        return None
    numbers = np.arange(len(loaded.all))
    readable = np.array([row for row in numbers.tolist() if row not in loaded.pixels.unreadable], dtype=np.int64)
    numbers[readable] = readable[loaded.near]
    return numbers


def picture_headers(dataset: Dataset) -> tuple[PictureHeader | None, ...]:
    """Return each picture's header, None where it cannot be read; nothing for pictures in memory."""
    if not isinstance(dataset.samples, PictureFiles):
        return ()
    headers: list[PictureHeader | None] = []
    for path in dataset.samples.paths:
        try:
            headers.append(read_header(path))
        except DataError:
            headers.append(None)
    return tuple(headers)
