"""Pixels of the mask in linear light, and laying them into the photograph."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

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
SHOULDER, WHITE = np.float32(0.70), np.float32(0.985)


@njit(cache=True, nogil=True, inline="always")
def _fetch(image, x, y, k):  # type: ignore[no-untyped-def]
    """Bilinear sample of channel k at texel (x, y), clamped to the border."""
    h, w = image.shape[0], image.shape[1]
    x = min(max(x, np.float32(0.0)), np.float32(w - 1))
    y = min(max(y, np.float32(0.0)), np.float32(h - 1))
    x0, y0 = int(x), int(y)
    x1, y1 = min(x0 + 1, w - 1), min(y0 + 1, h - 1)
    fx, fy = x - x0, y - y0
    top = image[y0, x0, k] * (1 - fx) + image[y0, x1, k] * fx
    low = image[y1, x0, k] * (1 - fx) + image[y1, x1, k] * fx
    return top * (1 - fy) + low * fy


@njit(cache=True, nogil=True, inline="always")
def _fetch_tiled(image, x, y, k):  # type: ignore[no-untyped-def]
    """Bilinear sample of channel k at texel (x, y) of a seamless tile."""
    h, w = image.shape[0], image.shape[1]
    bx, by = np.floor(x), np.floor(y)
    fx, fy = x - bx, y - by
    x0, y0 = int(bx) % w, int(by) % h
    x1, y1 = (x0 + 1) % w, (y0 + 1) % h
    top = image[y0, x0, k] * (1 - fx) + image[y0, x1, k] * fx
    low = image[y1, x0, k] * (1 - fx) + image[y1, x1, k] * fx
    return top * (1 - fy) + low * fy


@njit(cache=True, nogil=True)
def shade(  # type: ignore[no-untyped-def]
    coverage, attributes, albedo, print_, relief, alpha, tile, crease, rest, color, strap_colors, cast, p, out
) -> None:
    """Linear colour of mask and straps times their opacity, and the opacity, into ``out`` (h, w, 4).

    coverage (h, w); attributes (h, w, ATTRIBUTES) where covered; the style's maps of fabric.Level; tile
    (th, tw, 4); crease (n, n, 2); rest: map of stops; color (3,), strap_colors (s, 3) linear BGR albedo;
    cast (3,); p: the parameter vector.
    """
    h, w = coverage.shape
    mh, mw = albedo.shape[0], albedo.shape[1]
    for y in range(h):
        for x in range(w):
            c = coverage[y, x]
            if c <= 0.0:
                continue
            a = attributes[y, x]
            nx, ny, nz = a[NX], a[NY], a[NZ]
            tx, ty, tz = a[TX], a[TY], a[TZ]
            strap = int(a[STRAP_ID] + np.float32(0.5))
            opaque = np.float32(1.0)
            cavity = np.float32(0.0)
            slope_u, slope_v = np.float32(0.0), np.float32(0.0)
            if strap > 0:
                # a cord is round: its normal leans to the side it is seen on
                slope_u = np.float32(-0.9) * (2 * a[U] - 1)
                b, g, r = strap_colors[strap - 1, 0], strap_colors[strap - 1, 1], strap_colors[strap - 1, 2]
            else:
                mx, my = a[U] * (mw - 1), a[V] * (mh - 1)
                b = color[0] * _fetch(albedo, mx, my, 0)
                g = color[1] * _fetch(albedo, mx, my, 1)
                r = color[2] * _fetch(albedo, mx, my, 2)
                if p[TILE_WEIGHT] > 0.0:
                    sx = a[MM_X] / p[TILE_MM] * tile.shape[1]
                    sy = a[MM_Y] / p[TILE_MM] * tile.shape[0]
                    keep = 1 - p[TILE_WEIGHT] * _fetch_tiled(tile, sx, sy, 3)
                    b = b * keep + p[TILE_WEIGHT] * _fetch_tiled(tile, sx, sy, 0)
                    g = g * keep + p[TILE_WEIGHT] * _fetch_tiled(tile, sx, sy, 1)
                    r = r * keep + p[TILE_WEIGHT] * _fetch_tiled(tile, sx, sy, 2)
                over = _fetch(print_, mx, my, 3)
                if over > 0.0:
                    b = b * (1 - over) + _fetch(print_, mx, my, 0)
                    g = g * (1 - over) + _fetch(print_, mx, my, 1)
                    r = r * (1 - over) + _fetch(print_, mx, my, 2)
                opaque = _fetch(alpha, mx, my, 0)
                slope_u, slope_v = _fetch(relief, mx, my, 0), _fetch(relief, mx, my, 1)
                cavity = _fetch(relief, mx, my, 2)
                cu, cv = a[MM_X] * np.float32(0.9) + p[CREASE_X], a[MM_Y] * np.float32(0.9) + p[CREASE_Y]
                slope_u += p[CREASE] * _fetch_tiled(crease, cu, cv, 0)
                slope_v += p[CREASE] * _fetch_tiled(crease, cu, cv, 1)
                if p[HEM] > 0.0 and a[RIM] < p[HEM]:
                    t = a[RIM] / p[HEM]
                    # the folded edge is double cloth: a touch lighter, with a sunk seam where it ends
                    cavity += np.float32(0.10) - np.float32(0.28) * max(
                        np.float32(0.0), (t - np.float32(0.72)) / np.float32(0.28)
                    )
            # tangent frame: u to the image right, v down, n toward the viewer: v = t x n
            vx, vy, vz = ty * nz - tz * ny, tz * nx - tx * nz, tx * ny - ty * nx
            nx, ny, nz = (
                nx - slope_u * tx - slope_v * vx,
                ny - slope_u * ty - slope_v * vy,
                nz - slope_u * tz - slope_v * vz,
            )
            length = np.sqrt(nx * nx + ny * ny + nz * nz)
            nx, ny, nz = nx / length, ny / length, nz / length
            inside = np.float32(0.0)
            if a[NZ] > 0.0:  # the inner side is seen: it lies in the shade of the mask
                nx, ny, nz = -nx, -ny, -nz
                inside = np.float32(0.9)
            stops = p[GX] * nx + p[GY] * ny + p[GZ] * nz + cavity - inside
            rx, ry = (x + p[REST_X]) * p[REST_SCALE], (y + p[REST_Y]) * p[REST_SCALE]
            stops += p[REST] * (_fetch(rest, rx, ry, 0) - p[REST_MEAN])
            down = nx * p[DOWN_X] + ny * p[DOWN_Y] + nz * p[DOWN_Z]
            t = min(max((down + np.float32(0.25)) / np.float32(1.1), np.float32(0.0)), np.float32(1.0))
            stops -= p[FALL] * t * t * (3 - 2 * t)
            light = p[LEVEL] * np.float32(2.0) ** stops
            gloss = p[SHEEN] * light * max(np.float32(0.0), -nz * np.float32(0.6) - ny * np.float32(0.7)) ** 8
            opacity = c * opaque
            for k in range(3):
                base = b if k == 0 else (g if k == 1 else r)
                v = (base * light + gloss) * cast[k]
                if v > SHOULDER:  # a camera's shoulder: highlights bend over instead of clipping
                    e = (v - SHOULDER) / (WHITE - SHOULDER)
                    v = SHOULDER + (WHITE - SHOULDER) * e / (1 + e)
                out[y, x, k] = v * opacity
            out[y, x, 3] = opacity


@njit(cache=True, nogil=True)
def tone_like(layer: F32, curve: NDArray[np.float64]) -> None:
    """Give ``layer`` (h, w, 4) premultiplied linear BGR the chroma that ``curve`` (2, 3) has at its luminance."""
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


@njit(cache=True, nogil=True)
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
