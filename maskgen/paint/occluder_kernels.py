"""Compiled loops of the search for occluders: plateaus that cross the outline, and colours skin has not."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..geometry.rotation import Array
from ..geometry.solve import solved

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]
Mask = NDArray[np.bool_]
I64 = NDArray[np.int64]


# inline: numba would count the references of arrays handed over, which costs more than all the rest
@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _root(parent: I32, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _join(rank: U8, parent: I32, counts: I64, i: int, w: int) -> None:
    """Join pixel ``i`` with those of its four neighbours that are in already; adds up ``counts``."""
    a = i
    for side in range(4):
        j = i - 1 if side == 0 else i - w if side == 1 else i + 1 if side == 2 else i + w
        # what comes later in this pass joins when it is its turn
        if rank[j] > rank[i] or (side > 1 and rank[j] == rank[i]):
            continue
        b = _root(parent, j)
        if b != a:
            root, leaf = min(a, b), max(a, b)
            parent[leaf] = root
            counts[root] += counts[leaf]
            a = root


#: kinds of pixels that are counted in plateaus, each in 16 bits of one integer: well inside the face, well
#: outside it, at its outline, in its core. The small picture has less than 65,536 of them
_DEEP, _OUTSIDE, _RIM, _CORE = 0, 16, 32, 48


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _count(counts, kind):  # type: ignore[no-untyped-def]
    return (counts >> kind) & 0xFFFF


@njit(cache=True, nogil=True, error_model="numpy")
def _flat_parts(  # type: ignore[no-untyped-def]
    slope, depth, height, on, plain, core, strengths, deep_mm, rank, parent, counts, later, many
):
    """Rank of each pixel, by how many ``strengths`` its slope reaches, and the plateaus of rank 0, joined.

    A run of pixels of a row is one plateau with what its pixels touch above, asked only where that begins.
    Fills rows of ``later`` with the ``many`` pixels of other ranks; returns how many lie in the core.
    """
    h, w = slope.shape[0], slope.shape[1] + 1
    in_core = 0
    last = np.uint8(len(strengths))
    for y in range(h):
        own = 0
        for x in range(w - 1):
            i, d = (y + 1) * w + x, depth[y, x]
            level = np.uint8(0)
            for k in range(len(strengths)):
                level += np.uint8(slope[y, x] >= strengths[k])
            rank[i] = level
            if level == last:
                continue
            deep = plain[y, x] and d > deep_mm and height[y, x] > np.float32(5.0)
            rim = on[y, x] and abs(d) < np.float32(4.0)
            kinds = np.int64(d < np.float32(-3.0)) << _OUTSIDE | np.int64(deep) << _DEEP
            kinds |= np.int64(rim) << _RIM | np.int64(core[y, x]) << _CORE
            parent[i], counts[i] = i, kinds
            if level > 0:
                later[level, many[level]] = i
                many[level] += 1
                continue
            goes_on = rank[i - 1] == 0
            if goes_on:
                parent[i] = own
                counts[own] += kinds
            else:
                own = i
            if rank[i - w] == 0 and not (goes_on and rank[i - w - 1] == 0):
                above = _root(parent, i - w)
                if above != own:
                    root, leaf = min(above, own), max(above, own)
                    parent[leaf] = root
                    counts[root] += counts[leaf]
                    own = root
    for y in range(h):
        for x in range(w - 1):
            in_core += core[y, x]
    return in_core


@njit(cache=True, nogil=True, error_model="numpy")
def crossings(  # type: ignore[no-untyped-def]
    slope, depth, height, on, plain, core, strengths, deep_mm, unit
):
    """Plateaus that reach from deep inside the face to well outside it: (strength, a pixel of it) each.

    strengths: rising; pixels of smaller ``slope`` that touch are one plateau, so the plateaus of one strength
    lie within those of the next and are merged from them (union-find). unit: px of one mm2.
    """
    # a border that never joins: a row above and below, and a column that ends one row and begins the next
    h, w = slope.shape[0], slope.shape[1] + 1
    n = (h + 2) * w
    if n > 0xFFFF:  # landmarks far off any face; the counts have no room for it
        return [(0, 0)][1:]
    rank, parent, counts = np.full(n, 255, np.uint8), np.empty(n, np.int32), np.empty(n, np.int64)
    alive, later = np.empty(n, np.int32), np.empty((len(strengths), n), np.int32)
    many = np.zeros(len(strengths), np.int64)
    in_core = _flat_parts(
        slope, depth, height, on, plain, core, strengths, deep_mm, rank, parent, counts, later, many
    )
    most_core = 0.02 * max(in_core, 1)
    living = 0  # pixels that may stand for a plateau, by rank
    for i in range(w, n - w):
        if rank[i] == 0 and parent[i] == i:
            alive[living] = i
            living += 1
    found = [(0, 0)]
    for k in range(len(strengths)):
        for i in later[k, : many[k]]:
            _join(rank, parent, counts, i, w)
            alive[living] = i
            living += 1
        seen, living = living, 0
        for i in alive[:seen]:
            if parent[i] != i:
                continue
            alive[living] = i
            living += 1
            outside, deep = _count(counts[i], _OUTSIDE), _count(counts[i], _DEEP)
            if outside > 80.0 * unit and deep > 40.0 * unit:
                wide = outside > 0.4 * deep and _count(counts[i], _RIM) > 20.0 * unit
                if wide and _count(counts[i], _CORE) < most_core:
                    found.append((k, (i // w - 1) * (w - 1) + i % w))
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
        a, b = np.zeros((4, 4)), np.zeros((4, 1))
        for i in range(n):
            for j in range(4):
                b[j, 0] += w[i] * basis[i, j] * values[i]
                for k in range(j + 1):
                    a[j, k] += w[i] * basis[i, j] * basis[i, k]
        for j in range(4):
            a[j, j] += 1e-3
            for k in range(j):
                a[k, j] = a[j, k]
        c[:] = solved(a, b)[:, 0]
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


@njit(cache=True, nogil=True, error_model="numpy")
def median_colour(picture: U8, region: Mask) -> Array:
    """Median colour (3,) of ``picture`` (h, w, 3) over ``region`` (h, w); NaN where that is empty."""
    count = np.zeros((3, 256), np.int64)
    n = 0
    for y in range(region.shape[0]):
        for x in range(region.shape[1]):
            if region[y, x]:
                n += 1
                for k in range(3):
                    count[k, picture[y, x, k]] += 1
    out = np.full(3, np.nan)
    for k in range(3):
        below, low = 0, -1
        for level in range(256):
            below += count[k, level]
            if low < 0 and 2 * below >= n > 0:
                low = level
            if 2 * below > n:
                out[k] = 0.5 * (low + level)
                break
    return out
