"""Products of small matrices, written for the compiler vector by vector: as fast as the processor multiplies.

BLAS packs its matrices before it multiplies, which takes longer than the products of small networks do, and loops
leave their sums in memory. Here a tile of sums, a few rows of some vectors, stays in registers while its terms go by.
The compiler maps vectors to those of the machine at hand, whatever their width.

A change here must come with one in `kernel`, whose date alone tells numba to compile anew.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

VECTOR = 64  # bytes of a row of a tile: a cache line
ROWS = (6, 4, 3, 2, 1)  # of a tile, as long as there are so many
# bytes of a vector that has a number of each of several networks: the widest that this machine multiplies at once
LANES = 64 if binding.get_host_cpu_features().get("avx512f", False) else 32
WIDTHS = (3, 2, 1)  # columns of a tile of such vectors
_FUSED = ("contract",)  # a * b + c in one instruction where there is one


@intrinsic
def sums_of_rows(
    typing: Any, W: Any, first: Any, along: Any, count: Any, B: Any, stride: Any, terms: Any, columns: Any, out: Any
) -> Any:
    """Fill `count` rows of `out` (count, columns) with sums over `terms` rows of B, each times a number of the flat W.

    In numpy's words out[r] = sum over k of W[r * first + k * along] * B[k * stride : k * stride + columns].

    Args:
        typing: numba's.
        W: flat array.
        first: distance in W between the numbers of neighboring rows.
        along: distance in W between those of neighboring terms.
        count: rows.
        B: flat array.
        stride: distance in B between neighboring terms.
        terms: of each sum.
        columns: of each row.
        out: flat array, which shares no memory with the others.
    """
    arguments = (W, first, along, count, B, stride, terms, columns, out)
    return types.void(*arguments), partial(_write, "sums_of_rows", _fill)


@intrinsic
def forward_in_lanes(typing: Any, A: Any, m: Any, W: Any, units: Any, terms: Any, out: Any, floor: Any) -> Any:
    """Fill out (units, m, lanes) with the products of W (terms, units, lanes), transposed, and A (terms, m, lanes).

    A lane holds the numbers of one network; m must be a multiple of four; what is below `floor` becomes `floor`. All
    arrays are flat.
    """

    def fill(builder: Any, size: int, A: Any, m: Any, W: Any, units: Any, terms: Any, out: Any, floor: Any) -> None:
        def raised(total: Any, place: Any) -> Any:
            least = _spread(builder, floor, total.type)
            return builder.select(builder.fcmp_ordered("<=", total, least), least, total)

        _fill_lanes(builder, size, (A, 1, m, m), (W, 1, units, units), terms, (out, 1, m), (4,), raised)

    return types.void(A, m, W, units, terms, out, floor), partial(_write, "forward_in_lanes", fill)


@intrinsic
def back_in_lanes(typing: Any, D: Any, m: Any, W: Any, inputs: Any, units: Any, out: Any, A: Any, dead: Any) -> Any:
    """Fill out (inputs, m, lanes) with the products of W (inputs, units, lanes) and D (units, m, lanes).

    It becomes 0 where A (inputs, m, lanes) is `dead`, which a number that is not one never is.
    """

    def fill(
        builder: Any, size: int, D: Any, m: Any, W: Any, inputs: Any, units: Any, out: Any, A: Any, dead: Any
    ) -> None:
        def masked(total: Any, place: Any) -> Any:
            vectors = builder.bitcast(A, total.type.as_pointer())
            active = builder.load(builder.gep(vectors, [place]), align=size)
            off = builder.fcmp_ordered("==", active, _spread(builder, dead, total.type))
            return builder.select(off, ir.Constant(total.type, [0.0] * total.type.count), total)

        _fill_lanes(builder, size, (D, 1, m, m), (W, units, 1, inputs), units, (out, 1, m), (4,), masked)

    return types.void(D, m, W, inputs, units, out, A, dead), partial(_write, "back_in_lanes", fill)


@intrinsic
def correlate_in_lanes(
    typing: Any, A: Any, rows: Any, D: Any, columns: Any, m: Any, out: Any, down: Any, beside: Any
) -> Any:
    """Add to out the products of A (rows, m, lanes) and D (columns, m, lanes), summed over m.

    Neighboring rows of A lie `down` apart in `out`, neighboring rows of D `beside`, counted in vectors.
    """

    def fill(
        builder: Any, size: int, A: Any, rows: Any, D: Any, columns: Any, m: Any, out: Any, down: Any, beside: Any
    ) -> None:
        _fill_lanes(builder, size, (A, m, 1, rows), (D, m, 1, columns), m, (out, down, beside), (4, 1))

    return types.void(A, rows, D, columns, m, out, down, beside), partial(_write, "correlate_in_lanes", fill)


def _write(name: str, fill: Callable[..., None], context: Any, builder: Any, signature: Any, given: Any) -> Any:
    """Call a function that `fill` writes once a module, which keeps it from being compiled again at every call."""
    flat = signature.args[0].dtype
    arguments = [
        context.make_array(kind)(context, builder, each).data if isinstance(kind, types.Array) else each
        for kind, each in zip(signature.args, given, strict=True)
    ]
    kind = ir.FunctionType(ir.VoidType(), [each.type for each in arguments])
    known: Any = cgutils
    function = known.get_or_insert_function(builder.module, kind, f"percept_{name}_{flat}")
    if function.is_declaration:
        function.linkage = "linkonce_odr"
        function.attributes.add("noinline")
        body = ir.IRBuilder(function.append_basic_block("entry"))
        fill(body, flat.bitwidth // 8, *function.args)
        body.ret_void()
    builder.call(function, arguments)
    return context.get_dummy_value()


def _fill(
    builder: Any, size: int, W: Any, first: Any, along: Any, count: Any, B: Any, stride: Any, terms: Any,
    columns: Any, out: Any,
) -> None:  # fmt: skip
    """Write the instructions: all rows by sixes, what is left by fewer; columns likewise, by vectors."""

    def tile(row: Any, rows: int, width: int, column: Any) -> None:
        vector = ir.VectorType(B.type.pointee, width)
        starts = [builder.gep(W, [builder.mul(_plus(builder, row, each), first)]) for each in range(rows)]
        source = builder.gep(B, [column])

        def add(k: Any, sums: list[Any]) -> list[Any]:
            at = builder.bitcast(builder.gep(source, [builder.mul(k, stride)]), vector.as_pointer())
            values, place = builder.load(at, align=size), builder.mul(k, along)
            numbers = [builder.load(builder.gep(start, [place]), align=size) for start in starts]
            products = [builder.fmul(_spread(builder, each, vector), values, flags=_FUSED) for each in numbers]
            return [builder.fadd(total, each, flags=_FUSED) for total, each in zip(sums, products, strict=True)]

        zero = ir.Constant(vector, [0.0] * width)
        for each, total in enumerate(_repeat(builder, terms, add, [zero] * rows)):
            at = builder.gep(out, [_plus(builder, builder.mul(_plus(builder, row, each), columns), column)])
            builder.store(total, builder.bitcast(at, vector.as_pointer()), align=size)

    row: Any = ir.Constant(count.type, 0)
    for rows in ROWS:

        def across(row: Any, rows: int = rows) -> None:
            column: Any = ir.Constant(count.type, 0)
            for width in (*((4 * VECTOR // size,) if rows == 1 else ()), VECTOR // size, 32 // size, 1):
                column = _by(builder, column, columns, width, partial(tile, row, rows, width))

        row = _by(builder, row, count, rows, across)


def _fill_lanes(
    builder: Any, size: int, left: tuple[Any, ...], right: tuple[Any, ...], terms: Any, to: tuple[Any, ...],
    heights: Sequence[int], ending: Callable[[Any, Any], Any] | None = None,
) -> None:  # fmt: skip
    """Write the instructions that multiply matrices whose numbers are vectors with a lane for each network.

    In numpy's words, for each r below `rows` and c below `columns`, out[r * down + c * beside] is the sum over k of
    A[r * first + k * along] * B[c * across + k * stride].

    Args:
        builder: of the function.
        size: bytes of a number.
        left: A, first, along, rows.
        right: B, across, stride, columns.
        terms: of each sum.
        to: out, down, beside.
        heights: rows of a tile, as long as there are so many; rows are a multiple of the last.
        ending: what becomes of a sum, by it and its place in `out`; without it, the sums are added to `out`.
    """
    (A, first, along, rows), (B, across, stride, columns), (out, down, beside) = left, right, to
    vector = ir.VectorType(B.type.pointee, LANES // size)
    A, B, out = (builder.bitcast(each, vector.as_pointer()) for each in (A, B, out))
    zero = ir.Constant(vector, [0.0] * vector.count)

    def lines(of: Any, place: Any, number: int, apart: Any) -> list[Any]:
        start = builder.gep(of, [_times(builder, place, apart)])
        return [builder.gep(start, [_times(builder, apart, each)]) for each in range(number)]

    def tile(column: Any, wide: int, high: int, row: Any) -> None:
        ours, theirs = lines(A, row, high, first), lines(B, column, wide, across)

        def add(k: Any, sums: list[Any]) -> list[Any]:
            place, there = _times(builder, k, along), _times(builder, k, stride)
            second = [builder.load(builder.gep(each, [there]), align=size) for each in theirs]
            new = []
            for number, line in enumerate(ours):
                number_of_each = builder.load(builder.gep(line, [place]), align=size)
                for total, each in zip(sums[number * wide :], second, strict=False):
                    new.append(builder.fadd(total, builder.fmul(number_of_each, each, flags=_FUSED), flags=_FUSED))
            return new

        def places() -> list[Any]:
            start = _plus(builder, _times(builder, row, down), _times(builder, column, beside))
            apart = [(each, other) for each in range(high) for other in range(wide)]
            return [
                _plus(builder, start, _plus(builder, _times(builder, down, each), _times(builder, beside, other)))
                for each, other in apart
            ]

        before = [zero] * (high * wide)
        if ending is None:
            before = [builder.load(builder.gep(out, [each]), align=size) for each in places()]
        for total, place in zip(_repeat(builder, terms, add, before), places(), strict=True):
            end = total if ending is None else ending(total, place)
            builder.store(end, builder.gep(out, [place]), align=size)

    column: Any = ir.Constant(columns.type, 0)
    for wide in WIDTHS:

        def along_rows(column: Any, wide: int = wide) -> None:
            row: Any = ir.Constant(rows.type, 0)
            for high in heights:
                row = _by(builder, row, rows, high, partial(tile, column, wide, high))

        column = _by(builder, column, columns, wide, along_rows)


def _times(builder: Any, value: Any, factor: Any) -> Any:
    """Return a product of numbers of places, either of which may be one that is known beforehand."""
    if isinstance(value, int) and isinstance(factor, int):
        return ir.Constant(ir.IntType(64), value * factor)
    if isinstance(value, int):
        value, factor = factor, value
    if isinstance(factor, int):
        return value if factor == 1 else builder.mul(value, ir.Constant(value.type, factor))
    return builder.mul(value, factor)


def _plus(builder: Any, value: Any, more: Any) -> Any:
    """Return a sum of numbers of places, the second of which may be known beforehand."""
    return builder.add(value, ir.Constant(value.type, more) if isinstance(more, int) else more)


def _spread(builder: Any, number: Any, vector: Any) -> Any:
    """Return a vector with a number in every place."""
    whole, nothing = ir.IntType(32), ir.Constant(vector, ir.Undefined)
    alone = builder.insert_element(nothing, number, ir.Constant(whole, 0))
    return builder.shuffle_vector(alone, nothing, ir.Constant(ir.VectorType(whole, vector.count), [0] * vector.count))


def _by(builder: Any, start: Any, stop: Any, step: int, body: Callable[[Any], None]) -> Any:
    """Write a loop from start in steps as long as one fits before stop; return where it ends."""
    before = builder.block
    head, inside, after = (builder.append_basic_block(name) for name in ("head", "inside", "after"))
    builder.branch(head)
    builder.position_at_end(head)
    here = builder.phi(start.type)
    here.add_incoming(start, before)
    builder.cbranch(builder.icmp_signed("<=", _plus(builder, here, step), stop), inside, after)
    builder.position_at_end(inside)
    body(here)
    here.add_incoming(_plus(builder, here, step), builder.block)
    builder.branch(head)
    builder.position_at_end(after)
    return here


def _repeat(builder: Any, times: Any, body: Callable[[Any, list[Any]], list[Any]], start: list[Any]) -> list[Any]:
    """Write a loop that carries values in registers; return what they are in the end."""
    before = builder.block
    head, inside, after = (builder.append_basic_block(name) for name in ("again", "term", "done"))
    builder.branch(head)
    builder.position_at_end(head)
    k = builder.phi(times.type)
    k.add_incoming(ir.Constant(times.type, 0), before)
    carried = [builder.phi(value.type) for value in start]
    for phi, value in zip(carried, start, strict=True):
        phi.add_incoming(value, before)
    builder.cbranch(builder.icmp_signed("<", k, times), inside, after)
    builder.position_at_end(inside)
    new = body(k, carried)
    k.add_incoming(_plus(builder, k, 1), builder.block)
    for phi, value in zip(carried, new, strict=True):
        phi.add_incoming(value, builder.block)
    builder.branch(head)
    builder.position_at_end(after)
    return carried
