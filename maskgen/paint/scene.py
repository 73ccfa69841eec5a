"""The mask in one picture: shell and head bent to the face, carried to pixels, and resolved by z-buffer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..errors import LandmarkError
from ..geometry.bending import bending_weights
from ..geometry.canonical import CANONICAL_FACE, FITTED
from ..geometry.face import FaceFit
from ..geometry.head import Mesh, head_mesh
from ..geometry.rotation import Array
from ..masks.spec import MaskSpec
from .dress import smooth_normals, tangents
from .light import Light
from .loops import cut_bands, sink
from .raster import SS, carry, extent, faces_away, fill_depth, hide, new_buffers, new_depth, survey
from .shell import COLUMNS, ROWS, Shell
from .straps import STRAP_POINTS
from .types import HIDDEN_BY_HEAD, HIDDEN_BY_MASK, MASK, NONE, STRAP, VISIBLE

F32 = NDArray[np.float32]
Box = tuple[int, int, int, int]
#: of the width and height of a face, what is looked at round it; px: one that is smaller says nothing
_ROUND_FACE, _LEAST_FACE = 0.2, 16
#: by how much the head must be nearer to hide fabric, mm: what faces the camera is not eaten by a poor fit;
#: what turns its back is on the far side, and a head that only touches it hides it
_SLACK_MM = np.array([3.5, 0.0])
#: vertices of the mask itself; the bands follow
MASK_VERTICES = ROWS * COLUMNS


@dataclass(frozen=True, eq=False)
class Scene:
    """What the z-buffer says within the window ``box`` (x0, y0, x1, y1) of the picture; arrays are its size.

    inner: the part (x0, y0, x1, y1) of the window in which mask and straps lie. coverage: 0..1 of mask and
    straps. strap: 0..1 of straps alone. seen: triangle of the shell where something covers. head_depth: far
    where there is no head. points: (n, 3) vertices in subsamples of the window, depth away from the camera;
    normals, across: (n, 3) unit vectors in camera axes; away: (m,) 1 where a triangle turns its back.
    landmarks: (68, 3) pixels of the window and depth, where the fitted face has them; visibility: (68,)
    uint8.
    """

    box: Box
    inner: Box
    coverage: F32
    strap: F32
    seen: NDArray[np.int16]
    head_depth: F32
    points: F32
    normals: F32
    across: F32
    away: NDArray[np.uint8]
    landmarks: F32
    visibility: NDArray[np.uint8]

    def face(self, frame: Box) -> Box:
        """The fitted face and what is round it, within the photograph's ``frame``: whatever mask is worn."""
        left, top, right, low = extent(self.landmarks)
        x0, y0 = self.box[:2]
        across, down = _ROUND_FACE * (right - left), _ROUND_FACE * (low - top)
        left, right, top, low = left + x0 - across, right + x0 + across, top + y0 - down, low + y0 + down
        box = _within((int(left), int(top), int(right) + 1, int(low) + 1), frame)
        return box if min(box[2] - box[0], box[3] - box[1]) >= _LEAST_FACE else self.box

    def around_inner(self, pixels: int) -> Box:
        """What of the window lies within so many pixels of `inner`."""
        x0, y0, x1, y1 = self.inner
        h, w = self.coverage.shape
        return _within((x0 - pixels, y0 - pixels, x1 + pixels, y1 + pixels), (0, 0, w, h))


@lru_cache(maxsize=1)
def _head() -> tuple[Mesh, F32, F32]:
    mesh = head_mesh(41, 30)  # coarse: it only hides
    return mesh, bending_weights(mesh.vertices), bending_weights(CANONICAL_FACE)


@lru_cache(maxsize=1)
def _landmark_normals() -> Array:
    mesh = head_mesh()
    nearest = ((mesh.vertices[None] - CANONICAL_FACE[:, None]) ** 2).sum(-1).argmin(1)
    return mesh.normals[nearest]


def _box_round(points: F32, frame: Box, margin: float) -> Box:
    """Integer box round the points, grown by ``margin`` px and clipped to ``frame``."""
    left, top, right, low = extent(points)
    x0, y0 = math.floor(left - margin), math.floor(top - margin)
    return _within((x0, y0, math.ceil(right + margin) + 1, math.ceil(low + margin) + 1), frame)


def _within(box: Box, frame: Box) -> Box:
    """What of ``box`` lies in ``frame``; of no width or height where nothing does."""
    x0, y0 = max(box[0], frame[0]), max(box[1], frame[1])
    return x0, y0, max(min(box[2], frame[2]), x0), max(min(box[3], frame[3]), y0)


def build_scene(
    image: NDArray[np.uint8], shell: Shell, spec: MaskSpec, fit: FaceFit, light: Light,
    frame: Box,
) -> Scene:  # fmt: skip
    """Carry ``shell`` to ``image`` (h, w, 3) uint8 BGR, of which ``frame`` (x0, y0, x1, y1) can be painted.

    Raises LandmarkError if it misses that.
    """
    head, head_weights, landmark_weights = _head()
    at = fit.bent_to_image(shell.vertices, shell.weights)
    box = x0, y0, x1, y1 = _box_round(at, frame, margin=12.0 * fit.camera.scale)
    if x1 - x0 < 2 or y1 - y0 < 2:
        raise LandmarkError(
            "the mask would lie outside the picture; are the landmarks in pixels of this image?"
        )
    rows, columns = y1 - y0, x1 - x0
    head_depth = new_depth(rows, columns)
    head_at = fit.bent_to_image(head.vertices, head_weights)
    carry(head_at, 1.0, -float(x0), -float(y0))
    fill_depth(head_at, head.triangles, True, head_depth, None)
    carry(at, 1.0, -float(x0), -float(y0))
    normals, across = np.empty_like(at), np.empty_like(at)
    smooth_normals(at, shell.triangles, normals)
    slack = (_SLACK_MM * fit.camera.scale).astype(np.float32)
    window = image[y0:y1, x0:x1]
    ends = cut_bands(
        window, at, normals, head_depth, fit.camera.scale, float(slack[0]), light, spec, MASK_VERTICES
    )
    tangents(at, ROWS, COLUMNS, STRAP_POINTS, across)
    away = np.empty(len(shell.triangles), np.uint8)
    faces_away(at, shell.triangles, away)
    inner = _box_round(at, (0, 0, columns, rows), margin=1.0)
    # subsample j of pixel x lies at x + (j + 0.5) / SS - 0.5
    carry(at, float(SS), 0.5 * SS - 0.5, 0.5 * SS - 0.5)
    depth, ids = new_buffers(rows, columns, inner)
    fill_depth(at, shell.triangles, False, depth, ids)
    coverage, strap = np.zeros((2, rows, columns), np.float32)
    seen, hidden = np.empty((rows, columns), np.int16), np.zeros((rows, columns), np.uint8)
    if survey(depth, ids, head_depth, away, shell.strap_from, slack, inner, coverage, strap, seen, hidden):
        hide(coverage, strap, hidden)
    sink(ends, coverage, strap)
    landmarks = fit.bent_to_image(CANONICAL_FACE, landmark_weights)
    carry(landmarks, 1.0, -float(x0), -float(y0))
    visibility = _visibility(landmarks, fit, head_depth, coverage, strap)
    return Scene(
        box, inner, coverage, strap, seen, head_depth, at, normals, across, away, landmarks, visibility
    )


def _visibility(
    landmarks: F32, fit: FaceFit, head_depth: F32, coverage: F32, strap: F32
) -> NDArray[np.uint8]:
    """Whether each landmark is hidden by the head, by the mask, or seen."""
    facing = _landmark_normals() @ fit.rotation[2] < 0.05
    out = np.empty(len(landmarks), np.uint8)
    _judge(landmarks, facing, 8.0 * fit.camera.scale, head_depth, coverage, strap, out)
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _judge(  # type: ignore[no-untyped-def]
    landmarks, facing, slack, head_depth, coverage, strap, out
) -> None:
    h, w = coverage.shape
    for i in range(len(landmarks)):
        out[i] = VISIBLE if facing[i] else HIDDEN_BY_HEAD
        x, y = int(np.rint(landmarks[i, 0])), int(np.rint(landmarks[i, 1]))
        if x < 0 or y < 0 or x >= w or y >= h:
            continue
        if head_depth[y, x] < landmarks[i, 2] - slack:
            out[i] = HIDDEN_BY_HEAD
        elif facing[i] and coverage[y, x] - strap[y, x] >= np.float32(0.5):
            out[i] = HIDDEN_BY_MASK


@njit(cache=True, nogil=True, error_model="numpy")
def label(coverage: F32, strap: F32, box: Box, out: NDArray[np.uint8]) -> None:
    """MASK or STRAP, whichever covers more, of pixels of ``box`` half covered or more, into ``out``."""
    half, mask, band, none = np.float32(0.5), np.uint8(MASK), np.uint8(STRAP), np.uint8(NONE)
    x0, x1 = box[0], box[2]
    for y in range(box[1], box[3]):
        all_of_it, straps, to = coverage[y, x0:x1], strap[y, x0:x1], out[y, x0:x1]
        for x in range(len(to)):
            kind = band if straps[x] > half * all_of_it[x] else mask
            to[x] = kind if all_of_it[x] >= half else none


assert FITTED[-1] == 59  # bending_weights of landmarks 60-67 ride on their neighbours
