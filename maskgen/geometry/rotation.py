"""Rotations of the head in the camera frame, and their yaw, pitch and roll.

One frame for everything (docs/conventions.md): camera axes x to the image right, y down, z away from the
camera; the head's axes are the same when it looks straight into the camera. A head rotation is the matrix
``R`` of ``X_cam = R @ X_head + t`` and its angles, in degrees, are those of

    R = Rx(-pitch) @ Ry(yaw) @ Rz(roll)                                                   (1)

yaw > 0 looks to the image left, pitch > 0 looks up, roll > 0 turns the head clockwise on screen. Angle
triples are always ordered (yaw, pitch, roll). All functions take stacks: leading axes are kept.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

#: below this length of (R00, R01) the yaw is +-90 degrees and pitch and roll are no longer separate
GIMBAL = 1e-9
_MIRROR = np.diag([-1.0, 1.0, 1.0])
_SAME = np.eye(3)


def wrap_deg(angle: ArrayLike) -> Array:
    """Angles in degrees brought into (-180, 180]."""
    a = np.asarray(angle, dtype=np.float64)
    # values already inside come back untouched, to the last bit
    inside = (a > -180.0) & (a <= 180.0)
    return a.copy() if inside.all() else np.where(inside, a, 180.0 - np.mod(180.0 - a, 360.0))


def _axis_matrix(axis: int, angle_deg: ArrayLike) -> Array:
    a = np.radians(np.asarray(angle_deg, dtype=np.float64))
    c, s = np.cos(a), np.sin(a)
    out = np.zeros((*a.shape, 3, 3))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    out[..., axis, axis] = 1.0
    out[..., i, i] = out[..., j, j] = c
    out[..., i, j], out[..., j, i] = -s, s
    return out


def rotation_x(angle_deg: ArrayLike) -> Array:
    """Right-handed elementary rotation about x, (..., 3, 3)."""
    return _axis_matrix(0, angle_deg)


def rotation_y(angle_deg: ArrayLike) -> Array:
    """Right-handed elementary rotation about y, (..., 3, 3)."""
    return _axis_matrix(1, angle_deg)


def rotation_z(angle_deg: ArrayLike) -> Array:
    """Right-handed elementary rotation about z, (..., 3, 3)."""
    return _axis_matrix(2, angle_deg)


def rotation_about(axis: ArrayLike, angle_deg: float) -> Array:
    """Right-handed rotation by ``angle_deg`` about the direction ``axis`` (3,), by Rodrigues' formula.

    Raises ValueError if the axis has no length.
    """
    v = np.asarray(axis, dtype=np.float64)
    length = float(np.linalg.norm(v))
    if v.shape != (3,) or not length > 0.0:
        raise ValueError(f"axis must be three numbers of non-zero length, got {axis!r}")
    x, y, z = v / length
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    a = np.radians(angle_deg)
    return np.eye(3) + np.sin(a) * cross + (1.0 - np.cos(a)) * cross @ cross


def euler_to_matrix(angles_deg: ArrayLike) -> Array:
    """Rotation (..., 3, 3) of the triples (yaw, pitch, roll) (..., 3) in degrees, by (1)."""
    a = np.asarray(angles_deg, dtype=np.float64)
    if a.shape[-1:] != (3,):
        raise ValueError(f"angles must end in an axis of 3 (yaw, pitch, roll), got shape {a.shape}")
    return rotation_x(-a[..., 1]) @ rotation_y(a[..., 0]) @ rotation_z(a[..., 2])


def matrix_to_euler(rotation: ArrayLike) -> Array:
    """Triples (yaw, pitch, roll) (..., 3) in degrees of rotations (..., 3, 3), |yaw| <= 90.

    At the gimbal (|yaw| = 90) only one combination of pitch and roll is defined; there roll is 0.
    """
    r = np.asarray(rotation, dtype=np.float64)
    if r.shape[-2:] != (3, 3):
        raise ValueError(f"rotation must end in axes 3 x 3, got shape {r.shape}")
    if r.ndim == 2:
        return np.array(_triple(r.tolist()))
    yaw = np.arctan2(r[..., 0, 2], np.hypot(r[..., 1, 2], r[..., 2, 2]))
    pitch = np.arctan2(r[..., 1, 2], r[..., 2, 2])
    # + 0.0 turns a negative zero into zero, so that an upright head reads 0 and not -0
    roll = np.arctan2(-r[..., 0, 1], r[..., 0, 0]) + 0.0
    locked = np.hypot(r[..., 0, 0], r[..., 0, 1]) < GIMBAL
    if locked.any():
        pitch = np.where(locked, np.arctan2(-r[..., 2, 1], r[..., 1, 1]), pitch)
        roll = np.where(locked, 0.0, roll)
    return wrap_deg(np.degrees(np.stack([yaw, pitch, roll], axis=-1)))


def _triple(r: list[list[float]]) -> tuple[float, float, float]:
    """`matrix_to_euler` of a single matrix, in plain numbers: a tenth of what arrays of one cost."""
    yaw = math.atan2(r[0][2], float(np.hypot(r[1][2], r[2][2])))
    if float(np.hypot(r[0][0], r[0][1])) < GIMBAL:
        pitch, roll = math.atan2(-r[2][1], r[1][1]), 0.0
    else:
        pitch, roll = math.atan2(r[1][2], r[2][2]), math.atan2(-r[0][1], r[0][0]) + 0.0
    yaw, pitch, roll = (180.0 / math.pi * angle for angle in (yaw, pitch, roll))
    # as `wrap_deg`: atan2 says -180 of what is 180
    return yaw, pitch if pitch > -180.0 else pitch + 360.0, roll if roll > -180.0 else roll + 360.0


def nearest_triple(angles_deg: ArrayLike, reference_deg: ArrayLike) -> Array:
    """The triple of one rotation that continues the label ``reference_deg``; both (..., 3).

    Every rotation has the triples (y, p, r) and (180 - y, p +- 180, r +- 180). Labels within |yaw| <= 90
    stay there; a label beyond keeps its own kind where that is nearer, so that a turn by 0 degrees gives
    every label back (docs/conventions.md, section 2).
    """
    first = wrap_deg(angles_deg)
    ref = np.asarray(reference_deg, dtype=np.float64)
    beyond = np.abs(ref[..., :1]) > 90.0
    if not beyond.any():  # nearly every label, and most of the work saved
        return first if first.shape == ref.shape else np.broadcast_arrays(first, ref)[0].copy()
    second = wrap_deg(first * np.array([-1.0, 1.0, 1.0]) + 180.0)
    gap_first = np.abs(wrap_deg(first - ref)).sum(-1, keepdims=True)
    gap_second = np.abs(wrap_deg(second - ref)).sum(-1, keepdims=True)
    return np.where(beyond & (gap_second < gap_first), second, first)


def geodesic_deg(a: ArrayLike, b: ArrayLike) -> Array:
    """Angle in degrees, 0 to 180, of the rotation between ``a`` and ``b`` (..., 3, 3).

    Half the chord between the matrices is the sine of half the angle, and the trace gives its cosine;
    atan2 of the two stays exact near 0 and near 180, where acos of the trace loses half the digits.
    """
    m = np.asarray(a, dtype=np.float64) @ np.swapaxes(np.asarray(b, dtype=np.float64), -1, -2)
    gap = m - _SAME
    chord = np.sqrt((gap * gap).sum(axis=(-2, -1)) / 8.0)
    trace = m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2]
    return np.degrees(2.0 * np.arctan2(chord, np.sqrt(np.maximum(1.0 + trace, 0.0)) / 2.0))


def rotate_in_plane(rotation: ArrayLike, theta_deg: ArrayLike) -> Array:
    """Head rotation after the picture is turned counter-clockwise on screen by ``theta_deg``.

    ``R' = Rz(-theta) @ R`` (docs/conventions.md, section 2): all three angles change.
    """
    return rotation_z(-np.asarray(theta_deg, dtype=np.float64)) @ np.asarray(rotation, dtype=np.float64)


def mirror(rotation: ArrayLike) -> Array:
    """Head rotation after the picture is mirrored left to right: yaw and roll change sign."""
    return _MIRROR @ np.asarray(rotation, dtype=np.float64) @ _MIRROR


def orthonormalise(matrix: ArrayLike) -> Array:
    """The proper rotation nearest (Frobenius) to a nearly orthonormal ``matrix`` (..., 3, 3)."""
    u, _, vt = np.linalg.svd(np.asarray(matrix, dtype=np.float64))
    sign = np.ones(u.shape[:-1])
    sign[..., 2] = np.linalg.det(u @ vt)
    return (u * sign[..., None, :]) @ vt
