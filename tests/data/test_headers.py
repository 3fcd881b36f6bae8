import io
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from percept.data.headers import LARGEST, PictureHeader, open_picture, read_header
from percept.errors import DataError


def png_claiming(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes that says it has many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    start = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", start) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    ("mode", "name", "bits"),
    [("L", "a.png", 8), ("RGB", "a.jpg", 8), ("1", "a.png", 1), ("I;16", "a.png", 16), ("F", "a.tif", 32)],
)
def test_a_header_tells_size_mode_and_bits(tmp_path: Path, mode: str, name: str, bits: int) -> None:
    Image.new(mode, (7, 5)).save(tmp_path / name)
    assert read_header(tmp_path / name) == PictureHeader(7, 5, mode, bits, frames=1, orientation=1)


def test_sixteen_bits_of_color_and_of_pgm_are_seen(tmp_path: Path) -> None:
    (tmp_path / "a.pgm").write_bytes(b"P5 2 1 65535\n" + bytes(4))
    assert read_header(tmp_path / "a.pgm").bits == 16
    png = bytearray(png_claiming(2, 1))
    png[24:26] = b"\x10\x02"  # depth 16, color
    png[29:33] = struct.pack(">I", zlib.crc32(png[12:29]))
    (tmp_path / "a.png").write_bytes(png)
    assert read_header(tmp_path / "a.png").bits == 16


def test_an_animation_counts_its_frames(tmp_path: Path) -> None:
    frames = [Image.new("L", (4, 4), shade) for shade in (0, 100, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert read_header(tmp_path / "a.gif").frames == 3


def test_a_turned_picture_has_the_size_that_a_person_sees(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("a.jpg", "a.png", "a.webp", "a.tif"):
        Image.new("RGB", (30, 20)).save(tmp_path / name, exif=exif)
        header = read_header(tmp_path / name)
        assert (header.width, header.height, header.orientation) == (20, 30, 6), name


def test_a_header_is_read_without_the_pixels(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 200, 3), np.uint8)
    for name in ("a.png", "a.jpg"):
        Image.fromarray(noise).save(tmp_path / name)
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 4])
        assert (read_header(tmp_path / name).width, read_header(tmp_path / name).height) == (200, 300)


def test_broken_exif_data_leaves_the_picture_upright(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20)).save(tmp_path / "a.jpg", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert read_header(tmp_path / "a.jpg").orientation == 1


def test_a_bomb_is_refused_without_a_warning_and_pillows_own_limit_stays(tmp_path: Path) -> None:
    theirs = Image.MAX_IMAGE_PIXELS
    (tmp_path / "bomb.png").write_bytes(png_claiming(40_000, 30_000))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match=f"40000 x 30000 pixels are 1200 megapixels, the limit is {LARGEST}"):
            read_header(tmp_path / "bomb.png")
        open_picture(io.BytesIO(png_claiming(15_000, 15_000)))  # 225 megapixels: Pillow alone would refuse
    assert theirs == Image.MAX_IMAGE_PIXELS


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.png cannot be read \(no such file or directory\); mend"):
        read_header(tmp_path / "none.png")


def test_no_other_program_is_started_for_postscript_named_as_a_picture(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    with pytest.raises(DataError, match="not a picture"):
        read_header(tmp_path / "a.jpg")


def test_reading_pictures_does_not_import_torch() -> None:
    modules = ", ".join(f"percept.data.{name}" for name in ("images", "folders", "archives", "cache"))
    program = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
