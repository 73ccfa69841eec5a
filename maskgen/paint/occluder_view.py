"""Compiled loops of the search for occluders: its small picture, and the chart of the face laid over it.

The search looks at every painted face and finds nothing on most, so what it does before it finds something
is kept to a few passes over a picture of about 110 x 110 pixels.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..geometry.rotation import Array
from .lanes import LANES, floored, from_on
from .lanes import nearest as nearest_of
from .raster import FAR

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]


@njit(cache=True, nogil=True, error_model="numpy")
def place(coarse: F32, toward: Array, normals: F32, at: F32, facing: F32):  # type: ignore[no-untyped-def]
    """Pixels (rows, columns, 3) of all points of a chart from every second one of each direction.

    coarse: (m, 3) px of the face; the points between lie halfway. normals: (n, 3) of all points. Fills ``at``
    and ``facing`` (n,), their z along ``toward`` (3,); returns left, top, right, low of what is seen.
    """
    rows, columns = at.shape[0], at.shape[1]
    half, m = np.float32(0.5), (columns + 1) // 2
    for r in range(0, rows, 2):
        for c in range(0, columns, 2):
            for j in range(3):
                at[r, c, j] = coarse[(r // 2) * m + c // 2, j]
    for r in range(1, rows, 2):
        for c in range(0, columns, 2):
            for j in range(3):
                at[r, c, j] = half * (at[r - 1, c, j] + at[r + 1, c, j])
    zx, zy, zz = np.float32(toward[0]), np.float32(toward[1]), np.float32(toward[2])
    left = top = np.float32(1e9)
    right = low = np.float32(-1e9)
    for r in range(rows):
        for c in range(1, columns, 2):
            for j in range(3):
                at[r, c, j] = half * (at[r, c - 1, j] + at[r, c + 1, j])
        for c in range(columns):
            i = r * columns + c
            facing[i] = normals[i, 0] * zx + normals[i, 1] * zy + normals[i, 2] * zz
            if facing[i] < np.float32(-0.1):
                left, right = min(left, at[r, c, 0]), max(right, at[r, c, 0])
                top, low = min(top, at[r, c, 1]), max(low, at[r, c, 1])
    return left, top, right, low


@njit(cache=True, nogil=True, error_model="numpy")
def splat(at: F32, facing: F32, box: NDArray[np.int64], factor: float, nearest: I32) -> None:
    """The number of the frontmost point that covers each pixel, into ``nearest`` (h, w), -1 where none does.

    at: (rows, columns, 3) px of the picture, facing: (n,). box: (x0, y0, x1, y1) that the small picture
    shows, ``factor`` times as large.
    """
    h, w = nearest.shape
    sx, sy = w / (box[2] - box[0]), h / (box[3] - box[1])
    steep, shrunk = np.float32(4.0 * 1024.0), np.float32(factor * 1024.0)
    # depth in whole 1/1024 px, which float32 holds exactly; of equally near points the first stays. A border
    # of four pixels takes what falls outside
    line = w + 8
    front, ids = np.full((h + 8) * line + LANES, FAR), np.empty((h + 8) * line + LANES, np.int16)
    place, zero, four = from_on(np.float32(0.0)), np.float32(0.0), np.float32(4.0)
    rows, columns = at.shape[0], at.shape[1]
    for r in range(rows):
        for c in range(columns):
            i = r * columns + c
            if facing[i] > np.float32(-0.1):
                continue
            px = np.float32((at[r, c, 0] - box[0] + 0.5) * sx - 0.5)
            py = np.float32((at[r, c, 1] - box[1] + 0.5) * sy - 0.5)
            cx, cy = int(np.rint(px)), int(np.rint(py))
            if cx < -2 or cy < -2 or cx > w + 1 or cy > h + 1:
                continue
            dx = from_on(np.float32(cx - 2)) - px
            across = floored(steep * dx * dx)
            for y in range(5):
                dy = np.float32(cy + y - 2) - py
                base = np.float32(int(at[r, c, 2] * shrunk + steep * dy * dy))
                nearest_of(front, ids, (cy + y + 2) * line + cx + 2, place, zero, four, base + across, i)
    for y in range(h):
        for x in range(w):
            j = (y + 4) * line + x + 4
            nearest[y, x] = ids[j] if front[j] < FAR else -1


@njit(cache=True, nogil=True, error_model="numpy")
def look_up(  # type: ignore[no-untyped-def]
    nearest, facing, chart_depth, chart_y, chart_feature, chart_core, depth, height, on, plain, core
):
    """What the chart says of each pixel, into the last five (h, w); returns how much plain is well inside."""
    h, w = nearest.shape
    inside = 0
    for y in range(h):
        for x in range(w):
            i = nearest[y, x]
            if i < 0:
                depth[y, x], height[y, x] = np.float32(-50.0), np.float32(0.0)
                on[y, x] = plain[y, x] = core[y, x] = False
            else:
                depth[y, x], height[y, x] = chart_depth[i], chart_y[i]
                on[y, x], core[y, x] = True, chart_core[i]
                plain[y, x] = not chart_feature[i] and facing[i] < np.float32(-0.2)
                if plain[y, x] and depth[y, x] > np.float32(5.0):
                    inside += 1
    return inside


@njit(cache=True, nogil=True, error_model="numpy")
def _shares(n: int, m: int):  # type: ignore[no-untyped-def]
    """The first of ``n`` pixels that each of ``m`` wider ones covers (m,), and its share of each (m, k)."""
    wide = n / m
    first, share = np.empty(m, np.int64), np.zeros((m, int(np.ceil(wide)) + 1), np.float32)
    for i in range(m):
        a, b = i * wide, min((i + 1) * wide, float(n))
        first[i] = int(a)
        for j in range(first[i], min(int(np.ceil(b - 1e-6)), n)):
            share[i, j - first[i]] = (min(b, j + 1.0) - max(a, float(j))) / wide
    return first, share


@njit(cache=True, nogil=True, error_model="numpy")
def shrink(image: U8, x0: int, y0: int, x1: int, y1: int, out: U8) -> None:
    """The window of ``image`` (H, W * 3) averaged over the area of each pixel of ``out`` (h, w, 3)."""
    h, w = out.shape[0], out.shape[1]
    left, across = _shares(x1 - x0, w)
    top, down = _shares(y1 - y0, h)
    taps = across.shape[1]
    # a share of 0 may lie beyond the window
    row = np.zeros((x1 - x0 + taps) * 3, np.float32)
    for y in range(h):
        row[:] = np.float32(0.0)
        for j in range(down.shape[1]):
            share = down[y, j]
            if share > np.float32(0.0):
                source = image[y0 + top[y] + j, x0 * 3 : x1 * 3]
                for i in range(len(source)):
                    row[i] += share * np.float32(source[i])
        for x in range(w):
            blue = green = red = np.float32(0.5)  # to the nearest level
            at = np.uint64(3 * left[x])
            for i in range(taps):
                share = across[x, i]
                blue += share * row[at]
                green += share * row[at + np.uint64(1)]
                red += share * row[at + np.uint64(2)]
                at += np.uint64(3)
            out[y, x, 0], out[y, x, 1], out[y, x, 2] = int(blue), int(green), int(red)


@njit(cache=True, nogil=True, error_model="numpy")
def slopes(picture: U8, slope: F32) -> None:
    """Gradient (Sobel, all channels) over the level round about, into ``slope`` (h, w).

    picture: (h, w, 3) with h, w >= 5; beyond its border it is mirrored.
    """
    h, w = slope.shape
    flat = picture.reshape(h, 3 * w)
    level = np.empty((h, w), np.float32)
    for y in range(h):
        for x in range(w):
            b, g, r = int(picture[y, x, 0]), int(picture[y, x, 1]), int(picture[y, x, 2])
            level[y, x] = np.sqrt(np.float32(b * b + g * g + r * r))
    # rows with one pixel more at either end
    down, over = np.empty(3 * w + 6, np.int32), np.empty(3 * w + 6, np.int32)
    square, columns = np.empty(3 * w, np.float32), np.empty(w + 4, np.float32)
    for y in range(h):
        above, here, below = flat[abs(y - 1)], flat[y], flat[h - 1 - abs(h - 2 - y)]
        for i in range(3 * w):
            up, mid, low = np.int32(above[i]), np.int32(here[i]), np.int32(below[i])
            over[i + 3] = up + np.int32(2) * mid + low
            down[i + 3] = low - up
        for i in range(3):
            over[i], down[i] = over[i + 6], down[i + 6]
            over[3 * w + 3 + i], down[3 * w + 3 + i] = over[3 * w - 3 + i], down[3 * w - 3 + i]
        for i in range(3 * w):
            gx = np.float32(over[i + 6] - over[i])
            gy = np.float32(down[i] + np.int32(2) * down[i + 3] + down[i + 6])
            square[i] = gx * gx + gy * gy
        y2, y1 = level[abs(y - 2)], level[abs(y - 1)]
        y3, y4 = level[h - 1 - abs(h - 2 - y)], level[h - 1 - abs(h - 3 - y)]
        for x in range(w):
            columns[x + 2] = y2[x] + y1[x] + level[y, x] + y3[x] + y4[x]
        columns[0], columns[1] = columns[4], columns[3]
        columns[w + 2], columns[w + 3] = columns[w], columns[w - 1]
        for x in range(w):
            total = columns[x] + columns[x + 1] + columns[x + 2] + columns[x + 3] + columns[x + 4]
            size = np.sqrt(square[3 * x] + square[3 * x + 1] + square[3 * x + 2])
            slope[y, x] = size / (np.float32(8.0) * (total * np.float32(0.04) + np.float32(25.0)))
