"""Learning-rate schedules as functions of progress alone: nothing to save, nothing to resume."""

from __future__ import annotations

import math

from .config import TrainSection


def learning_rate(section: TrainSection, epoch: float, epochs: int) -> float:
    """The rate of a group with lr_scale 1 at ``epoch``, counted in epochs with fractions, of ``epochs``.

    A warm-up rises linearly from 0 over the first ``warmup`` epochs. ``cosine`` falls from there to min_lr at
    the end; ``step`` is multiplied by gamma at each milestone; ``constant`` stays.
    """
    if section.warmup > 0.0 and epoch < section.warmup:
        return section.lr * (epoch / section.warmup)
    if section.schedule == "constant":
        return section.lr
    if section.schedule == "step":
        return float(section.lr * section.gamma ** sum(epoch >= m for m in section.milestones))
    span = max(epochs - section.warmup, 1e-9)
    done = min(max((epoch - section.warmup) / span, 0.0), 1.0)
    return section.min_lr + (section.lr - section.min_lr) * 0.5 * (1.0 + math.cos(math.pi * done))
