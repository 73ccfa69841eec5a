"""Light on a surface: shadows, light that creeps under skin, highlights. Pieces of the kernel in resolve.py.

Everything is linear light in the camera frame (x right, y down, z away).
"""

from __future__ import annotations

import math

from numba import njit


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def sky_light(sh, nx, ny, nz, c):  # type: ignore[no-untyped-def]
    """Irradiance over pi from spherical harmonics (9, 3), order 2, for the unit normal; channel c."""
    value = sh[0, c] + sh[1, c] * ny + sh[2, c] * nz + sh[3, c] * nx
    value += sh[4, c] * nx * ny + sh[5, c] * ny * nz + sh[6, c] * (3.0 * nz * nz - 1.0)
    value += sh[7, c] * nx * nz + sh[8, c] * (nx * nx - ny * ny)
    return max(value, 0.0)


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def lit_by(shadow_map, su, sv, sd, sharpness):  # type: ignore[no-untyped-def]
    """How much of the key light arrives, 0..1: exponential shadow map (Annen et al., 2008)."""
    h, w = shadow_map.shape
    light = 1.0
    if su > 1.0 and sv > 1.0 and su < w - 2.0 and sv < h - 2.0:
        i, j = int(su), int(sv)
        a, b = su - i, sv - j
        e = (1.0 - b) * ((1.0 - a) * shadow_map[j, i] + a * shadow_map[j, i + 1])
        e += b * ((1.0 - a) * shadow_map[j + 1, i] + a * shadow_map[j + 1, i + 1])
        light = min(max(e * math.exp(-sharpness * (sd - 1.5)), 0.0), 1.0)
    return light


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def fifth(x):  # type: ignore[no-untyped-def]
    """x to the fifth, for Schlick's Fresnel term."""
    return x * x * x * x * x


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def fetch(texture, u, v, out):  # type: ignore[no-untyped-def]
    """Bilinear texel (k,) of texture (h, w, k) into out; u beyond the right edge is mirrored back."""
    h, w, channels = texture.shape
    if u > w - 1.0:
        u = 2.0 * (w - 1.0) - u
    u = min(max(u, 0.0), w - 1.001)
    v = min(max(v, 0.0), h - 1.001)
    i, j = int(u), int(v)
    a, b = u - i, v - j
    w00, w01, w10, w11 = (1.0 - a) * (1.0 - b), a * (1.0 - b), (1.0 - a) * b, a * b
    for c in range(channels):
        out[c] = (
            w00 * texture[j, i, c]
            + w01 * texture[j, i + 1, c]
            + w10 * texture[j + 1, i, c]
            + w11 * texture[j + 1, i + 1, c]
        )


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def highlight(nh, nl, nv, vh, rough):  # type: ignore[no-untyped-def]
    """GGX times the cosine, with Schlick's Fresnel and visibility terms (Walter et al., 2007; Karis,
    2013)."""
    a2 = rough * rough * rough * rough
    d = nh * nh * (a2 - 1.0) + 1.0
    k = (rough + 1.0) * (rough + 1.0) * 0.125
    under = d * d * (nl * (1.0 - k) + k) * (nv * (1.0 - k) + k)
    return 0.0796 * a2 * nl * (0.035 + 0.965 * fifth(1.0 - vh)) / under


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def illuminate(n, bump, view, albedo, wrap, gloss, rough, sky, lamps, sh, lit, rgb):  # type: ignore[no-untyped-def]
    """Light of the surroundings and of every lamp, into rgb (3,).

    n, bump: smooth and detailed normal. wrap (3,): how far light creeps around edges, per channel, as under
    skin. sky: how much of the surroundings is seen. lamps (k, 7): direction, colour, whether ``lit``
    shadows it.
    """
    nv = max(-(bump[0] * view[0] + bump[1] * view[1] + bump[2] * view[2]), 0.02)
    rx, ry, rz = view[0] + 2 * nv * bump[0], view[1] + 2 * nv * bump[1], view[2] + 2 * nv * bump[2]
    sheen = gloss * (0.025 + 0.16 * fifth(1.0 - nv)) * sky * sky
    for c in range(3):
        # light bounces out of hollows, the more the brighter the skin: sky ** (1 - 0.45 albedo), nearly
        open_sky = sky * (1.0 + 0.45 * albedo[c] * (1.0 - sky))
        rgb[c] = albedo[c] * sky_light(sh, bump[0], bump[1], bump[2], c) * open_sky
        rgb[c] += sheen * sky_light(sh, rx, ry, rz, c)
    for k in range(lamps.shape[0]):
        lx, ly, lz = lamps[k, 0], lamps[k, 1], lamps[k, 2]
        smooth_nl = n[0] * lx + n[1] * ly + n[2] * lz
        nl = bump[0] * lx + bump[1] * ly + bump[2] * lz
        if smooth_nl < -0.4 and nl < -0.4:
            continue
        shade = lit if lamps[k, 6] > 0.0 else 0.35 + 0.65 * sky
        hollow = 0.55 + 0.45 * sky
        for c in range(3):
            w = wrap[c]
            mixed = nl + (smooth_nl - nl) * min(3.0 * w, 1.0)
            d = max(mixed + w, 0.0) / (1.0 + w)
            soft = shade * (1.0 + 1.2 * w * (1.0 - shade))
            rgb[c] += albedo[c] * lamps[k, 3 + c] * d * soft * hollow
        if nl > 0.0 and gloss > 0.0:
            hx, hy, hz = lx - view[0], ly - view[1], lz - view[2]
            inv = 1.0 / math.sqrt(hx * hx + hy * hy + hz * hz + 1e-9)
            nh = max((bump[0] * hx + bump[1] * hy + bump[2] * hz) * inv, 0.0)
            if nh > 0.55:
                vh = max((lx * hx + ly * hy + lz * hz) * inv, 0.0)
                shine = highlight(nh, nl, nv, vh, rough) + 0.4 * highlight(nh, nl, nv, vh, rough * 0.62)
                shine *= gloss * shade * sky
                for c in range(3):
                    rgb[c] += shine * lamps[k, 3 + c]
