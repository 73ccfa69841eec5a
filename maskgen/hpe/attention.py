"""Attention blocks: CBAM (Woo et al. 2018), its modified spatial part, the global-local one of GLPose."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import UsageError

KINDS = ("modified", "cbam", "none")


class ChannelAttention(nn.Module):
    """Scales channels by sigmoid(MLP(mean) + MLP(max)), one MLP with ``reduction`` for both; CBAM eq. 2."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.mlp = nn.Sequential(
            nn.Linear(channels, hidden, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, channels, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        weight = torch.sigmoid(self.mlp(x.mean((2, 3))) + self.mlp(x.amax((2, 3))))
        return x * weight[:, :, None, None]


class SpatialAttention(nn.Module):
    """Scales positions by the sigmoid of convolutions over the channel mean and maximum.

    kernels: (7,) is CBAM eq. 3; (3, 5, 7) adds up three fields of view (the modified form).
    """

    def __init__(self, kernels: tuple[int, ...] = (7,)) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(2, 1, k, padding=k // 2, bias=False) for k in kernels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        maps = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1)
        weight = self.convs[0](maps)
        for conv in self.convs[1:]:
            weight = weight + conv(maps)
        return x * torch.sigmoid(weight)


class CBAM(nn.Sequential):
    """Channel attention, then spatial attention."""

    def __init__(self, channels: int, reduction: int = 16, kernels: tuple[int, ...] = (7,)) -> None:
        super().__init__(ChannelAttention(channels, reduction), SpatialAttention(kernels))


def attention_block(kind: str, channels: int) -> nn.Module:
    """``modified`` (3x3 + 5x5 + 7x7 spatial part), ``cbam`` or ``none``; UsageError for another kind."""
    if kind == "modified":
        return CBAM(channels, kernels=(3, 5, 7))
    if kind == "cbam":
        return CBAM(channels)
    if kind == "none":
        return nn.Identity()
    raise UsageError(f"attention {kind!r} is unknown; choose from {', '.join(KINDS)}")


class SelfAttention(nn.Module):
    """Single-head attention of every position to every other: 1x1 queries and keys of C/8, values of C.

    Its output has a learned gate that starts at zero (Zhang et al. 2019), so a pretrained trunk is unharmed.
    """

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        inner = max(1, channels // reduction)
        self.query = nn.Conv2d(channels, inner, 1)
        self.key = nn.Conv2d(channels, inner, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the gated attention output of the same shape, without the input added."""
        q, k, v = (layer(x).flatten(2) for layer in (self.query, self.key, self.value))
        weight = torch.softmax(q.transpose(1, 2) @ k / math.sqrt(q.shape[1]), dim=-1)
        out: Tensor = self.gate * (v @ weight.transpose(1, 2)).view_as(x)
        return out


class GLAM(nn.Module):
    """Global-local attention of GLPose: CBAM and self-attention side by side, outputs added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.local = CBAM(channels)
        self.wide = SelfAttention(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        out: Tensor = self.local(x) + self.wide(x)
        return out


class SeparableConv(nn.Sequential):
    """3x3 depthwise then 1x1 convolution, each with BatchNorm and ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
            nn.BatchNorm2d(inputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


def unit(x: Tensor, dim: int = -1) -> Tensor:
    """x scaled to length 1 along ``dim``, in float32 at least."""
    return F.normalize(x.float() if x.dtype in (torch.float16, torch.bfloat16) else x, dim=dim, eps=1e-8)
