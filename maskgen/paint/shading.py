"""Pixels of the mask in linear light, before blur and grain.

A row of the picture at a time, and one thing after the other for all its covered pixels: where on the shell
each lies, what the maps say there, fabric, lining, print and creases, then the light. The last is arithmetic
on whole rows, which the compiler does eight pixels at once; and no helper is handed arrays for a pixel, since
numba would count their references by atomic operations that cost as much as the pixel itself.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .dress import (
    COLUMNS_OF_VERTEX,
    FACING,
    FACING_U,
    FACING_V,
    INSIDE,
    MM_X,
    MM_Y,
    RIM,
    STOPS,
    STOPS_U,
    STOPS_V,
    U,
    V,
)
from .fabric import CLOTH_CHANNELS, CREASE_STEP, TEXEL_STEP
from .raster import SS

F32 = NDArray[np.float32]

#: entries of the cloth vector of `shade`
(
    LEVEL,  # linear light a white matt surface of 0 stops sends
    AMBIENT,  # share of it that comes from all round
    CREASE,  # slope of creases
    CREASE_X,
    CREASE_Y,
    SHEEN,
    HEM,  # mm
    TILE_MM,
    TILE_WEIGHT,
) = range(9)
CLOTH_ENTRIES = 9
#: linear light from which highlights are bent over, and where they end
SHOULDER, WHITE = np.float32(0.70), np.float32(0.985)
#: creases lie this many texels to the millimetre
_CREASES_PER_MM = np.float32(0.9)
#: what the maps hold of a pixel (fabric.Level): albedo, opacity, slopes of the relief, cavity and lining
_BLUE, _GREEN, _RED, _OPACITY, _SLOPE_U, _SLOPE_V, _CAVITY, _LINING = range(CLOTH_CHANNELS)
#: what `_lit` puts in their place and after them: stops of light, and how much the cloth faces what makes it
#: shine, each with its change per unit slope
_LIGHT, _LIGHT_U, _LIGHT_V, _SHINE, _SHINE_U, _SHINE_V = range(_LINING, _LINING + 6)
_ROWS = _LINING + 6
#: 2 ** t for t from -1 to 1/2: Taylor's series, 1e-6 off at -1
_SERIES = tuple(np.float32(np.log(2.0) ** n / f) for n, f in enumerate((1, 1, 2, 6, 24, 120, 720, 5040)))
_C0, _C1, _C2, _C3, _C4, _C5, _C6, _C7 = _SERIES


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _exp2(x):  # type: ignore[no-untyped-def]
    """2 ** x for x held within -16 and 8, to 1e-4 of its value: no table, so that rows can be vectorised."""
    t = min(max(x, np.float32(-16.0)), np.float32(8.0)) * np.float32(0.0625)
    v = _C0 + t * (_C1 + t * (_C2 + t * (_C3 + t * (_C4 + t * (_C5 + t * (_C6 + t * _C7))))))
    v *= v
    v *= v
    v *= v
    return v * v


@njit(cache=True, nogil=True, error_model="numpy")
def _located(y, coverage, seen, xyz, triangles, table, columns, at):  # type: ignore[no-untyped-def]
    """The vertex table at each covered pixel of row ``y``, into ``at`` (w, COLUMNS_OF_VERTEX); how many.

    Their columns go into ``columns`` (w,).
    """
    one, half = np.float32(1.0), np.float32(0.5 * SS - 0.5)
    py = np.float32(y * SS) + half
    n = 0
    for x in range(coverage.shape[1]):
        if coverage[y, x] <= np.float32(0.0):
            continue
        t = seen[y, x]
        a, b, c = np.uint64(triangles[t, 0]), np.uint64(triangles[t, 1]), np.uint64(triangles[t, 2])
        ax, ay = xyz[a, 0], xyz[a, 1]
        abx, aby, acx, acy = xyz[b, 0] - ax, xyz[b, 1] - ay, xyz[c, 0] - ax, xyz[c, 1] - ay
        dx, dy = np.float32(x * SS) + half - ax, py - ay
        inv = one / (abx * acy - acx * aby)
        wb, wc = (dx * acy - acx * dy) * inv, (abx * dy - dx * aby) * inv
        # a pixel whose middle lies outside the triangle that covers part of it: not far beyond its edges
        wb = min(max(wb, np.float32(-0.5)), np.float32(1.5))
        wc = min(max(wc, np.float32(-0.5)), np.float32(1.5))
        wa = one - wb - wc
        for k in range(table.shape[1]):
            at[n, k] = wa * table[a, k] + wb * table[b, k] + wc * table[c, k]
        columns[n] = x
        n += 1
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def _read(texels, n, at, out) -> None:  # type: ignore[no-untyped-def]
    """All channels of ``texels`` (h, w, channels) at the pixels' U, V, bilinear and clamped, into ``out``."""
    one = np.float32(1.0)
    last_x, last_y = texels.shape[1] - 1, texels.shape[0] - 1
    for i in range(n):
        x = min(max(at[i, U] * np.float32(last_x), np.float32(0.0)), np.float32(last_x))
        y = min(max(at[i, V] * np.float32(last_y), np.float32(0.0)), np.float32(last_y))
        left, top = min(int(x), last_x - 1), min(int(y), last_y - 1)
        fx, fy = x - np.float32(left), y - np.float32(top)
        x0, y0, x1, y1 = np.uint64(left), np.uint64(top), np.uint64(left + 1), np.uint64(top + 1)
        w00, w01 = (one - fx) * (one - fy) * TEXEL_STEP, fx * (one - fy) * TEXEL_STEP
        w10, w11 = (one - fx) * fy * TEXEL_STEP, fx * fy * TEXEL_STEP
        for k in range(texels.shape[2]):  # a bound unknown beforehand: else it is unrolled and not vectorised
            out[i, k] = (
                np.float32(texels[y0, x0, k]) * w00
                + np.float32(texels[y0, x1, k]) * w01
                + np.float32(texels[y1, x0, k]) * w10
                + np.float32(texels[y1, x1, k]) * w11
            )


@njit(cache=True, nogil=True, error_model="numpy")
def _read_tiled(tile, n, at, per_mm, shift_x, shift_y, out) -> None:  # type: ignore[no-untyped-def]
    """All channels of a seamless ``tile`` (h, w, channels) at the pixels' millimetres, into ``out``.

    per_mm: (2,) texels to the millimetre, across and down.
    """
    h, w = tile.shape[0], tile.shape[1]
    wide, tall = np.float32(w), np.float32(h)
    for i in range(n):
        x, y = at[i, MM_X] * per_mm[0] + shift_x, at[i, MM_Y] * per_mm[1] + shift_y
        # by floor and compare: an integer remainder costs as much as all the rest of a sample
        x, y = x - wide * np.floor(x / wide), y - tall * np.floor(y / tall)
        left, top = min(int(x), w - 1), min(int(y), h - 1)
        fx, fy = x - np.float32(left), y - np.float32(top)
        x0, y0 = np.uint64(left), np.uint64(top)
        x1 = np.uint64(left + 1 if left + 1 < w else 0)
        y1 = np.uint64(top + 1 if top + 1 < h else 0)
        for k in range(tile.shape[2]):
            a, b = np.float32(tile[y0, x0, k]), np.float32(tile[y0, x1, k])
            c, d = np.float32(tile[y1, x0, k]), np.float32(tile[y1, x1, k])
            upper, lower = a + fx * (b - a), c + fx * (d - c)
            out[i, k] = upper + fy * (lower - upper)


@njit(cache=True, nogil=True, error_model="numpy")
def _laid_over(stamp, n, weight, cloth) -> None:  # type: ignore[no-untyped-def]
    """Lay premultiplied BGRA ``stamp`` (w, 4) over the albedo of ``cloth``, ``weight`` of it."""
    for i in range(n):
        keep = np.float32(1.0) - weight * stamp[i, 3]
        for k in range(3):
            cloth[i, k] = cloth[i, k] * keep + weight * stamp[i, k]


@njit(cache=True, nogil=True, error_model="numpy")
def _hemmed(n, at, hem, cloth) -> None:  # type: ignore[no-untyped-def]
    """The folded edge, ``hem`` mm wide: double cloth is a little lighter, the seam where it ends darker."""
    for i in range(n):
        if at[i, RIM] < hem:
            seam = max(np.float32(0.0), (at[i, RIM] / hem - np.float32(0.72)) / np.float32(0.28))
            cloth[i, _CAVITY] += np.float32(0.10) - np.float32(0.28) * seam


@njit(cache=True, nogil=True, error_model="numpy")
def _as_straps(  # type: ignore[no-untyped-def]
    y, seen, n, columns, at, strap_from, per_strap, colors, cloth
) -> None:
    """Replace what ``cloth`` says of the row's pixels that see a strap."""
    for i in range(n):
        t = seen[y, columns[i]]
        if t < strap_from:
            continue
        band = (t - strap_from) // per_strap
        for k in range(3):
            cloth[i, k] = colors[band, k]
        cloth[i, _OPACITY], cloth[i, _CAVITY] = np.float32(1.0), np.float32(0.0)
        # a cord is round: its normal leans to the side it is seen on
        cloth[i, _SLOPE_U] = np.float32(-0.9) * (np.float32(2.0) * at[i, U] - np.float32(1.0))
        cloth[i, _SLOPE_V] = np.float32(0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _side_of(y, seen, away, n, columns, at) -> None:  # type: ignore[no-untyped-def]
    """Give pixels that see the inner side its stops, which no relief changes."""
    for i in range(n):
        if away[seen[y, columns[i]]]:
            at[i, STOPS] = at[i, INSIDE]
            at[i, STOPS_U] = at[i, STOPS_V] = np.float32(0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _lit(n, at, cloth, cast, p, row) -> None:  # type: ignore[no-untyped-def]
    """Linear light of ``n`` pixels of ``cloth``, premultiplied, and opacity, into ``row`` (_ROWS, w)."""
    zero, one = np.float32(0.0), np.float32(1.0)
    for i in range(n):
        for k in range(_LINING):
            row[k, i] = cloth[i, k]
        row[_LIGHT, i], row[_LIGHT_U, i], row[_LIGHT_V, i] = at[i, STOPS], at[i, STOPS_U], at[i, STOPS_V]
        row[_SHINE, i], row[_SHINE_U, i], row[_SHINE_V, i] = at[i, FACING], at[i, FACING_U], at[i, FACING_V]
    ambient, lamp = p[LEVEL] * p[AMBIENT], p[LEVEL] * (one - p[AMBIENT])
    blue, green, red = cast[0], cast[1], cast[2]
    fuzz, sheen = np.float32(0.12) * p[SHEEN] * p[LEVEL], np.float32(0.2) * p[SHEEN]
    bend = WHITE - SHOULDER
    for i in range(n):
        u, v = row[_SLOPE_U, i], row[_SLOPE_V, i]
        # a steep slope turns the normal no further than a right angle
        flat = one / np.sqrt(one + u * u + v * v)
        turned = (u * row[_LIGHT_U, i] + v * row[_LIGHT_V, i]) * flat
        light = ambient + lamp * _exp2(row[_CAVITY, i] + row[_LIGHT, i] + turned)
        shine = max((row[_SHINE, i] + u * row[_SHINE_U, i] + v * row[_SHINE_V, i]) * flat, zero)
        # fibres that stand off shine a little from everywhere, those that lie flat toward the light
        gloss = fuzz + sheen * light * (shine * shine) * (shine * shine)
        opacity = row[_OPACITY, i]
        b = (row[_BLUE, i] * light + gloss) * blue
        g = (row[_GREEN, i] * light + gloss) * green
        r = (row[_RED, i] * light + gloss) * red
        # a camera's shoulder: highlights bend over instead of clipping
        eb, eg, er = max(b - SHOULDER, zero), max(g - SHOULDER, zero), max(r - SHOULDER, zero)
        row[_BLUE, i] = (b - eb + bend * eb / (bend + eb)) * opacity
        row[_GREEN, i] = (g - eg + bend * eg / (bend + eg)) * opacity
        row[_RED, i] = (r - er + bend * er / (bend + er)) * opacity


@njit(cache=True, nogil=True, error_model="numpy")
def shade(  # type: ignore[no-untyped-def]
    coverage, seen, xyz, triangles, away, table, strap_from, per_strap,
    texels, prints, tile, crease, color, lining, strap_colors, cast, p, out,
) -> None:  # fmt: skip
    """Linear colour of mask and straps times their opacity, and the opacity, into ``out`` (h, w, 4).

    coverage, seen: of `raster.survey`; xyz in subsamples, triangles, away and table: of shell and straps;
    per_strap: triangles of one band; texels, prints: of fabric.Level; tile (th, tw, 4)
    premultiplied; crease: fabric.packed_creases; color (3,), lining (3,), strap_colors (bands, 3):
    linear BGR albedo; cast (3,); p: the cloth vector. Pixels that nothing covers are left alone.
    """
    h, w = coverage.shape
    zero = np.float32(0.0)
    columns, row = np.empty(w, np.int64), np.empty((_ROWS, w), np.float32)
    at, cloth = np.empty((w, COLUMNS_OF_VERTEX), np.float32), np.empty((w, CLOTH_CHANNELS), np.float32)
    stamp, slopes = np.empty((w, 4), np.float32), np.empty((w, 2), np.float32)
    crease_mm, crumpled = np.full(2, _CREASES_PER_MM), p[CREASE] * CREASE_STEP
    tile_mm = np.array([np.float32(tile.shape[1]) / p[TILE_MM], np.float32(tile.shape[0]) / p[TILE_MM]])
    for y in range(h):
        n = _located(y, coverage, seen, xyz, triangles, table, columns, at)
        _read(texels, n, at, cloth)
        for i in range(n):
            for k in range(3):
                cloth[i, k] *= color[k]
        if p[TILE_WEIGHT] > zero:
            _read_tiled(tile, n, at, tile_mm, zero, zero, stamp)
            _laid_over(stamp, n, p[TILE_WEIGHT], cloth)
        for i in range(n):
            for k in range(3):
                cloth[i, k] += cloth[i, _LINING] * (lining[k] - cloth[i, k])
        if prints.shape[0] > 1:
            _read(prints, n, at, stamp)
            _laid_over(stamp, n, np.float32(1.0), cloth)
        if crumpled > zero:
            _read_tiled(crease, n, at, crease_mm, p[CREASE_X], p[CREASE_Y], slopes)
            for i in range(n):
                cloth[i, _SLOPE_U] += crumpled * slopes[i, 0]
                cloth[i, _SLOPE_V] += crumpled * slopes[i, 1]
        if p[HEM] > zero:
            _hemmed(n, at, p[HEM], cloth)
        _as_straps(y, seen, n, columns, at, strap_from, per_strap, strap_colors, cloth)
        _side_of(y, seen, away, n, columns, at)
        for i in range(n):
            cloth[i, _OPACITY] *= coverage[y, columns[i]]
        _lit(n, at, cloth, cast, p, row)
        for i in range(n):
            x = np.uint64(columns[i])
            for k in range(4):
                out[y, x, k] = row[k, i]
