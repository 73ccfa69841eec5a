"""RepVGG-A0 and -B1g2 (Ding et al. 2021) in training and fused form, with the released state-dict names.

A block is trained as the sum of a 3x3 convolution, a 1x1 convolution and the identity, each with its own
BatchNorm. All three are linear at inference, so they add up to one 3x3 convolution with bias.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _conv_bn(cin: int, cout: int, kernel: int, stride: int, groups: int) -> nn.Sequential:
    conv = nn.Conv2d(cin, cout, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm2d(cout)))


def _folded(weight: Tensor, bn: Any) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution with the BatchNorm2d behind it folded in."""
    gain = bn.weight / (bn.running_var + bn.eps).sqrt()
    return weight * gain[:, None, None, None], bn.bias - bn.running_mean * gain


class RepVGGBlock(nn.Module):
    """One block; ``fuse()`` turns it into its inference form for good."""

    def __init__(self, cin: int, cout: int, stride: int, groups: int = 1) -> None:
        super().__init__()
        self.shape = (cin, cout, stride, groups)
        self.rbr_identity = nn.BatchNorm2d(cin) if cin == cout and stride == 1 else None
        self.rbr_dense = _conv_bn(cin, cout, 3, stride, groups)
        self.rbr_1x1 = _conv_bn(cin, cout, 1, stride, groups)

    def forward(self, x: Tensor) -> Tensor:
        if hasattr(self, "rbr_reparam"):
            return F.relu(self.rbr_reparam(x))
        y = self.rbr_dense(x) + self._pointwise(x)
        return F.relu(y if self.rbr_identity is None else y + self.rbr_identity(x))

    def _pointwise(self, x: Tensor) -> Tensor:
        """The 1x1 branch. With a stride it reads every stride-th pixel, and is computed on those alone.

        torch 2.13 on a CPU writes beyond its memory in the backward pass of a 1x1 convolution that has a
        stride, fewer than 8 input channels and channels-last memory: the stem of every RepVGG.
        """
        conv, bn = cast(nn.Conv2d, self.rbr_1x1[0]), self.rbr_1x1[1]
        stride = self.shape[2]
        y: Tensor = bn(F.conv2d(x[..., ::stride, ::stride], conv.weight, groups=conv.groups))
        return y

    @torch.no_grad()
    def fuse(self) -> None:
        """Replace the branches by the one convolution they amount to in eval mode."""
        if hasattr(self, "rbr_reparam"):
            return
        cin, cout, stride, groups = self.shape
        dense, point = dict(self.rbr_dense.named_children()), dict(self.rbr_1x1.named_children())
        weight, bias = _folded(cast(Tensor, dense["conv"].weight), dense["bn"])
        small, small_bias = _folded(cast(Tensor, point["conv"].weight), point["bn"])
        weight, bias = weight + F.pad(small, [1, 1, 1, 1]), bias + small_bias
        if self.rbr_identity is not None:
            eye = torch.zeros_like(weight)
            rows = torch.arange(cout)
            eye[rows, rows % (cin // groups), 1, 1] = 1.0
            unit, unit_bias = _folded(eye, self.rbr_identity)
            weight, bias = weight + unit, bias + unit_bias
        conv = nn.Conv2d(cin, cout, 3, stride, padding=1, groups=groups).to(weight.device, weight.dtype)
        conv.weight.copy_(weight)
        conv.bias.copy_(bias)  # type: ignore[union-attr]
        del self.rbr_dense, self.rbr_1x1, self.rbr_identity
        self.rbr_reparam = conv.requires_grad_(False)


class RepVGG(nn.Module):
    """Stem at stride 2 and stages 1..4 at strides 4, 8, 16, 32; ``forward`` gives the four stage maps.

    depths, widths: of stages 1..4; grouped: groups of every second block (B1g2 has 2).
    """

    def __init__(self, depths: tuple[int, ...], widths: tuple[int, ...], grouped: int = 1) -> None:
        super().__init__()
        cin = min(64, widths[0])
        self.stage0 = RepVGGBlock(3, cin, 2)
        layer = 1
        for i, (depth, wide) in enumerate(zip(depths, widths, strict=True)):
            blocks = []
            for j in range(depth):
                # blocks are counted through the whole network, the stem being number 0
                groups = grouped if layer % 2 == 0 else 1
                blocks.append(RepVGGBlock(cin, wide, 2 if j == 0 else 1, groups))
                cin, layer = wide, layer + 1
            setattr(self, f"stage{i + 1}", nn.Sequential(*blocks))
        self.channels = widths

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stage0(x)
        maps = []
        for i in (1, 2, 3, 4):
            x = self.get_submodule(f"stage{i}")(x)
            maps.append(x)
        return maps

    def fuse(self) -> None:
        """Bring every block into its inference form."""
        for module in self.modules():
            if isinstance(module, RepVGGBlock):
                module.fuse()


def _widths(factors: tuple[float, ...], width: float) -> tuple[int, ...]:
    return tuple(
        max(8, round(base * f * width / 8) * 8) for base, f in zip((64, 128, 256, 512), factors, strict=True)
    )


def repvgg_a0(width: float = 1.0) -> RepVGG:
    """Stages 2-4-14-1, widths 48-96-192-1280."""
    return RepVGG((2, 4, 14, 1), _widths((0.75, 0.75, 0.75, 2.5), width))


def repvgg_b1g2(width: float = 1.0) -> RepVGG:
    """Stages 4-6-16-1, widths 128-256-512-2048, every second block in 2 groups; 43,733,376 parameters."""
    return RepVGG((4, 6, 16, 1), _widths((2.0, 2.0, 2.0, 4.0), width), grouped=2)
