"""Cameras: how points in millimetres become pixels (0-based, pixel centres on integers)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .rotation import Array


@dataclass(frozen=True, eq=False)
class Calibration:
    """A camera of a calibrated rig, as in BIWI's rgb.cal and depth.cal (docs/conventions.md, section 5).

    intrinsics: (3, 3) K in pixels. rotation (3, 3) and translation (3,) mm carry points of the rig's
    reference (depth) camera into this one: ``X_cam = rotation @ X_ref + translation``.
    distortion: lens terms, all 0 in BIWI. size: (width, height) in pixels.
    """

    intrinsics: Array
    rotation: Array
    translation: Array
    size: tuple[int, int]
    distortion: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        for name, shape in (("intrinsics", (3, 3)), ("rotation", (3, 3)), ("translation", (3,))):
            value = np.array(getattr(self, name), dtype=np.float64)
            if value.shape != shape or not np.isfinite(value).all():
                raise ValueError(f"calibration {name} must be finite with shape {shape}, got {value.shape}")
            value.flags.writeable = False
            object.__setattr__(self, name, value)
        if self.intrinsics[0, 0] <= 0.0 or self.intrinsics[1, 1] <= 0.0:
            raise ValueError("calibration focal lengths must be positive")

    def from_reference(self, points: ArrayLike) -> Array:
        """Points (..., 3) mm of the reference camera, in this camera's frame."""
        return np.asarray(points, dtype=np.float64) @ self.rotation.T + self.translation

    def project(self, points_cam: ArrayLike) -> Array:
        """Pixels (..., 2) of points (..., 3) mm in this camera's frame."""
        return project_perspective(self.intrinsics, points_cam)


def project_perspective(intrinsics: ArrayLike, points_cam: ArrayLike) -> Array:
    """Pixels (..., 2) of points (..., 3) in the camera frame, z > 0, under the pinhole K (3, 3)."""
    p = np.asarray(points_cam, dtype=np.float64) @ np.asarray(intrinsics, dtype=np.float64).T
    return p[..., :2] / p[..., 2:3]


@dataclass(frozen=True)
class WeakPerspective:
    """Scaled orthography: pixel = scale * (R @ X)[:2] + offset; depth = scale * (R @ X)[2].

    scale in pixels per millimetre, offset (x, y) the pixel of the head frame's origin. The camera of
    300W-LP and AFLW2000 labels (docs/conventions.md, section 3).
    """

    scale: float
    offset: tuple[float, float]

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and self.scale > 0.0 and all(map(math.isfinite, self.offset))):
            raise ValueError(f"scale must be positive and offset finite, got {self.scale}, {self.offset}")

    def project(self, points_head: ArrayLike, rotation: ArrayLike) -> Array:
        """Points (..., 3) mm of the head frame as (x px, y px, depth px), depth away from the camera."""
        out = self.scale * (np.asarray(points_head, dtype=np.float64) @ np.asarray(rotation).T)
        out[..., :2] += self.offset
        return out
