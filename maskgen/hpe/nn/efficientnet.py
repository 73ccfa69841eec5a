"""EfficientNet-B0 (Tan and Le 2019) with the state-dict names of torchvision, without the classifier."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: kernel, stride, expansion, channels, repeats of the seven groups of blocks
_PLAN = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
#: indices of ``features`` whose maps are the last at strides 4, 8, 16, 32
_TAPS = (2, 3, 5, 8)


def _conv_bn(
    cin: int, cout: int, kernel: int, stride: int = 1, groups: int = 1, act: bool = True
) -> nn.Sequential:
    conv = nn.Conv2d(cin, cout, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
    layers: list[nn.Module] = [conv, nn.BatchNorm2d(cout)]
    return nn.Sequential(*layers, nn.SiLU(inplace=True)) if act else nn.Sequential(*layers)


class SqueezeExcitation(nn.Module):
    """Channel weights from the global mean."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        weight: Tensor = self.fc2(F.silu(self.fc1(x.mean((2, 3), keepdim=True))))
        return x * weight.sigmoid()


class MBConv(nn.Module):
    """Inverted residual block; ``drop`` is the chance that training skips it for an image."""

    def __init__(self, cin: int, cout: int, kernel: int, stride: int, expansion: int, drop: float) -> None:
        super().__init__()
        wide = cin * expansion
        layers: list[nn.Module] = [] if expansion == 1 else [_conv_bn(cin, wide, 1)]
        layers += [
            _conv_bn(wide, wide, kernel, stride, groups=wide),
            SqueezeExcitation(wide, max(1, cin // 4)),
            _conv_bn(wide, cout, 1, act=False),
        ]
        self.block = nn.Sequential(*layers)
        self.residual = stride == 1 and cin == cout
        self.drop = drop

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.block(x)
        if not self.residual:
            return y
        if self.training and self.drop > 0.0:
            keep = torch.rand(len(y), 1, 1, 1, device=y.device) >= self.drop
            y = y * keep.to(y.dtype) / (1.0 - self.drop)
        return x + y


class EfficientNet(nn.Module):
    """``forward`` gives the maps at strides 4, 8, 16, 32; the last has 1280 channels at width 1.

    width: multiplies all channel numbers; drop: stochastic depth at the last block, rising linearly to it.
    """

    def __init__(self, width: float = 1.0, drop: float = 0.2) -> None:
        super().__init__()

        def scaled(channels: int) -> int:
            return max(8, round(channels * width / 8) * 8)

        cin = scaled(32)
        features: list[nn.Module] = [_conv_bn(3, cin, 3, stride=2)]
        total, done = sum(plan[-1] for plan in _PLAN), 0
        channels = [cin]
        for kernel, stride, expansion, wide, repeats in _PLAN:
            blocks = []
            for i in range(repeats):
                rate = drop * done / total
                blocks.append(MBConv(cin, scaled(wide), kernel, stride if i == 0 else 1, expansion, rate))
                cin, done = scaled(wide), done + 1
            features.append(nn.Sequential(*blocks))
            channels.append(cin)
        features.append(_conv_bn(cin, 4 * cin, 1))
        channels.append(4 * cin)
        self.features = nn.Sequential(*features)
        self.channels = tuple(channels[i] for i in _TAPS)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for i, layer in enumerate(self.features):
            x = layer(x)
            if i in _TAPS:
                maps.append(x)
        return maps


def efficientnet_b0(width: float = 1.0) -> EfficientNet:
    """4,007,548 parameters."""
    return EfficientNet(width)
