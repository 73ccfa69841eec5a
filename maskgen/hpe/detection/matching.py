"""Overlap of boxes, who is responsible for a face, and which of several boxes on one face stays."""

from __future__ import annotations

import torch
from torch import Tensor

from .anchors import to_corners

#: an anchor overlapping a face this much is responsible for it
MATCH = 0.35
#: a face whose best anchor overlaps it less is too small or too large to be learned, and is left out
FLOOR = 0.2


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union (..., N, M) of boxes ``a`` (..., N, 4) and ``b`` (..., M, 4), corner form."""
    low = torch.maximum(a[..., :, None, :2], b[..., None, :, :2])
    high = torch.minimum(a[..., :, None, 2:], b[..., None, :, 2:])
    overlap = (high - low).clamp_min(0).prod(-1)
    area_a = (a[..., 2:] - a[..., :2]).clamp_min(0).prod(-1)[..., :, None]
    area_b = (b[..., 2:] - b[..., :2]).clamp_min(0).prod(-1)[..., None, :]
    return overlap / (area_a + area_b - overlap).clamp_min(1e-12)


def match(boxes: Tensor, anchors: Tensor, threshold: float = MATCH) -> Tensor:
    """Which anchors (B, A) bool are responsible for the one face of each picture.

    boxes: (B, 4) corners; a NaN box is a picture without a face. anchors: (A, 4) centre form. Anchors that
    overlap by ``threshold`` or more, and always the best one if it overlaps by FLOOR.
    """
    known = boxes.isfinite().all(-1)
    overlap = iou(boxes.nan_to_num(0.0)[:, None, :], to_corners(anchors)[None])[:, 0]
    best, where = overlap.max(-1)
    positive = overlap >= threshold
    positive[torch.arange(len(boxes), device=boxes.device), where] = True
    return positive & (known & (best >= FLOOR))[:, None]


def nms(boxes: Tensor, scores: Tensor, threshold: float = 0.4) -> Tensor:
    """Indices of the boxes that stay, best first: greedy non-maximum suppression.

    boxes: (N, 4) corners. scores: (N,). A box goes when it overlaps a better one that stays by more than
    ``threshold``.
    """
    order = scores.argsort(descending=True, stable=True)
    overlap = iou(boxes[order], boxes[order])
    alive = torch.ones(len(order), dtype=torch.bool, device=boxes.device)
    keep = []
    for i in range(len(order)):
        if alive[i]:
            keep.append(i)
            alive &= overlap[i] <= threshold
    return order[torch.tensor(keep, dtype=torch.long, device=boxes.device)]
