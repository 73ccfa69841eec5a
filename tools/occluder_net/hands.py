"""Hands and forearms: height fields of tapered capsules, in the poses that hands take at a face."""

from __future__ import annotations

import numpy as np

from .surfaces import (
    MM,
    NAIL,
    SKIN,
    SLEEVE,
    Array,
    Field,
    Thing,
    any_colour,
    heading,
    of_field,
    skin_near,
)

Part = tuple[Array, Array, float, float, float, float, int]


def _finger(
    rng: np.random.Generator, base: Array, angle: float, bend: float, length: float, fold: float, k: float,
    hold: bool,
) -> tuple[list[Part], Array]:  # fmt: skip
    """Three joints from ``base``, folded towards or away from the camera, and the tip."""
    at, z, parts = base, 4 * k, []
    for j, share in enumerate((0.45, 0.3, 0.25)):
        seen = np.cos(min(fold * 1.7 * (j * 0.8 + 0.4), 2.4))
        to = at + heading(angle + bend * (1.0 + 0.6 * j)) * length * share * seen * k
        away = np.sqrt(max(1 - seen * seen, 0)) * k * rng.uniform(0.2, 1)
        zt = z + (0.35 if hold else -0.2) * length * share * away
        parts.append((at, to, (9.4 - 0.8 * j) * k, (8.6 - 0.9 * j) * k, z, zt, SKIN))
        if j == 2 and seen > 0.3 and rng.random() < 0.5:
            u = (to - at) / (np.linalg.norm(to - at) + 1e-6)
            up = zt + 3.2 * k
            parts.append((to - 3 * k * u, to + 3.5 * k * u, 4.6 * k, 4.3 * k, up, up, NAIL))
        at, z = to, zt
    return parts, at


def _folds(rng: np.random.Generator) -> tuple[Array, float]:
    """How far each of four fingers is folded, 0..1, and how little they spread.

    A hand that points, a fist, a flat hand, or any.
    """
    pose, folds = rng.random(), np.full(4, rng.choice([0.0, 0.35, 0.8], p=[0.35, 0.35, 0.3]))
    if pose < 0.2:
        folds[:] = rng.uniform(0.7, 1.0)
        folds[: int(rng.integers(1, 3))] = rng.uniform(0, 0.3)
    elif pose < 0.4:
        folds[:] = rng.uniform(0.75, 1.1)
    elif pose < 0.52:
        folds[:] = rng.uniform(0, 0.15)
    else:
        folds = np.where(rng.random(4) < 0.15, rng.choice([0.0, 0.8], 4), folds)
    return folds, 0.3 if 0.2 <= pose < 0.52 else 1.0


def _draw(rng: np.random.Generator, target: Array, f: Field, hold: bool = False) -> None:
    """A hand and forearm, mostly from below, of which a tip, a knuckle or the palm comes to ``target`` px."""
    k = rng.uniform(0.78, 1.12) / MM
    angle = rng.normal(0, 0.8) if rng.random() < 0.8 else rng.uniform(-np.pi, np.pi)
    side = rng.choice([-1.0, 1.0])
    folds, spread = _folds(rng)
    bend = rng.normal(0, 0.25) + rng.choice([-1, 1]) * rng.uniform(0.2, 0.7) * (rng.random() < 0.4)
    splay, tilt = spread * abs(rng.normal(0.04, 0.1)), rng.uniform(0.35, 1.0)
    d, wrist = heading(angle), np.zeros(2)
    across = np.array([-d[1], d[0]]) * side * k * tilt
    parts: list[Part] = []
    tips = []
    for i, (reach, length) in enumerate(((88, 78), (90, 86), (86, 79), (78, 62))):
        base = d * reach * k + across * (i - 1.5) * 19
        parts.append((wrist + across * (i - 1.5) * 12, base, 13 * k, 10.5 * k, 0.0, 4 * k, SKIN))
        b = bend + (i - 1.5) * splay * side + rng.normal(0, 0.05)
        joints, tip = _finger(rng, base, angle, b, length, float(folds[i]), k, hold)
        parts += joints
        tips.append(tip if rng.random() < 0.7 else joints[0][1])
    thumb = angle - side * rng.uniform(-0.2, 1.0)
    base = d * 30 * k - across * 30
    mid = base + heading(thumb) * 38 * k * rng.uniform(0.5, 1)
    tip = mid + heading(thumb + rng.normal(0, 0.3)) * 30 * k * rng.uniform(0.5, 1)
    parts.append((wrist - across * 8, base, 15 * k, 11 * k, 0.0, 4 * k, SKIN))
    parts.append((base, mid, 11 * k, 10 * k, 4 * k, 5 * k, SKIN))
    parts.append((mid, tip, 10 * k, 8 * k, 5 * k, 5 * k, SKIN))
    arm = heading(angle + rng.normal(0, 0.25))
    elbow = wrist - arm * 330 * k
    parts.append((wrist, elbow, 21 * k, 42 * k, -6 * k, -10 * k, SKIN))
    if rng.random() < 0.45:
        parts.append((wrist - arm * rng.uniform(0, 90) * k, elbow, 30 * k, 55 * k, -4 * k, -2 * k, SLEEVE))
    palm = d * 88 * k * rng.random() + across / tilt * rng.normal(0, 20)
    shift = target - (tips[int(rng.integers(4))] if rng.random() < 0.6 else palm)
    for a, b2, ra, rb, za, zb, part in parts:
        f.add(a + shift, b2 + shift, ra, rb, za, zb, part)


def hand(rng: np.random.Generator, target: Array, skin: Array, hold: bool = False) -> Thing:
    """A hand that comes to ``target`` px, or holds what is there; some of those that hold nothing are two."""
    f, own = Field(), skin_near(rng, skin)
    _draw(rng, target, f, hold)
    if not hold and rng.random() < 0.2:
        _draw(rng, target + rng.normal(0, 45, 2), f)
    nail = own * rng.uniform(0.9, 1.3) if rng.random() < 0.6 else any_colour(rng)
    colours = {SKIN: own, NAIL: nail, SLEEVE: any_colour(rng)}
    return of_field(rng, f, colours, "hand", rng.uniform(0.02, 0.14))
