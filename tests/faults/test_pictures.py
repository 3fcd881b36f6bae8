"""Pictures and their cache under what goes wrong in the world: broken files, a full disk, other processes, a kill."""

import io
import struct
import subprocess
import sys
import textwrap
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from percept.data import headers
from percept.data.cache import Pixels, load_pixels
from percept.data.dataset import PictureFiles
from percept.data.images import read_picture
from percept.errors import DataError, PerceptWarning

KINDS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")


def noise(height: int = 40, width: int = 50, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def encoded(kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(noise()).save(file, kind)
    return file.getvalue()


WHOLE = {kind: encoded(kind) for kind in KINDS}


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, ...]:
    (tmp_path / "pictures").mkdir()
    found = tuple(tmp_path / "pictures" / f"{number}.png" for number in range(20))
    for number, path in enumerate(found):
        Image.fromarray(noise(seed=number)).save(path)
    return found


def load(paths: tuple[Path, ...], cache: Path) -> Pixels:
    return load_pixels(PictureFiles(paths), height=40, width=50, channels=3, resize="stretch", cache=cache)


def expected(paths: tuple[Path, ...]) -> NDArray[np.uint8]:
    return np.stack([noise(seed=number) for number in range(len(paths))])


@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_file_is_named_with_what_to_do(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "rose.img"
    path.write_bytes(WHOLE[kind][: len(WHOLE[kind]) // 2])
    with pytest.raises(DataError, match=r"rose\.img cannot be read \(.+\); mend or remove it, or pass --skip-unreadab"):
        read_picture(path, channels=3)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"<html>Not found</html>", "it is not a picture, or of a format that percept does not read"),
        (WHOLE["JPEG"][:1500], "the file is truncated, it ends after 1 KB"),
        (WHOLE["PNG"][:3000], "the file is truncated, it ends after 3 KB"),
    ],
)
def test_the_reason_is_in_the_users_words(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(DataError) as caught:
        read_picture(tmp_path / "a.jpg", channels=3)
    assert f"a.jpg cannot be read ({reason}); mend" in str(caught.value)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    places=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=8),
    end=st.floats(0, 1),
)
def test_a_damaged_file_is_a_picture_or_a_data_error(kind: str, places: list[tuple[float, int]], end: float) -> None:
    data = bytearray(WHOLE[kind])
    for place, value in places:
        data[int(place * place * len(data))] = value  # the start, where the header is, more often
    try:
        picture = read_picture(bytes(data[: max(1, int(len(data) * (1 - end**4)))]), channels=3, minimum=10)
    except DataError:
        return
    assert picture.ndim == 3
    assert picture.shape[2] == 3


def test_a_bomb_is_refused_quietly_and_without_its_memory(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match=r"bomb\.png cannot be read \(100000 x 100000 pixels are 10000 megapixels"):
            read_picture(tmp_path / "bomb.png", channels=3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_beyond_pillows_limit_but_not_ours_is_read_quietly(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 900)  # 2,000 are more than twice that: Pillow alone would refuse
    monkeypatch.setattr(headers, "LARGE", 0.001)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_picture(WHOLE[kind], channels=1).shape == (40, 50, 1)
    assert Image.MAX_IMAGE_PIXELS == 900


class FullDisk(io.FileIO):
    """A file on a disk that fills up after some bytes."""

    def write(self, data: object, /) -> int:
        if self.tell() > 50_000:
            raise OSError(28, "No space left on device")
        return super().write(data)  # type: ignore[arg-type]


def test_a_disk_that_fills_up_leaves_the_pixels_in_memory(
    paths: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "open", lambda path, mode: FullDisk(path, mode))
    with pytest.warns(PerceptWarning, match=r"cannot take them \(no space left on device: .*; free some room"):
        pixels = load(paths, tmp_path / "cache")
    monkeypatch.undo()
    np.testing.assert_array_equal(pixels.array, expected(paths))
    assert list((tmp_path / "cache" / "decoded-pictures").iterdir()) == []


def test_a_disk_that_is_found_full_only_in_the_end_leaves_the_pixels_in_memory(
    paths: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("percept.data.cache_entries.os.fsync", full)
    with pytest.warns(PerceptWarning, match="no space left on device"):
        pixels = load(paths, tmp_path / "cache")
    np.testing.assert_array_equal(pixels.array, expected(paths))
    assert list((tmp_path / "cache" / "decoded-pictures").iterdir()) == []


def test_a_cache_that_cannot_be_written_leaves_the_pixels_in_memory(paths: tuple[Path, ...], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.warns(PerceptWarning, match="or set PERCEPT_CACHE to another folder"):
        pixels = load(paths, tmp_path / "cache")
    np.testing.assert_array_equal(pixels.array, expected(paths))


def other_process(paths: tuple[Path, ...], cache: Path, progress: str) -> "subprocess.Popen[bytes]":
    """Start a process that loads the same pictures; `progress` is the body of its progress function."""
    program = f"""
        import os, sys, time
        from pathlib import Path
        from percept.data.cache import load_pixels
        from percept.data.dataset import PictureFiles

        def progress(done, total):
            {progress}

        paths = tuple(Path(path) for path in sys.argv[2:])
        pixels = load_pixels(PictureFiles(paths), height=40, width=50, channels=3, resize="stretch",
                             cache=Path(sys.argv[1]), progress=progress)
        sys.exit(0 if len(pixels.array) == len(paths) and pixels.array[:, 0, 0, 0].any() else 1)
    """
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(program), str(cache), *map(str, paths)])


def test_a_kill_while_the_cache_is_built_does_no_harm(paths: tuple[Path, ...], tmp_path: Path) -> None:
    killed = other_process(paths, tmp_path / "cache", "os._exit(9) if done == 10 else None")
    assert killed.wait(timeout=60) == 9
    assert [path.suffix for path in (tmp_path / "cache" / "decoded-pictures").iterdir()] == [".part"]
    np.testing.assert_array_equal(load(paths, tmp_path / "cache").array, expected(paths))


def test_two_processes_that_build_the_same_entry_both_finish(paths: tuple[Path, ...], tmp_path: Path) -> None:
    # Each waits in the middle until both are there, so that neither finds the other's entry.
    meet = """if done == 10:
                Path(sys.argv[1], f"{os.getpid()}.here").touch()
                deadline = time.monotonic() + 30
                while len(list(Path(sys.argv[1]).glob("*.here"))) < 2 and time.monotonic() < deadline:
                    time.sleep(0.01)"""
    first, second = (other_process(paths, tmp_path / "cache", meet) for _ in range(2))
    assert first.wait(timeout=60) == 0
    assert second.wait(timeout=60) == 0
    suffixes = sorted(path.suffix for path in (tmp_path / "cache" / "decoded-pictures").iterdir())
    assert suffixes == [".json", ".pixels"]
    np.testing.assert_array_equal(load(paths, tmp_path / "cache").array, expected(paths))
