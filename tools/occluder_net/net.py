"""The network, in torch, and its way into a file that OpenCV reads."""

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

#: channels at 1/2, 1/4, 1/8 and 1/16 of the crop's resolution: 193,000 weights, 18 million multiply-adds
WIDTHS = (16, 32, 48, 64)


def _block(into: int, out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(into, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)
    )


class Net(nn.Module):
    """Log odds (n, SIDE, SIDE) that something is in front, from (n, CHANNELS, SIDE, SIDE)."""

    def __init__(self) -> None:
        super().__init__()
        a, b, d, e = WIDTHS
        self.e0 = nn.Sequential(_block(CHANNELS, a, 2), _block(a, a))
        self.e1 = nn.Sequential(_block(a, b, 2), _block(b, b))
        self.e2 = nn.Sequential(_block(b, d, 2), _block(d, d))
        self.e3 = nn.Sequential(_block(d, e, 2), _block(e, e), _block(e, e))
        self.p2, self.p1, self.p0 = nn.Conv2d(e, d, 1), nn.Conv2d(d, b, 1), nn.Conv2d(b, a, 1)
        self.d2, self.d1, self.d0 = _block(d, d), _block(b, b), _block(a, a)
        self.head = nn.Conv2d(a, 4, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x0 = self.e0(x)
        x1 = self.e1(x0)
        x2 = self.e2(x1)
        y = self.d2(_twice(self.p2(self.e3(x2))) + x2)
        y = self.d1(_twice(self.p1(y)) + x1)
        y = self.d0(_twice(self.p0(y)) + x0)
        return functional.pixel_shuffle(self.head(y), 2)[:, 0]


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="nearest")


def _folded(net: Net) -> Net:
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


def save_onnx(net: Net, path: Path) -> None:
    """Write ``net`` as `maskgen.paint.occluder_net` reads it: ONNX packed by gzip."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's newer exporter needs two more packages
        torch.onnx.export(_folded(net), (torch.zeros(1, CHANNELS, SIDE, SIDE),), out, dynamo=False)
    path.write_bytes(gzip.compress(out.getvalue(), mtime=0))
