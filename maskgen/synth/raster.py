"""Which triangle is seen at every sample of the picture: a z-buffer in numba.

Coordinates are samples, not pixels: the picture is rasterised on a grid `SAMPLES` times finer in x and y and
resolved afterwards (shade.py), which is what anti-aliases its edges. A sample (i, j) lies at the pixel
position
((i + 0.5) / SAMPLES - 0.5, (j + 0.5) / SAMPLES - 0.5), pixel centres being integers.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy import float32 as f32
from numpy.typing import NDArray

from .compiled import FINITE

#: samples per pixel along each axis
SAMPLES = 2
#: samples that are tested at a time
_LANES = 8
#: what `ids` holds where nothing is seen
NOTHING = -1


def to_samples(points: NDArray, samples: int = SAMPLES) -> NDArray[np.float32]:
    """Pixel positions (n, 3; x, y, depth) in sample coordinates, depth untouched, float32."""
    out = np.asarray(points, np.float32).copy()
    out[:, :2] = (out[:, :2] + np.float32(0.5)) * np.float32(samples) - np.float32(0.5)
    return out


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def moved(points, matrix, offset):  # type: ignore[no-untyped-def]
    """Points (n, 3) as matrix @ point + offset, float32."""
    out = np.empty((len(points), 3), np.float32)
    m = matrix.astype(np.float32)
    for i in range(len(points)):
        x, y, z = f32(points[i, 0]), f32(points[i, 1]), f32(points[i, 2])
        for k in range(3):
            out[i, k] = m[k, 0] * x + m[k, 1] * y + m[k, 2] * z + f32(offset[k])
    return out


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _fill(depth, ids, width, box, x0, y0, w1, w2, z, name):  # type: ignore[no-untyped-def]
    """Test every sample of a box (left, top, bottom, columns) against one triangle; depth and ids are flat.

    w1, w2: steps along x and y of two barycentric weights, 0 at (x0, y0); z: depth there, and its steps.
    """
    left, top, bottom, columns = box
    dx0 = f32(left) - x0
    for j in range(top, bottom + 1):
        dy = f32(j) - y0
        row1, row2, row_z, at = w1[1] * dy, w2[1] * dy, z[0] + z[2] * dy, np.uint64(j * width + left)
        # no jumps, no 64-bit number to single precision: then the compiler tests eight samples at a time
        for k in range(columns):
            i, dx = at + np.uint64(k), dx0 + f32(np.int32(k))
            a, b, d = row1 + w1[0] * dx, row2 + w2[0] * dx, row_z + z[1] * dx
            old = depth[i]
            new = d if min(min(a, b), f32(1.0) - (a + b)) >= f32(0.0) else old
            ids[i] = name if new < old else ids[i]
            depth[i] = min(new, old)


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def draw_triangles(points, triangles, first_id, ids, depth, solid):  # type: ignore[no-untyped-def]
    """Write id (first_id + row) and depth of the nearest triangle at each sample it covers.

    points (n, 3) float32 in samples; triangles (m, 3) int32; ids (h, w) int32 and depth (h, w) float32 are
    updated in place. solid: the first so many triangles bound a solid and are skipped where they turn their
    back to the camera (a front has a negative area: counter-clockwise on screen).
    """
    height, width = ids.shape
    flat_ids, flat_depth = ids.reshape(-1), depth.reshape(-1)
    for t in range(triangles.shape[0]):
        i0, i1, i2 = np.uint32(triangles[t, 0]), np.uint32(triangles[t, 1]), np.uint32(triangles[t, 2])
        x0, y0 = points[i0, 0], points[i0, 1]
        x1, y1 = points[i1, 0], points[i1, 1]
        x2, y2 = points[i2, 0], points[i2, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area == 0.0 or (area > 0.0 and t < solid):
            continue
        left = max(int(np.ceil(min(x0, x1, x2))), 0)
        right = min(int(np.floor(max(x0, x1, x2))), width - 1)
        top = max(int(np.ceil(min(y0, y1, y2))), 0)
        bottom = min(int(np.floor(max(y0, y1, y2))), height - 1)
        if left > right or top > bottom:
            continue
        z0, z1, z2 = points[i0, 2], points[i1, 2], points[i2, 2]
        inv = f32(1.0) / area
        a1, b1 = (y2 - y0) * inv, (x0 - x2) * inv
        a2, b2 = (y0 - y1) * inv, (x1 - x0) * inv
        zx, zy = a1 * (z1 - z0) + a2 * (z2 - z0), b1 * (z1 - z0) + b2 * (z2 - z0)
        columns = min((right - left) // _LANES * _LANES + _LANES, width)
        box = (min(left, width - columns), top, bottom, columns)
        name = np.int32(first_id + t)
        _fill(flat_depth, flat_ids, width, box, x0, y0, (a1, b1), (a2, b2), (z0, zx, zy), name)


def new_buffers(
    width: int, height: int, samples: int = SAMPLES
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Empty ids and depth for a picture of width x height pixels."""
    shape = (height * samples, width * samples)
    return np.full(shape, NOTHING, np.int32), np.full(shape, np.inf, np.float32)
