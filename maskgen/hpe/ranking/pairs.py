"""The ensemble layer of the ranking network: pairs of a batch, and the loss over them.

A two-branch network encodes both images of each of the n^2 - n pairs of a batch. Here the batch is encoded
once and the pairs are formed of the outputs, which costs n encodings.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import UsageError
from ..rotations import full_precision

PAIR_LABELS = ("same", "order")


def all_pairs(n: int, ordered: bool = False, device: torch.device | None = None) -> tuple[Tensor, Tensor]:
    """Indices (i, j) of the pairs of different items: i < j, n(n-1)/2 of them, or ``ordered`` all n^2 - n.

    Both pair losses are symmetric in i and j, so the mean over either set is the same.
    """
    index = torch.arange(n, device=device)
    i, j = torch.meshgrid(index, index, indexing="ij")
    use = i != j if ordered else i < j
    return i[use], j[use]


class Ensemble(nn.Module):
    """Loss of scores s, in units of rank levels, over pairs; one term per angle, added up.

    pair_label "same": 1 for equal levels, with probability sigmoid(beta * (m - |s_i - s_j|)), beta = softplus
    of a learned number, m learned, one of each per angle. Equal pairs are 2 to 7 in 100 at 3-degree levels:
    with ``balanced`` the equal and the different pairs weigh one half each.
    pair_label "order": 1 for level_i > level_j, with probability sigmoid(s_i - s_j) (RankNet), ties left out.
    """

    def __init__(self, pair_label: str = "same", balanced: bool = True, margin: float = 0.5) -> None:
        super().__init__()
        if pair_label not in PAIR_LABELS:
            raise UsageError(f"pair label {pair_label!r} is unknown; choose from {', '.join(PAIR_LABELS)}")
        self.pair_label, self.balanced = pair_label, balanced
        if pair_label == "same":
            # softplus(0.5413) = 1: a step of one level changes the logit by one
            self.raw_beta = nn.Parameter(torch.full((3,), 0.5413))
            self.margin = nn.Parameter(torch.full((3,), margin))

    @full_precision
    def forward(self, left: Tensor, right: Tensor, level_left: Tensor, level_right: Tensor) -> Tensor:
        """The loss of P pairs: scores and levels (P, 3) each, angles ordered (yaw, pitch, roll); a scalar.

        0, with its gradient path intact, for a batch without a usable pair.
        """
        if self.pair_label == "order":
            usable = level_left != level_right
            error = F.binary_cross_entropy_with_logits(
                left - right, (level_left > level_right).to(left.dtype), reduction="none"
            )
            return _mean_where(error, usable).sum()
        same = level_left == level_right
        logit = F.softplus(self.raw_beta) * (self.margin - (left - right).abs())
        error = F.binary_cross_entropy_with_logits(logit, same.to(left.dtype), reduction="none")
        if not self.balanced:
            return _mean_where(error, torch.ones_like(same)).sum()
        both = (same.any(0).to(left.dtype) + (~same).any(0).to(left.dtype)).clamp_min(1)
        return ((_mean_where(error, same) + _mean_where(error, ~same)) / both).sum()


def _mean_where(value: Tensor, use: Tensor) -> Tensor:
    """Column means (3,) of ``value`` (P, 3) over the rows in ``use``; 0 where there is none."""
    weight = use.to(value.dtype)
    return (value * weight).sum(0) / weight.sum(0).clamp_min(1)
