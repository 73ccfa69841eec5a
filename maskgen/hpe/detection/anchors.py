"""Anchors, and the coding of boxes and points relative to them.

All coordinates are fractions of the square input picture, so one set of anchors serves any number of images.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

#: pixels per cell of the three levels, and the two anchor sizes (pixels) of each
STRIDES = (8, 16, 32)
SIZES = ((16, 32), (64, 128), (256, 512))
#: RetinaFace / SSD scale of the centre and size offsets
VARIANCES = (0.1, 0.2)


def make_anchors(
    size: int, strides: Sequence[int] = STRIDES, sizes: Sequence[Sequence[int]] = SIZES
) -> Tensor:
    """Anchors (A, 4) as (cx, cy, w, h), level by level, row by row, small before large in each cell.

    A 640 px picture has 2 * (80^2 + 40^2 + 20^2) = 16,800 of them.
    """
    levels = []
    for stride, per_cell in zip(strides, sizes, strict=True):
        cells = -(-size // stride)
        centre = (torch.arange(cells, dtype=torch.float32) + 0.5) * stride / size
        cy, cx = torch.meshgrid(centre, centre, indexing="ij")
        side = torch.tensor(list(per_cell), dtype=torch.float32) / size
        shape = (cells, cells, len(per_cell))
        cx, cy = cx[..., None].expand(shape), cy[..., None].expand(shape)
        side = side.expand(shape)
        levels.append(torch.stack([cx, cy, side, side], dim=-1).reshape(-1, 4))
    return torch.cat(levels)


def to_corners(anchors: Tensor) -> Tensor:
    """(cx, cy, w, h) to (x0, y0, x1, y1), (..., 4)."""
    half = anchors[..., 2:] / 2
    return torch.cat([anchors[..., :2] - half, anchors[..., :2] + half], dim=-1)


def encode_boxes(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Offsets (..., 4) that a network is to predict for ``boxes`` (x0, y0, x1, y1) at ``anchors``."""
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2 - anchors[..., :2]
    scale = (boxes[..., 2:] - boxes[..., :2]).clamp_min(1e-6) / anchors[..., 2:]
    return torch.cat([centre / (VARIANCES[0] * anchors[..., 2:]), scale.log() / VARIANCES[1]], dim=-1)


def decode_boxes(offsets: Tensor, anchors: Tensor) -> Tensor:
    """The boxes (x0, y0, x1, y1) of predicted ``offsets`` (..., 4) at ``anchors``."""
    centre = anchors[..., :2] + offsets[..., :2] * VARIANCES[0] * anchors[..., 2:]
    # e^8 anchors is already wider than any picture; an untrained network must not overflow
    extent = anchors[..., 2:] * (offsets[..., 2:] * VARIANCES[1]).clamp(max=8.0).exp()
    return to_corners(torch.cat([centre, extent], dim=-1))


def encode_points(points: Tensor, anchors: Tensor) -> Tensor:
    """Offsets (..., P, 2) of ``points`` (..., P, 2) at ``anchors`` (..., 4)."""
    return (points - anchors[..., None, :2]) / (VARIANCES[0] * anchors[..., None, 2:])


def decode_points(offsets: Tensor, anchors: Tensor) -> Tensor:
    """The points (..., P, 2) of predicted ``offsets`` (..., P, 2) at ``anchors`` (..., 4)."""
    return anchors[..., None, :2] + offsets * VARIANCES[0] * anchors[..., None, 2:]
