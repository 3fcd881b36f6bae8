"""Which masks belong to which picture, by the names of files and folders."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from percept.data.masks.layouts import Place
from percept.data.masks.names import bare, names_masks, words

_Found = tuple[Path | None, str]


def match_masks(place: Place, pictures: Sequence[Path], masks: Sequence[Path]) -> dict[Path, list[tuple[Path, str]]]:
    """Return the masks of each picture, by the rule of names that fits most masks.

    Args:
        place: where they lie.
        pictures: the pictures.
        masks: the masks.

    Returns:
        for each picture its masks with the name of the class or object that each shows, "" where it shows all.
    """
    if place.form == "cases" and len(pictures) == 1:
        return {pictures[0]: [(mask, mask.stem) for mask in masks]}
    rules = (_same_path, _same_words, _folder_of_picture, _folder_of_class, _longer_name)
    best: dict[Path, list[tuple[Path, str]]] = {}
    most = -1
    for rule in rules:
        found = rule(place, pictures)
        matched: dict[Path, list[tuple[Path, str]]] = defaultdict(list)
        count = 0
        for mask in masks:
            picture, name = found(mask)
            if picture is not None:
                matched[picture].append((mask, name))
                count += 1
        if count > most:
            best, most = matched, count
        if count == len(masks):
            break
    return {picture: best.get(picture, []) for picture in pictures}


def _same_path(place: Place, pictures: Sequence[Path]) -> Callable[[Path], _Found]:
    """Match a mask with the picture of the same path and stem."""
    known = {path.relative_to(place.pictures).with_suffix("").as_posix(): path for path in pictures}
    return lambda mask: (known.get(mask.relative_to(place.masks).with_suffix("").as_posix()), "")


def _same_words(place: Place, pictures: Sequence[Path]) -> Callable[[Path], _Found]:
    """Match a mask with the one picture of the same name, words for picture and mask left out."""
    known: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in pictures:
        known[path.relative_to(place.pictures).parent.as_posix(), bare(path.stem)].append(path)

    def find(mask: Path) -> _Found:
        same = known.get((mask.relative_to(place.masks).parent.as_posix(), bare(mask.stem)), [])
        return (same[0] if len(same) == 1 else None), ""

    return find


def _folder_of_picture(place: Place, pictures: Sequence[Path]) -> Callable[[Path], _Found]:
    """Match all masks in a folder that is named like a picture."""
    known = {path.stem: path for path in pictures}
    return lambda mask: (known.get(mask.parent.name) if mask.parent != place.masks else None, mask.stem)


def _folder_of_class(place: Place, pictures: Sequence[Path]) -> Callable[[Path], _Found]:
    """Match a mask with the picture of its name, its folder being the class."""
    known = {bare(path.stem): path for path in pictures}
    return lambda mask: (known.get(bare(mask.stem)) if mask.parent != place.masks else None, mask.parent.name)


def _longer_name(place: Place, pictures: Sequence[Path]) -> Callable[[Path], _Found]:
    """Match a mask with the picture whose name, followed by a separator, its own begins with."""
    known = {(path.relative_to(place.pictures).parent, tuple(words(path.stem))): path for path in pictures}

    def find(mask: Path) -> _Found:
        own = [word for word in words(mask.stem) if not names_masks(word)]
        folder = mask.relative_to(place.masks).parent
        for length in range(len(own), 0, -1):
            if (folder, tuple(own[:length])) in known:
                return known[folder, tuple(own[:length])], "_".join(own[length:])
        return None, ""

    return find
