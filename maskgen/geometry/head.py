"""A head proxy round the canonical face: skull, cheeks, throat, ears and neck as one triangle mesh.

The head is star-shaped about CENTRE: a direction has one radius. The radius runs smoothly through the 68
landmarks and a few hand-set anchors (adult averages: length 19 cm, breadth 15 cm, chin to vertex 22 cm;
cheek depths between the landmarks), so it bends with them. It serves to hide what lies behind the head, to
say which way skin faces, and to lay masks on; it is no likeness of anybody.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from .face import CANONICAL_FACE
from .rotation import Array

#: the star's centre, mm in the head frame: between the ears, at the height of the upper lip
CENTRE: Array = np.array([0.0, 10.0, 95.0])
CENTRE.flags.writeable = False

#: mm, right half (x >= 0); mirrored for the left
_ANCHORS = [
    # cheeks, which carry no landmark
    *((18.0, 4.0, 25.0), (16.5, -6.0, 23.5), (15.0, -18.0, 26.0), (24.0, -20.0, 33.0)),
    *((32.0, -14.0, 33.0), (46.0, -16.0, 42.0), (58.0, -20.0, 58.0), (66.0, -26.0, 84.0)),
    *((34.0, 2.0, 33.0), (47.0, 2.0, 43.0), (60.0, 2.0, 68.0), (37.0, 18.0, 35.0)),
    *((50.0, 20.0, 53.0), (40.0, 36.0, 44.0), (52.0, 38.0, 72.0), (32.0, 52.0, 43.0)),
    *((14.0, 54.0, 25.5), (0.0, 51.0, 24.0), (0.0, 62.0, 27.0), (16.0, 66.0, 32.0)),
    *((19.0, 16.0, 24.0), (24.0, 24.0, 28.0), (0.0, 18.5, 15.5)),
    # nose sides
    *((7.0, -18.0, 17.0), (8.0, -8.0, 12.0), (9.0, 1.0, 9.0)),
    # throat and jaw underside
    *((0.0, 82.0, 50.0), (0.0, 87.0, 70.0), (0.0, 93.0, 92.0), (22.0, 80.0, 60.0), (40.0, 71.0, 82.0)),
    *((30.0, 84.0, 92.0), (52.0, 66.0, 104.0), (62.0, 40.0, 118.0)),
    # forehead and temples
    *((0.0, -52.0, 20.0), (0.0, -72.0, 19.0), (0.0, -100.0, 30.0), (0.0, -124.0, 56.0)),
    *((34.0, -76.0, 31.0), (36.0, -104.0, 44.0), (58.0, -72.0, 58.0), (62.0, -46.0, 72.0)),
    *((60.0, -100.0, 76.0), (68.0, -68.0, 92.0), (70.0, -44.0, 104.0)),
    # skull
    *((0.0, -142.0, 106.0), (50.0, -126.0, 110.0), (74.0, -70.0, 130.0), (75.0, -30.0, 136.0)),
    *((0.0, -128.0, 164.0), (46.0, -106.0, 172.0), (66.0, -50.0, 178.0), (0.0, -60.0, 207.0)),
    *((40.0, -40.0, 200.0), (0.0, 0.0, 200.0), (56.0, 10.0, 172.0), (0.0, 50.0, 184.0)),
    *((54.0, 50.0, 150.0), (0.0, 90.0, 170.0), (40.0, 84.0, 140.0)),
]
_JAW_TRUST = 3.0  # mm; the contour landmarks lie inside the visible jaw of the mesh


def directions_of(points: ArrayLike) -> tuple[Array, Array]:
    """Unit directions (n, 3) from CENTRE to ``points`` (n, 3) mm, and their lengths (n,)."""
    d = np.asarray(points, dtype=np.float64) - CENTRE
    length = np.linalg.norm(d, axis=-1)
    return d / length[..., None], length


def _kernel(a: Array, b: Array) -> Array:
    """Biharmonic-like kernel on the sphere: the chord length, conditionally positive definite.

    Of unit vectors by their cosine: a tenth of the time that differences take, and right to 1e-7.
    """
    return -np.sqrt(np.maximum(2.0 - 2.0 * (a @ b.T), 0.0))


@lru_cache(maxsize=1)
def _radius_model() -> tuple[Array, Array, float]:
    """Knots (k, 3) on the unit sphere, their weights (k,), and the constant of the radius field."""
    right = np.array(_ANCHORS)
    left = (right * [-1.0, 1.0, 1.0])[right[:, 0] > 0.0]
    used = np.r_[0:60]
    points = np.concatenate([CANONICAL_FACE[used], right, left])
    noise = np.concatenate([np.where(used < 17, _JAW_TRUST, 0.3), np.full(len(right) + len(left), 1.5)])
    knots, radius = directions_of(points)
    n = len(knots)
    system = np.zeros((n + 1, n + 1))
    system[:n, :n] = _kernel(knots, knots) + np.diag(noise**2 / 400.0)
    system[:n, n] = system[n, :n] = 1.0
    solved = np.linalg.solve(system, np.append(radius, 0.0))
    return knots, solved[:n], float(solved[n])


@njit(cache=True, nogil=True, error_model="numpy")
def _radii(directions: Array, knots: Array, weights: Array, out: Array) -> None:
    """Add to ``out`` (n,) the weighted `_kernel` of ``directions`` (n, 3) and each of the ``knots``."""
    x, y, z = directions[:, 0].copy(), directions[:, 1].copy(), directions[:, 2].copy()
    for k in range(len(knots)):
        a, b, c, weight = 2.0 * knots[k, 0], 2.0 * knots[k, 1], 2.0 * knots[k, 2], weights[k]
        for i in range(len(out)):
            out[i] -= weight * np.sqrt(max(2.0 - x[i] * a - y[i] * b - z[i] * c, 0.0))


def head_radius(directions: ArrayLike) -> Array:
    """Distance in mm from CENTRE to the canonical head's surface along unit ``directions`` (n, 3)."""
    knots, weights, constant = _radius_model()
    directions = np.asarray(directions, dtype=np.float64)
    out = np.full(directions.shape[:-1], constant)
    _radii(directions.reshape(-1, 3), knots, weights, out.reshape(-1))
    return out


def onto_head(points: ArrayLike, above_mm: ArrayLike = 0.0) -> Array:
    """Points (n, 3) moved along their ray from CENTRE onto the surface, ``above_mm`` outside it."""
    d, _ = directions_of(points)
    return CENTRE + d * (head_radius(d) + np.asarray(above_mm, dtype=np.float64))[:, None]


class Mesh(NamedTuple):
    """vertices (n, 3) float64 mm; normals (n, 3) unit, outward; triangles (m, 3) int32."""

    vertices: Array
    normals: Array
    triangles: NDArray[np.int32]


def grid_triangles(rows: int, columns: int) -> NDArray[np.int32]:
    """Triangles (m, 3) of a rows x columns vertex grid in row-major order."""
    at = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, c, d = at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]
    return np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], 2).reshape(-1, 3)


def vertex_normals(vertices: Array, triangles: NDArray[np.int32]) -> Array:
    """Area-weighted unit normals (n, 3)."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    face = np.cross(b - a, c - a)
    out = np.zeros_like(vertices)
    for i in range(3):
        np.add.at(out, triangles[:, i], face)
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)


def _sphere_grid(columns: int, rows: int) -> tuple[Array, NDArray[np.int32]]:
    """Directions, dense on the face: a latitude-longitude grid whose pole is the crown of the head."""
    front = np.linspace(-1.0, 1.0, columns)
    azimuth = np.pi * (0.55 * front + 0.45 * front**3)  # the seam lies at the back of the head
    crown = np.linspace(-89.0, -45.0, rows // 7 + 1)[:-1]
    height = np.radians(np.concatenate([crown, np.linspace(-45.0, 89.0, rows - len(crown))]))
    el, az = np.meshgrid(height, azimuth, indexing="ij")
    d = np.stack([np.cos(el) * np.sin(az), np.sin(el), -np.cos(el) * np.cos(az)], axis=-1)
    return d.reshape(-1, 3), grid_triangles(len(height), len(azimuth))


def _ear(side: float) -> Mesh:
    """A thin curved plate that stands off the head: front edge at the tragus, free edge behind."""
    t = np.linspace(0.0, np.pi, 11)
    front = np.stack(
        [np.full(11, 73.0), -8.0 - 26.0 * np.cos(t), 112.0 + 8.0 * (1 - np.sin(t)) * np.cos(t)], -1
    )
    back = np.stack([82.0 + 3.0 * np.cos(t), -10.0 - 34.0 * np.cos(t), 116.0 + 24.0 * np.sin(t)], -1)
    grid = np.linspace(0.0, 1.0, 4)[:, None, None] * (back - front) + front
    vertices = grid.reshape(-1, 3) * [side, 1.0, 1.0]
    triangles = grid_triangles(4, 11)
    if side > 0.0:
        triangles = triangles[:, ::-1].copy()
    return Mesh(vertices, vertex_normals(vertices, triangles), triangles)


def _neck() -> Mesh:
    """A leaning cylinder from inside the skull down to the collar."""
    t, h = np.meshgrid(np.linspace(0, 2 * np.pi, 25), np.linspace(0.0, 1.0, 6))
    radius = 54.0 + 10.0 * h**3
    vertices = np.stack(
        [radius * np.sin(t), 40.0 + 150.0 * h, 132.0 + 16.0 * h - radius * np.cos(t)], axis=-1
    ).reshape(-1, 3)
    triangles = grid_triangles(6, 25)
    return Mesh(vertices, vertex_normals(vertices, triangles), triangles)


@lru_cache(maxsize=4)
def skull_mesh(columns: int = 73, rows: int = 46) -> Mesh:
    """The star-shaped part: face, cranium, throat; columns x rows vertices."""
    d, triangles = _sphere_grid(columns, rows)
    vertices = CENTRE + d * head_radius(d)[:, None]
    return Mesh(vertices, vertex_normals(vertices, triangles), triangles)


@lru_cache(maxsize=4)
def head_mesh(columns: int = 73, rows: int = 46) -> Mesh:
    """Skull, both ears and neck in one mesh, outward normals."""
    parts = [skull_mesh(columns, rows), _ear(-1.0), _ear(1.0), _neck()]
    start = np.cumsum([0] + [len(p.vertices) for p in parts])
    return Mesh(
        np.concatenate([p.vertices for p in parts]),
        np.concatenate([p.normals for p in parts]),
        np.concatenate([p.triangles + np.int32(s) for p, s in zip(parts, start, strict=False)]),
    )
