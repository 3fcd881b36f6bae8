import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from percept.data.decoding import PixelSettings, content_digest, decode_files, in_order, processors
from percept.errors import OptionError

SETTINGS = PixelSettings(height=4, width=5, channels=3, resize="stretch", white=65535)


def test_results_come_in_order_though_the_first_takes_longest() -> None:
    def slow_at_first(number: int) -> int:
        time.sleep(0.05 if number == 0 else 0)
        return number

    assert list(in_order(slow_at_first, range(50), threads=4)) == list(range(50))


def test_threads_run_only_a_few_items_ahead() -> None:
    begun: list[int] = []
    results = in_order(begun.append, range(1000), threads=2)
    next(results)
    results.close()
    assert len(begun) <= 2 * 4 + 1


def test_as_many_items_run_at_a_time_as_there_are_threads() -> None:
    together = threading.Barrier(3, timeout=10)  # breaks unless three wait at once
    assert sorted(in_order(lambda _: together.wait(), range(3), threads=3)) == [0, 1, 2]


def test_an_error_of_the_function_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda number: 1 // number, [1, 0, 1], threads=2))


@pytest.mark.parametrize("threads", [0, -1])
def test_fewer_than_one_thread_is_an_error(threads: int) -> None:
    with pytest.raises(OptionError, match=f"threads is {threads}; expected 1 or more"):
        list(in_order(str, [1], threads))


def test_this_process_has_a_processor() -> None:
    assert 1 <= processors() <= (os.cpu_count() or 1)


@pytest.mark.parametrize("wrong", [{"height": 0}, {"width": -1}, {"channels": 2}, {"white": 0}])
def test_settings_outside_their_range_are_errors(wrong: dict[str, int]) -> None:
    named = {"height": 4, "width": 4, "channels": 3, "white": 255, **wrong}
    with pytest.raises(OptionError, match="expected 1"):
        PixelSettings(resize="stretch", **named)


def test_what_cannot_be_read_is_zeros_with_a_reason(tmp_path: Path) -> None:
    Image.new("RGB", (5, 4), "red").save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"bad")
    good, bad, missing = decode_files([tmp_path / name for name in ("good.png", "bad.png", "none.png")], SETTINGS)
    np.testing.assert_array_equal(good.pixels, np.full((4, 5, 3), (255, 0, 0)))
    assert (good.reason, len(good.content)) == ("", 32)
    for broken in (bad, missing):
        assert not broken.pixels.any()
        assert broken.pixels.shape == (4, 5, 3)
        assert broken.content == ""
    assert "not a picture" in bad.reason
    assert missing.reason == "no such file or directory"
    assert len({good.file, bad.file, missing.file}) == 3


def test_the_same_pixels_in_other_formats_have_one_digest(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(pixels).save(tmp_path / "a.bmp")
    Image.fromarray(pixels[::-1, ::-1].copy()).save(tmp_path / "turned.png", exif=exif)
    changed = pixels.copy()
    changed[0, 0, 0] ^= 1
    Image.fromarray(changed).save(tmp_path / "changed.png")
    paths = [tmp_path / name for name in ("a.png", "a.bmp", "turned.png", "changed.png")]
    first, second, third, other = (picture.content for picture in decode_files(paths, SETTINGS))
    assert first == second == third != other


@pytest.mark.parametrize("channels", [1, 3])
def test_a_jpeg_and_its_copy_without_loss_have_one_digest(tmp_path: Path, channels: int) -> None:
    small = np.random.default_rng(0).integers(0, 256, (5, 5, 3), np.uint8)
    Image.fromarray(small).resize((90, 80)).save(tmp_path / "a.jpg")
    Image.open(tmp_path / "a.jpg").save(tmp_path / "a.png")
    named = PixelSettings(height=4, width=5, channels=channels, resize="stretch", white=65535)
    first, second = decode_files([tmp_path / "a.jpg", tmp_path / "a.png"], named)
    assert first.content == second.content
    alone = next(decode_files([tmp_path / "a.jpg"], named))
    np.testing.assert_array_equal(first.pixels, alone.pixels)  # its pixels do not depend on its company


def test_pictures_of_other_shape_with_the_same_bytes_differ() -> None:
    flat = np.zeros((2, 8, 1), np.uint8)
    assert content_digest(flat) != content_digest(flat.reshape(8, 2, 1))
