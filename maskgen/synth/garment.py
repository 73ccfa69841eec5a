"""Clothes: a shell over shoulders and chest with a neckline, and a collar for the kinds that have one."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .base import base_head
from .expression import smooth
from .identity import shape_basis
from .model import Fields
from .parts import CLOTH, Part, grid_triangles
from .sculpt import head_distance

if TYPE_CHECKING:
    from .person import Person

_AROUND, _DOWN = 96, 34
#: rows of the garment from the neckline on whose inside may be seen
_INSIDE = 8
#: the axis of the neck: point at height y is (0, y, _AXIS[0] + _AXIS[1] * (y - 90))
_AXIS = (136.0, 0.12)
#: how far below the rim of a garment skin is still drawn, mm
_UNDER_RIM = 12.0


@njit(cache=True)
def _walk(origin, directions, start, offset):  # type: ignore[no-untyped-def]
    """Distance along each ray from ``origin`` at which the body's surface, pushed out by offset, is left."""
    out = np.empty(len(directions))
    for i in range(len(directions)):
        t = start
        for _ in range(60):
            d = head_distance(origin[i, 0] + directions[i, 0] * t, origin[i, 1] + directions[i, 1] * t,
                              origin[i, 2] + directions[i, 2] * t)  # fmt: skip
            t -= 0.8 * (d - offset)
            t = min(max(t, 5.0), 330.0)
        out[i] = t
    return out


def _neckline(kind: str, azimuth: NDArray) -> NDArray:
    """Height y of the neckline around the neck; azimuth 0 is the front."""
    front = (0.5 + 0.5 * np.cos(azimuth)) ** 1.6
    back = smooth(1.6, 3.1, np.abs(azimuth))
    height = {"crew": 104.0, "vee": 104.0, "shirt": 100.0, "turtle": 100.0, "jacket": 100.0}[kind]
    drop = {"crew": 32.0, "vee": 72.0, "shirt": 34.0, "turtle": 12.0, "jacket": 40.0}[kind]
    shape = np.maximum(1.0 - np.abs(azimuth) / 0.75, 0.0) if kind == "vee" else front
    return height + drop * shape - 14.0 * back


@lru_cache(maxsize=8)
def shell(kind: str) -> tuple[Part, Fields]:
    """The garment on the mean body, and the fields of its shape."""
    azimuth = np.linspace(-np.pi, np.pi, _AROUND, endpoint=False)
    rows = np.linspace(0.0, 1.0, _DOWN) ** 1.15
    top = _neckline(kind, azimuth)
    # rays from the axis of neck and trunk: flat at the neckline, down over the shoulders, flat again below
    upper = np.minimum(rows / 0.55, 1.0)
    lower = np.maximum(rows - 0.55, 0.0) / 0.45
    steep = np.radians((-6.0 + 46.0 * upper) * (1.0 - lower) + 8.0 * lower)[:, None]
    origin = np.zeros((_DOWN, _AROUND, 3))
    origin[..., 1] = top[None] * (1 - upper)[:, None] + (158.0 * upper + 290.0 * lower)[:, None]
    origin[..., 2] = np.minimum(_AXIS[0] + _AXIS[1] * (origin[..., 1] - 90.0), 150.0)
    level = np.stack([np.sin(azimuth), np.zeros(_AROUND), -np.cos(azimuth)], axis=1)[None]
    direction = level * np.cos(steep)[..., None] + np.array([0.0, 1.0, 0.0]) * np.sin(steep)[..., None]
    away = _walk(origin.reshape(-1, 3), direction.reshape(-1, 3), 60.0, 2.2)
    points = (origin.reshape(-1, 3) + direction.reshape(-1, 3) * away[:, None]).reshape(_DOWN, _AROUND, 3)
    puff = 3.4 + 5.0 * rows[:, None] * (1 + 0.3 * np.sin(azimuth * 5)[None])
    u, v = azimuth[None] * 95.0, rows[:, None] * 420.0
    folds = 1.6 * np.sin(u * 0.045 + 1.8 * np.sin(v * 0.021)) + 1.3 * np.sin(v * 0.06 + u * 0.02)
    puff = puff + folds * np.minimum(rows[:, None] * 3.0, 1.0)
    points += direction * puff[..., None]
    pieces, attributes = [points], [_attributes(azimuth, rows * 420.0, 0.0)]
    if kind in ("shirt", "turtle", "jacket"):
        collar, attr = _collar(kind, azimuth, top)
        pieces.append(collar)
        attributes.append(attr)
    tris, start = [], 0
    for piece in pieces:
        tris.append(grid_triangles(piece.shape[0], _AROUND, wrap=True) + start)
        start += piece.shape[0] * _AROUND
    flat = np.concatenate([p.reshape(-1, 3) for p in pieces])
    attr = np.concatenate([a.reshape(-1, 4) for a in attributes]).astype(np.float32)
    # a sheet shows its inside at the neck alone: the rest comes first and bounds a solid
    every = np.concatenate(tris).astype(np.int32)
    closed = (every.min(axis=1) >= _INSIDE * _AROUND) & (every.max(axis=1) < _DOWN * _AROUND)
    ordered = np.ascontiguousarray(np.concatenate([every[closed], every[~closed]]))
    part = Part(flat.astype(np.float32), ordered, attr, CLOTH, int(closed.sum()))
    return part, Fields.of(shape_basis(flat))


def _attributes(azimuth: NDArray, down: NDArray, trim: float) -> NDArray:
    u, v = np.meshgrid(azimuth * 95.0, down)
    sky = 0.55 + 0.45 * np.minimum(v / 60.0, 1.0)
    return np.stack([u, v, sky, np.full_like(u, trim)], axis=-1)


def _collar(kind: str, azimuth: NDArray, top: NDArray) -> tuple[NDArray, NDArray]:
    """A collar standing on the neckline: rolled for a turtle neck, folded over for shirts."""
    tall = {"turtle": 40.0, "shirt": 26.0, "jacket": 24.0}[kind]
    front = smooth(0.55, 0.1, np.abs(azimuth))
    rows = np.array([0.0, 0.35, 0.7, 1.0, 1.04, 1.0, 0.6, 0.2, -0.05])
    out = np.array([3.5, 3.2, 3.4, 4.4, 6.5, 8.4, 10.0, 12.0, 14.0])
    if kind == "turtle":
        rows, out = np.array([-0.1, 0.3, 0.6, 0.9, 1.0, 0.97]), np.array([7.0, 5.5, 5.5, 5.5, 4.0, 1.0])
    rise = tall * (1.0 - (0.75 if kind != "turtle" else 0.1) * front)
    y = top[None] + 6.0 - rows[:, None] * rise[None]
    origin = np.zeros((len(rows), len(azimuth), 3))
    origin[..., 1] = y
    origin[..., 2] = _AXIS[0] + _AXIS[1] * (y - 90.0)
    level = np.stack([np.sin(azimuth), np.zeros_like(azimuth), -np.cos(azimuth)], axis=1)
    direction = np.broadcast_to(level, origin.shape)
    away = _walk(
        np.ascontiguousarray(origin.reshape(-1, 3)), np.ascontiguousarray(direction.reshape(-1, 3)), 55.0, 1.0
    )
    away = np.minimum(away.reshape(origin.shape[:2]), 78.0 + out[:, None])
    points = origin + direction * (away + out[:, None])[..., None]
    return points, _attributes(azimuth, rows * tall, 0.0 if kind == "turtle" else 1.0)


def garment(person: Person) -> Part:
    """The person's clothes on their own body, in the head frame."""
    part, fields = shell(person.clothes.kind)
    return replace(part, points=part.points + fields.summed(person.shape, len(part.points)))


@lru_cache(maxsize=8)
def below_the_rim(kind: str) -> NDArray[np.bool_]:
    """Which points of the mean head's skin the garment covers, well below its rim: (n,).

    There cloth and skin lie so near that a bowed or fleshy neck would come through.
    """
    x, y, z = base_head().points.T
    azimuth = np.arctan2(x, _AXIS[0] + _AXIS[1] * (y - 90.0) - z)
    below = y - _neckline(kind, azimuth)
    shoulder = np.hypot(x, _AXIS[0] + _AXIS[1] * (y - 90.0) - z) > 74.0
    return np.logical_or(below > _UNDER_RIM, shoulder & (below > 0.0))
