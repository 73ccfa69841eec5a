"""Pixels of the mask in linear light, and laying them into the photograph."""

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
U8 = NDArray[np.uint8]

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
#: 2 ** i for i from -_EXP_BELOW on: a library's exp costs as much as all the rest of a pixel's light
_EXP_BELOW = 16
_POWERS: F32 = np.exp2(np.arange(-_EXP_BELOW, 9)).astype(np.float32)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _exp2(powers, x):  # type: ignore[no-untyped-def]
    """2 ** x to 4e-5 of its value (a hundredth of a level); x is held within -16 and 8."""
    at = min(max(x, np.float32(-15.9)), np.float32(7.9)) + np.float32(_EXP_BELOW)
    i = int(at)
    f = at - np.float32(i)
    # the cubic that meets value and slope of 2 ** f at 0 and 1
    part = np.float32(0.69314718) + f * (np.float32(0.22741128) + f * np.float32(0.07944154))
    return powers[np.uint64(i)] * (np.float32(1.0) + f * part)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _texel(texels, u, v, out):  # type: ignore[no-untyped-def]
    """All channels of ``texels`` (h, w, channels) at u, v 0..1, bilinear, clamped, into ``out``."""
    h, w = texels.shape[0], texels.shape[1]
    x = min(max(u * np.float32(w - 1), np.float32(0.0)), np.float32(w - 1))
    y = min(max(v * np.float32(h - 1), np.float32(0.0)), np.float32(h - 1))
    left, top = min(int(x), w - 2), min(int(y), h - 2)
    fx, fy = x - np.float32(left), y - np.float32(top)
    x0, y0, x1, y1 = np.uint64(left), np.uint64(top), np.uint64(left + 1), np.uint64(top + 1)
    one = np.float32(1.0)
    w00, w01 = (one - fx) * (one - fy) * TEXEL_STEP, fx * (one - fy) * TEXEL_STEP
    w10, w11 = (one - fx) * fy * TEXEL_STEP, fx * fy * TEXEL_STEP
    for k in range(texels.shape[2]):  # a bound unknown beforehand: else it is unrolled and not vectorised
        out[k] = (
            np.float32(texels[y0, x0, k]) * w00
            + np.float32(texels[y0, x1, k]) * w01
            + np.float32(texels[y1, x0, k]) * w10
            + np.float32(texels[y1, x1, k]) * w11
        )


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _corners_tiled(h, w, x, y):  # type: ignore[no-untyped-def]
    """Rows and columns of the four texels round (x, y) of a seamless tile, and the place between them."""
    # by floor and compare: an integer remainder costs as much as all the rest of a sample
    x = x - np.float32(w) * np.floor(x / np.float32(w))
    y = y - np.float32(h) * np.floor(y / np.float32(h))
    left, top = min(int(x), w - 1), min(int(y), h - 1)
    fx, fy = x - np.float32(left), y - np.float32(top)
    right = left + 1 if left + 1 < w else 0
    low = top + 1 if top + 1 < h else 0
    return np.uint64(top), np.uint64(low), np.uint64(left), np.uint64(right), fx, fy


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _between(tile, at, k):  # type: ignore[no-untyped-def]
    """Channel k of ``tile`` (h, w, channels) at `_corners_tiled`."""
    a, b = np.float32(tile[at[0], at[2], k]), np.float32(tile[at[0], at[3], k])
    c, d = np.float32(tile[at[1], at[2], k]), np.float32(tile[at[1], at[3], k])
    top, low = a + at[4] * (b - a), c + at[4] * (d - c)
    return top + at[5] * (low - top)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _interpolated(xyz, triangles, t, table, x, y, out):  # type: ignore[no-untyped-def]
    """The vertex table at subsample (x, y) of triangle ``t``, into ``out``."""
    a, b, c = np.uint64(triangles[t, 0]), np.uint64(triangles[t, 1]), np.uint64(triangles[t, 2])
    ax, ay = xyz[a, 0], xyz[a, 1]
    abx, aby, acx, acy = xyz[b, 0] - ax, xyz[b, 1] - ay, xyz[c, 0] - ax, xyz[c, 1] - ay
    px, py = x - ax, y - ay
    inv = np.float32(1.0) / (abx * acy - acx * aby)
    wb, wc = (px * acy - acx * py) * inv, (abx * py - px * aby) * inv
    # a pixel whose middle lies outside the triangle that covers part of it: not far beyond its edges
    wb = min(max(wb, np.float32(-0.5)), np.float32(1.5))
    wc = min(max(wc, np.float32(-0.5)), np.float32(1.5))
    wa = np.float32(1.0) - wb - wc
    for k in range(table.shape[1]):
        out[k] = wa * table[a, k] + wb * table[b, k] + wc * table[c, k]


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _hem(rim, hem):  # type: ignore[no-untyped-def]
    """Stops by which the folded edge differs, ``rim`` mm from it: double cloth, a seam where it ends."""
    if rim >= hem:
        return np.float32(0.0)
    seam = max(np.float32(0.0), (rim / hem - np.float32(0.72)) / np.float32(0.28))
    return np.float32(0.10) - np.float32(0.28) * seam


@njit(cache=True, nogil=True, error_model="numpy")
def shade(  # type: ignore[no-untyped-def]
    coverage, seen, xyz, triangles, away, table, strap_from, per_strap,
    texels, prints, tile, crease, color, lining, strap_colors, cast, powers, p, out,
) -> None:  # fmt: skip
    """Linear colour of mask and straps times their opacity, and the opacity, into ``out`` (h, w, 4).

    coverage, seen: of `raster.survey`; xyz in subsamples, triangles, away and table: of shell and straps;
    per_strap: triangles of one band; texels, prints: of fabric.Level; tile (th, tw, 4)
    premultiplied; crease: fabric.packed_creases; color (3,), lining (3,), strap_colors (bands, 3):
    linear BGR albedo; cast (3,); powers: of two; p: the cloth vector.
    """
    h, w = coverage.shape
    zero, one, half = np.float32(0.0), np.float32(1.0), np.float32(0.5 * SS - 0.5)
    at, texel = np.empty(COLUMNS_OF_VERTEX, np.float32), np.empty(CLOTH_CHANNELS, np.float32)
    stamp = np.empty(4, np.float32)
    printed, crumpled = prints.shape[0] > 1, p[CREASE] * CREASE_STEP
    tile_x, tile_y = np.float32(tile.shape[1]) / p[TILE_MM], np.float32(tile.shape[0]) / p[TILE_MM]
    for y in range(h):
        for x in range(w):
            c = coverage[y, x]
            if c <= zero:
                continue
            t = seen[y, x]
            _interpolated(xyz, triangles, t, table, np.float32(x * SS) + half, np.float32(y * SS) + half, at)
            opaque, cavity = one, zero
            if t >= strap_from:
                # a cord is round: its normal leans to the side it is seen on
                slope_u, slope_v = np.float32(-0.9) * (np.float32(2.0) * at[U] - one), zero
                band = (t - strap_from) // per_strap
                b, g, r = strap_colors[band, 0], strap_colors[band, 1], strap_colors[band, 2]
            else:
                _texel(texels, at[U], at[V], texel)
                b, g, r = color[0] * texel[0], color[1] * texel[1], color[2] * texel[2]
                opaque, cavity = texel[3], texel[6]
                slope_u, slope_v = texel[4], texel[5]
                if p[TILE_WEIGHT] > zero:
                    on = _corners_tiled(tile.shape[0], tile.shape[1], at[MM_X] * tile_x, at[MM_Y] * tile_y)
                    keep = one - p[TILE_WEIGHT] * _between(tile, on, 3)
                    b = b * keep + p[TILE_WEIGHT] * _between(tile, on, 0)
                    g = g * keep + p[TILE_WEIGHT] * _between(tile, on, 1)
                    r = r * keep + p[TILE_WEIGHT] * _between(tile, on, 2)
                b += texel[7] * (lining[0] - b)
                g += texel[7] * (lining[1] - g)
                r += texel[7] * (lining[2] - r)
                if printed:
                    _texel(prints, at[U], at[V], stamp)
                    over = one - stamp[3]
                    b, g, r = b * over + stamp[0], g * over + stamp[1], r * over + stamp[2]
                on = _corners_tiled(
                    crease.shape[0], crease.shape[1],
                    at[MM_X] * _CREASES_PER_MM + p[CREASE_X], at[MM_Y] * _CREASES_PER_MM + p[CREASE_Y],
                )  # fmt: skip
                slope_u += crumpled * _between(crease, on, 0)
                slope_v += crumpled * _between(crease, on, 1)
                cavity += _hem(at[RIM], p[HEM])
            # a steep slope turns the normal no further than a right angle
            flat = one / np.sqrt(one + slope_u * slope_u + slope_v * slope_v)
            stops = cavity
            if away[t]:
                stops += at[INSIDE]
            else:
                stops += at[STOPS] + (slope_u * at[STOPS_U] + slope_v * at[STOPS_V]) * flat
            light = p[LEVEL] * (p[AMBIENT] + (one - p[AMBIENT]) * _exp2(powers, stops))
            gloss = zero
            if p[SHEEN] > zero:
                facing = (at[FACING] + slope_u * at[FACING_U] + slope_v * at[FACING_V]) * flat
                facing = max(zero, facing)
                # fibres that stand off shine a little from everywhere, those that lie flat toward the light
                lobe = facing * facing * facing * facing
                gloss = p[SHEEN] * light * (np.float32(0.1) + np.float32(0.2) * lobe)
            opacity = c * opaque
            for k in range(3):
                base = b if k == 0 else (g if k == 1 else r)
                v = (base * light + gloss) * cast[k]
                if v > SHOULDER:  # a camera's shoulder: highlights bend over instead of clipping
                    e = (v - SHOULDER) / (WHITE - SHOULDER)
                    v = SHOULDER + (WHITE - SHOULDER) * e / (one + e)
                out[y, x, k] = v * opacity
            out[y, x, 3] = opacity


def powers_of_two() -> F32:
    """The table of powers of two that `shade` reads."""
    return _POWERS


@njit(cache=True, nogil=True, error_model="numpy")
def tone_like(layer: F32, curve: NDArray[np.float64]) -> None:
    """Give ``layer`` (h, w, 4) premultiplied linear BGR the chroma of ``curve`` (2, 3) at its luminance."""
    h, w = layer.shape[0], layer.shape[1]
    for y in range(h):
        for x in range(w):
            a = layer[y, x, 3]
            if a <= 0.0:
                continue
            lum = (0.0722 * layer[y, x, 0] + 0.7152 * layer[y, x, 1] + 0.2126 * layer[y, x, 2]) / a
            e = np.log2(max(lum, 1e-4))
            red = 2.0 ** (curve[0, 0] + curve[0, 1] * e + curve[0, 2] * e * e)
            blue = 2.0 ** (curve[1, 0] + curve[1, 1] * e + curve[1, 2] * e * e)
            # the curves are of (channel + 0.004) over (green + 0.004)
            green = max((lum - 0.2126 * (red - 1.0) * 0.004 - 0.0722 * (blue - 1.0) * 0.004), 0.0) / (
                0.2126 * red + 0.7152 + 0.0722 * blue
            )
            layer[y, x, 1] = green * a
            layer[y, x, 2] = max(red * (green + 0.004) - 0.004, 0.0) * a
            layer[y, x, 0] = max(blue * (green + 0.004) - 0.004, 0.0) * a


@njit(cache=True, nogil=True, error_model="numpy")
def lay(  # type: ignore[no-untyped-def]
    image, layer, shadow, step, linear, level, grain, grain_sd, gx, gy, alpha, touched
) -> None:
    """Lay ``layer`` over ``image`` in place, in linear light; pixels it does not reach keep their bytes.

    image (h, w, 3) uint8; layer (h, w, 4) premultiplied; shadow: share of light lost by what is not covered,
    a map of every step-th pixel with one row and column to spare; linear (256,), level (n,): tables of
    tone.py; grain: unit noise tile (a power of two wide and high) read from (gx, gy), laid on the mask with
    grain_sd levels. Fills alpha (h, w) and touched (h, w).
    """
    h, w = alpha.shape
    n = np.float32(level.shape[0] - 1)
    last_y, last_x = grain.shape[0] - 1, grain.shape[1] - 1
    zero, one, small = np.float32(0.0), np.float32(1.0), np.float32(1.0) / np.float32(step)
    row = np.empty(shadow.shape[1], np.float32)
    for y in range(h):
        fy = np.float32(y) * small
        y0 = int(fy)
        fy -= np.float32(y0)
        for j in range(shadow.shape[1]):
            row[j] = shadow[y0, j] + fy * (shadow[y0 + 1, j] - shadow[y0, j])
        for x in range(w):
            a = min(layer[y, x, 3], one)
            fx = np.float32(x) * small
            x0 = int(fx)
            lost = row[x0] + (fx - np.float32(x0)) * (row[x0 + 1] - row[x0])
            if a < np.float32(0.004):
                alpha[y, x] = zero
                if lost < np.float32(0.003):
                    continue
            else:
                alpha[y, x] = a
            noise = grain[(y + gy) & last_y, (x + gx) & last_x] * grain_sd * a + np.float32(0.5)
            under = (one - lost) * (one - a)
            changed = False
            for k in range(3):
                v = linear[image[y, x, k]] * under + layer[y, x, k]
                v = min(max(v, zero), one)
                q = level[int(np.sqrt(v) * n + np.float32(0.5))] + noise
                byte = np.uint8(min(max(q, zero), np.float32(255.0)))
                changed |= byte != image[y, x, k]
                image[y, x, k] = byte
            touched[y, x] = changed
