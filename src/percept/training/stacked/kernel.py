"""The compiled loop that trains the networks of a stack on the CPU; no network's arithmetic knows about the others.

Everything here is compiled by numba, which looks at the date of this one file to tell whether what it keeps on disk is
out of date: compiled functions therefore do not go into other files. Activations lie unit by unit (units, samples),
in one flat buffer, so that every inner loop runs over the samples of a batch, whose number is rounded up to a multiple
of eight; what is past the batch's end has slopes of 0. Small networks are trained side by side, each in one lane of a
vector: what is (n,) for one network then is (n, lanes), flat, and every loop but the products, the gathering and the
sums goes on as before. A sum takes its terms in the same order in a lane and alone, so that the bits are the same.
Where numbers of places are unsigned, it is because numba tries every signed one for a negative index, and such loops
do not become vector instructions. No flag lets the compiler assume that numbers are finite: a run that diverges must
end in NaN, as it does in numpy.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.training.compilation import Function, compiled_and_kept
from percept.training.stacked import tile

Array = NDArray[Any]

# Places in the `choices` that the kernel is called with, and their values.
ACTIVATION, OUTPUT, SOLVER, BATCH, JUDGE, SCHEDULE, SURE, LANES = range(8)
RELU = 3
ACTIVATION_CODES = {"identity": 0, "logistic": 1, "tanh": 2, "relu": RELU}
OUTPUT_CODES = {("identity", "squared_error"): 0, ("logistic", "log_loss"): 1, ("softmax", "log_loss"): 2}
OUTPUT_CODES |= {("exp", "poisson"): 3}
SGD, NESTEROV, ADAM = 0, 1, 2
NOTHING, LOSS, HITS, HIGHEST, R2 = range(5)  # what training is judged by: the loss, or a score on the samples held out
SCORES = {"hits": HITS, "highest": HIGHEST, "r2": R2}
CONSTANT, INVERSE, ADAPTIVE = range(3)
SCHEDULES = {"constant": CONSTANT, "invscaling": INVERSE, "adaptive": ADAPTIVE}
# Places in the `constants`.
KEEP_1, KEEP_2, EPSILON, TINY, TOLERANCE, PATIENCE, POWER, RATE, SMALLEST = range(9)
# Places in a model's `course`.
NOW, BEST, UNIMPROVED, STOPPED, SEEN, EPOCHS = range(6)  # as in `course`, whose change would not be noticed here

NARROW = 8  # gradients of fewer units than this are summed in vectors of the layer's inputs
NEARBY = 16  # samples of several networks that are taken at once, so that their activations stay near the processor
SUMS = 64  # terms of a penalty that are added up at once, each to its own sum; a multiple of any number of lanes
LANE_BYTES = tile.LANES  # of a vector with a number of each of several networks
NEAR = 120_000  # bytes of a matrix that stays near the processor while it is gone through again and again

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
_INNER = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # of functions that Python does not call
_ROUNDING = {"contract"}  # a * b + c in one instruction
_WHOLE = 6755399441055744.0  # 1.5 * 2^52: added to a number, it leaves the nearest whole one in the last bits
_EXPONENT = 4503599627370496.0  # 2^52: its bits with those of a small whole number added are 2^52 plus that number
U: Any = np.uintp
sums_of_rows: Any = tile.sums_of_rows
forward_in_lanes: Any = tile.forward_in_lanes
back_in_lanes: Any = tile.back_in_lanes
correlate_in_lanes: Any = tile.correlate_in_lanes


def compiled(function: Function) -> Function:
    """Compile a function on its first call, and keep the result on disk for later processes."""
    return compiled_and_kept(function, fastmath=_ROUNDING, **_OPTIONS, **_INNER)


def compiled_in_place(function: Function) -> Function:
    """Compile like `compiled` what is called from one place, as a part of its caller: once rather than once a level."""
    return compiled_and_kept(function, fastmath=_ROUNDING, inline="always", **_OPTIONS, **_INNER)


def compiled_to_be_called(function: Function) -> Function:
    """Compile like `compiled` what Python calls."""
    return compiled_and_kept(function, fastmath=_ROUNDING, **_OPTIONS)


@compiled_to_be_called
def exponential(x: float) -> float:
    """Return e^x to 1e-15 by a polynomial that runs in vectors, which the C library's function does not."""
    x = 709.0 if x > 709.0 else (-708.0 if x < -708.0 else x)  # NaN passes
    shifted = x * 1.4426950408889634 + _WHOLE
    n = shifted - _WHOLE
    r = (x - n * 0.693145751953125) - n * 1.4286068203094173e-06  # |r| <= log(2) / 2
    y = 1.6059043836821613e-10
    y = y * r + 2.08767569878681e-09
    y = y * r + 2.505210838544172e-08
    y = y * r + 2.755731922398589e-07
    y = y * r + 2.7557319223985893e-06
    y = y * r + 2.48015873015873e-05
    y = y * r + 1.984126984126984e-04
    y = y * r + 1.388888888888889e-03
    y = y * r + 8.333333333333333e-03
    y = y * r + 4.1666666666666664e-02
    y = y * r + 0.16666666666666666
    y = y * r + 0.5
    y = (y * r + 1.0) * r + 1.0
    power = (np.float64(shifted).view(np.int64) + 1023) << 52
    result: float = y * np.int64(power).view(np.float64)  # times 2^n, by its exponent bits
    return result


@compiled_to_be_called
def logarithm(x: float) -> float:
    """Return log(x) of a normal number above 0 to 1e-15, NaN of NaN, by a series that runs in vectors."""
    bits = np.float64(x).view(np.int64)
    raised = bits + 0x00095F6198000000  # so that the fraction lies between the roots of 1/2 and of 2
    power = np.int64((raised >> 52) | 0x4330000000000000).view(np.float64) - (_EXPONENT + 1023.0)
    fraction = np.int64(bits - ((raised & -0x10000000000000) - 0x3FF0000000000000)).view(np.float64)
    s = (fraction - 1.0) / (fraction + 1.0)  # log(fraction) = 2 (s + s^3 / 3 + s^5 / 5 + ...), |s| < 0.172
    t = s * s
    y = 1 / 21
    y = y * t + 1 / 19
    y = y * t + 1 / 17
    y = y * t + 1 / 15
    y = y * t + 1 / 13
    y = y * t + 1 / 11
    y = y * t + 1 / 9
    y = y * t + 1 / 7
    y = y * t + 1 / 5
    y = y * t + 1 / 3
    result: float = power * 0.6931471805599453 + 2 * (s + s * t * y) + 0.0 * x
    return result


@compiled
def penalty(decay: Array, p: Array, squares: Array, lanes: int, found: Array) -> None:
    """Fill `found` (lanes,) with each network's sum of decay p^2; `squares` (SUMS * lanes,) is scratch."""
    for i in range(squares.size):
        squares[i] = 0
    for start in range(0, p.size, squares.size):
        q, d = p[start : start + squares.size], decay[start : start + squares.size]
        s = squares[: q.size]
        for i in range(q.size):
            s[i] += d[i] * (q[i] * q[i])
    found[:] = 0
    add_up(squares, lanes, found)


@compiled
def add_up(values: Array, lanes: int, found: Array) -> None:
    """Add values (n, lanes) to `found` (lanes,), one after the other."""
    for lane in range(lanes):
        total = found[lane]
        for i in range(lane, values.size, lanes):
            total += values[i]
        found[lane] = total


@compiled
def matrix(flat: Array, start: int, rows: int, columns: int) -> Array:
    """Return the matrix (rows, columns) that starts somewhere in a flat vector, sharing its memory."""
    return flat[start : start + rows * columns].reshape(rows, columns)


@compiled
def weighted(W: Array, rows: int, units: int, A: Array, m: int, lanes: int, relu: bool, Z: Array) -> None:
    """Multiply a layer's inputs A (rows, m) by its weights and biases (rows, units) into sums Z (units, m).

    In lanes `relu` makes activations of them.
    """
    if lanes > 1:
        forward_in_lanes(A, m // lanes, W, units, rows, Z, A.dtype.type(0 if relu else -np.inf))
    elif rows * m * A.itemsize <= NEAR:
        sums_of_rows(W, 1, units, units, A, m, rows, m, Z)
    else:
        np.dot(W.reshape(rows, units).T, A.reshape(rows, m), Z.reshape(units, m))


@compiled
def returned(
    W: Array, inputs: int, units: int, D: Array, m: int, lanes: int, A: Array, relu: bool, back: Array
) -> None:
    """Multiply slopes D (units, m) by a layer's weights into the slopes of its inputs A (inputs, m).

    In lanes `relu` makes slopes by the sums before of them.
    """
    if lanes > 1:
        back_in_lanes(D, m // lanes, W, inputs, units, back, A, D.dtype.type(0 if relu else np.nan))
    elif units * m * D.itemsize <= NEAR:
        sums_of_rows(W, units, 1, inputs, D, m, units, m, back)
    else:
        np.dot(W.reshape(inputs, units), D.reshape(units, m), back.reshape(inputs, m))


@compiled
def turn(D: Array, rows: int, columns: int, turned: Array) -> None:
    """Write the transpose of a matrix (rows, columns), both flat."""
    rows, columns = U(rows), U(columns)
    for j in range(rows):
        for i in range(columns):
            turned[i * rows + j] = D[j * columns + i]


@compiled
def correlated(A: Array, rows: int, D: Array, units: int, m: int, lanes: int, turned: Array, G: Array) -> None:
    """Multiply a layer's inputs A (rows, m) and slopes D (units, m) into its gradients (rows, units).

    Those of several networks are added to G. Sums go from sample to sample, in lanes or not. `turned` is scratch of
    (m + NARROW) * the larger of rows and units.
    """
    if lanes > 1:
        if units >= rows:
            correlate_in_lanes(D, units, A, rows, m // lanes, G, 1, units)
        else:
            correlate_in_lanes(A, rows, D, units, m // lanes, G, units, 1)
    elif max(rows, units) * m * D.itemsize > NEAR:
        np.dot(A.reshape(rows, m), D.reshape(units, m).T, G.reshape(rows, units))
    elif units < NARROW and rows >= NARROW:
        turn(A, rows, m, turned)
        across = turned[rows * m : rows * (m + units)]
        sums_of_rows(D, m, 1, units, turned, rows, m, rows, across)
        turn(across, units, rows, G)
    else:
        turn(D, units, m, turned)
        sums_of_rows(A, m, 1, rows, turned, units, m, units, G)


@compiled
def activate(z: Array, activation: int) -> None:
    """Turn a layer's sums into its activations, in place.

    Nothing is added to a number that may stay as it is, here and below, because it is then stored in any case: a store
    that depends on a condition is slow, or keeps the loop from running in vectors.
    """
    one, nothing = z.dtype.type(1), z.dtype.type(0)
    if activation == RELU:
        for i in range(z.size):
            value = z[i] + nothing
            z[i] = nothing if value < 0 else value
    elif activation == 2:
        for i in range(z.size):
            value = z[i]
            e = z.dtype.type(exponential(-2 * abs(value)))
            size = (one - e) / (one + e)
            z[i] = -size if value < 0 else size
    elif activation == 1:
        for i in range(z.size):
            z[i] = one / (one + z.dtype.type(exponential(-z[i])))


@compiled
def differentiate(d: Array, a: Array, activation: int) -> None:
    """Turn slopes by activations into slopes by sums, in place."""
    one, nothing = d.dtype.type(1), d.dtype.type(0)
    if activation == RELU:
        for i in range(d.size):
            slope = d[i] + nothing
            d[i] = nothing if a[i] == 0 else slope
    elif activation == 2:
        for i in range(d.size):
            d[i] *= one - a[i] * a[i]
    elif activation == 1:
        for i in range(d.size):
            d[i] *= a[i] * (one - a[i])


@compiled
def finish(O: Array, outputs: int, m: int, output: int, column: Array) -> None:  # noqa: E741 - the outputs
    """Turn the output layer's sums (outputs, m) into outputs, in place; `column` (2 m,) is scratch."""
    one, nothing = O.dtype.type(1), O.dtype.type(0)
    if output == 1:
        for i in range(outputs * m):
            O[i] = one / (one + O.dtype.type(exponential(-O[i])))
    elif output == 3:
        for i in range(outputs * m):
            O[i] = O.dtype.type(exponential(O[i]))
    if output == 2:
        largest, summed = column[:m], column[m : 2 * m]
        for i in range(largest.size):
            largest[i] = O[i]
            summed[i] = 0
        for c in range(1, outputs):
            o = O[c * m : c * m + m]
            for i in range(largest.size):
                highest = largest[i] + nothing
                largest[i] = o[i] if o[i] > highest else highest
        for c in range(outputs):
            o = O[c * m : c * m + m]
            for i in range(o.size):
                o[i] = O.dtype.type(exponential(o[i] - largest[i]))
                summed[i] += o[i]
        for c in range(outputs):
            o = O[c * m : c * m + m]
            for i in range(o.size):
                o[i] /= summed[i]


@compiled
def losses_of(o: Array, targets: Array, output: int, sure: int, lost: Array) -> None:
    """Add to `lost` (n,) what each sample's loss is by one output; where targets are sure, by what was right."""
    tiny = np.finfo(o.dtype).eps
    if output == 0:
        for i in range(lost.size):
            lost[i] += 0.5 * (o[i] - targets[i]) * (o[i] - targets[i])
    elif output == 2 and sure:
        for i in range(lost.size):
            lost[i] += targets[i] * o[i]  # one target is 1: its logarithm is taken when all outputs have been seen
    elif output == 1:
        for i in range(lost.size):
            y, t = min(max(o[i], tiny), 1 - tiny), targets[i]
            lost[i] -= t * logarithm(y) + (1 - t) * logarithm(1 - y)
    elif output == 2:
        for i in range(lost.size):
            lost[i] -= targets[i] * logarithm(min(max(o[i], tiny), 1 - tiny))
    else:
        for i in range(lost.size):
            y, t = o[i], targets[i]
            share = t * logarithm(t / y) if t > 0 else 0.0
            lost[i] += y - t + share


@compiled
def turned_to_losses(right: Array, tiny: float) -> None:
    """Turn the probability of what was right into its loss, in place."""
    for i in range(right.size):
        right[i] = -logarithm(min(max(right[i], tiny), 1 - tiny))


@compiled_in_place
def compare(
    O: Array,  # noqa: E741 - the outputs
    outputs: int,
    m: int,
    T: Array,
    weights: Array,
    chosen: Array,
    output: int,
    sure: int,
    column: Array,
    lost: Array,
) -> None:
    """Compute the loss of each sample chosen, turning outputs into their slopes by the last sums.

    The slope is output - target for each pair of output and loss that the kernel has.

    Args:
        O: (outputs, m), changed in place.
        outputs: how many.
        m: samples rounded up.
        T: (rows, outputs).
        weights: (n,) of the samples chosen, or empty.
        chosen: (n,) rows of T.
        output: code of the output.
        sure: see `train_group`.
        column: (2 m,) scratch.
        lost: (n,) filled.
    """
    n = chosen.size
    targets = column[:n]
    for i in range(lost.size):
        lost[i] = 0
    for c in range(outputs):
        o = O[c * m : c * m + n]
        for i in range(n):
            targets[i] = T[chosen[i], c]
        losses_of(o, targets, output, sure, lost)
        for i in range(targets.size):
            o[i] -= targets[i]
        for i in range(weights.size):
            o[i] *= weights[i]
        for i in range(n, m):
            O[c * m + i] = 0
    if output == 2 and sure:
        turned_to_losses(lost, np.finfo(O.dtype).eps)
    for i in range(weights.size):
        lost[i] *= weights[i]
    if output == 0:
        for i in range(lost.size):
            lost[i] /= outputs


@compiled
def adam(p: Array, g: Array, m: Array, v: Array, decay: Array, share: Any, rate: Any, s: Array) -> None:
    """Take one step of Adam; the gradient is (g + decay p) share. Moments that would be subnormal numbers become 0."""
    keep_1, keep_2, epsilon, tiny, new_1, new_2 = s[0], s[1], s[2], s[3], s[4], s[5]
    for i in range(p.size):
        q = (g[i] + decay[i] * p[i]) * share
        first = keep_1 * m[i] + new_1 * q
        second = keep_2 * v[i] + new_2 * (q * q)
        m[i] = 0 if abs(first) < tiny else first
        v[i] = 0 if second < tiny else second
        p[i] -= rate * m[i] / (np.sqrt(v[i]) + epsilon)


@compiled
def sgd(p: Array, g: Array, m: Array, decay: Array, share: Any, rate: Any, s: Array, nesterov: bool) -> None:
    """Take one step of gradient descent with momentum; the gradient is (g + decay p) share."""
    momentum, tiny = s[0], s[3]
    for i in range(p.size):
        q = rate * ((g[i] + decay[i] * p[i]) * share)
        velocity = momentum * m[i] - q
        m[i] = 0 if abs(velocity) < tiny else velocity
        p[i] += momentum * m[i] - q if nesterov else m[i]


@compiled_in_place
def move(
    p: Array, g: Array, m: Array, v: Array, decay: Array, lanes: int, sizes: Array, solver: int, share: Any, rate: Any,
    rates: Array, settings: Array,
) -> None:  # fmt: skip
    """Take one step, each layer at its own rate; arrays are (parameters, lanes), flat, others as for `adam`."""
    offset = 0
    for k in range(sizes.size - 1):
        end = offset + (sizes[k] + 1) * sizes[k + 1] * lanes
        q, h, f, d = p[offset:end], g[offset:end], m[offset:end], decay[offset:end]
        own = rate * p.dtype.type(rates[k])
        if solver == ADAM:
            adam(q, h, f, v[offset:end], d, share, own, settings)
        else:
            sgd(q, h, f, d, share, own, settings, solver == NESTEROV)
        offset = end


@compiled
def gather(inputs: tuple[Array, Array, Array, Array], chosen: Array, m: int, A: Array) -> None:
    """Copy rows of the inputs, dense or sparse, into a batch (features, m), 0 past the rows' number."""
    X, data, columns, starts = inputs
    n, features = chosen.size, X.shape[1]
    if starts.size == 0:
        for i in range(n):
            x, place, stride = X[chosen[i]], U(i), U(m)
            for j in range(x.size):
                A[place] = x[j]
                place += stride
        for j in range(features):
            for i in range(n, m):
                A[j * m + i] = 0
        return
    for i in range(features * m):
        A[i] = 0
    for i in range(n):
        for k in range(starts[chosen[i]], starts[chosen[i] + 1]):
            A[columns[k] * m + i] += data[k]


@compiled
def sparse_sums(
    inputs: tuple[Array, Array, Array, Array], chosen: Array, m: int, W: Array, row: Array, Z: Array
) -> None:
    """Multiply sparse rows of inputs by the first layer's weights and biases (rows, units) into sums Z (units, m)."""
    _, data, columns, starts = inputs
    biases = W[W.shape[0] - 1]
    for i in range(Z.size):
        Z[i] = 0
    for i in range(chosen.size):
        for j in range(row.size):
            row[j] = 0
        for k in range(starts[chosen[i]], starts[chosen[i] + 1]):
            x, w = data[k], W[columns[k]]
            for j in range(row.size):
                row[j] += x * w[j]
        for j in range(row.size):
            Z[j * m + i] = row[j] + biases[j]


@compiled
def sparse_gradient(
    inputs: tuple[Array, Array, Array, Array], chosen: Array, m: int, D: Array, row: Array, G: Array
) -> None:
    """Multiply rows of sparse inputs, transposed, by slopes D (units, m) into the first layer's gradients."""
    _, data, columns, starts = inputs
    for i in range(G.shape[0]):
        for j in range(row.size):
            G[i, j] = 0
    biases = G[G.shape[0] - 1]
    for i in range(chosen.size):
        for j in range(row.size):
            row[j] = D[j * m + i]
        for k in range(starts[chosen[i]], starts[chosen[i] + 1]):
            x, g = data[k], G[columns[k]]
            for j in range(row.size):
                g[j] += x * row[j]
        for j in range(row.size):
            biases[j] += row[j]


@compiled
def answer(
    inputs: tuple[Array, Array, Array, Array],
    chosen: Array,
    sizes: Array,
    choices: Array,
    p: Array,
    lanes: int,
    values: Array,
    column: Array,
    fresh: bool,
) -> None:
    """Compute every layer's activations of the samples chosen, into `values`, the inputs' first.

    Args:
        inputs: see `train_group`.
        chosen: (n,) rows of the inputs; in lanes, those of each network for the first sample, then for the second, ...
        sizes: (layers + 1,).
        choices: see `train_group`.
        p: (parameters, lanes), flat.
        lanes: how many networks.
        values: (rows of all layers * m,) with m = n rounded up; after the units of each layer but the last there is a
            row of ones, which the biases are multiplied with; the outputs lie last.
        column: (2 m,) scratch.
        fresh: whether the inputs have to be copied, not lying in `values` already.
    """
    m, layers = rounded(chosen.size, lanes), sizes.size - 1
    direct = inputs[3].size > 0 and layers > 1
    if fresh and not direct:
        gather(inputs, chosen, m, values)
    here, offset, relu = 0, 0, choices[ACTIVATION] == RELU
    for k in range(layers):
        rows, units = sizes[k] + 1, sizes[k + 1]
        there, end = here + rows * m, offset + rows * units * lanes
        ones, Z = values[there - m : there], values[there : there + units * m]
        for i in range(ones.size):
            ones[i] = 1
        if direct and k == 0:
            sparse_sums(inputs, chosen, m, matrix(p, 0, rows, units), np.empty(units, p.dtype), Z)
        else:
            weighted(p[offset:end], rows, units, values[here:there], m, lanes, relu and k < layers - 1, Z)
        if k == layers - 1:
            finish(Z, units, m, choices[OUTPUT], column)
        elif lanes == 1 or not relu:
            activate(Z, choices[ACTIVATION])
        here, offset = there, end


@compiled_in_place
def learn(
    inputs: tuple[Array, Array, Array, Array],
    chosen: Array,
    sizes: Array,
    choices: Array,
    p: Array,
    lanes: int,
    values: Array,
    slopes: Array,
    turned: Array,
    g: Array,
) -> None:
    """Compute the gradients of all parameters from the outputs' slopes, which lie where the outputs lay.

    Args:
        inputs: see `train_group`.
        chosen: as for `answer`.
        sizes: (layers + 1,).
        choices: see `train_group`.
        p: (parameters, lanes), flat.
        lanes: how many networks.
        values: as `answer` and `compare` left it.
        slopes: as large as `values`; scratch.
        turned: scratch, see `correlated`.
        g: (parameters, lanes), flat: filled, or in lanes added to.
    """
    m, layers = rounded(chosen.size, lanes), sizes.size - 1
    direct = inputs[3].size > 0 and layers > 1
    there, end, relu = rows_before(sizes, layers) * m, p.size, choices[ACTIVATION] == RELU
    for k in range(layers - 1, -1, -1):
        rows, units = sizes[k] + 1, sizes[k + 1]
        here, offset = there - rows * m, end - rows * units * lanes
        source = values if k == layers - 1 else slopes
        D, A, G = source[there : there + units * m], values[here:there], g[offset:end]
        if direct and k == 0:
            sparse_gradient(inputs, chosen, m, D, np.empty(units, p.dtype), matrix(G, 0, rows, units))
            return
        correlated(A, rows, D, units, m, lanes, turned, G)
        if k > 0:
            back, active = slopes[here : there - m], values[here : there - m]
            returned(p[offset:end], sizes[k], units, D, m, lanes, active, relu, back)
            if lanes == 1 or not relu:
                differentiate(back, active, choices[ACTIVATION])
        there, end = here, offset


@compiled
def rows_before(sizes: Array, layer: int) -> int:
    """Return how many rows of `values` the layers before one have: their units, and a row of ones each."""
    rows = 0
    for k in range(layer):
        rows += sizes[k] + 1
    return rows


@compiled
def rounded(cells: int, lanes: int) -> int:
    """Return samples x lanes, rounded up to a multiple of eight, or to four samples of all lanes."""
    least = max(8, 4 * lanes) if lanes > 1 else 8
    return (cells + least - 1) // least * least


@compiled
def deal(values: Array, lanes: int, lane: int, own: Array) -> None:
    """Copy a network's numbers into its lane of values (n, lanes)."""
    for i in range(own.size):
        values[i * lanes + lane] = own[i]


@compiled
def collect(values: Array, lanes: int, lane: int, own: Array) -> None:
    """Copy a network's numbers out of its lane of values (n, lanes)."""
    for i in range(own.size):
        own[i] = values[i * lanes + lane]


@compiled
def fill_decay(alpha: float, sizes: Array, decay: Array) -> None:
    """Fill `decay` (parameters,) with the weights' decay and the biases' 0."""
    offset = 0
    for k in range(sizes.size - 1):
        middle, end = offset + sizes[k] * sizes[k + 1], offset + (sizes[k] + 1) * sizes[k + 1]
        decay[offset:middle] = alpha
        decay[middle:end] = 0
        offset = end


@compiled_in_place
def score(
    inputs: tuple[Array, Array, Array, Array],
    T: Array,
    weights: Array,
    model: int,
    held: Array,
    sizes: Array,
    choices: Array,
    p: Array,
    values: Array,
    column: Array,
) -> float:
    """Return the accuracy or R^2 on the samples held out; NaN where an output is not finite."""
    outputs, judge, batch = sizes[sizes.size - 1], choices[JUDGE], min(choices[BATCH], held.size)
    own = weights[model % weights.shape[0]] if weights.shape[0] else weights[:0].ravel()
    right, weight, mean, copied = 0.0, 0.0, np.zeros(outputs), np.empty(batch, np.int64)
    error, spread = np.zeros(outputs), np.zeros(outputs)
    for i in range(held.size):
        w = own[held[i]] if own.size else 1.0
        weight += w
        for c in range(outputs):
            mean[c] += w * T[held[i], c]
    for c in range(outputs):
        mean[c] /= weight
    for start in range(0, held.size, batch):
        chosen = copied[: min(batch, held.size - start)]
        for i in range(chosen.size):
            chosen[i] = held[start + i]
        m = rounded(chosen.size, 1)
        answer(inputs, chosen, sizes, choices, p, 1, values, column, True)
        O = values[rows_before(sizes, sizes.size - 1) * m :]  # noqa: E741
        for i in range(chosen.size):
            w = own[chosen[i]] if own.size else 1.0
            hits, highest = True, 0
            for c in range(outputs):
                y, t = O[c * m + i], T[chosen[i], c]
                if not np.isfinite(y):
                    return np.nan
                hits = hits and (y > 0.5) == (t > 0.5)
                highest = c if y > O[highest * m + i] else highest
                error[c] += w * (y - t) ** 2
                spread[c] += w * (t - mean[c]) ** 2
            if judge == HIGHEST:
                hits = T[chosen[i], highest] > 0.5
            right += w if hits else 0.0
    if judge != R2:
        return right / weight
    explained = 0.0
    for c in range(outputs):
        if spread[c] != 0:
            explained += 1 - error[c] / spread[c]
        elif error[c] == 0:
            explained += 1
    return float(explained / outputs)


@compiled_in_place
def decide(choices: Array, constants: Array, loss: float, found: float, course: Array) -> bool:
    """Take in an epoch's loss and score by scikit-learn's rules; return whether the score is the best so far."""
    better = False
    if choices[JUDGE] == LOSS:
        course[UNIMPROVED] = course[UNIMPROVED] + 1 if loss > course[BEST] - constants[TOLERANCE] else 0
        course[BEST] = loss if loss < course[BEST] else course[BEST]
    else:
        course[UNIMPROVED] = course[UNIMPROVED] + 1 if found < course[BEST] + constants[TOLERANCE] else 0
        better = found > course[BEST]
        course[BEST] = found if better else course[BEST]
    if choices[SCHEDULE] == INVERSE:
        course[NOW] = constants[RATE] / (course[SEEN] + 1) ** constants[POWER]
    if course[UNIMPROVED] > constants[PATIENCE]:
        if choices[SCHEDULE] != ADAPTIVE or course[NOW] <= constants[SMALLEST]:
            course[STOPPED] = 1
        else:
            course[NOW] /= 5.0
            course[UNIMPROVED] = 0
    return better


@compiled
def choose(
    group: Array, rows: Array, rows_of: Array, orders: Array, orders_of: Array, epoch: int, start: int, chosen: Array
) -> None:
    """Fill `chosen` (samples, lanes) with the rows of a batch; an epoch of -1 takes them in the order of the rows."""
    lanes = group.size
    for lane in range(lanes):
        line = rows[rows_of[group[lane]]]
        if epoch < 0:
            for i in range(chosen.size // lanes):
                chosen[i * lanes + lane] = line[start + i]
        else:
            order = orders[orders_of[group[lane]], epoch]
            for i in range(chosen.size // lanes):
                chosen[i * lanes + lane] = line[order[start + i]]


@compiled_in_place
def train_group(
    group: Array,
    own: int,
    inputs: tuple[Array, Array, Array, Array],
    T: Array,
    weights: Array,
    sizes: Array,
    choices: Array,
    constants: Array,
    rates: Array,
    rows: Array,
    rows_of: Array,
    samples: int,
    held: Array,
    held_counts: Array,
    orders: Array,
    orders_of: Array,
    alphas: Array,
    steps: Array,
    parameters: Array,
    first: Array,
    second: Array,
    best: Array,
    courses: Array,
    losses: Array,
    scores: Array,
    halt: Array,
) -> None:
    """Train one network, or one in each lane of a vector, until each stops by its own rule or has had its epochs.

    Args:
        group: (lanes,) numbers of the networks; further lanes than `own` repeat the last, and nothing is kept of them.
        own: how many networks there are.
        inputs: dense (rows, features), or (0, features) beside a sparse matrix (CSR): its values, row by row, their
            columns, and where each row starts (rows + 1,), empty for dense inputs.
        T: (rows, outputs).
        weights: (0, 1 or models, rows) of the samples; none for equal ones.
        sizes: (layers + 1,).
        choices: codes of activation, output and solver, batch size, codes of judge and schedule, and whether targets
            are sure: in each row one 1, the others 0.
        constants: see the places above.
        rates: (layers,) factors of the learning rate.
        rows: (lines, n) which rows of X are trained on.
        rows_of: (models,) lines of `rows` and of `held`.
        samples: how many of the rows count, the same for the whole group.
        held: (lines, n) rows that are held out, to judge training by.
        held_counts: (lines,) how many of a line's count.
        orders: (lines, epochs, n) positions in the line of `rows`.
        orders_of: (models,) lines of `orders`.
        alphas: (models,) weight decay.
        steps: (models,) taken so far.
        parameters: (models, parameters).
        first: (models, parameters) first moments or velocities.
        second: (models, parameters) second moments.
        best: (models, parameters) of the highest score; (models, 0) without samples held out.
        courses: (models, places).
        losses: (models, epochs) filled with the mean loss of each epoch that is trained.
        scores: (models, epochs) filled with the score of each, where samples are held out.
        halt: (1,) not 0 as soon as training should end after the present epoch.
    """
    lanes, layers, lead, dtype = group.size, sizes.size - 1, group[0], parameters.dtype
    batch, most = min(choices[BATCH], samples), 0
    part = NEARBY if lanes > 1 else samples
    for lane in range(lanes):
        most = max(most, held_counts[rows_of[group[lane]]])
    widest = max(rounded(min(batch, part) * lanes, lanes), rounded(min(choices[BATCH], most), 1))
    values = np.empty(rows_before(sizes, sizes.size) * widest, dtype)
    slopes, column, lost = np.empty_like(values), np.empty(2 * widest, dtype), np.empty(widest)
    turned, alone = np.empty((sizes.max() + 1) * (widest + NARROW), dtype), np.empty(parameters.shape[1], dtype)
    p, squares = np.empty(alone.size * lanes, dtype), np.empty(SUMS * lanes, dtype)
    m, v, g, decay = np.empty_like(p), np.empty_like(p), np.empty_like(p), np.empty_like(p)
    summed, found, penalties, running = np.zeros(lanes), np.zeros(lanes), np.zeros(lanes), np.zeros(lanes, np.bool_)
    everything, weighing = np.empty(batch * lanes, np.int64), np.empty(batch if weights.shape[0] else 0, dtype)
    settings, penalized = np.empty(6, dtype), False
    for i in range(4):
        settings[i] = constants[i]
    settings[4], settings[5] = 1 - constants[KEEP_1], 1 - constants[KEEP_2]
    for lane in range(lanes):
        model = group[lane]
        deal(p, lanes, lane, parameters[model])
        deal(m, lanes, lane, first[model])
        deal(v, lanes, lane, second[model])
        fill_decay(alphas[model], sizes, alone)
        deal(decay, lanes, lane, alone)
        running[lane], penalized = lane < own, penalized or alphas[model] > 0
    step = steps[lead]
    whole = batch == samples and batch <= part and most == 0  # the inputs of the only batch stay where they are
    for epoch in range(orders.shape[1]):
        summed[:], now = 0, courses[group[np.argmax(running)], NOW]
        for start in range(0, samples, batch):
            n = min(batch, samples - start)
            chosen, weight, mass = everything[: n * lanes], weighing[:n], float(n)
            choose(group, rows, rows_of, orders, orders_of, epoch if batch < samples else -1, start, chosen)
            if weights.shape[0]:
                mass = 0.0
                for i in range(n):
                    weight[i] = weights[lead % weights.shape[0], chosen[i]]
                    mass += weight[i]
            if mass == 0:
                continue  # nothing to learn from samples without weight
            found[:] = 0
            if lanes > 1:
                g[:] = 0
            for at in range(0, chosen.size, part * lanes):
                these = chosen[at : at + part * lanes]
                each, width = lost[: these.size], rounded(these.size, lanes)
                answer(inputs, these, sizes, choices, p, lanes, values, column, epoch == 0 or not whole)
                O = values[rows_before(sizes, layers) * width :]  # noqa: E741
                compare(O, sizes[layers], width, T, weight, these, choices[OUTPUT], choices[SURE], column, each)
                add_up(each, lanes, found)
                learn(inputs, these, sizes, choices, p, lanes, values, slopes, turned, g)
            if penalized:
                penalty(decay, p, squares, lanes, penalties)
            for lane in range(lanes):
                loss = found[lane] / mass
                if alphas[group[lane]] > 0:
                    loss += 0.5 * penalties[lane] / mass
                summed[lane] += loss * n
                if running[lane]:
                    steps[group[lane]] += 1
            step += 1
            correction = 1.0
            if choices[SOLVER] == ADAM:
                correction = np.sqrt(1 - constants[KEEP_2] ** step) / (1 - constants[KEEP_1] ** step)
            share, rate = dtype.type(1 / mass), dtype.type(now * correction)
            move(p, g, m, v, decay, lanes, sizes, choices[SOLVER], share, rate, rates, settings)
        for lane in range(lanes):
            if not running[lane]:
                continue
            model = group[lane]
            course, line = courses[model], rows_of[model]
            losses[model, epoch] = summed[lane] / samples
            course[EPOCHS] += 1
            course[SEEN] += samples
            if choices[JUDGE] != NOTHING:
                value = 0.0
                if choices[JUDGE] != LOSS and held_counts[line]:
                    collect(p, lanes, lane, alone)
                    out = held[line, : held_counts[line]]
                    value = score(inputs, T, weights, model, out, sizes, choices, alone, values, column)
                    scores[model, epoch] = value
                if decide(choices, constants, losses[model, epoch], value, course):
                    best[model] = alone
            if course[STOPPED] != 0 or halt[0] != 0 or epoch == orders.shape[1] - 1:
                running[lane] = False
                collect(p, lanes, lane, parameters[model])
                collect(m, lanes, lane, first[model])
                collect(v, lanes, lane, second[model])
        if not running.any():
            break


@compiled
def alike(one: int, other: int, rows_of: Array, counts: Array, steps: Array, courses: Array) -> bool:
    """Return whether two networks take steps of as many samples, the same number of them so far, at the same rate."""
    samples = counts[rows_of[one]] == counts[rows_of[other]]
    return bool(samples and steps[one] == steps[other] and courses[one, NOW] == courses[other, NOW])


@compiled_to_be_called
def train_models(
    models: Array,
    inputs: tuple[Array, Array, Array, Array],
    T: Array,
    weights: Array,
    sizes: Array,
    choices: Array,
    constants: Array,
    rates: Array,
    rows: Array,
    rows_of: Array,
    counts: Array,
    held: Array,
    held_counts: Array,
    orders: Array,
    orders_of: Array,
    alphas: Array,
    steps: Array,
    parameters: Array,
    first: Array,
    second: Array,
    best: Array,
    courses: Array,
    losses: Array,
    scores: Array,
    halt: Array,
) -> None:
    """Train some models of a stack, those that take the same steps in lanes; arrays are those of `train_group`.

    Args:
        models: which of them.
        inputs: of all models.
        T: of all models.
        weights: (0, 1 or models, rows).
        sizes: of all models.
        choices: of all models.
        constants: of all models.
        rates: of all models.
        rows: (lines, n).
        rows_of: (models,) lines of `rows` and of `held`.
        counts: (lines,) how many of a line's rows count.
        held: (lines, n).
        held_counts: (lines,).
        orders: (lines, epochs, n).
        orders_of: (models,) lines of `orders`.
        alphas: (models,).
        steps: (models,).
        parameters: (models, parameters).
        first: (models, parameters).
        second: (models, parameters).
        best: (models, parameters), or (models, 0).
        courses: (models, places).
        losses: (models, epochs).
        scores: (models, epochs), or (models, 0).
        halt: (1,).
    """
    lanes, at = choices[LANES], 0
    group = np.empty(lanes, np.int64)
    while at < models.size and halt[0] == 0:
        lead, own = models[at], 1
        samples = counts[rows_of[lead]]
        while own < lanes and at + own < models.size and alike(lead, models[at + own], rows_of, counts, steps, courses):
            own += 1
        if 2 * own <= lanes:
            own, wide = 1, 1  # so few are faster one by one
        else:
            wide = lanes
        for lane in range(wide):
            group[lane] = models[at + min(lane, own - 1)]
        train_group(
            group[:wide],
            own,
            inputs,
            T,
            weights,
            sizes,
            choices,
            constants,
            rates,
            rows,
            rows_of,
            samples,
            held,
            held_counts,
            orders,
            orders_of,
            alphas,
            steps,
            parameters,
            first,
            second,
            best,
            courses,
            losses,
            scores,
            halt,
        )
        at += own


@compiled_to_be_called
def answer_models(
    models: Array,
    inputs: tuple[Array, Array, Array, Array],
    sizes: Array,
    choices: Array,
    rows: Array,
    rows_of: Array,
    counts: Array,
    parameters: Array,
    answers: Array,
) -> None:
    """Fill `answers` (models, n, outputs) with what models answer to their rows; other arrays as for `train_models`."""
    layers = sizes.size - 1
    outputs = sizes[layers]
    widest, copied = rounded(min(256, rows.shape[1]), 1), np.empty(256, np.int64)
    cells, dtype = rows_before(sizes, sizes.size) * widest, parameters.dtype
    values, column = np.empty(cells, dtype), np.empty(2 * widest, dtype)
    for model in models:
        line = rows_of[model]
        for start in range(0, counts[line], 256):
            chosen = copied[: min(256, counts[line] - start)]
            for i in range(chosen.size):
                chosen[i] = rows[line, start + i]
            answer(inputs, chosen, sizes, choices, parameters[model], 1, values, column, True)
            m = rounded(chosen.size, 1)
            at = rows_before(sizes, layers) * m
            for c in range(outputs):
                for i in range(chosen.size):
                    answers[model, start + i, c] = values[at + c * m + i]
