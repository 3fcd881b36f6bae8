from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from percept.data.masks.looks import look_at
from percept.data.masks.meaning import MaskMeaning
from percept.data.masks.pairing import PictureFile
from percept.data.masks.understanding import MaskOptions, understand
from percept.errors import DataError, OptionError

PALETTE = [0, 0, 0, 200, 0, 0, 0, 200, 0, 0, 0, 200] + [9] * (3 * 251) + [224, 224, 192]


def classes(seed: int, *values: int) -> NDArray[np.int64]:
    """Return blocks of 4 x 4 pixels of the values, each at least once."""
    generator = np.random.default_rng(seed)
    blocks = np.array([*values, *generator.choice(values, size=24 - len(values))])
    return np.kron(generator.permutation(blocks).reshape(4, 6), np.ones((4, 4), np.int64))


def understood(
    folder: Path, masks: list[Image.Image], options: MaskOptions | None = None, ending: str = "png"
) -> MaskMeaning:
    for number, mask in enumerate(masks):
        mask.save(folder / f"{number}.{ending}")
    files = [PictureFile(folder / f"{number}.{ending}") for number in range(len(masks))]
    return understand([look_at(file) for file in files], options or MaskOptions())


def grey(values: NDArray[Any]) -> Image.Image:
    return Image.fromarray(values.astype(np.uint8))


def paletted(values: NDArray[Any], palette: list[int]) -> Image.Image:
    image = grey(values)
    image.putpalette(palette)
    return image


def colors(values: NDArray[Any], table: list[tuple[int, int, int]]) -> Image.Image:
    return Image.fromarray(np.array(table, np.uint8)[values])


def objects(seed: int, count: int) -> NDArray[np.uint16]:
    """Return numbered squares that do not touch."""
    found = np.zeros((40, 40), np.uint16)
    places = np.random.default_rng(seed).permutation(100)[:count]
    for number, place in enumerate(places, 1):
        top, left = divmod(int(place), 10)
        found[4 * top : 4 * top + 3, 4 * left : 4 * left + 3] = number
    return found


@pytest.mark.parametrize(
    ("values", "kind", "expected", "ignore"),
    [
        ((0, 255), "binary", (0, 255), None),
        ((0, 1), "binary", (0, 1), None),
        ((0, 1, 2), "index", (0, 1, 2), None),
        ((0, 1, 255), "index", (0, 1), 255),
        ((1, 2, 255), "index", (1, 2), 255),
        ((0, 3, 7, 255), "index", (0, 3, 7), 255),
        ((0, 127, 255), "levels", (0, 127, 255), None),
        ((0, 50, 100, 150, 200), "levels", (0, 50, 100, 150, 200), None),
    ],
)
def test_grey_values_are_told_apart(
    tmp_path: Path, values: tuple[int, ...], kind: str, expected: tuple[int, ...], ignore: int | None
) -> None:
    found = understood(tmp_path, [grey(classes(seed, *values)) for seed in range(3)])
    assert (found.kind, found.values, found.ignore) == (kind, expected, ignore)


def test_black_and_white_of_one_bit_is_black_and_white_of_eight(tmp_path: Path) -> None:
    masks = [grey(classes(0, 0, 255)), grey(classes(1, 0, 255)).convert("1", dither=Image.Dither.NONE)]
    assert understood(tmp_path, masks).values == (0, 255)


def test_a_palette_is_read_as_indices_and_gives_the_colors(tmp_path: Path) -> None:
    found = understood(tmp_path, [paletted(classes(seed, 0, 1, 3, 255), PALETTE) for seed in range(2)])
    assert (found.kind, found.values, found.ignore) == ("palette", (0, 1, 3), 255)
    assert found.colors == ((0, 0, 0), (200, 0, 0), (0, 0, 200))


def test_where_palettes_differ_the_colors_are_the_classes(tmp_path: Path) -> None:
    red, green = [0, 0, 0, 200, 0, 0], [0, 0, 0, 0, 200, 0]
    found = understood(tmp_path, [paletted(classes(seed, 0, 1), each) for seed, each in enumerate((red, green))])
    assert (found.kind, found.classes) == ("colors", ("#000000", "#00c800", "#c80000"))


def test_the_color_table_is_found(tmp_path: Path) -> None:
    table = [(0, 0, 0), (128, 64, 0), (0, 0, 255)]
    masks = [colors(classes(0, 0, 1, 2), table), colors(classes(1, 0, 1), table), grey(classes(2, 0, 0))]
    found = understood(tmp_path, masks)
    assert (found.kind, found.colors) == ("colors", ((0, 0, 0), (0, 0, 255), (128, 64, 0)))
    options = MaskOptions(ignore=(0, 0, 255), classes=("ground", "wall"))
    found = understood(tmp_path, masks, options)
    assert (found.values, found.ignore) == ((0, 0x804000), 0x0000FF)


def test_grey_in_three_channels_is_grey(tmp_path: Path) -> None:
    masks = [grey(classes(seed, 0, 1, 2)).convert("RGB") for seed in range(2)]
    assert understood(tmp_path, masks).kind == "index"


@pytest.mark.parametrize("counts", [(3, 300), (260, 290)])
def test_16_bits_of_single_regions_number_objects(tmp_path: Path, counts: tuple[int, int]) -> None:
    masks = []
    for seed, count in enumerate(counts):
        many = objects(seed, min(count, 100))
        masks.append(Image.fromarray(np.where(many > 0, many + count - min(count, 100), 0).astype(np.uint16)))
    assert understood(tmp_path, masks).kind == "instances"


def test_16_bits_number_objects_even_if_there_are_few(tmp_path: Path) -> None:
    masks = [Image.fromarray(objects(seed, count)) for seed, count in enumerate((2, 5, 3))]
    assert understood(tmp_path, masks).kind == "instances"


def test_8_bits_number_objects_where_each_mask_has_its_own_number_of_single_regions(tmp_path: Path) -> None:
    masks = [grey(objects(seed, count)) for seed, count in enumerate((5, 12, 30))]
    assert understood(tmp_path, masks).kind == "instances"
    same = [grey(objects(seed, 30)) for seed in range(3)]  # as many in each: classes, as parts of a face
    assert understood(tmp_path, same).kind == "index"


def test_names_are_given_to_index_values_even_if_some_do_not_occur(tmp_path: Path) -> None:
    options = MaskOptions(classes=("a", "b", "c", "d"))
    found = understood(tmp_path, [grey(classes(0, 0, 1, 3))], options)
    assert (found.values, found.classes) == ((0, 1, 2, 3), options.classes)


def test_names_are_given_to_other_values_in_their_order(tmp_path: Path) -> None:
    found = understood(tmp_path, [grey(classes(0, 0, 127, 255))], MaskOptions(classes=("a", "b", "c")))
    assert found.values == (0, 127, 255)
    with pytest.raises(OptionError, match="2 class names are given, but the masks hold 3 values: 0, 127, 255"):
        understood(tmp_path, [grey(classes(0, 0, 127, 255))], MaskOptions(classes=("a", "b")))


def test_255_is_a_class_where_the_user_says_so(tmp_path: Path) -> None:
    masks = [grey(classes(0, 0, 1, 255))]
    assert understood(tmp_path, masks, MaskOptions(ignore="none")).values == (0, 1, 255)
    assert understood(tmp_path, masks, MaskOptions(values=(0, 1, 255))).ignore is None
    assert understood(tmp_path, masks, MaskOptions(ignore=1)).values == (0, 255)


def test_masks_of_0_and_1_beside_masks_of_0_and_255_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1.png holds 0 and 255, other masks hold 0 and 1"):
        understood(tmp_path, [grey(classes(0, 0, 1)), grey(classes(1, 0, 255))])


def smeared() -> Image.Image:
    return grey(classes(0, 0, 255)).resize((41, 33), Image.Resampling.BICUBIC)


def test_edges_smeared_by_jpeg_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"0.jpg holds \d+ different values, as JPEG smears edges"):
        understood(tmp_path, [grey(classes(0, 0, 255))], ending="jpg")


def test_edges_smeared_by_resizing_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1.png holds \d+ different values, as resizing with interpolation leaves"):
        understood(tmp_path, [grey(classes(0, 0, 255)), smeared()])


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_smeared_edges_go_to_the_nearest_of_the_values_that_have_most_pixels(tmp_path: Path, ending: str) -> None:
    found = understood(tmp_path, [smeared(), grey(classes(1, 0, 255))], MaskOptions(nearest=True), ending)
    assert (found.kind, found.values, found.nearest) == ("binary", (0, 255), True)


def test_smeared_colors_go_to_the_nearest(tmp_path: Path) -> None:
    table = [(0, 0, 0), (200, 0, 0), (0, 0, 255)]
    mask = colors(classes(0, 0, 1, 2), table).resize((96, 64), Image.Resampling.BILINEAR)
    found = understood(tmp_path, [mask], MaskOptions(nearest=True))
    assert set(found.colors) == set(table)


def test_masks_of_one_value_teach_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="all masks hold 0 alone; expected at least two classes"):
        understood(tmp_path, [grey(np.zeros((4, 4)))])


def test_too_many_values_are_no_classes(tmp_path: Path) -> None:
    many = np.kron(np.arange(0, 1000, 3)[:100].reshape(10, 10), np.ones((4, 4))).astype(np.uint16)
    many[0:2, 0:2] = many[20:22, 20:22] = 900  # in two regions, so not the number of an object
    masks = [Image.fromarray(np.hstack([many, many]))]
    with pytest.raises(DataError, match="the masks hold 101 different values, too many for classes"):
        understood(tmp_path, masks)


@pytest.mark.parametrize(
    "wrong", [{"classes": ("a",)}, {"classes": ("a", "a")}, {"classes": ("a", "b"), "values": (0, 1, 2)}]
)
def test_options_that_contradict_themselves_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        MaskOptions(**wrong)
