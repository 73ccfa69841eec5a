"""Things that may be in front of a face, drawn over a crop of one: hands, cups, sticks, paper, cloth, hair.

Everything is a height field of tapered capsules or an outline of noise, lit and textured by chance.
"""

from __future__ import annotations

import cv2
import numpy as np
from numba import njit

N = 192
MM = 168.0 / N  # mm a pixel


@njit(cache=True, nogil=True)
def capsule(z, ids, ax, ay, az, ra, bx, by, bz, rb, number):
    n = z.shape[0]
    r = max(ra, rb)
    x0, x1 = max(int(min(ax, bx) - r), 0), min(int(max(ax, bx) + r) + 2, n)
    y0, y1 = max(int(min(ay, by) - r), 0), min(int(max(ay, by) + r) + 2, n)
    dx, dy = bx - ax, by - ay
    length = dx * dx + dy * dy + 1e-6
    for y in range(y0, y1):
        for x in range(x0, x1):
            t = min(max(((x - ax) * dx + (y - ay) * dy) / length, 0.0), 1.0)
            ex, ey = x - ax - t * dx, y - ay - t * dy
            rr = ra + t * (rb - ra)
            d = rr * rr - ex * ex - ey * ey
            if d > 0.0:
                h = az + t * (bz - az) + np.sqrt(d)
                if h > z[y, x]:
                    z[y, x] = h
                    ids[y, x] = number


def noise(rng, cells, shape=(N, N)):
    """Smooth noise of about unit spread, ``cells`` (down, across) of them to a side."""
    small = rng.normal(0, 1, (max(2, int(cells[0])) + 1, max(2, int(cells[1])) + 1)).astype(np.float32)
    return cv2.resize(small, shape[::-1], interpolation=cv2.INTER_CUBIC)


def turned_noise(rng, along, across, angle):
    big = noise(rng, (along, across), (N * 3 // 2, N * 3 // 2))
    m = cv2.getRotationMatrix2D((N * 0.75, N * 0.75), float(np.degrees(angle)), 1.0)
    m[:, 2] -= N * 0.25
    return cv2.warpAffine(big, m, (N, N), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def any_colour(rng):
    """Linear BGR."""
    hue, sat, val = rng.random(), rng.beta(1.0, 1.2), np.exp(rng.uniform(np.log(0.02), np.log(0.9)))
    wheel = 0.5 + 0.5 * np.cos(2 * np.pi * (hue - np.array([0.0, 1 / 3, 2 / 3])))
    return val * (1 - sat + sat * wheel)


def shaded(rng, z, solid, light, flat=0.0):
    """Light (N, N) on a height field, about 1 where it faces the camera."""
    zz = np.where(solid, z, np.nan)
    low = np.nanmin(zz) if solid.any() else 0.0
    zz = np.where(solid, z, low - 3.0).astype(np.float32)
    zz = cv2.GaussianBlur(zz, (0, 0), 0.8)
    gx, gy = cv2.Sobel(zz, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(zz, cv2.CV_32F, 0, 1, scale=0.125)
    inv = 1.0 / np.sqrt(gx * gx + gy * gy + 1.0)
    lit = np.maximum((-gx * light[0] - gy * light[1] + light[2]) * inv, 0.0)
    hollow = cv2.GaussianBlur(zz, (0, 0), 5.0) - zz
    shade = 1.0 / (1.0 + np.maximum(hollow, 0) * 0.06)
    ambient = rng.uniform(0.15, 0.6)
    return ((1 - flat) * (ambient + (1 - ambient) * lit / max(light[2], 0.5)) + flat) * shade


def grain(rng, solid, rough):
    g = np.zeros((N, N), np.float32)
    for cells, a in ((6, 0.6), (16, 0.5), (45, 0.45), (110, 0.4)):
        g += a * noise(rng, (cells, cells))
    return np.exp(rough * g)


class Field:
    def __init__(self):
        self.z = np.full((N, N), -1e6, np.float32)
        self.ids = np.full((N, N), -1, np.int32)

    def add(self, a, b, ra, rb, za=0.0, zb=0.0, number=0):
        capsule(self.z, self.ids, a[0], a[1], za, ra, b[0], b[1], zb, rb, number)


def heading(angle):
    return np.array([np.sin(angle), -np.cos(angle)])  # 0 is up in the crop


def hand(rng, target, f, number=0, hold=False):
    """A hand whose finger tips (or knuckles) come near ``target`` px; ids number skin, number + 1 nails, + 2 sleeve."""
    k = rng.uniform(0.78, 1.12) / MM
    angle = rng.normal(0, 0.8) if rng.random() < 0.8 else rng.uniform(-np.pi, np.pi)
    side = rng.choice([-1.0, 1.0])
    fold = rng.choice([0.0, 0.35, 0.8], p=[0.35, 0.35, 0.3])  # how far fingers are bent away
    bend = rng.normal(0, 0.25) + (rng.choice([-1, 1]) * rng.uniform(0.2, 0.7) if rng.random() < 0.4 else 0)
    splay = abs(rng.normal(0.04, 0.1))
    tilt = rng.uniform(0.35, 1.0)  # the palm seen from its edge
    d = heading(angle)
    across = np.array([-d[1], d[0]]) * side
    wrist = np.zeros(2)
    tips, parts = [], []
    for i, (reach, length) in enumerate(((88, 78), (90, 86), (86, 79), (78, 62))):
        base = d * reach * k + across * (i - 1.5) * 19 * k * tilt
        parts.append((wrist + across * (i - 1.5) * 12 * k * tilt, base, 13 * k, 10.5 * k, 0.0, 4 * k, number))
        out = rng.random() < 0.15
        b = bend + (i - 1.5) * splay * side + rng.normal(0, 0.05)
        at, z = base, 4 * k
        up = fold if not out else rng.choice([0.0, 0.8])
        for j, part in enumerate((0.45, 0.3, 0.25)):
            b2 = b + bend * 0.6 * j
            h = np.cos(min(up * 1.7 * (j * 0.8 + 0.4), 2.4))
            to = at + heading(angle + b2) * length * part * h * k
            zt = z + (0.35 if hold else -0.2) * length * part * np.sqrt(max(1 - h * h, 0)) * k * rng.uniform(0.2, 1)
            parts.append((at, to, (9.4 - 0.8 * j) * k, (8.6 - 0.9 * j) * k, z, zt, number))
            if j == 2 and rng.random() < 0.5 and h > 0.3:
                u = (to - at) / (np.linalg.norm(to - at) + 1e-6)
                parts.append((to - u * 3 * k, to + u * 3.5 * k, 4.6 * k, 4.3 * k, zt + 3.2 * k, zt + 3.2 * k, number + 1))
            at, z = to, zt
        tips.append(at)
    b = -side * rng.uniform(-0.2, 1.0)
    base = d * 30 * k - across * 30 * k * tilt
    parts.append((wrist - across * 8 * k * tilt, base, 15 * k, 11 * k, 0.0, 4 * k, number))
    mid = base + heading(angle + b) * 38 * k * rng.uniform(0.5, 1)
    tip = mid + heading(angle + b + rng.normal(0, 0.3)) * 30 * k * rng.uniform(0.5, 1)
    parts.append((base, mid, 11 * k, 10 * k, 4 * k, 5 * k, number))
    parts.append((mid, tip, 10 * k, 8 * k, 5 * k, 5 * k, number))
    arm = angle + rng.normal(0, 0.25)
    elbow = wrist - heading(arm) * 330 * k
    parts.append((wrist, elbow, 21 * k, 42 * k, -6 * k, -10 * k, number))
    if rng.random() < 0.45:
        cuff = wrist - heading(arm) * rng.uniform(0, 90) * k
        parts.append((cuff, elbow, 30 * k, 55 * k, -4 * k, -2 * k, number + 2))
    touch = tips[int(rng.integers(4))] if rng.random() < 0.6 else d * 88 * k * rng.random() + across * rng.normal(0, 20)
    shift = target - touch
    for a, b_, ra, rb, za, zb, n in parts:
        f.add(a + shift, b_ + shift, ra, rb, za, zb, n)
    return shift, angle


def _curve(rng, wobble):
    x = np.linspace(0, 1, N)
    y = np.zeros(N)
    for cells in (2, 4, 9):
        y += np.interp(x, np.linspace(0, 1, cells + 1), rng.normal(0, wobble / cells**0.7, cells + 1))
    return y


def cloth(rng, target):
    """A sheet whose edge passes ``target``: (alpha, light)."""
    angle = rng.normal(0, 0.5) if rng.random() < 0.75 else rng.uniform(-np.pi, np.pi)
    d = heading(angle)
    yy, xx = np.mgrid[:N, :N].astype(np.float32)
    down = -((xx - target[0]) * d[0] + (yy - target[1]) * d[1])
    along = np.clip((xx - target[0]) * -d[1] + (yy - target[1]) * d[0] + N / 2, 0, N - 1)
    edge = np.interp(along, np.arange(N), _curve(rng, rng.uniform(0, 14)) - 0.0)
    edge -= edge[int(np.clip(target[1], 0, N - 1)), int(np.clip(target[0], 0, N - 1))]
    alpha = (down > edge).astype(np.float32)
    if rng.random() < 0.25:  # a strip
        alpha *= down < edge + rng.uniform(15, 70)
    a = angle + rng.normal(0, 0.6)
    folds = turned_noise(rng, rng.uniform(2, 5), rng.uniform(5, 22), a)
    light = np.exp(rng.uniform(0.05, 0.35) * folds) * np.exp(-0.25 * np.exp(-np.maximum(down - edge, 0) / 4.0))
    return alpha, light


def sheet(rng, target):
    """A flat thing of straight edges: paper, telephone, book."""
    w, h = np.exp(rng.uniform(np.log(25), np.log(140), 2)) / MM
    a = rng.normal(0, 0.5) if rng.random() < 0.7 else rng.uniform(0, 6.28)
    e, g = heading(a), heading(a + np.pi / 2)
    corner = target + rng.normal(0, 3, 2)
    m = corner - e * h * rng.uniform(0.2, 0.5) + g * w * rng.uniform(-0.5, 0.5)
    pts = [m + e * h / 2 * s + g * w / 2 * t for s, t in ((1, -1), (1, 1), (-1, 1), (-1, -1))]
    pts = np.array(pts) + rng.normal(0, 2, (4, 2))
    alpha = np.zeros((N, N), np.uint8)
    cv2.fillPoly(alpha, [np.round(pts * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    if rng.random() < 0.4:
        k = int(rng.integers(2, 8)) * 2 + 1
        alpha = cv2.morphologyEx(alpha, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (k, k)))
    light = np.exp(rng.uniform(0, 0.3) * noise(rng, (2, 2))).astype(np.float32)
    return alpha / 255.0, light


def blob(rng, target):
    """A lump of any outline."""
    yy, xx = np.mgrid[:N, :N].astype(np.float32)
    rx, ry = np.exp(rng.uniform(np.log(8), np.log(60), 2)) / MM
    a = rng.uniform(0, np.pi)
    u = ((xx - target[0]) * np.cos(a) + (yy - target[1]) * np.sin(a)) / rx
    v = (-(xx - target[0]) * np.sin(a) + (yy - target[1]) * np.cos(a)) / ry
    r = u * u + v * v + rng.uniform(0, 0.6) * noise(rng, (rng.integers(3, 14),) * 2)
    alpha = (r < 1.0).astype(np.float32)
    z = np.sqrt(np.maximum(1.0 - np.clip(r, 0, 1), 0)) * min(rx, ry) * rng.uniform(0.2, 1)
    return alpha, z


def strands(rng, target):
    """A lock of hair from above or the side: (alpha, light)."""
    alpha, light = np.zeros((N, N), np.uint8), np.ones((N, N), np.float32)
    wide = np.exp(rng.uniform(np.log(3), np.log(28))) / MM
    x0, y0 = target[0] + rng.normal(0, 35), -20.0
    if rng.random() < 0.3:
        x0, y0 = rng.choice([-20.0, N + 20.0]), rng.uniform(-20, N * 0.6)
    end = target + np.array([rng.normal(0, 20), rng.uniform(10, 120)])
    c = target + rng.normal(0, 10, 2)
    t = np.linspace(0, 1, 24)[:, None]
    for _ in range(int(wide * rng.uniform(2.0, 5.0)) + 2):
        o = rng.uniform(-0.5, 0.5) * wide
        s = np.array([o, 0]) * rng.uniform(0.7, 1.3)
        p = (1 - t) ** 2 * (np.array([x0, y0]) + s) + 2 * t * (1 - t) * (c + s + rng.normal(0, 2, 2)) + t * t * (end + s * rng.uniform(0.2, 1.2))
        p = np.round(p * 16).astype(np.int32)
        cv2.polylines(alpha, [p], False, 255, int(rng.integers(1, 3)), cv2.LINE_AA, 4)
        cv2.polylines(light, [p], False, float(np.exp(rng.normal(0, 0.35))), 1, cv2.LINE_AA, 4)
    return alpha / 255.0, light


def pattern(rng, alpha):
    """Print of a thing: its two colours mixed by this (N, N) 0..1."""
    kind = rng.random()
    if kind < 0.5:
        return np.zeros((N, N), np.float32)
    a = rng.uniform(0, np.pi)
    yy, xx = np.mgrid[:N, :N].astype(np.float32)
    u, v = xx * np.cos(a) + yy * np.sin(a), -xx * np.sin(a) + yy * np.cos(a)
    p = np.exp(rng.uniform(np.log(4), np.log(50)))
    if kind < 0.65:
        return ((u % p) < p * rng.uniform(0.2, 0.8)).astype(np.float32)
    if kind < 0.75:
        return (((u % p) < p / 2) ^ ((v % p) < p / 2)).astype(np.float32)
    if kind < 0.85:  # writing
        rows = (v % (p / 2 + 4)) < (p / 4 + 1)
        return (rows & (noise(rng, (60, 60)) > 0.1)).astype(np.float32)
    return (noise(rng, (p, p)) > rng.normal(0, 0.5)).astype(np.float32)


class Thing:
    """alpha (N, N) 0..1 and linear colour (N, N, 3)."""

    def __init__(self, alpha, colour, kind):
        self.alpha, self.colour, self.kind = alpha.astype(np.float32), colour.astype(np.float32), kind


def _light(rng):
    v = np.array([rng.normal(0, 0.6), rng.normal(-0.3, 0.6), 1.0])
    return v / np.linalg.norm(v)


def skin_near(rng, skin):
    tone = np.exp(rng.normal(0.0, 0.35)) if rng.random() < 0.85 else np.exp(rng.normal(0, 0.8))
    return skin * tone * np.exp(rng.normal(0, 0.07, 3))


def from_field(rng, f, colours, kind, rough):
    solid = f.ids >= 0
    light = shaded(rng, f.z, solid, _light(rng), 0.0)
    colour = np.zeros((N, N, 3), np.float32)
    for number, c in colours.items():
        colour[f.ids == number] = c
    ids = f.ids
    for number, c2 in list(colours.items()):
        if number % 10 == 2 and number in ids:
            m = pattern(rng, None)[..., None]
            colour = np.where((ids == number)[..., None], colour * (1 - m) + any_colour(rng) * m, colour)
    colour = colour * (light * grain(rng, solid, rough))[..., None]
    if rng.random() < 0.4:
        zz = np.where(solid, f.z, 0).astype(np.float32)
        gx, gy = cv2.Sobel(zz, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(zz, cv2.CV_32F, 0, 1, scale=0.125)
        o = rng.normal(0, 0.5, 2)
        shine = np.exp(-((gx - o[0]) ** 2 + (gy - o[1]) ** 2) / 0.08) * rng.uniform(0, 0.35)
        colour = colour + (shine * colour.max(-1))[..., None]
    return Thing(solid.astype(np.float32), colour, kind)


def make_thing(rng, target, skin, hair):
    """One thing that reaches ``target`` px. skin, hair: linear BGR of the person."""
    kind = rng.choice(["hand", "cup", "stick", "ball", "sheet", "cloth", "blob", "hair", "petals", "limb"],
                      p=[0.42, 0.07, 0.06, 0.06, 0.08, 0.10, 0.08, 0.04, 0.04, 0.05])  # fmt: skip
    f = Field()
    own = skin_near(rng, skin)
    if kind == "hand":
        hand(rng, target, f, 0)
        if rng.random() < 0.2:
            hand(rng, target + rng.normal(0, 45, 2), f, 0)
        nail = own * rng.uniform(0.9, 1.3) if rng.random() < 0.6 else any_colour(rng)
        return from_field(rng, f, {0: own, 1: nail, 2: any_colour(rng)}, "hand", rng.uniform(0.02, 0.14))
    if kind == "limb":
        a = rng.uniform(-np.pi, np.pi)
        r = rng.uniform(18, 60) / MM
        d = heading(a)
        p = target - d * r
        q = p + np.array([-d[1], d[0]]) * rng.choice([-1, 1]) * 300
        f.add(p - (q - p) * rng.uniform(0, 0.6), q, r, r * rng.uniform(0.7, 1.4))
        c = own if rng.random() < 0.5 else any_colour(rng)
        return from_field(rng, f, {0: c}, "limb", rng.uniform(0.02, 0.2))
    if kind == "cup":
        w, h = rng.uniform(22, 55) / MM, rng.uniform(60, 130) / MM
        d = heading(rng.normal(0, 0.45))
        side = np.array([-d[1], d[0]])
        yy, xx = np.mgrid[:N, :N].astype(np.float32)
        u = ((xx - target[0]) * side[0] + (yy - target[1]) * side[1]) / w
        v = -((xx - target[0]) * d[0] + (yy - target[1]) * d[1]) + rng.uniform(-4, 12)
        taper = 1.0 - rng.uniform(-0.2, 0.35) * v / h
        top = rng.uniform(0, 0.3) * w * np.sqrt(np.maximum(1 - u * u, 0))
        alpha = (np.abs(u) < taper) & (v > -top) & (v < h)
        z = w * np.sqrt(np.maximum(1 - (u / np.maximum(taper, 0.1)) ** 2, 0))
        light = shaded(rng, z.astype(np.float32), alpha, _light(rng), rng.uniform(0, 0.5))
        m = pattern(rng, None)[..., None]
        colour = (any_colour(rng) * (1 - m) + any_colour(rng) * m) * light[..., None]
        colour = np.where((v < top)[..., None], colour * rng.uniform(0.3, 1.5), colour)
        t = Thing(alpha.astype(np.float32), colour, "cup")
        if rng.random() < 0.6:
            hand(rng, target - d * rng.uniform(20, 70) + side * rng.normal(0, 25), f, 0, hold=True)
            h2 = from_field(rng, f, {0: own, 1: own * 1.1, 2: any_colour(rng)}, "hand", rng.uniform(0.02, 0.12))
            t = Thing(np.maximum(t.alpha, h2.alpha), np.where(h2.alpha[..., None] > 0, h2.colour, t.colour), "cup")
        return t
    if kind == "stick":
        d = heading(rng.uniform(-np.pi, np.pi))
        r = np.exp(rng.uniform(np.log(1.5), np.log(14))) / MM
        f.add(target + d * rng.uniform(0, 120), target - d * 300, r, r * rng.uniform(0.7, 1.4))
        t = from_field(rng, f, {0: any_colour(rng)}, "stick", rng.uniform(0.02, 0.2))
    elif kind == "ball":
        d = heading(rng.normal(0, 0.8))
        r = rng.uniform(10, 32) / MM
        f.add(target - d * r, target - d * r * rng.uniform(1.2, 2.5), r, r * rng.uniform(0.7, 1), 3, 3, 0)
        f.add(target - d * r * 2, target - d * 300, r * rng.uniform(0.3, 0.8), r * rng.uniform(0.3, 0.7), 0, 0, 1)
        dark = any_colour(rng) * (0.25 if rng.random() < 0.6 else 1)
        t = from_field(rng, f, {0: dark, 1: any_colour(rng) * 0.5}, "ball", rng.uniform(0.05, 0.35))
    elif kind == "petals":
        for j in range(int(rng.integers(3, 14))):
            p = target + rng.normal(0, 14, 2)
            f.add(p, p + heading(rng.uniform(0, 6.28)) * rng.uniform(8, 35), rng.uniform(3, 9), rng.uniform(4, 14),
                  rng.uniform(0, 6), rng.uniform(0, 10), int(rng.integers(0, 2)))  # fmt: skip
        f.add(target, target - heading(rng.normal(0, 1)) * 200, 2, 2, -5, -5, 3)
        c = any_colour(rng)
        t = from_field(rng, f, {0: c, 1: c * np.exp(rng.normal(0, 0.3, 3)), 3: np.array([0.05, 0.2, 0.08])}, "petals", 0.1)
    else:
        if kind == "blob":
            alpha, z = blob(rng, target)
            light = shaded(rng, z, alpha > 0, _light(rng), rng.uniform(0, 1))
        else:
            alpha, light = {"cloth": cloth, "sheet": sheet, "hair": strands}[kind](rng, target)
        m = pattern(rng, None)[..., None]
        c = any_colour(rng)
        if kind == "sheet" and rng.random() < 0.4:
            c = np.full(3, rng.uniform(0.5, 0.95))
        if kind == "hair":
            c, m = hair * np.exp(rng.normal(0, 0.5)), 0.0
        colour = (c * (1 - m) + any_colour(rng) * m) * light[..., None] * grain(rng, None, rng.uniform(0, 0.15))[..., None]
        t = Thing(alpha, colour, str(kind))
    if kind in ("stick", "ball", "sheet", "petals") and rng.random() < 0.4:
        g = Field()
        hand(rng, target + np.array([rng.normal(0, 30), rng.uniform(15, 60)]), g, 0, hold=True)
        h2 = from_field(rng, g, {0: own, 1: own * 1.1, 2: any_colour(rng)}, "hand", rng.uniform(0.02, 0.12))
        t = Thing(np.maximum(t.alpha, h2.alpha), np.where(h2.alpha[..., None] > 0, h2.colour, t.colour), t.kind)
    return t
