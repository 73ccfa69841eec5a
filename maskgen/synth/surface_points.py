"""Named points of the head besides the 68 landmarks: the visible outline of the jaw, and AFLW's 21 points."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..geometry.face import CANONICAL_FACE
from .base import base_head, nearest_on_mesh

#: AFLW's 21 points as means of landmarks; the ears (12, 16) are points of their own
_AFLW: tuple[tuple[int, ...], ...] = (
    (17,), (19,), (21,), (22,), (24,), (26,), (36,), (36, 37, 38, 39, 40, 41), (39,), (42,),
    (42, 43, 44, 45, 46, 47), (45,), (), (31,), (30,), (35,), (), (48,), (62, 66), (54,), (8,),
)  # fmt: skip
_EAR = (79.0, 4.0, 124.0)
#: where the line of each jaw landmark runs to on the face (mm): image-right landmarks 16 .. 9
_TOWARDS = (
    (52, -30, 62),
    (51, -14, 58),
    (50, 0, 55),
    (48, 14, 54),
    (43, 28, 50),
    (36, 42, 47),
    (27, 52, 42),
    (15, 60, 36),
)
_STEPS = 9


@lru_cache(maxsize=1)
def _jaw_lines() -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Places on the mean head, (16, _STEPS) triangles and weights: lines from the jaw landmarks into the
    face."""
    base = base_head()
    targets = []
    for k, end in enumerate(_TOWARDS):
        start = CANONICAL_FACE[16 - k]
        t = np.linspace(0.0, 1.0, _STEPS)[:, None]
        targets.append(start + (np.array(end, float) - start) * t)
    right = np.array(targets)
    both = np.concatenate([right * [-1.0, 1.0, 1.0], right]).reshape(-1, 3)
    tri, weights, _ = nearest_on_mesh(both, base.points, base.triangles)
    return tri.reshape(16, _STEPS), weights.reshape(16, _STEPS, 3)


@lru_cache(maxsize=1)
def _ears() -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    base = base_head()
    tri, weights, _ = nearest_on_mesh(np.array([_EAR]) * [[-1, 1, 1], [1, 1, 1]], base.points, base.triangles)
    return tri, weights


def _at(points: NDArray, tri: NDArray, weights: NDArray) -> NDArray[np.float64]:
    corners = points[base_head().triangles[tri]]
    return np.einsum("...cd,...c->...d", corners, weights)


def outline_landmarks(skin: NDArray, landmarks: NDArray) -> NDArray[np.float64]:
    """The 68 landmarks (68, 3) with the jaw moved to the visible outline, as people click it.

    skin (n, 3): the posed mean-head points (camera axes, y down, z away); landmarks (68, 3) posed likewise.
    A jaw point whose side turns away slides along its line to where the cheek's outline is.
    """
    out = np.array(landmarks, np.float64)
    lines = _at(skin, *_jaw_lines())
    for k in range(8):
        for side, row, index in ((-1.0, k, k), (1.0, 8 + k, 16 - k)):
            line = lines[row]
            best = int(np.argmax(line[:, 0] * side))
            if best > 0:
                out[index] = line[best]
    return out


def aflw_points(skin: NDArray, landmarks: NDArray) -> NDArray[np.float64]:
    """AFLW's 21 points (21, 3) from posed skin points (n, 3) and landmarks (68, 3)."""
    ears = iter(_at(skin, *_ears()))
    return np.array([landmarks[list(group)].mean(axis=0) if group else next(ears) for group in _AFLW])
