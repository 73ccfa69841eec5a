"""The convex hull of points round an origin, as the distance at which a ray from there leaves it."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .rotation import Array

#: share of the points' reach by which a point must lie outside a facet to count as outside
_TOUCH = 1e-11


@njit(cache=True, nogil=True, error_model="numpy")
def _add(points, a, b, c, at, corners, planes, owner):  # type: ignore[no-untyped-def]
    """Write the facet a, b, c (counter-clockwise from outside) to place ``at`` of the facets."""
    ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
    vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    # a facet of no area has no plane: nothing lies outside it
    inv = 1.0 / max(np.sqrt(nx * nx + ny * ny + nz * nz), 1e-300)
    planes[0, at], planes[1, at], planes[2, at] = nx * inv, ny * inv, nz * inv
    planes[3, at] = (nx * points[a, 0] + ny * points[a, 1] + nz * points[a, 2]) * inv
    corners[at, 0], corners[at, 1], corners[at, 2] = a, b, c
    owner[a, b] = owner[b, c] = owner[c, a] = at


@njit(cache=True, nogil=True, error_model="numpy")
def _seed(points, corners, planes, owner) -> None:  # type: ignore[no-untyped-def]
    """The first four facets: those of a wide tetrahedron of the points."""
    a, b, c, d = points[:, 0].argmin(), points[:, 0].argmax(), 0, 0
    for corner in range(2):
        most = -1.0
        ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        for i in range(len(points)):
            vx, vy, vz = points[i, 0] - points[a, 0], points[i, 1] - points[a, 1], points[i, 2] - points[a, 2]
            nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
            wx, wy, wz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
            wide = nx * nx + ny * ny + nz * nz if corner == 0 else abs(nx * wx + ny * wy + nz * wz)
            if wide > most:
                most = wide
                d = i
        if corner == 0:
            c = d
    _add(points, a, b, c, 0, corners, planes, owner)
    height = planes[0, 0] * points[d, 0] + planes[1, 0] * points[d, 1] + planes[2, 0] * points[d, 2]
    if height > planes[3, 0]:
        b, c = c, b
        _add(points, a, b, c, 0, corners, planes, owner)
    _add(points, a, d, b, 1, corners, planes, owner)
    _add(points, b, d, c, 2, corners, planes, owner)
    _add(points, c, d, a, 3, corners, planes, owner)


@njit(cache=True, nogil=True, error_model="numpy")
def _facets(points, order, touch):  # type: ignore[no-untyped-def]
    """Planes (4, m) of the hull's facets: outward normal, and its distance from the origin.

    One point after the other: the facets it sees give way to those it forms with their horizon.
    """
    n = len(points)
    most = 2 * n + 64
    corners, planes = np.empty((most, 3), np.int16), np.empty((4, most))
    owner = np.empty((n, n), np.int16)  # the facet to the left of each directed edge
    height, seen, horizon = np.empty(most), np.empty(most, np.int16), np.empty((3 * most, 2), np.int16)
    _seed(points, corners, planes, owner)
    count = 4
    for p in order:
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        for f in range(count):
            height[f] = planes[0, f] * x + planes[1, f] * y + planes[2, f] * z - planes[3, f]
        visible = edges = 0
        for f in range(count):
            if height[f] > touch:
                seen[visible] = f
                visible += 1
        for i in range(visible):
            for j in range(3):
                a, b = corners[seen[i], j], corners[seen[i], (j + 1) % 3]
                if not height[owner[b, a]] > touch:
                    horizon[edges, 0], horizon[edges, 1] = a, b
                    edges += 1
        if count + edges - visible > most:
            break
        for i in range(edges):
            at = seen[i] if i < visible else count
            count += i >= visible
            _add(points, horizon[i, 0], horizon[i, 1], p, at, corners, planes, owner)
        for i in range(edges, visible):
            planes[:3, seen[i]], planes[3, seen[i]] = 0.0, 1.0
    return planes[:, :count]


@njit(cache=True, nogil=True, error_model="numpy")
def _leaves(points, order, touch, directions, out) -> None:  # type: ignore[no-untyped-def]
    planes = _facets(points, order, touch)
    x, y, z = directions[:, 0].copy(), directions[:, 1].copy(), directions[:, 2].copy()
    out[:] = 0.0
    for f in range(planes.shape[1]):
        # a ray leaves the hull by the facet it meets first
        inv = 1.0 / planes[3, f] if planes[3, f] > touch else 0.0
        fx, fy, fz = planes[0, f] * inv, planes[1, f] * inv, planes[2, f] * inv
        for i in range(len(out)):
            near = fx * x[i] + fy * y[i] + fz * z[i]
            out[i] = near if near > out[i] else out[i]
    for i in range(len(out)):
        out[i] = 1.0 / out[i]


def hull_radius(points: Array, directions: Array) -> NDArray[np.float64]:
    """Distances (m,) from the origin at which rays along ``directions`` (m, 3) leave the hull.

    points: (n, 3), at most 16,000 and not all in one plane. Planes the origin lies
    beyond are left out: it should lie inside the hull.
    """
    out = np.empty(len(directions))
    # in no order of space, so that few facets are made in vain
    order = np.random.default_rng(0).permutation(len(points))
    _leaves(
        np.ascontiguousarray(points, np.float64), order, _TOUCH * float(np.abs(points).max()), directions, out
    )
    return out
