"""Fabrics whose pattern is in the threads: checks, plaids, stripes, denim, knits, tweeds, lace."""

from __future__ import annotations

import numpy as np

from .tile import Map, Rgb, Tile, periodic_noise, smooth, wrapped


def _twill(t: Tile, threads: int, depth: float, slope: int = 1) -> None:
    t.shade(1.0 + depth * np.cos(2 * np.pi * threads * (t.x + slope * t.y)))


def _bands(at: Map, bands: list[tuple[float, float]]) -> Map:
    """1 inside any of the bands (middle, width) of the coordinate 0..1."""
    out = np.zeros_like(at)
    for middle, width in bands:
        out = np.maximum(out, smooth(np.abs(wrapped(at - middle)) - width / 2))
    return out


def _half(t: Tile, color: Rgb, warp: Map, weft: Map) -> None:
    """Colour shows full where both threads have it, and in every other thread where one has."""
    over = 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * 64 * (t.x + t.y)))
    t.ink(color, warp * (0.5 + 0.35 * over) * (1 - weft) + weft * (0.5 + 0.35 * (1 - over)) * (1 - warp))
    t.ink(color, warp * weft)


def gingham() -> Tile:
    t = Tile((240, 241, 242))
    stripes = [(0.125 + 0.25 * k, 0.125) for k in range(4)]
    _half(t, (58, 96, 158), _bands(t.x, stripes), _bands(t.y, stripes))
    t.weave(64, 0.03)
    return t


def buffalo_check() -> Tile:
    t = Tile((158, 32, 38))
    bands = [(0.25, 0.5)]
    _half(t, (26, 24, 26), _bands(t.x, bands), _bands(t.y, bands))
    _twill(t, 48, 0.05)
    return t


def _tartan(ground: Rgb, setts: list[tuple[Rgb, list[tuple[float, float]]]]) -> Tile:
    t = Tile(ground)
    for color, bands in setts:
        _half(t, color, _bands(t.x, bands), _bands(t.y, bands))
    _twill(t, 56, 0.06)
    return t


def tartan_green() -> Tile:
    return _tartan(
        (28, 62, 46),
        [
            ((22, 32, 66), [(0.25, 0.30)]),
            ((16, 18, 22), [(0.06, 0.05), (0.44, 0.05)]),
            ((206, 178, 84), [(0.75, 0.018)]),
        ],
    )


def tartan_red() -> Tile:
    return _tartan(
        (164, 30, 36),
        [
            ((26, 52, 40), [(0.3, 0.26)]),
            ((24, 28, 56), [(0.3, 0.08), (0.82, 0.05)]),
            ((232, 226, 212), [(0.6, 0.014), (0.0, 0.014)]),
        ],
    )


def windowpane() -> Tile:
    t = Tile((122, 126, 132))
    lines = [(0.25, 0.016), (0.75, 0.016)]
    _half(t, (222, 222, 218), _bands(t.x, lines), _bands(t.y, lines))
    t.shade(1.0 + 0.05 * periodic_noise(301, 64))
    _twill(t, 64, 0.05)
    return t


def breton() -> Tile:
    t = Tile((238, 236, 228))
    t.ink((34, 44, 78), _bands(t.y, [(0.125 + 0.25 * k, 0.09) for k in range(4)]))
    _ribs(t, 40, 0.05)
    return t


def _ribs(t: Tile, count: int, depth: float) -> None:
    t.shade(1.0 + depth * np.cos(2 * np.pi * count * t.x))


def pinstripe() -> Tile:
    t = Tile((40, 46, 62))
    dash = 0.6 + 0.4 * np.cos(2 * np.pi * 48 * t.y)
    t.ink((186, 190, 198), _bands(t.x, [(0.125 + 0.25 * k, 0.012) for k in range(4)]) * dash)
    _twill(t, 64, 0.06)
    return t


def candy_stripe() -> Tile:
    t = Tile((244, 240, 236))
    t.ink((206, 92, 112), _bands((t.x + t.y) % 1.0, [(0.125 + 0.25 * k, 0.12) for k in range(4)]))
    t.weave(64, 0.03)
    return t


_SERAPE: list[tuple[float, float, Rgb]] = [
    (0.10, 0.10, (228, 148, 54)),
    (0.22, 0.06, (236, 206, 92)),
    (0.33, 0.08, (66, 128, 96)),
    (0.45, 0.10, (40, 92, 140)),
    (0.57, 0.05, (236, 232, 222)),
    (0.66, 0.08, (112, 58, 110)),
    (0.84, 0.05, (34, 32, 38)),
]


def serape() -> Tile:
    t = Tile((196, 68, 52))
    for middle, width, color in _SERAPE:
        t.ink(color, _bands(t.y, [(middle, width)]))
    _ribs(t, 72, 0.07)
    t.shade(1.0 + 0.05 * periodic_noise(305, 48))
    return t


def denim() -> Tile:
    t = Tile((58, 82, 124))
    _twill(t, 40, 0.13)
    slub = periodic_noise(310, 128) * 0.06 + periodic_noise(311, 12) * 0.05
    t.shade(1.0 + slub + 0.04 * np.cos(2 * np.pi * 90 * t.x))
    t.ink((196, 208, 224), 0.16 * np.clip(np.cos(2 * np.pi * 40 * (t.x + t.y)), 0, 1) ** 3)
    return t


def knit() -> Tile:
    """Stocking stitch: columns of V."""
    t = Tile((150, 148, 150))
    columns, rows = 12, 16
    u, row = (t.x * columns) % 1.0, t.y * rows
    lean = np.abs(u - 0.5)
    v = (row + 1.1 * lean) % 1.0
    bulge = np.sin(np.pi * v) ** 0.7 * np.clip(np.sin(np.pi * 2 * np.clip(lean, 0.0, 0.5)), 0, 1) ** 0.5
    t.shade(0.62 + 0.5 * bulge + 0.04 * periodic_noise(315, 96))
    return t


def aran() -> Tile:
    """Cables between ribs, in cream wool."""
    t = Tile((216, 206, 186))
    phase = np.sin(2 * np.pi * 2 * t.y)
    light = np.full_like(t.x, 0.80)
    for middle in (0.25, 0.75):
        for sign in (1.0, -1.0):
            d = wrapped(t.x - middle - sign * 0.055 * phase)
            over = 0.5 + 0.5 * sign * np.cos(2 * np.pi * 2 * t.y)
            rope = np.clip(1 - (d / 0.05) ** 2, 0, 1)
            light = np.maximum(light, 0.80 + 0.28 * rope**0.6 * (0.65 + 0.35 * over))
        light = light - 0.22 * smooth(np.abs(np.abs(wrapped(t.x - middle)) - 0.135) - 0.012, 0.02)
    strands = 0.05 * np.cos(2 * np.pi * (36 * t.y + 3 * np.sin(2 * np.pi * 2 * t.x)))
    t.shade(light + strands + 0.03 * periodic_noise(318, 80))
    return t


def herringbone() -> Tile:
    t = Tile((98, 94, 90))
    columns = 8
    side = np.where((t.x * columns).astype(int) % 2 == 0, 1.0, -1.0)
    line = np.sin(2 * np.pi * (24 * t.y + side * columns * 2.5 * t.x))
    t.ink((186, 180, 170), 0.85 * np.clip(0.5 + 1.6 * line, 0, 1))
    t.shade(1.0 + 0.07 * periodic_noise(321, 110))
    return t


def tweed() -> Tile:
    t = Tile((104, 88, 68))
    _twill(t, 36, 0.14)
    for seed, color, least in (
        (325, (174, 150, 108), 1.2),
        (326, (62, 72, 58), 1.1),
        (327, (158, 84, 52), 1.7),
    ):
        t.ink(color, 0.8 * np.clip((periodic_noise(seed, 128) - least) * 3, 0, 1))
    t.shade(1.0 + 0.10 * periodic_noise(328, 128))
    return t


def houndstooth() -> Tile:
    t = Tile((236, 234, 230))
    repeats, cells = 4, 8
    i, j = np.floor(t.x * repeats * cells).astype(int), np.floor(t.y * repeats * cells).astype(int)
    warp, weft = i % cells < cells // 2, j % cells < cells // 2
    over = (i + j) % 4 < 2  # a 2/2 twill over four dark and four light threads
    t.ink((30, 30, 34), np.where(over, warp, weft).astype(float))
    t.shade(1.0 + 0.03 * periodic_noise(331, 128))
    return t


def argyle() -> Tile:
    t = Tile((52, 66, 92))
    d = np.abs(wrapped(t.x)) * 2 + np.abs(wrapped(t.y)) * 1.0
    t.ink((146, 156, 170), smooth(d - 0.5, 0.02))
    u, v = t.x - 0.5, t.y - 0.5
    t.ink((124, 42, 56), smooth(np.abs(wrapped(u)) * 2 + np.abs(wrapped(v)) - 0.5, 0.02) * 0.92)
    for s in (1, -1):
        line = np.abs(wrapped(2 * t.x + s * t.y - 0.5)) - 0.012
        t.ink((232, 226, 212), smooth(line, 0.01) * (0.6 + 0.4 * np.sign(np.sin(2 * np.pi * 40 * t.y))))
    _ribs(t, 40, 0.05)
    return t


def corduroy() -> Tile:
    t = Tile((120, 86, 58))
    wale = np.abs(np.sin(np.pi * 16 * t.x)) ** 0.6
    t.shade(0.55 + 0.55 * wale + 0.06 * periodic_noise(335, 110))
    return t


def lace() -> Tile:
    """White thread over whatever lies under it: net, flowers and scallops."""
    t = Tile()
    white = (246, 244, 240)
    net = np.minimum(np.abs(np.sin(np.pi * 28 * (t.x + t.y))), np.abs(np.sin(np.pi * 28 * (t.x - t.y))))
    t.ink(white, 0.8 * smooth(net - 0.28, 0.2))
    for cx, cy in ((0.25, 0.25), (0.75, 0.75)):
        r, a = t.polar(cx, cy)
        petals = r - 0.13 - 0.05 * np.cos(6 * a)
        t.ink(white, 0.97 * smooth(petals, 0.01))
        t.ink((206, 204, 200), smooth(np.abs(petals + 0.035) - 0.006, 0.008))
        t.ink((206, 204, 200), smooth(np.abs(r - 0.035) - 0.008, 0.008))
    for cx, cy in ((0.75, 0.25), (0.25, 0.75)):
        r, _ = t.polar(cx, cy)
        t.ink(white, smooth(np.abs(r - 0.13) - 0.018, 0.01) + smooth(np.abs(r - 0.06) - 0.014, 0.01))
    return t


WEAVES = {
    "gingham": (gingham, 24.0),
    "buffalo_check": (buffalo_check, 44.0),
    "tartan_green": (tartan_green, 46.0),
    "tartan_red": (tartan_red, 50.0),
    "windowpane": (windowpane, 46.0),
    "breton_stripe": (breton, 46.0),
    "pinstripe": (pinstripe, 34.0),
    "candy_stripe": (candy_stripe, 40.0),
    "serape": (serape, 80.0),
    "denim": (denim, 40.0),
    "knit": (knit, 44.0),
    "aran": (aran, 60.0),
    "herringbone": (herringbone, 34.0),
    "tweed": (tweed, 40.0),
    "houndstooth": (houndstooth, 36.0),
    "argyle": (argyle, 56.0),
    "corduroy": (corduroy, 40.0),
    "lace": (lace, 40.0),
}
