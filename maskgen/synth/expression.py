"""Expressions: what the jaw, lips, brows and lids do to the head. Weights are fields on the mean head.

Linear rows (as in identity.py) carry smile, pout, brows and the like; the jaw turns about the axis of its
joints and the lids turn about the eyeball, because both move far.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

import numpy as np
from numpy.typing import NDArray

from .identity import Push, Row, Scale, field
from .sculpt import EYE_CENTRE

#: the axis the jaw turns about: x through this point
JAW_JOINT = (0.0, -14.0, 106.0)

LINEAR: dict[str, tuple[Row, ...]] = {
    "smile": (
        Push((25, 32.5, 33), (10, 8, 13), (3.8, -4.2, 3.4)),
        Push((12, 28, 20), (9, 7, 10), (1.2, -0.6, 1.4)),
        Push((12, 38, 21), (9, 7, 10), (1.2, -1.2, 1.4)),
        Push((38, 4, 48), (14, 12, 14), (1.4, -3.4, -2.6)),
        Push((30, -25, 40), (13, 5, 9), (0, -1.3, -0.6)),
        Push((13, 6, 20), (6, 6, 8), (1.1, -0.6, 0.4)),
    ),
    "frown_mouth": (
        Push((25, 32.5, 33), (9, 8, 12), (-0.6, 3.0, 0.4)),
        Push((0, 44, 20), (14, 6, 10), (0, -1.4, -1.0)),
    ),
    "pout": (
        Scale((0, 32, 24), (22, 11, 22), (-0.20, 0.06, 0.0)),
        Push((0, 32, 18), (15, 9, 12), (0, 0, -3.6)),
    ),
    "lip_raise": (
        Push((0, 28, 16), (20, 6, 10), (0, -2.6, -0.4)),
        Push((14, 12, 24), (8, 8, 9), (0.4, -1.8, 0)),
    ),
    "lip_lower": (Push((0, 38, 18), (17, 6, 10), (0, 2.4, 0)),),
    "brow_up": (
        Push((38, -53, 36), (18, 8, 16), (0, -4.2, 0.2)),
        Push((15, -53, 28), (12, 8, 14), (0, -3.6, 0.2)),
        Push((31, -43, 38), (15, 4, 9), (0, -1.2, 0.3)),
    ),
    "brow_inner": (Push((17, -52, 26), (9, 7, 13), (-0.6, -3.0, -0.2)),),
    "brow_down": (
        Push((19, -51, 27), (11, 8, 13), (-1.8, 3.0, -0.8)),
        Push((40, -52, 38), (15, 7, 14), (0, 1.4, 0)),
    ),
    "squint": (
        Push((31, -28.5, 39), (13, 3.2, 8), (0, -1.7, -0.3)),
        Push((31, -42, 38), (14, 4, 9), (0, 1.0, -0.3)),
    ),
    "puff": (Push((36, 32, 48), (14, 12, 16), (3.5, 0, -3.0)),),
    "nose_wrinkle": (
        Push((12, 4, 21), (8, 8, 9), (0.8, -2.0, 0)),
        Push((8, -30, 26), (9, 8, 9), (0, 1.4, -0.8)),
    ),
}


@dataclass(frozen=True)
class Expression:
    """One face: every value 0 (at rest) to 1 (strong). jaw: opening of the mouth, 1 is 22 degrees.

    close: 1 brings the resting lips together. blink: lids, (right, left). gaze: degrees, (to the image
    right, down).
    """

    jaw: float = 0.0
    close: float = 1.0
    smile: float = 0.0
    frown_mouth: float = 0.0
    pout: float = 0.0
    lip_raise: float = 0.0
    lip_lower: float = 0.0
    brow_up: float = 0.0
    brow_inner: float = 0.0
    brow_down: float = 0.0
    squint: float = 0.0
    puff: float = 0.0
    nose_wrinkle: float = 0.0
    blink: tuple[float, float] = (0.0, 0.0)
    gaze: tuple[float, float] = (0.0, 0.0)

    def linear(self) -> NDArray[np.float32]:
        """The values of LINEAR, in its order."""
        values = asdict(self)
        return np.array([values[name] for name in LINEAR], np.float32)


assert set(LINEAR) < {f.name for f in fields(Expression)}


def smooth(lo: float, hi: float, x: NDArray) -> NDArray:
    """0 below lo, 1 above hi (or the reverse if lo > hi), smooth between."""
    t = np.clip((x - lo) / (hi - lo), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def linear_basis(points: NDArray) -> NDArray[np.float32]:
    """Displacement of every row of LINEAR, (k, n, 3) float32."""
    return np.stack([sum(field(points, r) for r in rows) for rows in LINEAR.values()]).astype(np.float32)


def mouth_line(x: NDArray) -> NDArray:
    """Height y of the line between the lips of the mean head."""
    x = np.abs(x)
    return 31.6 + 0.9 * np.exp(-((x / 5.5) ** 2)) - 0.5 * np.exp(-(((x - 9.5) / 6.0) ** 2)) + 0.0014 * x * x


def jaw_weights(points: NDArray) -> NDArray[np.float32]:
    """How far each point turns with the jaw, 0..1: discontinuous between the lips, smooth elsewhere."""
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    below = y - mouth_line(x)
    parted = np.sqrt(np.clip(1.0 - (x / 25.0) ** 2, 0.0, 1.0))  # the lips part, most in the middle
    sharp = (below > 0.0).astype(np.float64)
    soft = smooth(-20.0, 24.0, below)
    chewing = smooth(30.0, -6.0, z - 62.0 - 0.5 * (y - 10.0))  # fades toward ear and neck
    hinge = smooth(-6.0, 44.0, y) * smooth(118.0, 84.0, z)
    weight = np.where(below > 0.0, soft + (1.0 - soft) * parted, soft * (1.0 - parted)) * np.maximum(
        chewing, 0.75 * hinge
    )
    neck = smooth(76.0, 118.0, y) * smooth(34.0, 70.0, z)
    inner = (z > 40.0) & (x < 27.0) & (np.abs(below) < 20.0)
    weight = np.where(inner, sharp * smooth(75.0, 60.0, z), weight)
    return (weight * (1.0 - neck)).astype(np.float32)


def close_shift(points: NDArray) -> NDArray[np.float32]:
    """Vertical displacement (n,) mm that brings the resting lips together."""
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    below = y - mouth_line(x)
    gap = 1.25 * np.sqrt(np.clip(1.0 - (x / 24.8) ** 2, 0.0, 1.0))
    near = np.exp(-((below / 9.0) ** 2)) * smooth(50.0, 32.0, z - 0.024 * x * x)
    return (-np.sign(below) * gap * near).astype(np.float32)


def lid_weights(points: NDArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How far each point turns with the upper and the lower lid about its eyeball, 0..1 each."""
    ex = np.abs(points[:, 0]) - EYE_CENTRE[0]
    ey, ez = points[:, 1] - EYE_CENTRE[1], points[:, 2] - EYE_CENTRE[2]
    r = np.sqrt(ex**2 + ey**2 + ez**2)
    near = smooth(17.5, 14.2, r) * (ez < 2.0) * (r > 11.4)
    across = smooth(13.5, 10.5, np.abs(ex))
    upper = near * across * smooth(-10.5, -5.0, ey) * (ey < 0.4)
    lower = near * across * smooth(9.0, 3.8, ey) * (ey > 0.4)
    return upper.astype(np.float32), lower.astype(np.float32)
