"""Long hair beside a face and over its rim, strand by strand: the lesson of the network that looks for it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .bare import outlines
from .surfaces import F32, Array, N, any_colour, noise


def _bent(rng: np.random.Generator, size: float, knots: int) -> NDArray[np.float64]:
    """A smooth line of offsets (N,), px."""
    return np.interp(np.arange(N), np.linspace(0, N, knots), rng.normal(0, size, knots))


def tresses(rng: np.random.Generator, linear: NDArray, maps: F32, hair: Array) -> tuple[NDArray, F32]:
    """``linear`` (N, N, 3) with hair down one side of the face, and how far that covers it (N, N)."""
    right = rng.random() < 0.5
    found = outlines(maps)
    if found is None:
        return linear, np.zeros((N, N), np.float32)
    edge = found[1][int(right)].astype(np.float64)
    out = 1.0 if right else -1.0
    # above the cheek hair does not follow the face inward, below it falls straighter than the outline
    cheek = int(np.clip(rng.normal(0.35 * N, 12), 10, N - 10))
    above = out * np.maximum.accumulate(out * edge[cheek::-1])[::-1]
    edge = np.concatenate([above, edge[cheek + 1 :]])
    hang = edge + (edge[cheek] - edge) * (np.arange(N) > cheek) * rng.uniform(0.0, 1.1)
    hang = hang + _bent(rng, rng.uniform(0, 4), 5)
    inset, wide = rng.uniform(-6, 28) if rng.random() < 0.8 else rng.uniform(10, 55), rng.uniform(15, 90)
    reach = N + 20 if rng.random() < 0.7 else rng.uniform(0.4, 1.0) * N
    curl, long = rng.uniform(0, 7) * (rng.random() < 0.5), rng.uniform(22, 70)
    loose = rng.uniform(0.5, 6)
    alpha, tone = np.zeros((N, N), np.uint8), np.ones((N, N), np.float32)
    y = np.linspace(-12, N + 12, 40)
    rows = np.clip(y, 0, N - 1).astype(int)
    for _ in range(int(rng.integers(90, 420))):
        off = -inset + (inset + wide) * rng.beta(1.0, rng.uniform(1.0, 2.5)) + rng.normal(0, loose)
        x = hang[rows] + out * off + rng.normal(0, loose) * np.sin(y / N * 3 + rng.uniform(0, 6))
        x = x + curl * np.sin(2 * np.pi * y / long + 0.06 * off + rng.normal(0, 0.4))
        last = int(np.searchsorted(y, reach + rng.normal(0, 12)))
        first = int(rng.integers(0, 6)) if rng.random() < 0.85 else int(rng.integers(0, 30))
        if last - first < 3:
            continue
        way = np.round(np.stack([x, y], 1)[first:last] * 16).astype(np.int32)
        thick = int(rng.choice([1, 1, 2, 3]))
        cv2.polylines(alpha, [way], False, 255, thick, cv2.LINE_AA, 4)
        cv2.polylines(
            tone, [way], False, float(np.exp(rng.normal(0, 0.4))), max(thick - 1, 1), cv2.LINE_AA, 4
        )
    if rng.random() < 0.7:  # nothing shines through where hair is thick
        full = (np.arange(N)[None] - hang[:, None]) * out
        full = (full > -inset + rng.uniform(2, 10)) & (full < wide) & (np.arange(N)[:, None] < reach)
        alpha = np.maximum(alpha, (full * 255).astype(np.uint8))
    a = (alpha / np.float32(255)).astype(np.float32)
    if rng.random() < 0.5:
        a = cv2.GaussianBlur(a, (0, 0), rng.uniform(0.4, 1.6))
    if rng.random() < 0.1:
        hair = any_colour(rng)
    shine = np.exp(rng.uniform(0, 0.6) * noise(rng, (5, 2)) + rng.uniform(0, 0.4) * noise(rng, (8, 8)))
    colour = hair * (tone ** rng.uniform(0.4, 1.3) * shine)[..., None]
    return linear * (1 - a[..., None]) + colour * a[..., None], a
