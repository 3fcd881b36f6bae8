"""Where pictures and masks lie in a folder: side by side, in folders of their own, or one folder a picture."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from percept.data.folders import hidden, pictures_below, subfolders
from percept.data.masks.names import bare, names_masks, names_pictures, part_of

Form = Literal["folders", "cases", "siblings"]


@dataclass(frozen=True)
class Place:
    """Pictures and their masks.

    Attributes:
        form: "folders" where masks have a folder of their own, "cases" where one picture has a folder for all its
            masks, "siblings" where picture and mask lie in one folder.
        pictures: the folder of the pictures.
        masks: the folder of the masks, the same for siblings.
        part: the part of the data that the user put them in, "" for none.
    """

    form: Form
    pictures: Path
    masks: Path
    part: str = ""


def is_segmentation_folder(root: Path) -> bool:
    """Tell, from names alone, whether a folder holds pictures with masks.

    Args:
        root: any folder.
    """
    return root.is_dir() and bool(find_places(root))


def find_places(root: Path) -> tuple[Place, ...]:
    """Return where in a folder pictures and masks lie, from names alone; nothing if no masks are found.

    Known are `images` and `masks` (or other words for them) with parts above (`train/images`), below (`images/train`)
    or in the name (`train`, `train_masks`); a folder for each picture that holds both; `x.png` beside `x_mask.png`.

    Args:
        root: an existing folder.
    """
    parts = [(folder, part_of(folder.name)) for folder in subfolders(root) if part_of(folder.name)]
    for find in (_folder_pairs, _cases, _siblings):
        if places := tuple(find(root, "")):
            return places
        if places := tuple(place for folder, part in parts for place in find(folder, part)):
            return places
    return ()


def _folder_pairs(root: Path, part: str) -> Iterator[Place]:
    """Yield folders of pictures with the folder of their masks beside them."""
    folders = subfolders(root)
    masks = [folder for folder in folders if names_masks(folder.name)]
    others = [folder for folder in folders if not names_masks(folder.name)]
    for folder in masks:
        common = bare(folder.name)
        partners = [other for other in others if bare(other.name) == common and (common or names_pictures(other.name))]
        if len(partners) == 1 and (not common or part_of(common)):
            yield from _with_parts_below(partners[0], folder, part or part_of(common))


def _with_parts_below(pictures: Path, masks: Path, part: str) -> Iterator[Place]:
    """Yield two folders, or the parts inside them, such as images/train and masks/train."""
    inside = {folder.name: folder for folder in subfolders(masks) if part_of(folder.name)}
    pairs = [(folder, inside[folder.name]) for folder in subfolders(pictures) if folder.name in inside]
    if pairs and not part:
        for folder, of_masks in pairs:
            yield Place("folders", folder, of_masks, part_of(folder.name))
    else:
        yield Place("folders", pictures, masks, part)


def _cases(root: Path, part: str) -> Iterator[Place]:
    """Yield the folders that hold a folder of pictures and one of masks, where most folders are so."""
    folders = subfolders(root)
    found = []
    for folder in folders:
        inside = subfolders(folder)
        masks = [each for each in inside if names_masks(each.name)]
        pictures = [each for each in inside if names_pictures(each.name)]
        if len(masks) == len(pictures) == 1 and not part_of(folder.name):
            found.append(Place("cases", pictures[0], masks[0], part))
    if 2 * len(found) > len(folders):
        yield from found


def _siblings(root: Path, part: str) -> Iterator[Place]:
    """Yield the folder itself where most pictures in it, or in the folders inside, have a mask beside them."""
    if not part and any(part_of(folder.name) for folder in subfolders(root)):
        return  # the parts are looked at one by one
    files = pictures_below(root)
    masks = {(path.parent, bare(path.stem)) for path in files if names_masks(path.stem)}
    pictures = [path for path in files if not names_masks(path.stem) and not hidden(path.name)]
    having = sum((path.parent, bare(path.stem)) in masks for path in pictures)
    if having and 2 * having >= len(pictures):
        yield Place("siblings", root, root, part)
