"""Recipes are read from text and files, refuse what makes no sense, and follow the pictures where asked."""

import gzip
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from percept.data.augment.by_class import class_augmentations, resampled, resampling_weights
from percept.data.augment.presets import PRESETS, Traits, automatic, names_allow_flips, parse_augmentation
from percept.data.augment.recipe import LARGEST, Augmentation
from percept.data.augment.symmetry import traits_of
from percept.errors import OptionError

SHARED = Path(__file__).parents[4] / "shared" / "data"
PHOTO = Traits((64, 64), 3, flip=True)
SYMMETRIC = Traits((96, 96), 1, flip=True, flip_vertical=True, quarter_turns=True)

recipes = st.builds(
    lambda numbers, flags, size, border: Augmentation(
        **{name: number * LARGEST[name] for name, number in numbers.items()},
        **flags,
        crop_size=size,
        border=border,
    ),
    st.dictionaries(st.sampled_from(sorted(LARGEST)), st.floats(0, 1)),
    st.dictionaries(st.sampled_from(["flip", "flip_vertical", "quarter_turns"]), st.booleans()),
    st.none() | st.tuples(st.integers(1, 500), st.integers(1, 500)),
    st.sampled_from(["reflect", "edge"]),
)


@given(recipe=recipes)
def test_a_recipe_comes_back_from_json_toml_and_text(recipe: Augmentation) -> None:
    values = recipe.to_json()
    assert Augmentation.from_json(json.loads(json.dumps(values))) == recipe
    assert Augmentation.from_json(tomllib.loads(tomli_w.dumps(values))) == recipe
    words = [
        f"{name}={'x'.join(map(str, value)) if isinstance(value, list) else value!r}".replace("'", "")
        for name, value in values.items()
    ]
    assert parse_augmentation(",".join(words), PHOTO) == recipe


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", Augmentation()),
        ("shift", Augmentation(shift=0.125, border="edge")),
        (" rotate=15 , flip,brightness=0.2", Augmentation(rotate=15, flip=True, brightness=0.2)),
        ("shift,flip", Augmentation(shift=0.125, border="edge", flip=True)),
        ("flip=no", Augmentation()),
        ("crop_size=32x48", Augmentation(crop_size=(32, 48))),
    ],
)
def test_a_text_says_presets_and_changes(text: str, expected: Augmentation) -> None:
    assert parse_augmentation(text, PHOTO) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rotat=15", "no 'rotat'; did you mean rotate\\?"),
        ("quux", "expected some of shift.*preset: none, shift, auto, light, strong"),
        ("rotate", "rotate without a value; write how far it goes: rotate=15"),
        ("rotate=200", "rotate=200.0; expected a number from 0 \\(off\\) to 180"),
        ("rotate=nan", "expected a number"),
        ("noise=loud", "noise='loud'; expected a number from 0 \\(off\\) to 0.5"),
        ("flip=maybe", "flip='maybe'; expected true or false"),
        ("rotate=1,auto", "a preset comes first and alone: auto,rotate=15"),
        ("rotate=1,rotate=2", "rotate twice"),
        ("border=black", "expected one of 'reflect', 'edge'"),
        ("crop_size=32", "expected \\(height, width\\) in pixels"),
        ("", "expected one of none, shift"),
    ],
)
def test_a_wrong_text_is_told(text: str, sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        parse_augmentation(text, PHOTO)


@given(name=st.sampled_from(sorted(LARGEST)), value=st.floats(allow_nan=True, allow_infinity=True))
def test_values_out_of_range_are_refused_and_others_kept(name: str, value: float) -> None:
    if 0 <= value <= LARGEST[name]:
        assert getattr(Augmentation(**{name: value}), name) == value  # type: ignore[arg-type]
        return
    with pytest.raises(OptionError, match=name):
        Augmentation(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("classes", "allowed"),
    [
        (["airplane", "automobile", "bird"], True),
        ([], True),
        ([str(digit) for digit in range(10)], False),
        (["zero", "one", "two"], False),
        (["A", "b", "ä"], False),
        (["10", "11"], False),
        (["arrow_left", "arrow-right"], False),
        (["one ant", "bee"], True),
        (["a", "aardvark"], True),
    ],
)
def test_names_of_digits_letters_and_directions_forbid_flips(classes: list[str], allowed: bool) -> None:
    assert names_allow_flips(classes) is allowed


def test_auto_follows_what_is_known_of_the_pictures() -> None:
    small = automatic(Traits((32, 32), 3, flip=True))
    assert small.whole_pixels and small.flip and not small.flip_vertical
    photo = automatic(PHOTO)
    assert photo.crop and photo.saturation and 0 < photo.rotate < 45 and not photo.quarter_turns
    cells = automatic(Traits((96, 96), 1, True, True, True, masks=True))
    assert cells.quarter_turns and cells.rotate == 180 and cells.elastic and not cells.saturation
    for name in PRESETS:
        digits = PRESETS[name](Traits((64, 64), 1))
        assert not (digits.flip or digits.flip_vertical or digits.quarter_turns or digits.saturation)


FILES = ("images-idx3", "labels-idx1")


def fashion() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    folder = SHARED / "fashion_mnist"
    pixels, labels = (gzip.decompress((folder / f"t10k-{name}-ubyte.gz").read_bytes()) for name in FILES)
    return np.frombuffer(pixels, np.uint8)[16:].reshape(-1, 28, 28, 1), np.frombuffer(labels, np.uint8)[8:].astype(
        np.int64
    )


@pytest.mark.skipif(not (SHARED / "fashion_mnist").is_dir(), reason="needs the data beside the checkout")
def test_shoes_that_all_point_one_way_are_not_flipped() -> None:
    pixels, labels = fashion()
    traits = traits_of(pixels, labels, [f"garment {name}" for name in range(10)])
    assert not (traits.flip or traits.flip_vertical or traits.quarter_turns)
    shirts = labels == 0  # a T-shirt is its own mirror image, and upright
    traits = traits_of(pixels[shirts], labels[shirts], ["T-shirt"])
    assert not traits.flip_vertical and not traits.quarter_turns


def test_the_sense_of_direction_is_read_off_the_pictures() -> None:
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 200, (300, 24, 24, 3)).astype(np.uint8)
    everywhere = traits_of(noise, None, [])
    assert everywhere == Traits((24, 24), 3, flip=True, flip_vertical=True, quarter_turns=True)
    sky = noise.copy()
    sky[:, :8] += 50
    assert traits_of(sky, None, []) == Traits((24, 24), 3, flip=True)
    arrows, labels = noise.copy(), np.arange(300) % 2  # only the class tells where its bright side is
    arrows[labels == 0, :, :8] += 50
    arrows[labels == 1, :, 16:] += 50
    assert traits_of(arrows, None, []).flip
    assert not traits_of(arrows, labels, ["west side", "other"]).flip
    assert not traits_of(arrows, labels, ["rose", "lily"]).flip
    assert traits_of(arrows, labels, ["rose", "lily"]).flip_vertical
    mixed = np.concatenate([sky, noise])
    assert traits_of(mixed, None, [], rows=np.arange(300, 600)) == everywhere
    assert traits_of(mixed, None, [], rows=np.arange(300)) == traits_of(sky, None, [])


def test_chance_alone_forbids_hardly_anything() -> None:
    generator = np.random.default_rng(1)
    forbidden = sum(
        not getattr(traits_of(generator.integers(0, 256, (12, 16, 16, 1)).astype(np.uint8), None, []), name)
        for name in ("flip", "flip_vertical", "quarter_turns")
        for _ in range(60)
    )
    assert forbidden <= 8  # a test at one in a hundred, 180 times: more than 8 comes once in 20,000


def test_rare_classes_get_their_own_recipe_by_name() -> None:
    chosen = class_augmentations({"rare": "strong", "b": "flip"}, ["a", "b", "rare"], PHOTO)
    assert chosen == {2: PRESETS["strong"](PHOTO), 1: Augmentation(flip=True)}
    with pytest.raises(OptionError, match="class 'rar', which the data have not; did you mean 'rare'"):
        class_augmentations({"rar": "strong"}, ["a", "rare"], PHOTO)


def test_slices_of_one_volume_show_no_direction_and_frames_of_many_scenes_do() -> None:
    generator = np.random.default_rng(0)
    walk = generator.normal(size=(60, 16, 16)).cumsum(0)
    slices = (walk[20:] - walk[:-20]) / 20**0.5  # each is like its neighbors, and nothing is above or below
    volume = (128 + 30 * slices[..., None]).clip(0, 255).astype(np.uint8)
    assert traits_of(volume[generator.permutation(len(volume))], None, []).flip_vertical is False  # as if unrelated
    found = traits_of(volume, None, [])
    assert found.flip
    assert found.flip_vertical
    assert found.quarter_turns
    scenes = generator.normal(size=(100, 16, 16)).repeat(5, axis=0) + np.linspace(2, -2, 16)[:, None]
    film = (128 + 30 * scenes[..., None]).clip(0, 255).astype(np.uint8)
    found = traits_of(film, None, [])
    assert found.flip
    assert not found.flip_vertical


@given(counts=st.lists(st.integers(1, 60), min_size=1, max_size=6), seed=st.integers(0, 1000))
def test_resampling_evens_out_the_classes_as_far_as_whole_numbers_allow(counts: list[int], seed: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    weights = resampling_weights(labels)
    assert np.allclose([weights[labels == c].sum() for c in range(len(counts))], len(labels) / len(counts))
    rows = resampled(np.arange(len(labels)), weights, np.random.default_rng(seed))
    assert len(rows) == len(labels)
    times = np.bincount(rows, minlength=len(labels))
    assert (times >= np.floor(weights - 1e-9)).all() and (times <= np.ceil(weights + 1e-9)).all()


def test_evenness_goes_from_samples_to_classes() -> None:
    labels = np.repeat([0, 1], [90, 10])
    shares = [resampling_weights(labels, evenness=e)[labels == 1].sum() / 100 for e in (0, 0.5, 1)]
    assert np.allclose(shares, [0.1, 1 / (1 + 3), 0.5])  # the root of 9 to 1 is 3 to 1
    with pytest.raises(OptionError, match="evenness is 2"):
        resampling_weights(labels, evenness=2)
