"""Hopenet (Ruiz, Chong and Rehg 2018): angle bins, classified and averaged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..bins import NARROW
from ..contract import HeadPoseModel, InputSpec, ModelCard, Output, Targets
from ..losses import bin_loss
from ..nn.backbones import build_trunk
from ..registry import register

ANGLES = ("yaw", "pitch", "roll")


@register("hopenet")
class Hopenet(HeadPoseModel):
    """A trunk, its global mean, and one linear layer of 66 bins an angle.

    trunk, width: backbone; size: input, px; alpha: weight of the squared error of the expected angle;
    weights: ImageNet weights of the trunk (file or URL). With them the stem is frozen and BatchNorm keeps its
    statistics, as released; from random weights both would only do harm, so both train.
    """

    card = ModelCard(
        title="Hopenet",
        paper="Ruiz, Chong, Rehg: Fine-Grained Head Pose Estimation Without Keypoints, CVPRW 2018",
        year=2018,
        licence="Apache-2.0 (natanielruiz/deep-head-pose)",
        published={
            "p1-aflw2000 alpha=2": (6.470, 6.559, 5.436, 6.155),
            "p1-aflw2000 alpha=1": (6.920, 6.637, 5.674, 6.410),
            "p1-biwi alpha=2": (5.167, 6.975, 3.388, 5.177),
            "p1-biwi alpha=1": (4.810, 6.606, 3.269, 4.895),
            "p2-biwi 70/30 alpha=1": (3.29, 3.39, 3.00, None),
        },
        ambiguities=(
            "alpha: the paper trains 1 and 2, the released default is 0.001; here 1",
            "the expectation is taken at the left bin edges, half a bin low on average; kept for parity",
            "frozen stem and BatchNorm presume ImageNet weights; without them everything trains",
        ),
        notes="Adam, layers lr and heads 5 lr; 1e-5 in the paper, 1e-3 the default of the code; batch 16.",
    )
    input_spec = InputSpec(size=224, crop="hopenet")
    tiny: ClassVar[Mapping[str, Any]] = {"trunk": "resnet18", "size": 64}

    def __init__(
        self,
        *,
        trunk: str = "resnet50",
        width: float = 1.0,
        size: int = 224,
        alpha: float = 1.0,
        weights: str | None = None,
    ) -> None:
        super().__init__()
        self.input_spec = InputSpec(size=size, crop="hopenet")
        self.alpha = alpha
        self.trunk = build_trunk(trunk, width, weights)
        self.frozen = weights is not None
        channels = self.trunk.channels[-1]
        for angle in ANGLES:
            setattr(self, f"fc_{angle}", nn.Linear(channels, NARROW.count))
        if self.frozen:
            for module in self._stem():
                module.requires_grad_(False)

    def _stem(self) -> list[nn.Module]:
        return [m for m in (getattr(self.trunk, "conv1", None), getattr(self.trunk, "bn1", None)) if m]

    def train(self, mode: bool = True) -> Hopenet:
        """As usual, but BatchNorm of a pre-trained trunk stays in eval mode."""
        super().train(mode)
        if self.frozen:
            for module in self.trunk.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def forward(self, images: Tensor, targets: Targets | None = None) -> Output:
        self.check_images(images)
        feature = self.trunk(images)[-1].mean((2, 3))
        logits = torch.stack([getattr(self, f"fc_{angle}")(feature) for angle in ANGLES], dim=1)
        return Output.from_euler(NARROW.expectation(logits), logits=logits)

    def loss(self, output: Output, targets: Targets) -> tuple[Tensor, dict[str, Tensor]]:
        logits, euler = output.extras["logits"], targets["euler"]
        # an image with one angle in no bin is invalid as a whole: its other angles go out of the bins too
        valid = (NARROW.label(euler) >= 0).all(-1, keepdim=True)
        euler = torch.where(valid, euler, torch.full_like(euler, NARROW.end))
        parts, total = {}, logits.new_zeros(())
        for i, angle in enumerate(ANGLES):
            entropy, squared = bin_loss(logits[:, i], euler[:, i], NARROW, self.alpha)
            total = total + entropy + squared
            parts[f"{angle}_ce"], parts[f"{angle}_mse"] = entropy.detach(), squared.detach()
        return total, parts

    def param_groups(self, cfg: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The trunk at the learning rate, the three heads at five times it."""
        heads = [p for angle in ANGLES for p in getattr(self, f"fc_{angle}").parameters()]
        trunk = [p for p in self.trunk.parameters() if p.requires_grad]
        return [
            {"params": trunk, "lr_scale": 1.0, "name": "trunk"},
            {"params": heads, "lr_scale": 5.0, "name": "heads"},
        ]
