"""Batches for the conformance suite: coloured dots on an ellipsoid at a known pose, with every label filled.

Dots of the face are bright, those of the back of the head dark, and they are drawn in the order of their
depth: the picture says the pose, and nothing of the project's renderer is used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from maskgen.geometry.rotation import euler_to_matrix
from maskgen.hpe.contract import InputSpec, Targets, make_targets, prepare

_rng = np.random.default_rng(3)
#: points of the head, x right, y down, z away (the face looks along -z), about 1 unit in radius
_DIRECTIONS = _rng.normal(size=(40, 3))
_POINTS = 0.8 * _DIRECTIONS / np.linalg.norm(_DIRECTIONS, axis=1, keepdims=True) * np.array([0.8, 1.0, 0.9])
_COLOURS = _rng.uniform(60, 255, size=(40, 3)) * np.where(_POINTS[:, 2:] < 0, 1.0, 0.35)
_LANDMARKS = _POINTS[_rng.integers(0, 40, 68)]
_FIVE = np.array([[-0.3, -0.3, -0.6], [0.3, -0.3, -0.6], [0, 0, -0.8], [-0.2, 0.35, -0.6], [0.2, 0.35, -0.6]])


def dot_images(euler_deg: np.ndarray, size: int, radius: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """uint8 RGB pictures (n, size, size, 3) of heads of ``radius`` (n,) at ``centre`` (n, 2), in pixels."""
    axis = np.arange(size) + 0.0
    out = np.empty((len(euler_deg), size, size, 3), np.uint8)
    for i, rotation in enumerate(euler_to_matrix(euler_deg)):
        canvas = np.full((size, size, 3), 40.0)
        p = _POINTS @ rotation.T
        width = 2 * (0.13 * radius[i]) ** 2
        for j in np.argsort(-p[:, 2]):
            x, y = centre[i] + radius[i] * p[j, :2]
            blob = np.exp(-((axis - y) ** 2) / width)[:, None] * np.exp(-((axis - x) ** 2) / width)
            canvas += blob[..., None] * (_COLOURS[j] - canvas)
        out[i] = np.clip(np.rint(canvas), 0, 255)
    return out


def dot_batch(
    n: int, spec: InputSpec, seed: int = 0, detection: bool = False, references: int = 0
) -> tuple[torch.Tensor, Targets]:
    """n prepared images and their targets; ``detection`` puts smaller heads anywhere in the frame."""
    rng = np.random.default_rng(seed)
    euler = rng.uniform(-1, 1, size=(n, 3)) * np.array([60.0, 40.0, 40.0])
    size = spec.size
    radius = size * (rng.uniform(0.2, 0.35, n) if detection else rng.uniform(0.4, 0.45, n))
    room = (size - 2 * radius)[:, None]
    centre = radius[:, None] + room * (rng.uniform(0, 1, (n, 2)) if detection else 0.5)
    images = prepare(dot_images(euler, size, radius, centre), spec)
    rotation = euler_to_matrix(euler)

    def seen(points: np.ndarray) -> torch.Tensor:
        flat = np.einsum("nij,kj->nki", rotation, points)[..., :2]
        return torch.tensor((centre[:, None] + radius[:, None, None] * flat) / size, dtype=torch.float32)

    box = np.concatenate([centre - radius[:, None], centre + radius[:, None]], axis=1) / size
    more: dict[str, Any] = {
        "landmarks68": seen(_LANDMARKS),
        "points5": seen(_FIVE),
        "box": torch.tensor(box, dtype=torch.float32),
        "sample_id": [f"dots{i}" for i in range(n)],
        "mask_meta": [{"masked": False, "style": None, "pair": f"dots{i}"} for i in range(n)],
    }
    targets = make_targets(torch.tensor(euler, dtype=torch.float32), torch.tensor(rotation), **more)
    if references:
        images_ref, targets_ref = dot_batch(references, spec, seed + 1000)
        index = torch.tensor(np.stack([rng.permutation(references)[:4] for _ in range(n)]))
        targets["refs"] = {"images": images_ref, "R": targets_ref["R"], "index": index}
    return images, targets
