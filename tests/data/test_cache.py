import os
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from percept.data import cache as cache_module
from percept.data import decoding
from percept.data.cache import Pixels, load_pixels
from percept.data.dataset import PictureArray, PictureFiles
from percept.data.images import read_picture, resize
from percept.errors import OptionError


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, ...]:
    """Return twelve pictures' files of various sizes, formats and depths, last changed a minute ago."""
    random = np.random.default_rng(0)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(12):
        pixels = random.integers(0, 256, (20 + number, 30 - number, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.{'jpg' if number % 2 else 'png'}")
    Image.fromarray(random.integers(0, 4096, (9, 9), np.uint16)).save(folder / "00.png")
    for path in folder.iterdir():
        os.utime(path, (time.time() - 60,) * 2)
    return tuple(sorted(folder.iterdir()))


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust the times of files at once; the time of the last change cannot be set back."""
    monkeypatch.setattr(cache_module, "_RECENT", -60)


def load(paths: tuple[Path, ...], cache: Path, **named: object) -> Pixels:
    settings: dict[str, object] = {"height": 8, "width": 6, "channels": 3, "resize": "stretch", **named}
    return load_pixels(PictureFiles(paths), cache=cache, **settings)  # type: ignore[arg-type]


def forbid(monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> None:
    def fail(*_: object, **__: object) -> None:
        pytest.fail(f"{name} was called")

    monkeypatch.setattr(module, name, fail)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("how", ["stretch", "crop"])
def test_each_row_is_the_picture_read_and_resized(
    paths: tuple[Path, ...], tmp_path: Path, channels: int, how: str
) -> None:
    pixels = load(paths, tmp_path / "cache", channels=channels, resize=how, white=4095)
    assert pixels.array.shape == (12, 8, 6, channels)
    for row, path in enumerate(paths):
        picture = read_picture(path, channels=channels, white=4095, minimum=8)
        np.testing.assert_array_equal(pixels.array[row], resize(picture, 8, 6, how))  # type: ignore[arg-type]
    assert len(set(pixels.content)) == 12
    assert pixels.unreadable == {}


def test_any_number_of_threads_and_the_cache_give_the_same_bits(paths: tuple[Path, ...], tmp_path: Path) -> None:
    results = [load(paths, tmp_path / f"cache{threads}", threads=threads) for threads in (1, 2, 7)]
    results.append(load(paths, tmp_path / "cache1"))
    for other in results[1:]:
        np.testing.assert_array_equal(results[0].array, other.array)
        assert results[0].content == other.content


@pytest.mark.usefixtures("settled")
def test_a_second_call_reads_no_picture(
    paths: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load(paths, tmp_path / "cache")
    forbid(monkeypatch, Path, "read_bytes")
    second = load(paths, tmp_path / "cache")
    np.testing.assert_array_equal(first.array, second.array)
    assert isinstance(second.array, np.memmap)
    assert (first.content, first.unreadable) == (second.content, second.unreadable)


def test_files_changed_just_now_are_read_again_but_not_decoded(
    paths: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load(paths, tmp_path / "cache")
    forbid(monkeypatch, decoding, "decode")
    np.testing.assert_array_equal(first.array, load(paths, tmp_path / "cache").array)


@pytest.mark.usefixtures("settled")
def test_copies_elsewhere_are_found_by_their_content_and_then_by_their_times(
    paths: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load(paths, tmp_path / "cache")
    moved = tuple(path.rename(path.with_name(f"moved{path.name}")) for path in paths)
    forbid(monkeypatch, decoding, "decode")
    np.testing.assert_array_equal(first.array, load(moved, tmp_path / "cache").array)
    forbid(monkeypatch, Path, "read_bytes")
    np.testing.assert_array_equal(first.array, load(moved, tmp_path / "cache").array)


@pytest.mark.usefixtures("settled")
def test_a_file_changed_to_another_of_the_same_size_is_noticed(paths: tuple[Path, ...], tmp_path: Path) -> None:
    old = load(paths, tmp_path / "cache")
    times = paths[2].stat()
    data = bytearray(paths[2].read_bytes())
    Image.new("RGB", (30, 20), "red").save(paths[2], "BMP")
    red = paths[2].read_bytes()
    paths[2].write_bytes(red[: len(data)] if len(red) > len(data) else red.ljust(len(data), b"\0"))
    os.utime(paths[2], ns=(times.st_atime_ns, times.st_mtime_ns))  # as if it had not changed
    new = load(paths, tmp_path / "cache")
    assert new.content[2] != old.content[2]
    assert [*new.content[:2], *new.content[3:]] == [*old.content[:2], *old.content[3:]]


@pytest.mark.parametrize(
    "other", [{"height": 9}, {"width": 7}, {"channels": 1}, {"resize": "crop"}, {"white": 4095}], ids=str
)
def test_other_settings_are_another_entry(paths: tuple[Path, ...], tmp_path: Path, other: dict[str, object]) -> None:
    load(paths, tmp_path / "cache")
    shared, alone = load(paths, tmp_path / "cache", **other), load(paths, tmp_path / "alone", **other)
    np.testing.assert_array_equal(shared.array, alone.array)
    assert len(list((tmp_path / "cache").rglob("*.pixels"))) == 2


def test_the_order_of_the_files_is_the_order_of_the_rows(paths: tuple[Path, ...], tmp_path: Path) -> None:
    forth, back = load(paths, tmp_path / "cache"), load(paths[::-1], tmp_path / "cache")
    np.testing.assert_array_equal(forth.array, back.array[::-1])


def test_unreadable_files_are_the_same_from_the_cache(paths: tuple[Path, ...], tmp_path: Path) -> None:
    paths[3].write_bytes(paths[3].read_bytes()[:200])
    paths[5].unlink()
    first, second = load(paths, tmp_path / "cache"), load(paths, tmp_path / "cache")
    for pixels in (first, second):
        assert set(pixels.unreadable) == {3, 5}
        assert pixels.unreadable[3] == "the file is truncated, it ends after 200 bytes"
        assert [row for row, content in enumerate(pixels.content) if not content] == [3, 5]
        assert not pixels.array[[3, 5]].any()
    Image.new("RGB", (9, 9), "red").save(paths[5])
    assert set(load(paths, tmp_path / "cache").unreadable) == {3}


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("suffix", [".pixels", ".json"])
@pytest.mark.parametrize("rest", [0, 100])
def test_a_broken_entry_is_made_again(paths: tuple[Path, ...], tmp_path: Path, suffix: str, rest: int) -> None:
    first = np.array(load(paths, tmp_path / "cache").array)
    broken = next((tmp_path / "cache").rglob(f"*{suffix}"))
    broken.write_bytes(broken.read_bytes()[:rest])
    np.testing.assert_array_equal(first, load(paths, tmp_path / "cache").array)
    assert len(list((tmp_path / "cache" / "decoded-pictures").iterdir())) == 2


def test_progress_counts_every_picture(paths: tuple[Path, ...], tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    load(paths, tmp_path / "cache", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(number, 12) for number in range(1, 13)]


def test_no_pictures_are_no_rows(tmp_path: Path) -> None:
    pixels = load((), tmp_path / "cache")
    assert pixels.array.shape == (0, 8, 6, 3)
    assert not (tmp_path / "cache").exists()


def test_settings_outside_their_range_are_errors(paths: tuple[Path, ...], tmp_path: Path) -> None:
    for wrong in ({"height": 0}, {"channels": 2}, {"white": 0}, {"threads": 0}):
        with pytest.raises(OptionError, match="expected 1"):
            load(paths, tmp_path / "cache", **wrong)


def in_memory(pixels: NDArray[np.uint8], height: int, width: int, channels: int) -> Pixels:
    return load_pixels(PictureArray(pixels), height=height, width=width, channels=channels, resize="stretch")


def test_an_array_that_fits_is_returned_as_it_is() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), np.uint8)
    assert in_memory(pixels, 8, 8, 1).array is pixels


@pytest.mark.parametrize("stored", [1, 3])
@pytest.mark.parametrize(("height", "width", "channels"), [(8, 8, 1), (8, 8, 3), (28, 20, 1), (28, 20, 3)])
def test_an_array_is_resized_as_its_files_would_be(
    tmp_path: Path, stored: int, height: int, width: int, channels: int
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, stored), np.uint8)
    paths = tuple(tmp_path / f"{row}.png" for row in range(3))
    for path, picture in zip(paths, pixels, strict=True):
        Image.fromarray(picture[:, :, 0] if stored == 1 else picture).save(path)
    files = load(paths, tmp_path / "cache", height=height, width=width, channels=channels)
    np.testing.assert_array_equal(in_memory(pixels, height, width, channels).array, files.array)


def test_digests_of_an_array_are_of_its_original_pixels() -> None:
    pixels = np.zeros((3, 20, 20, 1), np.uint8)
    pixels[2, 0, 0] = 1  # invisible after the reduction
    result = in_memory(pixels, 2, 2, 1)
    assert (result.array == 0).all()
    assert result.content[0] == result.content[1] != result.content[2]
