"""Bending the canonical head to one face: a Gaussian-process regression of what its landmarks lie off.

What depends on a point of the head alone, its weights, is computed once; bending a mesh to a face is then a
sum of 60 landmark offsets. The sum is taken in a fixed order here and not by a linear algebra library, whose
last bit differs from machine to machine.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from .canonical import CANONICAL_FACE, FITTED
from .landmarks import JAW
from .rotation import Array

F32 = NDArray[np.float32]
#: skull points that no expression moves: they pin the bending far from the landmarks
_SKULL = np.array(
    [
        (0, -140, 95),
        (0, -95, 190),
        (0, 20, 195),
        (-78, -60, 125),
        (78, -60, 125),
        (-60, 70, 150),
        (60, 70, 150),
    ],
    dtype=np.float64,
)
_LENGTH_MM = 70.0  # how far the bending at one landmark reaches
_SPREAD_MM = 7.0  # how far people's faces are from the mean
_ANCHOR_NOISE_MM = 2.0
_ALONE_MM = 10.0  # a landmark this far from where the others expect it begins to be doubted


def _noise_mm() -> Array:
    """How much of each landmark is label error and expression rather than shape, (68,) mm.

    Lips move without the fabric following them; brows likewise. Everything else is followed closely.
    """
    noise = np.full(68, 2.0)
    noise[JAW] = 2.5
    noise[17:27] = 5.0
    noise[48:60] = 4.0
    return noise


def _covariance(a: Array, b: Array) -> Array:
    square = sum((a[:, k, None] - b[:, k]) ** 2 for k in range(3))
    return np.asarray(_SPREAD_MM**2 * np.exp(-np.sqrt(square) / _LENGTH_MM))


@lru_cache(maxsize=1)
def _posterior() -> tuple[Array, Array, Array]:
    """Knots (67, 3), the factor (67, 60) that turns landmark offsets into knot weights, and one over the
    weight of each landmark (60,) in its own: offset less what the others make of it = knot weight * that.
    """
    knots = np.concatenate([CANONICAL_FACE[FITTED], _SKULL])
    noise = np.concatenate([_noise_mm()[FITTED], np.full(len(_SKULL), _ANCHOR_NOISE_MM)])
    solved = np.linalg.inv(_covariance(knots, knots) + np.diag(noise**2))
    n = len(FITTED)
    return knots, np.ascontiguousarray(solved[:, :n]), 1.0 / np.diag(solved)[:n]


def bending_weights(points: ArrayLike) -> F32:
    """Weights (n, 60) that carry landmark offsets (60, 3) mm to offsets of ``points`` (n, 3) mm.

    They depend on the points alone, so a mesh computes them once. Each landmark's lie together in memory
    (Fortran order), as `bend_to_pixels` reads them.
    """
    knots, solved, _ = _posterior()
    return np.asfortranarray(_covariance(np.asarray(points, dtype=np.float64), knots) @ solved, np.float32)


@njit(cache=True, nogil=True, error_model="numpy")
def bend_to_pixels(  # type: ignore[no-untyped-def]
    points, weights, offsets, turn, shift, steps, out
) -> None:
    """Points (n, 3) mm bent and carried to the picture, in 1/``steps`` of a pixel, into ``out`` (n, 3).

    weights: `bending_weights`, transposed (60, n). offsets: (60, 3) float32, turned to the camera and in
    pixels. turn: (3, 3) rotation times scale. shift: (3,) pixels.
    """
    bent = np.zeros((3, len(points)), np.float32)
    for j in range(len(offsets)):
        dx, dy, dz = offsets[j, 0], offsets[j, 1], offsets[j, 2]
        for i in range(len(points)):
            w = weights[j, i]
            bent[0, i] += w * dx
            bent[1, i] += w * dy
            bent[2, i] += w * dz
    for i in range(len(points)):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        for k in range(3):
            rigid = turn[k, 0] * x + turn[k, 1] * y + turn[k, 2] * z + shift[k]
            out[i, k] = np.rint((rigid + bent[k, i]) * steps) / steps


def borne_out(offsets: Array) -> Array:
    """How far the other landmarks bear out each of the ``offsets`` (60, 3) mm, (60,) 0 to 1.

    By the leave-one-out residual of the regression: a chin that drops with the whole jaw is an open mouth,
    one that jumps alone is a wrong landmark.
    """
    _, solved, own = _posterior()
    return np.asarray(_borne_out(solved, own, offsets, _ALONE_MM))


@njit(cache=True, nogil=True, error_model="numpy")
def _borne_out(solved: Array, own: Array, offsets: Array, alone_mm: float) -> Array:
    trust = np.empty(len(offsets))
    for i in range(len(offsets)):
        square = 0.0
        for k in range(3):
            weight = 0.0
            for j in range(len(offsets)):
                weight += solved[i, j] * offsets[j, k]
            square += (weight * own[i]) ** 2
        trust[i] = min(2.0 / (1.0 + square / alone_mm**2), 1.0)
    return trust
