"""Things that may be in front of a face, drawn over a crop of one: hands, cups, sticks, paper, cloth, hair.

Hands (`hands.py`) and sticks are height fields of tapered capsules, the rest outlines of noise; light and
print are left to chance. A thing need not look real; it has to be as varied as real things are.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from .hands import hand
from .surfaces import (
    MM,
    Array,
    Field,
    N,
    Thing,
    any_colour,
    grain,
    heading,
    noise,
    of_field,
    printed,
    shaded,
    skin_near,
    turned_noise,
)

_KINDS = {"hand": 0.42, "cup": 0.07, "stick": 0.05, "ball": 0.04, "microphone": 0.05, "sheet": 0.05,
          "telephone": 0.04, "cloth": 0.10, "blob": 0.06, "hair": 0.03, "petals": 0.04,
          "limb": 0.05}  # fmt: skip


def _limb(rng: np.random.Generator, target: Array, skin: Array) -> Thing:
    """A bare or sleeved arm or a shoulder that passes by."""
    d, r, f = heading(rng.uniform(-np.pi, np.pi)), rng.uniform(18, 60) / MM, Field()
    p = target - d * r
    q = p + np.array([-d[1], d[0]]) * rng.choice([-1, 1]) * 300
    f.add(p - (q - p) * rng.uniform(0, 0.6), q, r, r * rng.uniform(0.7, 1.4))
    colour = skin_near(rng, skin) if rng.random() < 0.5 else any_colour(rng)
    return of_field(rng, f, {0: colour}, "limb", rng.uniform(0.02, 0.2))


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
        cup = _over(hand(rng, at, skin, hold=True), cup)
    return cup


def _stick(rng: np.random.Generator, target: Array, skin: Array) -> Thing:
    """A flute, pen, straw, cigarette."""
    d, r, f = heading(rng.uniform(-np.pi, np.pi)), np.exp(rng.uniform(np.log(1.5), np.log(14))) / MM, Field()
    f.add(target + d * rng.uniform(0, 120), target - d * 300, r, r * rng.uniform(0.7, 1.4))
    return of_field(rng, f, {0: any_colour(rng)}, "stick", rng.uniform(0.02, 0.2))


def _ball(rng: np.random.Generator, target: Array, skin: Array) -> Thing:
    """A lollipop, fruit on a stem."""
    d, r, f = heading(rng.normal(0, 0.8)), rng.uniform(10, 32) / MM, Field()
    f.add(target - d * r, target - d * r * rng.uniform(1.2, 2.5), r, r * rng.uniform(0.7, 1), 3, 3, 0)
    f.add(target - d * r * 2, target - d * 300, r * rng.uniform(0.3, 0.8), r * rng.uniform(0.3, 0.7), part=1)
    colour = any_colour(rng) * (0.25 if rng.random() < 0.6 else 1)
    return of_field(rng, f, {0: colour, 1: any_colour(rng) * 0.5}, "ball", rng.uniform(0.05, 0.35))


def _dark(rng: np.random.Generator) -> Array:
    """Black or nearly so, linear BGR (3,)."""
    return np.exp(rng.uniform(np.log(0.006), np.log(0.06)) + rng.normal(0, 0.12, 3))


def _microphone(rng: np.random.Generator, target: Array, skin: Array) -> Thing:
    """A head of wire or foam at ``target``, mostly dark, on its handle or its boom; some are held."""
    d, f = heading(rng.normal(0, 0.7)), Field()
    r, boom = rng.uniform(6, 30) / MM, rng.random() < 0.3
    f.add(target - d * r, target - d * r * rng.uniform(1.05, 1.8), r, r * rng.uniform(0.8, 1), 3, 3, 0)
    thin = rng.uniform(1.5, 3) / MM if boom else r * rng.uniform(0.45, 0.75)
    bent = heading(rng.uniform(-np.pi, np.pi)) if boom else d
    f.add(target - d * r * 1.5, target - bent * 300, thin, thin * rng.uniform(0.7, 1.1), part=1)
    head = _dark(rng) if rng.random() < 0.75 else any_colour(rng)
    mesh = 1 + rng.uniform(0, 0.6) * np.sign(noise(rng, (rng.uniform(40, 90),) * 2))
    thing = of_field(rng, f, {0: head, 1: _dark(rng)}, "microphone", rng.uniform(0.02, 0.2))
    colour = np.where((f.ids == 0)[..., None], thing.colour * mesh[..., None], thing.colour)
    thing = Thing(thing.alpha, colour.astype(np.float32), thing.kind)
    if not boom and rng.random() < 0.6:
        thing = _over(hand(rng, target - d * (2 * r + 25 / MM), skin, hold=True), thing)
    return thing


def _telephone(rng: np.random.Generator, target: Array, skin: Array) -> Thing:
    """A dark smooth slab with round corners that mirrors a little of the room, mostly in a hand."""
    a = rng.normal(0, 0.6)
    e, g = heading(a), heading(a + np.pi / 2)
    w, h, k = rng.uniform(45, 80) / MM, rng.uniform(90, 165) / MM, rng.uniform(4, 10) / MM
    w *= rng.uniform(0.15, 1.0)  # turned away
    m = target + e * h * rng.uniform(-0.5, 0.5) + g * (w / 2 - 2) * rng.choice([-1, 1])
    y, x = np.mgrid[:N, :N].astype(np.float32)
    u, v = np.abs((x - m[0]) * g[0] + (y - m[1]) * g[1]), np.abs((x - m[0]) * e[0] + (y - m[1]) * e[1])
    far = np.hypot(np.maximum(u - w / 2 + k, 0), np.maximum(v - h / 2 + k, 0)) - k
    colour = np.broadcast_to(_dark(rng), (N, N, 3)).astype(np.float32)
    colour = colour + (rng.uniform(0, 0.06) * np.exp(0.8 * noise(rng, (3, 3))))[..., None]
    rim = np.exp(-((far + 1) ** 2) / 2)[..., None] * rng.uniform(0, 0.4)
    colour = colour * (1 - rim) + 0.5 * rim
    thing = Thing((far < 0).astype(np.float32), colour.astype(np.float32), "telephone")
    if rng.random() < 0.7:
        thing = _over(hand(rng, m + g * rng.normal(0, w / 2) - e * h * 0.2, skin, hold=True), thing)
    return thing


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
    return of_field(rng, f, colours, "petals", 0.1)


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
    "hand": hand, "limb": _limb, "cup": _cup, "stick": _stick, "ball": _ball, "petals": _petals,
    "cloth": _cloth, "sheet": _sheet, "blob": _blob, "microphone": _microphone, "telephone": _telephone,
}  # fmt: skip


def make_thing(rng: np.random.Generator, target: Array, skin: Array, hair: Array) -> Thing:
    """One thing that reaches ``target`` px. skin, hair: linear BGR (3,) of the person."""
    kind = str(rng.choice(list(_KINDS), p=list(_KINDS.values())))
    if kind == "hair":
        return strands(rng, target, hair)
    thing = _MAKERS[kind](rng, target, skin)
    if kind in ("stick", "ball", "sheet", "petals") and rng.random() < 0.4:
        at = target + np.array([rng.normal(0, 30), rng.uniform(15, 60)])
        thing = _over(hand(rng, at, skin, hold=True), thing)
    return thing
