"""A data set from memory kept in one .npz file without pickle, so that a run on arrays can be opened again."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from percept.data.dataset import Dataset, PictureArray, Table, Target
from percept.errors import DataError
from percept.files import replacing

FORMAT_VERSION = 1


def save_dataset(path: Path, dataset: Dataset) -> None:
    """Write a data set that is in memory to a file.

    Args:
        path: the .npz file.
        dataset: pictures in an array, or a table.

    Raises:
        DataError: the samples lie in files; they need no copy.
    """
    arrays: dict[str, NDArray[Any]] = {"target": dataset.target.values, "given": dataset.given.astype(np.str_)}
    if dataset.groups is not None:
        arrays["groups"] = dataset.groups
    if isinstance(dataset.samples, PictureArray):
        arrays["pixels"] = dataset.samples.pixels
    elif isinstance(dataset.samples, Table):
        arrays |= _columns(dataset.samples.frame)
    else:
        raise DataError("pictures that lie in files are not copied into the run; keep them where they are")
    header = {
        "format_version": FORMAT_VERSION,
        "name": dataset.name,
        "task": dataset.target.task,
        "classes": dataset.target.classes,
        "target": dataset.target.name,
        "keys": dataset.keys,
        "notes": dataset.notes,
        "columns": list(dataset.samples.frame.columns) if isinstance(dataset.samples, Table) else None,
    }
    content = io.BytesIO()
    np.savez_compressed(content, header=np.array(json.dumps(header)), **cast(Any, arrays))
    with replacing(path) as file:
        file.write(content.getvalue())


def _columns(frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for number, name in enumerate(frame.columns):
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column):
            arrays[f"column{number}"] = column.to_numpy()
        else:
            arrays[f"column{number}"] = column.fillna("").astype(str).to_numpy(dtype=np.str_)
            arrays[f"missing{number}"] = column.isna().to_numpy()
    return arrays


def load_dataset(path: Path) -> Dataset:
    """Return the data set that `save_dataset` wrote.

    Raises:
        DataError: the file is missing, damaged, or of a newer format.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        header = json.loads(str(arrays["header"]))
        if header["format_version"] > FORMAT_VERSION:
            raise DataError(f"{path} is of a newer format than this percept reads; install a newer percept")
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} cannot be read ({error}); fit again, or put back the file as it was") from error
    return Dataset(
        name=header["name"],
        samples=PictureArray(arrays["pixels"]) if "pixels" in arrays else Table(_frame(arrays, header["columns"])),
        target=Target(header["task"], arrays["target"], tuple(header["classes"]), header["target"]),
        keys=tuple(header["keys"]),
        given=arrays["given"],
        groups=arrays.get("groups"),
        notes=tuple(header["notes"]),
    )


def _frame(arrays: dict[str, NDArray[Any]], names: list[str]) -> pd.DataFrame:
    columns = {}
    for number, name in enumerate(names):
        values = arrays[f"column{number}"]
        if f"missing{number}" in arrays:
            values = values.astype(object)
            values[arrays[f"missing{number}"]] = None
        columns[name] = pd.Series(values, dtype=values.dtype)
    return pd.DataFrame(columns)
