"""Small symmetric systems without LAPACK."""

from __future__ import annotations

import numpy as np
import pytest

from maskgen.geometry.solve import solved


@pytest.mark.parametrize("n", [1, 3, 4, 9])
def test_it_solves_what_lapack_solves_and_leaves_its_input_alone(n: int) -> None:
    rng = np.random.default_rng(n)
    half = rng.standard_normal((n, n))
    system, right = half @ half.T + 0.1 * np.eye(n), rng.standard_normal((n, 2))
    before = system.copy(), right.copy()
    np.testing.assert_allclose(solved(system, right), np.linalg.solve(system, right), rtol=1e-8)
    np.testing.assert_array_equal(system, before[0])
    np.testing.assert_array_equal(right, before[1])
