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
from .fabric import CLOTH_CHANNELS, TEXEL_STEP
from .lanes import LANES, fetch, load, store
from .raster import SS

F32 = NDArray[np.float32]

#: entries of the cloth vector of `shade`
(
    LEVEL,  # linear light a white matt surface of 0 stops sends
    AMBIENT,  # share of it that comes from all round
    CREASE,  # slope of creases, in CREASE_STEPs
    CREASE_X,
    CREASE_Y,
    SHEEN,
    HEM,  # mm
    TILE_MM,
    TILE_WEIGHT,
    SHOULDER,  # linear light from which highlights are bent over, and where they end
    WHITE,
) = range(11)
CLOTH_ENTRIES = 11
#: creases lie this many texels to the millimetre
_CREASES_PER_MM = np.float32(0.9)
#: albedo of stray fibres and of the highlight, for a sheen of 1
_FUZZ, _SHEEN = np.float32(0.01), np.float32(0.09)
#: share of the room's light that reaches the inner side
_INNER = np.float32(0.5)
#: share of what is round a place that a fold hides, at most, and by which what faces the lamp is more open
_MOST_HIDDEN, _MOST_SHOWN = np.float32(0.5), np.float32(0.35)
#: how many times as much of it tells of the colour: light goes through dyed fibres more than once
_DEEPENED = np.float32(1.7)
#: albedo of the cloth whose folds are as dark as the artwork says
_MIDDLE = np.float32(0.5)
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
def _located(  # type: ignore[no-untyped-def]
    y, left, end, coverage, seen, xyz, triangles, table, columns, which, covered, at
):
    """The vertex table at each covered pixel of row ``y``, into ``at`` (w, COLUMNS_OF_VERTEX); how many.

    Looked for from column ``left`` to before ``end``; their columns, triangles and coverage go into
    ``columns``, ``which`` and ``covered`` (w,).
    """
    one, half = np.float32(1.0), np.float32(0.5 * SS - 0.5)
    least, most = np.float32(-0.5), np.float32(1.5)
    py = np.float32(y * SS) + half
    wide, ids, shares = np.uint64(COLUMNS_OF_VERTEX), seen[np.uint64(y)], coverage[np.uint64(y)]
    n, x, right = 0, np.uint64(left), np.uint64(end)
    while x < right:
        t = ids[x]
        if shares[x] <= np.float32(0.0):
            x += np.uint64(1)
            continue
        a, b, c = np.uint64(triangles[t, 0]), np.uint64(triangles[t, 1]), np.uint64(triangles[t, 2])
        ax, ay = xyz[a, 0], xyz[a, 1]
        abx, aby, acx, acy = xyz[b, 0] - ax, xyz[b, 1] - ay, xyz[c, 0] - ax, xyz[c, 1] - ay
        dy, inv = py - ay, one / (abx * acy - acx * aby)
        a, b, c = a * wide, b * wide, c * wide
        a0, a1 = load(table, a), load(table, a + np.uint64(LANES))
        b0, b1 = load(table, b), load(table, b + np.uint64(LANES))
        c0, c1 = load(table, c), load(table, c + np.uint64(LANES))
        # neighbours mostly lie in the same triangle
        while x < right and ids[x] == t and shares[x] > np.float32(0.0):
            dx = np.float32(x * np.uint64(SS)) + half - ax
            wb, wc = (dx * acy - acx * dy) * inv, (abx * dy - dx * aby) * inv
            # a pixel whose middle lies outside the triangle that covers part of it: not far beyond its edges
            wb, wc = min(max(wb, least), most), min(max(wc, least), most)
            wa = one - wb - wc
            store(at, n * COLUMNS_OF_VERTEX, wa * a0 + wb * b0 + wc * c0)
            store(at, n * COLUMNS_OF_VERTEX + LANES, wa * a1 + wb * b1 + wc * c1)
            columns[n], which[n], covered[n] = x, t, shares[x]
            n += 1
            x += np.uint64(1)
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def _read(texels, n, at, start, share, out) -> None:  # type: ignore[no-untyped-def]
    """All LANES channels of ``texels`` (h, w, LANES) at the pixels' U, V, bilinear and clamped, into ``out``.

    start (w,) and share (2, w) are scratch. The first pass has fetched from memory what the second reads.
    """
    one = np.float32(1.0)
    last_x, last_y = texels.shape[1] - 1, texels.shape[0] - 1
    flat, line = texels.reshape(-1), texels.shape[1] * LANES
    for i in range(n):
        x = min(max(at[i, U] * np.float32(last_x), np.float32(0.0)), np.float32(last_x))
        y = min(max(at[i, V] * np.float32(last_y), np.float32(0.0)), np.float32(last_y))
        left, top = min(int(x), last_x - 1), min(int(y), last_y - 1)
        share[0, i], share[1, i] = x - np.float32(left), y - np.float32(top)
        start[i] = top * line + left * LANES
        fetch(flat, start[i])
        fetch(flat, start[i] + line)
    for i in range(n):
        fx, fy = share[0, i], share[1, i]
        a, b = start[i], start[i] + line
        w00, w01 = (one - fx) * (one - fy) * TEXEL_STEP, fx * (one - fy) * TEXEL_STEP
        w10, w11 = (one - fx) * fy * TEXEL_STEP, fx * fy * TEXEL_STEP
        upper = load(flat, a) * w00 + load(flat, a + LANES) * w01
        store(out, i * LANES, upper + load(flat, b) * w10 + load(flat, b + LANES) * w11)


def _tiled_reader(channels: int):  # type: ignore[no-untyped-def]
    """A kernel for tiles of so many channels: known to the compiler, it need not loop over them."""

    @njit(cache=True, nogil=True, error_model="numpy")
    def read(  # type: ignore[no-untyped-def]
        tile, n, at, per_mm, shift_x, shift_y, start, share, out
    ) -> None:
        """All channels of a seamless ``tile`` at the pixels' millimetres, into ``out`` (w, channels).

        tile: (h, w, channels), ending in its first row and column once more (`fabric.hemmed`). per_mm: (2,)
        texels to the millimetre, across and down. start (w,) and share (2, w): as in `_read`.
        """
        h, w = tile.shape[0] - 1, tile.shape[1] - 1
        wide, tall, last_x, last_y = np.float32(w), np.float32(h), np.int32(w - 1), np.int32(h - 1)
        once_x, once_y = np.float32(1.0) / wide, np.float32(1.0) / tall
        across, down = per_mm[0], per_mm[1]
        flat, line = tile.reshape(-1), np.int32((w + 1) * channels)
        for i in range(n):
            x, y = at[i, MM_X] * across + shift_x, at[i, MM_Y] * down + shift_y
            # by floor and compare: an integer remainder costs as much as all the rest of a sample
            x, y = x - wide * np.floor(x * once_x), y - tall * np.floor(y * once_y)
            left, top = max(min(np.int32(x), last_x), np.int32(0)), max(min(np.int32(y), last_y), np.int32(0))
            share[0, i], share[1, i] = x - np.float32(left), y - np.float32(top)
            start[i] = top * line + left * np.int32(channels)
        for i in range(n):
            fetch(flat, start[i])
            fetch(flat, start[i] + line)
        for i in range(n):
            fx, fy = share[0, i], share[1, i]
            a = np.uint64(start[i])
            b = a + np.uint64(line)
            for j in range(channels):
                k, right = np.uint64(j), np.uint64(j + channels)
                upper_left, upper_right = np.float32(flat[a + k]), np.float32(flat[a + right])
                lower_left, lower_right = np.float32(flat[b + k]), np.float32(flat[b + right])
                upper = upper_left + fx * (upper_right - upper_left)
                lower = lower_left + fx * (lower_right - lower_left)
                out[i, k] = upper + fy * (lower - upper)

    return read


_read_creases, _read_fabric = _tiled_reader(2), _tiled_reader(4)


@njit(cache=True, nogil=True, error_model="numpy")
def _dressed(  # type: ignore[no-untyped-def]
    n, which, covered, at, cloth, stamp, ink, slopes, away, strap_from, per_strap,
    color, lining, strap_colors, p, printed, row,
) -> None:  # fmt: skip
    """What is lit of each of the row's ``n`` pixels, into ``row`` (_ROWS, w).

    which, covered (w,): triangles, and how far they cover; cloth: what the maps say; stamp, ink (w, ...):
    premultiplied BGRA of fabric and print, slopes (w, 2) of the creases: 0 where the picture has none.
    """
    # taken out of their arrays once: for all the compiler knows, what is put into ``row`` could change them
    zero, one, worn, crease, hem = np.float32(0.0), np.float32(1.0), p[TILE_WEIGHT], p[CREASE], p[HEM]
    blue, green, red = color[0], color[1], color[2]
    in_blue, in_green, in_red = lining[0], lining[1], lining[2]
    for i in range(n):
        t = which[i]
        if t < strap_from:
            inner = cloth[i, _LINING]
            b, g, r = cloth[i, _BLUE] * blue, cloth[i, _GREEN] * green, cloth[i, _RED] * red
            if worn > zero:
                bare = one - worn * stamp[i, 3]
                b = b * bare + worn * stamp[i, 0]
                g = g * bare + worn * stamp[i, 1]
                r = r * bare + worn * stamp[i, 2]
            # the lining has the cloth's own marks and creases
            b += inner * (in_blue * cloth[i, _BLUE] - b)
            g += inner * (in_green * cloth[i, _GREEN] - g)
            r += inner * (in_red * cloth[i, _RED] - r)
            if printed:
                bare = one - ink[i, 3]
                b, g, r = b * bare + ink[i, 0], g * bare + ink[i, 1], r * bare + ink[i, 2]
            opacity, cavity = cloth[i, _OPACITY], cloth[i, _CAVITY]
            u, v = cloth[i, _SLOPE_U] + crease * slopes[i, 0], cloth[i, _SLOPE_V] + crease * slopes[i, 1]
            if at[i, RIM] < hem and hem > zero:
                # double cloth is a little lighter, the seam where it ends darker
                seam = max(zero, (at[i, RIM] / hem - np.float32(0.72)) / np.float32(0.28))
                cavity += np.float32(0.10) - np.float32(0.28) * seam
        else:
            band = (t - strap_from) // per_strap
            b, g, r = strap_colors[band, 0], strap_colors[band, 1], strap_colors[band, 2]
            opacity, cavity = one, zero
            # a cord is round: its normal leans to the side it is seen on
            u, v = np.float32(-0.9) * (np.float32(2.0) * at[i, U] - one), zero
        # no relief changes the light of the inner side, and little of the room's comes there
        front = away[t] == 0
        reached = one if front else _INNER
        row[_BLUE, i], row[_GREEN, i], row[_RED, i] = b * reached, g * reached, r * reached
        row[_OPACITY, i], row[_CAVITY, i] = opacity * covered[i], cavity
        row[_SLOPE_U, i], row[_SLOPE_V, i] = u, v
        row[_LIGHT, i] = at[i, STOPS] if front else at[i, INSIDE]
        row[_LIGHT_U, i], row[_LIGHT_V, i] = (at[i, STOPS_U], at[i, STOPS_V]) if front else (zero, zero)
        row[_SHINE, i], row[_SHINE_U, i], row[_SHINE_V, i] = at[i, FACING], at[i, FACING_U], at[i, FACING_V]


@njit(cache=True, nogil=True, error_model="numpy")
def _lit(n, cast, p, row) -> None:  # type: ignore[no-untyped-def]
    """Put in place of the albedo of ``n`` pixels of ``row`` (_ROWS, w) their linear light, premultiplied."""
    zero, one = np.float32(0.0), np.float32(1.0)
    ambient, lamp = p[LEVEL] * p[AMBIENT], p[LEVEL] * (one - p[AMBIENT])
    blue, green, red = cast[0], cast[1], cast[2]
    fuzz, sheen = _FUZZ * p[SHEEN], _SHEEN * p[SHEEN]
    shoulder, bend = p[SHOULDER], p[WHITE] - p[SHOULDER]
    for i in range(n):
        u, v = row[_SLOPE_U, i], row[_SLOPE_V, i]
        # a steep slope turns the normal no further than a right angle
        flat = one / np.sqrt(one + u * u + v * v)
        turned = (u * row[_LIGHT_U, i] + v * row[_LIGHT_V, i]) * flat
        # creases and seams keep light of all kinds away: 2 ** cavity, by its series
        cavity = row[_CAVITY, i]
        open_ = one + cavity * (_C1 + cavity * _C2)
        light = (ambient + lamp * _exp2(row[_LIGHT, i] + turned)) * open_
        shine = max((row[_SHINE, i] + u * row[_SHINE_U, i] + v * row[_SHINE_V, i]) * flat, zero)
        # what shines, shines of lamp and room alike: fibres that stand off, all round; those that lie flat,
        # toward the lamp
        gloss = (fuzz + sheen * shine * shine) * (p[LEVEL] * open_ + light)
        opacity = row[_OPACITY, i]
        b, g, r = row[_BLUE, i], row[_GREEN, i], row[_RED, i]
        # what a fold keeps away it gives back of its own colour: a / (1 - hidden a) for an albedo a
        stops = -(cavity + turned)
        grey = np.float32(0.0722) * b + np.float32(0.7152) * g + np.float32(0.2126) * r
        hidden = min(max(_C1 * stops, -_MOST_SHOWN), _MOST_HIDDEN)
        light *= (one - hidden * _MIDDLE) / (one - hidden * grey)
        hidden *= _DEEPENED
        grey = one - hidden * grey
        b = (b * light * grey / (one - hidden * b) + gloss) * blue
        g = (g * light * grey / (one - hidden * g) + gloss) * green
        r = (r * light * grey / (one - hidden * r) + gloss) * red
        # a camera's shoulder: highlights bend over instead of clipping
        eb, eg, er = max(b - shoulder, zero), max(g - shoulder, zero), max(r - shoulder, zero)
        row[_BLUE, i] = (b - eb + bend * eb / (bend + eb)) * opacity
        row[_GREEN, i] = (g - eg + bend * eg / (bend + eg)) * opacity
        row[_RED, i] = (r - er + bend * er / (bend + er)) * opacity


@njit(cache=True, nogil=True, error_model="numpy")
def shade(  # type: ignore[no-untyped-def]
    coverage, seen, xyz, triangles, away, table, strap_from, per_strap,
    texels, prints, tile, crease, color, lining, strap_colors, cast, p, box, out,
) -> None:  # fmt: skip
    """Linear colour of mask and straps times their opacity, and the opacity, into ``out``; 0 beside them.

    coverage, seen: of `raster.survey`; xyz in subsamples, triangles, away and table: of shell and straps;
    per_strap: triangles of one band; texels, prints: of fabric.Level; tile:
    of fabric.hemmed_tile; crease: fabric.packed_creases; color (3,), lining (3,), strap_colors (bands, 3):
    linear BGR albedo; cast (3,); p: the cloth vector; box (x0, y0, x1, y1): all that is covered lies in it,
    and ``out`` (y1 - y0, x1 - x0, 4) is that part.
    """
    w = coverage.shape[1]
    zero = np.float32(0.0)
    columns, which, covered = np.empty(w, np.int64), np.empty(w, np.int64), np.empty(w, np.float32)
    row = np.empty((_ROWS, w), np.float32)
    at, cloth = np.empty((w, COLUMNS_OF_VERTEX), np.float32), np.empty((w, CLOTH_CHANNELS), np.float32)
    stamp, ink, slopes = (
        np.zeros((w, 4), np.float32),
        np.zeros((w, LANES), np.float32),
        np.zeros((w, 2), np.float32),
    )
    start, share = np.empty(w, np.int32), np.empty((2, w), np.float32)
    crease_mm, creased = np.full(2, _CREASES_PER_MM), p[CREASE] > zero
    tile_mm = np.array([np.float32(side - 1) / p[TILE_MM] for side in (tile.shape[1], tile.shape[0])])
    printed = prints.shape[0] > 1
    for y in range(box[1], box[3]):
        n = _located(y, box[0], box[2], coverage, seen, xyz, triangles, table, columns, which, covered, at)
        _read(texels, n, at, start, share, cloth)
        if p[TILE_WEIGHT] > zero:
            _read_fabric(tile, n, at, tile_mm, zero, zero, start, share, stamp)
        if printed:
            _read(prints, n, at, start, share, ink)
        if creased:
            _read_creases(crease, n, at, crease_mm, p[CREASE_X], p[CREASE_Y], start, share, slopes)
        _dressed(
            n, which, covered, at, cloth, stamp, ink, slopes, away, strap_from, per_strap,
            color, lining, strap_colors, p, printed, row,
        )  # fmt: skip
        _lit(n, cast, p, row)
        here = out[y - box[1]]
        here[:] = zero
        for i in range(n):
            x = np.uint64(columns[i] - box[0])
            here[x, 0], here[x, 1], here[x, 2], here[x, 3] = row[0, i], row[1, i], row[2, i], row[3, i]
