"""Equal angle bins: the classes of Hopenet and WHENet, and the rank levels of the ranking network."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Bins:
    """``count`` bins of ``width`` degrees; bin i covers [start + i*width, start + (i+1)*width)."""

    count: int
    width: float
    start: float

    @property
    def end(self) -> float:
        """The first angle beyond the last bin, degrees."""
        return self.start + self.count * self.width

    def label(self, angle_deg: Tensor) -> Tensor:
        """Bin numbers (int64, same shape) of angles in degrees; -1 where an angle lies in no bin."""
        index = torch.floor((angle_deg - self.start) / self.width)
        inside = (angle_deg >= self.start) & (angle_deg < self.end)
        return torch.where(inside, index.clamp(0, self.count - 1), torch.full_like(index, -1.0)).long()

    def expectation(self, logits: Tensor) -> Tensor:
        """Expected angle (...) in degrees of logits (..., count), taken at the LEFT edges of the bins.

        Hopenet's rule, ``width * E[i] + start``: a certain answer is half a bin low on average. The squared
        error on the expected angle trains that away, and released weights rely on it, so it stays.
        """
        index = torch.arange(self.count, dtype=torch.float32, device=logits.device)
        return self.width * (logits.float().softmax(-1) * index).sum(-1) + self.start


#: Hopenet's 66 bins, also the rank levels of the ranking network (MODELS: edges -99 to 99, step 3)
NARROW = Bins(66, 3.0, -99.0)
#: WHENet's 120 yaw bins over the full turn
FULL_TURN = Bins(120, 3.0, -180.0)
