"""Losses that more than one network uses; angles in degrees, means over the batch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .bins import Bins
from .rotations import full_precision, geodesic, wrap_deg


def geodesic_loss(rotation: Tensor, target: Tensor) -> Tensor:
    """Mean angle, in radians, between rotations (B, 3, 3); as 6DRepNet and GLPose train."""
    return geodesic(rotation, target).mean()


@full_precision
def angle_l1(euler_deg: Tensor, target_deg: Tensor) -> Tensor:
    """Mean absolute error of (yaw, pitch, roll) (B, 3) in degrees, as FSA-Net trains; no wrapping."""
    return (euler_deg - target_deg).abs().mean()


@full_precision
def wrapped_mse(angle_deg: Tensor, target_deg: Tensor) -> Tensor:
    """Mean of ``min(d^2, (360 - |d|)^2)`` of angles (B,) in degrees, WHENet's yaw term."""
    return wrap_deg(angle_deg - target_deg).square().mean()


@full_precision
def bin_loss(
    logits: Tensor, angle_deg: Tensor, bins: Bins, alpha: float, wrap: bool = False
) -> tuple[Tensor, Tensor]:
    """Cross-entropy of the bin, and ``alpha`` times the squared error of the expected angle.

    logits: (B, bins.count); angle_deg: (B,). Angles in no bin are left out of both means, as the Hopenet
    protocol leaves out their images; a batch without any usable angle costs zero. wrap: the squared error is
    taken around the circle.
    """
    label = bins.label(angle_deg)
    usable = label >= 0
    count = usable.sum().clamp_min(1)
    entropy = F.cross_entropy(logits, label.clamp_min(0), reduction="none")
    error = bins.expectation(logits) - angle_deg
    squared = (wrap_deg(error) if wrap else error).square()
    zero = torch.zeros_like(squared)
    return (
        torch.where(usable, entropy, zero).sum() / count,
        alpha * torch.where(usable, squared, zero).sum() / count,
    )
