"""Compiled loops of the search for occluders: the chart of the face laid over its crop."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..geometry.rotation import Array

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@njit(cache=True, nogil=True, error_model="numpy")
def place(coarse: F32, to_crop: Array, toward: Array, normals: F32, at: F32, facing: F32) -> None:
    """Pixels (rows, columns, 3) of the crop of all points of a chart from every second one of each direction.

    coarse: (m, 3) px of the picture; the points between lie halfway. to_crop: (2, 3), from picture to crop.
    normals: (n, 3) of all points. Fills ``at`` and ``facing`` (n,), their z along ``toward`` (3,).
    """
    rows, columns = at.shape[0], at.shape[1]
    half, m = np.float32(0.5), (columns + 1) // 2
    shrink = math.sqrt(to_crop[0, 0] ** 2 + to_crop[1, 0] ** 2)
    for r in range(0, rows, 2):
        for c in range(0, columns, 2):
            p = coarse[(r // 2) * m + c // 2]
            at[r, c, 0] = to_crop[0, 0] * p[0] + to_crop[0, 1] * p[1] + to_crop[0, 2]
            at[r, c, 1] = to_crop[1, 0] * p[0] + to_crop[1, 1] * p[1] + to_crop[1, 2]
            at[r, c, 2] = shrink * p[2]
    for r in range(1, rows, 2):
        for c in range(0, columns, 2):
            for j in range(3):
                at[r, c, j] = half * (at[r - 1, c, j] + at[r + 1, c, j])
    zx, zy, zz = np.float32(toward[0]), np.float32(toward[1]), np.float32(toward[2])
    for r in range(rows):
        for c in range(1, columns, 2):
            for j in range(3):
                at[r, c, j] = half * (at[r, c - 1, j] + at[r, c + 1, j])
        for c in range(columns):
            i = r * columns + c
            facing[i] = normals[i, 0] * zx + normals[i, 1] * zy + normals[i, 2] * zz


@njit(cache=True, nogil=True, error_model="numpy")
def splat(at: F32, facing: F32, nearest: I32) -> None:
    """The number of the frontmost point that covers each pixel, into ``nearest`` (h, w), -1 where none does.

    at: (rows, columns, 3) pixels of the crop and depth in them, facing: (rows * columns,). A point covers its
    own pixel and those round it.
    """
    h, w = nearest.shape
    steep, fine = np.float32(4.0 * 1024.0), np.float32(1024.0)
    # depth in 1/1024 px and the point's number in one integer: the smallest wins without a branch. A border
    # of two pixels takes what falls outside
    front = np.full((h + 4, w + 4), np.int64(1) << 62, np.int64)
    across = np.empty(3, np.int64)
    rows, columns, step = at.shape[0], at.shape[1], np.int64(65536)
    for r in range(rows):
        for c in range(columns):
            i = r * columns + c
            px, py = at[r, c, 0], at[r, c, 1]
            cx, cy = int(np.rint(px)), int(np.rint(py))
            if facing[i] > np.float32(-0.1) or cx < -1 or cy < -1 or cx > w or cy > h:
                continue
            for x in range(3):
                dx = np.float32(cx + x - 1) - px
                across[x] = np.int64(steep * dx * dx) * step
            for y in range(3):
                dy = np.float32(cy + y - 1) - py
                base = np.int64(at[r, c, 2] * fine + steep * dy * dy) * step + i
                row = front[np.uint64(cy + y + 1)]
                for x in range(3):
                    j = np.uint64(cx + x + 1)
                    row[j] = min(row[j], base + across[x])
    for y in range(h):
        for x in range(w):
            key = front[y + 2, x + 2]
            nearest[y, x] = key & (step - 1) if key < np.int64(1) << 61 else -1


@njit(cache=True, nogil=True, error_model="numpy")
def look_up(nearest: I32, facing: F32, chart_maps: F32, chart_core: Mask, maps: F32, core: Mask) -> None:
    """What the chart says of each pixel, into ``maps`` (5, h, w) and ``core`` (h, w).

    chart_maps: (n, 5), its third column to be replaced by how a point faces the camera; chart_core: (n,).
    """
    h, w = nearest.shape
    for y in range(h):
        for x in range(w):
            i = nearest[y, x]
            if i < 0:
                maps[0, y, x] = np.float32(-1.5)
                maps[1, y, x] = maps[2, y, x] = maps[3, y, x] = maps[4, y, x] = np.float32(0.0)
                core[y, x] = False
            else:
                for c in range(5):
                    maps[c, y, x] = chart_maps[i, c]
                maps[2, y, x] = -facing[i]
                core[y, x] = chart_core[i] and facing[i] < np.float32(-0.3)


@njit(cache=True, nogil=True, error_model="numpy")
def seen(
    maps: F32,
    matrix: Array,
    frame: tuple[int, int, int, int],
    top: float,
    rim: float,
    inside: Mask,
    face: Mask,
) -> int:
    """Where the photograph is, into ``inside`` (h, w), and the lower face in it, into ``face``; its pixels.

    maps: of `look_up`. matrix: (2, 3), from crop to picture; frame: (x0, y0, x1, y1) of the photograph in it.
    The lower face is shown, lies deeper inside the outline than ``rim`` and below ``top``.
    """
    h, w = face.shape
    n = 0
    for y in range(h):
        for x in range(w):
            px = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]
            py = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]
            there = frame[0] - 0.5 <= px <= frame[2] - 0.5 and frame[1] - 0.5 <= py <= frame[3] - 0.5
            inside[y, x] = there
            face[y, x] = there and maps[1, y, x] > 0.5 and maps[4, y, x] > top and maps[0, y, x] > rim
            n += face[y, x]
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def colours(
    crop: U8, linear: F32, log: F32, luma: F32, floor: float, core: Mask, inside: Mask, least: int, out: F32
) -> None:
    """Light and colour of ``crop`` (h, w, 3) BGR in stops, into the first six of ``out`` (c, h, w).

    First against the median of ``core`` (h, w), or of all where it has no more than ``least`` pixels; then as
    they are. linear, log: (256,) of each level, log being log2(linear + floor). 0 where not ``inside``.
    """
    h, w = core.shape
    own = np.empty((3, h * w), np.float32)
    n = 0
    for y in range(h):
        for x in range(w):
            b, g, r = crop[y, x, 0], crop[y, x, 1], crop[y, x, 2]
            lit = luma[0] * linear[b] + luma[1] * linear[g] + luma[2] * linear[r]
            light = np.log2(lit + np.float32(floor))
            pink, blue = log[r] - log[g], log[b] - log[g]
            out[0, y, x], out[1, y, x], out[2, y, x] = light, pink, blue
            if core[y, x]:
                own[0, n], own[1, n], own[2, n] = light, pink, blue
                n += 1
    skin = np.empty(3, np.float32)
    for c in range(3):
        skin[c] = np.median(own[c, :n]) if n > least else np.median(out[c])
    two, four = np.float32(2.0), np.float32(4.0)
    for y in range(h):
        for x in range(w):
            on = np.float32(1.0) if inside[y, x] else np.float32(0.0)
            light, pink, blue = out[0, y, x], out[1, y, x], out[2, y, x]
            out[0, y, x] = min(max(light - skin[0], -four), np.float32(3.0)) * np.float32(0.5) * on
            out[1, y, x] = min(max(pink - skin[1], -two), two) * on
            out[2, y, x] = min(max(blue - skin[2], -two), two) * on
            # about 0 for skin in good light
            out[3, y, x] = (light * np.float32(0.25) + np.float32(0.7)) * on
            out[4, y, x] = (pink - np.float32(0.5)) * on
            out[5, y, x] = (blue + np.float32(0.3)) * on
