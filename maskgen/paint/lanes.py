"""Eight numbers at once, for compiled loops.

LLVM does a loop over arrays eight numbers at a time only if it is sure that no array overlaps another. For a
short loop inside a loop over pixels it would ask that anew for every pixel, which costs more than the work.
`Lanes` are eight float32 that a kernel takes from one array, calculates with, and puts into another:

    store(out, i, u * load(a, j) + load(b, k))

with `u` a float32. Indices count elements of the whole array, which must be C-contiguous; nothing checks
them. Every operation rounds once, as that of a single number does.
"""

# numba's extension interface is untyped
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc"

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

#: numbers in a `Lanes`
LANES = 8


class LanesType(types.Type):
    """Eight float32 in a register."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


_LANES = LanesType()
_FLOATS = ir.VectorType(ir.FloatType(), LANES)


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind) -> None:
        super().__init__(manager, kind, _FLOATS)


def _compiled(make: Callable[..., Any]) -> Any:
    """numba's intrinsic, untyped: what is called in a kernel is not what is written here."""
    return intrinsic(make)


def _address(context, builder, kind, array, at, vector):
    """Where the eight elements from ``at`` on lie, and how many bytes they are aligned to."""
    first = context.make_array(kind)(context, builder, array).data
    place = builder.gep(first, [at])
    return builder.bitcast(place, vector.as_pointer()), kind.dtype.bitwidth // 8


def _all(builder, number):
    """The number eight times."""
    vector = ir.VectorType(number.type, LANES)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), number, ir.IntType(32)(0))
    order = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), order)


@_compiled
def load(typingctx, array, at):
    """Eight elements of a float32 or int16 array from index ``at`` on."""
    if not (isinstance(array, types.Array) and array.layout == "C" and isinstance(at, types.Integer)):
        return None

    def codegen(context, builder, signature, args):
        kind = signature.args[0]
        vector = ir.VectorType(context.get_data_type(kind.dtype), LANES)
        address, align = _address(context, builder, kind, args[0], args[1], vector)
        found = builder.load(address, align=align)
        return found if kind.dtype == types.float32 else builder.sitofp(found, _FLOATS)

    return (_LANES(array, at), codegen) if array.dtype in (types.float32, types.int16) else None


@_compiled
def store(typingctx, array, at, lanes):
    """Put ``lanes`` into a float32 array from index ``at`` on."""
    if not (isinstance(array, types.Array) and array.layout == "C" and array.dtype == types.float32):
        return None

    def codegen(context, builder, signature, args):
        address, align = _address(context, builder, signature.args[0], args[0], args[1], _FLOATS)
        builder.store(args[2], address, align=align)
        return context.get_dummy_value()

    return (types.void(array, at, lanes), codegen) if lanes == _LANES else None


@_compiled
def fetch(typingctx, array, at):
    """Have the memory at index ``at`` of an array brought near, without waiting for it."""
    if not (isinstance(array, types.Array) and array.layout == "C" and isinstance(at, types.Integer)):
        return None

    def codegen(context, builder, signature, args):
        kind, byte, number = signature.args[0], ir.IntType(8).as_pointer(), ir.IntType(32)
        place = builder.gep(context.make_array(kind)(context, builder, args[0]).data, [args[1]])
        shape = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        prefetch = cgutils.get_or_insert_function(builder.module, shape, "llvm.prefetch.p0")
        # to read, often, data
        builder.call(prefetch, [builder.bitcast(place, byte), number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, at), codegen


@_compiled
def from_on(typingctx, number):
    """The float32 ``number`` and those that follow it in steps of 1."""

    def codegen(context, builder, signature, args):
        return builder.fadd(_all(builder, args[0]), ir.Constant(_FLOATS, [float(i) for i in range(LANES)]))

    return (_LANES(number), codegen) if number == types.float32 else None


@_compiled
def nearest(typingctx, depth, ids, at, x, low, high, z, number):
    """Put z into ``depth`` and ``number`` into ``ids`` where ``low`` <= x <= ``high`` and z is the lesser.

    depth: float32 array, from index ``at`` on. ids: int16 array, or None. x, z: `Lanes`. low, high: float32.
    """
    numbered = ids != types.none

    def codegen(context, builder, signature, args):
        kinds = signature.args
        depths, align = _address(context, builder, kinds[0], args[0], args[2], _FLOATS)
        before = builder.load(depths, align=align)
        here = builder.and_(
            builder.fcmp_ordered(">=", args[3], _all(builder, args[4])),
            builder.fcmp_ordered("<=", args[3], _all(builder, args[5])),
        )
        z = builder.select(here, args[6], ir.Constant(_FLOATS, [1e30] * LANES))
        here = builder.fcmp_ordered("<", z, before)
        # not a choice between both: LLVM would make a masked store of it, at which AMD's processors are slow
        pair = ir.FunctionType(_FLOATS, [_FLOATS, _FLOATS])
        least = cgutils.get_or_insert_function(builder.module, pair, f"llvm.minnum.v{LANES}f32")
        builder.store(builder.call(least, [z, before], fastmath=("nnan",)), depths, align=align)
        if numbered:
            shorts = ir.VectorType(ir.IntType(16), LANES)
            places, align = _address(context, builder, kinds[1], args[1], args[2], shorts)
            was = builder.load(places, align=align)
            builder.store(builder.select(here, _all(builder, args[7]), was), places, align=align)
        return context.get_dummy_value()

    return types.void(depth, ids, at, x, low, high, z, types.int16), codegen


def _operation(name):
    """One operation on each of eight pairs of numbers."""

    @_compiled
    def of_lanes(typingctx, a, b):
        def codegen(context, builder, signature, args):
            a, b = (
                value if kind == _LANES else _all(builder, value)
                for kind, value in zip(signature.args, args, strict=True)
            )
            return getattr(builder, name)(a, b)

        return _LANES(a, b), codegen

    return of_lanes


_add, _subtract, _multiply = _operation("fadd"), _operation("fsub"), _operation("fmul")


def _understood(a, b) -> bool:
    return _LANES in (a, b) and {a, b} <= {_LANES, types.float32}


@overload(operator.add)
def _plus(a, b):
    return (lambda a, b: _add(a, b)) if _understood(a, b) else None


@overload(operator.sub)
def _minus(a, b):
    return (lambda a, b: _subtract(a, b)) if _understood(a, b) else None


@overload(operator.mul)
def _times(a, b):
    return (lambda a, b: _multiply(a, b)) if _understood(a, b) else None
