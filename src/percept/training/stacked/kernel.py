"""The compiled loop that trains one network of a stack on the CPU; its arithmetic does not know about the others.

Everything here is compiled by numba, which looks at the date of this one file to tell whether what it keeps on disk is
out of date: compiled functions therefore do not go into other files. The output layer is kept transposed (outputs,
units) while it works, and its sums (outputs, samples), since products with few columns are several times slower than
products with few rows. Loops run over the last axis, contiguous, from 0, so that the compiler turns them into vector
instructions. No flag lets the compiler assume that numbers are finite: a run that diverges must end in NaN, as it does
in numpy.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.training.compilation import Function, compiled_and_kept

Array = NDArray[Any]

# Places in the `choices` that the kernel is called with.
ACTIVATION_CODES = {"identity": 0, "logistic": 1, "tanh": 2, "relu": 3}
OUTPUT_CODES = {("identity", "squared_error"): 0, ("logistic", "log_loss"): 1, ("softmax", "log_loss"): 2}
OUTPUT_CODES |= {("exp", "poisson"): 3}
SGD, NESTEROV, ADAM = 0, 1, 2

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
_ROUNDING = {"contract"}  # a * b + c in one instruction
_SUMS = {"contract", "reassoc", "nsz", "arcp"}  # besides: sums in any order, so that they run in vectors


def compiled(function: Function) -> Function:
    """Compile a function on its first call, and keep the result on disk for later processes."""
    return compiled_and_kept(function, fastmath=_ROUNDING, **_OPTIONS)


def compiled_sum(function: Function) -> Function:
    """Compile like `compiled`, letting sums be taken in any order."""
    return compiled_and_kept(function, fastmath=_SUMS, **_OPTIONS)


@compiled
def exponential(x: float) -> float:
    """Return e^x to 1e-15 by a polynomial that runs in vectors, which the C library's function does not."""
    x = 709.0 if x > 709.0 else (-708.0 if x < -708.0 else x)  # NaN passes
    n = np.floor(x * 1.4426950408889634 + 0.5)
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
    result: float = y * np.int64((np.int64(n) + 1023) << 52).view(np.float64)  # times 2^n, by its exponent bits
    return result


@compiled
def activate(Z: Array, biases: Array, activation: int) -> None:
    """Turn a layer's products (samples, units) into its activations, in place."""
    one = Z.dtype.type(1)
    for i in range(Z.shape[0]):
        z = Z[i]
        if activation == 3:
            for j in range(z.size):
                value = z[j] + biases[j]
                z[j] = 0 if value < 0 else value
        elif activation == 2:
            for j in range(z.size):
                value = z[j] + biases[j]
                e = Z.dtype.type(exponential(-2 * abs(value)))
                size = (one - e) / (one + e)
                z[j] = -size if value < 0 else size
        elif activation == 1:
            for j in range(z.size):
                z[j] = one / (one + Z.dtype.type(exponential(-(z[j] + biases[j]))))
        else:
            for j in range(z.size):
                z[j] += biases[j]


@compiled
def differentiate(D: Array, A: Array, gradient: Array, activation: int) -> None:
    """Turn gradients by activations into gradients by sums (samples, units), in place; add up those of the biases."""
    one = D.dtype.type(1)
    gradient[:] = 0
    for i in range(D.shape[0]):
        d, a = D[i], A[i]
        if activation == 3:
            for j in range(d.size):
                d[j] = 0 if a[j] == 0 else d[j]
        elif activation == 2:
            for j in range(d.size):
                d[j] *= one - a[j] * a[j]
        elif activation == 1:
            for j in range(d.size):
                d[j] *= a[j] * (one - a[j])
        for j in range(d.size):
            gradient[j] += d[j]


@compiled
def finish(O: Array, biases: Array, output: int, column: Array) -> None:  # noqa: E741 - the output layer
    """Turn the output layer's products (outputs, samples) into outputs, in place; `column` (samples,) is scratch."""
    outputs, samples = O.shape
    one = O.dtype.type(1)
    for c in range(outputs):
        o = O[c]
        for i in range(samples):
            o[i] += biases[c]
        if output == 1:
            for i in range(samples):
                o[i] = one / (one + O.dtype.type(exponential(-o[i])))
        elif output == 3:
            for i in range(samples):
                o[i] = O.dtype.type(exponential(o[i]))
    if output == 2:
        largest, total = column[:samples], column[samples : 2 * samples]
        largest[:] = O[0]
        total[:] = 0
        for c in range(1, outputs):
            o = O[c]
            for i in range(samples):
                largest[i] = o[i] if o[i] > largest[i] else largest[i]
        for c in range(outputs):
            o = O[c]
            for i in range(samples):
                o[i] = O.dtype.type(exponential(o[i] - largest[i]))
                total[i] += o[i]
        for c in range(outputs):
            o = O[c]
            for i in range(samples):
                o[i] /= total[i]


@compiled
def loss_of(y: float, t: float, output: int, tiny: float) -> float:
    """Return what one output adds to the loss."""
    if output == 0:
        return 0.5 * (y - t) * (y - t)
    if output == 3:
        deviance: float = y - t + (t * np.log(t / y) if t > 0 else 0.0)
        return deviance
    y = tiny if y < tiny else (1 - tiny if y > 1 - tiny else y)
    likelihood: float = t * np.log(y) if t != 0 else 0.0
    other: float = (1 - t) * np.log(1 - y) if output == 1 and t != 1 else 0.0
    return 0.0 - (likelihood + other)


@compiled
def compare(O: Array, T: Array, weights: Array, rows: Array, gradient: Array, output: int) -> float:  # noqa: E741
    """Return the summed loss, turning outputs into its gradients by the last sums, and add up those of the biases.

    The gradient is outputs - targets for each pair of output and loss that the kernel has.
    """
    outputs, samples = O.shape
    tiny = np.finfo(O.dtype).eps
    loss = 0.0
    for c in range(outputs):
        summed = O.dtype.type(0)
        for i in range(samples):
            row = rows[i]
            weight = weights[row] if weights.size else O.dtype.type(1)
            loss += weight * loss_of(O[c, i], T[row, c], output, tiny)
            O[c, i] = weight * (O[c, i] - T[row, c])
            summed += O[c, i]
        gradient[c] = summed
    return loss / outputs if output == 0 else loss


@compiled_sum
def squares(p: Array) -> float:
    """Return the sum of squares."""
    total: float = p.dtype.type(0)
    for i in range(p.size):
        total += p[i] * p[i]
    return total


@compiled
def adam(p: Array, g: Array, m: Array, v: Array, decay: Any, share: Any, rate: Any, settings: Array) -> None:
    """Take one step of Adam; the gradient is (g + decay p) share. Moments that would be subnormal numbers become 0."""
    keep_1, keep_2, epsilon, tiny = settings[0], settings[1], settings[2], settings[3]
    new_1, new_2 = settings[4], settings[5]
    for i in range(p.size):
        q = (g[i] + decay * p[i]) * share
        first = keep_1 * m[i] + new_1 * q
        second = keep_2 * v[i] + new_2 * (q * q)
        m[i] = 0 if abs(first) < tiny else first
        v[i] = 0 if second < tiny else second
        p[i] -= rate * m[i] / (np.sqrt(v[i]) + epsilon)


@compiled
def sgd(p: Array, g: Array, m: Array, decay: Any, share: Any, rate: Any, settings: Array, nesterov: bool) -> None:
    """Take one step of gradient descent with momentum; the gradient is (g + decay p) share."""
    momentum, tiny = settings[0], settings[3]
    for i in range(p.size):
        q = rate * ((g[i] + decay * p[i]) * share)
        velocity = momentum * m[i] - q
        m[i] = 0 if abs(velocity) < tiny else velocity
        p[i] += momentum * m[i] - q if nesterov else m[i]


@compiled
def gather(X: Array, data: Array, columns: Array, starts: Array, rows: Array, A: Array) -> None:
    """Copy rows of the inputs, dense or sparse, into a batch (samples, features)."""
    if starts.size == 0:
        for i in range(A.shape[0]):
            a, x = A[i], X[rows[i]]
            for j in range(a.size):
                a[j] = x[j]
        return
    A[:] = 0
    for i in range(A.shape[0]):
        for k in range(starts[rows[i]], starts[rows[i] + 1]):
            A[i, columns[k]] += data[k]


@compiled
def sparse_product(data: Array, columns: Array, starts: Array, rows: Array, W: Array, Z: Array) -> None:
    """Multiply rows of sparse inputs by the first layer's weights (features, units) into sums (samples, units)."""
    for i in range(Z.shape[0]):
        z = Z[i]
        z[:] = 0
        for k in range(starts[rows[i]], starts[rows[i] + 1]):
            x, w = data[k], W[columns[k]]
            for j in range(z.size):
                z[j] += x * w[j]


@compiled
def sparse_gradient(data: Array, columns: Array, starts: Array, rows: Array, D: Array, G: Array) -> None:
    """Multiply rows of sparse inputs, transposed, by the gradients (samples, units) into those of the first weights."""
    G[:] = 0
    for i in range(D.shape[0]):
        d = D[i]
        for k in range(starts[rows[i]], starts[rows[i] + 1]):
            x, g = data[k], G[columns[k]]
            for j in range(d.size):
                g[j] += x * d[j]


@compiled
def transpose(flat: Array, rows: int, columns: int) -> None:
    """Turn a matrix (rows, columns) in a flat vector into its transpose, in place."""
    matrix = flat.copy().reshape(rows, columns)
    turned = flat.reshape(columns, rows)
    for i in range(rows):
        for j in range(columns):
            turned[j, i] = matrix[i, j]


@compiled
def matrix(flat: Array, start: int, rows: int, columns: int) -> Array:
    """Return the matrix (rows, columns) that starts somewhere in a flat vector, sharing its memory."""
    return flat[start : start + rows * columns].reshape(rows, columns)


@compiled
def hidden_layers(
    inputs: tuple[Array, Array, Array, Array],
    chosen: Array,
    sizes: Array,
    places: Array,
    offsets: Array,
    activation: int,
    p: Array,
    values: Array,
    n: int,
) -> None:
    """Compute the activations of the first n samples chosen, layer after layer up to the last hidden one."""
    X, data, columns, starts = inputs
    top = sizes.size - 2
    direct = starts.size > 0 and top > 0
    if not direct:
        gather(X, data, columns, starts, chosen, matrix(values, 0, n, sizes[0]))
    for k in range(top):
        W = matrix(p, offsets[k], sizes[k], sizes[k + 1])
        Z = matrix(values, places[k + 1], n, sizes[k + 1])
        if direct and k == 0:
            sparse_product(data, columns, starts, chosen, W, Z)
        else:
            np.dot(matrix(values, places[k], n, sizes[k]), W, Z)
        activate(Z, p[offsets[k] + W.size : offsets[k + 1]], activation)


@compiled
def gradients(
    inputs: tuple[Array, Array, Array, Array],
    chosen: Array,
    sizes: Array,
    places: Array,
    offsets: Array,
    activation: int,
    p: Array,
    values: Array,
    slopes: Array,
    O: Array,  # noqa: E741 - the output layer
    g: Array,
) -> None:
    """Compute the gradients of all weights and hidden biases from those by the last sums (outputs, samples)."""
    data, columns, starts = inputs[1:]
    outputs, n = O.shape
    top = sizes.size - 2
    direct = starts.size > 0 and top > 0
    np.dot(O, matrix(values, places[top], n, sizes[top]), matrix(g, offsets[top], outputs, sizes[top]))
    for k in range(top, 0, -1):
        D = matrix(slopes, places[k], n, sizes[k])
        if k == top:
            np.dot(O.T, matrix(p, offsets[k], outputs, sizes[k]), D)
        else:
            above = matrix(slopes, places[k + 1], n, sizes[k + 1])
            np.dot(above, matrix(p, offsets[k], sizes[k], sizes[k + 1]).T, D)
        G = matrix(g, offsets[k - 1], sizes[k - 1], sizes[k])
        differentiate(D, matrix(values, places[k], n, sizes[k]), g[offsets[k - 1] + G.size : offsets[k]], activation)
        if direct and k == 1:
            sparse_gradient(data, columns, starts, chosen, D, G)
        else:
            np.dot(matrix(values, places[k - 1], n, sizes[k - 1]).T, D, G)


@compiled
def step(
    sizes: Array,
    offsets: Array,
    solver: int,
    settings: Array,
    rates: Array,
    alpha: float,
    share: float,
    p: Array,
    g: Array,
    m: Array,
    v: Array,
) -> float:
    """Move all parameters one step and return the penalty that the batch's loss had before it."""
    dtype = p.dtype.type
    penalty = 0.0
    for k in range(rates.size):
        middle = offsets[k] + sizes[k] * sizes[k + 1]
        if alpha > 0:
            penalty += 0.5 * alpha * share * squares(p[offsets[k] : middle])
        for a, b, decay in ((offsets[k], middle, alpha), (middle, offsets[k + 1], 0.0)):
            if solver == 2:
                adam(p[a:b], g[a:b], m[a:b], v[a:b], dtype(decay), dtype(share), dtype(rates[k]), settings)
            else:
                sgd(p[a:b], g[a:b], m[a:b], dtype(decay), dtype(share), dtype(rates[k]), settings, solver == 1)
    return penalty


@compiled
def train_one(
    inputs: tuple[Array, Array, Array, Array],
    T: Array,
    weights: Array,
    sizes: Array,
    choices: Array,
    constants: Array,
    rates: Array,
    rows: Array,
    order: Array,
    alpha: float,
    steps: int,
    p: Array,
    m: Array,
    v: Array,
    losses: Array,
) -> int:
    """Train one network in place and return its number of steps so far.

    Args:
        inputs: dense (rows, features), or (0, features) beside a sparse matrix (CSR): its values, row by row, their
            columns, and where each row starts (rows + 1,), empty for dense inputs.
        T: (rows, outputs).
        weights: (rows,) of the samples, or empty for equal ones.
        sizes: (layers + 1,).
        choices: activation, output, solver, batch size.
        constants: beta_1 or momentum, beta_2, epsilon, and the smallest normal number.
        rates: (layers,) learning rate of each layer.
        rows: (samples,) which rows of X this model has.
        order: (epochs, samples) positions in `rows`.
        alpha: weight decay.
        steps: taken before.
        p: (parameters,).
        m: (parameters,) first moments or velocities.
        v: (parameters,) second moments.
        losses: (epochs,) filled with the mean loss of each.
    """
    layers, samples, top = rates.size, rows.size, sizes.size - 2
    activation, output, solver, batch = choices[0], choices[1], choices[2], min(choices[3], samples)
    outputs = sizes[layers]
    # Where each layer's activations (and their gradients) start in one buffer, and each layer's parameters.
    places, offsets = np.zeros(layers + 1, np.int64), np.zeros(layers + 1, np.int64)
    for k in range(layers):
        spread = k > 0 or top == 0 or inputs[3].size == 0  # sparse inputs meet a hidden layer's weights as they are
        places[k + 1] = places[k] + (batch * sizes[k] if spread else 0)
        offsets[k + 1] = offsets[k] + (sizes[k] + 1) * sizes[k + 1]
    values, slopes = np.empty(places[layers], p.dtype), np.empty(places[layers], p.dtype)
    last, column = np.empty(outputs * batch, p.dtype), np.empty(2 * batch, p.dtype)
    chosen, g, settings = np.empty(batch, np.int64), np.empty_like(p), np.empty(6, p.dtype)
    settings[:4] = constants
    settings[4], settings[5] = 1 - constants[0], 1 - constants[1]
    end = offsets[top] + sizes[top] * outputs
    for flat in (p, m, v):
        transpose(flat[offsets[top] : end], sizes[top], outputs)
    for epoch in range(order.shape[0]):
        summed = 0.0
        for start in range(0, samples, batch):
            n = min(batch, samples - start)
            total = 0.0
            for i in range(n):
                chosen[i] = rows[order[epoch, start + i]]
                total += weights[chosen[i]] if weights.size else 1.0
            if total == 0:
                continue  # nothing to learn from samples without weight
            hidden_layers(inputs, chosen, sizes, places, offsets, activation, p, values, n)
            O = matrix(last, 0, outputs, n)  # noqa: E741
            np.dot(matrix(p, offsets[top], outputs, sizes[top]), matrix(values, places[top], n, sizes[top]).T, O)
            finish(O, p[end : offsets[layers]], output, column)
            loss = compare(O, T, weights, chosen, g[end : offsets[layers]], output) / total
            gradients(inputs, chosen, sizes, places, offsets, activation, p, values, slopes, O, g)
            steps += 1
            correction = 1.0
            if solver == 2:
                correction = np.sqrt(1 - constants[1] ** steps) / (1 - constants[0] ** steps)
            loss += step(sizes, offsets, solver, settings, rates * correction, alpha, 1 / total, p, g, m, v)
            summed += loss * n
        losses[epoch] = summed / samples
    for flat in (p, m, v):
        transpose(flat[offsets[top] : end], outputs, sizes[top])
    return int(steps)
