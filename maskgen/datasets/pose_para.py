"""Pose_Para, the label of 300W-LP and AFLW2000, and the .mat file around it (docs/conventions.md, section 3).

``Pose_Para`` is (pitch, yaw, roll) in radians, then tx, ty, tz, s of the weak-perspective camera; pixels in
the file count from 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import LabelError
from ..geometry.camera import WeakPerspective
from ..geometry.image_plane import PlaneMap
from ..geometry.landmarks import Landmarks
from ..geometry.pose import HeadPose
from ..geometry.rotation import Array, euler_to_matrix, matrix_to_euler, nearest_triple, rotation_z, wrap_deg
from ..io.matfile import MatFile

#: a negative scale is a half turn in the plane: P s R = P |s| Rz(180) R
_HALF_TURN = rotation_z(180.0)
#: the nose tip of the canonical face in the frame of the 3D model behind the labels, mm: the mean of all
#: AFLW2000 samples with pose and scale undone (docs/conventions.md, section 3)
MODEL_FROM_CANONICAL: Array = np.array([0.0, 7.8, -131.5])
MODEL_FROM_CANONICAL.flags.writeable = False
#: pixels by which a map may miss a similarity before the label cannot express it
_SLACK = 1e-6


@dataclass(frozen=True)
class PosePara:
    """The seven numbers. angles: (yaw, pitch, roll) in degrees as labelled, which may lie beyond 180.

    offset: (tx, ty) with ty counted upward from the lower edge; depth: tz; scale: s in pixels per
    micrometre, negative in one known file of AFLW2000.
    """

    angles: tuple[float, float, float]
    offset: tuple[float, float]
    depth: float
    scale: float

    @classmethod
    def of(cls, fields: Mapping[str, NDArray[Any]], name: str) -> PosePara:
        """From the variables of a .mat file. Raises LabelError if Pose_Para is missing or impossible."""
        raw = fields.get("Pose_Para")
        if raw is None:
            raise LabelError(
                f"{name}: no Pose_Para; the file has {', '.join(fields) or 'no numeric variable'}"
            )
        if raw.size != 7:
            raise LabelError(f"{name}: Pose_Para has {raw.size} numbers, expected 7")
        v: list[float] = raw.astype(np.float64).ravel().tolist()
        if not all(map(math.isfinite, v)) or v[6] == 0.0:
            raise LabelError(f"{name}: Pose_Para holds NaN, infinity or a scale of 0")
        pitch, yaw, roll = map(math.degrees, v[:3])
        return cls((yaw, pitch, roll), (v[3], v[4]), v[5], v[6])

    @cached_property
    def rotation(self) -> Array:
        """The matrix (3, 3) of the angles."""
        return euler_to_matrix(self.angles)

    @cached_property
    def pose(self) -> HeadPose:
        """The head's orientation in the picture; for a negative scale the labelled one turned by 180."""
        return HeadPose(_HALF_TURN @ self.rotation if self.scale < 0.0 else self.rotation)

    def origin(self, height: int) -> tuple[float, float]:
        """0-based pixel where the 3D model's origin lands in a picture of this height."""
        return self.offset[0] - 1.0, height - self.offset[1]

    def camera(self, height: int) -> WeakPerspective:
        """Where the label puts the canonical face in a picture of this height."""
        scale = abs(self.scale) * 1000.0
        right, down, _ = (scale * (self.pose.cam_from_head @ MODEL_FROM_CANONICAL)).tolist()
        x, y = self.origin(height)
        return WeakPerspective(scale, (x + right, y + down))

    def moved(self, plane: PlaneMap, height: int) -> PosePara:
        """The label after the picture of this height went through ``plane``, by section 3."""
        k = similarity(plane)
        x, y = plane.points(self.origin(height)).tolist()
        offset = (x + 1.0, plane.size[1] - y)
        angles = self.angles
        if plane.turns_head:
            r = plane.camera_rotation @ self.rotation
            yaw, pitch, roll = nearest_triple(matrix_to_euler(r), wrap_deg(self.angles)).tolist()
            angles = (yaw, pitch, roll)
        return PosePara(angles, offset, self.depth * k, self.scale * k)

    def array(self) -> Array:
        """(1, 7) in file order and units."""
        yaw, pitch, roll = np.radians(self.angles)
        return np.array([[pitch, yaw, roll, *self.offset, self.depth, self.scale]])


@lru_cache(maxsize=4)  # asked for several times for every picture
def similarity(plane: PlaneMap) -> float:
    """The scale k of a map that turns, shifts and scales. Raises LabelError for any other map.

    Weak perspective turns with the picture: the map's linear part must be k times the first two rows and
    columns of its camera rotation, which must be a turn in the image plane.
    """
    (a, b, _), (c, d, _), (e, f, _) = (plane.matrix / plane.matrix[2, 2]).tolist()
    k = math.sqrt(abs(a * d - b * c))
    k = 1.0 if abs(k - 1.0) < 1e-12 else k  # a plain turn leaves lengths as they are, to the last bit
    (p, q, _), (r, s, _), (_, _, along) = plane.camera_rotation.tolist()
    side = max(plane.size)
    off = max(abs(a - k * p), abs(b - k * q), abs(c - k * r), abs(d - k * s)) * side
    bent = max(abs(e), abs(f)) * side**2
    if max(off, bent) > _SLACK * side or abs(along - 1.0) > 1e-9 or k <= 0.0:
        raise LabelError(
            "Pose_Para can only follow a turn, shift or even scaling of the picture, not this map"
        )
    return k


def moved_pixels(points: NDArray[Any], plane: PlaneMap) -> Array:
    """Rows x and y of 1-based pixels (2, n) in the target picture; points at (-1, -1) stay (not visible)."""
    out = points.astype(np.float64)
    known = ~(out == -1.0).all(axis=0)
    if known.all():
        out[:] = plane.points(out.T - 1.0).T + 1.0
    else:
        out[:, known] = plane.points(out[:, known].T - 1.0).T + 1.0
    return out


def moved_landmarks(landmarks: Landmarks | None, plane: PlaneMap) -> Landmarks | None:
    """Landmarks in the target picture; depth scales with it."""
    if landmarks is None:
        return None
    points = landmarks.points.copy()
    points[:, :2] = plane.points(points[:, :2])
    if points.shape[1] == 3:
        points[:, 2] *= similarity(plane)
    return Landmarks(points, landmarks.valid, landmarks.source)


def moved_mat(mat: MatFile, para: PosePara, plane: PlaneMap) -> MatFile:
    """The label file after the move: pose and all points in pixels; every other variable to the byte."""
    fields, new = mat.fields, {"Pose_Para": para.array()}
    k = similarity(plane)
    for key in ("pt2d", "pt3d_68"):
        if key in fields and fields[key].ndim == 2 and len(fields[key]) >= 2:
            value = fields[key].astype(np.float64)
            value[:2] = moved_pixels(value[:2], plane)
            value[2:] *= k
            new[key] = value
    return mat.with_fields(new)


def points_1based(raw: NDArray[Any], source: str) -> Landmarks | None:
    """Landmarks from 68 points in 1-based pixels, (68, 2), (2, 68) or (3, 68) with z toward the viewer."""
    p = raw.astype(np.float64)
    p = p if p.shape[0] == 68 else p.T
    if p.shape not in ((68, 2), (68, 3)):
        return None
    p[:, :2] -= 1.0
    p[:, 2:] *= -1.0
    return Landmarks.of(p, source)


def box_of(landmarks: Landmarks | None) -> tuple[float, float, float, float] | None:
    """Tight box of the landmarks, None where there are none."""
    return landmarks.box if landmarks is not None and landmarks.valid.any() else None
