"""Printed and dyed fabrics: dots, flowers, animals, camouflage, waves, dyes, marks of our own."""

from __future__ import annotations

import numpy as np

from .tile import Map, Rgb, Tile, periodic_noise, scattered, smooth, wrapped


def dots() -> Tile:
    """White dots; the mask's colour is the ground."""
    t = Tile()
    for cx, cy in ((0.25, 0.25), (0.75, 0.25), (0.0, 0.75), (0.5, 0.75)):
        t.ink((246, 245, 242), smooth(t.polar(cx, cy)[0] - 0.085))
    return t


def confetti() -> Tile:
    t = Tile((244, 241, 234))
    colors = [(214, 84, 76), (70, 130, 170), (236, 184, 74), (86, 150, 110), (120, 90, 150)]
    for k, (cx, cy, turn) in enumerate(scattered(401, 34, 0.12)):
        t.ink(colors[k % 5], smooth(t.polar(cx, cy)[0] - 0.025 - 0.02 * turn))
    t.weave(64, 0.025)
    return t


def _flower(
    t: Tile, at: tuple[float, float, float], size: float, petals: int, color: Rgb, heart: Rgb
) -> None:
    cx, cy, turn = at
    r, a = t.polar(cx, cy, turn)
    edge = size * (0.62 + 0.38 * np.abs(np.cos(petals * a / 2)) ** 0.7)
    t.ink(color, smooth(r - edge))
    dark: Rgb = tuple(int(0.78 * c) for c in color)  # type: ignore[assignment]
    t.ink(
        dark, 0.6 * smooth(np.abs(np.sin(petals * a / 2)) * r - 0.004, 0.006) * smooth(r - 0.72 * size, 0.02)
    )
    t.ink(heart, smooth(r - 0.26 * size))


def _leaf(t: Tile, at: tuple[float, float, float], length: float, color: Rgb) -> None:
    x, y = t.local(*at)
    s = np.clip(x / length, 0.0, 1.0)
    half = 0.30 * length * np.sin(np.pi * s) ** 0.8
    inside = smooth(np.abs(y) - half) * (x > 0) * (x < length)
    t.ink(color, inside)
    pale: Rgb = tuple(min(255, int(1.22 * c) + 12) for c in color)  # type: ignore[assignment]
    t.ink(pale, 0.7 * inside * smooth(np.abs(y) - 0.003))


def ditsy() -> Tile:
    """Small flowers on navy."""
    t = Tile((40, 52, 82))
    colors = [(232, 150, 150), (240, 226, 196), (226, 184, 92), (206, 116, 124)]
    for k, at in enumerate(scattered(411, 24, 0.155)):
        for j in range(2):
            _leaf(t, (at[0], at[1], at[2] + 0.3 + 0.5 * j), 0.085, (96, 132, 98))
        _flower(t, at, 0.055, 5, colors[k % 4], (246, 226, 140))
    t.weave(64, 0.03)
    return t


def roses() -> Tile:
    """Large flowers with leaves on cream."""
    t = Tile((240, 233, 218))
    for k, at in enumerate(scattered(417, 7, 0.33)):
        for j in range(4):
            _leaf(
                t, (at[0], at[1], at[2] + 0.25 * j + 0.08), 0.21, (92, 122, 84) if j % 2 else (122, 146, 104)
            )
        color = [(190, 70, 84), (222, 130, 130), (206, 96, 90)][k % 3]
        r, a = t.polar(*at)
        edge = 0.125 * (0.86 + 0.14 * np.cos(5 * a))
        t.ink(color, smooth(r - edge))
        swirl = np.sin(a * 1.0 + r * 130 + 1.5 * np.sin(3 * a))
        dark: Rgb = tuple(int(0.70 * c) for c in color)  # type: ignore[assignment]
        pale: Rgb = tuple(min(255, int(1.12 * c) + 14) for c in color)  # type: ignore[assignment]
        t.ink(dark, 0.75 * np.clip(swirl * 3 - 1.6, 0, 1) * smooth(r - edge))
        t.ink(pale, 0.7 * np.clip(-swirl * 3 - 1.8, 0, 1) * smooth(r - edge))
    t.weave(64, 0.02)
    return t


def leaves() -> Tile:
    t = Tile((226, 232, 222))
    greens = [(64, 104, 74), (104, 140, 96), (40, 78, 66), (150, 170, 120)]
    for k, at in enumerate(scattered(421, 30, 0.12)):
        _leaf(t, at, 0.16 + 0.05 * at[2], greens[k % 4])
    t.weave(64, 0.02)
    return t


def _camouflage(ground: Rgb, colors: list[Rgb], seed: int) -> Tile:
    t = Tile(ground)
    for k, color in enumerate(colors):
        n = periodic_noise(seed + 3 * k, 5) + 0.55 * periodic_noise(seed + 3 * k + 1, 10)
        t.ink(color, smooth(0.42 - n + 0.12 * periodic_noise(seed + 3 * k + 2, 28), 0.05))
    t.weave(64, 0.03)
    return t


def camouflage_woodland() -> Tile:
    return _camouflage((118, 112, 78), [(68, 80, 50), (84, 62, 44), (30, 32, 28)], 431)


def camouflage_urban() -> Tile:
    return _camouflage((150, 154, 156), [(96, 100, 104), (206, 208, 206), (46, 48, 52)], 441)


def paisley() -> Tile:
    """Bent drops with rings inside, on deep red."""
    t = Tile((128, 30, 40))
    cream, navy = (236, 220, 188), (38, 46, 84)

    def drop(x: Map, y: Map, s: float) -> Map:
        bend = 0.9 * np.clip(y / s, -1, 1) ** 2 * s * 0.5
        radius = s * (0.55 - 0.52 * np.clip(y / s, -0.6, 1.0))
        return np.hypot(x - bend, np.where(y > -0.25 * s, 0.0, y + 0.25 * s)) - np.clip(radius, 0.0, 0.6 * s)

    for cx, cy, turn in ((0.26, 0.28, 0.06), (0.76, 0.24, 0.58), (0.25, 0.78, 0.62), (0.77, 0.76, 0.10)):
        x, y = t.local(cx, cy, turn)
        d = np.where(np.abs(y) < 0.19, drop(x, y, 0.175), 1.0)
        t.ink(cream, smooth(d))
        t.ink(navy, smooth(d + 0.018))
        t.ink(cream, smooth(np.abs(d + 0.038) - 0.006))
        r, a = np.hypot(x, y + 0.06), np.arctan2(y + 0.06, x)
        t.ink((202, 132, 62), smooth(r - 0.034 * (0.7 + 0.3 * np.cos(6 * a))))
        beads = np.abs(np.sin(a * 9)) - 0.75
        t.ink(cream, smooth(np.abs(d - 0.022) - 0.007) * smooth(beads, 0.4))
    free = (np.abs(t.rgb - np.array((128, 30, 40)) / 255.0).max(-1) < 0.02).astype(float)
    for at in scattered(447, 26, 0.1):
        r, a = t.polar(*at)
        t.ink(cream, free * smooth(r - 0.012 * (0.7 + 0.3 * np.cos(5 * a))))
    return t


def triangles() -> Tile:
    t = Tile((236, 232, 224))
    colors = [(72, 110, 128), (206, 140, 96), (150, 172, 160), (60, 66, 82), (222, 190, 120), (236, 232, 224)]
    n = 6
    i, j = np.floor(t.x * n).astype(int), np.floor(t.y * n).astype(int)
    up = (t.x * n) % 1 + (t.y * n) % 1 < 1
    pick = np.random.default_rng(451).integers(0, len(colors), (n, n, 2))
    which = pick[j % n, i % n, up.astype(int)]
    for k, color in enumerate(colors):
        t.ink(color, (which == k).astype(float))
    t.weave(64, 0.02)
    return t


def hexagons() -> Tile:
    """A honeycomb of lines; the mask's colour is the ground."""
    t = Tile()
    centres = [((column + 0.5 * (row % 2)) / 7, row / 8) for row in range(8) for column in range(7)]
    far = np.stack([t.polar(cx, cy)[0] for cx, cy in centres])
    first, second = np.partition(far, 1, axis=0)[:2]
    t.ink((236, 236, 234), 0.95 * smooth(second - first - 0.016, 0.008))
    return t


def stars() -> Tile:
    t = Tile()
    for cx, cy, turn in scattered(461, 12, 0.24):
        r, a = t.polar(cx, cy, turn)
        m = np.abs(((a / (2 * np.pi) * 5) % 1.0) - 0.5) * 2 * np.pi / 5
        edge = 0.075 * np.cos(np.pi / 5 * 2) / np.cos(np.pi / 5 * 2 - (np.pi / 5 - m))
        t.ink((244, 240, 226), smooth(r - edge))
    return t


def hearts() -> Tile:
    t = Tile((246, 236, 234))
    for k, (cx, cy) in enumerate(((0.25, 0.25), (0.75, 0.25), (0.0, 0.75), (0.5, 0.75))):
        x, y = t.local(cx, cy, 0.0)
        x, y = x / 0.105, -y / 0.105
        d = (x**2 + (1.15 * y - np.sqrt(np.abs(x) + 1e-9) * 0.85) ** 2) - 1.0
        t.ink((196, 52, 70) if k % 3 else (222, 118, 128), smooth(d, 0.12))
    t.weave(64, 0.02)
    return t


def leopard() -> Tile:
    t = Tile((206, 164, 108))
    t.shade(1.0 + 0.05 * periodic_noise(471, 8))
    for cx, cy, turn in scattered(472, 40, 0.118):
        r, a = t.polar(cx, cy, turn)
        wobble = 0.052 + 0.010 * np.cos(2 * a) + 0.008 * np.sin(3 * a + 9 * turn)
        t.ink((158, 104, 58), smooth(r - wobble + 0.012, 0.02))
        gaps = smooth(0.35 - np.abs(np.sin(1.5 * a + 5 * turn)), 0.25)
        t.ink((44, 30, 24), smooth(np.abs(r - wobble) - 0.013, 0.01) * gaps)
    return t


def zebra() -> Tile:
    t = Tile((238, 235, 228))
    bend = 0.28 * periodic_noise(475, 3) + 0.12 * periodic_noise(476, 6)
    stripe = np.sin(2 * np.pi * (7 * t.y + bend + 0.5 * np.sin(2 * np.pi * t.x)))
    t.ink((28, 26, 28), smooth(0.15 + 0.35 * periodic_noise(477, 5) - stripe, 0.25))
    return t


def tie_dye() -> Tile:
    """Dyed while twisted up: rings of bleeding dyes round one spot, drawn out along folds; pale creases."""
    t = Tile((58, 96, 168))
    t.shade(1.0 + 0.10 * periodic_noise(481, 6) + 0.05 * periodic_noise(482, 20))
    r, a = t.polar(0.5, 0.5)
    # a dye runs further along a fold than across it; whole numbers of rays close round the spot
    run = 0.022 * np.cos(9 * a + 1.6 * periodic_noise(484, 5))
    run += 0.012 * np.cos(23 * a + periodic_noise(485, 7))
    far = r + run * smooth(0.05 - r, 0.12) + 0.016 * periodic_noise(486, 12)
    dyes = (((92, 176, 190), 0.42), ((240, 236, 226), 0.335), ((232, 196, 84), 0.30), ((226, 120, 92), 0.20))
    for color, reach in (*dyes, ((176, 66, 128), 0.11)):
        t.ink(color, 0.92 * smooth(far - reach, 0.05))
    creases = smooth(np.abs(np.sin(7.0 * a + 0.8 * periodic_noise(487, 9))) - 0.03, 0.22)
    t.ink((244, 242, 236), 0.45 * creases * smooth(0.04 - r, 0.1) * smooth(r - 0.34, 0.12))
    t.weave(64, 0.02)
    return t


def batik() -> Tile:
    """Wax-resist: indigo ground, pale rosettes, veins where the wax cracked."""
    t = Tile((36, 52, 92))
    t.shade(1.0 + 0.10 * periodic_noise(491, 7) + 0.06 * periodic_noise(492, 24))
    pale = (208, 214, 214)
    for cx, cy in ((0.25, 0.25), (0.75, 0.75)):
        r, a = t.polar(cx, cy)
        t.ink(pale, smooth(np.abs(r - 0.17 - 0.02 * np.cos(8 * a)) - 0.012, 0.012))
        t.ink(pale, smooth(r - 0.11 * (0.55 + 0.45 * np.abs(np.cos(4 * a))), 0.012))
        t.ink((154, 92, 52), smooth(r - 0.035, 0.012))
    for cx, cy in ((0.75, 0.25), (0.25, 0.75)):
        r, a = t.polar(cx, cy)
        ring = np.abs(r - 0.14) - 0.03
        t.ink(pale, 0.95 * smooth(ring, 0.01) * smooth(np.cos(16 * a), 0.4))
        t.ink((154, 92, 52), smooth(r - 0.06, 0.012))
    veins = np.abs(periodic_noise(493, 9) + 0.5 * periodic_noise(494, 18))
    t.ink((30, 40, 72), 0.55 * smooth(veins - 0.035, 0.03))
    return t


def waves() -> Tile:
    """Overlapping fans of arcs."""
    t = Tile((44, 74, 110))
    n = 4
    done = np.zeros_like(t.x)
    for row in range(2 * n, -3, -1):  # the nearer fan covers the one behind
        for column in range(n):
            cx, cy = (column + 0.5 * (row % 2)) / n, row / (2 * n)
            dy = t.y - cy
            r = np.hypot(wrapped(t.x - cx), dy) * n
            inside = (r < 0.5) & (dy <= 0) & (done == 0)
            ring = smooth(np.abs((r * 8) % 1.0 - 0.5) - 0.22, 0.15)
            t.ink((222, 228, 230), inside * ring * (r > 0.1))
            done = np.maximum(done, inside)
    t.weave(64, 0.02)
    return t


def terrazzo() -> Tile:
    t = Tile((232, 228, 222))
    colors = [(188, 120, 98), (96, 110, 112), (214, 182, 130), (148, 166, 156), (70, 72, 80)]
    for k, (cx, cy, turn) in enumerate(scattered(501, 36, 0.115)):
        r, a = t.polar(cx, cy, turn)
        edge = 0.042 * (1 + 0.35 * np.cos(2 * a) + 0.25 * np.cos(3 * a + 7 * turn) + 0.12 * np.cos(5 * a))
        t.ink(colors[k % 5], smooth(r - edge * (0.6 + 0.7 * turn)))
    return t


def logo_rings() -> Tile:
    """A made-up mark: two rings that overlap and a bar, repeated; the mask's colour is the ground."""
    t = Tile()
    for cx, cy in ((0.25, 0.25), (0.75, 0.75)):
        mark = np.zeros_like(t.x)
        for side in (-0.05, 0.05):
            mark = np.maximum(mark, smooth(np.abs(t.polar(cx + side, cy)[0] - 0.075) - 0.012))
        x, y = t.local(cx, cy + 0.13, 0.0)
        mark = np.maximum(mark, smooth(np.maximum(np.abs(x) - 0.125, np.abs(y) - 0.012)))
        t.ink((232, 226, 210), 0.95 * mark)
    return t


def logo_peak() -> Tile:
    """A made-up mark: a peak in a rounded square, with a dot."""
    t = Tile((34, 36, 42))
    for cx, cy in ((0.25, 0.25), (0.75, 0.75)):
        x, y = t.local(cx, cy, 0.0)
        box = np.maximum(np.abs(x), np.abs(y))
        t.ink(
            (214, 92, 60),
            smooth(np.hypot(np.maximum(np.abs(x) - 0.07, 0), np.maximum(np.abs(y) - 0.07, 0)) - 0.045),
        )
        peak = np.maximum(np.abs(x) * 1.1 - (y + 0.055) * 0.9, y - 0.06)
        t.ink((246, 242, 236), smooth(peak) * (box < 0.11))
        t.ink((246, 242, 236), smooth(np.hypot(x - 0.055, y + 0.055) - 0.018))
    t.weave(64, 0.03)
    return t


PRINTS = {
    "dots": (dots, 22.0),
    "confetti": (confetti, 60.0),
    "ditsy_floral": (ditsy, 60.0),
    "roses": (roses, 90.0),
    "leaves": (leaves, 80.0),
    "camouflage_woodland": (camouflage_woodland, 110.0),
    "camouflage_urban": (camouflage_urban, 110.0),
    "paisley": (paisley, 56.0),
    "triangles": (triangles, 90.0),
    "hexagons": (hexagons, 60.0),
    "stars": (stars, 60.0),
    "hearts": (hearts, 34.0),
    "leopard": (leopard, 70.0),
    "zebra": (zebra, 80.0),
    "tie_dye": (tie_dye, 120.0),
    "batik": (batik, 60.0),
    "waves": (waves, 46.0),
    "terrazzo": (terrazzo, 70.0),
    "logo_rings": (logo_rings, 40.0),
    "logo_peak": (logo_peak, 44.0),
}
