"""Triangles to pixels: a supersampled z-buffer of mask and straps, and the head that hides them.

What remains per pixel: how many subsamples mask and straps cover, the triangle that is seen there, and
whether the head lies in front of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .lanes import LANES, from_on, nearest

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


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _sides(bx, by, cx, cy, inv):  # type: ignore[no-untyped-def]
    """The lines x = m * y + k between which a triangle lies: (m, k) of two to its left, two to its right.

    (bx, by), (cx, cy): its second and third corner from its first; inv: one over twice its area, signed.
    """
    zero, one, tiny = np.float32(0.0), np.float32(1.0), np.float32(1e-12)
    # barycentric weights of b, c and a at (x, y) are e + f * x + g * y; each is 0 on one side
    fb, gb, fc, gc = cy * inv, -cx * inv, -by * inv, bx * inv
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
    return m0, k0, m1, k1, n0, l0, n1, l1


def fill_depth(xyz: F32, triangles: I32, cull: bool, depth: F32, ids: I16 | None) -> None:
    """Rasterise triangles into ``depth`` (H, W) and their numbers into ``ids`` (H, W); nearest wins.

    xyz: (n, 3) vertices in samples of the buffers, z away from the camera. cull leaves out triangles that
    face away (clockwise on screen, y down). depth, ids: of `new_buffers`; ids: None where nobody asks which
    triangle it was.
    """
    for buffer in (depth, ids):
        if buffer is not None and (buffer.base is None or buffer.base.size < buffer.size + LANES):
            raise ValueError("fill_depth reads beyond the last sample: make its buffers with new_buffers")
    _fill(xyz, triangles, cull, depth, ids)


@njit(cache=True, nogil=True, error_model="numpy")
def _fill(xyz: F32, triangles: I32, cull: bool, depth: F32, ids: I16 | None) -> None:
    """`fill_depth`.

    Triangles of a mesh are a few samples wide. Of each row, as many samples are looked at as the triangle is
    wide, eight at a time and without a branch: to find the first and the last costs more.
    """
    rows, columns = depth.shape
    zero, last = np.float32(0.0), np.float32(columns - 1)
    for t in range(triangles.shape[0]):
        a, b, c = np.uint64(triangles[t, 0]), np.uint64(triangles[t, 1]), np.uint64(triangles[t, 2])
        ax, ay, az = xyz[a, 0], xyz[a, 1], xyz[a, 2]
        bx, by, bz = xyz[b, 0] - ax, xyz[b, 1] - ay, xyz[b, 2] - az
        cx, cy, cz = xyz[c, 0] - ax, xyz[c, 1] - ay, xyz[c, 2] - az
        area = bx * cy - cx * by
        if abs(area) < np.float32(1e-6) or (cull and area > zero):
            continue
        left, right = max(min(zero, bx, cx) + ax, zero), min(max(zero, bx, cx) + ax, last)
        y0 = max(0, int(np.ceil(min(zero, by, cy) + ay)))
        y1 = min(rows - 1, int(np.floor(max(zero, by, cy) + ay)))
        if left > right or y0 > y1:
            continue
        inv = np.float32(1.0) / area
        zx, zy = (cy * bz - by * cz) * inv, (bx * cz - cx * bz) * inv
        m0, k0, m1, k1, n0, l0, n1, l1 = _sides(bx, by, cx, cy, inv)
        x0, x1 = int(np.ceil(left)), int(right) + 1
        for y in range(y0, y1 + 1):
            dy = np.float32(y) - ay
            # a hair wide, so that neighbours leave no gap
            start = max(max(m0 * dy + k0, m1 * dy + k1) + ax - HAIR, left)
            end = min(min(n0 * dy + l0, n1 * dy + l1) + ax + HAIR, right)
            z0 = az + dy * zy - ax * zx
            for i in range(x0, x1, LANES):
                x = from_on(np.float32(i))
                nearest(depth, ids, y * columns + i, x, start, end, x * zx + z0, t)


@njit(cache=True, nogil=True, error_model="numpy")
def extent(points: F32) -> tuple[float, float, float, float]:
    """Least x and y and greatest x and y of points (n, 3)."""
    left, top, right, low = points[0, 0], points[0, 1], points[0, 0], points[0, 1]
    for i in range(len(points)):
        left, right = min(left, points[i, 0]), max(right, points[i, 0])
        top, low = min(top, points[i, 1]), max(low, points[i, 1])
    return left, top, right, low


@njit(cache=True, nogil=True, error_model="numpy")
def carry(points: F32, factor: float, x: float, y: float) -> None:
    """``points`` (n, 3) enlarged by ``factor`` in the picture and then moved by (x, y), in place."""
    scale, dx, dy = np.float32(factor), np.float32(x), np.float32(y)
    for i in range(len(points)):
        points[i, 0] = points[i, 0] * scale + dx
        points[i, 1] = points[i, 1] * scale + dy


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
    depth, ids, head, away, strap_from, slack, box, coverage, strap, seen, hidden
):
    """What each pixel of ``box`` (x0, y0, x1, y1) sees of mask and straps; how many the head hides.

    depth, ids: (h * SS, w * SS) of mask and straps, far where nothing is. head: (h, w) depth of what may
    hide them. away: `faces_away`. Triangles from strap_from on are straps. slack: (2,) how much nearer the
    head must be to hide a front and a back. Fills, where anything is, coverage (h, w) of mask and straps and
    strap (h, w) of straps alone, 0..1; seen (h, w), the triangle; hidden (h, w), 1 where the head hides it.
    """
    share, lost = np.float32(1.0 / (SS * SS)), 0
    left, wide = np.uint64(box[0]), max(box[2] - box[0], 0)
    some, top = np.empty(SS * wide, np.int16), np.empty(SS * wide, np.int16)
    count, highest = np.empty(wide, np.int16), np.empty(wide, np.int16)
    for row in range(box[1], box[3]):
        y = np.uint64(row)
        # whole rows of samples first: side by side and without a branch, many are looked at at once
        some[:], top[:] = np.int16(0), np.int16(-1)
        for j in range(SS):
            z = depth[row * SS + j, box[0] * SS : box[2] * SS]
            t = ids[row * SS + j, box[0] * SS : box[2] * SS]
            for k in range(SS * wide):
                some[k] += np.int16(z[k] < FAR)
                top[k] = max(top[k], t[k])
        count[:], highest[:] = np.int16(0), np.int16(-1)
        for i in range(SS):
            for k in range(wide):
                count[k] += some[k * SS + i]
                highest[k] = max(highest[k], top[k * SS + i])
        for k in range(wide):
            n, straps = count[k], 0
            if n == 0:
                continue
            x = left + np.uint64(k)
            v, u = y * np.uint64(SS), x * np.uint64(SS)
            best, near = ids[v, u], depth[v, u]
            if n < SS * SS or highest[k] >= strap_from:
                best, near, straps = _mixed(depth, ids, v, u, strap_from)
            coverage[y, x], strap[y, x] = np.float32(n) * share, np.float32(straps) * share
            seen[y, x] = best
            if head[y, x] + slack[np.uint64(away[best])] < near:
                hidden[y, x] = 1
                lost += 1
    return lost


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _mixed(depth, ids, top, left, strap_from):  # type: ignore[no-untyped-def]
    """Triangle and depth that stand for a pixel of which only a part is mask, and how much of it is strap."""
    best, near, straps = np.int16(-1), FAR, 0
    for j in range(SS):
        for i in range(SS):
            v, u = top + np.uint64(j), left + np.uint64(i)
            if depth[v, u] < FAR:
                t = ids[v, u]
                straps += t >= strap_from
                # a mask's sample beats a strap's, so that the mask's own colour reaches its rim
                if best < 0 or (best >= strap_from and t < strap_from):
                    best, near = t, depth[v, u]
    return best, near, straps


@njit(cache=True, nogil=True, error_model="numpy")
def hide(coverage: F32, strap: F32, hidden: U8) -> None:
    """Take what is ``hidden`` out of ``coverage`` and ``strap``, in place, softened over neighbours.

    The head is sampled once a pixel: its edge is as soft as three of them.
    """
    h, w = hidden.shape
    # not quite 0 where all is hidden: the neighbours still have to count it
    gone = np.float32(1e-7)
    column = np.empty(w, np.uint8)
    for y in range(h):
        up, down = max(y - 1, 0), min(y + 1, h - 1)
        any_hidden = np.uint8(0)
        for x in range(w):
            column[x] = hidden[up, x] | hidden[y, x] | hidden[down, x]
            any_hidden |= column[x]
        if any_hidden == 0:
            continue
        for x in range(w):
            left, right = max(x - 1, 0), min(x + 1, w - 1)
            if not (column[left] | column[x] | column[right]) or coverage[y, x] <= np.float32(0.0):
                continue
            total = known = 0
            for j in range(up, down + 1):
                for i in range(left, right + 1):
                    if coverage[j, i] > np.float32(0.0):  # only mask knows whether it is hidden
                        total += hidden[j, i]
                        known += 1
            keep = np.float32(1.0) - np.float32(total) / np.float32(known)
            strap[y, x] *= keep
            coverage[y, x] = max(coverage[y, x] * keep, gone)


def new_depth(rows: int, columns: int) -> F32:
    """Depth of so many samples, far everywhere."""
    depth = _roomy(rows, columns, np.float32)
    depth[:] = FAR
    return depth


def new_buffers(rows: int, columns: int, box: tuple[int, int, int, int] | None = None) -> tuple[F32, I16]:
    """Depth (far within ``box`` (x0, y0, x1, y1)) and ids (undefined where far) of so many pixels.

    Nothing may be drawn outside the box; by default it is all. Meshes are of less than 32,768 triangles: the
    buffers are what the painter's memory traffic is made of.
    """
    x0, y0, x1, y1 = box if box is not None else (0, 0, columns, rows)
    depth = _roomy(rows * SS, columns * SS, np.float32)
    depth[y0 * SS : y1 * SS, x0 * SS : x1 * SS] = FAR
    return depth, _roomy(rows * SS, columns * SS, np.int16)


def _roomy(rows: int, columns: int, kind: type) -> NDArray[Any]:
    """An array with room behind it for what `fill_depth` reads and puts back beyond its last sample."""
    return np.empty(rows * columns + LANES, kind)[:-LANES].reshape(rows, columns)
