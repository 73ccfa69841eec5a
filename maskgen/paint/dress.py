"""What a vertex of mask or strap knows of itself and of the light, worked out once for each picture.

The cloth's own relief turns normals by little, so its effect on the light is linear: stops at a pixel are
those of the smooth cloth plus slope times gradient. All but the relief can then be interpolated.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

F32 = NDArray[np.float32]
#: columns of the per-vertex table: place on the maps, millimetres along the cloth, distance to the edge,
#: stops of light, their change per unit slope across and down, stops of the inner side, and how much the
#: vertex faces the light that makes it shine, with its change per unit slope
U, V, MM_X, MM_Y, RIM, STOPS, STOPS_U, STOPS_V, INSIDE, FACING, FACING_U, FACING_V = range(12)
COLUMNS_OF_VERTEX = 16  # four to spare: two times LANES
#: entries of the light vector: stops per unit normal; where the wearer's down is; stops lost by cloth that
#: faces down; share of the left-over map that reaches the cloth; how a pixel of the window is found on it;
#: the stops at which a white mask would be as bright as the picture can show; where cloth that shines faces
GX, GY, GZ, DOWN_X, DOWN_Y, DOWN_Z, FALL, REST, REST_SCALE, REST_X, REST_Y, CEILING = range(12)
SHINE_X, SHINE_Y, SHINE_Z = range(12, 15)
LIGHT_ENTRIES = 15
#: half as wide, in stops, as the knee below the ceiling; and the share of what is above that goes
_KNEE, _HELD = np.float32(0.5), np.float32(0.88)
#: of the fall, how much each stop of shade spares, and at most
_SPARED, _MOST_SPARED = np.float32(0.35), np.float32(0.6)
#: stops per unit slope by which light changes a crease, at most
_HARDEST = np.float32(3.0)
#: stops that the inner side of a mask lies in shade: the chin before it keeps the light away
_INNER_SHADE = np.float32(2.0)


@njit(cache=True, nogil=True, error_model="numpy")
def smooth_normals(xyz: F32, triangles: NDArray[np.int32], out: F32) -> None:
    """Area-weighted unit vertex normals of (n, 3) vertices, into ``out`` (n, 3)."""
    out[:] = np.float32(0.0)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = xyz[b, 0] - xyz[a, 0], xyz[b, 1] - xyz[a, 1], xyz[b, 2] - xyz[a, 2]
        vx, vy, vz = xyz[c, 0] - xyz[a, 0], xyz[c, 1] - xyz[a, 1], xyz[c, 2] - xyz[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for k in range(3):
            i = a if k == 0 else (b if k == 1 else c)
            out[i, 0] += nx
            out[i, 1] += ny
            out[i, 2] += nz
    for i in range(out.shape[0]):
        s = np.sqrt(out[i, 0] ** 2 + out[i, 1] ** 2 + out[i, 2] ** 2)
        if s > np.float32(0.0):
            for k in range(3):
                out[i, k] /= s


@njit(cache=True, nogil=True, error_model="numpy")
def tangents(xyz: F32, rows: int, columns: int, points: int, out: F32) -> None:
    """Unit direction of growing u at each vertex, into ``out`` (n, 3).

    Along the rows of the mask's grid, across the bands that follow it (two edges of ``points`` each).
    """
    grid = rows * columns
    for i in range(xyz.shape[0]):
        if i < grid:
            x = i % columns
            a, b = (i if x == 0 else i - 1), (i if x == columns - 1 else i + 1)
        else:
            near = (i - grid) % (2 * points) < points
            a, b = (i, i + points) if near else (i - points, i)
        dx, dy, dz = xyz[b, 0] - xyz[a, 0], xyz[b, 1] - xyz[a, 1], xyz[b, 2] - xyz[a, 2]
        length = max(np.sqrt(dx * dx + dy * dy + dz * dz), np.float32(1e-9))
        out[i, 0], out[i, 1], out[i, 2] = dx / length, dy / length, dz / length


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _fall(down):  # type: ignore[no-untyped-def]
    """Share 0..1 of the fall that cloth loses which faces ``down`` -1..1, and its slope."""
    t = min(max((down + np.float32(0.25)) / np.float32(1.1), np.float32(0.0)), np.float32(1.0))
    return (
        t * t * (np.float32(3.0) - np.float32(2.0) * t),
        np.float32(6.0 / 1.1) * t * (np.float32(1.0) - t),
    )


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _above(stops, ceiling):  # type: ignore[no-untyped-def]
    """Stops by which light is too much for a white mask, bent softly, and their slope."""
    t = max(stops - ceiling + _KNEE, np.float32(0.0))
    if t < np.float32(2.0) * _KNEE:
        return _HELD * t * t / (np.float32(4.0) * _KNEE), _HELD * t / (np.float32(2.0) * _KNEE)
    return _HELD * (t - _KNEE), _HELD


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _sampled(image, x, y):  # type: ignore[no-untyped-def]
    """``image`` (h, w) at (x, y), bilinear, clamped to the border."""
    h, w = image.shape
    x = min(max(x, np.float32(0.0)), np.float32(w - 1))
    y = min(max(y, np.float32(0.0)), np.float32(h - 1))
    x0, y0 = min(int(x), w - 2), min(int(y), h - 2)
    fx, fy = x - np.float32(x0), y - np.float32(y0)
    top = image[y0, x0] + fx * (image[y0, x0 + 1] - image[y0, x0])
    low = image[y0 + 1, x0] + fx * (image[y0 + 1, x0 + 1] - image[y0 + 1, x0])
    return top + fy * (low - top)


@njit(cache=True, nogil=True, error_model="numpy")
def vertex_table(  # type: ignore[no-untyped-def]
    texture, fabric_mm, rim_mm, xy, normals, across, rest, mask_vertices, p, out
) -> None:
    """Fill ``out`` (n, COLUMNS_OF_VERTEX), but for its columns to spare.

    texture, fabric_mm (n, 2), rim_mm (n,): of the shell; xy: (n, 2) pixels of the window; normals, across:
    (n, 3) unit vectors in camera axes; rest (h, w) map of stops that the smooth light does not explain; p:
    the light vector. The first mask_vertices are the mask's: only the rest's differences over those that face
    the camera reach the cloth.
    """
    n = normals.shape[0]
    total = count = np.float32(0.0)
    for i in range(n):
        left_over = _sampled(
            rest, (xy[i, 0] + p[REST_X]) * p[REST_SCALE], (xy[i, 1] + p[REST_Y]) * p[REST_SCALE]
        )
        out[i, STOPS] = p[REST] * left_over
        if i < mask_vertices and normals[i, 2] < np.float32(0.0):
            total -= normals[i, 2] * out[i, STOPS]
            count -= normals[i, 2]
    mean = total / max(count, np.float32(1e-6))
    for i in range(n):
        nx, ny, nz = normals[i, 0], normals[i, 1], normals[i, 2]
        tx, ty, tz = across[i, 0], across[i, 1], across[i, 2]
        # tangent frame: u to the image right, v down, n toward the viewer: v = t x n
        vx, vy, vz = ty * nz - tz * ny, tz * nx - tx * nz, tx * ny - ty * nx
        down = nx * p[DOWN_X] + ny * p[DOWN_Y] + nz * p[DOWN_Z]
        fall, steep = _fall(down)
        inner_fall, _ = _fall(-down)
        out[i, U], out[i, V], out[i, RIM] = texture[i, 0], texture[i, 1], rim_mm[i]
        out[i, MM_X], out[i, MM_Y] = fabric_mm[i, 0], fabric_mm[i, 1]
        gx, gy, gz = (
            p[GX] - p[FALL] * steep * p[DOWN_X],
            p[GY] - p[FALL] * steep * p[DOWN_Y],
            p[GZ] - p[FALL] * steep * p[DOWN_Z],
        )
        smooth = p[GX] * nx + p[GY] * ny + p[GZ] * nz
        own = out[i, STOPS] - mean
        # cloth that a lamp leaves in the shade has little more to lose
        fall *= np.float32(1.0) - min(_SPARED * max(-p[GZ] - smooth, np.float32(0.0)), _MOST_SPARED)
        stops = smooth + own - p[FALL] * fall
        above, bent = _above(stops, p[CEILING])
        # a crease is lit by the room as well: under the hardest lamp it is no foil
        hard = np.float32(1.0) / max(np.sqrt(gx * gx + gy * gy + gz * gz) / _HARDEST, np.float32(1.0))
        gx, gy, gz = gx * hard, gy * hard, gz * hard
        out[i, STOPS] = stops - above
        out[i, INSIDE] = min(-smooth, np.float32(0.0)) + own - p[FALL] * inner_fall - _INNER_SHADE
        out[i, STOPS_U] = (bent - np.float32(1.0)) * (gx * tx + gy * ty + gz * tz)
        out[i, STOPS_V] = (bent - np.float32(1.0)) * (gx * vx + gy * vy + gz * vz)
        out[i, FACING] = p[SHINE_X] * nx + p[SHINE_Y] * ny + p[SHINE_Z] * nz
        out[i, FACING_U] = -(p[SHINE_X] * tx + p[SHINE_Y] * ty + p[SHINE_Z] * tz)
        out[i, FACING_V] = -(p[SHINE_X] * vx + p[SHINE_Y] * vy + p[SHINE_Z] * vz)
