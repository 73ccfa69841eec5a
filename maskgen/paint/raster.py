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
#: depth where nothing is
FAR = np.float32(1e30)

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]


#: subsamples by which the runs of neighbouring triangles overlap
HAIR = np.float32(1e-3)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _clip_run(first, last, at, step):  # type: ignore[no-untyped-def]
    """The part of [first, last] where at + x * step >= 0; first > last where there is none."""
    if step > np.float32(1e-12):
        return max(first, -at / step), last
    if step < np.float32(-1e-12):
        return first, min(last, -at / step)
    return (first, last) if at >= np.float32(0.0) else (np.float32(1.0), np.float32(-1e9))


@njit(cache=True, nogil=True, error_model="numpy")
def fill_depth(
    xyz: F32, triangles: I32, first_id: int, bias: float, cull: bool, depth: F32, ids: I32
) -> None:
    """Rasterise triangles into ``depth`` (H, W) and ``ids`` (H, W), nearest wins.

    xyz: (n, 3) vertices in subsample units of the window, z away from the camera. Triangle t is written as
    first_id + t. bias is added to its depth. cull leaves out triangles that face away (clockwise on screen,
    y down).
    """
    rows, columns = depth.shape
    zero, one = np.float32(0.0), np.float32(1.0)
    push = np.float32(bias)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, az = xyz[a, 0], xyz[a, 1], xyz[a, 2]
        bx, by = xyz[b, 0], xyz[b, 1]
        cx, cy = xyz[c, 0], xyz[c, 1]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if abs(area) < np.float32(1e-6) or (cull and area > zero):
            continue
        left, right = min(ax, bx, cx), max(ax, bx, cx)
        top, low = min(ay, by, cy), max(ay, by, cy)
        if right < zero or low < zero or left > np.float32(columns - 1) or top > np.float32(rows - 1):
            continue
        x0, x1 = max(0, int(np.ceil(left))), min(columns - 1, int(np.floor(right)))
        y0, y1 = max(0, int(np.ceil(top))), min(rows - 1, int(np.floor(low)))
        if x0 > x1 or y0 > y1:
            continue
        inv = one / area
        # barycentric weights of b and c, and with them the depth, are linear in x and y
        ubx, uby = (cy - ay) * inv, (ax - cx) * inv
        ucx, ucy = (ay - by) * inv, (bx - ax) * inv
        dz_b, dz_c = xyz[b, 2] - az, xyz[c, 2] - az
        zx = ubx * dz_b + ucx * dz_c
        value = np.int32(first_id + t)
        for y in range(y0, y1 + 1):
            dy = np.float32(y) - ay
            wb0, wc0 = dy * uby, dy * ucy
            # the run of this row inside all three edges; a hair wide, so that neighbours leave no gap
            first, last = np.float32(x0) - ax, np.float32(x1) - ax
            first, last = _clip_run(first, last, wb0, ubx)
            first, last = _clip_run(first, last, wc0, ucx)
            first, last = _clip_run(first, last, one - wb0 - wc0, -ubx - ucx)
            xs, xe = int(np.ceil(first + ax - HAIR)), int(np.floor(last + ax + HAIR))
            z0 = az + push + wb0 * dz_b + wc0 * dz_c - ax * zx
            for x in range(max(xs, x0), min(xe, x1) + 1):
                z = z0 + np.float32(x) * zx
                nearer = z < depth[y, x]
                depth[y, x] = z if nearer else depth[y, x]
                ids[y, x] = value if nearer else ids[y, x]


@njit(cache=True, nogil=True, error_model="numpy")
def resolve(
    ids: I32,
    depth: F32,
    head: F32,
    xyz: F32,
    triangles: I32,
    attributes: F32,
    strap_from: int,
    shares: F32,
    hidden: F32,
    out: F32,
) -> None:
    """Coverage per pixel and the attributes of one covered subsample.

    ids, depth: (h * SS, w * SS) of mask and straps, -1 where nothing is. head: (h, w) depth of what may hide
    them, in the same unit, far where nothing is. attributes: (n, k) per vertex. Triangles from index
    strap_from on are straps. Fills shares (3, h, w) 0..1: mask and straps together, straps alone, bare head;
    hidden (h, w): share that the head hides, softened over neighbours because the head is sampled once a
    pixel; and out (h, w, k) interpolated attributes (untouched where nothing covers).
    """
    h, w = shares.shape[1], shares.shape[2]
    k = attributes.shape[1]
    share = np.float32(1.0 / (SS * SS))
    one = np.float32(1.0)
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
            shares[0, y, x] = n * share
            shares[1, y, x] = ns * share
            shares[2, y, x] = one if head[y, x] < FAR else np.float32(0.0)
            hidden[y, x] = np.float32(0.0)
            if best < 0:
                continue
            if head[y, x] < depth[by, bx]:
                hidden[y, x] = one
            a, b, c = triangles[best, 0], triangles[best, 1], triangles[best, 2]
            ax, ay = xyz[a, 0], xyz[a, 1]
            px, py = np.float32(bx) - ax, np.float32(by) - ay
            abx, aby, acx, acy = xyz[b, 0] - ax, xyz[b, 1] - ay, xyz[c, 0] - ax, xyz[c, 1] - ay
            inv = one / (abx * acy - acx * aby)
            wb = (px * acy - acx * py) * inv
            wc = (abx * py - px * aby) * inv
            wa = one - wb - wc
            for q in range(k):
                out[y, x, q] = wa * attributes[a, q] + wb * attributes[b, q] + wc * attributes[c, q]


@njit(cache=True, nogil=True, error_model="numpy")
def hide(shares: F32, hidden: F32) -> None:
    """Take what the head hides out of the first two of ``shares`` (3, h, w), softly, in place."""
    h, w = hidden.shape
    for y in range(h):
        up, down = max(y - 1, 0), min(y + 1, h - 1)
        for x in range(w):
            if shares[0, y, x] <= np.float32(0.0):
                continue
            left, right = max(x - 1, 0), min(x + 1, w - 1)
            total, known = np.float32(0.0), np.float32(0.0)
            for j in (up, y, down):
                for i in (left, x, right):
                    if shares[0, j, i] > np.float32(0.0):  # only mask knows whether it is hidden
                        total += hidden[j, i]
                        known += np.float32(1.0)
            if total > np.float32(0.0):
                keep = np.float32(1.0) - total / known
                shares[1, y, x] *= keep
                # not quite 0: the neighbours still have to count it
                shares[0, y, x] = max(shares[0, y, x] * keep, np.float32(1e-7))


@njit(cache=True, nogil=True, error_model="numpy")
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


def new_buffers(rows: int, columns: int, samples: int = SS) -> tuple[F32, I32]:
    """Depth (all far) and id buffers (all -1) of rows x columns pixels, ``samples`` a side each."""
    shape = (rows * samples, columns * samples)
    return np.full(shape, FAR, np.float32), np.full(shape, -1, np.int32)
