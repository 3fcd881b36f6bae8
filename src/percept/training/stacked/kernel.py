"""The compiled loop that trains one network of a stack on the CPU; its arithmetic does not know about the others.

Everything here is compiled by numba, which looks at the date of this one file to tell whether what it keeps on disk is
out of date: compiled functions therefore do not go into other files. Activations lie unit by unit (units, samples),
in one flat buffer, so that every inner loop runs over the samples of a batch, whose number is rounded up to a multiple
of eight; what is past the batch's end has slopes of 0. Where numbers of places are unsigned, it is because numba tries
every signed one for a negative index, and such loops do not become vector instructions. No flag lets the compiler
assume that numbers are finite: a run that diverges must end in NaN, as it does in numpy.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.training.compilation import Function, compiled_and_kept
from percept.training.stacked import tile

Array = NDArray[Any]

# Places in the `choices` that the kernel is called with, and their values.
ACTIVATION, OUTPUT, SOLVER, BATCH, JUDGE, SCHEDULE, SURE = range(7)
ACTIVATION_CODES = {"identity": 0, "logistic": 1, "tanh": 2, "relu": 3}
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

NARROW = 4  # gradients of matrices with a side of at most so many units are summed along the samples
NEAR = 120_000  # bytes of a matrix that stays near the processor while it is gone through again and again

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
_INNER = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # of functions that Python does not call
_ROUNDING = {"contract"}  # a * b + c in one instruction
_SUMS = {"contract", "reassoc", "nsz", "arcp"}  # besides: sums in any order, so that they run in vectors
_WHOLE = 6755399441055744.0  # 1.5 * 2^52: added to a number, it leaves the nearest whole one in the last bits
_EXPONENT = 4503599627370496.0  # 2^52: its bits with those of a small whole number added are 2^52 plus that number
U: Any = np.uintp
sums_of_rows: Any = tile.sums_of_rows


def compiled(function: Function) -> Function:
    """Compile a function on its first call, and keep the result on disk for later processes."""
    return compiled_and_kept(function, fastmath=_ROUNDING, **_OPTIONS, **_INNER)


def compiled_in_place(function: Function) -> Function:
    """Compile like `compiled` what is called from one place, as a part of its caller: once rather than once a level."""
    return compiled_and_kept(function, fastmath=_ROUNDING, inline="always", **_OPTIONS, **_INNER)


def compiled_to_be_called(function: Function) -> Function:
    """Compile like `compiled` what Python calls."""
    return compiled_and_kept(function, fastmath=_ROUNDING, **_OPTIONS)


def compiled_sum(function: Function) -> Function:
    """Compile like `compiled`, letting sums be taken in any order."""
    return compiled_and_kept(function, fastmath=_SUMS, **_OPTIONS, **_INNER)


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


@compiled_sum
def correlate(A: Array, rows: int, D: Array, columns: int, m: int, G: Array, down: int, across: int) -> None:
    """Fill G with the products of each row of A (rows, m) and each row of D (columns, m), summed over samples.

    Neighboring rows of A lie `down` apart in the flat G, neighboring rows of D `across`.
    """
    rows, columns, m, down, across = U(rows), U(columns), U(m), U(down), U(across)
    one, two, four, zero = U(1), U(2), U(4), A.dtype.type(0)
    n, d = U(0), U(0)
    while n < columns:
        pair = n + two <= columns
        e = d + m if pair else d  # a lone last row is taken twice
        h = across if pair else U(0)
        k, a0, g = U(0), U(0), n * across
        while k + four <= rows:
            a1, a2, a3 = a0 + m, a0 + m + m, a0 + m + m + m
            s0, s1, s2, s3, t0, t1, t2, t3 = zero, zero, zero, zero, zero, zero, zero, zero
            for i in range(m):
                x, y = D[d + i], D[e + i]
                s0 += A[a0 + i] * x
                s1 += A[a1 + i] * x
                s2 += A[a2 + i] * x
                s3 += A[a3 + i] * x
                t0 += A[a0 + i] * y
                t1 += A[a1 + i] * y
                t2 += A[a2 + i] * y
                t3 += A[a3 + i] * y
            G[g], G[g + down], G[g + down + down], G[g + down + down + down] = s0, s1, s2, s3
            g += h
            G[g], G[g + down], G[g + down + down], G[g + down + down + down] = t0, t1, t2, t3
            g, k, a0 = g - h + four * down, k + four, a3 + m
        while k < rows:
            s0, t0 = zero, zero
            for i in range(m):
                s0 += A[a0 + i] * D[d + i]
                t0 += A[a0 + i] * D[e + i]
            G[g], G[g + h] = s0, t0
            g, k, a0 = g + down, k + one, a0 + m
        n, d = n + two, e + m


@compiled_sum
def total(values: Array) -> float:
    """Return the sum of an array."""
    result: float = values.dtype.type(0)
    for i in range(values.size):
        result += values[i]
    return result


@compiled_sum
def penalty(decay: Array, p: Array) -> float:
    """Return the sum of decay p^2."""
    result: float = p.dtype.type(0)
    for i in range(p.size):
        result += decay[i] * (p[i] * p[i])
    return result


@compiled
def matrix(flat: Array, start: int, rows: int, columns: int) -> Array:
    """Return the matrix (rows, columns) that starts somewhere in a flat vector, sharing its memory."""
    return flat[start : start + rows * columns].reshape(rows, columns)


@compiled
def weighted(W: Array, inputs: int, outputs: int, A: Array, m: int, Z: Array) -> None:
    """Multiply activations A (inputs, m) by a layer's weights (inputs, outputs) into sums Z (outputs, m)."""
    if inputs * m * A.itemsize <= NEAR:
        sums_of_rows(W, 1, outputs, outputs, A, m, inputs, m, Z)
    else:
        np.dot(W.reshape(inputs, outputs).T, A.reshape(inputs, m), Z.reshape(outputs, m))


@compiled
def returned(W: Array, inputs: int, outputs: int, D: Array, m: int, back: Array) -> None:
    """Multiply slopes D (outputs, m) by a layer's weights into the slopes of its inputs (inputs, m)."""
    if outputs * m * D.itemsize <= NEAR:
        sums_of_rows(W, outputs, 1, inputs, D, m, outputs, m, back)
    else:
        np.dot(W.reshape(inputs, outputs), D.reshape(outputs, m), back.reshape(inputs, m))


@compiled
def turn(D: Array, rows: int, columns: int, turned: Array) -> None:
    """Write the transpose of a matrix (rows, columns), both flat."""
    rows, columns = U(rows), U(columns)
    for j in range(rows):
        for i in range(columns):
            turned[i * rows + j] = D[j * columns + i]


@compiled
def correlated(A: Array, inputs: int, D: Array, outputs: int, m: int, turned: Array, G: Array) -> None:
    """Multiply activations A (inputs, m) and slopes D (outputs, m) into the gradients of weights (inputs, outputs).

    `turned` (m * outputs,) is scratch.
    """
    if inputs <= NARROW or outputs <= NARROW:
        if inputs >= outputs:
            correlate(A, inputs, D, outputs, m, G, outputs, 1)
        else:
            correlate(D, outputs, A, inputs, m, G, 1, outputs)
    elif outputs * m * D.itemsize <= NEAR:
        turn(D, outputs, m, turned)
        sums_of_rows(A, m, 1, inputs, turned, outputs, m, outputs, G)
    else:
        np.dot(A.reshape(inputs, m), D.reshape(outputs, m).T, G.reshape(inputs, outputs))


@compiled
def activate(Z: Array, units: int, m: int, biases: Array, activation: int) -> None:
    """Turn a layer's products (units, m) into its activations, in place."""
    one = Z.dtype.type(1)
    for j in range(units):
        z, bias = Z[j * m : j * m + m], biases[j]
        if activation == 3:
            for i in range(z.size):
                value = z[i] + bias
                z[i] = 0 if value < 0 else value
        elif activation == 2:
            for i in range(z.size):
                value = z[i] + bias
                e = Z.dtype.type(exponential(-2 * abs(value)))
                size = (one - e) / (one + e)
                z[i] = -size if value < 0 else size
        elif activation == 1:
            for i in range(z.size):
                z[i] = one / (one + Z.dtype.type(exponential(-(z[i] + bias))))
        else:
            for i in range(z.size):
                z[i] += bias


@compiled_sum
def differentiate(D: Array, A: Array, units: int, m: int, gradient: Array, activation: int) -> None:
    """Turn slopes by activations into slopes by sums (units, m), in place; add up those of the biases."""
    one, nothing = D.dtype.type(1), D.dtype.type(0)
    for j in range(units):
        d, a, summed = D[j * m : j * m + m], A[j * m : j * m + m], nothing
        if activation == 3:
            for i in range(d.size):
                d[i] = nothing if a[i] == 0 else d[i]
                summed += d[i]
        elif activation == 2:
            for i in range(d.size):
                d[i] *= one - a[i] * a[i]
                summed += d[i]
        elif activation == 1:
            for i in range(d.size):
                d[i] *= a[i] * (one - a[i])
                summed += d[i]
        else:
            for i in range(d.size):
                summed += d[i]
        gradient[j] = summed


@compiled
def finish(O: Array, outputs: int, m: int, biases: Array, output: int, column: Array) -> None:  # noqa: E741 - the outputs
    """Turn the output layer's products (outputs, m) into outputs, in place; `column` (2 m,) is scratch."""
    one = O.dtype.type(1)
    for c in range(outputs):
        o, bias = O[c * m : c * m + m], biases[c]
        for i in range(o.size):
            o[i] += bias
        if output == 1:
            for i in range(o.size):
                o[i] = one / (one + O.dtype.type(exponential(-o[i])))
        elif output == 3:
            for i in range(o.size):
                o[i] = O.dtype.type(exponential(o[i]))
    if output == 2:
        largest, summed = column[:m], column[m : 2 * m]
        for i in range(largest.size):
            largest[i] = O[i]
            summed[i] = 0
        for c in range(1, outputs):
            o = O[c * m : c * m + m]
            for i in range(largest.size):
                largest[i] = o[i] if o[i] > largest[i] else largest[i]
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
    gradient: Array,
    output: int,
    sure: int,
    column: Array,
    lost: Array,
) -> float:
    """Return the summed loss, turning outputs into their slopes by the last sums, and add up those of the biases.

    The slope is output - target for each pair of output and loss that the kernel has. `column` and `lost` (m,) are
    scratch.
    """
    n = chosen.size
    targets, lost = column[:n], lost[:n]
    for i in range(lost.size):
        lost[i] = 0
    for c in range(outputs):
        o = O[c * m : c * m + n]
        for i in range(n):
            targets[i] = T[chosen[i], c]
        losses_of(o, targets, output, sure, lost)
        for i in range(targets.size):
            o[i] -= targets[i]
        if weights.size:
            for i in range(n):
                o[i] *= weights[chosen[i]]
        for i in range(n, m):
            O[c * m + i] = 0
        gradient[c] = total(o)
    if output == 2 and sure:
        turned_to_losses(lost, np.finfo(O.dtype).eps)
    if weights.size:
        for i in range(n):
            lost[i] *= weights[chosen[i]]
    loss = total(lost)
    return loss / outputs if output == 0 else loss


@compiled
def adam(p: Array, g: Array, m: Array, v: Array, decay: Array, speed: Array, share: Any, rate: Any, s: Array) -> None:
    """Take one step of Adam; the gradient is (g + decay p) share. Moments that would be subnormal numbers become 0."""
    keep_1, keep_2, epsilon, tiny, new_1, new_2 = s[0], s[1], s[2], s[3], s[4], s[5]
    for i in range(p.size):
        q = (g[i] + decay[i] * p[i]) * share
        first = keep_1 * m[i] + new_1 * q
        second = keep_2 * v[i] + new_2 * (q * q)
        m[i] = 0 if abs(first) < tiny else first
        v[i] = 0 if second < tiny else second
        p[i] -= rate * speed[i] * m[i] / (np.sqrt(v[i]) + epsilon)


@compiled
def sgd(
    p: Array, g: Array, m: Array, decay: Array, speed: Array, share: Any, rate: Any, s: Array, nesterov: bool
) -> None:
    """Take one step of gradient descent with momentum; the gradient is (g + decay p) share."""
    momentum, tiny = s[0], s[3]
    for i in range(p.size):
        q = rate * speed[i] * ((g[i] + decay[i] * p[i]) * share)
        velocity = momentum * m[i] - q
        m[i] = 0 if abs(velocity) < tiny else velocity
        p[i] += momentum * m[i] - q if nesterov else m[i]


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
    """Multiply rows of sparse inputs by the first layer's weights (features, units) into sums Z (units, m)."""
    _, data, columns, starts = inputs
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
            Z[j * m + i] = row[j]


@compiled
def sparse_gradient(
    inputs: tuple[Array, Array, Array, Array], chosen: Array, m: int, D: Array, row: Array, G: Array
) -> None:
    """Multiply rows of sparse inputs, transposed, by slopes D (units, m) into the first weights' gradients."""
    _, data, columns, starts = inputs
    for i in range(G.shape[0]):
        for j in range(row.size):
            G[i, j] = 0
    for i in range(chosen.size):
        for j in range(row.size):
            row[j] = D[j * m + i]
        for k in range(starts[chosen[i]], starts[chosen[i] + 1]):
            x, g = data[k], G[columns[k]]
            for j in range(row.size):
                g[j] += x * row[j]


@compiled
def answer(
    inputs: tuple[Array, Array, Array, Array],
    chosen: Array,
    sizes: Array,
    choices: Array,
    p: Array,
    values: Array,
    column: Array,
    fresh: bool,
) -> None:
    """Compute every layer's activations of the samples chosen, into `values`, the inputs' first.

    Args:
        inputs: see `train_one`.
        chosen: (n,) rows of the inputs.
        sizes: (layers + 1,).
        choices: see `train_one`.
        p: (parameters,).
        values: (units of all layers * m,) with m = n rounded up; the outputs lie last.
        column: (2 m,) scratch.
        fresh: whether the inputs have to be copied, not lying in `values` already.
    """
    m, layers = rounded(chosen.size), sizes.size - 1
    direct = inputs[3].size > 0 and layers > 1
    if fresh and not direct:
        gather(inputs, chosen, m, values)
    here, offset = 0, 0
    for k in range(layers):
        units = sizes[k + 1]
        there = here + sizes[k] * m
        Z, biases = values[there : there + units * m], p[offset + sizes[k] * units : offset + (sizes[k] + 1) * units]
        if direct and k == 0:
            sparse_sums(inputs, chosen, m, matrix(p, 0, sizes[0], units), np.empty(units, p.dtype), Z)
        else:
            weighted(p[offset : offset + sizes[k] * units], sizes[k], units, values[here:there], m, Z)
        if k < layers - 1:
            activate(Z, units, m, biases, choices[ACTIVATION])
        else:
            finish(Z, units, m, biases, choices[OUTPUT], column)
        here, offset = there, offset + (sizes[k] + 1) * units


@compiled_in_place
def learn(
    inputs: tuple[Array, Array, Array, Array],
    chosen: Array,
    sizes: Array,
    choices: Array,
    p: Array,
    values: Array,
    slopes: Array,
    turned: Array,
    g: Array,
) -> None:
    """Compute the gradients of all weights and hidden biases from the outputs' slopes, which lie where the outputs lay.

    Args:
        inputs: see `train_one`.
        chosen: (n,) rows of the inputs.
        sizes: (layers + 1,).
        choices: see `train_one`.
        p: (parameters,).
        values: as `answer` and `compare` left it.
        slopes: as large as `values`; scratch.
        turned: (units of the widest layer * m,) scratch.
        g: (parameters,) filled but for the last layer's biases.
    """
    m, layers = rounded(chosen.size), sizes.size - 1
    direct = inputs[3].size > 0 and layers > 1
    there, offset = units_before(sizes, layers) * m, p.size
    for k in range(layers - 1, -1, -1):
        units = sizes[k + 1]
        here, offset = there - sizes[k] * m, offset - (sizes[k] + 1) * units
        source = values if k == layers - 1 else slopes
        D, A, G = source[there : there + units * m], values[here:there], g[offset : offset + sizes[k] * units]
        if direct and k == 0:
            sparse_gradient(inputs, chosen, m, D, np.empty(units, p.dtype), matrix(G, 0, sizes[0], units))
            return
        correlated(A, sizes[k], D, units, m, turned, G)
        if k > 0:
            back = slopes[here:there]
            returned(p[offset : offset + sizes[k] * units], sizes[k], units, D, m, back)
            differentiate(back, A, sizes[k], m, g[offset - sizes[k] : offset], choices[ACTIVATION])
        there = here


@compiled
def units_before(sizes: Array, layer: int) -> int:
    """Return how many units the layers before one have, the inputs' included."""
    units = 0
    for k in range(layer):
        units += sizes[k]
    return units


@compiled
def rounded(samples: int) -> int:
    """Return the samples rounded up to a multiple of eight."""
    return (samples + 7) // 8 * 8


@compiled_in_place
def score(
    inputs: tuple[Array, Array, Array, Array],
    T: Array,
    weights: Array,
    held: Array,
    sizes: Array,
    choices: Array,
    p: Array,
    values: Array,
    column: Array,
) -> float:
    """Return the accuracy or R^2 on the samples held out; NaN where an output is not finite."""
    outputs, judge, batch = sizes[sizes.size - 1], choices[JUDGE], min(choices[BATCH], held.size)
    right, weight, mean, copied = 0.0, 0.0, np.zeros(outputs), np.empty(batch, np.int64)
    error, spread = np.zeros(outputs), np.zeros(outputs)
    for i in range(held.size):
        w = weights[held[i]] if weights.size else 1.0
        weight += w
        for c in range(outputs):
            mean[c] += w * T[held[i], c]
    for c in range(outputs):
        mean[c] /= weight
    for start in range(0, held.size, batch):
        chosen = copied[: min(batch, held.size - start)]
        for i in range(chosen.size):
            chosen[i] = held[start + i]
        m = rounded(chosen.size)
        answer(inputs, chosen, sizes, choices, p, values, column, True)
        O = values[units_before(sizes, sizes.size - 1) * m :]  # noqa: E741
        for i in range(chosen.size):
            w = weights[chosen[i]] if weights.size else 1.0
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


@compiled_in_place
def train_one(
    inputs: tuple[Array, Array, Array, Array],
    T: Array,
    weights: Array,
    sizes: Array,
    choices: Array,
    constants: Array,
    rates: Array,
    rows: Array,
    held: Array,
    order: Array,
    alpha: float,
    steps: int,
    p: Array,
    first: Array,
    second: Array,
    best: Array,
    course: Array,
    losses: Array,
    scores: Array,
    halt: Array,
) -> int:
    """Train one network in place, until it stops by its own rule or has had its epochs; return its steps so far.

    Args:
        inputs: dense (rows, features), or (0, features) beside a sparse matrix (CSR): its values, row by row, their
            columns, and where each row starts (rows + 1,), empty for dense inputs.
        T: (rows, outputs).
        weights: (rows,) of the samples, or empty for equal ones.
        sizes: (layers + 1,).
        choices: codes of activation, output and solver, batch size, codes of judge and schedule, and whether targets
            are sure: in each row one 1, the others 0.
        constants: see the places above.
        rates: (layers,) factors of the learning rate.
        rows: (samples,) which rows of X this model is trained on.
        held: rows that are held out, to judge training by, or none.
        order: (epochs, samples) positions in `rows`.
        alpha: weight decay.
        steps: taken before.
        p: (parameters,).
        first: (parameters,) first moments or velocities.
        second: (parameters,) second moments.
        best: (parameters,) of the highest score, changed where there is a higher one; empty without samples held out.
        course: see the places above; changed in place.
        losses: (epochs,) filled with the mean loss of each epoch that is trained.
        scores: (epochs,) filled with the score of each, where samples are held out.
        halt: (1,) not 0 as soon as training should end after the present epoch.
    """
    samples, layers, dtype = rows.size, sizes.size - 1, p.dtype.type
    batch = min(choices[BATCH], samples)
    outputs, solver = sizes[layers], choices[SOLVER]
    widest = rounded(max(batch, min(choices[BATCH], held.size)))
    cells = units_before(sizes, sizes.size) * widest
    values, slopes = np.empty(cells, p.dtype), np.empty(cells, p.dtype)
    largest = 0
    for k in range(sizes.size):
        largest = max(largest, sizes[k])
    column, lost, turned = np.empty(2 * widest, p.dtype), np.empty(widest), np.empty(largest * widest, p.dtype)
    everything, g, settings = np.empty(batch, np.int64), np.empty(p.size, p.dtype), np.empty(6, p.dtype)
    for i in range(4):
        settings[i] = constants[i]
    settings[4], settings[5] = 1 - constants[KEEP_1], 1 - constants[KEEP_2]
    decay, speed = np.zeros(p.size, p.dtype), np.empty(p.size, p.dtype)
    offset = 0
    for k in range(layers):
        middle, end = offset + sizes[k] * sizes[k + 1], offset + (sizes[k] + 1) * sizes[k + 1]
        for i in range(offset, end):
            decay[i] = alpha if i < middle else 0.0
            speed[i] = rates[k]
        offset = end
    ending = p.size - outputs
    whole = batch == samples and held.size == 0  # the inputs of the only batch stay where they are
    if batch == samples:
        for i in range(batch):
            everything[i] = rows[i]
    for epoch in range(order.shape[0]):
        summed = 0.0
        for start in range(0, samples, batch):
            n = min(batch, samples - start)
            chosen = everything[:n]
            if batch < samples:
                for i in range(n):
                    chosen[i] = rows[order[epoch, start + i]]
            mass = float(n)
            if weights.size:
                mass = 0.0
                for i in range(n):
                    mass += weights[chosen[i]]
            if mass == 0:
                continue  # nothing to learn from samples without weight
            answer(inputs, chosen, sizes, choices, p, values, column, epoch == 0 or not whole)
            m = rounded(n)
            O = values[units_before(sizes, layers) * m :]  # noqa: E741
            loss = (
                compare(O, outputs, m, T, weights, chosen, g[ending:], choices[OUTPUT], choices[SURE], column, lost)
                / mass
            )
            learn(inputs, chosen, sizes, choices, p, values, slopes, turned, g)
            steps += 1
            share = dtype(1 / mass)
            if alpha > 0:
                loss += 0.5 * penalty(decay, p) / mass
            if solver == ADAM:
                correction = np.sqrt(1 - constants[KEEP_2] ** steps) / (1 - constants[KEEP_1] ** steps)
                adam(p, g, first, second, decay, speed, share, dtype(course[NOW] * correction), settings)
            else:
                sgd(p, g, first, decay, speed, share, dtype(course[NOW]), settings, solver == NESTEROV)
            summed += loss * n
        losses[epoch] = summed / samples
        course[EPOCHS] += 1
        course[SEEN] += samples
        if choices[JUDGE] != NOTHING:
            found = 0.0
            if held.size:
                found = score(inputs, T, weights, held, sizes, choices, p, values, column)
                scores[epoch] = found
            if decide(choices, constants, losses[epoch], found, course):
                for i in range(p.size):
                    best[i] = p[i]
        if course[STOPPED] != 0 or halt[0] != 0:
            break
    return int(steps)


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
    """Train some models of a stack, one after the other; arrays are those of `train_one`, a line for each model.

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
    for model in models:
        if courses[model, STOPPED] != 0 or halt[0] != 0:
            continue
        line = rows_of[model]
        steps[model] = train_one(
            inputs,
            T,
            weights[model % weights.shape[0]] if weights.shape[0] else weights[:0].ravel(),
            sizes,
            choices,
            constants,
            rates,
            rows[line, : counts[line]],
            held[line, : held_counts[line]],
            orders[orders_of[model]],
            alphas[model],
            steps[model],
            parameters[model],
            first[model],
            second[model],
            best[model],
            courses[model],
            losses[model],
            scores[model],
            halt,
        )


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
    widest, copied = rounded(min(256, rows.shape[1])), np.empty(256, np.int64)
    cells, dtype = units_before(sizes, sizes.size) * widest, parameters.dtype
    values, column = np.empty(cells, dtype), np.empty(2 * widest, dtype)
    for model in models:
        line = rows_of[model]
        for start in range(0, counts[line], 256):
            chosen = copied[: min(256, counts[line] - start)]
            for i in range(chosen.size):
                chosen[i] = rows[line, start + i]
            answer(inputs, chosen, sizes, choices, parameters[model], values, column, True)
            m = rounded(chosen.size)
            at = units_before(sizes, layers) * m
            for c in range(outputs):
                for i in range(chosen.size):
                    answers[model, start + i, c] = values[at + c * m + i]
