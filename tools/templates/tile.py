"""A seamless tile to draw fabrics on: everything here wraps round."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float64]
Rgb = tuple[int, int, int]
#: pixels of the stored tile, and how much finer it is drawn
SIZE, FINE = 256, 2
_N = SIZE * FINE


def smooth(d: Map, edge: float = 0.006) -> Map:
    """1 where d < 0, 0 where d > 0, over an edge of that width (tile = 1)."""
    return np.clip(0.5 - d / edge, 0.0, 1.0)


def wrapped(d: Map) -> Map:
    """A difference of coordinates, the short way round: -0.5 .. 0.5."""
    return (d + 0.5) % 1.0 - 0.5


def periodic_noise(seed: int, cells: int) -> Map:
    """Smooth seamless noise of about unit spread, ``cells`` lattice cells a side."""
    lattice = np.random.default_rng(seed).uniform(-1.0, 1.0, (cells, cells))
    padded = np.pad(lattice, 3, mode="wrap")
    scale = -(-_N // cells)
    big = cv2.resize(padded, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    middle = big[3 * scale : (3 + cells) * scale, 3 * scale : (3 + cells) * scale]
    return cv2.resize(middle, (_N, _N), interpolation=cv2.INTER_AREA) / 0.45


def scattered(seed: int, count: int, gap: float) -> Iterator[tuple[float, float, float]]:
    """Up to ``count`` places (x, y, turn 0..1) at least ``gap`` apart on the torus."""
    rng = np.random.default_rng(seed)
    kept: list[tuple[float, float]] = []
    for _ in range(60 * count):
        x, y = rng.random(2)
        if all(np.hypot((x - a + 0.5) % 1 - 0.5, (y - b + 0.5) % 1 - 0.5) >= gap for a, b in kept):
            kept.append((x, y))
            yield float(x), float(y), float(rng.random())
            if len(kept) == count:
                return


@dataclass(eq=False)
class Tile:
    """Colour (n, n, 3) sRGB 0..1 as red, green, blue, and opacity (n, n)."""

    ground: Rgb | None = None
    x: Map = field(init=False)
    y: Map = field(init=False)
    rgb: Map = field(init=False)
    opacity: Map = field(init=False)

    def __post_init__(self) -> None:
        at = (np.arange(_N) + 0.5) / _N
        self.x, self.y = np.meshgrid(at, at)
        base = np.array(self.ground if self.ground is not None else (255, 255, 255)) / 255.0
        self.rgb = np.broadcast_to(base, (_N, _N, 3)).copy()
        self.opacity = np.full((_N, _N), 0.0 if self.ground is None else 1.0)

    def ink(self, color: Rgb, where: Map) -> None:
        """Lay a colour where ``where`` is 1."""
        a = np.clip(where, 0.0, 1.0)
        new = a + self.opacity * (1.0 - a)
        keep = (self.opacity * (1.0 - a))[..., None]
        mixed = (np.array(color) / 255.0) * a[..., None] + self.rgb * keep
        self.rgb = np.where(new[..., None] > 1e-6, mixed / np.maximum(new, 1e-6)[..., None], self.rgb)
        self.opacity = new

    def shade(self, factor: Map) -> None:
        """Make it lighter or darker by a factor."""
        self.rgb = np.clip(self.rgb * factor[..., None], 0.0, 1.0)

    def weave(self, threads: int, depth: float) -> None:
        """Plain weave: threads over and under."""
        a, b = np.cos(2 * np.pi * threads * self.x), np.cos(2 * np.pi * threads * self.y)
        self.shade(1.0 + depth * a * b)

    def polar(self, cx: float, cy: float, turn: float = 0.0) -> tuple[Map, Map]:
        """Distance and angle from a point, the short way round; turn 0..1 rotates the angle."""
        dx, dy = wrapped(self.x - cx), wrapped(self.y - cy)
        return np.hypot(dx, dy), np.arctan2(dy, dx) + 2 * np.pi * turn

    def local(self, cx: float, cy: float, turn: float) -> tuple[Map, Map]:
        """Coordinates about a point, rotated by turn 0..1."""
        dx, dy = wrapped(self.x - cx), wrapped(self.y - cy)
        c, s = np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)
        return c * dx + s * dy, -s * dx + c * dy

    def image(self) -> NDArray[np.uint8]:
        """(SIZE, SIZE, 3 or 4) uint8 blue, green, red and, where it is not all 1, opacity."""
        a = self.opacity[..., None]
        layers = cv2.resize(np.concatenate([self.rgb * a, a], -1), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        a = layers[..., 3:]
        bgr = (layers[..., :3] / np.maximum(a, 1e-6))[..., ::-1]
        # six bits of colour are enough for cloth and halve the files
        out = np.round(np.round(np.clip(bgr, 0, 1) * 63) * (255 / 63))
        if a.min() >= 0.999:
            return out.astype(np.uint8)
        return np.concatenate([out, np.round(a * 255)], -1).astype(np.uint8)
