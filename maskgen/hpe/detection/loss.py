"""The multi-task loss of the detector: face or not, box, five points, pose."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from ..rotations import full_precision, geodesic
from .anchors import encode_boxes, encode_points
from .matching import match

#: hard negatives per positive anchor
NEGATIVES = 7


def hardest_negatives(loss: Tensor, positive: Tensor, ratio: int = NEGATIVES) -> Tensor:
    """The ``ratio`` times as many non-responsible anchors (B, A) bool as there are positive ones, of highest
    loss.

    A picture without a positive anchor gives ``ratio``: frames without a face, alone or among others, teach
    what is none.
    """
    wanted = positive.sum(1, keepdim=True).clamp_min(1) * ratio
    wanted = wanted.clamp_max(positive.shape[1] - 1)
    rank = loss.detach().masked_fill(positive, -1.0).argsort(1, descending=True).argsort(1)
    return (rank < wanted) & ~positive


@full_precision
def multitask_loss(
    scores: Tensor,
    box_offsets: Tensor,
    point_offsets: Tensor,
    pose: Tensor,
    to_rotation: Callable[[Tensor], Tensor],
    anchors: Tensor,
    level_weight: Tensor,
    box: Tensor,
    points5: Tensor,
    target_R: Tensor,
) -> dict[str, Tensor]:
    """The four unweighted terms by name: cls, box, points, pose (radians).

    scores (B, A, 2), box_offsets (B, A, 4), point_offsets (B, A, 5, 2), pose (B, A, n), of which
    to_rotation makes matrices; anchors (A, 4); level_weight (A,) multiplies every term at an anchor; box (B,
    4), points5 (B, 5, 2) with NaN = unknown, target_R (B, 3, 3). Sums over anchors are divided by the number
    of positive anchors of the batch, the points term by those whose points are known.
    """
    positive = match(box, anchors)
    count = positive.sum().clamp_min(1).float()
    ce = F.cross_entropy(scores.flatten(0, 1), positive.flatten().long(), reduction="none").view_as(positive)
    used = positive | hardest_negatives(ce, positive)
    terms = {"cls": (ce * level_weight * used).sum() / count}

    image, at = positive.nonzero(as_tuple=True)
    weight = level_weight[at]
    box_error = F.smooth_l1_loss(
        box_offsets[image, at], encode_boxes(box[image], anchors[at]), reduction="none"
    ).sum(-1)
    terms["box"] = (box_error * weight).sum() / count

    wanted = encode_points(points5[image], anchors[at])
    known = wanted.isfinite().all(-1).all(-1)
    point_error = F.smooth_l1_loss(point_offsets[image, at], wanted.nan_to_num(0.0), reduction="none").sum(
        (1, 2)
    )
    terms["points"] = (point_error * weight * known).sum() / known.sum().clamp_min(1)

    terms["pose"] = (geodesic(to_rotation(pose[image, at]), target_R[image]) * weight).sum() / count
    return terms
