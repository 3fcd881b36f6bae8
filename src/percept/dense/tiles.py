"""Answers for pictures of any size in bounded memory: tile by tile, equal to those of the picture as a whole."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from percept.dense.answer_files import ArrayFile
from percept.dense.extension import Border, read_extended
from percept.dense.network import DenseNetwork
from percept.dense.pieces import DensePieces, Pieces
from percept.dense.results import InMemory, OnDisk, Results
from percept.dense.segmenter import SegmenterPieces
from percept.dense.sources import Source, digest, open_source
from percept.dense.steps import Pair
from percept.dense.tile_size import tile_side
from percept.dense.workspace import kept_memory
from percept.devices import full_float32, parse_memory, using_threads
from percept.errors import DataError, OptionError

ENOUGH_FOR_A_GPU = 512  # rows and columns of a tile: smaller ones leave it idle, larger ones leave us waiting for it
BORDERS = ("reflect", "zero", "valid")
Settings = Callable[[], dict[str, Any]]
"""Gives all that answers depend on, as JSON values; it looks at the weights and the picture for it."""


@dataclass(frozen=True)
class Tile:
    """A rectangle of the answers: its number, its first row and column, and how many of each."""

    number: int
    first: Pair
    counts: Pair


def predict_tiled(
    network: nn.Module,
    picture: object,
    *,
    tile: int | Literal["auto"] = "auto",
    memory: str | float = "1GB",
    border: Border = "reflect",
    out: str | Path | None = None,
    prepare: Callable[[Tensor], Tensor] | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[Any]:
    """Return the answers of a network for a picture of any size, computed in tiles.

    Each tile is read with the halo that its answers depend on, so that they equal those of one pass over the whole
    picture, but for the last digits where an operation sums in another order.

    Args:
        network: a dense network, by `densify` or `convolutionalize`; or a segmenter, from (samples, channels, height,
            width) to an answer for each pixel, or for each but a border of constant width, whose layers see a bounded
            part of the picture.
        picture: an array or tensor of (channels, height, width) or (height, width), which may be mapped from a file; or
            the path of a .npy file, of a TIFF of any size (extra `tiff`), or of a slide (extra `slides`).
        tile: rows and columns of answers that are computed at a time; "auto" for the smallest tile whose halo costs
            under a fifth of all work, and that fits the memory; on a GPU, which small ones leave idle, of 512 or more.
        memory: bytes that the maps of all tiles at work may take, such as "1GB" or "500MB"; an array of all answers
            comes on top, unless `out` is given.
        border: what lies beyond the picture, where the answers would be fewer than its pixels: "reflect" (mirrored)
            or "zero", with an answer for each pixel, or "valid": nothing, with fewer answers. A segmenter that pads its
            maps itself gives as many answers as pixels, and is not given anything beyond the picture.
        out: a .npy file that the answers are written to as they come. A killed run is gone on with by the same call.
        prepare: from the pixels of a tile, float (1, channels, rows, columns) on the CPU, to what the network takes,
            pixel by pixel; None for the pixels as they are.
        workers: tiles that are computed at the same time, each by one thread of the CPU; None for as many as torch has
            threads. One on a GPU.
        progress: called with the tiles that are done and how many there are.

    Returns:
        (classes, height, width) scores; mapped from the file where `out` is given.

    Raises:
        OptionError: an argument is out of range, the memory is too small, or tiles could not give the same answers.
        DataError: the picture is none, or smaller than what one answer needs.
        WriteError: the file cannot be written.

    Source: notes §3.6.4; Ronneberger, Fischer & Brox 2015, "U-Net", figure 2 (the overlap-tile strategy).

    Example:
        >>> from percept.dense import densify
        >>> network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 3 * 3, 2))
        >>> predict_tiled(densify(network, 8), np.zeros((1, 50, 60), np.float32), tile=16).shape
        (2, 50, 60)
    """
    found: list[InMemory] = []

    def results(shape: tuple[int, int, int], dtype: np.dtype[Any], settings: Settings) -> Results:
        if out is not None:
            return OnDisk([ArrayFile(Path(out), shape, dtype)], settings())
        found.append(InMemory(shape, dtype))
        return found[0]

    answer_tiles(
        *(network, open_source(picture), results),
        tile=tile,
        memory=memory,
        border=border,
        prepare=prepare,
        workers=workers,
        progress=progress,
    )
    if out is None:
        return found[0].answers
    mapped: NDArray[Any] = np.load(out, mmap_mode="r")
    return mapped


def answer_tiles(
    network: nn.Module,
    source: Source,
    results_for: Callable[[tuple[int, int, int], np.dtype[Any], Settings], Results],
    *,
    tile: int | Literal["auto"] = "auto",
    memory: str | float = "1GB",
    border: Border = "reflect",
    prepare: Callable[[Tensor], Tensor] | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Hand the answers of a network for a picture to what takes them, tile by tile; see `predict_tiled`.

    Args:
        network: a dense network, or a segmenter.
        source: the picture.
        results_for: from (classes, height, width), the type of the answers, and what gives all that they depend on, to
            what takes them.
        tile: rows and columns of answers that are computed at a time.
        memory: bytes that the maps of all tiles at work may take.
        border: what lies beyond the picture.
        prepare: from the pixels of a tile to what the network takes.
        workers: tiles that are computed at the same time.
        progress: called with the tiles that are done and how many there are.
    """
    if border not in BORDERS:
        raise OptionError(f"border is {border!r}; expected one of {', '.join(BORDERS)}")
    pieces = _pieces(network, source, border)
    device, dtype = _kind(network)
    count = 1 if device.type != "cpu" else workers or torch.get_num_threads()
    room = parse_memory(memory) / count / torch.finfo(dtype).bits * 8
    side = tile_side(pieces, tile, room, least=ENOUGH_FOR_A_GPU if device.type == "cuda" else 0)
    tiles = list(_tiles(pieces.counts, side))
    shape, kind = (pieces.classes, *pieces.counts), np.dtype(str(dtype).removeprefix("torch."))

    def answer(each: Tile) -> NDArray[Any]:
        with full_float32(), torch.inference_mode():
            rows, columns = (pieces.pixels(axis, each.first[axis], each.counts[axis]) for axis in (0, 1))
            place = [
                (start + offset, stop + offset)
                for (start, stop), offset in zip((rows, columns), pieces.offset, strict=True)
            ]
            pixels = torch.from_numpy(read_extended(source, place[0], place[1], border))[None]
            pixels = (pixels if prepare is None else prepare(pixels.to(dtype))).to(device, dtype)
            made = pieces.answers(pixels, (rows[0], columns[0]), each.first, each.counts)
            return _on_the_host(made[0]).numpy()

    def settings() -> dict[str, Any]:
        return {"tile": side, "border": border, "of": _fingerprint(network, source, prepare)}

    results = results_for(shape, kind, settings)
    _run(answer, tiles, results, count, source, progress)
    results.finish()


def _run(
    answer: Callable[[Tile], NDArray[Any]],
    tiles: list[Tile],
    results: Results,
    workers: int,
    source: Source,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Compute tiles and hand them to the results in order, never more of them at a time than there are workers."""
    left = deque(tile for tile in tiles if tile.number not in results.done)
    done = len(tiles) - len(left)
    if progress is not None:
        progress(done, len(tiles))
    with kept_memory(), _one_thread_each(workers) as pool:
        running: deque[tuple[Tile, Future[NDArray[Any]]]] = deque()
        try:
            while left or running:
                while left and len(running) < workers + 1:
                    tile = left.popleft()
                    running.append((tile, pool.submit(answer, tile)))
                tile, future = running.popleft()
                results.write(tile.number, *tile.first, future.result())
                if tile.first[1] == 0:
                    source.release()
                done += 1
                if progress is not None:
                    progress(done, len(tiles))
        finally:
            for _, future in running:
                future.cancel()


@contextmanager
def _one_thread_each(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Yield a pool whose workers each compute in one thread, which is faster than many threads in one worker."""
    with using_threads(None), ThreadPoolExecutor(workers, initializer=_alone if workers > 1 else None) as pool:
        yield pool


def _alone() -> None:
    torch.set_num_threads(1)


def _pieces(network: nn.Module, source: Source, border: Border) -> Pieces:
    channels, *sides = source.shape
    size = sides[0], sides[1]
    if not isinstance(network, DenseNetwork):
        return SegmenterPieces.of(network, channels, size, border)
    if channels != network.channels:
        raise DataError(f"the picture has {channels} channels; expected {network.channels}")
    pieces = DensePieces.of(network, size, border)
    if min(pieces.counts) < 1:
        raise DataError(
            f"the picture is {size[0]}x{size[1]}, smaller than what one answer depends on; take another border"
        )
    return pieces


def _kind(network: nn.Module) -> tuple[torch.device, torch.dtype]:
    for values in network.parameters():
        if values.is_floating_point():
            return values.device, values.dtype
    return torch.device("cpu"), torch.float32


def _on_the_host(answers: Tensor) -> Tensor:
    """Return answers in contiguous memory of the host; from a GPU by way of memory that it writes to by itself."""
    if answers.device.type != "cuda":
        return answers.to("cpu", memory_format=torch.contiguous_format)
    return torch.empty(answers.shape, dtype=answers.dtype, pin_memory=True).copy_(answers)


def _tiles(counts: Pair, side: int) -> Iterator[Tile]:
    number = 0
    for row in range(0, counts[0], side):
        for column in range(0, counts[1], side):
            yield Tile(number, (row, column), (min(side, counts[0] - row), min(side, counts[1] - column)))
            number += 1


def _fingerprint(network: nn.Module, source: Source, prepare: Callable[[Tensor], Tensor] | None) -> str:
    """Return what tells these answers from others: the digest of the network, the picture and its preparation."""
    found = hashlib.sha256(digest(source).encode())
    if isinstance(network, DenseNetwork):
        found.update(f"{network.patch} {network.semantics} {network.method}".encode())
    for name, values in network.state_dict().items():
        found.update(name.encode() + values.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    if prepare is not None:
        channels, _, width = source.shape
        row = torch.from_numpy(source.read((0, 1), (0, min(width, 64))))[None].float()
        found.update(prepare(row).cpu().double().numpy().tobytes() + str(channels).encode())
    return found.hexdigest()
