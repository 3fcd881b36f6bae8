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

import percept
from percept.data import headers
from percept.data.cache import Pixels, load_pixels
from percept.data.dataset import PictureFiles
from percept.data.images import read_picture
from percept.data.split_file import read_lines
from percept.errors import DataError, PerceptWarning
from percept.runs.recipe import Recipe
from percept.workflow.audit import audit
from percept.workflow.evaluate import evaluate
from percept.workflow.events import Trained
from percept.workflow.fit import fit, fit_events

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


def labelled_folder(root: Path, classes: tuple[str, ...] = ("rose", "tulip"), each: int = 20) -> Path:
    """Write a folder of pictures that differ by their class, one folder a class."""
    for number, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for count in range(each):
            picture = noise(8, 8, seed=1000 * number + count) // 2
            picture[:, :, number % 3] += 100
            Image.fromarray(picture).save(root / name / f"{count}.png")
    return root


def test_a_file_that_breaks_between_audit_and_fit_is_named_before_training(tmp_path: Path) -> None:
    data = labelled_folder(tmp_path / "flowers")
    assert not any(finding.severity == "error" for finding in audit(data).findings)
    (data / "rose" / "3.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"1 picture cannot be read: rose/3\.png \(the file is empty\); mend or remove"):
        fit(data, epochs=1, threads=1, device="cpu", out=tmp_path / "run")
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_a_file_that_breaks_in_the_middle_of_training_does_not_end_it_and_is_named_afterwards(tmp_path: Path) -> None:
    data = labelled_folder(tmp_path / "flowers")
    recipe = Recipe.from_options(
        {"data": {"source": str(data), "path": str(data)}, "training": {"epochs": 4, "threads": 1, "device": "cpu"}}
    )
    events, broken = fit_events(recipe, out=tmp_path / "run"), ""
    for event in events:
        if isinstance(event, Trained) and event.epoch.number == 2:
            lines = read_lines(tmp_path / "run" / "splits.csv")
            broken = next(line.sample for line in lines if line.part == "train")
            (data / broken).write_bytes(b"")
    history = (tmp_path / "run" / "history.csv").read_text(encoding="utf-8").splitlines()
    assert len(history) == 1 + 4
    assert (tmp_path / "run" / "report.html").exists()
    with pytest.raises(DataError, match=f"1 picture cannot be read: {broken} .* put the data back as they were"):
        evaluate(tmp_path / "run", device="cpu")
    assert not (tmp_path / "run" / "ledger.jsonl").exists()


def test_classes_that_differ_in_case_alone_are_refused_in_one_part_and_across_parts(tmp_path: Path) -> None:
    words = "holds the classes .*ose and .*ose, which differ only in case; rename one"
    with pytest.raises(DataError, match=words):
        fit(labelled_folder(tmp_path / "one", ("Rose", "rose", "tulip")), out=tmp_path / "run")
    labelled_folder(tmp_path / "two" / "train", ("rose", "tulip"))
    labelled_folder(tmp_path / "two" / "val", ("Rose", "tulip"))
    with pytest.raises(DataError, match=words):
        audit(tmp_path / "two")
    assert not (tmp_path / "run").exists()


def test_a_picture_of_one_pixel_and_one_very_long_are_learned_from_and_told_by_the_audit(tmp_path: Path) -> None:
    data = labelled_folder(tmp_path / "flowers")
    Image.new("RGB", (1, 1), "red").save(data / "rose" / "dot.png")
    long = np.tile(noise(100, 300), (1, 100, 1))
    Image.fromarray(long).save(data / "tulip" / "long.png")
    assert Image.open(data / "tulip" / "long.png").size == (30_000, 100)
    findings = {finding.kind: finding for finding in audit(data).findings}
    assert findings["tiny"].files == ("rose/dot.png",)
    assert findings["elongated"].files == ("tulip/long.png",)
    run = fit(data, epochs=1, threads=1, device="cpu", out=tmp_path / "run")
    assert run.report.exists()
    scores = percept.load(run.path).predict_proba([data / "rose" / "dot.png", data / "tulip" / "long.png"])
    np.testing.assert_allclose(scores.sum(axis=1), 1)


@pytest.mark.slow
def test_a_folder_of_a_thousand_classes_is_learned_from_and_its_report_is_written(tmp_path: Path) -> None:
    data = labelled_folder(tmp_path / "many", tuple(f"class {number}" for number in range(1000)), each=4)
    run = fit(data, epochs=1, threads=1, device="cpu", out=tmp_path / "run")
    assert run.report.stat().st_size < 20_000_000
    scores = percept.load(run.path).predict_proba([data / "class 7" / "0.png"])
    assert scores.shape == (1, 1000)
