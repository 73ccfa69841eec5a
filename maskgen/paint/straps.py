"""Straps as bands in space: from the mask's edge to the ear, or round the head."""

from __future__ import annotations

import numpy as np

from ..geometry.head import CENTRE, directions_of
from ..geometry.rotation import Array
from ..masks.spec import Strap
from .drape import natural_spline, skin_radius

#: points along a band
STRAP_POINTS = 12


def on_grid(surface: Array, u: float, v: float) -> Array:
    """Point of the grid (rows, columns, 3) at u -1..1 and v 0..1."""
    rows, columns = surface.shape[:2]
    x, y = (u + 1.0) / 2.0 * (columns - 1), v * (rows - 1)
    i, j = min(int(y), rows - 2), min(int(x), columns - 2)
    fy, fx = y - i, x - j
    near = (1 - fx) * surface[i, j] + fx * surface[i, j + 1]
    far = (1 - fx) * surface[i + 1, j] + fx * surface[i + 1, j + 1]
    return (1 - fy) * near + fy * far


def strap_ribbon(strap: Strap, surface: Array, side: float) -> tuple[Array, Array]:
    """Vertices (2 * STRAP_POINTS, 3) of one band and millimetres along it (STRAP_POINTS,); side is -1 or 1.

    Taut: straight where it clears head and neck, laid on them where it would cut through.
    """
    start = on_grid(surface, strap.start[0] * side, strap.start[1])
    path = np.vstack([start, np.array(strap.path) * [side, 1.0, 1.0]])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    at = np.linspace(0.0, along[-1], STRAP_POINTS)
    line = natural_spline(along, path, at)
    line[:, 1] += strap.sag * np.clip(1.0 - (2.0 * at / along[-1] - 1.0) ** 2, 0.0, None)
    d, r = directions_of(line)
    line = CENTRE + d * np.maximum(r, skin_radius(d) + strap.lift)[:, None]
    line[0] = start
    tangent = np.gradient(line, axis=0)
    across = np.cross(tangent, d)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    end = strap.width if strap.end_width is None else strap.end_width
    half = np.linspace(strap.width, end, STRAP_POINTS)[:, None] / 2.0
    edges = np.concatenate([line - half * across, line + half * across])
    d, r = directions_of(edges)
    return CENTRE + d * np.maximum(r, skin_radius(d) + 0.5 * strap.lift)[:, None], at
