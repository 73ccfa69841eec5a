"""Compiled loops of the search for occluders: the small picture, the chart laid over it, plateaus, colours.

The search looks at every painted face and finds nothing on most, so what it does before it finds something
is kept to a few passes over a picture of about 110 x 110 pixels.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..geometry.rotation import Array

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]
Mask = NDArray[np.bool_]


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
            at[r, c] = coarse[(r // 2) * m + c // 2]
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
    # depth in 1/1024 px and the point's number in one integer: the smallest wins without a branch. A border
    # of four pixels takes what falls outside
    front = np.full((h + 8, w + 8), np.int64(1) << 62, np.int64)
    across = np.empty(5, np.int64)
    columns, step = at.shape[1], np.int64(65536)
    for i in range(len(facing)):
        if facing[i] > np.float32(-0.1):
            continue
        r, c = i // columns, i % columns
        px = np.float32((at[r, c, 0] - box[0] + 0.5) * sx - 0.5)
        py = np.float32((at[r, c, 1] - box[1] + 0.5) * sy - 0.5)
        cx, cy = int(np.rint(px)), int(np.rint(py))
        if cx < -2 or cy < -2 or cx > w + 1 or cy > h + 1:
            continue
        for x in range(5):
            dx = np.float32(cx + x - 2) - px
            across[x] = np.int64(steep * dx * dx) * step
        for y in range(5):
            dy = np.float32(cy + y - 2) - py
            base = np.int64(at[r, c, 2] * shrunk + steep * dy * dy) * step + i
            row = front[cy + y + 2]
            for x in range(5):
                row[cx + x + 2] = min(row[cx + x + 2], base + across[x])
    for y in range(h):
        for x in range(w):
            key = front[y + 4, x + 4]
            nearest[y, x] = key & (step - 1) if key < np.int64(1) << 61 else -1


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
def shrink(image: U8, x0: int, y0: int, x1: int, y1: int, out: U8) -> None:
    """The window of ``image`` (H, W * 3) averaged over the area of each pixel of ``out`` (h, w, 3)."""
    h, w = out.shape[0], out.shape[1]
    fx, fy = (x1 - x0) / w, (y1 - y0) / h
    row = np.empty((x1 - x0) * 3, np.float32)
    n = len(row)
    start = x0 * 3
    for y in range(h):
        a, b = y * fy, min((y + 1) * fy, float(y1 - y0))
        first, last = int(a), min(int(np.ceil(b - 1e-6)), y1 - y0)
        row[:] = np.float32(0.0)
        for j in range(first, last):
            weight = np.float32((min(b, j + 1.0) - max(a, float(j))) / fy)
            source = image[y0 + j, start : start + n]
            for i in range(n):
                row[i] += weight * np.float32(source[i])
        for x in range(w):
            left, right = x * fx, min((x + 1) * fx, float(x1 - x0))
            blue = green = red = np.float32(0.0)
            for i in range(int(left), min(int(np.ceil(right - 1e-6)), x1 - x0)):
                weight = np.float32((min(right, i + 1.0) - max(left, float(i))) / fx)
                blue += weight * row[3 * i]
                green += weight * row[3 * i + 1]
                red += weight * row[3 * i + 2]
            half = np.float32(0.5)
            out[y, x, 0], out[y, x, 1], out[y, x, 2] = int(blue + half), int(green + half), int(red + half)


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
    square, columns = np.empty(3 * w, np.float32), np.empty(w, np.float32)
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
            columns[x] = y2[x] + y1[x] + level[y, x] + y3[x] + y4[x]
        for x in range(w):
            right, far = w - 1 - abs(w - 2 - x), w - 1 - abs(w - 3 - x)
            total = columns[abs(x - 2)] + columns[abs(x - 1)] + columns[x] + columns[right] + columns[far]
            size = np.sqrt(square[3 * x] + square[3 * x + 1] + square[3 * x + 2])
            slope[y, x] = size / (np.float32(8.0) * (total * np.float32(0.04) + np.float32(25.0)))


@njit(cache=True, nogil=True, error_model="numpy")
def _root(parent: I32, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True, nogil=True, error_model="numpy")
def _join(rank: U8, parent: I32, of: I32, i: int, w: int, left: bool, right: bool) -> None:
    """Join pixel ``i`` with those of its four neighbours that are in already; adds up ``of`` (n, 4)."""
    a = i
    for side in range(2 if rank[i] == 0 else 4):
        if (side == 0 and not left) or (side == 2 and not right):
            continue
        j = i - 1 if side == 0 else i - w if side == 1 else i + 1 if side == 2 else i + w
        # what comes later in this pass joins when it is its turn
        if j < 0 or j >= len(rank) or rank[j] > rank[i] or (j > i and rank[j] == rank[i]):
            continue
        b = _root(parent, j)
        if b != a:
            root, leaf = min(a, b), max(a, b)
            parent[leaf] = root
            for m in range(4):
                of[root, m] += of[leaf, m]
            a = root


@njit(cache=True, nogil=True, error_model="numpy")
def crossings(  # type: ignore[no-untyped-def]
    slope, depth, height, on, plain, core, strengths, deep_mm, unit
):
    """Plateaus that reach from deep inside the face to well outside it: (strength, a pixel of it) each.

    strengths: rising; pixels of smaller ``slope`` that touch are one plateau, so the plateaus of one strength
    lie within those of the next and are merged from them (union-find). unit: px of one mm2.
    """
    h, w = slope.shape
    n = h * w
    rank, parent = np.empty(n, np.uint8), np.empty(n, np.int32)
    of = np.zeros((n, 4), np.int32)
    cores = 0
    for y in range(h):
        for x in range(w):
            i = y * w + x
            s, d = slope[y, x], depth[y, x]
            rank[i] = 0
            for k in range(len(strengths)):
                rank[i] += s >= strengths[k]
            parent[i] = i
            if d < -3.0:
                of[i, 1] = 1
            elif plain[y, x] and d > deep_mm and height[y, x] > 5.0:
                of[i, 0] = 1
            if on[y, x] and abs(d) < 4.0:
                of[i, 2] = 1
            if core[y, x]:
                of[i, 3] = 1
                cores += 1
    found = [(0, 0)]
    for k in range(len(strengths)):
        for y in range(h):
            for x in range(w):
                if rank[y * w + x] == k:
                    _join(rank, parent, of, y * w + x, w, x > 0, x < w - 1)
        for i in range(n):
            if of[i, 1] > 80.0 * unit and parent[i] == i and rank[i] <= k and of[i, 0] > 40.0 * unit:
                wide = of[i, 1] > 0.4 * of[i, 0] and of[i, 2] > 20.0 * unit
                if wide and of[i, 3] < 0.02 * max(cores, 1):
                    found.append((k, i))
    return found[1:]


@njit(cache=True, nogil=True, error_model="numpy")
def skin_samples(  # type: ignore[no-untyped-def]
    picture, nearest, facing, normals, depth, height, plain, step, linear, ratio, basis, values, weight
):
    """Every ``step``-th pixel of plain skin for the colour fit; returns how many.

    Fills basis (n, 4) with normals and 1, values (3, n) with log2 R/G, log2 B/G and luminance in stops, and
    weight (n,): burnt-out pixels count little, those above the mouth, where beards are rare, more.
    """
    h, w = nearest.shape
    n = 0
    for y in range(0, h, step):
        for x in range(0, w, step):
            i = nearest[y, x]
            if i < 0 or not plain[y, x] or depth[y, x] <= 5.0 or facing[i] >= np.float32(-0.25):
                continue
            b, g, r = picture[y, x, 0], picture[y, x, 1], picture[y, x, 2]
            light = 0.0722 * linear[b] + 0.7152 * linear[g] + 0.2126 * linear[r] + 0.004
            for j in range(3):
                basis[n, j] = normals[i, j]
            basis[n, 3] = 1.0
            values[0, n] = ratio[r] - ratio[g]
            values[1, n] = ratio[b] - ratio[g]
            values[2, n] = np.log2(light)
            weight[n] = (3.0 if height[y, x] < 15.0 else 1.0) * (max(b, g, r) < 250) + 0.02
            n += 1
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def plane(basis: F32, values: F32, weight: F32, floor: float):  # type: ignore[no-untyped-def]
    """Robust affine fit: coefficients (4,) of values (n,) over basis (n, 4), and the spread of the rest."""
    n = len(values)
    w = weight.copy()
    c: Array = np.zeros(4)
    miss = np.empty(n)
    spread = floor
    for _ in range(4):
        a, b = np.zeros((4, 4)), np.zeros(4)
        for i in range(n):
            for j in range(4):
                b[j] += w[i] * basis[i, j] * values[i]
                for k in range(j + 1):
                    a[j, k] += w[i] * basis[i, j] * basis[i, k]
        for j in range(4):
            a[j, j] += 1e-3
            for k in range(j):
                a[k, j] = a[j, k]
        c[:] = np.linalg.solve(a, b)
        for i in range(n):
            miss[i] = abs(
                values[i] - basis[i, 0] * c[0] - basis[i, 1] * c[1] - basis[i, 2] * c[2] - basis[i, 3] * c[3]
            )
        spread = max(1.4826 * np.median(miss), floor)
        for i in range(n):
            w[i] = weight[i] / (1.0 + (miss[i] / (1.5 * spread)) ** 2) ** 2
    return c, spread


@njit(cache=True, nogil=True, error_model="numpy")
def strays(  # type: ignore[no-untyped-def]
    picture, nearest, facing, normals, depth, height, plain, linear, ratio, red, blue, least, deep_mm, out
):
    """How far the chroma of each pixel strays from the face's own skin, in spreads, into ``out`` (h, w).

    0 off the face, near its outline and on eyes, nose and what is seen edge-on. ratio: (256,) log2 of linear
    light; red, blue: (5,) plane and spread of log2 R/G and B/G. Returns how many stray more than ``least``
    near the outline, and how many deep inside.
    """
    h, w = nearest.shape
    rim = deep = 0
    for y in range(h):
        for x in range(w):
            out[y, x] = 0.0
            i = nearest[y, x]
            if i < 0 or depth[y, x] <= 2.0 or facing[i] >= np.float32(-0.2):
                continue
            if not plain[y, x] and height[y, x] < 12.0:
                continue
            b, g, r = picture[y, x, 0], picture[y, x, 1], picture[y, x, 2]
            nx, ny, nz = normals[i, 0], normals[i, 1], normals[i, 2]
            dr = (ratio[r] - ratio[g] - red[0] * nx - red[1] * ny - red[2] * nz - red[3]) / red[4]
            db = (ratio[b] - ratio[g] - blue[0] * nx - blue[1] * ny - blue[2] * nz - blue[3]) / blue[4]
            light = 0.0722 * linear[b] + 0.7152 * linear[g] + 0.2126 * linear[r] + 0.004
            # in the dark a level more or less is a colour
            stray = np.sqrt(dr * dr + db * db) / (1.0 + 0.02 / light)
            out[y, x] = stray
            if stray > least:
                rim += depth[y, x] < np.float32(7.0)
                deep += depth[y, x] > deep_mm and plain[y, x] and height[y, x] > 5.0
    return rim, deep
