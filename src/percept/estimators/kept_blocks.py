"""The blocks of a selection that are done, kept on disk so that one that was killed goes on where it was."""

import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.estimators.folds import Fold
from percept.estimators.stack import Block, Trials
from percept.files import replacing
from percept.version import __version__

UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)  # a file that was cut off, or is no block
LEFT_OUT = ("folder", "progress", "refit", "verbose")  # arguments that change no network


class KeptBlocks:
    """The blocks of one selection; nothing is kept where there is no folder.

    Args:
        folder: where they lie, or None.
        digest: of the data and of all choices, by which blocks of another selection are told.
    """

    def __init__(self, folder: Path | None, digest: str = "") -> None:
        self.folder, self.digest = folder, digest

    @classmethod
    def open(cls, folder: str | Path | None, estimator: Any, folds: Sequence[Fold]) -> "KeptBlocks":
        """Return what is kept in a folder, or a keeper that keeps nothing for None.

        Args:
            folder: made when the first block is written.
            estimator: the selection, whose arguments count.
            folds: whose data and rows count.
        """
        if folder is None:
            return cls(None)
        named = estimator.get_params(deep=False)
        digest = hashlib.blake2b(digest_size=16)
        digest.update(
            repr([__version__, *((n, repr(v)) for n, v in sorted(named.items()) if n not in LEFT_OUT)]).encode()
        )
        seen: set[int] = set()
        for fold in folds:
            for array in (fold.train, fold.test):
                digest.update(np.ascontiguousarray(array).tobytes())
            if id(fold.material) not in seen:
                seen.add(id(fold.material))
                for part in (*_parts(fold.material.X), fold.material.T, fold.material.weight):
                    digest.update(b"-" if part is None else np.ascontiguousarray(part).tobytes())
        return cls(Path(folder), digest.hexdigest())

    def read(self, number: int, block: Block) -> Trials | None:
        """Return a block's results if they are kept, whole, and of this selection."""
        if self.folder is None:
            return None
        try:
            with np.load(self._path(number), allow_pickle=False) as file:
                if str(file["digest"]) != self.digest or len(file["losses"]) != len(block.jobs):
                    return None
                return Trials(**{each.name: _unpacked(file, each.name) for each in fields(Trials)})
        except UNREADABLE:
            return None

    def write(self, number: int, trials: Trials) -> None:
        """Keep a block's results, whole or not at all.

        Raises:
            WriteError: the disk is full or the folder cannot be written to.
        """
        if self.folder is None:
            return
        arrays: dict[str, Any] = {"digest": np.array(self.digest)}
        for each in fields(Trials):
            arrays |= _packed(each.name, getattr(trials, each.name))
        with replacing(self._path(number)) as file:
            np.savez(file, **arrays)

    def _path(self, number: int) -> Path:
        if self.folder is None:
            raise ValueError("nothing is kept")
        return self.folder / f"networks-{self.digest[:8]}-{number:05d}.npz"


def _parts(X: Any) -> tuple[NDArray[Any], ...]:
    return (X.data, X.indices, X.indptr) if hasattr(X, "indptr") else (X,)


def _packed(name: str, value: Any) -> dict[str, NDArray[Any]]:
    """Return arrays that hold a value: outputs of unlike numbers of rows as one, with their numbers."""
    if not isinstance(value, list):
        return {name: np.asarray(value)}
    flat = np.concatenate(value) if value else np.empty((0, 0))
    return {name: flat, f"{name}_rows": np.array([len(each) for each in value], np.intp)}


def _unpacked(file: Any, name: str) -> Any:
    if f"{name}_rows" in file:
        return np.split(file[name], np.cumsum(file[f"{name}_rows"])[:-1]) if len(file[f"{name}_rows"]) else []
    return tuple(file[name].tolist()) if name == "seconds" else file[name]
