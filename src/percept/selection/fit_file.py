"""The file of one finished fit, by which a selection that was cut off goes on: numbers and JSON, no pickle."""

import json
import zipfile
import zlib
from pathlib import Path

import numpy as np

from percept.files import replacing
from percept.selection.fitting import Fit
from percept.selection.plain import from_json, to_json

NUMBERS = ("score", "train_score", "standing", "fit_seconds", "score_seconds", "weights", "promised")


def write_fit(path: Path, key: str, fit: Fit) -> None:
    """Write a fit that went well, whole or not at all.

    Args:
        path: an .npz file.
        key: what tells this fit from all others.
        fit: without an error.

    Raises:
        WriteError: the disk is full or the folder cannot be written to.
    """
    arrays = {"numbers": np.array([getattr(fit, name) for name in NUMBERS], np.float64)}
    for name in ("predictions", "probabilities"):
        if (array := getattr(fit, name)) is not None:
            arrays[name] = array
    text = json.dumps({"key": key, "chosen": to_json(fit.chosen)})
    with replacing(path) as file:
        np.savez(file, allow_pickle=False, text=np.frombuffer(text.encode(), np.uint8), **arrays)


def read_fit(path: Path, key: str) -> Fit | None:
    """Return what `write_fit` wrote; None where there is no such file, or it is damaged or of another fit."""
    try:
        with np.load(path, allow_pickle=False) as file:
            text = json.loads(file["text"].tobytes().decode())
            if text["key"] != key:
                return None
            numbers = dict(zip(NUMBERS, file["numbers"].tolist(), strict=True))
            numbers["weights"] = int(numbers["weights"])
            answers = {name: file[name] for name in ("predictions", "probabilities") if name in file.files}
            return Fit(**numbers, **answers, chosen=from_json(text["chosen"]))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
