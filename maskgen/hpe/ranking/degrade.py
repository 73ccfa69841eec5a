"""Strong degradations the ranking network is trained under: brightness, blur, motion blur, noise.

On the device, a whole batch at once, from one generator. The paper names the four kinds and gives no numbers;
the ranges here go from nothing to a face that is just about readable at 64 px.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import UsageError

#: added to pixels of 0..1
BRIGHTNESS = 0.4
#: standard deviation of the Gaussian, and length of the motion, as fractions of the picture's side
BLUR = 0.02
MOTION = 0.08
#: standard deviation of the noise
NOISE = 0.1


def _uniform(n: int, generator: torch.Generator, device: torch.device) -> Tensor:
    return torch.rand(n, generator=generator, device=generator.device).to(device)


def _depthwise(images: Tensor, kernels: Tensor) -> Tensor:
    """Each image (B, C, H, W) convolved with its own kernel (B, K, K), edges repeated."""
    b, c, h, w = images.shape
    k = kernels.shape[-1]
    padded = F.pad(images, (k // 2,) * 4, mode="replicate").reshape(1, b * c, h + k - 1, w + k - 1)
    weight = kernels.repeat_interleave(c, 0)[:, None]
    return F.conv2d(padded, weight, groups=b * c).view(b, c, h, w)


def _grid(radius: int, device: torch.device) -> tuple[Tensor, Tensor]:
    r = torch.arange(-radius, radius + 1, dtype=torch.float32, device=device)
    y, x = torch.meshgrid(r, r, indexing="ij")
    return x[None], y[None]


def gaussian_kernels(sigma: Tensor, radius: int) -> Tensor:
    """(B, K, K) of standard deviations ``sigma`` (B,) in pixels; 0 leaves the image as it is."""
    x, y = _grid(radius, sigma.device)
    k = torch.exp(-(x**2 + y**2) / (2 * sigma.clamp_min(1e-3)[:, None, None] ** 2))
    return k / k.sum((1, 2), keepdim=True)


def motion_kernels(length: Tensor, angle: Tensor, radius: int) -> Tensor:
    """(B, K, K): straight strokes of ``length`` (B,) pixels at ``angle`` (B,) radians; 0 = no motion."""
    x, y = _grid(radius, length.device)
    c, s = angle.cos()[:, None, None], angle.sin()[:, None, None]
    along, across = x * c + y * s, -x * s + y * c
    half = length[:, None, None] / 2
    stroke = (half + 0.5 - along.abs()).clamp(0, 1) * (1 - across.abs()).clamp(0, 1)
    stroke = stroke / stroke.sum((1, 2), keepdim=True)
    # a stroke at an angle is never quite one pixel: below a pixel's length it fades into none at all
    still = ((x == 0) & (y == 0)).to(stroke.dtype)
    share = length.clamp(max=1)[:, None, None]
    return share * stroke + (1 - share) * still


def degrade(images: Tensor, generator: torch.Generator, probability: float = 0.5) -> Tensor:
    """Pictures of a batch with each of the four degradations applied at ``probability`` of its own.

    images: (B, C, H, W) float in 0..1. Strengths are uniform from nothing to the full range. The result is
    clipped to 0..1. Raises UsageError for a probability outside 0..1.
    """
    if not 0.0 <= probability <= 1.0:
        raise UsageError(f"degradation probability is between 0 and 1, got {probability}")
    b, _, h, w = images.shape
    device = images.device
    draw = [_uniform(b, generator, device) for _ in range(9)]
    on = [(u < probability).to(images.dtype) for u in draw[:4]]
    out = images + ((2 * draw[4] - 1) * BRIGHTNESS * on[0])[:, None, None, None]
    side = max(h, w)
    sigma = draw[5] * BLUR * side * on[1]
    out = _depthwise(out, gaussian_kernels(sigma, max(1, math.ceil(2.5 * BLUR * side))))
    length = draw[6] * MOTION * side * on[2]
    out = _depthwise(out, motion_kernels(length, draw[7] * math.pi, max(1, math.ceil(MOTION * side / 2) + 1)))
    noise = torch.randn(images.shape, generator=generator, device=generator.device).to(device)
    out = out + noise * (draw[8] * NOISE * on[3])[:, None, None, None]
    return out.clamp(0.0, 1.0)
