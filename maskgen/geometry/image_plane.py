"""One map that moves pixels, points, boxes, camera and pose together.

A PlaneMap is a 3 x 3 homography on 0-based pixel coordinates together with the rotation of the camera that
it stands for. Whatever is moved by it (picture, landmarks, box, label) is moved by the same numbers, so
they cannot drift apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .rotation import Array, rotation_about, rotation_z

INTERPOLATIONS = {
    "nearest": cv2.INTER_NEAREST,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
    "lanczos": cv2.INTER_LANCZOS4,
}
BORDERS = {
    "constant": cv2.BORDER_CONSTANT,
    "reflect": cv2.BORDER_REFLECT_101,
    "replicate": cv2.BORDER_REPLICATE,
}


@dataclass(frozen=True, eq=False)
class PlaneMap:
    """Homography ``matrix`` (3, 3) from source to target pixels, and what it means for the head pose.

    size: (width, height) of the target picture.
    camera_rotation: (3, 3); the head rotation of the target picture is ``camera_rotation @ R``.
    theta_deg: the in-plane turn, counter-clockwise on screen.
    """

    matrix: Array
    size: tuple[int, int]
    camera_rotation: Array
    theta_deg: float = 0.0

    @classmethod
    def turn(cls, theta_deg: float, pivot: tuple[float, float], size: tuple[int, int]) -> PlaneMap:
        """Turn about ``pivot`` (0-based pixels), counter-clockwise on screen; the canvas keeps ``size``.

        Exact for every pivot under weak perspective, and about the principal point under full perspective
        (docs/conventions.md, sections 2 and 6).
        """
        turn = rotation_z(-theta_deg)
        q = np.asarray(pivot, dtype=np.float64)
        m = turn.copy()
        m[:2, 2] = q - turn[:2, :2] @ q
        return cls(m, size, turn, theta_deg)

    @classmethod
    def turn_about_ray(
        cls, theta_deg: float, ray: ArrayLike, intrinsics: ArrayLike, size: tuple[int, int]
    ) -> PlaneMap:
        """Turn the camera about the viewing ``ray`` (3,): the point on it keeps its pixel, exactly.

        The homography K Rot(v, -theta) K^-1 of docs/conventions.md, section 6.
        """
        k = np.asarray(intrinsics, dtype=np.float64)
        r = rotation_about(ray, -theta_deg)
        m = k @ r @ np.linalg.inv(k)
        return cls(m / m[2, 2], size, r, theta_deg)

    @property
    def is_affine(self) -> bool:
        """Whether parallel lines stay parallel, so that the cheaper affine warp is exact."""
        a, b, c = self.matrix[2].tolist()
        return max(abs(a), abs(b), abs(c - 1.0)) <= 1e-15

    @cached_property
    def turns_head(self) -> bool:
        """Whether the map stands for any rotation of the camera at all, so that the pose changes."""
        return self.camera_rotation.tolist() != [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]

    def points(self, xy: ArrayLike) -> Array:
        """Points (..., 2) in target pixels."""
        p = np.asarray(xy, dtype=np.float64)
        out = p @ self.matrix[:, :2].T + self.matrix[:, 2]
        return out[..., :2] / out[..., 2:3]

    def box(self, xyxy: ArrayLike) -> tuple[float, float, float, float]:
        """Upright box around the four moved corners of the box (x0, y0, x1, y1)."""
        x0, y0, x1, y1 = np.asarray(xyxy, dtype=np.float64)
        p = self.points([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
        (a, b), (c, d) = p.min(0), p.max(0)
        return float(a), float(b), float(c), float(d)

    def then(self, matrix: ArrayLike, size: tuple[int, int]) -> PlaneMap:
        """This map followed by a shift, crop or scale of the picture (3, 3), which leaves the pose alone."""
        m = np.asarray(matrix, dtype=np.float64) @ self.matrix
        return PlaneMap(m, size, self.camera_rotation, self.theta_deg)

    def inverse(self, size: tuple[int, int]) -> PlaneMap:
        """The map back, onto a canvas of ``size``."""
        return PlaneMap(
            np.asarray(np.linalg.inv(self.matrix), np.float64), size, self.camera_rotation.T, -self.theta_deg
        )

    def warp(
        self,
        image: NDArray,
        interpolation: str = "linear",
        border: str = "constant",
        fill: float | tuple[float, ...] = 0.0,
    ) -> NDArray:
        """The picture (h, w[, c]) in the target frame. Names of INTERPOLATIONS and BORDERS are accepted."""
        for given, known in ((interpolation, INTERPOLATIONS), (border, BORDERS)):
            if given not in known:
                raise ValueError(f"{given!r} is not one of {', '.join(known)}")
        flags, mode = INTERPOLATIONS[interpolation], BORDERS[border]
        value = (fill,) * 4 if isinstance(fill, int | float) else tuple(fill)
        if self.is_affine:
            return cv2.warpAffine(
                image, self.matrix[:2], self.size, flags=flags, borderMode=mode, borderValue=value
            )
        return cv2.warpPerspective(
            image, self.matrix, self.size, flags=flags, borderMode=mode, borderValue=value
        )
