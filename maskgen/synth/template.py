"""The head mesh NN.obj of a BIWI sequence: one coarse topology for everybody, bent to the person."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..geometry.face import BIWI_FROM_CANONICAL
from .base import bend_to_landmarks
from .expression import close_shift
from .identity import shape_basis
from .maps import unroll
from .mesher import graded_lines, mesh_block
from .model import vertex_normals
from .person import Person

#: grid lines of the template: about as many points as the originals' 6,918
_GRID = (
    ((2.5, 5.0), (50.0, 5.0), (110.0, 8.5)),
    ((-150.0, 9.0), (-60.0, 5.0), (60.0, 5.0), (136.0, 10.0)),
    ((-6.0, 4.8), (50.0, 5.2), (215.0, 9.0)),
)
#: how far the originals reach down, mm below the head centre
_LOWEST = 132.0


@lru_cache(maxsize=1)
def _template() -> tuple[NDArray, NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Points (n, 3) of the mean head at rest, triangles, shape basis, and texture coordinates (n, 2)."""
    x, y, z = map(graded_lines, _GRID)
    verts, tris, _, _ = mesh_block(x, y, z)
    mouth = (
        (np.abs(verts[:, 0]) < 27)
        & (np.abs(verts[:, 1] - 33) < 22)
        & (verts[:, 2] > 34 + 0.024 * verts[:, 0] ** 2)
    )
    keep = (verts[:, 1] < _LOWEST - 3.0) & ~(mouth & (verts[:, 2] < 75))
    tris = tris[keep[tris].all(axis=1)]
    used, tris = np.unique(tris, return_inverse=True)
    tris = tris.reshape(-1, 3).astype(np.int32)
    points = bend_to_landmarks(verts[used])
    uv = unroll(points)
    return points, tris, shape_basis(points), (uv / uv.max(axis=0)).astype(np.float32)


def template_points(person: Person) -> NDArray[np.float64]:
    """The person's template (n, 3), mm, in the frame of the .obj: origin at the head centre."""
    points, _, basis, _ = _template()
    moved = points + np.einsum("k,knd->nd", person.shape.astype(np.float64), basis)
    moved[:, 1] += close_shift(points)
    turn, shift = BIWI_FROM_CANONICAL
    return moved @ turn.T + shift


def template_obj(person: Person) -> str:
    """The text of NN.obj: v, vn and vt of each point in turn, then the faces, as in the originals."""
    points = template_points(person)
    _, tris, _, uv = _template()
    normals = vertex_normals(points, tris)
    lines = [f"# {len(points)} vertices, {len(tris)} faces"]
    for p, n, t in zip(points.tolist(), normals.tolist(), uv.tolist(), strict=True):
        lines.append(f"v {p[0]:.10f} {p[1]:.10f} {p[2]:.10f}")
        lines.append(f"vn {n[0]:.10f} {n[1]:.10f} {n[2]:.10f}")
        lines.append(f"vt {t[0]:.6f} {t[1]:.6f}")
    lines += ["f " + " ".join(f"{i}/{i}/{i}" for i in row) for row in (tris + 1).tolist()]
    return "\n".join(lines) + "\n"
