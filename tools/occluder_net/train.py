"""Learn a network from samples: light varied further on the fly, one cosine of learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from maskgen.paint.occluder_frame import FACE_X, SIDE

from .net import log_odds

BATCH, RATE = 32, 2.2e-3


def _weight(x: Tensor, label: Tensor) -> Tensor:
    """What each pixel counts: all of the lower face, less of what lies round it, nothing where unsure."""
    near = torch.where(x[:, 6] > -0.4, 1.0, 0.25) * torch.where(x[:, 10] > -0.55, 1.0, 0.3)
    return near * (label < 2)


@lru_cache(maxsize=8)
def _enlarging(cells: int) -> Tensor:
    """(SIDE, cells): bicubic enlargement along one axis."""
    column = torch.eye(cells)[:, None, :, None]
    return functional.interpolate(column, size=(SIDE, 1), mode="bicubic")[:, 0, :, 0].T.contiguous()


def _field(count: int, cells: int, channels: int = 1) -> Tensor:
    """Smooth noise (count, channels, SIDE, SIDE) of so many cells a side."""
    larger = _enlarging(cells)
    return larger @ torch.randn(count, channels, cells, cells) @ larger.T


def _any(n: int) -> Tensor:
    return torch.rand(n, 1, 1, 1)


def _edge(n: int) -> Tensor:
    """Distance from the edge of a shadow: straight, bent, or a ragged island."""
    angle = _any(n) * 2 * math.pi
    y, x = torch.meshgrid(torch.linspace(-2, 2, SIDE), torch.linspace(-2, 2, SIDE), indexing="ij")
    straight = x * torch.cos(angle) + y * torch.sin(angle) + 0.7 * torch.randn(n, 1, 1, 1)
    return straight * (_any(n) < 0.7) + _field(n, 3) * _any(n) + 0.25 * _field(n, 9) * _any(n)


def relight(x: Tensor) -> Tensor:
    """Other light on the same samples (n, CHANNELS, SIDE, SIDE), in place: it is no sign of a thing."""
    n = len(x)
    inside = (x[:, 11:12] > 0.5).float()
    soft = _field(n, 4, 3) * 1.1 * _any(n) * (_any(n) < 0.7) * inside
    x[:, 0] += 0.5 * soft[:, 0]
    x[:, 3] += 0.25 * soft[:, 0]
    for c in (1, 2):
        x[:, c] += 0.12 * soft[:, c]
        x[:, c + 3] += 0.12 * soft[:, c]
    stops = torch.where(_any(n) < 0.85, -3.0 * _any(n), 1.2 * _any(n))
    cast = torch.sigmoid(_edge(n) * torch.exp(3.2 * _any(n))) * stops * (_any(n) < 0.5) * inside
    cast = cast[:, 0]
    x[:, 0] = (x[:, 0] + 0.5 * cast).clamp(-2.0, 1.5)
    x[:, 3] += 0.25 * cast
    x[:, 1] -= 0.04 * cast * torch.randn(n, 1, 1)
    x[:, 2] -= 0.05 * cast
    x[:, 5] -= 0.05 * cast
    # the skin that colours are compared with may be in another light, too
    x[:, :3] += torch.randn(n, 3, 1, 1) * torch.tensor([0.21, 0.09, 0.11]).view(1, 3, 1, 1) * inside
    return x


def _turned(x: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Half of the samples in a mirror."""
    half = torch.rand(len(x)) < 0.5
    x[half] = x[half].flip(-1)
    x[half, FACE_X] *= -1.0
    label[half] = label[half].flip(-1)
    return x, label


def loss_of(odds: Tensor, x: Tensor, label: Tensor) -> Tensor:
    """Cross entropy, and how little the two regions overlap (soft Dice)."""
    weight, wanted = _weight(x, label), (label == 1).float()
    entropy = functional.binary_cross_entropy_with_logits(odds, wanted, reduction="none")
    chance = torch.sigmoid(odds) * weight
    overlap = (2 * (chance * wanted).sum() + 20) / ((chance + wanted * weight).sum() + 20)
    return (entropy * weight).sum() / weight.sum() + 0.3 * (1 - overlap)


def learn(
    net: nn.Module, inputs: NDArray[np.float16], labels: NDArray[np.uint8], steps: int, seed: int,
    say: Callable[[int, float], None],
) -> None:  # fmt: skip
    """Teach ``net`` with ``steps`` batches of inputs (n, CHANNELS, SIDE, SIDE) and labels (n, SIDE, SIDE)."""
    rng = np.random.default_rng(seed)
    net.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters(), RATE, weight_decay=1e-3)
    order, at, mean = rng.permutation(len(inputs)), 0, 0.0
    for step in range(steps):
        rate = RATE * min(1.0, step / 100 + 0.01) * (0.5 + 0.5 * math.cos(math.pi * step / steps)) + 1e-5
        for group in optimizer.param_groups:
            group["lr"] = rate
        if at + BATCH > len(order):
            order, at = rng.permutation(len(inputs)), 0
        i, at = np.sort(order[at : at + BATCH]), at + BATCH
        x, label = _turned(
            relight(torch.from_numpy(inputs[i].astype(np.float32))), torch.from_numpy(labels[i])
        )
        odds = log_odds(net(x.contiguous(memory_format=torch.channels_last)))
        loss = loss_of(odds, x, label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        mean += (float(loss.detach()) - mean) / min(step + 1, 50)
        if step % 50 == 49:
            say(step + 1, mean)
