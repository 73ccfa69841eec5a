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
from . import composite as c
from .raster import SS, fill_depth, hide, new_buffers, resolve, smooth_normals
from .shell import COLUMNS, ROWS, Shell
from .straps import STRAP_POINTS
from .types import HIDDEN_BY_HEAD, HIDDEN_BY_MASK, VISIBLE

F32 = NDArray[np.float32]
#: the head stands this far back where it competes with the fabric: a poor fit must not eat the mask
_HEAD_BACK_MM = 3.5
#: vertices are rounded to this share of a pixel: linear algebra that differs in the last bit between
#: machines must not change a byte of the result
_GRID = 256.0


@dataclass(frozen=True, eq=False)
class Scene:
    """What the z-buffer says within the window ``box`` (x0, y0, x1, y1) of the picture; arrays are its size.

    coverage: 0..1 of mask and straps. strap: 0..1 of straps alone. head: 0..1 of bare head. attributes:
    (h, w, composite.ATTRIBUTES) where covered. visibility: (68,) uint8.
    """

    box: tuple[int, int, int, int]
    coverage: F32
    strap: F32
    head: F32
    attributes: F32
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
    return np.round(fit.to_image(points) * _GRID) / _GRID


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


def _tangents(points: F32) -> F32:
    """Unit direction of growing u at each vertex: along the rows of the grid, across the straps' bands."""
    out = np.zeros_like(points)
    grid = points[: ROWS * COLUMNS].reshape(ROWS, COLUMNS, 3)
    out[: ROWS * COLUMNS] = np.asarray(np.gradient(grid, axis=1)).reshape(-1, 3)
    bands = points[ROWS * COLUMNS :].reshape(-1, 2, STRAP_POINTS, 3)
    across = bands[:, 1] - bands[:, 0]
    out[ROWS * COLUMNS :] = np.stack([across, across], 1).reshape(-1, 3)
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)


def _ribbon_numbers(vertices: int) -> NDArray[np.intp]:
    """0 for the mask's own vertices, then 1, 2, ... for each band: strap 0 left, right, strap 1 left, ..."""
    ribbon = (np.arange(vertices) - ROWS * COLUMNS) // (2 * STRAP_POINTS)
    return np.where(ribbon < 0, 0, ribbon + 1)


def _vertex_attributes(shell: Shell, camera_points: F32) -> F32:
    """(n, ATTRIBUTES) of the shell's vertices; camera_points (n, 3) in camera axes."""
    out = np.empty((len(camera_points), c.ATTRIBUTES), np.float32)
    normals = np.empty_like(camera_points)
    smooth_normals(camera_points, shell.triangles, normals)
    out[:, [c.U, c.V]] = shell.texture
    out[:, [c.MM_X, c.MM_Y]] = shell.fabric_mm
    out[:, [c.NX, c.NY, c.NZ]] = normals
    out[:, [c.TX, c.TY, c.TZ]] = _tangents(camera_points)
    out[:, c.RIM] = shell.rim_mm
    out[:, c.STRAP_ID] = _ribbon_numbers(len(camera_points))
    return out


def build_scene(shell: Shell, fit: FaceFit, frame: tuple[int, int, int, int]) -> Scene:
    """Carry ``shell`` to the picture, of which ``frame`` (x0, y0, x1, y1) can be painted.

    Raises LandmarkError if it misses that.
    """
    head, head_weights, landmark_weights = _head()
    points = _pixels(fit, fit.bent(shell.vertices, shell.weights))
    head_points = _pixels(fit, fit.bent(head.vertices, head_weights))
    box = _window(points[:, :2], frame, margin=12.0 * fit.camera.scale)
    x0, y0, x1, y1 = box
    rows, columns = y1 - y0, x1 - x0
    depth, ids = new_buffers(rows, columns)
    window_points = _to_window(points, box, SS)
    fill_depth(window_points, shell.triangles, 0, 0.0, False, depth, ids)
    # the head is sampled once a pixel: it fills the window, and its edges are softened where it hides
    head_depth, head_ids = new_buffers(rows, columns, 1)
    at_once = _to_window(head_points, box, 1)
    at_once[:, 2] *= SS
    fill_depth(at_once, head.triangles, 0, _HEAD_BACK_MM * fit.camera.scale * SS, True, head_depth, head_ids)
    shares = np.empty((3, rows, columns), np.float32)
    hidden = np.empty((rows, columns), np.float32)
    attributes = np.empty((rows, columns, c.ATTRIBUTES), np.float32)
    vertex = _vertex_attributes(shell, points.astype(np.float32))
    resolve(
        ids,
        depth,
        head_depth,
        window_points,
        shell.triangles,
        vertex,
        shell.strap_from,
        shares,
        hidden,
        attributes,
    )
    hide(shares, hidden)
    landmarks = fit.to_image(fit.bent(CANONICAL_FACE, landmark_weights))
    visibility = _visibility(landmarks, fit, box, np.asarray(head_depth / SS, np.float32), shares)
    return Scene(box, shares[0], shares[1], shares[2], attributes, visibility)


def _to_window(points: Array, box: tuple[int, int, int, int], samples: int) -> F32:
    """Picture pixels to subsamples of the window: subsample j of pixel x lies at x + (j + 0.5) / n - 0.5."""
    out = np.empty(points.shape, np.float32)
    out[:, 0] = (points[:, 0] - box[0] + 0.5) * samples - 0.5
    out[:, 1] = (points[:, 1] - box[1] + 0.5) * samples - 0.5
    out[:, 2] = points[:, 2] * samples
    return out


def _visibility(
    landmarks: Array, fit: FaceFit, box: tuple[int, int, int, int], head_depth: F32, shares: F32
) -> NDArray[np.uint8]:
    """Whether each landmark is hidden by the head, by the mask, or seen."""
    facing = (_landmark_normals() @ fit.rotation.T)[:, 2] < 0.05
    out = np.where(facing, VISIBLE, HIDDEN_BY_HEAD).astype(np.uint8)
    x = np.rint(landmarks[:, 0] - box[0]).astype(int)
    y = np.rint(landmarks[:, 1] - box[1]).astype(int)
    inside = (x >= 0) & (y >= 0) & (x < shares.shape[2]) & (y < shares.shape[1])
    i = np.flatnonzero(inside)
    near = head_depth[y[i], x[i]] < landmarks[i, 2] - 8.0 * fit.camera.scale
    out[i[near]] = HIDDEN_BY_HEAD
    mask = shares[0, y[i], x[i]] - shares[1, y[i], x[i]]
    out[i[(mask >= 0.5) & facing[i] & ~near]] = HIDDEN_BY_MASK
    return out


assert FITTED[-1] == 59  # bending_weights of landmarks 60-67 ride on their neighbours
