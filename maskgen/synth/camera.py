"""The two cameras of the datasets, as the renderer uses them: head in camera axes to pixels and depth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .raster import moved


def turned(points: NDArray, rotation: NDArray) -> NDArray[np.float64]:
    """Points (n, 3) turned by ``rotation`` (3, 3), in a fixed order of sums.

    Labels go through here: what a matrix product of BLAS rounds to may depend on threads and on its kernels.
    """
    x, y, z = np.asarray(points, np.float64).T
    return np.stack(
        [row[0] * x + row[1] * y + row[2] * z for row in np.asarray(rotation, np.float64)], axis=1
    )


@dataclass(frozen=True, eq=False)
class Orthographic:
    """Scaled orthography, as in 300W-LP and AFLW2000 labels. scale px/mm; offset: pixel of the origin."""

    scale: float
    offset: tuple[float, float]
    focal: float = 0.0

    @property
    def middle(self) -> tuple[float, float]:
        """Unused by an orthographic view."""
        return (0.0, 0.0)

    def cropped(self, left: int, top: int) -> Orthographic:
        """The camera of the same picture without its first columns and rows."""
        return replace(self, offset=(self.offset[0] - left, self.offset[1] - top))

    def to_pixels(self, points: NDArray) -> NDArray[np.float64]:
        """(x px, y px, depth mm) of points (n, 3) mm in camera axes about the head's origin."""
        out = np.array(points, np.float64)
        out[:, :2] = out[:, :2] * self.scale + np.array(self.offset)
        return out

    def to_samples(self, points: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
        """Points (n, 3) on a grid ``samples`` times finer than the pixels, and their depth mm; float32."""
        per, (x, y) = self.scale * samples, self.offset
        offset = [(x + 0.5) * samples - 0.5, (y + 0.5) * samples - 0.5, 0.0]
        return moved(points, np.diag([per, per, 1.0]), np.array(offset))

    def pixels_per_mm(self, depth: float = 0.0) -> float:
        """Size on the picture of 1 mm at the head."""
        return self.scale


@dataclass(frozen=True, eq=False)
class Pinhole:
    """Full perspective. intrinsics (3, 3) px; translation (3,): the head's origin in the camera, mm."""

    intrinsics: NDArray[np.float64]
    translation: NDArray[np.float64]

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return float(self.intrinsics[0, 0])

    @property
    def middle(self) -> tuple[float, float]:
        """The principal point."""
        return float(self.intrinsics[0, 2]), float(self.intrinsics[1, 2])

    def cropped(self, left: int, top: int) -> Pinhole:
        """The camera of the same picture without its first columns and rows."""
        shift = np.array([[0.0, 0.0, left], [0.0, 0.0, top], [0.0, 0.0, 0.0]])
        return replace(self, intrinsics=self.intrinsics - shift)

    def to_pixels(self, points: NDArray) -> NDArray[np.float64]:
        """(x px, y px, depth mm) of points (n, 3) mm in camera axes about the head's origin."""
        p = np.asarray(points, np.float64) + self.translation
        z = np.maximum(p[:, 2], 1.0)
        k = self.intrinsics
        x = (k[0, 0] * p[:, 0] + k[0, 1] * p[:, 1]) / z + k[0, 2]
        return np.stack([x, k[1, 1] * p[:, 1] / z + k[1, 2], p[:, 2]], axis=1)

    def to_samples(self, points: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
        """Points (n, 3) on a grid ``samples`` times finer than the pixels, and their depth mm; float32."""
        k = self.intrinsics[:2] * samples
        k[:, 2] += 0.5 * samples - 0.5
        matrix = np.vstack([k, [0.0, 0.0, 1.0]])
        out = moved(points, matrix, matrix @ self.translation)
        out[:, :2] /= np.maximum(out[:, 2:], np.float32(1.0))
        return out

    def pixels_per_mm(self, depth: float = 0.0) -> float:
        """Size on the picture of 1 mm at ``depth`` mm behind the head's origin."""
        return self.focal / max(float(self.translation[2]) + depth, 1.0)


Camera = Orthographic | Pinhole
