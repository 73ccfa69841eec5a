"""fastpose: the small baseline of this project, for CPUs and for quick experiments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from ..contract import HeadPoseModel, InputSpec, ModelCard, Output, Targets
from ..losses import geodesic_loss
from ..registry import register
from ..rotations import six_d_to_matrix


class _Residual(nn.Module):
    """Two 3x3 convolutions with BatchNorm around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(x + self.bn2(self.conv2(y)))


@register("fastpose")
class FastPose(HeadPoseModel):
    """Four strided convolutions with a residual block each at the coarser three, then 6D and Gram-Schmidt.

    Plain 3x3 convolutions throughout: on a CPU they run several times faster per operation than depthwise
    ones. The last map is not averaged but read position by position, since at 64 px where a feature lies
    says more about the pose than how much of it there is. width: multiplies the channel numbers.
    """

    card = ModelCard(
        title="fastpose",
        paper="this project's baseline; 6D form after Zhou et al., CVPR 2019",
        year=2025,
        licence="MIT",
        notes="Adam 4e-3, batch 64, cosine.",
    )
    input_spec = InputSpec(size=64, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), crop="fsanet")
    tiny: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, *, width: float = 1.0, dropout: float = 0.0) -> None:
        super().__init__()
        w1, w2, w3, w4 = (max(8, round(c * width / 8) * 8) for c in (16, 32, 64, 128))

        def down(cin: int, cout: int) -> list[nn.Module]:
            conv = nn.Conv2d(cin, cout, 3, stride=2, padding=1, bias=False)
            return [conv, nn.BatchNorm2d(cout), nn.ReLU(inplace=True)]

        self.features = nn.Sequential(
            *down(3, w1), *down(w1, w2), _Residual(w2),
            *down(w2, w3), _Residual(w3), *down(w3, w4), _Residual(w4),
        )  # fmt: skip
        self.squeeze = nn.Conv2d(w4, 32, 1)
        self.hidden = nn.Linear(4 * 4 * 32, 128)
        self.dropout = nn.Dropout(dropout)
        self.six = nn.Linear(128, 6)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        # start at the frontal pose, the middle of every data set
        nn.init.normal_(self.six.weight, std=0.01)
        self.six.bias.data.copy_(self.six.bias.new_tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]))

    def forward(self, images: Tensor, targets: Targets | None = None) -> Output:
        self.check_images(images)
        x = F.relu(self.squeeze(self.features(images))).flatten(1)
        six = self.six(self.dropout(F.relu(self.hidden(x))))
        return Output.from_matrix(six_d_to_matrix(six), six=six)

    def loss(self, output: Output, targets: Targets) -> tuple[Tensor, dict[str, Tensor]]:
        loss = geodesic_loss(output.R, targets["R"])
        return loss, {"geodesic": loss.detach()}
