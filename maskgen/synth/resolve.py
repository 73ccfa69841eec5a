"""From "which triangle at each sample" to the colour of each pixel: the one kernel that shades.

A pixel's samples are grouped by material; each group is shaded once at its middle, so edges are anti-aliased
and the inside of a surface costs one evaluation a pixel.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from .parts import CLOTH, EYE, FABRIC, SKIN, TEETH
from .shade import fifth, illuminate, lit_by, sky_light
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
def _wet(n, view, sky, lit, lamps, sh, rgb):  # type: ignore[no-untyped-def]
    """The mirror of lamps and surroundings in the film of tears."""
    nv = max(-(n[0] * view[0] + n[1] * view[1] + n[2] * view[2]), 0.02)
    rx, ry, rz = view[0] + 2 * nv * n[0], view[1] + 2 * nv * n[1], view[2] + 2 * nv * n[2]
    fresnel = 0.025 + 0.5 * fifth(1.0 - nv)
    for c in range(3):
        rgb[c] += fresnel * sky_light(sh, rx, ry, rz, c) * sky * 0.8
    for k in range(lamps.shape[0]):
        towards = rx * lamps[k, 0] + ry * lamps[k, 1] + rz * lamps[k, 2]
        spot = min(max((towards - 0.955) / 0.03, 0.0), 1.0) * sky * (lit if lamps[k, 6] > 0.0 else 1.0)
        for c in range(3):
            rgb[c] += spot * lamps[k, 3 + c] * 0.45


@njit(cache=True, fastmath=True, error_model="numpy", inline="always")
def _fabric_tangents(vertices, i0, i1, i2, out):  # type: ignore[no-untyped-def]
    """Unit directions (2, 3) in which u and v of the texture grow across a triangle."""
    du1, dv1 = vertices[i1, 8] - vertices[i0, 8], vertices[i1, 9] - vertices[i0, 9]
    du2, dv2 = vertices[i2, 8] - vertices[i0, 8], vertices[i2, 9] - vertices[i0, 9]
    det = du1 * dv2 - du2 * dv1
    det = 1.0 / det if abs(det) > 1e-9 else 0.0
    lu, lv = 1e-12, 1e-12
    for c in range(3):
        e1, e2 = vertices[i1, 12 + c] - vertices[i0, 12 + c], vertices[i2, 12 + c] - vertices[i0, 12 + c]
        out[0, c] = (e1 * dv2 - e2 * dv1) * det
        out[1, c] = (e2 * du1 - e1 * du2) * det
        lu += out[0, c] ** 2
        lv += out[1, c] ** 2
    for c in range(3):
        out[0, c] /= math.sqrt(lu)
        out[1, c] /= math.sqrt(lv)


@njit(cache=True, fastmath=True, error_model="numpy")
def resolve(  # type: ignore[no-untyped-def]
    ids, depth, samples, triangles, material, vertices, axes, focal, middle, skin_map, fabric_map, eye,
    cloth, frame, whiteness, lamps, sh, shadow_map, sharpness, hair_rgb, background, rgb, cover,
):  # fmt: skip
    """Shade every pixel over the background: rgb (h, w, 3) light; cover (h, w, 3) by all, skin, fabric.

    vertices (n, 16): as `pack` makes them; focal 0 is an orthographic view.
    hair_rgb (k, 3): colours of points of hair, addressed by ids from HAIR_BASE on. background (h, w, 3).
    """
    height, width = rgb.shape[:2]
    texel, albedo, bump, wrap = np.zeros(8), np.zeros(3), np.zeros(3), np.zeros(3)
    n, view, at, colour, attr = np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(4)
    tangents = np.zeros((2, 3))
    view[2] = 1.0
    count = samples * samples
    share = np.float32(1.0 / count)
    group = np.zeros(count, np.int32)
    # where the samples of a pixel lie: divisions are too slow for the loop
    across = np.array([k % samples for k in range(count)], np.int32)
    down = np.array([k // samples for k in range(count)], np.int32)
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
            for k in range(count):
                t = group[k]
                if t < 0:
                    continue
                if t >= HAIR_BASE:
                    for c in range(3):
                        rgb[y, x, c] += hair_rgb[t - HAIR_BASE, c] * share
                    cover[y, x, 0] += share
                    continue
                mat = material[t]
                near = depth[y * samples + down[k], x * samples + across[k]]
                sx, sy, members = 0, 0, 0
                for m in range(k, count):
                    other = group[m]
                    if other < 0 or other >= HAIR_BASE or material[other] != mat:
                        continue
                    if abs(depth[y * samples + down[m], x * samples + across[m]] - near) > _SPLIT:
                        continue
                    sx += across[m]
                    sy += down[m]
                    members += 1
                    group[m] = -1
                px, py = x * samples + sx / members, y * samples + sy / members
                i0, i1, i2 = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                ax, ay = vertices[i1, 0] - vertices[i0, 0], vertices[i1, 1] - vertices[i0, 1]
                bx, by = vertices[i2, 0] - vertices[i0, 0], vertices[i2, 1] - vertices[i0, 1]
                inv = 1.0 / (ax * by - bx * ay)
                dx, dy = px - vertices[i0, 0], py - vertices[i0, 1]
                w1 = min(max((dx * by - bx * dy) * inv, -0.4), 1.4)
                w2 = min(max((ax * dy - dx * ay) * inv, -0.4), 1.4)
                w0 = 1.0 - w1 - w2
                length = 1e-9
                for c in range(3):
                    n[c] = w0 * vertices[i0, 2 + c] + w1 * vertices[i1, 2 + c] + w2 * vertices[i2, 2 + c]
                    at[c] = w0 * vertices[i0, 5 + c] + w1 * vertices[i1, 5 + c] + w2 * vertices[i2, 5 + c]
                    length += n[c] * n[c]
                length = 1.0 / math.sqrt(length)
                for c in range(3):
                    n[c] *= length
                for c in range(4):
                    attr[c] = w0 * vertices[i0, 8 + c] + w1 * vertices[i1, 8 + c] + w2 * vertices[i2, 8 + c]
                if focal > 0.0:
                    view[0] = ((px + 0.5) / samples - 0.5 - middle[0]) / focal
                    view[1] = ((py + 0.5) / samples - 0.5 - middle[1]) / focal
                    view[2] = 1.0 / math.sqrt(1.0 + view[0] ** 2 + view[1] ** 2)
                    view[0] *= view[2]
                    view[1] *= view[2]
                lit = lit_by(shadow_map, at[0], at[1], at[2], sharpness)
                if mat == SKIN:
                    gloss, rough, sky = skin_surface(n, attr, skin_map, axes, texel, albedo, bump, wrap)
                    cover[y, x, 1] += members * share
                elif mat == EYE:
                    gloss, rough, sky = eye_surface(n, attr, eye, albedo, bump, wrap)
                elif mat == TEETH:
                    gloss, rough, sky = teeth_surface(n, attr, whiteness, albedo, bump, wrap)
                elif mat == CLOTH:
                    gloss, rough, sky = cloth_surface(n, attr, cloth, albedo, bump, wrap)
                elif mat == FABRIC:
                    _fabric_tangents(vertices, i0, i1, i2, tangents)
                    gloss, rough, sky = fabric_surface(
                        n, view, attr, fabric_map, tangents, texel, albedo, bump, wrap
                    )
                    cover[y, x, 2] += members * share
                else:
                    gloss, rough, sky = frame_surface(n, attr, frame, albedo, bump, wrap)
                illuminate(n, bump, view, albedo, wrap, gloss, rough, sky, lamps, sh, lit, colour)
                if mat == EYE:
                    _wet(n, view, sky, lit, lamps, sh, colour)
                for c in range(3):
                    rgb[y, x, c] += colour[c] * members * share
                cover[y, x, 0] += members * share
            open_share = 1.0 - cover[y, x, 0]
            for c in range(3):
                rgb[y, x, c] += background[y, x, c] * open_share
