"""Products of small matrices, written for the compiler vector by vector: as fast as the processor multiplies.

BLAS packs its matrices before it multiplies, which takes longer than the products of small networks do, and loops
leave their sums in memory. Here a tile of sums, a few rows of some vectors, stays in registers while its terms go by.
The compiler maps vectors to those of the machine at hand, whatever their width.

A change here must come with one in `kernel`, whose date alone tells numba to compile anew.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

VECTOR = 64  # bytes of a row of a tile: a cache line
ROWS = (4, 1)  # of a tile, as long as there are so many
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
    return types.void(*arguments), _write


def _write(context: Any, builder: Any, signature: Any, given: Any) -> Any:
    """Call the function below, written once a module, which keeps it from being compiled again at every call."""
    flat = signature.args[4].dtype
    pointers = {at: context.make_array(signature.args[at])(context, builder, given[at]).data for at in (0, 4, 8)}
    arguments = [pointers.get(at, each) for at, each in enumerate(given)]
    kind = ir.FunctionType(ir.VoidType(), [each.type for each in arguments])
    known: Any = cgutils
    function = known.get_or_insert_function(builder.module, kind, f"percept_sums_of_rows_{flat}")
    if function.is_declaration:
        function.linkage = "linkonce_odr"
        function.attributes.add("noinline")
        body = ir.IRBuilder(function.append_basic_block("entry"))
        _fill(body, flat.bitwidth // 8, *function.args)
        body.ret_void()
    builder.call(function, arguments)
    return context.get_dummy_value()


def _fill(
    builder: Any, size: int, W: Any, first: Any, along: Any, count: Any, B: Any, stride: Any, terms: Any,
    columns: Any, out: Any,
) -> None:  # fmt: skip
    """Write the instructions: all rows by fours, then by twos, then one by one; columns likewise, by vectors."""

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
            for width in (VECTOR // size, 32 // size, 1):
                column = _by(builder, column, columns, width, partial(tile, row, rows, width))

        row = _by(builder, row, count, rows, across)


def _plus(builder: Any, value: Any, more: Any) -> Any:
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
