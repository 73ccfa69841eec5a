"""A style's shell: the draped surface, its straps, and all that does not depend on the picture.

Built once for a style and a way of wearing it; bent to each face by `geometry.face`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..geometry.face import bending_weights
from ..geometry.head import grid_triangles
from ..geometry.rotation import Array
from ..masks.spec import MaskSpec
from .drape import COLUMNS, ROWS, drape_surface, edge_distances
from .straps import STRAP_POINTS, strap_ribbon

__all__ = ["COLUMNS", "ROWS", "Shell", "build_shell", "skewed"]

_PIVOT_Y = 20.0  # mm below the nose tip: what a skewed mask turns about


@dataclass(frozen=True, eq=False)
class Shell:
    """Vertices of mask and straps in the canonical frame, and all that does not depend on the picture.

    vertices (n, 3) mm; the first ROWS * COLUMNS are the mask's grid, the rest strap quads.
    weights (n, 60): `bending_weights` of the vertices. triangles (m, 3); from `strap_from` on, straps.
    texture (n, 2): u 0 (image left) .. 1, v 0 (top) .. 1. fabric_mm (n, 2): millimetres along the cloth from
    the top of the midline. rim_mm (n,): distance to the nearest edge. strap_of (n,): strap index or -1.
    size_mm: (width, height) of the unrolled mask. tent_mm (n,): gap between fabric and skin.
    """

    vertices: Array
    weights: NDArray[np.float32]
    triangles: NDArray[np.int32]
    strap_from: int
    texture: NDArray[np.float32]
    fabric_mm: NDArray[np.float32]
    rim_mm: NDArray[np.float32]
    strap_of: NDArray[np.int32]
    tent_mm: NDArray[np.float32]
    size_mm: tuple[float, float]


def _fabric_mm(surface: Array) -> Array:
    """Millimetres along the cloth (ROWS, COLUMNS, 2): across from the midline, down from the top."""
    step_u = np.linalg.norm(np.diff(surface, axis=1), axis=2)
    right = np.hstack([np.zeros((ROWS, 1)), np.cumsum(step_u, 1)])
    right -= right[:, COLUMNS // 2 : COLUMNS // 2 + 1]
    step_v = np.linalg.norm(np.diff(surface, axis=0), axis=2)
    down = np.vstack([np.zeros(COLUMNS), np.cumsum(step_v, 0)])
    return np.stack([right, down], -1)


@lru_cache(maxsize=96)
def build_shell(spec: MaskSpec, wear: str = "correct", skew_deg: float = 0.0) -> Shell:
    """The style's shell for one way of wearing it. Cached; some 30 ms the first time."""
    surface, gap = drape_surface(spec, wear, skew_deg)
    u, v = np.meshgrid(np.linspace(0.0, 1.0, COLUMNS), np.linspace(0.0, 1.0, ROWS))
    fabric = _fabric_mm(surface)
    vertices, triangles = [surface.reshape(-1, 3)], [grid_triangles(ROWS, COLUMNS)]
    texture, cloth = [np.stack([u, v], -1).reshape(-1, 2)], [fabric.reshape(-1, 2)]
    rim, owner = [edge_distances(surface).min(0).ravel()], [np.full(ROWS * COLUMNS, -1)]
    tent = [gap.ravel()]
    strap_from, start = len(triangles[0]), ROWS * COLUMNS
    for index, strap in enumerate(spec.straps):
        for side in (-1.0, 1.0):
            ribbon, along = strap_ribbon(strap, surface, side)
            n = len(ribbon)
            vertices.append(ribbon)
            triangles.append(grid_triangles(2, STRAP_POINTS) + start)
            texture.append(np.stack([np.repeat([0.0, 1.0], n // 2), np.tile(along / along[-1], 2)], -1))
            cloth.append(np.stack([np.repeat([0.0, strap.width], n // 2), np.tile(along, 2)], -1))
            rim.append(np.full(n, strap.width / 2.0))
            owner.append(np.full(n, index))
            tent.append(np.full(n, strap.lift))
            start += n
    points = np.concatenate(vertices)
    span = fabric[..., 0]
    return Shell(
        vertices=points,
        weights=bending_weights(points),
        triangles=np.ascontiguousarray(np.concatenate(triangles), np.int32),
        strap_from=strap_from,
        texture=np.concatenate(texture).astype(np.float32),
        fabric_mm=np.concatenate(cloth).astype(np.float32),
        rim_mm=np.concatenate(rim).astype(np.float32),
        strap_of=np.concatenate(owner).astype(np.int32),
        tent_mm=np.concatenate(tent).astype(np.float32),
        size_mm=(float((span[:, -1] - span[:, 0]).max()), float(fabric[..., 1].max())),
    )


def skewed(shell: Shell, degrees: float) -> Shell:
    """The shell rolled on the face by ``degrees`` (clockwise for who looks at it), about the upper lip.

    Bands begin where the mask now is and end where they did, at the ears. A few degrees move no point nearer
    to the skin than the fabric's own gap; `build_shell` lays a mask onto the head askew (slower).
    """
    if degrees == 0.0:
        return shell
    angle = np.radians(degrees) * np.where(shell.strap_of < 0, 1.0, 1.0 - shell.texture[:, 1])
    x, y = shell.vertices[:, 0], shell.vertices[:, 1] - _PIVOT_Y
    vertices = shell.vertices.copy()
    vertices[:, 0] = np.cos(angle) * x - np.sin(angle) * y
    vertices[:, 1] = np.sin(angle) * x + np.cos(angle) * y + _PIVOT_Y
    return replace(shell, vertices=vertices)
