"""Pyramid, context modules and heads of the detector; weights are named as in RetinaFace-PyTorch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv_bn(inputs: int, outputs: int, kernel: int, slope: float | None, stride: int = 1) -> nn.Sequential:
    """Convolution without bias, BatchNorm, and LeakyReLU of ``slope`` (0 = ReLU, None = linear)."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    if slope is not None:
        layers.append(nn.LeakyReLU(slope, inplace=True))
    return nn.Sequential(*layers)


def leak(width: int) -> float:
    """Slope of the activations: narrow pyramids leak, wide ones are plain ReLU."""
    return 0.1 if width <= 64 else 0.0


class FPN(nn.Module):
    """Feature pyramid: 1x1 laterals, nearest upsample-add, 3x3 merge on the two finer levels."""

    def __init__(self, inputs: Sequence[int], width: int) -> None:
        super().__init__()
        slope = leak(width)
        self.output1 = conv_bn(inputs[0], width, 1, slope)
        self.output2 = conv_bn(inputs[1], width, 1, slope)
        self.output3 = conv_bn(inputs[2], width, 1, slope)
        self.merge1 = conv_bn(width, width, 3, slope)
        self.merge2 = conv_bn(width, width, 3, slope)

    def forward(self, taps: Sequence[Tensor]) -> list[Tensor]:
        """Three maps, fine to coarse, of equal width."""
        fine, middle, coarse = self.output1(taps[0]), self.output2(taps[1]), self.output3(taps[2])
        middle = self.merge2(middle + F.interpolate(coarse, size=middle.shape[-2:], mode="nearest"))
        fine = self.merge1(fine + F.interpolate(middle, size=fine.shape[-2:], mode="nearest"))
        return [fine, middle, coarse]


class SSH(nn.Module):
    """Context of one level: 3x3 (half of the width), 5x5 and 7x7 fields (a quarter each), of 3x3 convs."""

    def __init__(self, width: int) -> None:
        super().__init__()
        slope, quarter = leak(width), width // 4
        self.conv3X3 = conv_bn(width, width // 2, 3, None)
        self.conv5X5_1 = conv_bn(width, quarter, 3, slope)
        self.conv5X5_2 = conv_bn(quarter, quarter, 3, None)
        self.conv7X7_2 = conv_bn(quarter, quarter, 3, slope)
        self.conv7x7_3 = conv_bn(quarter, quarter, 3, None)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W) to the same shape."""
        shared = self.conv5X5_1(x)
        parts = [self.conv3X3(x), self.conv5X5_2(shared), self.conv7x7_3(self.conv7X7_2(shared))]
        return F.relu(torch.cat(parts, dim=1))


class AnchorHead(nn.Module):
    """``numbers`` outputs for each of the two anchors of a cell: one 1x1 convolution with bias."""

    def __init__(self, width: int, numbers: int, anchors: int = 2) -> None:
        super().__init__()
        self.numbers = numbers
        self.conv1x1 = nn.Conv2d(width, anchors * numbers, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W) to (B, H * W * anchors, numbers), in the order of make_anchors."""
        out: Tensor = self.conv1x1(x)
        return out.permute(0, 2, 3, 1).reshape(x.shape[0], -1, self.numbers)
