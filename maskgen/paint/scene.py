"""The mask in one picture: shell and head bent to the face, carried to pixels, and resolved by z-buffer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..errors import LandmarkError
from ..geometry.face import CANONICAL_FACE, FITTED, FaceFit, bending_weights
from ..geometry.head import Mesh, head_mesh
from ..geometry.rotation import Array
from ..masks.spec import MaskSpec
from .dress import smooth_normals, tangents
from .light import Light
from .loops import cut_bands
from .raster import SS, faces_away, fill_depth, hide, new_buffers, survey
from .shell import COLUMNS, ROWS, Shell
from .straps import STRAP_POINTS
from .types import HIDDEN_BY_HEAD, HIDDEN_BY_MASK, VISIBLE

F32 = NDArray[np.float32]
#: by how much the head must be nearer to hide fabric, mm: what faces the camera is not eaten by a poor fit;
#: what turns its back is on the far side, and a head that only touches it hides it
_SLACK_MM = np.array([3.5, 0.0])
#: vertices are rounded to this share of a pixel: linear algebra that differs in the last bit between
#: machines must not change a byte of the result
_GRID = 256.0
#: vertices of the mask itself; the bands follow
MASK_VERTICES = ROWS * COLUMNS


@dataclass(frozen=True, eq=False)
class Scene:
    """What the z-buffer says within the window ``box`` (x0, y0, x1, y1) of the picture; arrays are its size.

    coverage: 0..1 of mask and straps. strap: 0..1 of straps alone. seen: triangle of the shell, or -1.
    head_depth: far where there is no head. points: (n, 3) vertices in subsamples of the window, depth away
    from the camera; normals, across: (n, 3) unit vectors in camera axes; away: (m,) 1 where a triangle
    turns its back. visibility: (68,) uint8.
    """

    box: tuple[int, int, int, int]
    coverage: F32
    strap: F32
    seen: NDArray[np.int16]
    head_depth: F32
    points: F32
    normals: F32
    across: F32
    away: NDArray[np.uint8]
    visibility: NDArray[np.uint8]


@lru_cache(maxsize=1)
def _head() -> tuple[Mesh, F32, F32]:
    mesh = head_mesh(41, 30)  # coarse: it only hides
    return mesh, bending_weights(mesh.vertices), bending_weights(CANONICAL_FACE)


@lru_cache(maxsize=1)
def _landmark_normals() -> Array:
    mesh = head_mesh()
    nearest = ((mesh.vertices[None] - CANONICAL_FACE[:, None]) ** 2).sum(-1).argmin(1)
    return mesh.normals[nearest]


def _pixels(fit: FaceFit, points: Array) -> Array:
    return np.rint(fit.to_image(points) * _GRID) / _GRID


def _window(xy: Array, frame: tuple[int, int, int, int], margin: float) -> tuple[int, int, int, int]:
    """Integer box round the points, grown by ``margin`` px and clipped to ``frame``."""
    x0, y0 = np.floor(xy.min(0) - margin)
    x1, y1 = np.ceil(xy.max(0) + margin) + 1
    box = (
        int(max(x0, frame[0])),
        int(max(y0, frame[1])),
        int(min(x1, frame[2])),
        int(min(y1, frame[3])),
    )
    if box[2] - box[0] < 2 or box[3] - box[1] < 2:
        raise LandmarkError(
            "the mask would lie outside the picture; are the landmarks in pixels of this image?"
        )
    return box


def build_scene(
    image: NDArray[np.uint8], shell: Shell, spec: MaskSpec, fit: FaceFit, light: Light,
    frame: tuple[int, int, int, int],
) -> Scene:  # fmt: skip
    """Carry ``shell`` to ``image`` (h, w, 3) uint8 BGR, of which ``frame`` (x0, y0, x1, y1) can be painted.

    Raises LandmarkError if it misses that.
    """
    head, head_weights, landmark_weights = _head()
    points = _pixels(fit, fit.bent(shell.vertices, shell.weights))
    box = _window(points[:, :2], frame, margin=12.0 * fit.camera.scale)
    x0, y0, x1, y1 = box
    rows, columns = y1 - y0, x1 - x0
    head_depth, ids = new_buffers(rows, columns, 1)
    head_points = _pixels(fit, fit.bent(head.vertices, head_weights)) - (x0, y0, 0.0)
    fill_depth(head_points.astype(np.float32), head.triangles, True, head_depth, ids)
    at = (points - (x0, y0, 0.0)).astype(np.float32)
    normals, across = np.empty_like(at), np.empty_like(at)
    smooth_normals(at, shell.triangles, normals)
    slack = (_SLACK_MM * fit.camera.scale).astype(np.float32)
    cut_bands(image[y0:y1, x0:x1], at, normals, head_depth, float(slack[0]), light, spec, MASK_VERTICES)
    tangents(at, ROWS, COLUMNS, STRAP_POINTS, across)
    away = np.empty(len(shell.triangles), np.uint8)
    faces_away(at, shell.triangles, away)
    # subsample j of pixel x lies at x + (j + 0.5) / SS - 0.5
    at[:, :2] = (at[:, :2] + np.float32(0.5)) * np.float32(SS) - np.float32(0.5)
    depth, ids = new_buffers(rows, columns)
    fill_depth(at, shell.triangles, False, depth, ids)
    coverage, strap = np.empty((rows, columns), np.float32), np.empty((rows, columns), np.float32)
    seen, hidden = np.empty((rows, columns), np.int16), np.empty((rows, columns), np.uint8)
    if survey(depth, ids, head_depth, away, shell.strap_from, slack, coverage, strap, seen, hidden):
        hide(coverage, strap, hidden)
    landmarks = fit.to_image(fit.bent(CANONICAL_FACE, landmark_weights))
    visibility = _visibility(landmarks, fit, box, head_depth, coverage, strap)
    return Scene(box, coverage, strap, seen, head_depth, at, normals, across, away, visibility)


def _visibility(
    landmarks: Array, fit: FaceFit, box: tuple[int, int, int, int], head_depth: F32, coverage: F32, strap: F32
) -> NDArray[np.uint8]:
    """Whether each landmark is hidden by the head, by the mask, or seen."""
    facing = _landmark_normals() @ fit.rotation[2] < 0.05
    out = np.where(facing, VISIBLE, HIDDEN_BY_HEAD).astype(np.uint8)
    at = np.rint(landmarks[:, :2] - box[:2]).astype(int)
    i = np.flatnonzero((at >= 0).all(1) & (at < coverage.shape[::-1]).all(1))
    x, y = at[i, 0], at[i, 1]
    near = head_depth[y, x] < landmarks[i, 2] - 8.0 * fit.camera.scale
    out[i[near]] = HIDDEN_BY_HEAD
    mask = coverage[y, x] - strap[y, x]
    out[i[(mask >= 0.5) & facing[i] & ~near]] = HIDDEN_BY_MASK
    return out


assert FITTED[-1] == 59  # bending_weights of landmarks 60-67 ride on their neighbours
