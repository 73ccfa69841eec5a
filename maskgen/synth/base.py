"""The mean head as a mesh: three overlapping blocks of the sculpture, bent to meet the 68 landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..geometry.face import CANONICAL_FACE
from .mesher import graded_lines, mesh_block

#: grid lines of the blocks: (position, spacing) stops in mm. The face is fine, the ears finer than the rest.
_FACE = (
    ((0.8, 1.6), (46.0, 1.7), (66.0, 3.2)),
    (
        (-70.0, 3.4),
        (-48.0, 1.3),
        (-27.0, 1.3),
        (-16.0, 2.2),
        (10.0, 1.9),
        (22.0, 1.45),
        (42.0, 1.45),
        (84.0, 3.4),
    ),
    ((-6.0, 1.7), (30.0, 1.9), (46.0, 1.9), (80.0, 3.4)),
)
_EAR = (
    ((60.0, 2.5), (104.0, 2.5)),
    ((-56.0, 2.5), (30.0, 2.5)),
    ((106.0, 2.5), (160.0, 2.5)),
)
_REST = (
    ((2.75, 5.5), (64.0, 5.5), (130.0, 10.0), (200.0, 14.0)),
    ((-150.0, 6.0), (110.0, 6.0), (196.0, 9.0)),
    ((-6.0, 5.5), (220.0, 5.8)),
)


@dataclass(frozen=True, eq=False)
class BaseHead:
    """The mean head. points (n, 3) mm, canonical frame; triangles (m, 3), front side clockwise on screen.

    sky (n,): how much of its surroundings a vertex sees, 0..1. landmark_triangles (68,) and
    landmark_weights (68, 3): the 68 landmarks as fixed points of the surface.
    """

    points: NDArray[np.float64]
    triangles: NDArray[np.int32]
    sky: NDArray[np.float32]
    landmark_triangles: NDArray[np.int32]
    landmark_weights: NDArray[np.float64]

    def landmarks(self, points: NDArray) -> NDArray:
        """The 68 landmarks (68, 3) of a bent head ``points`` (n, 3)."""
        corners = points[self.triangles[self.landmark_triangles]]
        return np.einsum("kcd,kc->kd", corners, self.landmark_weights)


def _inside(points: NDArray, block: tuple, margin: float) -> NDArray[np.bool_]:
    p = np.abs(points) * [1, 0, 0] + points * [0, 1, 1]
    lo = np.array([-1e9 if block[0][0][0] < 3.0 else block[0][0][0], block[1][0][0], block[2][0][0]])
    hi = np.array([axis[-1][0] for axis in block])
    return ((p > lo + margin) & (p < hi - margin)).all(axis=1)


@lru_cache(maxsize=1)
def _blocks() -> tuple[NDArray, NDArray, NDArray, NDArray]:
    pieces = [
        mesh_block(graded_lines(x), graded_lines(y), graded_lines(z), mirrored=x is not _EAR[0])
        for x, y, z in (_FACE, _EAR, _REST)
    ]
    verts, tris, normals, sky = pieces[2]
    hidden = _inside(verts, _FACE, 3.5) | _inside(verts, _EAR, 3.5)
    pieces[2] = (verts, tris[~hidden[tris].all(axis=1)], normals, sky)
    offsets = np.cumsum([0, *(len(p[0]) for p in pieces)])
    tris = np.concatenate([p[1] + o for p, o in zip(pieces, offsets, strict=False)])
    used = np.unique(tris)
    renumber = np.full(offsets[-1], -1, np.int32)
    renumber[used] = np.arange(len(used), dtype=np.int32)
    verts, normals, sky = (np.concatenate([p[i] for p in pieces])[used] for i in (0, 2, 3))
    return verts, renumber[tris], normals, sky


def nearest_on_mesh(targets: NDArray, verts: NDArray, tris: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """For each target the nearest triangle, barycentric weights (k, 3) and the point (k, 3)."""
    centres = cKDTree(verts[tris].mean(axis=1))
    _, near = centres.query(targets, k=24)
    best = np.full(len(targets), np.inf)
    tri = np.zeros(len(targets), np.int32)
    weights = np.zeros((len(targets), 3))
    for column in range(near.shape[1]):
        w = _closest_weights(targets, verts[tris[near[:, column]]])
        p = np.einsum("kcd,kc->kd", verts[tris[near[:, column]]], w)
        d = np.linalg.norm(p - targets, axis=1)
        better = d < best
        best[better], tri[better], weights[better] = d[better], near[better, column], w[better]
    return tri, weights, np.einsum("kcd,kc->kd", verts[tris[tri]], weights)


def _closest_weights(p: NDArray, corners: NDArray) -> NDArray:
    """Barycentric weights of (nearly) the closest point of each triangle (k, 3, 3) to p (k, 3)."""
    a = corners[:, 0]
    e1, e2, d = corners[:, 1] - a, corners[:, 2] - a, p - a
    g11, g12, g22 = (e1 * e1).sum(1), (e1 * e2).sum(1), (e2 * e2).sum(1)
    b1, b2 = (e1 * d).sum(1), (e2 * d).sum(1)
    det = np.maximum(g11 * g22 - g12 * g12, 1e-12)
    u = np.clip((g22 * b1 - g12 * b2) / det, 0.0, 1.0)
    v = np.clip((g11 * b2 - g12 * b1) / det, 0.0, 1.0)
    over = np.maximum(u + v, 1.0)
    u, v = u / over, v / over
    return np.stack([1.0 - u - v, u, v], axis=1)


def _bend(points: NDArray, at: NDArray, offsets: NDArray) -> NDArray:
    """Points moved by a smooth field that carries ``at`` (k, 3) by ``offsets`` exactly."""

    def kernel(a: NDArray, b: NDArray) -> NDArray:
        dist = np.linalg.norm(a[:, None] - b[None], axis=-1)
        return np.exp(-((dist / 20.0) ** 2)) + 0.25 * np.exp(-((dist / 7.0) ** 2))

    # BLAS rounds differently with the number of its threads, and labels must not: so its answer is cut to
    # 1e-8 mm, and the long sum is einsum's, which is not threaded
    weights = np.round(np.linalg.solve(kernel(at, at) + 1e-3 * np.eye(len(at)), offsets), 8)
    return points + np.einsum("nk,kd->nd", kernel(points, at), weights)


@lru_cache(maxsize=1)
def _bends() -> tuple[tuple[NDArray, NDArray], ...]:
    """Where the sculpture meets the landmarks and how far it is off there, for two bendings in a row.

    The bending regularises, so the second takes what the first has left.
    """
    verts, tris, _, _ = _blocks()
    target = np.array(CANONICAL_FACE)
    steps = []
    for _ in range(2):
        _, _, found = nearest_on_mesh(target, verts, tris)
        steps.append((found, target - found))
        verts = _bend(verts, *steps[-1])
    return tuple(steps)


def bend_to_landmarks(points: NDArray) -> NDArray:
    """Points (n, 3) of the sculpture, on the mean head."""
    for found, offsets in _bends():
        points = _bend(points, found, offsets)
    return points


@lru_cache(maxsize=1)
def base_head() -> BaseHead:
    """The mean head; built once per process (about a second)."""
    verts, tris, _, sky = _blocks()
    target = np.array(CANONICAL_FACE)
    verts = bend_to_landmarks(verts)
    tri, weights, _ = nearest_on_mesh(target, verts, tris)
    return BaseHead(verts, tris, sky.astype(np.float32), tri, weights)
