"""Eight numbers at once give what one after the other gives, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from maskgen.paint.lanes import LANES, from_on, load, nearest, store


@njit
def _mixed(a, b, u, out):
    for i in range(0, len(a), LANES):
        store(out, i, u * load(a, i) + load(b, i) * u - from_on(u))


@njit
def _kept(depth, ids, z, low, high, number):
    nearest(depth, ids, 1, from_on(np.float32(1.0)), low, high, load(z, 0), number)


@pytest.mark.parametrize("kind", [np.float32, np.int16])
def test_arithmetic_rounds_as_that_of_single_numbers(kind) -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(0.0, 3e3, (2, 32)).astype(kind)
    out, u = np.empty(32, np.float32), np.float32(0.37)
    _mixed(a, b, u, out)
    steps = u + np.tile(np.arange(LANES, dtype=np.float32), 4)
    np.testing.assert_array_equal(out, u * a.astype(np.float32) + b.astype(np.float32) * u - steps)


@pytest.mark.parametrize("numbered", [False, True])
def test_only_what_is_nearer_and_between_the_ends_is_kept(numbered) -> None:
    depth, ids = np.full(LANES + 2, 5.0, np.float32), np.full(LANES + 2, -1, np.int16)
    depth[4] = 1.0  # something is before it
    z = np.full(LANES, 2.0, np.float32)
    _kept(depth, ids if numbered else None, z, np.float32(2.5), np.float32(6.0), np.int16(9))
    drawn = [3, 5, 6]
    np.testing.assert_array_equal(np.flatnonzero(depth == 2.0), drawn)
    assert depth[4] == 1.0
    assert np.count_nonzero(depth == 5.0) == len(depth) - 4
    np.testing.assert_array_equal(np.flatnonzero(ids == 9), drawn if numbered else [])
