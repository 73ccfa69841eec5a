"""Pixels of the mask in linear light, and laying them into the photograph."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .fabric import TEXEL_STEP

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

#: columns of the per-vertex attributes
U, V, MM_X, MM_Y, NX, NY, NZ, TX, TY, TZ, RIM, STRAP_ID = range(12)
ATTRIBUTES = 12
#: entries of the parameter vector of `shade`
(
    GX,
    GY,
    GZ,  # stops of light per unit normal
    LEVEL,  # linear light a white matt surface facing the reference direction sends
    REST,  # share of the left-over map that reaches the cloth
    REST_SCALE,
    REST_X,
    REST_Y,
    REST_MEAN,
    DOWN_X,
    DOWN_Y,
    DOWN_Z,  # where the wearer's down is, camera axes
    FALL,  # stops lost by cloth that faces down
    CREASE,  # slope of creases
    CREASE_X,
    CREASE_Y,
    SHEEN,
    HEM,  # mm
    TILE_MM,
    TILE_WEIGHT,
) = range(20)
PARAMETERS = 20
#: linear light from which highlights are bent over, and where they end
LN2 = np.float32(np.log(2.0))
SHOULDER, WHITE = np.float32(0.70), np.float32(0.985)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _corners(h, w, x, y):  # type: ignore[no-untyped-def]
    """The four texels round (x, y), clamped to the border, and their bilinear weights."""
    x = min(max(x, np.float32(0.0)), np.float32(w - 1))
    y = min(max(y, np.float32(0.0)), np.float32(h - 1))
    x0, y0 = int(x), int(y)
    fx, fy = x - np.float32(x0), y - np.float32(y0)
    one = np.float32(1.0)
    return (
        (np.uint64(y0), np.uint64(min(y0 + 1, h - 1)), np.uint64(x0), np.uint64(min(x0 + 1, w - 1))),
        ((one - fx) * (one - fy), fx * (one - fy), (one - fx) * fy, fx * fy),
    )


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _corners_tiled(h, w, x, y):  # type: ignore[no-untyped-def]
    """The same on a seamless tile."""
    # by floor and compare: an integer remainder costs as much as all the rest of a sample
    x = x - np.float32(w) * np.floor(x / np.float32(w))
    y = y - np.float32(h) * np.floor(y / np.float32(h))
    x0, y0 = min(int(x), w - 1), min(int(y), h - 1)
    fx, fy = x - np.float32(x0), y - np.float32(y0)
    x1 = x0 + 1 if x0 + 1 < w else 0
    y1 = y0 + 1 if y0 + 1 < h else 0
    one = np.float32(1.0)
    return (
        (np.uint64(y0), np.uint64(y1), np.uint64(x0), np.uint64(x1)),
        ((one - fx) * (one - fy), fx * (one - fy), (one - fx) * fy, fx * fy),
    )


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _mix(image, at, weight, k):  # type: ignore[no-untyped-def]
    """Channel k of ``image`` (h, w, channels) at those corners."""
    top = np.float32(image[at[0], at[2], k]) * weight[0] + np.float32(image[at[0], at[3], k]) * weight[1]
    low = np.float32(image[at[1], at[2], k]) * weight[2] + np.float32(image[at[1], at[3], k]) * weight[3]
    return top + low


@njit(cache=True, nogil=True, error_model="numpy")
def shade(  # type: ignore[no-untyped-def]
    coverage, attributes, texels, tile, crease, rest, color, strap_colors, cast, p, out
) -> None:
    """Linear colour of mask and straps times their opacity, and the opacity, into ``out`` (h, w, 4).

    coverage (h, w); attributes (h, w, ATTRIBUTES) where covered; texels: fabric.packed; tile (th, tw, 4);
    crease (n, n, 2); rest: map of stops; color (3,), strap_colors (s, 3) linear BGR albedo;
    cast (3,); p: the parameter vector.
    """
    h, w = coverage.shape
    mh, mw = texels.shape[0], texels.shape[1]
    wide, high = np.float32(mw - 1), np.float32(mh - 1)
    tile_h, tile_w = np.float32(tile.shape[0]), np.float32(tile.shape[1])
    one, zero = np.float32(1.0), np.float32(0.0)
    for y in range(h):
        for x in range(w):
            c = coverage[y, x]
            if c <= zero:
                continue
            nx, ny, nz = attributes[y, x, NX], attributes[y, x, NY], attributes[y, x, NZ]
            tx, ty, tz = attributes[y, x, TX], attributes[y, x, TY], attributes[y, x, TZ]
            strap = int(attributes[y, x, STRAP_ID] + np.float32(0.5))
            opaque = one
            cavity = zero
            slope_u, slope_v = zero, zero
            if strap > 0:
                # a cord is round: its normal leans to the side it is seen on
                slope_u = np.float32(-0.9) * (np.float32(2.0) * attributes[y, x, U] - one)
                b, g, r = strap_colors[strap - 1, 0], strap_colors[strap - 1, 1], strap_colors[strap - 1, 2]
            else:
                at, wt = _corners(mh, mw, attributes[y, x, U] * wide, attributes[y, x, V] * high)
                wt = (wt[0] * TEXEL_STEP, wt[1] * TEXEL_STEP, wt[2] * TEXEL_STEP, wt[3] * TEXEL_STEP)
                b = color[0] * _mix(texels, at, wt, 0)
                g = color[1] * _mix(texels, at, wt, 1)
                r = color[2] * _mix(texels, at, wt, 2)
                if p[TILE_WEIGHT] > zero:
                    sx = attributes[y, x, MM_X] / p[TILE_MM] * tile_w
                    sy = attributes[y, x, MM_Y] / p[TILE_MM] * tile_h
                    tat, twt = _corners_tiled(tile.shape[0], tile.shape[1], sx, sy)
                    keep = one - p[TILE_WEIGHT] * _mix(tile, tat, twt, 3)
                    b = b * keep + p[TILE_WEIGHT] * _mix(tile, tat, twt, 0)
                    g = g * keep + p[TILE_WEIGHT] * _mix(tile, tat, twt, 1)
                    r = r * keep + p[TILE_WEIGHT] * _mix(tile, tat, twt, 2)
                over = _mix(texels, at, wt, 10)
                if over > zero:
                    b = b * (one - over) + _mix(texels, at, wt, 7)
                    g = g * (one - over) + _mix(texels, at, wt, 8)
                    r = r * (one - over) + _mix(texels, at, wt, 9)
                opaque = _mix(texels, at, wt, 3)
                slope_u, slope_v = _mix(texels, at, wt, 4), _mix(texels, at, wt, 5)
                cavity = _mix(texels, at, wt, 6)
                cu, cv = (
                    attributes[y, x, MM_X] * np.float32(0.9) + p[CREASE_X],
                    attributes[y, x, MM_Y] * np.float32(0.9) + p[CREASE_Y],
                )
                cat, cwt = _corners_tiled(crease.shape[0], crease.shape[1], cu, cv)
                slope_u += p[CREASE] * _mix(crease, cat, cwt, 0)
                slope_v += p[CREASE] * _mix(crease, cat, cwt, 1)
                if p[HEM] > 0.0 and attributes[y, x, RIM] < p[HEM]:
                    t = attributes[y, x, RIM] / p[HEM]
                    # the folded edge is double cloth: a touch lighter, with a sunk seam where it ends
                    seam = max(zero, (t - np.float32(0.72)) / np.float32(0.28))
                    cavity += np.float32(0.10) - np.float32(0.28) * seam
            # tangent frame: u to the image right, v down, n toward the viewer: v = t x n
            vx, vy, vz = ty * nz - tz * ny, tz * nx - tx * nz, tx * ny - ty * nx
            nx = nx - slope_u * tx - slope_v * vx
            ny = ny - slope_u * ty - slope_v * vy
            nz = nz - slope_u * tz - slope_v * vz
            length = np.sqrt(nx * nx + ny * ny + nz * nz)
            nx, ny, nz = nx / length, ny / length, nz / length
            inside = zero
            if attributes[y, x, NZ] > zero:  # the inner side is seen: it lies in the shade of the mask
                nx, ny, nz = -nx, -ny, -nz
                inside = np.float32(0.9)
            stops = p[GX] * nx + p[GY] * ny + p[GZ] * nz + cavity - inside
            rx, ry = (np.float32(x) + p[REST_X]) * p[REST_SCALE], (np.float32(y) + p[REST_Y]) * p[REST_SCALE]
            rat, rwt = _corners(rest.shape[0], rest.shape[1], rx, ry)
            stops += p[REST] * (_mix(rest, rat, rwt, 0) - p[REST_MEAN])
            down = nx * p[DOWN_X] + ny * p[DOWN_Y] + nz * p[DOWN_Z]
            t = min(max((down + np.float32(0.25)) / np.float32(1.1), zero), one)
            stops -= p[FALL] * t * t * (np.float32(3.0) - np.float32(2.0) * t)
            light = p[LEVEL] * np.exp(stops * LN2)
            facing = max(zero, -nz * np.float32(0.6) - ny * np.float32(0.7))
            gloss = np.float32(0.3) * p[SHEEN] * light * facing * facing * facing * facing
            opacity = c * opaque
            for k in range(3):
                base = b if k == 0 else (g if k == 1 else r)
                v = (base * light + gloss) * cast[k]
                if v > SHOULDER:  # a camera's shoulder: highlights bend over instead of clipping
                    e = (v - SHOULDER) / (WHITE - SHOULDER)
                    v = SHOULDER + (WHITE - SHOULDER) * e / (one + e)
                out[y, x, k] = v * opacity
            out[y, x, 3] = opacity


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
    image, layer, shadow, linear, level, grain, grain_sd, gx, gy, alpha, touched
) -> None:
    """Lay ``layer`` over ``image`` in place, in linear light; pixels it does not reach keep their bytes.

    image (h, w, 3) uint8; layer (h, w, 4) premultiplied; shadow (h, w): factor on the light of what is not
    covered; linear (256,), level (n,): tables of tone.py; grain: unit noise tile read from (gx, gy), laid on
    the mask with grain_sd levels. Fills alpha (h, w) and touched (h, w).
    """
    h, w = alpha.shape
    n = level.shape[0] - 1
    gh, gw = grain.shape
    for y in range(h):
        for x in range(w):
            a = layer[y, x, 3]
            s = shadow[y, x]
            if a < 0.004 and s > 0.997:
                alpha[y, x] = 0.0
                continue
            a = min(a, np.float32(1.0))
            alpha[y, x] = a if a >= 0.004 else 0.0
            noise = grain[(y + gy) % gh, (x + gx) % gw] * grain_sd * a
            changed = False
            for k in range(3):
                v = linear[image[y, x, k]] * s * (1 - a) + layer[y, x, k]
                v = min(max(v, np.float32(0.0)), np.float32(1.0))
                q = level[int(np.sqrt(v) * n + np.float32(0.5))] + noise
                byte = np.uint8(min(max(q + np.float32(0.5), np.float32(0.0)), np.float32(255.0)))
                if byte != image[y, x, k]:
                    image[y, x, k] = byte
                    changed = True
            touched[y, x] = changed
