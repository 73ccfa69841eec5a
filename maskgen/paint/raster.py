"""Triangles to pixels: one supersampled z-buffer for mask, straps and the head that hides them.

The head's triangles enter the buffer first and leave nothing but depth. Shell and straps then win where they
are nearer. What remains per pixel: how many subsamples each part covers, and the attributes at one of them.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

#: subsamples per pixel side
SS = 2
_FAR = np.float32(1e30)

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]


@njit(cache=True, nogil=True)
def fill_depth(
    xyz: F32, triangles: I32, first_id: int, bias: float, cull: bool, depth: F32, ids: I32
) -> None:
    """Rasterise triangles into ``depth`` (H, W) and ``ids`` (H, W), nearest wins.

    xyz: (n, 3) vertices in subsample units of the window, z away from the camera. Triangle t is written as
    first_id + t; a negative first_id writes itself (an occluder). bias is added to its depth. cull leaves out
    triangles that face away (clockwise on screen, y down).
    """
    rows, columns = depth.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, az = xyz[a, 0], xyz[a, 1], xyz[a, 2]
        bx, by, bz = xyz[b, 0], xyz[b, 1], xyz[b, 2]
        cx, cy, cz = xyz[c, 0], xyz[c, 1], xyz[c, 2]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if abs(area) < np.float32(1e-6) or (cull and area > 0.0):
            continue
        x0, x1 = max(0, int(np.ceil(min(ax, bx, cx)))), min(columns - 1, int(np.floor(max(ax, bx, cx))))
        y0, y1 = max(0, int(np.ceil(min(ay, by, cy)))), min(rows - 1, int(np.floor(max(ay, by, cy))))
        if x0 > x1 or y0 > y1:
            continue
        inv = np.float32(1.0) / area
        # barycentric weights of b and c are linear in x and y
        ubx, uby = (cy - ay) * inv, -(cx - ax) * inv
        ucx, ucy = -(by - ay) * inv, (bx - ax) * inv
        dz_b, dz_c = bz - az, cz - az
        value = np.int32(first_id) if first_id < 0 else np.int32(first_id + t)
        for y in range(y0, y1 + 1):
            wb = (x0 - ax) * ubx + (y - ay) * uby
            wc = (x0 - ax) * ucx + (y - ay) * ucy
            for x in range(x0, x1 + 1):
                if wb >= 0.0 and wc >= 0.0 and wb + wc <= 1.0:
                    z = az + wb * dz_b + wc * dz_c + bias
                    if z < depth[y, x]:
                        depth[y, x] = z
                        ids[y, x] = value
                wb += ubx
                wc += ucx


@njit(cache=True, nogil=True)
def resolve(
    ids: I32, xyz: F32, triangles: I32, attributes: F32, strap_from: int, coverage: F32, strap: F32, out: F32
) -> None:
    """Coverage per pixel and the attributes of one covered subsample.

    ids: (h * SS, w * SS), -1 for nothing. attributes: (n, k) per vertex. Triangles from index strap_from on
    are straps. Fills coverage (h, w) 0..1 of shell and straps together, strap (h, w) 0..1 of straps alone,
    and out (h, w, k) interpolated attributes (untouched where nothing covers).
    """
    h, w = coverage.shape
    k = attributes.shape[1]
    share = np.float32(1.0 / (SS * SS))
    for y in range(h):
        for x in range(w):
            best = -1
            bx = by = 0
            n = 0
            ns = 0
            for j in range(SS):
                for i in range(SS):
                    t = ids[y * SS + j, x * SS + i]
                    if t >= 0:
                        n += 1
                        if t >= strap_from:
                            ns += 1
                        # a shell sample beats a strap sample, so that the shell's own colour reaches its rim
                        if best < 0 or (best >= strap_from and t < strap_from):
                            best, bx, by = t, x * SS + i, y * SS + j
            coverage[y, x] = n * share
            strap[y, x] = ns * share
            if best < 0:
                continue
            a, b, c = triangles[best, 0], triangles[best, 1], triangles[best, 2]
            ax, ay = xyz[a, 0], xyz[a, 1]
            area = (xyz[b, 0] - ax) * (xyz[c, 1] - ay) - (xyz[c, 0] - ax) * (xyz[b, 1] - ay)
            wb = ((bx - ax) * (xyz[c, 1] - ay) - (xyz[c, 0] - ax) * (by - ay)) / area
            wc = ((xyz[b, 0] - ax) * (by - ay) - (bx - ax) * (xyz[b, 1] - ay)) / area
            wa = np.float32(1.0) - wb - wc
            for q in range(k):
                out[y, x, q] = wa * attributes[a, q] + wb * attributes[b, q] + wc * attributes[c, q]


@njit(cache=True, nogil=True)
def smooth_normals(xyz: F32, triangles: I32, out: F32) -> None:
    """Area-weighted unit vertex normals of (n, 3) vertices, into ``out`` (n, 3)."""
    out[:] = 0.0
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = xyz[b, 0] - xyz[a, 0], xyz[b, 1] - xyz[a, 1], xyz[b, 2] - xyz[a, 2]
        vx, vy, vz = xyz[c, 0] - xyz[a, 0], xyz[c, 1] - xyz[a, 1], xyz[c, 2] - xyz[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for i in (a, b, c):
            out[i, 0] += nx
            out[i, 1] += ny
            out[i, 2] += nz
    for i in range(out.shape[0]):
        s = np.sqrt(out[i, 0] ** 2 + out[i, 1] ** 2 + out[i, 2] ** 2)
        if s > 0.0:
            out[i] /= s


def new_buffers(rows: int, columns: int) -> tuple[F32, I32]:
    """An empty depth buffer (all far) and id buffer (all -1) of rows x columns pixels, supersampled."""
    shape = (rows * SS, columns * SS)
    return np.full(shape, _FAR, np.float32), np.full(shape, -1, np.int32)
