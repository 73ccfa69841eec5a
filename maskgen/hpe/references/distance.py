"""Triple vectors and the distance between two of them.

A triple vector is m x 3 with columns of length 1, a relative of a rotation matrix in m dimensions. Its
distance ``sqrt(2 (3 - tr(Z2^T Z1)))`` is the Frobenius norm of the difference; between rotations it is
``2 sqrt(2) sin(theta / 2)`` of the angle theta between them, 0 to 2 sqrt(2).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..attention import unit


def triple_vector(feature: Tensor) -> Tensor:
    """(B, 3m) features as (B, m, 3) with columns of length 1, float32."""
    return unit(feature.view(feature.shape[0], -1, 3), dim=1)


def pair_distance(a: Tensor, b: Tensor) -> Tensor:
    """Distances (...) of triple vectors or rotations (..., m, 3), float32; its derivative is finite at 0."""
    inner = (a * b).sum((-2, -1))
    # at 1e-7 the slope is capped near 1600, far above any that a step of training meets
    return (2.0 * (3.0 - inner)).clamp_min(1e-7).sqrt()


def all_distances(a: Tensor, b: Tensor) -> Tensor:
    """Distances (B, K) of every ``a`` (B, m, 3) to every ``b`` (K, m, 3)."""
    inner = a.flatten(1) @ b.flatten(1).T
    return (2.0 * (3.0 - inner)).clamp_min(1e-7).sqrt()


def with_noise(distance: Tensor, strength: float) -> Tensor:
    """``d + eps c d`` with eps uniform in [-1, 1] for each distance and c = ``strength``."""
    return distance * (1.0 + strength * (2.0 * torch.rand_like(distance) - 1.0))
