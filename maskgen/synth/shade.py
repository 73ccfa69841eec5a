"""Light on a surface: shadows, light that creeps under skin, highlights. Pieces of the kernel in resolve.py.

Everything is linear light in the camera frame (x right, y down, z away). Vectors and colours are tuples of
three, which the compiler keeps in registers.
"""

from __future__ import annotations

import math

from numba import njit


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def dot(a, b):  # type: ignore[no-untyped-def]
    """Scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def unit(a):  # type: ignore[no-untyped-def]
    """The vector at length 1."""
    inv = 1.0 / math.sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2] + 1e-12)
    return (a[0] * inv, a[1] * inv, a[2] * inv)


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def unit_interval(x):  # type: ignore[no-untyped-def]
    """x held in 0..1."""
    return min(max(x, 0.0), 1.0)


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def mirrored(view, n, nv):  # type: ignore[no-untyped-def]
    """The direction a mirror at n sends the view to; nv is their cosine."""
    return (view[0] + 2.0 * nv * n[0], view[1] + 2.0 * nv * n[1], view[2] + 2.0 * nv * n[2])


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def sky_light(sh, n):  # type: ignore[no-untyped-def]
    """Irradiance over pi (red, green, blue) from spherical harmonics (9, 3), order 2, for the unit normal."""
    x, y, z = n
    xy, yz, zz, xz, xx = x * y, y * z, 3.0 * z * z - 1.0, x * z, x * x - y * y
    r = sh[0, 0] + sh[1, 0] * y + sh[2, 0] * z + sh[3, 0] * x + sh[4, 0] * xy + sh[5, 0] * yz
    g = sh[0, 1] + sh[1, 1] * y + sh[2, 1] * z + sh[3, 1] * x + sh[4, 1] * xy + sh[5, 1] * yz
    b = sh[0, 2] + sh[1, 2] * y + sh[2, 2] * z + sh[3, 2] * x + sh[4, 2] * xy + sh[5, 2] * yz
    r += sh[6, 0] * zz + sh[7, 0] * xz + sh[8, 0] * xx
    g += sh[6, 1] * zz + sh[7, 1] * xz + sh[8, 1] * xx
    b += sh[6, 2] * zz + sh[7, 2] * xz + sh[8, 2] * xx
    return (max(r, 0.0), max(g, 0.0), max(b, 0.0))


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
def highlight(nh, nl, nv, vh, rough):  # type: ignore[no-untyped-def]
    """GGX times the cosine, with Schlick's Fresnel and visibility (Walter et al., 2007; Karis, 2013)."""
    a2 = rough * rough * rough * rough
    d = nh * nh * (a2 - 1.0) + 1.0
    k = (rough + 1.0) * (rough + 1.0) * 0.125
    under = d * d * (nl * (1.0 - k) + k) * (nv * (1.0 - k) + k)
    return 0.0796 * a2 * nl * (0.035 + 0.965 * fifth(1.0 - vh)) / under


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def _creeping(nl, smooth_nl, wrap, shade):  # type: ignore[no-untyped-def]
    """Diffuse light of one channel and lamp: wrap is how far it creeps around edges, as under skin."""
    mixed = nl + (smooth_nl - nl) * min(3.0 * wrap, 1.0)
    return max(mixed + wrap, 0.0) / (1.0 + wrap) * shade * (1.0 + 1.2 * wrap * (1.0 - shade))


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def illuminate(n, bump, view, albedo, wrap, gloss, rough, sky, lamps, sh, lit):  # type: ignore[no-untyped-def]
    """Light of the surroundings and of every lamp, red, green, blue.

    n, bump: smooth and detailed normal. wrap: how far light creeps around edges, per channel. sky: how much
    of the surroundings is seen. lamps (k, 7): direction, colour, whether ``lit`` shadows it.
    """
    nv = max(-dot(bump, view), 0.02)
    sheen = gloss * (0.025 + 0.16 * fifth(1.0 - nv)) * sky * sky
    around, seen = sky_light(sh, bump), sky_light(sh, mirrored(view, bump, nv))
    # light bounces out of hollows, the more the brighter the skin: sky ** (1 - 0.45 albedo), nearly
    bounce = 0.45 * (1.0 - sky)
    r = albedo[0] * around[0] * sky * (1.0 + bounce * albedo[0]) + sheen * seen[0]
    g = albedo[1] * around[1] * sky * (1.0 + bounce * albedo[1]) + sheen * seen[1]
    b = albedo[2] * around[2] * sky * (1.0 + bounce * albedo[2]) + sheen * seen[2]
    hollow = 0.55 + 0.45 * sky
    for k in range(lamps.shape[0]):
        to = (lamps[k, 0], lamps[k, 1], lamps[k, 2])
        smooth_nl, nl = dot(n, to), dot(bump, to)
        if smooth_nl < -0.4 and nl < -0.4:
            continue
        shade = lit if lamps[k, 6] > 0.0 else 0.35 + 0.65 * sky
        shine = 0.0
        if nl > 0.0 and gloss > 0.0:
            half = unit((to[0] - view[0], to[1] - view[1], to[2] - view[2]))
            nh = dot(bump, half)
            if nh > 0.55:
                vh = max(dot(to, half), 0.0)
                shine = highlight(nh, nl, nv, vh, rough) + 0.4 * highlight(nh, nl, nv, vh, rough * 0.62)
                shine *= gloss * shade * sky
        r += lamps[k, 3] * (albedo[0] * hollow * _creeping(nl, smooth_nl, wrap[0], shade) + shine)
        g += lamps[k, 4] * (albedo[1] * hollow * _creeping(nl, smooth_nl, wrap[1], shade) + shine)
        b += lamps[k, 5] * (albedo[2] * hollow * _creeping(nl, smooth_nl, wrap[2], shade) + shine)
    return (r, g, b)
