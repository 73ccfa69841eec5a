"""Things that may be in front of a face, drawn over a crop of one: hands, cups, sticks, paper, cloth, hair.

Hands and sticks are height fields of tapered capsules, the rest outlines of noise; light and print are left
to chance. A thing need not look real; it has to be as varied as real things are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .surfaces import (
    F32,
    MM,
    Array,
    Field,
    N,
    any_colour,
    grain,
    heading,
    noise,
    printed,
    shaded,
    skin_near,
    slopes,
    turned_noise,
)

_KINDS = {"hand": 0.42, "cup": 0.07, "stick": 0.06, "ball": 0.06, "sheet": 0.08, "cloth": 0.10, "blob": 0.08,
          "hair": 0.04, "petals": 0.04, "limb": 0.05}  # fmt: skip
#: parts of a hand: skin, nails, sleeve
SKIN, NAIL, SLEEVE = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Thing:
    """alpha (N, N) 0 or 1, colour (N, N, 3) linear BGR, and what it is."""

    alpha: F32
    colour: F32
    kind: str


def _of_field(
    rng: np.random.Generator, f: Field, colours: dict[int, Array], kind: str, rough: float
) -> Thing:
    """The field in the colours of its parts, lit; sleeves are printed, and some things shine."""
    solid = f.ids >= 0
    colour = np.zeros((N, N, 3), np.float32)
    for part, c in colours.items():
        where = f.ids == part
        if where.any():
            colour[where] = printed(rng, c)[where] if part == SLEEVE else c
    colour *= (shaded(rng, f.z, solid, 0.0) * grain(rng, rough))[..., None]
    if rng.random() < 0.4:
        gx, gy = slopes(np.where(solid, f.z, 0))
        o = rng.normal(0, 0.5, 2)
        shine = np.exp(-((gx - o[0]) ** 2 + (gy - o[1]) ** 2) / 0.08) * rng.uniform(0, 0.35)
        colour = colour + (shine * colour.max(-1))[..., None]
    return Thing(solid.astype(np.float32), colour.astype(np.float32), kind)


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


def hand(rng: np.random.Generator, target: Array, f: Field, hold: bool = False) -> None:
    """A hand and forearm, mostly from below, of which a finger tip or the palm comes to ``target`` px."""
    k = rng.uniform(0.78, 1.12) / MM
    angle = rng.normal(0, 0.8) if rng.random() < 0.8 else rng.uniform(-np.pi, np.pi)
    side = rng.choice([-1.0, 1.0])
    fold = rng.choice([0.0, 0.35, 0.8], p=[0.35, 0.35, 0.3])
    bend = rng.normal(0, 0.25) + rng.choice([-1, 1]) * rng.uniform(0.2, 0.7) * (rng.random() < 0.4)
    splay, tilt = abs(rng.normal(0.04, 0.1)), rng.uniform(0.35, 1.0)
    d, wrist = heading(angle), np.zeros(2)
    across = np.array([-d[1], d[0]]) * side * k * tilt
    parts: list[Part] = []
    tips = []
    for i, (reach, length) in enumerate(((88, 78), (90, 86), (86, 79), (78, 62))):
        base = d * reach * k + across * (i - 1.5) * 19
        parts.append((wrist + across * (i - 1.5) * 12, base, 13 * k, 10.5 * k, 0.0, 4 * k, SKIN))
        own = rng.choice([0.0, 0.8]) if rng.random() < 0.15 else fold
        b = bend + (i - 1.5) * splay * side + rng.normal(0, 0.05)
        joints, tip = _finger(rng, base, angle, b, length, own, k, hold)
        parts += joints
        tips.append(tip)
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


def _hand(rng: np.random.Generator, target: Array, skin: Array, hold: bool = False) -> Thing:
    f, own = Field(), skin_near(rng, skin)
    hand(rng, target, f, hold)
    if not hold and rng.random() < 0.2:
        hand(rng, target + rng.normal(0, 45, 2), f)
    nail = own * rng.uniform(0.9, 1.3) if rng.random() < 0.6 else any_colour(rng)
    colours = {SKIN: own, NAIL: nail, SLEEVE: any_colour(rng)}
    return _of_field(rng, f, colours, "hand", rng.uniform(0.02, 0.14))


def _limb(rng: np.random.Generator, target: Array, skin: Array) -> Thing:
    """A bare or sleeved arm or a shoulder that passes by."""
    d, r, f = heading(rng.uniform(-np.pi, np.pi)), rng.uniform(18, 60) / MM, Field()
    p = target - d * r
    q = p + np.array([-d[1], d[0]]) * rng.choice([-1, 1]) * 300
    f.add(p - (q - p) * rng.uniform(0, 0.6), q, r, r * rng.uniform(0.7, 1.4))
    colour = skin_near(rng, skin) if rng.random() < 0.5 else any_colour(rng)
    return _of_field(rng, f, {0: colour}, "limb", rng.uniform(0.02, 0.2))


def _cup(rng: np.random.Generator, target: Array, skin: Array) -> Thing:
    """A cup, glass or bottle with its rim at ``target``."""
    w, h = rng.uniform(22, 55) / MM, rng.uniform(60, 130) / MM
    d = heading(rng.normal(0, 0.45))
    side = np.array([-d[1], d[0]])
    y, x = np.mgrid[:N, :N].astype(np.float32)
    u = ((x - target[0]) * side[0] + (y - target[1]) * side[1]) / w
    v = -((x - target[0]) * d[0] + (y - target[1]) * d[1]) + rng.uniform(-4, 12)
    taper = 1.0 - rng.uniform(-0.2, 0.35) * v / h
    top = rng.uniform(0, 0.3) * w * np.sqrt(np.maximum(1 - u * u, 0))
    solid = (np.abs(u) < taper) & (v > -top) & (v < h)
    z = w * np.sqrt(np.maximum(1 - (u / np.maximum(taper, 0.1)) ** 2, 0))
    colour = printed(rng, any_colour(rng)) * shaded(rng, z, solid, rng.uniform(0, 0.5))[..., None]
    colour = np.where((v < top)[..., None], colour * rng.uniform(0.3, 1.5), colour)
    cup = Thing(solid.astype(np.float32), colour.astype(np.float32), "cup")
    if rng.random() < 0.6:
        at = target - d * rng.uniform(20, 70) + side * rng.normal(0, 25)
        cup = _over(_hand(rng, at, skin, hold=True), cup)
    return cup


def _stick(rng: np.random.Generator, target: Array, skin: Array) -> Thing:
    """A flute, pen, straw, cigarette."""
    d, r, f = heading(rng.uniform(-np.pi, np.pi)), np.exp(rng.uniform(np.log(1.5), np.log(14))) / MM, Field()
    f.add(target + d * rng.uniform(0, 120), target - d * 300, r, r * rng.uniform(0.7, 1.4))
    return _of_field(rng, f, {0: any_colour(rng)}, "stick", rng.uniform(0.02, 0.2))


def _ball(rng: np.random.Generator, target: Array, skin: Array) -> Thing:
    """A microphone, lollipop, fruit on a stem."""
    d, r, f = heading(rng.normal(0, 0.8)), rng.uniform(10, 32) / MM, Field()
    f.add(target - d * r, target - d * r * rng.uniform(1.2, 2.5), r, r * rng.uniform(0.7, 1), 3, 3, 0)
    f.add(target - d * r * 2, target - d * 300, r * rng.uniform(0.3, 0.8), r * rng.uniform(0.3, 0.7), part=1)
    colour = any_colour(rng) * (0.25 if rng.random() < 0.6 else 1)
    return _of_field(rng, f, {0: colour, 1: any_colour(rng) * 0.5}, "ball", rng.uniform(0.05, 0.35))


def _petals(rng: np.random.Generator, target: Array, skin: Array) -> Thing:
    """Flowers, leaves, feathers, beads."""
    f = Field()
    for _ in range(int(rng.integers(3, 14))):
        p = target + rng.normal(0, 14, 2)
        q = p + heading(rng.uniform(0, 2 * np.pi)) * rng.uniform(8, 35)
        za, zb, part = rng.uniform(0, 6), rng.uniform(0, 10), int(rng.integers(2))
        f.add(p, q, rng.uniform(3, 9), rng.uniform(4, 14), za, zb, part)
    f.add(target, target - heading(rng.normal(0, 1)) * 200, 2, 2, -5, -5, 3)
    c = any_colour(rng)
    colours = {0: c, 1: c * np.exp(rng.normal(0, 0.3, 3)), 3: np.array([0.05, 0.2, 0.08])}
    return _of_field(rng, f, colours, "petals", 0.1)


def _cloth(rng: np.random.Generator, target: Array, skin: Array) -> Thing:
    """A scarf, collar or curtain: a sheet or a strip whose edge passes ``target``."""
    angle = rng.normal(0, 0.5) if rng.random() < 0.75 else rng.uniform(-np.pi, np.pi)
    d, wobble = heading(angle), rng.uniform(0, 14)
    y, x = np.mgrid[:N, :N].astype(np.float32)
    x, y = x - target[0], y - target[1]
    down, along = -(x * d[0] + y * d[1]), x * -d[1] + y * d[0] + N / 2
    at = np.linspace(0, 1, N)
    bends = [rng.normal(0, wobble / c**0.7, c + 1) for c in (2, 4, 9)]
    curve = sum(np.interp(at, np.linspace(0, 1, len(b)), b) for b in bends)
    edge = np.interp(along, np.arange(N), curve - np.interp(N / 2, np.arange(N), curve))
    alpha = down > edge
    if rng.random() < 0.25:
        alpha &= down < edge + rng.uniform(15, 70)
    folds = turned_noise(rng, rng.uniform(2, 5), rng.uniform(5, 22), angle + rng.normal(0, 0.6))
    rim = np.exp(-0.25 * np.exp(-np.maximum(down - edge, 0) / 4.0))
    return _plain(rng, alpha, np.exp(rng.uniform(0.05, 0.35) * folds) * rim, any_colour(rng), "cloth")


def _sheet(rng: np.random.Generator, target: Array, skin: Array) -> Thing:
    """A flat thing of straight edges: paper, telephone, book."""
    w, h = np.exp(rng.uniform(np.log(25), np.log(140), 2)) / MM
    a = rng.normal(0, 0.5) if rng.random() < 0.7 else rng.uniform(0, 2 * np.pi)
    e, g = heading(a), heading(a + np.pi / 2)
    m = target + rng.normal(0, 3, 2) - e * h * rng.uniform(0.2, 0.5) + g * w * rng.uniform(-0.5, 0.5)
    points = np.array([m + e * h / 2 * s + g * w / 2 * t for s, t in ((1, -1), (1, 1), (-1, 1), (-1, -1))])
    alpha = np.zeros((N, N), np.uint8)
    cv2.fillPoly(alpha, [np.round((points + rng.normal(0, 2, (4, 2))) * 16).astype(np.int32)], 1, 8, 4)
    if rng.random() < 0.4:  # round corners
        k = int(rng.integers(2, 8)) * 2 + 1
        round_ = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (k, k))
        alpha = np.asarray(cv2.morphologyEx(alpha, cv2.MORPH_OPEN, round_))
    colour = np.full(3, rng.uniform(0.5, 0.95)) if rng.random() < 0.4 else any_colour(rng)
    return _plain(rng, alpha > 0, np.exp(rng.uniform(0, 0.3) * noise(rng, (2, 2))), colour, "sheet")


def _blob(rng: np.random.Generator, target: Array, skin: Array) -> Thing:
    """A lump of any outline."""
    y, x = np.mgrid[:N, :N].astype(np.float32)
    rx, ry = np.exp(rng.uniform(np.log(8), np.log(60), 2)) / MM
    a, cells = rng.uniform(0, np.pi), float(rng.integers(3, 14))
    u = ((x - target[0]) * np.cos(a) + (y - target[1]) * np.sin(a)) / rx
    v = (-(x - target[0]) * np.sin(a) + (y - target[1]) * np.cos(a)) / ry
    r = u * u + v * v + rng.uniform(0, 0.6) * noise(rng, (cells, cells))
    z = np.sqrt(1.0 - np.clip(r, 0, 1)) * min(rx, ry) * rng.uniform(0.2, 1)
    return _plain(rng, r < 1.0, shaded(rng, z, r < 1.0, rng.uniform(0, 1)), any_colour(rng), "blob")


def _plain(rng: np.random.Generator, alpha: NDArray, light: NDArray, colour: Array, kind: str) -> Thing:
    shade = light * grain(rng, rng.uniform(0, 0.15))
    return Thing(alpha.astype(np.float32), (printed(rng, colour) * shade[..., None]).astype(np.float32), kind)


def strands(rng: np.random.Generator, target: Array, colour: Array) -> Thing:
    """A lock of hair across the face, from above or the side."""
    alpha, light = np.zeros((N, N), np.uint8), np.ones((N, N), np.float32)
    wide = np.exp(rng.uniform(np.log(3), np.log(28))) / MM
    start = np.array([target[0] + rng.normal(0, 35), -20.0])
    if rng.random() < 0.3:
        start = np.array([rng.choice([-20.0, N + 20.0]), rng.uniform(-20, N * 0.6)])
    end, over = target + np.array([rng.normal(0, 20), rng.uniform(10, 120)]), target + rng.normal(0, 10, 2)
    t = np.linspace(0, 1, 24)[:, None]
    for _ in range(int(wide * rng.uniform(2.0, 5.0)) + 2):
        s = np.array([rng.uniform(-0.5, 0.5) * wide * rng.uniform(0.7, 1.3), 0.0])
        way = (1 - t) ** 2 * (start + s) + 2 * t * (1 - t) * (over + s + rng.normal(0, 2, 2))
        at = np.round((way + t * t * (end + s * rng.uniform(0.2, 1.2))) * 16).astype(np.int32)
        cv2.polylines(alpha, [at], False, 255, int(rng.integers(1, 3)), cv2.LINE_AA, 4)
        cv2.polylines(light, [at], False, float(np.exp(rng.normal(0, 0.35))), 1, cv2.LINE_AA, 4)
    colour = colour * np.exp(rng.normal(0, 0.5)) * light[..., None]
    return Thing((alpha / 255.0).astype(np.float32), colour.astype(np.float32), "hair")


def _over(upper: Thing, lower: Thing) -> Thing:
    colour = np.where(upper.alpha[..., None] > 0, upper.colour, lower.colour)
    return Thing(np.maximum(upper.alpha, lower.alpha), colour, lower.kind)


_MAKERS: dict[str, Callable[[np.random.Generator, Array, Array], Thing]] = {
    "hand": _hand, "limb": _limb, "cup": _cup, "stick": _stick, "ball": _ball, "petals": _petals,
    "cloth": _cloth, "sheet": _sheet, "blob": _blob,
}  # fmt: skip


def make_thing(rng: np.random.Generator, target: Array, skin: Array, hair: Array) -> Thing:
    """One thing that reaches ``target`` px. skin, hair: linear BGR (3,) of the person."""
    kind = str(rng.choice(list(_KINDS), p=list(_KINDS.values())))
    if kind == "hair":
        return strands(rng, target, hair)
    thing = _MAKERS[kind](rng, target, skin)
    if kind in ("stick", "ball", "sheet", "petals") and rng.random() < 0.4:
        at = target + np.array([rng.normal(0, 30), rng.uniform(15, 60)])
        thing = _over(_hand(rng, at, skin, hold=True), thing)
    return thing
