"""From "which triangle at each sample" to the colour of each pixel, shaded a chunk of points at a time.

A pixel's samples are grouped by material; each group is shaded once at its middle, so edges are anti-aliased
and the inside of a surface costs one evaluation a pixel. Groups wait, one chunk for each material, until a
chunk is full; then shade.py and surfaces.py work on all of its points at once.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy import float32 as f32

from .compiled import FINITE
from .parts import CLOTH, EYE, FABRIC, SKIN, TEETH
from .shade import (
    CHUNK,
    NX,
    NY,
    NZ,
    OUT_B,
    OUT_G,
    OUT_R,
    PX,
    PY,
    ROWS,
    U0,
    U1,
    U2,
    V0,
    V1,
    V2,
    VX,
    VY,
    VZ,
    find_shadow,
    illuminate,
    wet_mirror,
)
from .surfaces import cloth_surface, eye_surface, fabric_surface, frame_surface, skin_surface, teeth_surface

#: ids from here on are points of hair
HAIR_BASE = 1 << 24
#: samples of one material that lie further apart in depth (mm) are shaded apart
_SPLIT = 9.0
#: numbers of a vertex: two cache lines for five of them
_VERTEX = 16
_MATERIALS = 6


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


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _interpolate(p, rows, n, triangles, vertices):  # type: ignore[no-untyped-def]
    """Rows NX to A3 of n points at PX, PY of the triangles ``rows``."""
    least, most = f32(-0.4), f32(1.4)
    for i in range(min(n, CHUNK)):
        t = rows[i]
        a, b, c = vertices[triangles[t, 0]], vertices[triangles[t, 1]], vertices[triangles[t, 2]]
        x0, y0 = a[0], a[1]
        ax, ay, bx, by = b[0] - x0, b[1] - y0, c[0] - x0, c[1] - y0
        inv = f32(1.0) / (ax * by - bx * ay)
        dx, dy = p[PX + i] - x0, p[PY + i] - y0
        w1 = min(max((dx * by - bx * dy) * inv, least), most)
        w2 = min(max((ax * dy - dx * ay) * inv, least), most)
        w0 = f32(1.0) - w1 - w2
        for k in range(10):
            p[NX + k * CHUNK + i] = w0 * a[2 + k] + w1 * b[2 + k] + w2 * c[2 + k]


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _look(p, focal, middle_x, middle_y):  # type: ignore[no-untyped-def]
    """Unit normals, and the rows VX to VZ: the direction from the camera to each point."""
    for i in range(CHUNK):
        x, y, z = p[NX + i], p[NY + i], p[NZ + i]
        inv = f32(1.0) / math.sqrt(x * x + y * y + z * z + f32(1e-9))
        p[NX + i], p[NY + i], p[NZ + i] = x * inv, y * inv, z * inv
    # an orthographic view is one from infinitely far away
    per = f32(0.0) if focal == 0.0 else f32(1.0) / focal
    for i in range(CHUNK):
        x = ((p[PX + i] + f32(0.5)) * f32(0.5) - f32(0.5) - middle_x) * per
        y = ((p[PY + i] + f32(0.5)) * f32(0.5) - f32(0.5) - middle_y) * per
        inv = f32(1.0) / math.sqrt(x * x + y * y + f32(1.0))
        p[VX + i], p[VY + i], p[VZ + i] = x * inv, y * inv, inv


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _fabric_ways(p, rows, n, triangles, vertices):  # type: ignore[no-untyped-def]
    """Rows U0 to V2: unit directions in which u and v of the texture grow across each point's triangle."""
    for i in range(min(n, CHUNK)):
        t = rows[i]
        o, a, b = vertices[triangles[t, 0]], vertices[triangles[t, 1]], vertices[triangles[t, 2]]
        du1, dv1, du2, dv2 = a[8] - o[8], a[9] - o[9], b[8] - o[8], b[9] - o[9]
        det = du1 * dv2 - du2 * dv1
        inv = f32(1.0) / det if abs(det) > 1e-9 else f32(0.0)
        for k in range(3):
            e, f = a[12 + k] - o[12 + k], b[12 + k] - o[12 + k]
            p[U0 + k * CHUNK + i] = (e * dv2 - f * dv1) * inv
            p[V0 + k * CHUNK + i] = (f * du1 - e * du2) * inv
        u = f32(1.0) / math.sqrt(p[U0 + i] ** 2 + p[U1 + i] ** 2 + p[U2 + i] ** 2 + f32(1e-12))
        v = f32(1.0) / math.sqrt(p[V0 + i] ** 2 + p[V1 + i] ** 2 + p[V2 + i] ** 2 + f32(1e-12))
        for k in range(3):
            p[U0 + k * CHUNK + i] *= u
            p[V0 + k * CHUNK + i] *= v


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _shade(  # type: ignore[no-untyped-def]
    p, mat, rows, pixels, weights, n, mesh, maps, lighting, rgb
):  # fmt: skip
    """Shade n points of one material and add their weighted light to the pixels of rgb (h * w, 3).

    mesh, maps, lighting: the arguments of `resolve` of that kind, in its order.
    """
    triangles, vertices, head_down, view = mesh
    skin_map, fabric_map, eye, cloth, frame, whiteness = maps
    lamps, sh, shadow_map, sharpness = lighting
    _interpolate(p, rows, n, triangles, vertices)
    _look(p, view[0], view[1], view[2])
    find_shadow(p, n, shadow_map, sharpness)
    wrap_r, wrap_g, wrap_b = f32(0.0), f32(0.0), f32(0.0)
    if mat == SKIN:
        skin_surface(p, n, skin_map, head_down[0], head_down[1], head_down[2])
        wrap_r, wrap_g, wrap_b = f32(0.30), f32(0.13), f32(0.09)
    elif mat == CLOTH:
        cloth_surface(p, n, cloth)
        wrap_r, wrap_g, wrap_b = f32(0.12), f32(0.12), f32(0.12)
    elif mat == EYE:
        eye_surface(p, n, eye)
        wrap_r, wrap_g, wrap_b = f32(0.2), f32(0.12), f32(0.10)
    elif mat == TEETH:
        teeth_surface(p, n, whiteness)
        wrap_r, wrap_g, wrap_b = f32(0.2), f32(0.15), f32(0.12)
    elif mat == FABRIC:
        _fabric_ways(p, rows, n, triangles, vertices)
        fabric_surface(p, n, fabric_map)
        wrap_r, wrap_g, wrap_b = f32(0.22), f32(0.22), f32(0.22)
    else:
        frame_surface(p, frame)
    illuminate(p, lamps, sh, wrap_r, wrap_g, wrap_b)
    if mat == EYE:
        wet_mirror(p, lamps, sh)
    for i in range(min(n, CHUNK)):
        at, w = pixels[i], weights[i]
        rgb[at, 0] += w * p[OUT_R + i]
        rgb[at, 1] += w * p[OUT_G + i]
        rgb[at, 2] += w * p[OUT_B + i]


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _gather(group, k, material, depths):  # type: ignore[no-untyped-def]
    """Take sample k and all that are of its surface out of the four: how far right and down of the first
    their middle lies, in samples, and how many they are."""
    t = group[k]
    sx, sy, members = 0, 0, 0
    for m in range(k, 4):
        other = group[m]
        if other < 0 or other >= HAIR_BASE or (other != t and material[other] != material[t]):
            continue
        if abs(depths[m] - depths[k]) > _SPLIT:
            continue
        sx += m % 2
        sy += m // 2
        members += 1
        group[m] = -1
    return f32(sx) / f32(members), f32(sy) / f32(members), members


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _look_up(ids, depth, x, y, group, depths):  # type: ignore[no-untyped-def]
    """Take what the four samples of pixel (x, y) see into group and, where that is not one triangle, how far
    it lies into depths: how many see anything, and whether all see the same triangle."""
    upper, lower = ids[2 * y], ids[2 * y + 1]
    a, b, c, d = upper[2 * x], upper[2 * x + 1], lower[2 * x], lower[2 * x + 1]
    group[0], group[1], group[2], group[3] = a, b, c, d
    whole = a == b and a == c and a == d and a < HAIR_BASE
    if not whole:
        depths[0], depths[1] = depth[2 * y, 2 * x], depth[2 * y, 2 * x + 1]
        depths[2], depths[3] = depth[2 * y + 1, 2 * x], depth[2 * y + 1, 2 * x + 1]
    return (a >= 0) + (b >= 0) + (c >= 0) + (d >= 0), whole


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def _add(light, at, color, share):  # type: ignore[no-untyped-def]
    """Lay a share of a colour (3,) into pixel ``at`` of light (h * w, 3)."""
    for c in range(3):
        light[at, c] += color[c] * share


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def resolve(  # type: ignore[no-untyped-def]
    ids, depth, triangles, material, vertices, head_down, view, skin_map, fabric_map, eye, cloth, frame,
    whiteness, lamps, sh, shadow_map, sharpness, hair_rgb, rgb, cover,
):  # fmt: skip
    """Shade every pixel over the background, which rgb (h, w, 3) holds; cover (h, w, 3) by all, skin, fabric.

    ids, depth (2 h, 2 w): what each of a pixel's four samples sees. vertices (n, 16): as `pack` makes them.
    head_down (3,): the head's y axis; view: focal length (0: orthographic) and principal point, px.
    hair_rgb (k, 3): colours of points of hair, addressed by ids from HAIR_BASE on. All numbers float32.
    """
    height, width = rgb.shape[:2]
    light, covers = rgb.reshape(-1, 3), cover.reshape(-1, 3)
    mesh, lighting = (triangles, vertices, head_down, view), (lamps, sh, shadow_map, sharpness)
    maps = (skin_map, fabric_map, eye, cloth, frame, whiteness)
    points = np.zeros((_MATERIALS, ROWS * CHUNK), np.float32)
    rows = np.zeros((_MATERIALS, CHUNK), np.int32)
    pixels = np.zeros((_MATERIALS, CHUNK), np.int32)
    weights = np.zeros((_MATERIALS, CHUNK), np.float32)
    waiting = np.zeros(_MATERIALS, np.int64)
    group, depths = np.zeros(4, np.int32), np.zeros(4, np.float32)
    quarter = f32(0.25)
    for at in range(height * width):
        x, y = at % width, at // width
        hits, whole = _look_up(ids, depth, x, y, group, depths)
        if hits == 0:
            continue
        covers[at, 0] = quarter * f32(hits)
        for c in range(3):
            light[at, c] *= f32(1.0) - covers[at, 0]
        for k in range(1 if whole else 4):
            t = group[k]
            if t < 0:
                continue
            if t >= HAIR_BASE:
                _add(light, at, hair_rgb[t - HAIR_BASE], quarter)
                continue
            right, down, members = f32(0.5), f32(0.5), 4
            if not whole:
                right, down, members = _gather(group, k, material, depths)
            mat, n, weight = material[t], waiting[material[t]], quarter * f32(members)
            if mat == SKIN:
                covers[at, 1] += weight
            elif mat == FABRIC:
                covers[at, 2] += weight
            points[mat, PX + n], points[mat, PY + n] = f32(2 * x) + right, f32(2 * y) + down
            rows[mat, n], pixels[mat, n], weights[mat, n] = t, at, weight
            waiting[mat] = (n + 1) % CHUNK
            if n + 1 == CHUNK:
                _shade(
                    points[mat], mat, rows[mat], pixels[mat], weights[mat], CHUNK, mesh, maps, lighting, light
                )
    for mat in range(_MATERIALS):
        if waiting[mat] > 0:
            n = waiting[mat]
            _shade(points[mat], mat, rows[mat], pixels[mat], weights[mat], n, mesh, maps, lighting, light)
