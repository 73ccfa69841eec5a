"""HeadPose: the orientation of one head, held as a matrix and never as angles."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from . import rotation as rot


@dataclass(frozen=True, eq=False)
class HeadPose:
    """Orientation of a head: ``X_cam = cam_from_head @ X_head + t`` in the frame of rotation.py.

    cam_from_head: (3, 3) float64, a proper rotation to 1e-4; kept exactly as given.
    Raises ValueError for any other matrix.
    """

    cam_from_head: rot.Array

    def __post_init__(self) -> None:
        m = np.array(self.cam_from_head, dtype=np.float64)
        if m.shape != (3, 3) or not all(map(math.isfinite, m.ravel().tolist())):
            raise ValueError(f"a head pose is a finite 3 x 3 rotation, got {self.cam_from_head!r}")
        # in plain numbers: every label that is read passes here, and NumPy takes longer for so few
        (a, b, c), (d, e, f), (g, h, i) = m.tolist()
        lengths = a * a + b * b + c * c, d * d + e * e + f * f, g * g + h * h + i * i
        slants = a * d + b * e + c * f, a * g + b * h + c * i, d * g + e * h + f * i
        off = max(*(abs(v - 1.0) for v in lengths), *map(abs, slants))
        if off > 1e-4 or a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) < 0.0:
            raise ValueError("a head pose is a proper rotation; this matrix is skewed, scaled or mirrored")
        m.flags.writeable = False
        object.__setattr__(self, "cam_from_head", m)

    @classmethod
    def from_euler(cls, yaw: float, pitch: float, roll: float) -> HeadPose:
        """From angles in degrees, by ``R = Rx(-pitch) Ry(yaw) Rz(roll)``."""
        return cls(rot.euler_to_matrix([yaw, pitch, roll]))

    def euler(self, near: ArrayLike | None = None) -> tuple[float, float, float]:
        """(yaw, pitch, roll) in degrees; of the two possible triples the one nearer to ``near`` if given."""
        angles = rot.matrix_to_euler(self.cam_from_head)
        if near is not None:
            angles = rot.nearest_triple(angles, near)
        return float(angles[0]), float(angles[1]), float(angles[2])

    @property
    def yaw(self) -> float:
        """Degrees, -90 to 90; positive looks to the image left."""
        return self.euler()[0]

    @property
    def pitch(self) -> float:
        """Degrees; positive looks up."""
        return self.euler()[1]

    @property
    def roll(self) -> float:
        """Degrees; positive is turned clockwise on screen."""
        return self.euler()[2]

    def rotated(self, theta_deg: float) -> HeadPose:
        """The pose after the picture is turned counter-clockwise on screen by ``theta_deg``."""
        return HeadPose(rot.rotate_in_plane(self.cam_from_head, theta_deg))

    def mirrored(self) -> HeadPose:
        """The pose after the picture is mirrored left to right."""
        return HeadPose(rot.mirror(self.cam_from_head))

    def distance_deg(self, other: HeadPose) -> float:
        """Geodesic angle to another pose, in degrees."""
        return float(rot.geodesic_deg(self.cam_from_head, other.cam_from_head))
