"""Signed distances of simple solids, and the soft set operations that join them. Compiled by numba.

Negative inside. Distances of ellipsoids and of bent space are approximate (exact to first order at the
surface), which is all that a mesher with Newton steps needs. After the primitives collected by Inigo Quilez,
"Distance functions" (iquilezles.org), derived anew.
"""

from __future__ import annotations

import math

from numba import njit

from .compiled import FINITE


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def ellipsoid(x, y, z, rx, ry, rz):  # type: ignore[no-untyped-def]
    """Ellipsoid about the origin: first-order distance f / |grad f|."""
    a, b, c = x / rx, y / ry, z / rz
    k0 = math.sqrt(a * a + b * b + c * c)
    a, b, c = a / rx, b / ry, c / rz
    k1 = math.sqrt(a * a + b * b + c * c)
    return k0 * (k0 - 1.0) / (k1 + 1e-6)


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def ball(x, y, z, r):  # type: ignore[no-untyped-def]
    """Ball about the origin."""
    return math.sqrt(x * x + y * y + z * z) - r


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def cone(x, y, z, ax, ay, az, bx, by, bz, ra, rb):  # type: ignore[no-untyped-def]
    """Capsule from a to b whose radius changes from ra to rb."""
    dx, dy, dz = bx - ax, by - ay, bz - az
    px, py, pz = x - ax, y - ay, z - az
    t = (px * dx + py * dy + pz * dz) / (dx * dx + dy * dy + dz * dz)
    t = min(max(t, 0.0), 1.0)
    qx, qy, qz = px - t * dx, py - t * dy, pz - t * dz
    return math.sqrt(qx * qx + qy * qy + qz * qz) - (ra + t * (rb - ra))


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def join(a, b, k):  # type: ignore[no-untyped-def]
    """Union with a fillet of about k mm."""
    h = max(k - abs(a - b), 0.0) / k
    return min(a, b) - h * h * k * 0.25


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def carve(a, b, k):  # type: ignore[no-untyped-def]
    """a without b, the edge rounded by about k mm."""
    h = max(k - abs(a + b), 0.0) / k
    return max(a, -b) + h * h * k * 0.25


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def meet(a, b, k):  # type: ignore[no-untyped-def]
    """Intersection, the edge rounded by about k mm."""
    h = max(k - abs(a - b), 0.0) / k
    return max(a, b) + h * h * k * 0.25


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def step(lo, hi, x):  # type: ignore[no-untyped-def]
    """Smooth 0 to 1 as x goes from lo to hi."""
    t = min(max((x - lo) / (hi - lo), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)
