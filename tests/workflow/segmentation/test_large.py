"""Pictures too large for memory: their masks, written part by part, against those of the picture as a whole."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import percept
from percept.cli.main import main
from percept.errors import DataError, OptionError
from percept.workflow.densify import densify
from percept.workflow.predict_masks import write_masks
from percept.workflow.predict_options import PredictOptions
from percept.workflow.run import Run

pytestmark = pytest.mark.usefixtures("no_report")

Fit = Callable[..., Run]
SIZE = (300, 417)
LITTLE = "2MB"  # less than what a picture of this size takes in memory


def picture(size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[: size[0], : size[1]]
    discs = (rows % 40 - 20) ** 2 + (columns % 50 - 25) ** 2 < 90
    noise = np.random.default_rng(0).normal(0, 20, size)
    return np.asarray((90 + 80 * discs + noise).clip(0, 255), np.uint8)


@pytest.fixture
def tiff(tmp_path: Path) -> Path:
    tifffile = pytest.importorskip("tifffile", reason="the extra `tiff` is not installed")
    tifffile.imwrite(tmp_path / "large.tif", picture(), tile=(64, 64), compression="zlib")
    return tmp_path / "large.tif"


@pytest.fixture(scope="module")
def unet(folder: Path, fit: Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a segmenter's run that has learned a little."""
    return fit(folder, tmp_path_factory.mktemp("runs") / "unet", epochs=5, test="none").path


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a classifier of patches of 20x20 as a segmenter's run."""
    folder = tmp_path_factory.mktemp("runs")
    pictures = np.random.default_rng(0).integers(0, 100, (40, 20, 20), dtype=np.uint8)
    labels = np.arange(40) % 2
    pictures[labels == 1, 6:14, 6:14] += 120
    options: dict[str, Any] = {"model": "lenet", "image_size": (20, 20), "epochs": 1, "augment": "none", "threads": 1}
    percept.fit(pictures, labels, out=folder / "squares", **options)
    return densify(folder / "squares", out=folder / "dense", semantics="patch").path


def masks(run: Path, sample: Path, out: Path, **options: Any) -> Path:
    folder = percept.predict(run, sample, out=out, probabilities=True, threads=1, **options)
    assert isinstance(folder, Path)
    return folder


@pytest.mark.parametrize("kind", ["unet", "dense"])
def test_a_large_picture_has_the_mask_that_it_has_in_memory(
    kind: str, unet: Path, dense: Path, tiff: Path, tmp_path: Path
) -> None:
    path = unet if kind == "unet" else dense
    whole = masks(path, tiff, tmp_path / "whole")
    parts = masks(path, tiff, tmp_path / "parts", memory=LITTLE)
    assert {each.name for each in parts.iterdir()} == {"large.tif", "large_overlay.png", "large_probabilities.npy"}
    chances = np.load(whole / "large_probabilities.npy")
    np.testing.assert_allclose(np.load(parts / "large_probabilities.npy"), chances, atol=1e-5)
    sure = abs(chances[0] - 0.5) > 1e-5
    with Image.open(whole / "large.png") as one, Image.open(parts / "large.tif") as other:
        assert other.getpalette()[:6] == one.getpalette()[:6]  # type: ignore[index]
        assert np.array_equal(np.asarray(other)[sure], np.asarray(one)[sure])
    with Image.open(parts / "large_overlay.png") as shown:
        assert shown.size == (417, 300)


def test_the_shares_of_classes_are_those_of_the_mask(unet: Path, tiff: Path, tmp_path: Path) -> None:
    model = percept.load(unet).model
    (written,) = write_masks(model, [tiff], tmp_path / "parts", PredictOptions(memory=LITTLE), say=print)
    with Image.open(written.mask) as mask:
        shares = np.bincount(np.asarray(mask).ravel(), minlength=2) / np.prod(SIZE)
    assert list(written.shares.values()) == pytest.approx(shares)


def test_other_files_are_streamed_too(unet: Path, tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "picture.png")
    np.save(tmp_path / "array.npy", picture()[None])
    whole = masks(unet, tmp_path / "picture.png", tmp_path / "whole")
    with Image.open(whole / "picture.png") as image:
        expected = np.asarray(image)
    for name in ("picture.png", "array.npy"):
        parts = masks(unet, tmp_path / name, tmp_path / Path(name).stem, memory=LITTLE)
        with Image.open((parts / name).with_suffix(".tif")) as image:
            assert (np.asarray(image) == expected).mean() > 0.9999


class KilledError(Exception):
    """Stands for the end of the process."""


def test_a_killed_prediction_goes_on_with_the_picture_that_it_was_at(
    unet: Path, tiff: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("percept.dense.results.SAFE_EVERY", 0.0)
    Image.fromarray(picture((40, 50))).save(tmp_path / "small.png")
    samples = [tmp_path / "small.png", tiff]
    seen: list[float] = []

    def die(done: float, total: int) -> None:
        if done > 1.5:
            raise KilledError

    def predict(out: Path, **options: Any) -> None:
        percept.predict(unet, samples, out=out, memory=LITTLE, threads=1, **options)

    with pytest.raises(KilledError):
        predict(tmp_path / "killed", progress=die)
    with pytest.raises(OptionError, match=r"small\.png exists and is not overwritten; .*--resume"):
        predict(tmp_path / "killed")
    with pytest.warns(percept.errors.PerceptWarning, match="1 of 2 pictures have their masks already"):
        predict(tmp_path / "killed", resume=True, progress=lambda done, total: seen.append(done))
    assert seen[0] == 0 and seen[1] > 0.4 and seen[-1] == 1  # of the one that was left
    predict(tmp_path / "straight")
    for name in ("small.png", "large.tif", "large_overlay.png"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "straight" / name).read_bytes()


def test_a_prediction_killed_before_the_overlay_goes_on_with_it(
    unet: Path, tiff: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*asked: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr("percept.workflow.segmentation.predict.overview", die)
        with pytest.raises(KilledError):
            masks(unet, tiff, tmp_path / "killed", memory=LITTLE)
    mask, overlay = tmp_path / "killed" / "large.tif", tmp_path / "killed" / "large_overlay.png"
    before = mask.stat()
    assert not overlay.exists()
    masks(unet, tiff, tmp_path / "killed", memory=LITTLE, resume=True)
    assert mask.stat().st_mtime_ns == before.st_mtime_ns
    straight = masks(unet, tiff, tmp_path / "straight", memory=LITTLE)
    assert overlay.read_bytes() == (straight / "large_overlay.png").read_bytes()


def test_memory_and_resume_are_for_masks(dense: Path, tiff: Path, tmp_path: Path) -> None:
    classifier = dense.parent / "squares"
    with pytest.raises(OptionError, match="--memory is for models that give a class for every pixel"):
        percept.predict(classifier, tiff, memory="1GB")
    with pytest.raises(OptionError, match="--resume is for models that give a class for every pixel"):
        percept.predict(classifier, tiff, resume=True)
    with pytest.raises(OptionError, match="memory is 'much'; expected a size"):
        percept.predict(dense, tiff, out=tmp_path / "masks", memory="much")
    with pytest.raises(OptionError, match="memory is too small for a tile"):
        percept.predict(dense, tiff, out=tmp_path / "masks", memory="1KB")


def test_objects_are_counted_in_memory_alone(dense: Path, tiff: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="--count needs the probabilities of a picture in memory, and large does not"):
        percept.predict(dense, tiff, out=tmp_path / "masks", memory=LITTLE, count="1")


def test_a_broken_large_picture_is_left_out_where_that_is_asked_for(unet: Path, tiff: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.tif").write_bytes(tiff.read_bytes()[:200])
    with pytest.raises(DataError, match=r"broken\.tif cannot be read"):
        percept.predict(unet, [tmp_path / "broken.tif"], out=tmp_path / "masks")
    with pytest.warns(percept.errors.PerceptWarning, match=r"broken\.tif"):
        samples = [tmp_path / "broken.tif", tiff]
        percept.predict(unet, samples, out=tmp_path / "masks", memory=LITTLE, skip_unreadable=True)
    assert (tmp_path / "masks" / "large.tif").exists()


def test_the_command_says_where_masks_are(
    unet: Path, tiff: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["predict", str(unet), str(tiff), "--out", str(tmp_path / "masks"), "--memory", LITTLE, "--json"])
    (told,) = json.loads(capsys.readouterr().out)["masks"]
    assert told["mask"] == str(tmp_path / "masks" / "large.tif")


@pytest.mark.parametrize(("name", "compression"), [("slide.svs", "deflate"), ("pyramid.tif", "jpeg")])
def test_a_pyramid_is_read_at_its_full_size(name: str, compression: str, dense: Path, tmp_path: Path) -> None:
    pyvips: Any = pytest.importorskip("pyvips", reason="the extra `slides` is not installed")
    colored = np.stack([picture(), picture(), 255 - picture()], axis=2)
    written = pyvips.Image.new_from_array(colored)
    written.tiffsave(str(tmp_path / "written.tif"), tile=True, pyramid=True, compression=compression, Q=90)
    (tmp_path / "written.tif").rename(tmp_path / name)
    Image.fromarray(pyvips.Image.new_from_file(str(tmp_path / name)).numpy()).save(tmp_path / "whole.png")
    whole = masks(dense, tmp_path / "whole.png", tmp_path / "whole")
    parts = percept.predict(dense, tmp_path / name, out=tmp_path / "parts", memory=LITTLE, threads=2)
    assert isinstance(parts, Path)
    sure = abs(np.load(whole / "whole_probabilities.npy")[0] - 0.5) > 1e-5
    with Image.open(whole / "whole.png") as one, Image.open((parts / name).with_suffix(".tif")) as other:
        assert np.array_equal(np.asarray(other)[sure], np.asarray(one)[sure])


@pytest.mark.slow
def test_a_slide_of_16_megapixels_takes_the_memory_that_is_allowed(unet: Path, tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile", reason="the extra `tiff` is not installed")
    side, small = 4096, picture((512, 512))
    lines = (np.tile(small[row : row + 256], (1, side // 512)) for row in (0, 256) * (side // 512))
    tiles = (line[:, column : column + 256] for line in lines for column in range(0, side, 256))
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, tiles, shape=(side, side), dtype=np.uint8, tile=(256, 256), bigtiff=True)
    code = """if True:
        import resource, sys, torch
        from pathlib import Path
        from percept.workflow.load import load
        from percept.workflow.predict_masks import write_masks
        from percept.workflow.predict_options import PredictOptions
        import percept.workflow.segmentation.predict, percept.dense, tifffile
        torch.set_num_threads(1)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        options = PredictOptions(memory="50MB", threads=1)
        write_masks(load(sys.argv[1]).model, [Path(sys.argv[2])], sys.argv[3], options, say=print)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    command = [sys.executable, "-c", code, str(unet), str(path), str(tmp_path / "masks")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    megabytes = int(done.stdout.split()[-1]) / 1000  # above the import; in memory it would take 500
    assert megabytes < 200, done.stdout
    with Image.open(tmp_path / "masks" / "slide.tif") as mask:
        assert mask.size == (side, side)
        Image.fromarray(np.tile(small, (2, 2))).save(tmp_path / "part.png")
        part = masks(unet, tmp_path / "part.png", tmp_path / "part")
        with Image.open(part / "part.png") as expected:
            corner = np.asarray(mask.crop((0, 0, 900, 900)))
            assert (corner == np.asarray(expected)[:900, :900]).mean() > 0.9999
