"""ResNet-18, -34 and -50 (He et al. 2016), without classifier, with torchvision's state-dict names."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


def _conv(cin: int, cout: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(cin, cout, kernel, stride, padding=kernel // 2, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and the shortcut."""

    expansion = 1

    def __init__(self, cin: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(cin, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _conv(width, width, 3), nn.BatchNorm2d(width)
        self.downsample = _shortcut(cin, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(y)) + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1, 3x3 (which carries the stride, as in torchvision), 1x1 to four times the width."""

    expansion = 4

    def __init__(self, cin: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(cin, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _conv(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = _conv(width, 4 * width, 1), nn.BatchNorm2d(4 * width)
        self.downsample = _shortcut(cin, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        return F.relu(self.bn3(self.conv3(y)) + (x if self.downsample is None else self.downsample(x)))


def _shortcut(cin: int, cout: int, stride: int) -> nn.Module | None:
    if stride == 1 and cin == cout:
        return None
    return nn.Sequential(_conv(cin, cout, 1, stride), nn.BatchNorm2d(cout))


class ResNet(nn.Module):
    """Stages layer1..layer4 at strides 4, 8, 16, 32; ``forward`` gives all four maps.

    block, depths: the kind; width: multiplies all channel numbers (1 = the published network).
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        depths: tuple[int, int, int, int],
        width: float = 1.0,
    ) -> None:
        super().__init__()
        widths = [max(8, round(64 * width * 2**i)) for i in range(4)]
        self.conv1 = nn.Conv2d(3, widths[0], 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        cin = widths[0]
        for i, (depth, wide) in enumerate(zip(depths, widths, strict=True)):
            blocks = []
            for j in range(depth):
                blocks.append(block(cin, wide, 2 if i > 0 and j == 0 else 1))
                cin = wide * block.expansion
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
        self.channels = tuple(w * block.expansion for w in widths)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def stem(self, x: Tensor) -> Tensor:
        """The map at stride 4 that layer1 takes."""
        pooled: Tensor = self.maxpool(F.relu(self.bn1(self.conv1(x)), inplace=True))
        return pooled

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem(x)
        maps = []
        for i in (1, 2, 3, 4):
            x = self.get_submodule(f"layer{i}")(x)
            maps.append(x)
        return maps


def resnet18(width: float = 1.0) -> ResNet:
    """11,176,512 parameters."""
    return ResNet(BasicBlock, (2, 2, 2, 2), width)


def resnet34(width: float = 1.0) -> ResNet:
    """21,284,672 parameters."""
    return ResNet(BasicBlock, (3, 4, 6, 3), width)


def resnet50(width: float = 1.0) -> ResNet:
    """23,508,032 parameters."""
    return ResNet(Bottleneck, (3, 4, 6, 3), width)
