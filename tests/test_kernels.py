"""Compiled kernels give the same bits wherever they come from."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from numba.core.dispatcher import Dispatcher

import maskgen.geometry
import maskgen.io
import maskgen.paint
import maskgen.synth

#: changes a result by how a kernel was put together: a callee is compiled into each of its callers, and which
#: of the copies runs depends on what the cache held
LOOSE = {"fast", "reassoc", "contract", "arcp", "afn"}


@pytest.mark.parametrize("package", [maskgen.geometry, maskgen.io, maskgen.paint, maskgen.synth])
def test_no_kernel_lets_the_compiler_round_otherwise(package) -> None:
    names = [m.name for m in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
    kernels = [
        k for n in names for k in vars(importlib.import_module(n)).values() if isinstance(k, Dispatcher)
    ]
    for kernel in kernels:
        allowed = kernel.targetoptions.get("fastmath", False)
        assert allowed is not True, f"{kernel.__module__}.{kernel.__name__}"
        assert not LOOSE & set(allowed or ()), f"{kernel.__module__}.{kernel.__name__}"


def test_there_are_kernels_to_look_at() -> None:
    from maskgen.synth.resolve import resolve

    assert resolve.targetoptions["fastmath"]
