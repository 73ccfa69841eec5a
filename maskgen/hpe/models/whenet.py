"""WHENet (Zhou and Gregson 2020): Hopenet's bins over the full turn of yaw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..bins import FULL_TURN, NARROW
from ..contract import HeadPoseModel, InputSpec, ModelCard, Output, Targets
from ..losses import bin_loss
from ..nn.backbones import build_trunk
from ..registry import register
from ..rotations import wrap_deg


@register("whenet")
class WHENet(HeadPoseModel):
    """EfficientNet-B0, global mean, 120 yaw bins over the full turn, 66 bins each for pitch and roll.

    alpha: weight of the squared error of the expected angles; weights: ImageNet weights of the trunk.
    """

    card = ModelCard(
        title="WHENet",
        paper="Zhou, Gregson: WHENet: Real-time Fine-Grained Estimation for Wide Range Head Pose, BMVC 2020",
        year=2020,
        licence="BSD-3-style (Ascend-Research/HeadPoseEstimation-WHENet)",
        published={
            "p1-aflw2000": (5.11, 6.24, 4.92, 5.42),
            "p1-biwi": (3.99, 4.39, 3.06, 3.81),
            "p1-aflw2000 WHENet-V": (None, None, None, 4.83),
            "p1-biwi WHENet-V": (None, None, None, 3.48),
        },
        ambiguities=(
            "the release is for inference only: the yaw term is the wrapped squared error of the paper",
            "weight of the squared errors: not given; here 1",
            "dropout before the heads: not given; here none",
        ),
        notes="Published with 300W-LP and Panoptic (full turn); WHENet-V with 300W-LP alone.",
    )
    input_spec = InputSpec(size=224, crop="hopenet")
    tiny: ClassVar[Mapping[str, Any]] = {"width": 0.5, "size": 64}

    def __init__(
        self, *, width: float = 1.0, size: int = 224, alpha: float = 1.0, weights: str | None = None
    ) -> None:
        super().__init__()
        self.input_spec = InputSpec(size=size, crop="hopenet")
        self.alpha = alpha
        self.trunk = build_trunk("efficientnet_b0", width, weights)
        channels = self.trunk.channels[-1]
        self.fc_yaw = nn.Linear(channels, FULL_TURN.count)
        self.fc_pitch = nn.Linear(channels, NARROW.count)
        self.fc_roll = nn.Linear(channels, NARROW.count)

    def forward(self, images: Tensor, targets: Targets | None = None) -> Output:
        self.check_images(images)
        feature = self.trunk(images)[-1].mean((2, 3))
        yaw, pitch, roll = self.fc_yaw(feature), self.fc_pitch(feature), self.fc_roll(feature)
        euler = torch.stack(
            [FULL_TURN.expectation(yaw), NARROW.expectation(pitch), NARROW.expectation(roll)], dim=-1
        )
        return Output.from_euler(euler, yaw=yaw, pitch=pitch, roll=roll)

    def loss(self, output: Output, targets: Targets) -> tuple[Tensor, dict[str, Tensor]]:
        euler, parts = targets["euler"], {}
        total = euler.new_zeros(())
        for i, (angle, bins) in enumerate((("yaw", FULL_TURN), ("pitch", NARROW), ("roll", NARROW))):
            # the bins of yaw close at -180 and stay open at 180, which is the same direction
            truth = -wrap_deg(-euler[:, i]) if angle == "yaw" else euler[:, i]
            entropy, squared = bin_loss(output.extras[angle], truth, bins, self.alpha, wrap=angle == "yaw")
            total = total + entropy + squared
            parts[f"{angle}_ce"], parts[f"{angle}_mse"] = entropy.detach(), squared.detach()
        return total, parts
