"""Triangles to pixels: a supersampled z-buffer of mask and straps, and the head that hides them.

What remains per pixel: how many subsamples mask and straps cover, the triangle that is seen there, and
whether the head lies in front of it.
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
I16 = NDArray[np.int16]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]


#: subsamples by which the runs of neighbouring triangles overlap
HAIR = np.float32(1e-3)
_NEVER = np.float32(1e9)


@njit(cache=True, nogil=True, error_model="numpy")
def fill_depth(xyz: F32, triangles: I32, cull: bool, depth: F32, ids: I16) -> None:
    """Rasterise triangles into ``depth`` (H, W) and their numbers into ``ids`` (H, W); nearest wins.

    xyz: (n, 3) vertices in samples of the buffers, z away from the camera. cull leaves out triangles that
    face away (clockwise on screen, y down).
    """
    rows, columns = depth.shape
    zero, one, tiny = np.float32(0.0), np.float32(1.0), np.float32(1e-12)
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
        # barycentric weights of b, c and a at (x, y) are e + f * (x - ax) + g * (y - ay)
        fb, gb = (cy - ay) * inv, (ax - cx) * inv
        fc, gc = (ay - by) * inv, (bx - ax) * inv
        dz_b, dz_c = xyz[b, 2] - az, xyz[c, 2] - az
        zx, zy = fb * dz_b + fc * dz_c, gb * dz_b + gc * dz_c
        # where each weight is 0 along a row: x = m * (y - ay) + k, the first or the last sample inside
        m0 = m1 = n0 = n1 = zero
        k0 = k1 = -_NEVER
        l0 = l1 = _NEVER
        for edge in range(3):
            f = fb if edge == 0 else (fc if edge == 1 else -fb - fc)
            g = gb if edge == 0 else (gc if edge == 1 else -gb - gc)
            e = one if edge == 2 else zero
            if f > tiny:
                m, k = -g / f, -e / f
                if k0 == -_NEVER:
                    m0, k0 = m, k
                else:
                    m1, k1 = m, k
            elif f < -tiny:
                m, k = -g / f, -e / f
                if l0 == _NEVER:
                    n0, l0 = m, k
                else:
                    n1, l1 = m, k
        for y in range(y0, y1 + 1):
            dy = np.float32(y) - ay
            # a hair wide, so that neighbours leave no gap
            xs = max(x0, int(np.ceil(max(m0 * dy + k0, m1 * dy + k1, np.float32(x0) - ax) + ax - HAIR)))
            xe = min(x1, int(np.floor(min(n0 * dy + l0, n1 * dy + l1, np.float32(x1) - ax) + ax + HAIR)))
            z0 = az + dy * zy - ax * zx
            for x in range(xs, xe + 1):
                z = z0 + np.float32(x) * zx
                if z < depth[y, x]:
                    depth[y, x] = z
                    ids[y, x] = t


@njit(cache=True, nogil=True, error_model="numpy")
def faces_away(xyz: F32, triangles: I32, out: U8) -> None:
    """1 where a triangle turns its back to the camera (clockwise on screen, y down), into ``out`` (m,)."""
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        abx, aby = xyz[b, 0] - xyz[a, 0], xyz[b, 1] - xyz[a, 1]
        acx, acy = xyz[c, 0] - xyz[a, 0], xyz[c, 1] - xyz[a, 1]
        out[t] = 1 if abx * acy - acx * aby > np.float32(0.0) else 0


@njit(cache=True, nogil=True, error_model="numpy")
def survey(  # type: ignore[no-untyped-def]
    depth, ids, head, away, strap_from, slack, coverage, strap, seen, hidden
):
    """What each pixel sees of mask and straps; returns how many pixels the head hides.

    depth, ids: (h * SS, w * SS) of mask and straps, far where nothing is. head: (h, w) depth of what may
    hide them. away: `faces_away`. Triangles from strap_from on are straps. slack: (2,) how much nearer the
    head must be to hide a front and a back. Fills coverage (h, w) of mask and straps and strap (h, w) of
    straps alone, 0..1; seen (h, w) triangle or -1; hidden (h, w) 0 or 1.
    """
    h, w = coverage.shape
    share = np.float32(1.0 / (SS * SS))
    lost = 0
    for y in range(h):
        for x in range(w):
            best = np.int16(-1)
            near = FAR
            n = 0
            ns = 0
            for j in range(SS):
                for i in range(SS):
                    z = depth[y * SS + j, x * SS + i]
                    if z < FAR:
                        t = ids[y * SS + j, x * SS + i]
                        n += 1
                        if t >= strap_from:
                            ns += 1
                        # a mask's sample beats a strap's, so that the mask's own colour reaches its rim
                        if best < 0 or (best >= strap_from and t < strap_from):
                            best, near = t, z
            coverage[y, x] = np.float32(n) * share
            strap[y, x] = np.float32(ns) * share
            seen[y, x] = best
            hidden[y, x] = 0
            if best >= 0 and head[y, x] + slack[away[best]] < near:
                hidden[y, x] = 1
                lost += 1
    return lost


@njit(cache=True, nogil=True, error_model="numpy")
def hide(coverage: F32, strap: F32, hidden: U8) -> None:
    """Take what is ``hidden`` out of ``coverage`` and ``strap``, in place, softened over neighbours.

    The head is sampled once a pixel: its edge is as soft as three of them.
    """
    h, w = hidden.shape
    # not quite 0 where all is hidden: the neighbours still have to count it
    gone = np.float32(1e-7)
    for y in range(h):
        up, down = max(y - 1, 0), min(y + 1, h - 1)
        for x in range(w):
            if coverage[y, x] <= np.float32(0.0):
                continue
            total = known = 0
            for j in range(up, down + 1):
                for i in range(max(x - 1, 0), min(x + 1, w - 1) + 1):
                    if coverage[j, i] > np.float32(0.0):  # only mask knows whether it is hidden
                        total += hidden[j, i]
                        known += 1
            if total > 0:
                keep = np.float32(1.0) - np.float32(total) / np.float32(known)
                strap[y, x] *= keep
                coverage[y, x] = max(coverage[y, x] * keep, gone)


def new_buffers(rows: int, columns: int, samples: int = SS) -> tuple[F32, I16]:
    """Depth (all far) and ids (undefined where far) of rows x columns pixels, ``samples`` a side each.

    Meshes are of less than 32,768 triangles: the buffers are what the painter's memory traffic is made of.
    """
    shape = (rows * samples, columns * samples)
    return np.full(shape, FAR, np.float32), np.empty(shape, np.int16)
