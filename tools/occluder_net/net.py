"""The two networks, in torch, and their way into files that OpenCV reads."""

from __future__ import annotations

import copy
import gzip
import io
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from maskgen.paint.occluder_frame import CHANNELS, SIDE

#: channels at 1/2, 1/4, 1/8 and 1/16 of the crop's resolution. The glance: 220,000 weights, 12 million
#: multiply-adds; OpenCV is quicker with 64 channels than with 48, and slow at 1/2 and 1/4, where there is as
#: little as will do. The look: 193,000 weights, 18 million multiply-adds
GLANCE, LOOK = (16, 24, 64, 64), (16, 32, 48, 64)


def _block(into: int, out: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(into, out, size, stride, size // 3, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)
    )


class _Inner(nn.Module):
    """What both networks have below half of the crop's resolution: three steps down, two of them up again."""

    def __init__(self, widths: tuple[int, int, int, int]) -> None:
        super().__init__()
        a, b, d, e = widths
        self.e1 = nn.Sequential(_block(a, b, 3, 2), _block(b, b))
        self.e2 = nn.Sequential(_block(b, d, 3, 2), _block(d, d))
        self.e3 = nn.Sequential(_block(d, e, 3, 2), _block(e, e), _block(e, e))
        self.p2, self.p1, self.p0 = nn.Conv2d(e, d, 1), nn.Conv2d(d, b, 1), nn.Conv2d(b, a, 1)
        self.d2, self.d1 = _block(d, d), _block(b, b)

    def merged(self, x0: Tensor) -> Tensor:
        """``x0`` (n, a, SIDE / 2, SIDE / 2) with what the coarser levels say added."""
        x1 = self.e1(x0)
        x2 = self.e2(x1)
        y = self.d2(_twice(self.p2(self.e3(x2))) + x2)
        y = self.d1(_twice(self.p1(y)) + x1)
        return _twice(self.p0(y)) + x0


class Glance(_Inner):
    """Log odds that something is in front, from (n, CHANNELS, SIDE, SIDE): what every face gets.

    They come as (n, 4, SIDE / 2, SIDE / 2), the four pixels of each square of two by two as channels: OpenCV
    takes longer over putting them in their places than NumPy.
    """

    def __init__(self) -> None:
        super().__init__(GLANCE)
        self.e0 = _block(CHANNELS, GLANCE[0], 2, 2)
        self.head = nn.Conv2d(GLANCE[0], 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(functional.relu(self.merged(self.e0(x))))


class Look(_Inner):
    """The same in the same form: for a face before which the glance suspects something."""

    def __init__(self) -> None:
        super().__init__(LOOK)
        a = LOOK[0]
        self.e0 = nn.Sequential(_block(CHANNELS, a, 3, 2), _block(a, a))
        self.d0 = _block(a, a)
        self.head = nn.Conv2d(a, 4, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.d0(self.merged(self.e0(x))))


def log_odds(squares: Tensor) -> Tensor:
    """(n, SIDE, SIDE) of what a network returns."""
    return functional.pixel_shuffle(squares, SIDE // squares.shape[-1])[:, 0]


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="nearest")


def _folded(net: nn.Module) -> nn.Module:
    """A copy with normalisations folded into the convolutions, and weights rounded to 11 significant bits.

    Rounded so far they change no decision, and the file packs to half its size.
    """
    net = copy.deepcopy(net).eval()
    for block in net.modules():
        if isinstance(block, nn.Sequential) and isinstance(block[0], nn.Conv2d):
            block[0], block[1] = fuse_conv_bn_eval(block[0], block[1]), nn.Identity()
    with torch.no_grad():
        for weight in net.parameters():
            mantissa, exponent = torch.frexp(weight)
            weight.copy_(torch.ldexp(torch.round(mantissa * 2048.0) / 2048.0, exponent))
    return net


def save_onnx(net: nn.Module, path: Path) -> None:
    """Write ``net`` as `maskgen.paint.occluder_net` reads it: ONNX packed by gzip."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's newer exporter needs two more packages
        torch.onnx.export(_folded(net), (torch.zeros(1, CHANNELS, SIDE, SIDE),), out, dynamo=False)
    path.write_bytes(gzip.compress(out.getvalue(), mtime=0))
