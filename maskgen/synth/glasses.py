"""Spectacles: rims, bridge and temples as tubes fitted to the nose, eyes and ears of one face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .parts import FRAME, Part, grid_triangles

if TYPE_CHECKING:
    from .model import Bent
    from .person import Glasses

#: half width, half height (mm) and squareness (exponent of the superellipse) of the lenses
_SHAPES = {
    "round": (22.0, 21.0, 2.0),
    "oval": (25.0, 18.0, 2.4),
    "square": (26.0, 18.5, 4.2),
    "aviator": (28.0, 23.5, 2.7),
}


def _tube(path: NDArray, radius: NDArray | float, closed: bool, flat: float = 1.0) -> tuple[NDArray, NDArray]:
    """A tube of eight sides around a path (k, 3): points and triangles. flat squeezes it in z."""
    ahead, behind = np.roll(path, -1, axis=0), np.roll(path, 1, axis=0)
    if not closed:
        ahead[-1], behind[0] = path[-1], path[0]
    along = ahead - behind
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    up = np.array([0.0, 0.0, 1.0]) if np.abs(along[:, 2]).mean() < 0.7 else np.array([0.0, 1.0, 0.0])
    side = np.cross(along, up)
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-9
    other = np.cross(side, along)
    turn = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    r = np.broadcast_to(np.asarray(radius, float), (len(path),))[:, None, None]
    ring = np.cos(turn)[None, :, None] * side[:, None] + flat * np.sin(turn)[None, :, None] * other[:, None]
    points = path[:, None] + r * ring
    if closed:
        points = np.concatenate([points, points[:1]])
    return points.reshape(-1, 3), grid_triangles(len(points), 8, wrap=True)


def _lens_outline(glasses: Glasses, count: int = 44) -> NDArray:
    """Closed outline (k, 2) of the image-right lens about its centre."""
    wide, high, power = _SHAPES[glasses.kind]
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    c, s = np.cos(t), np.sin(t)
    x = np.sign(c) * np.abs(c) ** (2 / power) * wide * glasses.size
    y = np.sign(s) * np.abs(s) ** (2 / power) * high * glasses.size
    if glasses.kind == "aviator":
        x = x - 3.0 * np.maximum(s, 0) * 0.6
        y = np.where(y > 0, y * 1.12, y * 0.9)
    y = y + 0.05 * x * np.sign(-s)  # a slight slant of upper and lower edge
    return np.stack([x, y], axis=1)


def spectacles(glasses: Glasses, bent: Bent) -> tuple[list[Part], NDArray[np.float32] | None]:
    """The frame as parts in the head frame, and the lenses (2, k + 1, 3; fan centre first), or nothing."""
    if glasses.kind == "none":
        return [], None
    marks = bent.landmarks
    eyes = np.stack([marks[36:42].mean(axis=0), marks[42:48].mean(axis=0)])
    front = min(float(marks[28, 2]) - 1.0, float(eyes[:, 2].mean()) - 13.0)
    apart = max(float(np.linalg.norm(eyes[1] - eyes[0])) / 2.0, 30.0)
    wide = _SHAPES[glasses.kind][0] * glasses.size
    centre_x = max(apart, wide + 8.0)
    height = float(eyes[:, 1].mean()) + 3.0 + glasses.slide
    middle = float(eyes[:, 0].mean())
    outline = _lens_outline(glasses)
    points, tris, lenses, start = [], [], [], 0

    def add(piece: tuple[NDArray, NDArray]) -> None:
        nonlocal start
        points.append(piece[0])
        tris.append(piece[1] + start)
        start += len(piece[0])

    for side in (-1.0, 1.0):
        ring = np.zeros((len(outline), 3))
        ring[:, 0] = middle + side * (centre_x + outline[:, 0])
        ring[:, 1] = height + outline[:, 1]
        ring[:, 2] = front + 0.0035 * (ring[:, 0] - middle) ** 2 - 0.12 * outline[:, 1]
        rim = np.full(len(ring), glasses.rim)
        if glasses.half_rim:
            rim = np.where(outline[:, 1] > 2.0, 0.25, rim)
        add(_tube(ring, rim, closed=True, flat=0.8))
        lenses.append(np.concatenate([ring.mean(axis=0)[None], ring]))
        hinge = np.array([middle + side * (centre_x + wide + 2.0), height - 7.0, 0.0])
        hinge[2] = front + 0.0035 * (hinge[0] - middle) ** 2 + 0.5
        jaw = marks[0 if side < 0 else 16]
        ear = np.array([jaw[0] + side * 5.0, jaw[1] - 12.0, jaw[2] + 16.0])
        t = np.linspace(0, 1, 14)[:, None]
        temple = hinge + (ear - hinge) * t
        temple[:, 0] += side * 4.0 * np.sin(np.pi * t[:, 0])
        tail = ear + np.array([-side * 3.0, 16.0, 18.0]) * np.linspace(0.2, 1, 5)[:, None]
        add(_tube(np.concatenate([temple, tail]), max(glasses.rim * 0.9, 0.9), closed=False))
    t = np.linspace(-1, 1, 11)
    gap = centre_x - wide
    bridge = np.stack(
        [middle + t * (gap + 0.5), height - 5.0 - 2.5 * (1 - t**2), front - 2.0 * (1 - t**2) + 0.2], axis=1
    )
    add(_tube(bridge, glasses.rim, closed=False))
    flat = np.concatenate(points).astype(np.float32)
    attributes = np.tile(np.array([0, 0, 0.9, 0], np.float32), (len(flat), 1))
    part = Part(flat, np.concatenate(tris).astype(np.int32), attributes, FRAME)
    return [part], np.stack(lenses).astype(np.float32)
