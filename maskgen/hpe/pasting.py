"""Masks pasted at training time, on the device: a coloured patch over nose, mouth and chin by 68 landmarks.

An augmentation, not a twin: flat cloth with soft edges, folds and the face's own light, drawn anew each step.
What is to be measured or published is painted by maskgen.apply; this only keeps a network from relying on
what a mask would hide, at no cost in disk.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

#: RGB of common masks: surgical blue and green, white, black, grey, navy, and one cloth red
COLOURS = (
    (150, 190, 215), (150, 200, 185), (235, 235, 235), (35, 35, 38), (120, 120, 122),
    (45, 55, 90), (150, 60, 60),
)  # fmt: skip
#: jaw landmarks of the rim, from below one ear to below the other
_RIM = tuple(range(2, 15))


def paste_masks(images: Tensor, landmarks: Tensor, which: Tensor, generator: torch.Generator) -> Tensor:
    """The pictures with masks where ``which`` (b,) says so and all landmarks are known.

    images: (b, 3, s, s) RGB in 0..255. landmarks: (b, 68, 2) in [0, 1] of the picture, nan = unknown.
    """
    known = torch.isfinite(landmarks).all(dim=-1).all(dim=-1)
    some = rows_of(which & known)
    # draws do not depend on who is masked, so that one picture's landmarks cannot change another's look
    draw = torch.rand(len(images), 12, generator=generator, device=images.device)
    if len(some) == 0:
        return images
    size, d = images.shape[-1], draw[some]
    x = images[some]
    alpha = _coverage(_corners(landmarks[some], d), size)
    cloth = _cloth(x, landmarks[some][:, list(_RIM)], alpha, d)
    masked = torch.where((which & known)[some].view(-1, 1, 1, 1), x + alpha * (cloth - x), x)
    return images.index_copy(0, some, masked)


def rows_of(which: Tensor) -> Tensor:
    """Rows to work on so that those of ``which`` are done: just these on a CPU, all on a GPU.

    To know how many there are, a GPU would have to finish everything it was given before, every step.
    """
    if which.device.type == "cpu":
        return torch.nonzero(which)[:, 0]
    return torch.arange(len(which), device=which.device)


def _corners(landmarks: Tensor, d: Tensor) -> Tensor:
    """(b, k, 2) points that the cloth reaches: jaw, mouth, nose tip, and a place on the nose ridge."""
    rim = landmarks[:, list(_RIM)]
    ridge = landmarks[:, 27:31]
    height = 0.8 + 1.7 * d[:, 0]
    low = height.floor().clamp(max=2).long()
    part = (height - low)[:, None]
    who = torch.arange(len(rim), device=rim.device)
    top = ridge[who, low] * (1 - part) + ridge[who, low + 1] * part
    start = (d[:, 1] * 2.5).floor().long()[:, None]  # 0 to 2: how far below the ears the sides begin
    index = torch.arange(rim.shape[1], device=rim.device)[None]
    index = torch.maximum(torch.minimum(index, rim.shape[1] - 1 - start), start)
    jaw = rim.gather(1, index.unsqueeze(-1).expand(-1, -1, 2))
    rest = landmarks[:, [30, 48, 51, 54, 57]]
    cloth = torch.cat([jaw, rest], dim=1)
    centre = cloth.mean(dim=1, keepdim=True)
    grow = (0.98 + 0.08 * d[:, 2]).view(-1, 1, 1)
    return torch.cat([centre + (cloth - centre) * grow, top[:, None]], dim=1)


def _coverage(corners: Tensor, size: int) -> Tensor:
    """(b, 1, s, s) in 0..1: inside of the convex hull of points (b, k, 2), with an edge one pixel soft.

    The hull is what no half plane of 48 directions cuts off; its corners are rounded outward by a per cent.
    """
    angle = torch.arange(48, device=corners.device, dtype=torch.float32) * (2.0 * math.pi / 48)
    normal = torch.stack([angle.cos(), angle.sin()])
    reach = (corners @ normal).amax(dim=1)
    step = (torch.arange(size, device=corners.device, dtype=torch.float32) + 0.5) / size
    across = step[:, None] * normal[0], step[:, None] * normal[1]
    inner: Tensor | None = None
    for k in range(48):
        gap = reach[:, k].view(-1, 1, 1) - across[0][:, k].view(1, 1, -1) - across[1][:, k].view(1, -1, 1)
        inner = gap if inner is None else torch.minimum(inner, gap)
    assert inner is not None
    return (inner * size + 0.5).clamp(0.0, 1.0).unsqueeze(1)


def _cloth(x: Tensor, rim: Tensor, alpha: Tensor, d: Tensor) -> Tensor:
    """(b, 3, s, s): colour, folds along the jaw, shade towards the rim, and the light of the face below."""
    n, size = len(x), x.shape[-1]
    palette = x.new_tensor(COLOURS)
    own = palette[(d[:, 3] * len(COLOURS)).long().clamp(max=len(COLOURS) - 1)]
    anything = 255.0 * d[:, 4:7]
    colour = torch.where(d[:, 7:8] < 0.3, anything, own).view(n, 3, 1, 1)
    step = (torch.arange(size, device=x.device, dtype=torch.float32) + 0.5) / size
    axis = rim[:, 6] - rim[:, [0, -1]].mean(dim=1)  # from between the ears to the chin
    length = axis.norm(dim=1).clamp(min=1e-3).view(n, 1, 1)
    start = rim[:, [0, -1]].mean(dim=1)
    ux, uy = (axis[:, i].view(n, 1, 1) / length for i in (0, 1))
    along = (step.view(1, 1, size) - start[:, 0].view(n, 1, 1)) * ux
    along = (along + (step.view(1, size, 1) - start[:, 1].view(n, 1, 1)) * uy) / length
    depth = (d[:, 8] * (d[:, 9] < 0.6)).view(n, 1, 1) * 0.12
    folds = 1.0 + depth * torch.sin(2.0 * math.pi * (3.0 + d[:, 10].view(n, 1, 1)) * along)
    light = x.mean(dim=1, keepdim=True)
    soft = torch.nn.functional.avg_pool2d(light, 9, stride=1, padding=4, count_include_pad=False)
    mean = (soft * alpha).sum(dim=(2, 3), keepdim=True) / alpha.sum(dim=(2, 3), keepdim=True).clamp(min=1.0)
    share = 0.35 + 0.5 * d[:, 11].view(n, 1, 1, 1)
    shade = 1.0 + share * (soft / mean.clamp(min=8.0) - 1.0).clamp(-0.7, 0.7)
    return (colour * folds.unsqueeze(1) * shade).clamp(0.0, 255.0)
