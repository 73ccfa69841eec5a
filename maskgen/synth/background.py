"""What is behind the head: walls, rooms, foliage, lights out of focus. Linear colour, made from noise."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .draws import pick
from .noise import clouds

KINDS = {
    "plain": 0.15,
    "wall": 0.18,
    "gradient": 0.11,
    "room": 0.22,
    "foliage": 0.14,
    "bokeh": 0.09,
    "clutter": 0.11,
}


def _colour(
    rng: np.random.Generator, strength: float = 0.35, low: float = 0.03, high: float = 0.7
) -> NDArray:
    # warm wood and walls, blue sky and cloth, some green; little purple
    hues, pick = (rng.normal(0.05, 0.05), rng.normal(0.58, 0.06), rng.random()), rng.random()
    hue = hues[0 if pick < 0.5 else (1 if pick < 0.82 else 2)]
    value = math.exp(rng.uniform(math.log(low), math.log(high)))
    s = strength * rng.beta(1.2, 2.4) * 1.7
    wheel = (0.5 + 0.5 * math.cos(2.0 * math.pi * (hue - third)) for third in (0.0, 1.0 / 3.0, 2.0 / 3.0))
    return np.array([min(max(value * (1.0 - s + 1.5 * s * part), 0.004), 0.95) for part in wheel])


@dataclass(frozen=True)
class Canvas:
    """Where a background is painted: texels, of which ``unit`` are a 225th of its width."""

    w: int
    h: int
    unit: float

    def across(self) -> NDArray[np.float32]:
        """Column numbers, (1, w)."""
        return np.arange(self.w, dtype=np.float32)[None]

    def down(self) -> NDArray[np.float32]:
        """Row numbers, (h, 1)."""
        return np.arange(self.h, dtype=np.float32)[:, None]

    def clouds(
        self, rng: np.random.Generator, cell: float, octaves: int, gain: float = 0.55
    ) -> NDArray[np.float32]:
        """Fractal noise (h, w) whose largest features are ``cell`` 225ths of the picture's width."""
        return clouds(rng, self.h, cell * self.unit, octaves, gain, width=self.w)

    def thick(self, width: int) -> int:
        """A line ``width`` 225ths of the picture wide, in texels."""
        return max(round(width * self.unit), 1)


def _single(values: NDArray | float) -> NDArray[np.float32]:
    return np.asarray(values, np.float32)


def _mixed(first: NDArray, second: NDArray, share: NDArray[np.float32]) -> NDArray[np.float32]:
    """Two colours (3,) mixed by ``share`` (h, w): plane by plane, since NumPy is slow on short axes."""
    start, step = _single(first), _single(second - first)
    return np.asarray(cv2.merge([share * step[k] + start[k] for k in range(3)]), np.float32)


def _dimmed(picture: NDArray[np.float32], light: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture (h, w, 3), multiplied by light (h, w) in place."""
    cv2.multiply(picture, cv2.merge([light, light, light]), picture)
    return picture


def _ramp(rng: np.random.Generator, c: Canvas) -> NDArray[np.float32]:
    a = rng.uniform(0, 2 * np.pi)
    t = _single(np.cos(a)) * (c.across() / c.w - 0.5) + _single(np.sin(a)) * (c.down() / c.h - 0.5)
    c0 = _colour(rng)
    c1 = np.clip(c0 * np.exp(rng.normal(0, 0.5)) + rng.normal(0, 0.02, 3), 0.003, 0.95)
    return _mixed(c0, c1, np.clip(t + 0.5, 0.0, 1.0))


def _wall(rng: np.random.Generator, c: Canvas) -> NDArray[np.float32]:
    out = _ramp(rng, c)
    light = np.exp(0.05 * c.clouds(rng, 60, 4))
    x, y = rng.uniform(0.2, 0.8) * c.w, rng.uniform(0.1, 0.7) * c.h
    spot = ((c.across() - x) ** 2 + (c.down() - y) ** 2) / _single((rng.uniform(0.4, 1.2) * c.w) ** 2)
    return _dimmed(out, light * (0.55 + 0.75 * np.exp(-spot)))


def _room(rng: np.random.Generator, c: Canvas) -> NDArray[np.float32]:
    out = _wall(rng, c)
    for _ in range(int(rng.integers(4, 13))):  # furniture, pictures, windows, doors
        x0, y0 = rng.uniform(-0.2, 1.0) * c.w, rng.uniform(-0.2, 0.95) * c.h
        x1, y1 = x0 + rng.uniform(0.05, 0.5) * c.w, y0 + rng.uniform(0.08, 0.8) * c.h
        bright = rng.random() < 0.18
        colour = _colour(rng, 0.15, 0.5, 1.4) if bright else _colour(rng, 0.5, 0.01, 0.4)
        p0, p1 = (int(x0), int(y0)), (int(x1), int(y1))
        cv2.rectangle(out, p0, p1, colour.tolist(), -1)
        if rng.random() < 0.6:
            edge = (colour * rng.uniform(0.4, 1.6)).tolist()
            cv2.rectangle(out, p0, p1, edge, c.thick(int(rng.integers(1, 5))))
        if rng.random() < 0.35:
            for k in range(int(rng.integers(2, 8))):
                x = int(x0 + (x1 - x0) * (k + 1) / 9)
                bar = (colour * rng.uniform(0.3, 1.4)).tolist()
                cv2.line(out, (x, int(y0)), (x, int(y1)), bar, c.thick(int(rng.integers(1, 4))))
    return _dimmed(out, np.exp(0.06 * c.clouds(rng, 40, 4)))


def _foliage(rng: np.random.Generator, c: Canvas) -> NDArray[np.float32]:
    field = c.clouds(rng, rng.uniform(20, 70), 5, 0.7)
    green = _single(np.array([0.09, 0.15, 0.045]) * np.exp(rng.normal(0, 0.4, 3)))
    light = _single(np.array([0.55, 0.62, 0.55]) * np.exp(rng.normal(0, 0.3)))
    t = cv2.pow(np.clip(field * 0.5 + _single(0.3 + rng.normal(0, 0.3)), 0.0, 1.0), 2.2)
    leaves = np.exp(0.6 * field) * (1.0 - t)
    out = np.asarray(cv2.merge([green[k] * leaves + light[k] * t for k in range(3)]), np.float32)
    if rng.random() < 0.4:
        high = np.clip((_single(rng.uniform(0.1, 0.6) * c.h) - c.down()) / (0.15 * c.h), 0.0, 1.0)[..., None]
        sky = _single(np.array([0.45, 0.58, 0.8]) * np.exp(rng.normal(0, 0.25)))
        out += (sky - out) * high
    return out


def _clutter(rng: np.random.Generator, c: Canvas) -> NDArray[np.float32]:
    """People, signs and shelves, as far as colour and edges go: ellipses, bars and strokes."""
    out = _ramp(rng, c)
    for _ in range(int(rng.integers(14, 46))):
        centre = (int(rng.uniform(-0.1, 1.1) * c.w), int(rng.uniform(-0.1, 1.1) * c.h))
        size = (int(rng.uniform(0.01, 0.16) * c.w) + 1, int(rng.uniform(0.02, 0.26) * c.h) + 1)
        colour = _colour(rng, 0.55, 0.008, 0.6).tolist()
        if rng.random() < 0.55:
            cv2.ellipse(out, centre, size, rng.uniform(0, 180), 0, 360, colour, -1)
        else:
            box = cv2.boxPoints((centre, (size[0] * 2.0, size[1] * 1.5), float(rng.normal(0, 20))))
            cv2.fillConvexPoly(out, box.astype(np.int32), colour)
    return _dimmed(out, np.exp(0.12 * c.clouds(rng, 24, 4)))


def _plain(rng: np.random.Generator, c: Canvas) -> NDArray[np.float32]:
    """Paper or cloth of a studio: white, black or grey, a little darker to the edges."""
    level = float(rng.choice([rng.uniform(0.9, 1.6), rng.uniform(0.002, 0.02), rng.uniform(0.1, 0.5)]))
    x, y = rng.uniform(0.3, 0.7), rng.uniform(0.2, 0.6)
    fall = (c.across() / c.w - _single(x)) ** 2 + (c.down() / c.h - _single(y)) ** 2
    tint = _single(level * np.exp(rng.normal(0, 0.03, 3)))
    return _mixed(tint, 0.0 * tint, _single(rng.uniform(0.0, 0.7) * fall))


def _bokeh(rng: np.random.Generator, c: Canvas) -> NDArray[np.float32]:
    """Lights far behind: one lens draws all of them about as large, the farther the fainter."""
    coarse = Canvas(-(-c.w // 4), -(-c.h // 4), c.unit / 4.0)
    far = (_foliage if rng.random() < 0.5 else _room)(rng, coarse)
    far = cv2.GaussianBlur(far, (0, 0), 0.045 * coarse.w) * _single(rng.uniform(0.2, 0.7))
    out = _single(cv2.resize(far, (c.w, c.h), interpolation=cv2.INTER_LINEAR))
    radius, colour = rng.uniform(0.010, 0.045) * c.w, _colour(rng, 0.6, 0.4, 0.8)
    for _ in range(int(rng.integers(8, 60))):
        x, y = int(rng.uniform(0, c.w)), int(rng.uniform(0, c.h))
        r = int(radius * rng.uniform(0.75, 1.2)) + c.thick(2)
        own = _single(colour * np.exp(rng.normal(0, 0.3, 3)) * np.exp(rng.normal(-1.3, 0.8)))
        disc = np.zeros((2 * r + 3, 2 * r + 3), np.float32)
        cv2.circle(disc, (r + 1, r + 1), r, 1.0, -1, cv2.LINE_AA)
        top, left = max(r + 1 - y, 0), max(r + 1 - x, 0)
        part = out[max(y - r - 1, 0) : y + r + 2, max(x - r - 1, 0) : x + r + 2]
        part += disc[top : top + part.shape[0], left : left + part.shape[1], None] * own
    return np.asarray(out, np.float32)


#: kinds whose sharpness is their own (deviation of the blur, 450ths of the width); the others draw one
_BLUR = {"plain": 0.0, "wall": 1.0, "gradient": 0.0, "bokeh": 2.0}
#: how many pixels a texel of a kind is wide, where nothing in it is fine
_COARSE = {"plain": 4, "wall": 3, "gradient": 4}
_PAINTERS: dict[str, Callable[[np.random.Generator, Canvas], NDArray[np.float32]]] = {
    "plain": _plain,
    "wall": _wall,
    "gradient": _ramp,
    "room": _room,
    "foliage": _foliage,
    "bokeh": _bokeh,
    "clutter": _clutter,
}


def draw_background(
    rng: np.random.Generator, width: int, height: int, kinds: tuple[str, ...] = tuple(KINDS)
) -> NDArray[np.float32]:
    """A random background (height, width, 3), linear red green blue around the brightness of a face.

    It is painted as coarsely as its blur allows and then enlarged.
    """
    kind = pick(rng, {kind: KINDS[kind] for kind in kinds})
    blur = _BLUR[kind] if kind in _BLUR else 2.0 * float(np.exp(rng.uniform(0.2, 2.4)))
    blur *= width / 450
    texel = _COARSE.get(kind, 2 if blur < 6.0 else (3 if blur < 9.0 else 4))
    canvas = Canvas(-(-width // texel), -(-height // texel), 2.0 / texel * width / 450)
    out = _PAINTERS[kind](rng, canvas)
    if blur > 0.6:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), blur / texel), np.float32)
    out *= _single(np.exp(rng.normal(0, 0.35)))
    np.clip(out, 0.0, 4.0, out=out)
    return np.asarray(cv2.resize(out, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
