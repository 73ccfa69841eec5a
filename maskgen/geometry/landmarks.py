"""The 68 iBUG landmarks: names of their groups, mirror order, and the checked array that carries them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .rotation import Array

JAW = slice(0, 17)
RIGHT_BROW, LEFT_BROW = slice(17, 22), slice(22, 27)
NOSE_RIDGE, NOSTRILS = slice(27, 31), slice(31, 36)
RIGHT_EYE, LEFT_EYE = slice(36, 42), slice(42, 48)
OUTER_LIPS, INNER_LIPS = slice(48, 60), slice(60, 68)
NOSE_TIP, CHIN = 30, 8

#: landmark i of a mirrored picture is landmark MIRROR[i] of the original
MIRROR: NDArray[np.intp] = np.array(
    [
        *(*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)),
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
        *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65),
    ],
    dtype=np.intp,
)


@dataclass(frozen=True, eq=False)
class Landmarks:
    """68 landmarks in iBUG order.

    points: (68, 2) or (68, 3) float64; 0-based pixels, x right, y down; a third column is depth in pixels,
    **away** from the camera. valid: (68,) bool, False where the point is unknown (never NaN in `points`).
    source: where they came from, e.g. "pt3d_68", "projected", "detector".
    """

    points: Array
    valid: NDArray[np.bool_]
    source: str

    def __post_init__(self) -> None:
        pts = np.array(self.points, dtype=np.float64)
        ok = np.array(self.valid, dtype=bool)
        if pts.shape not in ((68, 2), (68, 3)) or ok.shape != (68,):
            raise ValueError(f"landmarks are 68 x 2 or 68 x 3 with 68 flags, got {pts.shape} and {ok.shape}")
        known = pts if ok.all() else pts[ok]
        if not np.isfinite(known).all():
            raise ValueError("a landmark marked valid is not a finite number")
        if known is not pts:
            pts[~ok] = 0.0
        for a in (pts, ok):
            a.flags.writeable = False
        object.__setattr__(self, "points", pts)
        object.__setattr__(self, "valid", ok)

    @classmethod
    def of(cls, points: ArrayLike, source: str) -> Landmarks:
        """All finite points are taken as valid."""
        pts = np.asarray(points, dtype=np.float64)
        return cls(pts, np.asarray(np.isfinite(pts).all(axis=-1)), source)

    @property
    def xy(self) -> Array:
        """(68, 2) pixels."""
        return self.points[:, :2]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(x0, y0, x1, y1) of the valid points."""
        p = self.xy if self.valid.all() else self.xy[self.valid]
        if len(p) == 0:
            raise ValueError("no valid landmark, so no box")
        (x0, y0), (x1, y1) = p.min(axis=0).tolist(), p.max(axis=0).tolist()
        return x0, y0, x1, y1

    @property
    def face_size(self) -> float:
        """Square root of the box's area, in pixels."""
        x0, y0, x1, y1 = self.box
        return float(np.sqrt(max(x1 - x0, 0.0) * max(y1 - y0, 0.0)))

    def mirrored(self, width: int) -> Landmarks:
        """The landmarks of the left-right mirrored picture of this width (x -> width - 1 - x)."""
        pts = np.array(self.points)[MIRROR]
        pts[:, 0] = width - 1 - pts[:, 0]
        return Landmarks(pts, np.array(self.valid)[MIRROR], self.source)
