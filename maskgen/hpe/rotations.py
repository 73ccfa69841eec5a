"""Rotations as tensors, differentiable everywhere: the torch side of maskgen.geometry.rotation.

The frame, the order (yaw, pitch, roll) and the signs are those of docs/conventions.md. Networks run under
bf16 autocast; the formulas here do not survive that, so every function leaves autocast and works in float32
(float64 stays float64). Gradients are finite at the places where the textbook forms give NaN: geodesic
distance 0 and 180 degrees (acos), equal singular values (SVD), the gimbal (atan2), parallel 6D vectors
(division).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor

F = TypeVar("F", bound=Callable[..., Any])

_TINY = 1e-8
_MIRROR = (-1.0, 1.0, 1.0)
_Y_UP = (1.0, -1.0, -1.0)
_TRINET = (1.0, 1.0, -1.0)


def full_precision(function: F) -> F:
    """Run ``function`` outside autocast with its half-precision tensor arguments raised to float32."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        def raised(value: Any) -> Any:
            low = isinstance(value, Tensor) and value.dtype in (torch.float16, torch.bfloat16)
            return value.float() if low else value

        tensors = [a for a in (*args, *kwargs.values()) if isinstance(a, Tensor)]
        device = tensors[0].device.type if tensors else "cpu"
        with torch.autocast(device_type=device, enabled=False):
            return function(*map(raised, args), **{k: raised(v) for k, v in kwargs.items()})

    return wrapper  # type: ignore[return-value]


def traced() -> bool:
    """Whether the code runs to record a graph (torch.onnx.export, torch.export, torch.jit.trace)."""
    exporting = getattr(torch.compiler, "is_exporting", lambda: False)
    return bool(torch.jit.is_tracing() or exporting())  # type: ignore[attr-defined, no-untyped-call]


def _matrix(rows: list[list[Tensor]]) -> Tensor:
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


@full_precision
def euler_to_matrix(angles_deg: Tensor) -> Tensor:
    """Rotations (..., 3, 3) of (yaw, pitch, roll) (..., 3) in degrees: ``Rx(-pitch) Ry(yaw) Rz(roll)``."""
    yaw, pitch, roll = (angles_deg * (math.pi / 180.0)).unbind(-1)
    cy, sy, cp, sp, cr, sr = yaw.cos(), yaw.sin(), pitch.cos(), pitch.sin(), roll.cos(), roll.sin()
    return _matrix(
        [
            [cy * cr, -cy * sr, sy],
            [cp * sr - sp * sy * cr, cp * cr + sp * sy * sr, sp * cy],
            [-sp * sr - cp * sy * cr, -sp * cr + cp * sy * sr, cp * cy],
        ]
    )


@full_precision
def matrix_to_euler(rotation: Tensor) -> Tensor:
    """(yaw, pitch, roll) (..., 3) in degrees of rotations (..., 3, 3), |yaw| <= 90.

    At the gimbal only one combination of pitch and roll exists; there roll is 0, and the gradient of pitch
    and roll is 0 instead of NaN.
    """
    r = rotation
    eps = 1e-6 if r.dtype == torch.float32 else 1e-9
    level = (r[..., 1, 2] ** 2 + r[..., 2, 2] ** 2).clamp_min(eps**2).sqrt()
    locked = r[..., 0, 0] ** 2 + r[..., 0, 1] ** 2 < eps**2
    one, zero = torch.ones_like(level), torch.zeros_like(level)

    def angle(sine: Tensor, cosine: Tensor) -> Tensor:
        return torch.atan2(torch.where(locked, zero, sine), torch.where(locked, one, cosine))

    pitch_locked = torch.atan2(-r[..., 2, 1].detach(), r[..., 1, 1].detach())
    pitch = torch.where(locked, pitch_locked, angle(r[..., 1, 2], r[..., 2, 2]))
    roll = angle(-r[..., 0, 1], r[..., 0, 0])
    yaw = torch.atan2(r[..., 0, 2], level)
    return torch.stack([yaw, pitch, roll], dim=-1) * (180.0 / math.pi)


def wrap_deg(angle: Tensor) -> Tensor:
    """Angles in degrees brought into (-180, 180]; the gradient is 1."""
    return 180.0 - torch.remainder(180.0 - angle, 360.0)


def _unit(v: Tensor, fallback: Tensor) -> Tensor:
    """v / |v|, or ``fallback`` (no gradient) where v has no length."""
    squared = (v * v).sum(-1, keepdim=True)
    usable = squared > _TINY**2
    length = torch.where(usable, squared, torch.ones_like(squared)).sqrt()
    return torch.where(usable, v / length, fallback)


@full_precision
def six_d_to_matrix(six: Tensor) -> Tensor:
    """Rotations (..., 3, 3) of 6 numbers (..., 6) = (a1, a2), the columns b1, b2, b3 of the result:

    ``b1 = n(a1), b3 = n(b1 x a2), b2 = b3 x b1`` (Zhou et al. 2019; the order used by 6DRepNet and GLPose).
    Vectors without length or direction of their own get a fixed substitute, so the result is always a
    rotation.
    """
    if six.shape[-1] != 6:
        raise ValueError(f"the 6D form has 6 numbers in its last axis, got shape {tuple(six.shape)}")
    a1, a2 = six[..., :3], six[..., 3:]
    axes = torch.eye(3, dtype=six.dtype, device=six.device)
    b1 = _unit(a1, axes[0].expand_as(a1))
    # any direction off b1 will do; the axis along which b1 is shortest is safely off it
    spare = axes[b1.detach().abs().argmin(-1)]
    substitute = _unit(torch.linalg.cross(b1.detach(), spare), axes[2].expand_as(a1))
    b3 = _unit(torch.linalg.cross(b1, a2), substitute)
    b2 = torch.linalg.cross(b3, b1)
    return torch.stack([b1, b2, b3], dim=-1)


class _Procrustes(torch.autograd.Function):
    """Nearest rotation with the exact derivative of the polar factor.

    The derivative of SVD divides by differences of singular values, which are all zero exactly where
    training wants to end (a matrix that is a rotation). That of the product U V^T needs only their sums.
    """

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> Tensor:
        u, s, vh = torch.linalg.svd(matrix)
        sign = torch.ones_like(s)
        sign[..., 2] = torch.sign(torch.linalg.det(u @ vh))
        u = u * sign[..., None, :]
        ctx.save_for_backward(u, s * sign, vh)
        return u @ vh  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        u, s, vh = ctx.saved_tensors
        inner = u.mT @ grads[0] @ vh.mT
        sums = (s[..., :, None] + s[..., None, :]).clamp_min(1e-4)
        return u @ ((inner - inner.mT) / sums) @ vh  # type: ignore[no-any-return]


def _nearest_rotation_graph(matrix: Tensor) -> Tensor:
    """The same without SVD, for exported graphs: Davenport's quaternion by repeated squaring."""
    m = matrix / matrix.square().sum((-2, -1), keepdim=True).clamp_min(_TINY**2).sqrt()
    a, b, c = m[..., 0, :].unbind(-1), m[..., 1, :].unbind(-1), m[..., 2, :].unbind(-1)
    k = _matrix(
        [
            [a[0] + b[1] + c[2], c[1] - b[2], a[2] - c[0], b[0] - a[1]],
            [c[1] - b[2], a[0] - b[1] - c[2], a[1] + b[0], a[2] + c[0]],
            [a[2] - c[0], a[1] + b[0], b[1] - a[0] - c[2], b[2] + c[1]],
            [b[0] - a[1], a[2] + c[0], b[2] + c[1], c[2] - a[0] - b[1]],
        ]
    )
    # eigenvalues lie in [-sqrt 3, sqrt 3]; the shift makes the wanted one the largest in size
    power = k + 2.0 * torch.eye(4, dtype=k.dtype, device=k.device)
    for _ in range(20):
        power = power @ power
        power = power / power.square().sum((-2, -1), keepdim=True).sqrt()
    # every column is now a multiple of the quaternion; the longest carries the most digits
    pick = power.square().sum(-2).argmax(-1)
    q = torch.gather(power, -1, pick[..., None, None].expand(*power.shape[:-1], 1)).squeeze(-1)
    return quaternion_to_matrix(q)


@full_precision
def quaternion_to_matrix(q: Tensor) -> Tensor:
    """Rotations (..., 3, 3) of quaternions (..., 4) = (w, x, y, z) of any non-zero length."""
    w, x, y, z = (q / q.square().sum(-1, keepdim=True).clamp_min(_TINY**2).sqrt()).unbind(-1)
    return _matrix(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


@full_precision
def project_so3(matrix: Tensor) -> Tensor:
    """The rotation (..., 3, 3) nearest (Frobenius) to any matrix (..., 3, 3); safe to differentiate.

    While a graph is traced for export, which has no SVD operator, an equal form of products alone is used.
    """
    if traced():
        return _nearest_rotation_graph(matrix)
    nearest: Tensor = _Procrustes.apply(matrix)  # type: ignore[no-untyped-call]
    return nearest


@full_precision
def geodesic(a: Tensor, b: Tensor) -> Tensor:
    """Angle (...) in radians, 0 to pi, between rotations (..., 3, 3).

    atan2 of the sine (length of the antisymmetric part) and the cosine (trace): exact to float precision at
    both ends, where acos of the trace loses half the digits and has no derivative.
    """
    m = a @ b.transpose(-1, -2)
    sine = 0.5 * torch.stack(
        [m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]], dim=-1
    )
    cosine = 0.5 * (m.diagonal(dim1=-2, dim2=-1).sum(-1) - 1.0)
    return torch.atan2(torch.linalg.vector_norm(sine, dim=-1), cosine)


def geodesic_deg(a: Tensor, b: Tensor) -> Tensor:
    """Angle (...) in degrees, 0 to 180, between rotations (..., 3, 3)."""
    return geodesic(a, b) * (180.0 / math.pi)


@full_precision
def so3_exp(vector: Tensor) -> Tensor:
    """Rotations (..., 3, 3) of rotation vectors (..., 3) in radians."""
    squared = (vector * vector).sum(-1)
    small = squared < 1e-8
    angle = torch.where(small, torch.ones_like(squared), squared).sqrt()
    a = torch.where(small, 1.0 - squared / 6.0, angle.sin() / angle)
    b = torch.where(small, 0.5 - squared / 24.0, (1.0 - angle.cos()) / (angle * angle))
    x, y, z = vector.unbind(-1)
    o = torch.zeros_like(x)
    k = _matrix([[o, -z, y], [z, o, -x], [-y, x, o]])
    eye = torch.eye(3, dtype=vector.dtype, device=vector.device)
    return eye + a[..., None, None] * k + b[..., None, None] * (k @ k)


@full_precision
def midpoint(a: Tensor, b: Tensor) -> Tensor:
    """The rotation halfway between ``a`` and ``b`` (..., 3, 3): ``a Exp(Log(a^T b) / 2)``.

    The nearest rotation to a + b is that point for every pair less than 180 degrees apart.
    """
    return project_so3(a + b)


def _conjugate(matrix: Tensor, diagonal: tuple[float, float, float]) -> Tensor:
    d = matrix.new_tensor(diagonal)
    return matrix * d[:, None] * d[None, :]


def mirror(rotation: Tensor) -> Tensor:
    """Head rotations after the picture is mirrored left to right: yaw and roll change sign."""
    return _conjugate(rotation, _MIRROR)


@full_precision
def rotate_in_plane(rotation: Tensor, theta_deg: Tensor) -> Tensor:
    """Head rotations after the picture is turned counter-clockwise by ``theta_deg``: ``Rz(-theta) R``."""
    t = theta_deg * (math.pi / 180.0)
    c, s, o, one = t.cos(), t.sin(), torch.zeros_like(t), torch.ones_like(t)
    return _matrix([[c, s, o], [-s, c, o], [o, o, one]]) @ rotation


def from_y_up(native: Tensor) -> Tensor:
    """To this frame from the y-up one of 3DDFA and BFM, ``Rx(-p) Ry(-y) Rz(-r)``; its own inverse."""
    return _conjugate(native, _Y_UP)


def from_sixdrepnet(native: Tensor) -> Tensor:
    """To this frame from the matrix 6DRepNet is trained on, ``Rz(r) Ry(y) Rx(p)``; its own inverse."""
    return _conjugate(native.transpose(-1, -2), _Y_UP)


def from_trinet(native: Tensor) -> Tensor:
    """To this frame from TriNet's matrix, ``Rx(p) Ry(-y) Rz(r)``; its own inverse."""
    return _conjugate(native, _TRINET)
