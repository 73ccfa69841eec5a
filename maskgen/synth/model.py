"""The head that can be bent and posed: mean meshes, their fields, and the arithmetic that joins them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit
from numpy import float32 as f32
from numpy.typing import NDArray

from .base import BaseHead, base_head
from .compiled import FINITE
from .expression import (
    JAW_JOINT,
    Expression,
    close_shift,
    jaw_weights,
    lid_weights,
    linear_basis,
    mouth_line,
    smooth,
)
from .identity import MEASURES, shape_basis
from .maps import unroll
from .parts import EYE, SKIN, TEETH, Part, eye_centres, eyeball, teeth

JAW_DEGREES = 22.0
LID_DEGREES = 31.0
#: the point the head turns about on the neck
_PIVOT = (0.0, 62.0, 138.0)

Points = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Fields:
    """Displacement fields, most of them nearly nowhere: field k moves points rows[starts[k]:starts[k+1]] by
    moves."""

    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    moves: NDArray[np.float32]

    @classmethod
    def of(cls, dense: NDArray[np.float32], least: float = 0.004) -> Fields:
        """From (k, n, 3) mm; moves shorter than ``least`` mm are dropped."""
        rows = [np.flatnonzero(np.abs(field).max(axis=1) > least).astype(np.int32) for field in dense]
        moves = np.concatenate([field[r] for field, r in zip(dense, rows, strict=True)])
        return cls(np.cumsum([0, *(len(r) for r in rows)]), np.concatenate(rows), moves)

    def summed(self, weights: NDArray, count: int) -> NDArray[np.float32]:
        """The weighted sum of all fields, (count, 3) mm."""
        return _sum_fields(self.starts, self.rows, self.moves, np.asarray(weights, np.float32), count)


@njit(cache=True, error_model="numpy")
def _sum_fields(starts, rows, moves, weights, count):  # type: ignore[no-untyped-def]
    out = np.zeros((count, 3), np.float32)
    for k in range(len(weights)):
        w = weights[k]
        if abs(w) < 1e-4:
            continue
        for i in range(starts[k], starts[k + 1]):
            r = np.uint32(rows[i])
            out[r, 0] += w * moves[i, 0]
            out[r, 1] += w * moves[i, 1]
            out[r, 2] += w * moves[i, 2]
    return out


@dataclass(frozen=True, eq=False)
class HeadModel:
    """Meshes of the mean head in one list of points: skin first, then teeth, then eyeballs (centres apart).

    shape and linear move the n points and, as two more, the eye centres. attributes (n', 4),
    triangles (m, 3) and material (m,) also cover the eyeballs. outward: see `normals`.
    """

    base: BaseHead
    points: NDArray[np.float64]
    shape: Fields
    linear: Fields
    close: NDArray[np.float32]
    jaw: NDArray[np.float32]
    lids: tuple[NDArray[np.float32], NDArray[np.float32]]
    lid_rows: NDArray[np.int64]
    torso: NDArray[np.float32]
    ball: Part
    triangles: NDArray[np.int32]
    material: NDArray[np.uint8]
    attributes: NDArray[np.float32]
    solid: int

    @property
    def skin_count(self) -> int:
        """How many of the points are skin."""
        return len(self.base.points)


def torso_weights(points: NDArray) -> NDArray[np.float32]:
    """How far each point stays with the torso when the head turns, 0..1."""
    y, z = points[:, 1], points[:, 2]
    high = 92.0 - 0.42 * (z - 95.0)
    return smooth(0.0, 1.0, (y - high) / 55.0).astype(np.float32)


def _inside_mouth(points: NDArray) -> NDArray:
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    zl = z - 0.0245 * x * x / (1.0 + 0.0002 * x * x)
    near = smooth(24.0, 18.0, np.abs(y - mouth_line(x))) * smooth(27.5, 25.0, x)
    lip_back = 20.5 + 0.12 * np.abs(y - mouth_line(x))
    return near * smooth(lip_back, lip_back + 3.0, zl) * (z < 72.0)


@lru_cache(maxsize=1)
def head_model() -> HeadModel:
    """The bendable head; made once per process."""
    base = base_head()
    rows = [teeth(upper=True), teeth(upper=False)]
    points = np.concatenate([base.points, *(r.points for r in rows)])
    everything = np.concatenate([points, eye_centres()])
    shape, linear = shape_basis(everything), linear_basis(everything)
    n_skin, n_teeth = len(base.points), sum(len(r.points) for r in rows)
    linear[:, n_skin:] = 0.0
    close, jaw = close_shift(points), jaw_weights(points)
    close[n_skin:] = 0.0
    jaw[n_skin:] = np.repeat([0.0, 1.0], n_teeth // 2)
    lids = lid_weights(points)
    for lid in lids:
        lid[n_skin:] = 0.0
    ball = eyeball()
    uv = unroll(base.points)
    skin_attributes = np.column_stack([uv, base.sky, _inside_mouth(base.points)]).astype(np.float32)
    x, y = np.abs(base.points[:, 0]), base.points[:, 1]
    clothed = (y > 188.0) | ((x > 84.0) & (y > 90.0)) | ((x > 42.0) & (y > 138.0))
    seen = base.triangles[~clothed[base.triangles].any(axis=1)]
    tris, material, start = [seen], [np.full(len(seen), SKIN, np.uint8)], n_skin
    for part in (*rows, ball, ball):
        tris.append(part.triangles + start)
        material.append(np.full(len(part.triangles), TEETH if part.material == TEETH else EYE, np.uint8))
        start += len(part.points)
    return HeadModel(
        base, points, Fields.of(shape), Fields.of(linear), close, jaw, lids,
        np.flatnonzero(lids[0] + lids[1] > 0.0), torso_weights(points), ball,
        np.ascontiguousarray(np.concatenate(tris), np.int32), np.concatenate(material),
        np.concatenate([skin_attributes, *(r.attributes for r in rows), ball.attributes, ball.attributes]),
        len(seen),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Bent:
    """One person's face at one moment, in the head frame: points (n', 3) mm of all meshes, and landmarks."""

    points: Points
    eye_centres: NDArray[np.float64]
    eye_scale: float
    landmarks: NDArray[np.float64]
    shift: Points


@njit(cache=True, error_model="numpy")
def _bent(mean, shift, close, closing, jaw, jaw_angle, joint_y, joint_z):  # type: ignore[no-untyped-def]
    """Mean points (n, 3) moved by shift, lips closed, and turned about the axis of the jaw's joints."""
    out = np.empty(mean.shape, np.float64)
    for i in range(len(mean)):
        out[i, 0] = mean[i, 0] + shift[i, 0]
        y, z = mean[i, 1] + shift[i, 1] + closing * close[i], mean[i, 2] + shift[i, 2]
        if jaw_angle > 0.0 and jaw[i] > 0.0:
            c, s = np.cos(jaw_angle * jaw[i]), np.sin(jaw_angle * jaw[i])
            y, z = y - joint_y, z - joint_z
            y, z = joint_y + c * y - s * z, joint_z + s * y + c * z
        out[i, 1], out[i, 2] = y, z
    return out


def _turn_x(points: NDArray, pivot: NDArray, radians: NDArray) -> NDArray:
    """Points turned about the x axis through pivot; a positive angle carries the front (-z) down (+y)."""
    c, s = np.cos(radians), np.sin(radians)
    y, z = points[:, 1] - pivot[1], points[:, 2] - pivot[2]
    out = points.copy()
    out[:, 1] = pivot[1] + c * y - s * z
    out[:, 2] = pivot[2] + s * y + c * z
    return out


def bend(model: HeadModel, shape: NDArray, expression: Expression) -> Bent:
    """The head with the given shape (len(MEASURES),) in standard deviations, making a face."""
    count = len(model.points) + 2
    shift = model.shape.summed(shape, count)
    shift += model.linear.summed(expression.linear(), count)
    closing = expression.close * (1.0 - min(expression.jaw * 6.0, 1.0))
    angle = np.radians(JAW_DEGREES) * expression.jaw
    points = _bent(model.points, shift, model.close, closing, model.jaw, angle, *JAW_JOINT[1:])
    centres = eye_centres() + shift[-2:]
    _move_lids(model, points, centres, expression)
    large = shape[MEASURES.index("eye_large")]
    eye_scale = float(1.0 + 0.03 * large)
    everything = np.empty((len(points) + 2 * len(model.ball.points), 3), np.float32)
    everything[: len(points)] = points
    for side, part in enumerate(np.split(everything[len(points) :], 2)):
        ball = model.ball.points @ _gaze(expression.gaze, 2 * side - 1).T
        part[:] = centres[side] + eye_scale * ball
    return Bent(everything, centres, eye_scale, model.base.landmarks(points), shift[:-2])


def _move_lids(model: HeadModel, points: NDArray, centres: NDArray, expression: Expression) -> None:
    """Turn, in place, the lids about the eyeballs; they follow the gaze up and down."""
    follow = expression.gaze[1] / 30.0
    upper, lower = model.lids
    for side in (0, 1):
        rows = model.lid_rows[(points[model.lid_rows, 0] < 0.0) == (side == 0)]
        blink = expression.blink[side]
        angle = np.radians(LID_DEGREES) * (
            upper[rows] * (blink + 0.55 * follow * (1.0 - blink))
            + lower[rows] * (-0.10 * blink + 0.25 * follow)
        )
        points[rows] = _turn_x(points[rows], centres[side], angle)


def _gaze(gaze: tuple[float, float], side: int) -> NDArray:
    """Rotation of an eyeball that looks ``gaze`` degrees to the image right and down; pupils diverge by 2
    degrees."""
    yaw, pitch = np.radians(-(gaze[0] + 1.0 * side)), np.radians(gaze[1])
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    return turn @ nod


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def vertex_normals(points, triangles):  # type: ignore[no-untyped-def]
    """Outward unit normals (n, 3): area-weighted means over the triangles at each point."""
    out = np.zeros((len(points), 3), np.float32)
    for t in range(len(triangles)):
        a, b, c = np.uint32(triangles[t, 0]), np.uint32(triangles[t, 1]), np.uint32(triangles[t, 2])
        x, y, z = points[a, 0], points[a, 1], points[a, 2]
        ux, uy, uz = points[b, 0] - x, points[b, 1] - y, points[b, 2] - z
        vx, vy, vz = points[c, 0] - x, points[c, 1] - y, points[c, 2] - z
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for corner in (a, b, c):
            out[corner, 0] += nx
            out[corner, 1] += ny
            out[corner, 2] += nz
    for i in range(len(points)):
        x, y, z = out[i, 0], out[i, 1], out[i, 2]
        inv = f32(1.0) / np.sqrt(x * x + y * y + z * z + f32(1e-12))
        out[i, 0], out[i, 1], out[i, 2] = x * inv, y * inv, z * inv
    return out


@njit(cache=True, fastmath=FINITE, error_model="numpy")
def pose(points, torso, head, body):  # type: ignore[no-untyped-def]
    """Head-frame points (n, 3) turned into camera axes about the head's origin, float32.

    ``head`` (3, 3) turns the head, ``body`` (3, 3) the torso about NECK_PIVOT; ``torso`` (n,) blends them
    along the neck.
    """
    out = np.empty((len(points), 3), np.float32)
    h, b = head.astype(np.float32), body.astype(np.float32)
    px, py, pz = f32(_PIVOT[0]), f32(_PIVOT[1]), f32(_PIVOT[2])
    for i in range(len(points)):
        x, y, z, w = points[i, 0], points[i, 1], points[i, 2], torso[i]
        if w <= f32(0.0):
            for k in range(3):
                out[i, k] = h[k, 0] * x + h[k, 1] * y + h[k, 2] * z
        else:
            u, v, t = x - px, y - py, z - pz
            for k in range(3):
                turned = h[k, 0] * x + h[k, 1] * y + h[k, 2] * z
                below = b[k, 0] * u + b[k, 1] * v + b[k, 2] * t + h[k, 0] * px + h[k, 1] * py + h[k, 2] * pz
                out[i, k] = turned + w * (below - turned)
    return out
