"""Small drawn heads of exactly known pose, for tests that train: a few shaded parts of a head, projected."""

from __future__ import annotations

import cv2
import numpy as np

from maskgen.geometry.rotation import euler_to_matrix

#: parts in head coordinates (x right, y down, z away; a head of radius about 1): centre, radius, RGB colour
_PARTS = (
    ((0.0, -0.55, 0.1), 0.75, (70, 45, 30)),
    ((0.0, 0.0, 0.0), 0.8, (215, 170, 140)),
    ((0.85, 0.0, 0.15), 0.2, (190, 120, 100)),
    ((-0.85, 0.0, 0.15), 0.2, (190, 120, 100)),
    ((-0.3, -0.15, -0.75), 0.13, (30, 60, 160)),
    ((0.3, -0.15, -0.75), 0.13, (40, 120, 40)),
    ((0.0, 0.12, -0.95), 0.14, (235, 190, 160)),
    ((-0.18, 0.42, -0.72), 0.12, (190, 40, 50)),
    ((0.18, 0.42, -0.72), 0.12, (150, 30, 60)),
)
#: eye, eye, nose tip, mouth corner, mouth corner
_POINTS5 = np.array([_PARTS[4][0], _PARTS[5][0], _PARTS[6][0], _PARTS[7][0], _PARTS[8][0]])


def draw_head(
    euler_deg: np.ndarray,
    size: int,
    centre: tuple[float, float] = (0.5, 0.5),
    radius: float = 0.33,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(image uint8 RGB, box (4,), points5 (5, 2)), the latter in fractions of the picture.

    centre and radius: of the head, in fractions of the side. Far parts are painted first.
    """
    rng = np.random.default_rng(seed)
    fine = 4
    image = np.full((size * fine, size * fine, 3), rng.integers(60, 200, 3), np.uint8)
    rotation = euler_to_matrix(euler_deg)
    scale = radius * size * fine
    middle = np.array(centre) * size * fine
    placed = [(rotation @ np.array(c), r, colour) for c, r, colour in _PARTS]
    for at, r, colour in sorted(placed, key=lambda part: -part[0][2]):
        xy = (middle + at[:2] * scale).round().astype(int)
        cv2.circle(image, tuple(int(v) for v in xy), int(r * scale), colour, -1, cv2.LINE_AA)
    small = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    points = np.array(centre) + (rotation @ _POINTS5.T).T[:, :2] * radius
    box = np.array([centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius])
    return small, box.astype(np.float32), points.astype(np.float32)


def batch_of_heads(
    n: int, size: int, seed: int = 0, spread: float = 35.0, frames: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(images (n, size, size, 3), euler (n, 3), boxes (n, 4), points5 (n, 5, 2)); frames: heads anywhere."""
    rng = np.random.default_rng(seed)
    euler = rng.uniform(-spread, spread, (n, 3))
    out = []
    for i in range(n):
        if frames:
            radius = float(rng.uniform(0.15, 0.3))
            c = rng.uniform(radius, 1 - radius, 2)
            out.append(draw_head(euler[i], size, (float(c[0]), float(c[1])), radius, seed=i))
        else:
            out.append(draw_head(euler[i], size, seed=i))
    images, boxes, points = (np.stack([o[k] for o in out]) for k in range(3))
    return images, euler, boxes, points
