"""From "which triangle at each sample" to the colour of each pixel: the one kernel that shades.

A pixel's samples are grouped by material; each group is shaded once at its middle, so edges are anti-aliased
and the inside of a surface costs one evaluation a pixel.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .parts import CLOTH, EYE, FABRIC, SKIN, TEETH
from .shade import dot, fifth, illuminate, lit_by, mirrored, sky_light, unit, unit_interval
from .surfaces import (
    cloth_surface,
    eye_surface,
    fabric_surface,
    frame_surface,
    skin_surface,
    teeth_surface,
)

#: ids from here on are points of hair
HAIR_BASE = 1 << 24
#: samples of one material that lie further apart in depth (mm) are shaded apart
_SPLIT = 9.0


@njit(cache=True)
def pack(points, normals, shadow_at, attributes, space):  # type: ignore[no-untyped-def]
    """All about a vertex in one cache line, (n, 16): x, y in samples (0, 1), normal (2-4), place in the
    shadow map (5-7), attributes (8-11), place in camera axes, mm (12-14)."""
    out = np.zeros((len(points), 16), np.float32)
    for i in range(len(points)):
        out[i, 0], out[i, 1] = points[i, 0], points[i, 1]
        for c in range(3):
            out[i, 2 + c], out[i, 5 + c], out[i, 12 + c] = normals[i, c], shadow_at[i, c], space[i, c]
        for c in range(4):
            out[i, 8 + c] = attributes[i, c]
    return out


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def _wet(n, view, sky, lit, lamps, sh):  # type: ignore[no-untyped-def]
    """The mirror of lamps and surroundings in the film of tears, red, green, blue."""
    nv = max(-dot(n, view), 0.02)
    to = mirrored(view, n, nv)
    seen, part = sky_light(sh, to), (0.025 + 0.5 * fifth(1.0 - nv)) * sky * 0.8
    r, g, b = part * seen[0], part * seen[1], part * seen[2]
    for k in range(lamps.shape[0]):
        towards = to[0] * lamps[k, 0] + to[1] * lamps[k, 1] + to[2] * lamps[k, 2]
        spot = unit_interval((towards - 0.978) / 0.014) * sky * (lit if lamps[k, 6] > 0.0 else 1.0) * 0.4
        r, g, b = r + spot * lamps[k, 3], g + spot * lamps[k, 4], b + spot * lamps[k, 5]
    return r, g, b


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def _place(vertices, i, c):  # type: ignore[no-untyped-def]
    return (vertices[i, c], vertices[i, c + 1], vertices[i, c + 2])


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def _blend(vertices, i0, i1, i2, w0, w1, w2, c):  # type: ignore[no-untyped-def]
    """Three values of a vertex from c on, interpolated."""
    return (
        w0 * vertices[i0, c] + w1 * vertices[i1, c] + w2 * vertices[i2, c],
        w0 * vertices[i0, c + 1] + w1 * vertices[i1, c + 1] + w2 * vertices[i2, c + 1],
        w0 * vertices[i0, c + 2] + w1 * vertices[i1, c + 2] + w2 * vertices[i2, c + 2],
    )


@njit(cache=True, fastmath=True, error_model="numpy")
def _fabric_tangents(vertices, i0, i1, i2):  # type: ignore[no-untyped-def]
    """Unit directions in which u and v of the texture grow across a triangle."""
    du1, dv1 = vertices[i1, 8] - vertices[i0, 8], vertices[i1, 9] - vertices[i0, 9]
    du2, dv2 = vertices[i2, 8] - vertices[i0, 8], vertices[i2, 9] - vertices[i0, 9]
    det = du1 * dv2 - du2 * dv1
    det = 1.0 / det if abs(det) > 1e-9 else 0.0
    o, p, q = _place(vertices, i0, 12), _place(vertices, i1, 12), _place(vertices, i2, 12)
    e, f = (p[0] - o[0], p[1] - o[1], p[2] - o[2]), (q[0] - o[0], q[1] - o[1], q[2] - o[2])
    across = (
        (e[0] * dv2 - f[0] * dv1) * det,
        (e[1] * dv2 - f[1] * dv1) * det,
        (e[2] * dv2 - f[2] * dv1) * det,
    )
    along = (
        (f[0] * du1 - e[0] * du2) * det,
        (f[1] * du1 - e[1] * du2) * det,
        (f[2] * du1 - e[2] * du2) * det,
    )
    return unit(across), unit(along)


# inlined: a call would hand over a hundred numbers for every pixel, all its arrays in parts
@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def _shade(  # type: ignore[no-untyped-def]
    t, mat, px, py, samples, triangles, vertices, head_down, focal, middle, skin_map, fabric_map, eye, cloth,
    frame, whiteness, lamps, sh, shadow_map, sharpness,
):  # fmt: skip
    """Light (red, green, blue) that triangle t, of material mat, sends from the sample position (px, py)."""
    i0, i1, i2 = triangles[t, 0], triangles[t, 1], triangles[t, 2]
    ax, ay = vertices[i1, 0] - vertices[i0, 0], vertices[i1, 1] - vertices[i0, 1]
    bx, by = vertices[i2, 0] - vertices[i0, 0], vertices[i2, 1] - vertices[i0, 1]
    inv = 1.0 / (ax * by - bx * ay)
    dx, dy = px - vertices[i0, 0], py - vertices[i0, 1]
    # single precision, as the vertices are: doubles would convert each of 36 numbers
    w1 = np.float32(min(max((dx * by - bx * dy) * inv, -0.4), 1.4))
    w2 = np.float32(min(max((ax * dy - dx * ay) * inv, -0.4), 1.4))
    w0 = np.float32(1.0) - w1 - w2
    n = unit(_blend(vertices, i0, i1, i2, w0, w1, w2, 2))
    at = _blend(vertices, i0, i1, i2, w0, w1, w2, 5)
    a0, a1, a2 = _blend(vertices, i0, i1, i2, w0, w1, w2, 8)
    attr = (a0, a1, a2, w0 * vertices[i0, 11] + w1 * vertices[i1, 11] + w2 * vertices[i2, 11])
    view = (0.0, 0.0, 1.0)
    if focal > 0.0:
        vx = ((px + 0.5) / samples - 0.5 - middle[0]) / focal
        vy = ((py + 0.5) / samples - 0.5 - middle[1]) / focal
        view = unit((vx, vy, 1.0))
    lit = lit_by(shadow_map, at[0], at[1], at[2], sharpness)
    if mat == SKIN:
        albedo, bump, wrap, gloss, rough, sky = skin_surface(n, attr, skin_map, head_down)
    elif mat == CLOTH:
        albedo, bump, wrap, gloss, rough, sky = cloth_surface(n, attr, cloth)
    elif mat == EYE:
        albedo, bump, wrap, gloss, rough, sky = eye_surface(n, attr, eye)
    elif mat == TEETH:
        albedo, bump, wrap, gloss, rough, sky = teeth_surface(n, attr, whiteness)
    elif mat == FABRIC:
        u_way, v_way = _fabric_tangents(vertices, i0, i1, i2)
        albedo, bump, wrap, gloss, rough, sky = fabric_surface(n, view, attr, fabric_map, u_way, v_way)
        n = bump
    else:
        albedo, bump, wrap, gloss, rough, sky = frame_surface(n, attr, frame)
    r, g, b = illuminate(n, bump, view, albedo, wrap, gloss, rough, sky, lamps, sh, lit)
    if mat == EYE:
        wet = _wet(n, view, sky, lit, lamps, sh)
        r, g, b = r + wet[0], g + wet[1], b + wet[2]
    return r, g, b


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def _gather(group, k, material, depth, left, top, across, down):  # type: ignore[no-untyped-def]
    """Take sample k and all that are of its surface out of the group: their mean position, and how many."""
    t = group[k]
    mat, near = material[t], depth[top + down[k], left + across[k]]
    sx, sy, members = 0, 0, 0
    for m in range(k, len(group)):
        other = group[m]
        if other < 0 or other >= HAIR_BASE or (other != t and material[other] != mat):
            continue
        if abs(depth[top + down[m], left + across[m]] - near) > _SPLIT:
            continue
        sx += across[m]
        sy += down[m]
        members += 1
        group[m] = -1
    part = 1.0 / members
    return left + sx * part, top + sy * part, members


@njit(cache=True, fastmath=True, error_model="numpy")
def resolve(  # type: ignore[no-untyped-def]
    ids, depth, samples, triangles, material, vertices, axes, focal, middle, skin_map, fabric_map, eye,
    cloth, frame, whiteness, lamps, sh, shadow_map, sharpness, hair_rgb, background, rgb, cover,
):  # fmt: skip
    """Shade every pixel over the background: rgb (h, w, 3) light; cover (h, w, 3) by all, skin, fabric.

    vertices (n, 16): as `pack` makes them; focal 0 is an orthographic view. hair_rgb (k, 3): colours of
    points of hair, addressed by ids from HAIR_BASE on. background (h, w, 3).
    """
    height, width = rgb.shape[:2]
    count = samples * samples
    share = 1.0 / count
    group = np.zeros(count, np.int32)
    # where the samples of a pixel lie: divisions are too slow for the loop
    across = np.array([k % samples for k in range(count)], np.int32)
    down = np.array([k // samples for k in range(count)], np.int32)
    head_down = (float(axes[0, 1]), float(axes[1, 1]), float(axes[2, 1]))
    for y in range(height):
        for x in range(width):
            seen = False
            for k in range(count):
                group[k] = ids[y * samples + down[k], x * samples + across[k]]
                seen |= group[k] >= 0
            if not seen:
                for c in range(3):
                    rgb[y, x, c] = background[y, x, c]
                continue
            red, green, blue, total = 0.0, 0.0, 0.0, 0.0
            for k in range(count):
                t = group[k]
                if t < 0:
                    continue
                if t >= HAIR_BASE:
                    red += hair_rgb[t - HAIR_BASE, 0] * share
                    green += hair_rgb[t - HAIR_BASE, 1] * share
                    blue += hair_rgb[t - HAIR_BASE, 2] * share
                    total += share
                    continue
                mat = material[t]
                px, py, members = _gather(group, k, material, depth, x * samples, y * samples, across, down)
                r, g, b = _shade(
                    t, mat, px, py, samples, triangles, vertices, head_down, focal, middle, skin_map,
                    fabric_map, eye, cloth, frame, whiteness, lamps, sh, shadow_map, sharpness,
                )  # fmt: skip
                weight = members * share
                if mat == SKIN:
                    cover[y, x, 1] += weight
                elif mat == FABRIC:
                    cover[y, x, 2] += weight
                red += r * weight
                green += g * weight
                blue += b * weight
                total += weight
            rest = 1.0 - total
            cover[y, x, 0] = total
            rgb[y, x, 0] = red + background[y, x, 0] * rest
            rgb[y, x, 1] = green + background[y, x, 1] * rest
            rgb[y, x, 2] = blue + background[y, x, 2] * rest
