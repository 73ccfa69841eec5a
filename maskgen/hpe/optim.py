"""What training is made of: loss module, optimiser, sums of an epoch, averaged weights and statistics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..errors import UsageError
from .config import Config, TrainSection
from .contract import HeadPoseModel, Targets


class LossModule(nn.Module):
    """Network and loss as one forward pass, so that DDP and torch.compile see the whole of it."""

    def __init__(self, model: HeadPoseModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor, targets: Targets) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """(loss, its parts, predicted angles (b, 3))."""
        output = self.model(images, targets)
        loss, parts = self.model.loss(output, targets)
        return loss, parts, output.euler.detach()


def make_optimiser(model: HeadPoseModel, config: Config) -> torch.optim.Optimizer:
    """The configured optimiser over the model's parameter groups, fused where the device has it."""
    section = config.train
    groups = []
    for group in model.param_groups(config.as_dict()):
        params = [p for p in group["params"] if p.requires_grad]
        if params:
            scale = float(group.get("lr_scale", 1.0))
            groups.append({"params": params, "lr_scale": scale, "lr": section.lr * scale})
    if not groups:
        raise UsageError(f"{model.name} has no parameter left to train")
    options: dict[str, Any] = {"weight_decay": section.weight_decay, "fused": True}
    if section.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=section.lr, momentum=section.momentum, **options)
    kind = torch.optim.AdamW if section.optimiser == "adamw" else torch.optim.Adam
    return kind(groups, lr=section.lr, betas=(section.momentum, 0.999), **options)


def use_amp(section: TrainSection, device: torch.device) -> bool:
    """Whether to run under bf16 autocast."""
    return section.amp == "bf16" or (section.amp == "auto" and device.type == "cuda")


@dataclass
class Progress:
    """Where a run is: stage, epoch of the stage, steps done of the epoch, steps done of all."""

    stage: int = 0
    epoch: int = 0
    step: int = 0
    total: int = 0


@dataclass
class Tally:
    """Sums over the steps of one epoch; on the device until someone reads them."""

    sums: dict[str, Any] = field(default_factory=dict)
    images: int = 0
    seconds: float = 0.0
    seen: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def add(self, loss: Tensor, parts: dict[str, Tensor], images: int) -> None:
        """Count one step."""
        for name, value in (("loss", loss), *parts.items()):
            self.sums[name] = self.sums.get(name, 0.0) + value.detach().double() * images
        self.images += images

    def means(self) -> dict[str, float]:
        """Averages per image."""
        return {k: float(v) / max(self.images, 1) for k, v in self.sums.items()}


@torch.no_grad()
def average(ema: nn.Module, model: nn.Module, decay: float) -> None:
    """One step of the exponential moving average of the weights; statistics of BatchNorm are copied."""
    own: list[Tensor] = list(ema.parameters())
    new: list[Tensor] = list(model.parameters())
    torch._foreach_lerp_(own, new, 1.0 - decay)
    for a, b in zip(ema.buffers(), model.buffers(), strict=True):
        a.copy_(b)


@contextmanager
def fresh_statistics(model: nn.Module) -> Iterator[None]:
    """Training mode in which BatchNorm's running statistics start anew, as the plain mean over batches.

    Their usual running average trails the weights by 1 / momentum steps, and averaged weights have none of
    their own. Layers that the network keeps in evaluation mode keep theirs. After Wu and Johnson: Rethinking
    "Batch" in BatchNorm, 2021.
    """
    was = model.training
    model.train()
    layers = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    layers = [m for m in layers if m.training]
    before = [m.momentum for m in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    try:
        yield
    finally:
        for layer, momentum in zip(layers, before, strict=True):
            layer.momentum = momentum
        model.train(was)


@contextmanager
def deterministic(on: bool) -> Iterator[None]:
    """Deterministic algorithms where torch has them, for the time of the run."""
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    benchmark = torch.backends.cudnn.benchmark
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(on, warn_only=True)
    torch.backends.cudnn.benchmark = not on
    # guards against reading memory that was never written, at 5 % of a CPU step; no code here does
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.backends.cudnn.benchmark = benchmark
        torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]


def duration(seconds: float) -> str:
    """A time for people: 40 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
