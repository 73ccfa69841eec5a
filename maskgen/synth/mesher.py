"""From a signed distance to a triangle mesh: dual cells on a grid whose lines lie closer where it matters."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .sculpt import head_distance


def graded_lines(stops: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    """Grid lines from (position, spacing) stops: the spacing changes linearly between stops."""
    lines = [stops[0][0]]
    for (a, da), (b, db) in pairwise(stops):
        while lines[-1] < b - 1e-9:
            t = (lines[-1] - a) / (b - a)
            lines.append(lines[-1] + da + t * (db - da))
    return np.array(lines)


@njit(cache=True)
def _sample(xs, ys, zs):  # type: ignore[no-untyped-def]
    out = np.empty((len(xs), len(ys), len(zs)), np.float32)
    for i in range(len(xs)):
        for j in range(len(ys)):
            for k in range(len(zs)):
                out[i, j, k] = head_distance(xs[i], ys[j], zs[k])
    return out


@njit(cache=True)
def _cells(f, xs, ys, zs):  # type: ignore[no-untyped-def]
    """Vertices (one in every cell the surface crosses) and quads of the dual mesh."""
    nx, ny, nz = f.shape
    index = np.full((nx - 1, ny - 1, nz - 1), -1, np.int32)
    verts = np.empty((200_000, 3), np.float64)
    n = 0
    for i in range(nx - 1):
        for j in range(ny - 1):
            for k in range(nz - 1):
                inside = 0
                for a in range(8):
                    inside += f[i + (a & 1), j + ((a >> 1) & 1), k + (a >> 2)] < 0.0
                if inside == 0 or inside == 8:
                    continue
                sx = sy = sz = 0.0
                count = 0
                for a in range(8):
                    for axis in range(3):
                        if (a >> axis) & 1:
                            continue
                        b = a | (1 << axis)
                        fa = f[i + (a & 1), j + ((a >> 1) & 1), k + (a >> 2)]
                        fb = f[i + (b & 1), j + ((b >> 1) & 1), k + (b >> 2)]
                        if (fa < 0.0) == (fb < 0.0):
                            continue
                        t = fa / (fa - fb)
                        px, py, pz = xs[i + (a & 1)], ys[j + ((a >> 1) & 1)], zs[k + (a >> 2)]
                        if axis == 0:
                            px += t * (xs[i + 1] - xs[i])
                        elif axis == 1:
                            py += t * (ys[j + 1] - ys[j])
                        else:
                            pz += t * (zs[k + 1] - zs[k])
                        sx, sy, sz = sx + px, sy + py, sz + pz
                        count += 1
                verts[n, 0], verts[n, 1], verts[n, 2] = sx / count, sy / count, sz / count
                index[i, j, k] = n
                n += 1
    quads = np.empty((2 * n, 4), np.int32)
    m = 0
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                a = f[i, j, k] < 0.0
                if i + 1 < nx and 0 < j < ny - 1 and 0 < k < nz - 1 and (f[i + 1, j, k] < 0.0) != a:
                    q = (index[i, j - 1, k - 1], index[i, j, k - 1], index[i, j, k], index[i, j - 1, k])
                    for c in range(4):
                        quads[m, c] = q[c] if a else q[3 - c]
                    m += 1
                if j + 1 < ny and 0 < i < nx - 1 and 0 < k < nz - 1 and (f[i, j + 1, k] < 0.0) != a:
                    q = (index[i - 1, j, k - 1], index[i - 1, j, k], index[i, j, k], index[i, j, k - 1])
                    for c in range(4):
                        quads[m, c] = q[c] if a else q[3 - c]
                    m += 1
                if k + 1 < nz and 0 < i < nx - 1 and 0 < j < ny - 1 and (f[i, j, k + 1] < 0.0) != a:
                    q = (index[i - 1, j - 1, k], index[i, j - 1, k], index[i, j, k], index[i - 1, j, k])
                    for c in range(4):
                        quads[m, c] = q[c] if a else q[3 - c]
                    m += 1
    return verts[:n].copy(), quads[:m].copy()


@njit(cache=True)
def _settle(verts, steps):  # type: ignore[no-untyped-def]
    """Newton steps onto the zero of the distance; returns the unit gradients (outward normals)."""
    normals = np.empty_like(verts)
    h = 0.05
    for i in range(len(verts)):
        x, y, z = verts[i]
        for s in range(steps + 1):
            gx = head_distance(x + h, y, z) - head_distance(x - h, y, z)
            gy = head_distance(x, y + h, z) - head_distance(x, y - h, z)
            gz = head_distance(x, y, z + h) - head_distance(x, y, z - h)
            g = np.sqrt(gx * gx + gy * gy + gz * gz) + 1e-9
            gx, gy, gz = gx / g, gy / g, gz / g
            if s == steps:
                break
            d = head_distance(x, y, z) / (g / (2.0 * h) + 0.2)
            d = min(max(d, -0.6), 0.6)
            x, y, z = x - d * gx, y - d * gy, z - d * gz
        verts[i, 0], verts[i, 1], verts[i, 2] = x, y, z
        normals[i, 0], normals[i, 1], normals[i, 2] = gx, gy, gz
    return normals


@njit(cache=True)
def _occlusion(verts, normals):  # type: ignore[no-untyped-def]
    """How much of the sky a vertex sees, 0..1: distances met along the normal against those of open space."""
    out = np.empty(len(verts), np.float32)
    for i in range(len(verts)):
        closed = 0.0
        weight = 1.0
        reach = 2.0
        for _ in range(6):
            x = verts[i, 0] + normals[i, 0] * reach
            y = verts[i, 1] + normals[i, 1] * reach
            z = verts[i, 2] + normals[i, 2] * reach
            closed += weight * max(reach - max(head_distance(x, y, z), 0.0), 0.0) / reach
            weight *= 0.75
            reach *= 1.75
        out[i] = max(1.0 - closed / 3.3, 0.0)
    return out


def triangulate(verts: NDArray, quads: NDArray) -> NDArray[np.int32]:
    """Each quad cut along its shorter diagonal, (2m, 3)."""
    a, b, c, d = (verts[quads[:, i]] for i in range(4))
    short = np.linalg.norm(a - c, axis=1) <= np.linalg.norm(b - d, axis=1)
    q = quads
    first = np.where(short[:, None], q[:, [0, 1, 2]], q[:, [0, 1, 3]])
    second = np.where(short[:, None], q[:, [0, 2, 3]], q[:, [1, 2, 3]])
    return np.ascontiguousarray(np.concatenate([first, second]), np.int32)


def mesh_block(
    xs: NDArray, ys: NDArray, zs: NDArray, mirrored: bool = True
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """The part of the head inside a box of grid lines (x >= 0): vertices (n, 3), triangles (m, 3), outward
    normals (n, 3) and sky visibility (n,).

    mirrored: xs starts at half a spacing and the block is continued across x = 0, so that the mesh is
    symmetric; otherwise the block's mirror image is added as a second piece.
    """
    field = _sample(xs, ys, zs)
    if mirrored:
        field, xs = np.concatenate([field[::-1], field]), np.concatenate([-xs[::-1], xs])
    verts, quads = _cells(field, xs, ys, zs)
    normals = _settle(verts, 3)
    tris, sky = triangulate(verts, quads), _occlusion(verts, normals)
    if mirrored:
        return verts, tris, normals, sky
    flip = np.array([-1.0, 1.0, 1.0])
    both = np.concatenate([tris, tris[:, ::-1] + len(verts)]).astype(np.int32)
    return (
        np.concatenate([verts, verts * flip]),
        both,
        np.concatenate([normals, normals * flip]),
        np.tile(sky, 2),
    )
