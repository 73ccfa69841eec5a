"""What is behind the head: walls, rooms, foliage, lights out of focus. Linear colour, made from noise."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

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
    hue = float(
        rng.choice([rng.normal(0.05, 0.05), rng.normal(0.58, 0.06), rng.random()], p=[0.5, 0.32, 0.18])
    )
    wheel = 0.5 + 0.5 * np.cos(2 * np.pi * (hue - np.array([0.0, 1 / 3, 2 / 3])))
    value = np.exp(rng.uniform(np.log(low), np.log(high)))
    s = strength * rng.beta(1.2, 2.4) * 1.7
    return np.clip(value * (1 - s + 1.5 * s * wheel), 0.004, 0.95)


def _ramp(rng: np.random.Generator, w: int, h: int) -> NDArray:
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    a = rng.uniform(0, 2 * np.pi)
    t = ((x / w - 0.5) * np.cos(a) + (y / h - 0.5) * np.sin(a))[..., None] + 0.5
    c0 = _colour(rng)
    c1 = np.clip(c0 * np.exp(rng.normal(0, 0.5)) + rng.normal(0, 0.02, 3), 0.003, 0.95)
    return c0 + (c1 - c0) * np.clip(t, 0, 1)


def _wall(rng: np.random.Generator, w: int, h: int) -> NDArray:
    out = _ramp(rng, w, h)
    out *= np.exp(0.05 * clouds(rng, h, 60, 4, width=w))[..., None]
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    spot = np.hypot(x - rng.uniform(0.2, 0.8) * w, y - rng.uniform(0.1, 0.7) * h) / w
    return out * (0.55 + 0.75 * np.exp(-((spot / rng.uniform(0.4, 1.2)) ** 2)))[..., None]


def _room(rng: np.random.Generator, w: int, h: int) -> NDArray:
    out = _wall(rng, w, h).astype(np.float32)
    for _ in range(int(rng.integers(4, 13))):  # furniture, pictures, windows, doors
        x0, y0 = rng.uniform(-0.2, 1.0) * w, rng.uniform(-0.2, 0.95) * h
        x1, y1 = x0 + rng.uniform(0.05, 0.5) * w, y0 + rng.uniform(0.08, 0.8) * h
        bright = rng.random() < 0.18
        colour = _colour(rng, 0.15, 0.5, 1.4) if bright else _colour(rng, 0.5, 0.01, 0.4)
        p0, p1 = (int(x0), int(y0)), (int(x1), int(y1))
        cv2.rectangle(out, p0, p1, colour.tolist(), -1)
        if rng.random() < 0.6:
            cv2.rectangle(out, p0, p1, (colour * rng.uniform(0.4, 1.6)).tolist(), int(rng.integers(1, 5)))
        if rng.random() < 0.35:
            for k in range(int(rng.integers(2, 8))):
                x = int(x0 + (x1 - x0) * (k + 1) / 9)
                cv2.line(
                    out,
                    (x, int(y0)),
                    (x, int(y1)),
                    (colour * rng.uniform(0.3, 1.4)).tolist(),
                    int(rng.integers(1, 4)),
                )
    return out * np.exp(0.06 * clouds(rng, h, 40, 4, width=w))[..., None]


def _foliage(rng: np.random.Generator, w: int, h: int) -> NDArray:
    field = clouds(rng, h, rng.uniform(20, 70), 5, 0.7, width=w)
    green = np.array([0.09, 0.15, 0.045]) * np.exp(rng.normal(0, 0.4, 3))
    light = np.array([0.55, 0.62, 0.55]) * np.exp(rng.normal(0, 0.3))
    t = np.clip(field * 0.5 + 0.3 + rng.normal(0, 0.3), 0, 1)[..., None] ** 2.2
    out = green * np.exp(0.6 * field)[..., None] * (1 - t) + light * t
    if rng.random() < 0.4:
        sky = np.clip((rng.uniform(0.1, 0.6) * h - np.arange(h)) / (0.15 * h), 0, 1)[:, None, None]
        out = out * (1 - sky) + np.array([0.45, 0.58, 0.8]) * np.exp(rng.normal(0, 0.25)) * sky
    return out


def _clutter(rng: np.random.Generator, w: int, h: int) -> NDArray:
    """People, signs and shelves, as far as colour and edges go: ellipses, bars and strokes."""
    out = _ramp(rng, w, h).astype(np.float32)
    for _ in range(int(rng.integers(14, 46))):
        centre = (int(rng.uniform(-0.1, 1.1) * w), int(rng.uniform(-0.1, 1.1) * h))
        size = (int(rng.uniform(0.01, 0.16) * w) + 1, int(rng.uniform(0.02, 0.26) * h) + 1)
        colour = _colour(rng, 0.55, 0.008, 0.6).tolist()
        if rng.random() < 0.55:
            cv2.ellipse(out, centre, size, rng.uniform(0, 180), 0, 360, colour, -1)
        else:
            box = cv2.boxPoints((centre, (size[0] * 2.0, size[1] * 1.5), float(rng.normal(0, 20))))
            cv2.fillConvexPoly(out, box.astype(np.int32), colour)
    return out * np.exp(0.12 * clouds(rng, h, 24, 4, width=w))[..., None]


def _plain(rng: np.random.Generator, w: int, h: int) -> NDArray:
    """Paper or cloth of a studio: white, black or grey, a little darker to the edges."""
    level = float(rng.choice([rng.uniform(0.9, 1.6), rng.uniform(0.002, 0.02), rng.uniform(0.1, 0.5)]))
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    fall = np.hypot(x / w - rng.uniform(0.3, 0.7), y / h - rng.uniform(0.2, 0.6))
    tint = np.exp(rng.normal(0, 0.03, 3))
    return level * tint * (1.0 - rng.uniform(0.0, 0.7) * fall * fall)[..., None]


def _bokeh(rng: np.random.Generator, w: int, h: int) -> NDArray:
    """Lights far behind: one lens draws all of them about as large, the farther the fainter."""
    far = (_foliage if rng.random() < 0.5 else _room)(rng, w, h).astype(np.float32)
    out = cv2.GaussianBlur(far, (0, 0), 0.045 * w) * np.float32(rng.uniform(0.2, 0.7))
    radius, colour = rng.uniform(0.010, 0.045) * w, _colour(rng, 0.6, 0.4, 0.8)
    for _ in range(int(rng.integers(8, 60))):
        at = (int(rng.uniform(0, w)), int(rng.uniform(0, h)))
        disc = np.zeros(out.shape[:2], np.float32)
        cv2.circle(disc, at, int(radius * rng.uniform(0.75, 1.2)) + 2, 1.0, -1, cv2.LINE_AA)
        own = colour * np.exp(rng.normal(0, 0.3, 3)) * np.exp(rng.normal(-1.3, 0.8))
        out += disc[..., None] * own.astype(np.float32)
    return out


def draw_background(
    rng: np.random.Generator, width: int, height: int, kinds: tuple[str, ...] = tuple(KINDS)
) -> NDArray[np.float32]:
    """A random background (height, width, 3), linear red green blue around the brightness of a face."""
    chances = np.array([KINDS[kind] for kind in kinds])
    kind = str(rng.choice(kinds, p=chances / chances.sum()))
    make = {
        "plain": _plain,
        "wall": _wall,
        "gradient": _ramp,
        "room": _room,
        "foliage": _foliage,
        "bokeh": _bokeh,
        "clutter": _clutter,
    }
    # half the size is enough for what is out of focus
    w, h = (width + 1) // 2, (height + 1) // 2
    out: NDArray = make[kind](rng, w, h).astype(np.float32)
    still = {"plain": 0.0, "wall": 0.5, "gradient": 0.0, "bokeh": 1.0}
    blur = still.get(kind, float(np.exp(rng.uniform(0.2, 2.4))))
    if blur > 0.3:
        out = cv2.GaussianBlur(out, (0, 0), blur * width / 450)
    out = np.clip(out * np.float32(np.exp(rng.normal(0, 0.35))), 0.0, 4.0)
    return np.asarray(cv2.resize(out, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
