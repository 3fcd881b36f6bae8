"""Which masks belong to which picture, and whether a picture has one, one a class, or one an object."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from percept.data.folders import hidden, pictures_below, plain_text
from percept.data.masks.layouts import Place, find_places
from percept.data.masks.names import bare, names_masks, part_of, words
from percept.data.stacks import count_pages
from percept.errors import DataError

Filing = Literal["one", "classes", "objects"]
Unpaired = Literal["refuse", "leave_out"]

MOST_CLASS_FILES = 50  # names of mask files with more than these are names of objects


@dataclass(frozen=True)
class PictureFile:
    """A picture in a file.

    Attributes:
        path: the file.
        page: which picture of a TIFF stack, from 0; None where the file is no stack.
        name: of a mask: the class or object that it shows, "" where it shows all.
    """

    path: Path
    page: int | None = None
    name: str = ""

    def __str__(self) -> str:
        return self.path.as_posix() + ("" if self.page is None else f"[{self.page}]")


@dataclass(frozen=True)
class Pair:
    """A picture and its masks.

    Attributes:
        key: the picture's path below the root, with its page behind it for a stack.
        picture: the picture.
        masks: one file, or one a class or an object; none where no class or object is there.
        part: where the user put it: "train", "validation", "test", or "".
        group: the folder below the root that the picture lies in.
    """

    key: str
    picture: PictureFile
    masks: tuple[PictureFile, ...]
    part: str
    group: str


@dataclass(frozen=True)
class Pairing:
    """All pictures with their masks.

    Attributes:
        pairs: in the order of their keys.
        filing: how the masks are filed.
        grouped: whether pictures lie in several folders that each hold pictures and masks, such as one a patient.
        notes: sentences on what was left out.
    """

    pairs: tuple[Pair, ...]
    filing: Filing
    grouped: bool
    notes: tuple[str, ...] = ()


def pair_masks(root: Path, unpaired: Unpaired = "refuse") -> Pairing:
    """Return the pictures of a folder with their masks, paired by their names.

    Args:
        root: a folder in one of the layouts of `find_places`.
        unpaired: whether a picture without mask, or a mask without picture, is refused or left out.

    Raises:
        DataError: there are no masks, or a picture or mask stands alone.
    """
    places = find_places(root)
    if not places:
        raise DataError(
            f"{root.as_posix()} holds no pictures with masks; expected folders images and masks (in train, validation"
            " and test folders or not), or x.png beside x_mask.png"
        )
    found: list[tuple[Place, Path, list[tuple[Path, str]]]] = []
    alone: list[Path] = []
    for place in places:
        pictures, masks = _files(place)
        matched = _match(place, pictures, masks)
        empty = place.form == "cases" and len(pictures) == 1  # a picture's own folder without masks: no object there
        paired = [picture for picture in pictures if matched[picture] or empty]
        found += [(place, picture, matched[picture]) for picture in paired]
        taken = {*paired, *(mask for several in matched.values() for mask, _ in several)}
        alone += [path for path in (*pictures, *masks) if path not in taken]
    # such as test-volume.tif beside train-volume.tif and train-labels.tif
    unlabelled = [path for path in alone if places[0].form == "siblings" and _is_test_picture(path)]
    alone = [path for path in alone if path not in unlabelled]
    notes = (*_alone(root, places[0], alone, found, unpaired), *_outside(root, places, unlabelled))
    filing = _filing([masks for _, _, masks in found], any(place.form == "cases" for place in places))
    pairs = [pair for place, picture, masks in found for pair in _pages(root, place, picture, masks, filing)]
    pairs.sort(key=lambda pair: (pair.picture.path.relative_to(root).as_posix(), pair.picture.page or 0))
    several = len({pair.group for pair in pairs}) > 1
    grouped = several and places[0].form == "siblings"
    return Pairing(tuple(pairs), filing, grouped, notes)


def _files(place: Place) -> tuple[list[Path], list[Path]]:
    """Return the pictures and the masks of a place."""
    if place.form != "siblings":
        return pictures_below(place.pictures), pictures_below(place.masks)
    files = [path for path in pictures_below(place.pictures) if not hidden(path.name)]
    return [path for path in files if not names_masks(path.stem)], [path for path in files if names_masks(path.stem)]


def _match(place: Place, pictures: Sequence[Path], masks: Sequence[Path]) -> dict[Path, list[tuple[Path, str]]]:
    """Return the masks of each picture with the name of each mask, by the rule of names that fits most masks."""
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
    return {picture: best.get(picture, []) for picture in pictures}


_Found = tuple[Path | None, str]


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


def _is_test_picture(path: Path) -> bool:
    return part_of(path.stem) == "test" and not names_masks(path.stem)


def _outside(root: Path, places: Sequence[Place], unlabelled: Sequence[Path]) -> Iterator[str]:
    """Yield a sentence on pictures of a test part that has no masks, and others where no masks are."""
    inside = {folder for place in places for folder in (place.pictures, place.masks)}
    outside = [*unlabelled, *(path for path in pictures_below(root) if inside.isdisjoint(path.parents))]
    if outside:
        first = plain_text(outside[0].relative_to(root).as_posix())
        what = "1 picture without mask is" if len(outside) == 1 else f"{len(outside):,} pictures without masks are"
        yield f"{what} left out, such as {first}."


def _alone(root: Path, place: Place, alone: list[Path], found: Sequence[object], unpaired: Unpaired) -> tuple[str, ...]:
    """Refuse, or tell of, pictures without mask and masks without picture."""
    if not alone and found:
        return ()
    if not found and not alone:
        raise DataError(f"{place.pictures.as_posix()} and {place.masks.as_posix()} hold no pictures; expected some")
    first = plain_text(alone[0].relative_to(root).as_posix())
    is_mask = names_masks(alone[0].stem) if place.form == "siblings" else place.masks in alone[0].parents
    lacks = "picture" if is_mask else "mask"
    more = f" (nor has any partner {len(alone) - 1:,} more)" if len(alone) > 1 else ""
    if unpaired == "leave_out" and found:
        if len(alone) == 1:
            return (f"1 file without a partner is left out: {first}.",)
        return (f"{len(alone):,} files without a partner are left out, such as {first}.",)
    where = "beside it" if place.form == "siblings" else f"in {(place.pictures if is_mask else place.masks).name}"
    raise DataError(
        f"{root.as_posix()}/{first} has no {lacks}{more}; expected a file of the same name {where}: add it, take the"
        " file away, or leave such files out with unpaired leave_out"
    )


def _filing(masks: Sequence[Sequence[tuple[Path, str]]], cases: bool) -> Filing:
    """Tell from the masks' names what each file shows."""
    if not cases and not any(name for several in masks for _, name in several):
        return "one"
    names = Counter(name.casefold() for several in masks for _, name in several)
    numbered = sum(count for name, count in names.items() if not any(letter.isalpha() for letter in name))
    repeat = len(names) < names.total() or len(masks) == 1
    classes = len(names) <= MOST_CLASS_FILES and 2 * numbered < names.total() and repeat
    return "classes" if classes and not _twice(masks) else "objects"


def _twice(masks: Sequence[Sequence[tuple[Path, str]]]) -> bool:
    """Tell whether a picture has two masks of one name."""
    return any(len({name.casefold() for _, name in several}) < len(several) for several in masks)


def _pages(root: Path, place: Place, picture: Path, masks: Sequence[tuple[Path, str]], filing: Filing) -> list[Pair]:
    """Return one pair for a picture's file, or one for each picture of a stack."""
    if filing == "one" and len(masks) > 1:
        raise DataError(f"{picture.as_posix()} has the masks {masks[0][0].name} and {masks[1][0].name}; expected one")
    key = plain_text(picture.relative_to(root).as_posix())
    group = picture.relative_to(root).parent.as_posix()
    count = count_pages(picture)
    several = [count_pages(mask) for mask, _ in masks]
    if any(other != count for other in several):
        wrong = next(place for place, other in enumerate(several) if other != count)
        raise DataError(
            f"{masks[wrong][0].as_posix()} holds {several[wrong]} masks, but {picture.as_posix()} holds {count}"
            " pictures; expected as many"
        )
    if count == 1:
        files = tuple(PictureFile(mask, None, plain_text(name)) for mask, name in masks)
        return [Pair(key, PictureFile(picture), files, place.part, group)]
    return [
        Pair(
            f"{key}[{page}]",
            PictureFile(picture, page),
            tuple(PictureFile(mask, page, plain_text(name)) for mask, name in masks),
            place.part,
            group,
        )
        for page in range(count)
    ]
