"""Small symmetric systems in compiled loops, without LAPACK: the same bits on every machine."""

from __future__ import annotations

from numba import njit

from .rotation import Array


@njit(cache=True, nogil=True, error_model="numpy")
def solved(system: Array, right: Array) -> Array:
    """The solution (n, k) of ``system`` (n, n), symmetric and positive definite, for ``right`` (n, k)."""
    a, x = system.copy(), right.copy()
    n = len(a)
    for i in range(n):
        for j in range(i + 1, n):
            share = a[j, i] / a[i, i]
            for k in range(i, n):
                a[j, k] -= share * a[i, k]
            for k in range(x.shape[1]):
                x[j, k] -= share * x[i, k]
    for i in range(n - 1, -1, -1):
        for k in range(x.shape[1]):
            for j in range(i + 1, n):
                x[i, k] -= a[i, j] * x[j, k]
            x[i, k] /= a[i, i]
    return x
