"""U-Net's weight map: percept against one distance transform of the whole picture per object, as it is usually written.

Claim: for 1024 x 1024 pixels with 300 objects, percept takes at most 0.1 times the processor time of the direct way
(scipy's exact distance transform), with weights that differ by at most 1e-5. Both run in this process by turns; what is
reported is the median turn. A second scene has objects that cross the whole picture, where windows save the least.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from percept.data.weight_maps import separation_weights

SHARE = 0.1  # of the direct way's processor time
CLOSE = 1e-5  # of the weights
W0, SIGMA = 10.0, 5.0  # the paper's
SCENES = ("cells", "stripes")

Labels = NDArray[np.int32]
Weights = NDArray[np.float64]


def cells(side: int, count: int) -> Labels:
    """Return discs of unlike sizes at random places, none over another, some touching."""
    generator = np.random.default_rng(0)
    labels = np.zeros((side, side), np.int32)
    rows, columns = np.mgrid[:side, :side]
    number = 0
    while number < count:
        row, column = generator.integers(0, side, 2)
        radius = generator.uniform(0.006, 0.024) * side
        disc = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
        if not labels[disc].any():
            number += 1
            labels[disc] = number
    return labels


def stripes(side: int, count: int) -> Labels:
    """Return slanting lines through the whole picture, whose bounding boxes are as large as it."""
    rows, columns = np.mgrid[:side, :side]
    place = (rows + columns) * count // (2 * side)
    inside = (rows + columns) % max(4, 2 * side // count) < 3
    return np.where(inside, place + 1, 0).astype(np.int32)


def direct(labels: Labels) -> Weights:
    """Return the weights from the distances of all pixels to every object, the two smallest kept."""
    nearest, second = np.full(labels.shape, np.inf), np.full(labels.shape, np.inf)
    for number in range(1, int(labels.max()) + 1):
        distance = ndimage.distance_transform_edt(labels != number)
        second = np.minimum(second, np.maximum(nearest, distance))
        nearest = np.minimum(nearest, distance)
    weights = W0 * np.exp(-((nearest + second) ** 2) / (2 * SIGMA**2))
    return np.where(labels > 0, 0.0, weights)


def percept_weights(labels: Labels) -> Weights:
    """Return percept's weights."""
    return separation_weights(labels, w0=W0, sigma=SIGMA)


def timed(function: Callable[[Labels], Weights], labels: Labels) -> tuple[float, Weights]:
    """Return processor seconds and the result."""
    began = time.process_time()
    result: NDArray[Any] = function(labels)
    return time.process_time() - began, result


def compare(name: str, side: int, objects: int, rounds: int) -> bool:
    """Print both ways on one scene and return whether the claims hold."""
    labels = cells(side, objects) if name == "cells" else stripes(side, objects // 10)
    direct_turns, percept_turns = [], []
    for _ in range(rounds):
        direct_turns.append(timed(direct, labels))
        percept_turns.append(timed(percept_weights, labels))
    slow, quick = (statistics.median(each[0] for each in turns) for turns in (direct_turns, percept_turns))
    gap = float(np.abs(direct_turns[0][1] - percept_turns[0][1]).max())
    print(f"{name}: {side} x {side}, {len(np.unique(labels)) - 1} objects")
    print(f"  direct {slow:.2f} s, percept {quick:.2f} s of processor time; weights differ by {gap:.1e}")
    met = [gap <= CLOSE]
    print(f"  weights differ by at most {CLOSE}: {_verdict(met[0])}")
    if name == "cells":
        met.append(quick <= SHARE * slow)
        print(f"  percept / direct: {quick / slow:.4f} (claim: at most {SHARE}) {_verdict(met[1])}")
    else:
        print(f"  percept / direct: {quick / slow:.4f} (no claim)")
    return all(met)


def main() -> int:
    """Run the benchmark; the exit code is 1 if the claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--side", type=int, default=1024, help="pixels of a side")
    parser.add_argument("--objects", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=1, help="runs of each way, by turns")
    options = parser.parse_args()
    met = [compare(name, options.side, options.objects, options.rounds) for name in SCENES]
    return 0 if all(met) else 1


def _verdict(met: bool) -> str:
    return "holds" if met else "DOES NOT HOLD"


if __name__ == "__main__":
    sys.exit(main())
