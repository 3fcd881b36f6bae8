"""Pictures that a user names, and the files that are written for each: STEM.png and the like, none over another."""

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from percept.data.folders import pictures_below
from percept.errors import DataError, OptionError
from percept.files import replacing


def picture_paths(samples: Sequence[Path]) -> list[Path]:
    """Return the pictures that are named, and those in folders that are named.

    Raises:
        DataError: nothing is there.
    """
    paths: list[Path] = []
    for sample in samples:
        if not sample.exists():
            raise DataError(f"{sample} does not exist; give pictures or folders of pictures")
        if sample.is_dir():
            inside = pictures_below(sample)
            if not inside:
                raise DataError(f"{sample} holds no pictures; give pictures or folders of pictures")
            paths += inside
        else:
            paths.append(sample)
    return paths


def folder_of(out: str | Path | None, why: str, what: str) -> Path:
    """Return the folder that files of pictures go to.

    Args:
        out: what the user named; None for nothing.
        why: there are such files.
        what: they are called.

    Raises:
        OptionError: none is named, or a file is.
    """
    if out is None:
        raise OptionError(f"{why}; say with --out which folder the {what} go to")
    if Path(out).suffix.lower() == ".csv" or Path(out).is_file():
        raise OptionError(f"--out is {out}; {why}: expected a folder for the {what}")
    return Path(out)


def stems_of(pictures: Sequence[Path], folder: Path, ends: Sequence[str], *, resume: bool | None = None) -> list[str]:
    """Return the stem that each picture's files get, before anything is written.

    Args:
        pictures: their files.
        folder: where what is written of them goes.
        ends: what follows the stem, such as ".png" and "_overlay.png".
        resume: whether files that are there are gone on with; None where that cannot be asked for.

    Raises:
        OptionError: two pictures would be written to one file, or a file is there already.
    """
    names = [path.stem for path in pictures]
    first: dict[str, Path] = {}
    for path, name in zip(pictures, names, strict=True):
        if name in first:
            raise OptionError(
                f"{path} and {first[name]} would both be written to {name}{ends[0]}; predict them into two folders"
            )
        first[name] = path
        for end in ends:
            if not resume and (folder / f"{name}{end}").exists():
                instead = "" if resume is None else ", or go on with --resume"
                raise OptionError(
                    f"{folder / f'{name}{end}'} exists and is not overwritten; give another --out folder{instead}"
                )
    return names


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    with replacing(path) as file:
        file.write(content)


def png_of(picture: Image.Image) -> bytes:
    """Return a picture as the content of a PNG file."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
