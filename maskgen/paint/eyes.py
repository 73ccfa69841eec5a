"""The whites of the eyes, which are nearly neutral: they say how far the light may be coloured at most.

Skin of one colour under white light looks like paler skin under a warm lamp; next to a white eye it does not.
Lids, lashes and reflections of the skin make an eye redder than its white, never the light less red than that
(docs/painting.md, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..geometry.bending import bending_weights
from ..geometry.canonical import CANONICAL_FACE
from ..geometry.face import FaceFit
from ..geometry.rotation import Array
from .tone import LINEAR, ratios_of

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
#: a lid's corners and its four other landmarks, of both eyes
_EYES = (slice(36, 42), slice(42, 48))
#: mm between the places that are looked at
_STEP_MM = 1.25
#: linear luminance below which noise has no colour to tell, and above which there is none left
_DARK, _BURNT = 0.05, 0.95
#: of an eye's brighter half, the share that is least red is its white
_WHITEST = 1.0 / 3.0
#: places an eye must show, and how much it must face the camera
_FEWEST, _FACING = 12, 0.35


@dataclass(frozen=True, eq=False)
class _Opening:
    """Places between the lids of an eye: points (n, 3) mm, weights (n, 60) to bend them, a unit normal."""

    points: Array
    weights: F32
    normal: Array


@lru_cache(maxsize=1)
def _openings() -> tuple[_Opening, ...]:
    out = []
    for eye in _EYES:
        lid = CANONICAL_FACE[eye]
        middle = lid.mean(0)
        x, y = np.meshgrid(*(np.arange(-20.0, 20.01, _STEP_MM) + middle[k] for k in (0, 1)))
        x, y = x.ravel(), y.ravel()
        edges = zip(lid, np.roll(lid, -1, 0), strict=True)
        sides = [(b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) for a, b in edges]
        inside = (np.min(sides, 0) > 0.0) | (np.max(sides, 0) < 0.0)
        plane = np.linalg.lstsq(np.c_[lid[:, :2], np.ones(6)], lid[:, 2], rcond=None)[0]
        points = np.stack([x, y, np.c_[x, y, np.ones(len(x))] @ plane], -1)[inside]
        normal = np.array([plane[0], plane[1], -1.0])
        out.append(_Opening(points, bending_weights(points), normal / np.linalg.norm(normal)))
    return tuple(out)


def whites_of_eyes(image: U8, fit: FaceFit) -> tuple[float, float] | None:
    """Log2 R/G and log2 B/G of the whiter of both eyes in ``image`` (h, w, 3) uint8 BGR; None if unseen."""
    found = []
    for eye in _openings():
        if float(fit.rotation[2] @ eye.normal) > -_FACING:
            continue
        red, blue = _whitest(image, fit.bent_to_image(eye.points, eye.weights), LINEAR)
        if np.isfinite(red):
            found.append((round(red, 3), round(blue, 3)))
    return min(found) if found else None


@njit(cache=True, nogil=True, error_model="numpy")
def _whitest(image: U8, points: F32, linear: F32) -> tuple[float, float]:
    """Median log2 R/G and B/G of the least red of the brighter half of ``points`` (n, 3) px; nan if few."""
    h, w = image.shape[0], image.shape[1]
    n = 0
    luminance, red, blue = np.empty(len(points)), np.empty(len(points)), np.empty(len(points))
    for i in range(len(points)):
        x, y = int(np.rint(points[i, 0])), int(np.rint(points[i, 1]))
        if x < 0 or y < 0 or x >= w or y >= h:
            continue
        b, g, r = linear[image[y, x, 0]], linear[image[y, x, 1]], linear[image[y, x, 2]]
        luminance[n] = 0.0722 * b + 0.7152 * g + 0.2126 * r
        red[n], blue[n] = ratios_of(b, g, r)
        n += 1
    if n < _FEWEST:
        return np.nan, np.nan
    least = max(np.median(luminance[:n]), _DARK)
    bright = np.flatnonzero((luminance[:n] >= least) & (luminance[:n] < _BURNT))
    if len(bright) < _FEWEST // 2:
        return np.nan, np.nan
    order = bright[np.argsort(red[bright])]
    white = order[: max(int(len(order) * _WHITEST), 4)]
    return np.median(red[white]), np.median(blue[white])
