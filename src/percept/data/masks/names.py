"""What the names of files and folders say: pictures or masks, which part of the data, and which belongs to which."""

import re

from percept.data.folders import PARTS

PICTURE_WORDS = frozenset((
    "image", "images", "img", "imgs", "im", "picture", "pictures", "photo", "photos", "input", "inputs", "raw",
    "volume", "volumes", "frame", "frames", "scan", "scans", "original", "originals", "jpegimages", "stack",
))  # fmt: skip
MASK_WORDS = frozenset((
    "mask", "masks", "label", "labels", "lbl", "labelmap", "gt", "groundtruth", "annotation", "annotations", "annot",
    "anno", "seg", "segm", "segmentation", "segmentations", "segmentationclass", "segmentationobject", "target",
    "targets", "truth", "manual",
))  # fmt: skip


def words(name: str) -> list[str]:
    """Return the words of a name in lower case, as hyphens, underscores, points and spaces separate them.

    Example:
        >>> words("Img-01_ground_truth")
        ['img', '01', 'groundtruth']
    """
    joined = re.sub(r"ground[_\-. ]truth", "groundtruth", name.casefold())
    return [word for word in re.split(r"[_\-. ]+", joined) if word]


def names_masks(name: str) -> bool:
    """Tell whether a name says that there are masks.

    Example:
        >>> names_masks("train_masks"), names_masks("unmasked")
        (True, False)
    """
    return not MASK_WORDS.isdisjoint(words(name))


def names_pictures(name: str) -> bool:
    """Tell whether a name says that there are pictures, and not masks."""
    return not names_masks(name) and not PICTURE_WORDS.isdisjoint(words(name))


def bare(name: str) -> str:
    """Return a name without the words that say picture or mask: what a picture and its mask have in common.

    Example:
        >>> bare("train-volume"), bare("train_labels"), bare("mask")
        ('train', 'train', '')
    """
    return "_".join(word for word in words(name) if word not in PICTURE_WORDS | MASK_WORDS)


def part_of(name: str) -> str:
    """Return the part of the data that a folder's name speaks of, "" for none or several.

    Example:
        >>> part_of("stage1_train"), part_of("valid"), part_of("cells")
        ('train', 'validation', '')
    """
    parts = {PARTS[word] for word in words(name) if word in PARTS}
    return parts.pop() if len(parts) == 1 else ""
