"""Light on surfaces: shadows, light that creeps under skin, highlights. Kernels that resolve.py runs.

Everything is linear light in the camera frame (x right, y down, z away), single precision. A chunk holds
CHUNK points of one material as rows of one flat array, ROW * CHUNK + point: with one base address and
distances that the compiler knows, it turns every loop below into vector instructions. Kernels run over whole
chunks; what is beyond the last point is never read.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy import float32 as f32

from .compiled import FINITE

#: points shaded at a time: all rows stay in the processor's first caches
CHUNK = 256

# rows: position in samples; normal; place in the shadow map and depth there; attributes; view; bump (fine
# normal); reflectance; gloss, roughness, openness to the sky, share of the key light; ways of u and v of
# a fabric; light that leaves the surface
(PX, PY, NX, NY, NZ, SU, SV, SD, A0, A1, A2, A3, VX, VY, VZ, BX, BY, BZ, RED, GREEN, BLUE, GLOSS, ROUGH, SKY,
 LIT, U0, U1, U2, V0, V1, V2, OUT_R, OUT_G, OUT_B) = (row * CHUNK for row in range(34))  # fmt: skip
ROWS = 34


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def unit_interval(x):  # type: ignore[no-untyped-def]
    """x held in 0..1."""
    return min(max(x, f32(0.0)), f32(1.0))


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def sky_light(sh, c, x, y, z):  # type: ignore[no-untyped-def]
    """Irradiance over pi of colour c from spherical harmonics (9, 3), order 2, for the unit normal."""
    light = sh[0, c] + sh[1, c] * y + sh[2, c] * z + sh[3, c] * x + sh[4, c] * (x * y) + sh[5, c] * (y * z)
    light += sh[6, c] * (f32(3.0) * z * z - f32(1.0)) + sh[7, c] * (x * z) + sh[8, c] * (x * x - y * y)
    return max(light, f32(0.0))


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def arriving(shadow_map, u, v, depth, sharpness):  # type: ignore[no-untyped-def]
    """Exponent of the light that arrives, 0 where all does: shadow map (h, w) of depths in mm, bilinear."""
    h, w = shadow_map.shape
    u = min(max(u, f32(0.0)), f32(w - 2))
    v = min(max(v, f32(0.0)), f32(h - 2))
    i, j = np.uint32(u), np.uint32(v)
    a, b = u - f32(i), v - f32(j)
    top = shadow_map[j, i] + a * (shadow_map[j, i + 1] - shadow_map[j, i])
    low = shadow_map[j + 1, i] + a * (shadow_map[j + 1, i + 1] - shadow_map[j + 1, i])
    return min(sharpness * (top + b * (low - top) - depth + f32(1.5)), f32(0.0))


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def falling(x):  # type: ignore[no-untyped-def]
    """The exponential of x <= 0, to 0.003: (1 + x / 64) ^ 64."""
    e = f32(1.0) + max(x, f32(-16.0)) * f32(1.0 / 64.0)
    e *= e
    e *= e
    e *= e
    e *= e
    e *= e
    return e * e


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def fifth(x):  # type: ignore[no-untyped-def]
    """x to the fifth, for Schlick's Fresnel term."""
    return x * x * (x * x) * x


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def highlight(nh, nl, nv, vh, rough):  # type: ignore[no-untyped-def]
    """GGX times the cosine, with Schlick's Fresnel and visibility (Walter et al., 2007; Karis, 2013).

    Two lobes, the second 0.62 times as rough and 0.4 times as strong, over one denominator.
    """
    one, nh2 = f32(1.0), nh * nh
    a = rough * rough * rough * rough
    b = a * f32(0.62**4)
    d, e = nh2 * (a - one) + one, nh2 * (b - one) + one
    d, e = d * d, e * e
    k = (rough + one) * (rough + one) * f32(0.125)
    under = (nl * (one - k) + k) * (nv * (one - k) + k) * d * e
    return f32(0.0796) * nl * (f32(0.035) + f32(0.965) * fifth(one - vh)) * (a * e + f32(0.4) * b * d) / under


@njit(cache=True, fastmath=FINITE, error_model="numpy", inline="always")
def _creeping(nl, smooth_nl, wrap, shade):  # type: ignore[no-untyped-def]
    """Diffuse light of one channel and lamp: wrap is how far it creeps around edges, as under skin."""
    mixed = nl + (smooth_nl - nl) * min(f32(3.0) * wrap, f32(1.0))
    creeping = max(mixed + wrap, f32(0.0)) / (f32(1.0) + wrap)
    return creeping * shade * (f32(1.0) + f32(1.2) * wrap * (f32(1.0) - shade))


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def find_shadow(p, n, shadow_map, sharpness):  # type: ignore[no-untyped-def]
    """Row LIT: how much of the key light arrives, 0..1 (exponential shadow map, Annen et al., 2008)."""
    for i in range(min(n, CHUNK)):
        p[LIT + i] = arriving(shadow_map, p[SU + i], p[SV + i], p[SD + i], sharpness)
    for i in range(CHUNK):
        p[LIT + i] = falling(p[LIT + i])


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def light_of_the_sky(p, sh):  # type: ignore[no-untyped-def]
    """Rows OUT: what the surroundings' light makes of the surface, and their mirror in it."""
    for i in range(CHUNK):
        bx, by, bz = p[BX + i], p[BY + i], p[BZ + i]
        sky, gloss = p[SKY + i], p[GLOSS + i]
        nv = max(-(bx * p[VX + i] + by * p[VY + i] + bz * p[VZ + i]), f32(0.02))
        sheen = gloss * (f32(0.025) + f32(0.16) * fifth(f32(1.0) - nv)) * sky * sky
        # light bounces out of hollows, the more the brighter the skin: sky ** (1 - 0.45 albedo), nearly
        bounce = f32(0.45) * (f32(1.0) - sky)
        mx = p[VX + i] + f32(2.0) * nv * bx
        my = p[VY + i] + f32(2.0) * nv * by
        mz = p[VZ + i] + f32(2.0) * nv * bz
        r, g, b = p[RED + i], p[GREEN + i], p[BLUE + i]
        r = r * sky_light(sh, 0, bx, by, bz) * sky * (f32(1.0) + bounce * r)
        g = g * sky_light(sh, 1, bx, by, bz) * sky * (f32(1.0) + bounce * g)
        b = b * sky_light(sh, 2, bx, by, bz) * sky * (f32(1.0) + bounce * b)
        p[OUT_R + i] = r + sheen * sky_light(sh, 0, mx, my, mz)
        p[OUT_G + i] = g + sheen * sky_light(sh, 1, mx, my, mz)
        p[OUT_B + i] = b + sheen * sky_light(sh, 2, mx, my, mz)


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def light_of_a_lamp(p, lx, ly, lz, red, green, blue, shadowed, wrap_r, wrap_g, wrap_b):  # type: ignore[no-untyped-def]
    """Add a lamp's light to the rows OUT. shadowed: 1 where LIT says how much of it arrives, 0 for a fill.

    wrap: how far light creeps around edges, per colour.
    """
    for i in range(CHUNK):
        bx, by, bz = p[BX + i], p[BY + i], p[BZ + i]
        sky, gloss = p[SKY + i], p[GLOSS + i]
        smooth_nl = p[NX + i] * lx + p[NY + i] * ly + p[NZ + i] * lz
        nl = bx * lx + by * ly + bz * lz
        fill = f32(0.35) + f32(0.65) * sky
        shade = fill + shadowed * (p[LIT + i] - fill)
        hx, hy, hz = lx - p[VX + i], ly - p[VY + i], lz - p[VZ + i]
        inv = f32(1.0) / math.sqrt(hx * hx + hy * hy + hz * hz + f32(1e-9))
        nh = max((bx * hx + by * hy + bz * hz) * inv, f32(0.0))
        vh = max((lx * hx + ly * hy + lz * hz) * inv, f32(0.0))
        nv = max(-(bx * p[VX + i] + by * p[VY + i] + bz * p[VZ + i]), f32(0.02))
        front, rough = max(nl, f32(0.0)), p[ROUGH + i]
        shine = gloss * shade * sky * highlight(nh, front, nv, vh, rough)
        hollow = f32(0.55) + f32(0.45) * sky
        r = p[RED + i] * hollow * _creeping(nl, smooth_nl, wrap_r, shade) + shine
        g = p[GREEN + i] * hollow * _creeping(nl, smooth_nl, wrap_g, shade) + shine
        b = p[BLUE + i] * hollow * _creeping(nl, smooth_nl, wrap_b, shade) + shine
        p[OUT_R + i] += red * r
        p[OUT_G + i] += green * g
        p[OUT_B + i] += blue * b


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def wet_mirror(p, lamps, sh):  # type: ignore[no-untyped-def]
    """Add to the rows OUT the mirror of lamps and surroundings in a film of tears."""
    for i in range(CHUNK):
        nx, ny, nz, sky = p[NX + i], p[NY + i], p[NZ + i], p[SKY + i]
        nv = max(-(nx * p[VX + i] + ny * p[VY + i] + nz * p[VZ + i]), f32(0.02))
        mx = p[VX + i] + f32(2.0) * nv * nx
        my = p[VY + i] + f32(2.0) * nv * ny
        mz = p[VZ + i] + f32(2.0) * nv * nz
        part = (f32(0.025) + f32(0.5) * fifth(f32(1.0) - nv)) * sky * f32(0.8)
        r = part * sky_light(sh, 0, mx, my, mz)
        g = part * sky_light(sh, 1, mx, my, mz)
        b = part * sky_light(sh, 2, mx, my, mz)
        for k in range(lamps.shape[0]):
            towards = mx * lamps[k, 0] + my * lamps[k, 1] + mz * lamps[k, 2]
            arrives = f32(1.0) + lamps[k, 6] * (p[LIT + i] - f32(1.0))
            spot = unit_interval((towards - f32(0.978)) / f32(0.014)) * sky * arrives * f32(0.4)
            r, g, b = r + spot * lamps[k, 3], g + spot * lamps[k, 4], b + spot * lamps[k, 5]
        p[OUT_R + i] += r
        p[OUT_G + i] += g
        p[OUT_B + i] += b


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def illuminate(p, lamps, sh, wrap_r, wrap_g, wrap_b):  # type: ignore[no-untyped-def]
    """Rows OUT: surroundings and every lamp (k, 7): direction, colour, whether LIT shadows it."""
    light_of_the_sky(p, sh)
    for k in range(lamps.shape[0]):
        light_of_a_lamp(p, lamps[k, 0], lamps[k, 1], lamps[k, 2], lamps[k, 3], lamps[k, 4], lamps[k, 5],
                        lamps[k, 6], wrap_r, wrap_g, wrap_b)  # fmt: skip
