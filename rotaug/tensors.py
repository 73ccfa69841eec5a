"""The same turns and flips on batches of torch tensors, on whatever device they live.

Label arithmetic runs in float64 where the device has it (else float32) and keeps the dtype it was given;
pixels are sampled by grid_sample in float32 at least, because half-precision coordinates would be off by a
tenth of a pixel. torch is imported where it is used and nowhere else in rotaug.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from maskgen.errors import MissingDependency, UsageError
from maskgen.geometry.rotation import GIMBAL

from .rotate import Turn

_MODES = {"nearest": "nearest", "linear": "bilinear", "cubic": "bicubic"}


def torch_module() -> Any:
    """The torch module. Raises MissingDependency with the install command."""
    try:
        import torch
    except ImportError:
        raise MissingDependency(
            "batches of tensors need torch: pip install 'maskgen[train]', or pass one NumPy picture at a time"
        ) from None
    return torch


def euler_to_matrix(angles_deg: Any) -> Any:
    """Rotations (..., 3, 3) of (yaw, pitch, roll) (..., 3) in degrees: Rx(-pitch) Ry(yaw) Rz(roll)."""
    torch = torch_module()
    y, p, r = torch.deg2rad(angles_deg).unbind(-1)
    cy, sy, cp, sp, cr, sr = y.cos(), y.sin(), p.cos(), p.sin(), r.cos(), r.sin()
    rows = [
        [cy * cr, -cy * sr, sy],
        [cp * sr - sp * sy * cr, cp * cr + sp * sy * sr, sp * cy],
        [-sp * sr - cp * sy * cr, -sp * cr + cp * sy * sr, cp * cy],
    ]
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def matrix_to_euler(rotation: Any) -> Any:
    """(yaw, pitch, roll) (..., 3) in degrees of rotations (..., 3, 3); at the gimbal roll is 0."""
    torch = torch_module()
    r = rotation
    length = torch.hypot(r[..., 0, 0], r[..., 0, 1])
    locked = length < max(GIMBAL, torch.finfo(r.dtype).eps)
    yaw = torch.atan2(r[..., 0, 2], torch.hypot(r[..., 1, 2], r[..., 2, 2]))
    # the branch not taken must not send nan through the gradient: atan2(0, 0) is kept out of both
    one = torch.ones_like(length)
    pitch = torch.where(
        locked,
        torch.atan2(-r[..., 2, 1], r[..., 1, 1]),
        torch.atan2(r[..., 1, 2], torch.where(locked, one, r[..., 2, 2])),
    )
    roll = torch.where(
        locked, torch.zeros_like(one), torch.atan2(-r[..., 0, 1], torch.where(locked, one, r[..., 0, 0]))
    )
    return _wrap(torch.rad2deg(torch.stack([yaw, pitch, roll], -1)))


def nearest_triple(angles_deg: Any, reference_deg: Any) -> Any:
    """The triple that continues the label: as maskgen.geometry.rotation.nearest_triple, both (..., 3)."""
    torch = torch_module()
    first = _wrap(angles_deg)
    second = _wrap(first * first.new_tensor([-1.0, 1.0, 1.0]) + 180.0)
    gaps = [_wrap(a - reference_deg).abs().sum(-1, keepdim=True) for a in (first, second)]
    return torch.where((reference_deg[..., :1].abs() > 90.0) & (gaps[1] < gaps[0]), second, first)


def rotate_in_plane(rotation: Any, theta_deg: Any) -> Any:
    """Rz(-theta) @ R for rotations (..., 3, 3) and angles (...), counter-clockwise on screen."""
    torch = torch_module()
    t = torch.deg2rad(theta_deg)[..., None]
    c, s = t.cos(), t.sin()
    first, second = rotation[..., 0, :], rotation[..., 1, :]
    return torch.stack([c * first + s * second, c * second - s * first, rotation[..., 2, :]], -2)


def _wrap(angles: Any) -> Any:
    torch = torch_module()
    inside = (angles > -180.0) & (angles <= 180.0)
    return torch.where(inside, angles, 180.0 - torch.remainder(180.0 - angles, 360.0))


def turn_pose(pose: Any, theta_deg: Any) -> Any:
    """Poses (n, 3) degrees or (n, 3, 3) after their pictures are turned by (n,) degrees; same kind."""
    work = pose.to(_exact(pose))
    theta = theta_deg.to(work)
    if pose.shape[-2:] == (3, 3) and pose.ndim == theta.ndim + 2:
        return rotate_in_plane(work, theta).to(pose.dtype)
    turned = matrix_to_euler(rotate_in_plane(euler_to_matrix(work), theta))
    return nearest_triple(turned, work).to(pose.dtype)


def mirror_pose(pose: Any) -> Any:
    """Poses (n, 3) degrees or (n, 3, 3) after their pictures are mirrored left to right."""
    if pose.ndim == 3:
        signs = pose.new_tensor([-1.0, 1.0, 1.0])
        return pose * signs[:, None] * signs
    return pose * pose.new_tensor([-1.0, 1.0, -1.0])


def _exact(x: Any) -> Any:
    """float64, or float32 on devices that have nothing better (Apple's)."""
    torch = torch_module()
    return torch.float32 if x.device.type == "mps" else torch.float64


def turn(
    look: Turn, theta_deg: Sequence[float], image: Any, pose: Any, landmarks: Any, box: Any
) -> tuple[Any, Any, Any, Any]:
    """The batch with item i turned by theta_deg[i]; pictures (n, c, h, w), float or uint8."""
    torch = torch_module()
    if image.ndim != 4:
        raise UsageError(f"a batch of pictures has shape (n, c, h, w), got {tuple(image.shape)}")
    if look.interpolation not in _MODES:
        raise UsageError(
            f"batches are sampled by {', '.join(_MODES)}; {look.interpolation!r} is not among them"
        )
    h, w = image.shape[-2:]
    theta = torch.tensor(theta_deg, dtype=_exact(image)).to(image.device, non_blocking=True)
    pivot = _pivots(look, theta, (w, h), landmarks, box)
    t = torch.deg2rad(theta)
    turn2 = torch.stack([torch.stack([t.cos(), t.sin()], -1), torch.stack([-t.sin(), t.cos()], -1)], -2)
    pixels = _sample(look, image, turn2, pivot)
    points = None if landmarks is None else landmarks.clone()
    if points is not None:
        points[..., :2] = _move(landmarks[..., :2].to(theta.dtype), turn2, pivot).to(landmarks.dtype)
    if box is not None:
        corners = box[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2).to(theta.dtype)
        moved = _move(corners, turn2, pivot)
        box = torch.cat([moved.amin(1), moved.amax(1)], -1).to(box.dtype)
    return pixels, None if pose is None else turn_pose(pose, theta), points, box


def _pivots(look: Turn, theta: Any, size: tuple[int, int], landmarks: Any, box: Any) -> Any:
    torch = torch_module()
    if look.pivot == "face" and box is not None:
        return (box[:, :2] + box[:, 2:]).to(theta.dtype) / 2.0
    if look.pivot == "face" and landmarks is not None:
        xy = landmarks[..., :2].to(theta.dtype)
        return (xy.amin(1) + xy.amax(1)) / 2.0
    centre = torch.tensor([(size[0] - 1) / 2.0, (size[1] - 1) / 2.0], dtype=theta.dtype, device=theta.device)
    return centre.expand(len(theta), 2)


def _move(points: Any, turn2: Any, pivot: Any) -> Any:
    """Points (n, k, 2) turned about pivots (n, 2) by matrices (n, 2, 2)."""
    return (points - pivot[:, None]) @ turn2.transpose(-1, -2) + pivot[:, None]


def _sample(look: Turn, image: Any, turn2: Any, pivot: Any) -> Any:
    """Pictures resampled where the target's pixels come from."""
    torch = torch_module()
    h, w = image.shape[-2:]
    kind = torch.promote_types(image.dtype, torch.float32) if image.is_floating_point() else torch.float32
    # pixel centres are integers (docs/conventions.md); grid_sample counts edges from -1 to 1
    back = turn2.transpose(-1, -2).to(kind)
    q = pivot.to(kind)
    x = torch.arange(w, device=image.device, dtype=kind)[None, None, :] - q[:, 0, None, None]
    y = torch.arange(h, device=image.device, dtype=kind)[None, :, None] - q[:, 1, None, None]
    b = back[:, :, :, None, None]
    source = torch.stack(
        [
            b[:, 0, 0] * x + b[:, 0, 1] * y + q[:, 0, None, None],
            b[:, 1, 0] * x + b[:, 1, 1] * y + q[:, 1, None, None],
        ],
        -1,
    )
    size = torch.tensor([w, h], dtype=kind, device=image.device)
    if (
        look.border == "reflect"
    ):  # about the outermost pixel centres, as OpenCV does it; grid_sample's own is about edges
        span = 2.0 * (size - 1.0).clamp(min=1.0)
        source = (size - 1.0) - (torch.remainder(source, span) - (size - 1.0)).abs()
    grid = (2.0 * source + 1.0) / size - 1.0
    fill = torch.tensor(look.fill, dtype=kind, device=image.device)
    fill = fill.reshape(1, -1, 1, 1) if look.border == "constant" and any(look.fill) else None
    flat = image.to(kind) if fill is None else image.to(kind) - fill
    out = torch.nn.functional.grid_sample(
        flat,
        grid,
        mode=_MODES[look.interpolation],
        padding_mode="zeros" if look.border == "constant" else "border",
        align_corners=False,
    )
    if fill is not None:
        out = out + fill
    if not image.is_floating_point():
        limits = torch.iinfo(image.dtype)
        out = out.round().clamp(limits.min, limits.max)
    return out.to(image.dtype)


def flip(
    mirrored: Sequence[bool], order: Any, image: Any, pose: Any, landmarks: Any, box: Any
) -> tuple[Any, Any, Any, Any]:
    """The batch with the marked items mirrored left to right; order: source landmark of each mirrored one."""
    torch = torch_module()
    which = torch.tensor(np.asarray(mirrored, dtype=bool)).to(image.device)
    w = image.shape[-1]

    def pick(new: Any, old: Any) -> Any:
        return torch.where(which.reshape(-1, *(1,) * (old.ndim - 1)), new, old)

    pixels = pick(image.flip(-1), image)
    if pose is not None:
        pose = pick(mirror_pose(pose), pose)
    if landmarks is not None:
        other = landmarks[:, torch.as_tensor(np.asarray(order), device=landmarks.device)].clone()
        other[..., 0] = w - 1 - other[..., 0]
        landmarks = pick(other, landmarks)
    if box is not None:
        last = box.new_tensor(float(w - 1))
        box = pick(torch.stack([last - box[:, 2], box[:, 1], last - box[:, 0], box[:, 3]], -1), box)
    return pixels, pose, landmarks, box
