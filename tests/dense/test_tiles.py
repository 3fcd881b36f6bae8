"""Tiles against one pass over the whole picture, for classifiers made dense and for segmenters."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from percept.dense import convolutionalize, densify, predict_tiled
from percept.errors import DataError, OptionError, WriteError
from percept.models import build

PATCH = (20, 17)


class Residual(nn.Module):
    """A block with a shortcut, padded or cropped."""

    def __init__(self, inputs: int, outputs: int, stride: int, padding: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, padding)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride)
        self.cut = 0 if padding else 1 + (stride == 1)

    def forward(self, features: Tensor) -> Tensor:
        branch = self.second(functional.relu(self.first(features)))
        shortcut = self.shortcut(features)[:, :, self.cut :, self.cut :]
        return functional.relu(branch + shortcut[:, :, : branch.shape[2], : branch.shape[3]])


def classifier(padding: int) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(2, 4, 3, padding=padding), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)),
        *(Residual(4, 6, 1, padding), nn.AvgPool2d(2, 1, padding), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        nn.Linear(6, 3),
    ).eval()


class UNet(nn.Module):
    """Two levels with a skip connection, padded or not."""

    def __init__(self, padding: int) -> None:
        super().__init__()
        self.down, self.inner = nn.Conv2d(1, 4, 3, padding=padding), nn.Conv2d(4, 6, 3, padding=padding)
        self.up = nn.ConvTranspose2d(6, 4, 2, 2)
        self.top = nn.Conv2d(8, 2, 3, padding=padding)

    def forward(self, features: Tensor) -> Tensor:
        skip = self.down(features).relu()
        raised = self.up(self.inner(functional.max_pool2d(skip, 2)).relu())
        cut = (skip.shape[2] - raised.shape[2]) // 2
        skip = skip[:, :, cut : cut + raised.shape[2], cut : cut + raised.shape[3]]
        return self.top(torch.cat([skip, raised], 1))  # type: ignore[no-any-return]


def fully_convolutional() -> nn.Module:
    torch.manual_seed(0)
    up = nn.Upsample(scale_factor=4, mode="bilinear", align_corners=False)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 2, 1), up
    )


def drawn(channels: int, height: int, width: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((channels, height, width)).astype(np.float32)


def whole(network: nn.Module, picture: NDArray[Any]) -> NDArray[Any]:
    with torch.no_grad():
        return network(torch.from_numpy(picture)[None])[0].numpy()  # type: ignore[no-any-return]


def near(one: NDArray[Any], other: NDArray[Any]) -> bool:
    assert one.shape == other.shape
    return float(abs(one - other).max()) < 1e-6 * float(abs(other).max())


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(["exact", "patch", "image", "plane"]),
    st.sampled_from(["atrous", "shift-and-stitch", "heatmap"]),
    st.sampled_from(["reflect", "zero", "valid"]),
    st.integers(5, 50),
    st.tuples(st.integers(36, 50), st.integers(34, 45)),
)
def test_tiles_of_a_dense_network_are_one_pass_over_the_extended_picture(
    semantics: Any, method: Any, border: Any, tile: int, size: tuple[int, int]
) -> None:
    padding = int(semantics != "exact")
    dense = densify(classifier(padding), PATCH, semantics=semantics if padding else None)
    picture = drawn(2, *size)
    modes: dict[str, Any] = {"reflect": {"mode": "reflect"}, "zero": {"mode": "constant"}}
    reach = dense.context
    if border == "valid":
        edges = [(0, 0), (0, 0)]
    else:
        edges = [(p // 2 + low, p - 1 - p // 2 + high) for p, (low, high) in zip(PATCH, reach, strict=True)]
    extended = np.pad(picture, ((0, 0), *edges), **modes.get(border, {"mode": "constant"}))
    expected = whole(dense, extended)
    rows, columns = (slice(low, side - high) for (low, high), side in zip(reach, expected.shape[1:], strict=True))
    expected = expected[:, rows, columns]  # where all of the context is there
    dense.method = method
    if method == "heatmap":
        expected = expected[:, :: dense.stride[0], :: dense.stride[1]]
    assert near(predict_tiled(dense, picture, tile=tile, border=border), expected)


@pytest.mark.parametrize("tile", [7, 16, 23, 64])
@pytest.mark.parametrize("kind", ["padded", "plain", "convolutional"])
@pytest.mark.parametrize("size", [(60, 72), (64, 76)])
def test_tiles_of_a_segmenter_are_one_pass_over_the_picture(kind: str, tile: int, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network = fully_convolutional() if kind == "convolutional" else UNet(int(kind == "padded"))
    picture = drawn(1, *size)
    assert near(predict_tiled(network, picture, tile=tile, border="valid"), whole(network, picture))


def test_a_segmenter_without_padding_answers_for_every_pixel_of_the_mirrored_picture() -> None:
    torch.manual_seed(0)
    network, picture = UNet(0), drawn(1, 60, 72)
    expected = whole(network, np.pad(picture, ((0, 0), (4, 4), (4, 4)), mode="reflect"))  # 1 + 2 * 1 + 1 at a side
    made = predict_tiled(network, picture, tile=16)
    assert made.shape == (2, 60, 72)
    assert near(made, expected)


@pytest.mark.parametrize("size", [(200, 217), (203, 190)])
def test_a_segmenter_that_takes_some_sizes_alone_answers_for_every_pixel_of_any(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network = build("unet", classes=2, channels=1, width=4, depth=3, padding="valid").eval()
    picture = drawn(1, *size)
    lost = 92 - network(torch.zeros(1, 1, 92, 92)).shape[2]  # 92 is the smallest side that it takes, 8 k + 4 the others
    sides = [-(-(side + lost - 4) // 8) * 8 + 4 for side in size]
    edges = [(lost // 2, all_of_it - side - lost // 2) for all_of_it, side in zip(sides, size, strict=True)]
    expected = whole(network, np.pad(picture, ((0, 0), *edges), mode="reflect"))[:, : size[0], : size[1]]
    made = predict_tiled(network, picture, tile=64)
    assert abs(made - expected).max() < 1e-5 * abs(expected).max()


def test_auto_chooses_the_smallest_tile_whose_halo_is_cheap_and_that_fits_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("percept.dense.costs.CALL", 0.0)  # as if the network were not as small as it is
    dense, picture = densify(classifier(0), 20), drawn(2, 300, 300)
    tiles: list[int] = []
    made = predict_tiled(dense, picture, progress=lambda done, count: tiles.append(count))
    predict_tiled(dense, picture, memory="600KB", progress=lambda done, count: tiles.append(count), workers=1)
    assert 1 < tiles[0] < tiles[-1]
    assert near(made, predict_tiled(dense, picture, tile=300))
    with pytest.raises(OptionError, match="too small for a tile of 16x16"):
        predict_tiled(dense, picture, memory=1000)


def test_workers_do_not_change_the_answers_or_the_callers_threads() -> None:
    dense, picture = densify(classifier(0), 20), drawn(2, 80, 90)
    before = torch.get_num_threads()
    one, three = (predict_tiled(dense, picture, tile=24, workers=workers) for workers in (1, 3))
    assert np.array_equal(one, three)
    assert torch.get_num_threads() == before


def test_a_file_is_written_that_holds_the_same_answers(tmp_path: Path) -> None:
    dense, picture = densify(classifier(0), 20), drawn(2, 50, 60)
    out = tmp_path / "new" / "answers.npy"
    made = predict_tiled(dense, picture, tile=16, out=out)
    assert isinstance(made, np.memmap)
    assert np.array_equal(np.load(out), predict_tiled(dense, picture, tile=16))
    assert [each.name for each in out.parent.iterdir()] == ["answers.npy"]


class KilledError(Exception):
    """Stands for the end of the process."""


def stopped_at(tiles: int) -> Any:
    def progress(done: int, count: int) -> None:
        if done == tiles:
            raise KilledError

    return progress


def test_a_killed_run_goes_on_where_it_was_and_ends_with_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("percept.dense.results.SAFE_EVERY", 0.0)
    dense, picture = densify(classifier(0), 20), drawn(2, 50, 60)
    out, straight = tmp_path / "answers.npy", tmp_path / "straight.npy"
    predict_tiled(dense, picture, tile=16, out=straight)
    with pytest.raises(KilledError):
        predict_tiled(dense, picture, tile=16, out=out, progress=stopped_at(9))
    assert not out.exists()
    seen: list[int] = []
    predict_tiled(dense, picture, tile=16, out=out, progress=lambda done, count: seen.append(done))
    assert seen == list(range(9, 17))
    assert out.read_bytes() == straight.read_bytes()


def noted(seen: list[int], done: int, count: int) -> None:
    seen.append(done)


def test_a_killed_run_with_other_settings_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("percept.dense.results.SAFE_EVERY", 0.0)
    dense, picture, out = densify(classifier(0), 20), drawn(2, 50, 60), tmp_path / "answers.npy"
    others: list[dict[str, Any]] = [{"picture": picture + 1}, {"border": "zero"}, {"prepare": torch.neg}, {"tile": 15}]
    for other in others:
        with pytest.raises(KilledError):
            predict_tiled(dense, picture, tile=16, out=out, progress=stopped_at(9))
        seen: list[int] = []
        arguments = {"picture": picture, "tile": 16, **other}
        made = predict_tiled(dense, **arguments, out=out, progress=partial(noted, seen))
        assert seen[0] == 0
        assert near(made, predict_tiled(dense, **arguments))


def test_a_full_disk_is_an_error_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(WriteError, match=r"answers.npy cannot be written \(No space left"):
        predict_tiled(densify(classifier(0), 20), drawn(2, 50, 60), out=tmp_path / "answers.npy")


def test_pixels_are_prepared_tile_by_tile() -> None:
    dense, picture = densify(classifier(0), 20), (drawn(2, 50, 60) * 40 + 128).astype(np.uint8)
    made = predict_tiled(dense, picture, tile=16, prepare=lambda pixels: (pixels - 128) / 40)
    assert near(made, predict_tiled(dense, (picture.astype(np.float32) - 128) / 40, tile=64))


class Excited(nn.Module):
    """Squeeze-excite behind a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.filter = nn.Conv2d(1, 2, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        maps = self.filter(features)
        return maps * maps.mean((2, 3), keepdim=True)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        (Excited(), "mean.*sees the whole picture"),
        (nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.GroupNorm(2, 4)), r"layer 1 \(GroupNorm\) sees the whole"),
        (nn.Conv2d(1, 2, 3, stride=2, padding=1), "2 pixels apart"),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 30 * 38, 3)), "make a classifier dense first"),
    ],
)
def test_segmenters_that_see_the_whole_picture_are_refused_by_layer(network: nn.Module, sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        predict_tiled(network, drawn(1, 32, 40), tile=16, border="valid")


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"border": "wrap"}, OptionError, "border is 'wrap'"),
        ({"tile": 0}, OptionError, "tile is 0"),
        ({"memory": "much"}, OptionError, "memory is 'much'"),
        ({"memory": "0GB"}, OptionError, "such as 4GB"),
        ({"out": "answers.tif"}, OptionError, "a .npy file"),
        ({"picture": np.zeros((3, 50, 60))}, DataError, "3 channels; expected 2"),
        ({"picture": np.zeros((2, 10, 60)), "border": "valid"}, DataError, "smaller than"),
        ({"picture": np.zeros((1, 2, 50, 60))}, DataError, "expected an array"),
        ({"picture": "nowhere.tif"}, DataError, "no file"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        predict_tiled(densify(classifier(0), 20), **{"picture": drawn(2, 50, 60), **arguments})


def test_a_picture_smaller_than_the_patch_is_mirrored_as_often_as_it_takes() -> None:
    dense, picture = densify(classifier(0), 20), drawn(2, 6, 5)
    expected = whole(dense, np.pad(picture, ((0, 0), (10, 9), (10, 9)), mode="reflect"))
    assert near(predict_tiled(dense, picture, tile=4), expected)


def test_heatmaps_of_a_network_that_keeps_its_strides_come_in_tiles_too() -> None:
    heatmaps, picture = convolutionalize(classifier(0), 20), drawn(2, 50, 61)
    assert near(predict_tiled(heatmaps, picture, tile=4, border="valid"), whole(heatmaps, picture))
