"""Folders of pictures: one folder a class, alone or inside train, validation and test folders."""

import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import numpy as np

from percept.data.dataset import Dataset, PictureFiles, Target
from percept.data.images import EXTENSIONS
from percept.data.order import natural_key
from percept.errors import DataError

# What a folder's name says of the part that its pictures belong to.
PARTS = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test"}


@dataclass
class _Listing:
    """What was found so far: pictures with class and part, and what was left out."""

    root: Path
    pictures: list[tuple[Path, str, str]] = field(default_factory=list)  # file, class, part
    empty: list[str] = field(default_factory=list)  # class folders without a picture
    loose: int = 0  # pictures in no class folder
    others: Counter[str] = field(default_factory=Counter)  # files that are no pictures, by ending

    def classes(self, *parts: str) -> set[str]:
        """Return the classes that have a picture in one of the parts."""
        return {name for _, name, part in self.pictures if part in parts}


def read_folder(root: Path) -> Dataset:
    """Return the pictures of a folder, labelled by the folders that they lie in.

    The folder holds one folder a class, or parts `train`, `val` (`valid`, `validation`) and `test`, in any case of
    letters, each with one folder a class. Folders inside a class folder belong to its class.

    Args:
        root: the folder.

    Returns:
        the data set, its samples in the order of their paths, `keys` the paths below the root with forward slashes;
        `notes` say what was left out.

    Raises:
        DataError: no folder, no pictures, no class folders, a single class, classes whose names differ only in
            case, or a class of the validation or test part that the train part has not.
    """
    if not root.is_dir():
        raise DataError(f"{root.as_posix()} is not a folder; give a folder that holds one folder of pictures per class")
    listing = _Listing(root)
    parts = _part_folders(root)
    for part, folder in parts.items() if parts else [("", root)]:
        _list_classes(listing, folder, part)
    listing.pictures.sort(key=lambda picture: picture[0].relative_to(root).as_posix())
    classes = sorted(listing.classes("", *PARTS.values()), key=natural_key)
    _check(listing, classes, parts)
    numbers = {name: number for number, name in enumerate(classes)}
    return Dataset(
        name=root.resolve().name,
        samples=PictureFiles(tuple(path for path, _, _ in listing.pictures)),
        target=Target("classification", np.array([numbers[name] for _, name, _ in listing.pictures]), tuple(classes)),
        keys=tuple(plain_text(path.relative_to(root).as_posix()) for path, _, _ in listing.pictures),
        given=np.array([part for _, _, part in listing.pictures]),
        notes=tuple(map(plain_text, _notes(listing, parts))),
    )


def _part_folders(root: Path) -> dict[str, Path]:
    """Return the folder of each part, in the order train, validation, test; nothing where the folders are classes."""
    folders = subfolders(root)
    found: dict[str, list[Path]] = defaultdict(list)
    for folder in folders:
        if folder.name.casefold() in PARTS:
            found[PARTS[folder.name.casefold()]].append(folder)
    nested = any(subfolders(folder) for same in found.values() for folder in same)
    only_parts = sum(map(len, found.values())) == len(folders)
    # A class may be called "train": it is a part beside another part or alone, if there are folders inside.
    if not nested or not (only_parts or ("train" in found and len(found) > 1)):
        return {}
    for part, same in found.items():
        if len(same) > 1:
            names = " and ".join(folder.name for folder in same)
            raise DataError(f"{root.as_posix()} holds {names}, which both mean the {part} part; merge or rename one")
    if "train" not in found:
        names = " and ".join(folder.name for same in found.values() for folder in same)
        raise DataError(f"{root.as_posix()} holds {names} but no train folder; add one, or give a folder of classes")
    return {part: found[part][0] for part in dict.fromkeys(PARTS.values()) if part in found}


def _list_classes(listing: _Listing, folder: Path, part: str) -> None:
    """Add the class folders of one part to the listing."""
    for entry in sorted(folder.iterdir()):
        if hidden(entry.name) or not entry.is_dir():
            _leave_out(listing, entry)
            continue
        before = len(listing.pictures)
        for path in _files_below(entry):
            if _is_picture(path):
                listing.pictures.append((path, plain_text(entry.name), part))
            else:
                _leave_out(listing, path)
        if len(listing.pictures) == before:
            listing.empty.append(entry.relative_to(listing.root).as_posix())


def pictures_below(folder: Path) -> list[Path]:
    """Return the pictures in a folder and in the folders inside it, in order, hidden ones left out."""
    return sorted(filter(_is_picture, _files_below(folder)))


def _is_picture(path: Path) -> bool:
    """Tell from its name whether a file is a picture that the user put there."""
    return path.suffix.lower() in EXTENSIONS and not hidden(path.name)


def plain_text(name: str) -> str:
    """Return a file's name as proper text, so that every report and table can hold it: other bytes become escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _leave_out(listing: _Listing, path: Path) -> None:
    """Count a file or hidden folder that is not taken."""
    if hidden(path.name):
        listing.others["hidden"] += 1
    elif path.suffix.lower() in EXTENSIONS:
        listing.loose += 1
    else:
        listing.others[path.suffix.lower() or "without ending"] += 1


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield every file of a folder and of the folders inside, following links but never in a circle."""
    seen: set[str] = set()
    for directory, inside, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(directory)
        inside[:] = [] if real in seen else [name for name in inside if not hidden(name)]
        if real not in seen:
            yield from (Path(directory, name) for name in files)
        seen.add(real)


def subfolders(folder: Path) -> list[Path]:
    """Return the folders of a folder that are not hidden, in order."""
    return sorted(entry for entry in folder.iterdir() if not hidden(entry.name) and entry.is_dir())


def hidden(name: str) -> bool:
    """Tell whether the system or another program, not the user, put something of this name there."""
    return name.startswith(".") or name.casefold() in ("thumbs.db", "desktop.ini", "__macosx")


def _check(listing: _Listing, classes: list[str], parts: dict[str, Path]) -> None:
    """Raise a `DataError` for folders that no network can learn from."""
    root = listing.root.as_posix()
    expected = "expected one folder of pictures per class"
    if not classes:
        what = f"{listing.loose} pictures but no class folders" if listing.loose else "no pictures"
        raise DataError(f"{root} holds {what}; {expected}, such as {PurePath(root).name or 'root'}/rose/1.jpg")
    same: dict[str, str] = {}
    for name in classes:
        other = same.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if other != name:
            raise DataError(f"{root} holds the classes {other} and {name}, which differ only in case; rename one")
    strange = sorted(listing.classes("validation", "test") - listing.classes("train", ""), key=natural_key)
    if strange:
        raise DataError(
            f"{root} has no train pictures of {', '.join(strange)}, which its validation or test part holds; "
            "add some, or take these pictures away"
        )
    if len(classes) == 1:
        only = listing.root / classes[0]
        nested = not parts and only.is_dir() and len(subfolders(only)) > 1
        hint = f" (did you mean {root}/{classes[0]}?)" if nested else ""
        raise DataError(f"{root} holds a single class, {classes[0]}; {expected}, at least two{hint}")


def _notes(listing: _Listing, parts: dict[str, Path]) -> Iterator[str]:
    """Yield a sentence for each thing that the user may not expect."""
    if parts:
        names = ", ".join(f"{folder.name} ({part})" if folder.name != part else part for part, folder in parts.items())
        yield f"The folders {names} are taken as the parts of the data."
        taken = set(parts.values())
        if others := [folder.name for folder in subfolders(listing.root) if folder not in taken]:
            yield f"Beside them, {', '.join(others)} is left out."
        for part in parts:
            if missing := sorted(listing.classes("train") - listing.classes(part), key=natural_key):
                yield f"The {part} part holds no picture of {', '.join(missing)}."
    if listing.empty:
        yield f"Folders without a picture are left out: {', '.join(listing.empty)}."
    if listing.loose:
        yield f"Pictures in no class folder are left out: {listing.loose}."
    if listing.others:
        counts = ", ".join(f"{count} {ending}" for ending, count in sorted(listing.others.items()))
        yield f"Files that are not pictures percept reads are left out: {listing.others.total()} ({counts})."
