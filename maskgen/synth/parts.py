"""Everything on the head that is not skin: eyeballs and teeth, as small meshes of the mean head's frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .sculpt import EYE_CENTRE, EYE_RADIUS

#: materials of triangles, as shade.py knows them
SKIN, EYE, TEETH, CLOTH, FRAME, FABRIC, LENS = range(7)


@dataclass(frozen=True, eq=False)
class Part:
    """points (n, 3) mm, triangles (m, 3), attributes (n, 4) whose meaning depends on the material.

    solid: the first so many triangles bound a solid, and are not seen from behind.
    """

    points: NDArray[np.float32]
    triangles: NDArray[np.int32]
    attributes: NDArray[np.float32]
    material: int
    solid: int = 0


def grid_triangles(rows: int, cols: int, wrap: bool = False) -> NDArray[np.int32]:
    """Triangles of a (rows, cols) grid of points in row order; wrap joins the last column to the first."""
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(cols if wrap else cols - 1), indexing="ij")
    k = (j + 1) % cols
    a, b, c, d = i * cols + j, i * cols + k, (i + 1) * cols + k, (i + 1) * cols + j
    return np.concatenate(
        [np.stack([a, d, b], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)]
    ).astype(np.int32)


def eyeball() -> Part:
    """The front of one eyeball about its centre, looking along -z; attributes are the unit direction and 1.

    The cornea bulges by half a millimetre over the iris.
    """
    rings, spokes = 26, 40
    angle = np.radians(np.linspace(0.0, 88.0, rings))[:, None]
    turn = np.linspace(0.0, 2.0 * np.pi, spokes, endpoint=False)[None]
    direction = np.stack(
        [np.sin(angle) * np.cos(turn), np.sin(angle) * np.sin(turn), -np.cos(angle) * np.ones_like(turn)],
        axis=-1,
    ).reshape(-1, 3)
    off = np.degrees(np.arccos(np.clip(-direction[:, 2], -1, 1)))
    radius = EYE_RADIUS + 0.65 * np.exp(-((off / 22.0) ** 4))
    attributes = np.column_stack([direction, np.ones(len(direction))])
    tris = grid_triangles(rings, spokes, wrap=True)[:, ::-1]
    return Part((direction * radius[:, None]).astype(np.float32), tris, attributes.astype(np.float32), EYE)


def eye_centres() -> NDArray[np.float64]:
    """Centres (2, 3) of the eyeballs of the mean head: image left, image right."""
    c = np.array(EYE_CENTRE)
    return np.stack([c * [-1, 1, 1], c])


def _arch(x: NDArray) -> NDArray:
    """Depth z of the front of the teeth at x."""
    return 21.4 + 0.031 * x * x


def teeth(upper: bool) -> Part:
    """One row of teeth. Attributes: position along the row (mm), from gum 0 to edge 1, sky, 1."""
    cols, rows = 57, 9
    x = np.linspace(-25.0, 25.0, cols)
    v = np.linspace(0.0, 1.0, rows)
    xs, vs = np.meshgrid(x, v)
    gum, edge = (22.5, 33.4) if upper else (44.0, 34.4)
    setback = 0.0 if upper else 2.4
    bulge = 1.6 * np.sin(np.pi * np.clip(vs * 0.8 + 0.2, 0, 1))
    width = np.where(np.abs(xs) < 8.5, 8.5, 7.2) if upper else np.full_like(xs, 5.6)
    phase = np.abs(xs) / width
    tooth = np.sin(np.pi * (phase % 1.0)) ** 0.5  # rounded front and edge of each tooth
    y = (
        gum
        + (edge - gum) * vs * np.where(vs > 0.8, 0.96 + 0.04 * tooth, 1.0)
        - (0.0022 * xs**2 if upper else 0.0)
    )
    z = _arch(xs) + setback - bulge - 0.55 * tooth + 0.5
    sky = 0.95 * np.exp(-((xs / 19.0) ** 2)) * (0.4 + 0.6 * vs)
    attributes = np.stack([xs, vs, sky, np.full_like(xs, 1.0 if upper else 0.0)], axis=-1).reshape(-1, 4)
    points = np.stack([xs, y, z], axis=-1).reshape(-1, 3)
    return Part(points.astype(np.float32), grid_triangles(rows, cols), attributes.astype(np.float32), TEETH)
