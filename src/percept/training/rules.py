"""The perceptron rule: one sample at a time, weights move by eta * target * sample, only on a mistake.

The functions work on single numbers, so that they run as they stand or compiled by numba, with the same bits. Sums are
taken in the order of the columns in float64, and the weights are held as a vector times a scale, so that scikit-learn's
numbers come out to the last bit where there is no penalty.

Source: notes §1.3.3, §2.4.2; Rosenblatt 1958; pocket weights: Gallant 1990; L1: Tsuruoka, Tsujii & Ananiadou 2009.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.training.compilation import compiled_and_kept

Floats = NDArray[np.floating[Any]]
Whole = NDArray[np.integer[Any]]

# Places in `parts` (in the type of the weights) and in `figures` (float64).
SCALE, SQUARES, ABSOLUTES, ROUNDED = range(4)  # w is vector * scale; its |w|^2 and |w|_1; a cell to round in
BIAS, OWED, RUN, LONGEST = range(4)  # L1 owed so far; right answers in a row, now and at most since it was set to 0
# Places in `rule` (float64).
ETA, L2, L1, ALPHA, L1_RATIO, BIAS_RATE, STEP = range(7)  # L2 and L1 are what one step takes; STEP is 1 for 0/1 outputs


def weighted_sum(values: Floats, columns: Whole, start: int, end: int, dense: bool, vector: Floats) -> Any:
    """Return w·x of one sample, whose values lie at start to end, in all columns or in those that lie there too."""
    total = np.float64(0.0)
    if dense:
        for column in range(len(vector)):
            total += vector[column] * values[start + column]
    else:
        for place in range(start, end):
            total += vector[columns[place]] * values[place]
    return total


def move(
    values: Floats, columns: Whole, start: int, end: int, dense: bool, vector: Floats, parts: Floats, amount: Any
) -> None:
    """Add a sample times an amount to the weights."""
    parts[ROUNDED] = amount
    each = np.float64(parts[ROUNDED] / parts[SCALE])
    if dense:
        for column in range(len(vector)):
            vector[column] = vector[column] + values[start + column] * each
    else:
        for place in range(start, end):
            vector[columns[place]] = vector[columns[place]] + values[place] * each


def measure(columns: Whole, start: int, end: int, vector: Floats, parts: Floats) -> None:
    """Note the norms of the weights, of a sample's columns only, which is how scikit-learn's penalty counts them."""
    squares = np.float64(0.0)
    absolutes = np.float64(0.0)
    for place in range(start, end):
        weight = vector[columns[place]]
        squares += weight * weight
        absolutes += abs(weight)
    parts[SQUARES] = squares * (parts[SCALE] * parts[SCALE])
    parts[ABSOLUTES] = absolutes * parts[SCALE]


def shrink(vector: Floats, parts: Floats, factor: Any) -> None:
    """Scale the weights; a scale that has become tiny is multiplied in."""
    parts[ROUNDED] = factor
    parts[SCALE] = parts[SCALE] * parts[ROUNDED]
    parts[SQUARES] = parts[SQUARES] * (parts[ROUNDED] * parts[ROUNDED])
    parts[ABSOLUTES] = parts[ABSOLUTES] * parts[ROUNDED]
    if parts[SCALE] < (1e-9 if parts.itemsize == 8 else 1e-6):
        for column in range(len(vector)):
            vector[column] = vector[column] * parts[SCALE]
        parts[SCALE] = 1.0


def pull_to_zero(columns: Whole, start: int, end: int, vector: Floats, parts: Floats, paid: Floats, owed: Any) -> None:
    """Pay the L1 penalty owed so far by the columns of one sample, never across zero."""
    scale = np.float64(parts[SCALE])
    for place in range(start, end):
        column = columns[place]
        before = np.float64(vector[column])
        if scale * before > 0.0:
            vector[column] = max(0.0, before - (owed + paid[column]) / scale)
        elif scale * before < 0.0:
            vector[column] = min(0.0, before + (owed - paid[column]) / scale)
        paid[column] = paid[column] + scale * (vector[column] - before)


def is_wrong(total: Any, target: Any, step: bool) -> bool:
    """Return whether an answer is a mistake: a sum of zero is one, save for a step neuron that should answer 0."""
    if step and target < 0.0:
        return bool(total > 0.0)
    return bool(total * target <= 0.0)


def hold(vector: Floats, parts: Floats, bias: Any, kept: Floats) -> None:
    """Write the present bias and weights to `kept`."""
    kept[0] = bias
    for column in range(len(vector)):
        kept[column + 1] = vector[column] * parts[SCALE]


def sweep(
    values: Floats,
    columns: Whole,
    starts: Whole,
    dense: bool,
    targets: Floats,
    weights: Floats,
    rows: Whole,
    rule: Floats,
    vector: Floats,
    parts: Floats,
    paid: Floats,
    figures: Floats,
    candidate: Floats,
    updated: Whole,
    sums: Floats,
    history: Floats,
) -> tuple[int, int, Any, Any]:
    """Take every sample of `rows` once by the perceptron rule, and change the weights in place.

    Args:
        values: the samples' values, one sample after the other.
        columns: the column of each value where sparse; 0, 1, ... for one sample where dense.
        starts: (samples + 1,) where each sample begins in `values`.
        dense: whether all columns of each sample are there.
        targets: (samples,) -1 or 1.
        weights: (samples,) factor of each sample's update.
        rows: samples in the order in which they are taken.
        rule: its numbers, see the places above.
        vector: (features,) weights before their scale.
        parts: (4,) scale and norms, see the places above.
        paid: (features,) L1 penalty paid so far, (0,) without one.
        figures: (4,) bias and counts, see the places above.
        candidate: (features + 1,) filled with the bias and weights of the longest run of right answers.
        updated: (rows,) filled with the samples that led to updates.
        sums: (rows,) filled with their weighted sums.
        history: (rows, features + 1) filled with bias and weights after each update, (0, 0) to keep none.

    Returns:
        The mistakes, the updates, the summed perceptron loss, and the summed loss with penalties.
    """
    step = rule[STEP] > 0.0
    mistakes, updates, loss, objective = 0, 0, np.float64(0.0), np.float64(0.0)
    for row in rows:
        start, end = starts[row], starts[row + 1]
        first, last = (0, end - start) if dense else (start, end)  # where the sample's columns lie
        target = targets[row]
        parts[ROUNDED] = weighted_sum(values, columns, start, end, dense, vector) * parts[SCALE]
        total = parts[ROUNDED] + figures[BIAS]
        wrong = is_wrong(total, target, step)
        if total * target <= 0.0:
            loss -= total * target
            objective -= total * target
        if rule[ALPHA] > 0.0:
            norm = np.sqrt(parts[SQUARES])
            smooth = (1.0 - rule[L1_RATIO]) * 0.5 * (norm * norm)
            objective += rule[ALPHA] * (smooth + rule[L1_RATIO] * parts[ABSOLUTES])
        amount = np.float64(0.0)
        if wrong:
            mistakes += 1
            amount = rule[ETA] * target * weights[row]
            if figures[RUN] >= max(figures[LONGEST], 1.0):
                figures[LONGEST] = figures[RUN]
                hold(vector, parts, figures[BIAS], candidate)
            figures[RUN] = 0.0
        else:
            figures[RUN] += 1.0
        if rule[L2] > 0.0:
            shrink(vector, parts, max(0.0, 1.0 - rule[L2]))
        if amount != 0.0:
            move(values, columns, start, end, dense, vector, parts, amount)
            if rule[ALPHA] > 0.0:
                measure(columns, first, last, vector, parts)
            figures[BIAS] += amount * rule[BIAS_RATE]
        if rule[L1] > 0.0:
            figures[OWED] += rule[L1]
            pull_to_zero(columns, first, last, vector, parts, paid, figures[OWED])
        if amount != 0.0:
            updated[updates] = row
            sums[updates] = total
            if len(history) > 0:
                hold(vector, parts, figures[BIAS], history[updates])
            updates += 1
    return mistakes, updates, loss, objective


def shuffled(order: Whole, seed: int) -> None:
    """Shuffle in place by Fisher and Yates with Marsaglia's xorshift, the numbers that scikit-learn's SGD draws."""
    state = seed if seed > 0 else 1
    for place in range(len(order) - 1):
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        other = place + (state & 0x7FFFFFFF) % (len(order) - place)
        held = order[place]
        order[place] = order[other]
        order[other] = held


@cache
def compiled() -> tuple[Any, Any]:
    """Return `sweep` and `shuffled` compiled by numba: once, then read from its cache."""
    from numba.extending import register_jitable

    for part in (weighted_sum, move, measure, shrink, pull_to_zero, is_wrong, hold):
        register_jitable(part)
    return compiled_and_kept(sweep, nogil=True), compiled_and_kept(shuffled, nogil=True)
