"""A training sample: a crop of a bare face with things before it, behind it and none, as a camera saw it."""

from __future__ import annotations

import cv2
import numpy as np

from maskgen.paint.occluder_frame import SIDE, channels
from maskgen.paint.tone import LINEAR

from .things import MM, N, make_thing, noise, turned_noise, any_colour

_TO_BYTE = np.interp(np.linspace(0, 1, 4096), LINEAR, np.arange(256)).astype(np.float32)


def encode(linear):
    return _TO_BYTE[np.clip(linear * 4095.0 + 0.5, 0, 4095).astype(np.int32)]


def _beard(rng, linear, maps, hair):
    """Short hair painted on cheeks, chin and lip; it is no occluder."""
    x, y = cv2.resize(maps[3], (N, N)) * 60, cv2.resize(maps[4], (N, N)) * 60
    on = cv2.resize(maps[1], (N, N)) > 0.5
    depth = cv2.resize(maps[0], (N, N)) * 25
    lips = (x / rng.uniform(22, 30)) ** 2 + ((y - 33) / rng.uniform(7, 14)) ** 2 < 1
    where = np.zeros((N, N), bool)
    kind = rng.integers(4)
    if kind in (0, 1):
        where |= (np.abs(x) < 30) & (y > 12) & (y < 30)
    if kind in (1, 2, 3):
        line = 25 + rng.normal(0, 8) + (0 if kind > 1 else 6)
        where |= (y > line - np.abs(x) * rng.uniform(0, 0.9))
    if kind == 2:
        where &= np.abs(x) < rng.uniform(15, 35)
    where &= on & ~lips & (depth > -20)
    soft = cv2.GaussianBlur(where.astype(np.float32), (0, 0), rng.uniform(1, 6))
    hairs = 0.5 + 0.5 * np.tanh(1.5 * turned_noise(rng, rng.uniform(25, 60), rng.uniform(60, 140), rng.normal(0, 0.6)))
    a = (soft * (rng.uniform(0, 0.5) + rng.uniform(0.3, 0.6) * hairs) * rng.uniform(0.4, 1.2)).clip(0, 0.97)[..., None]
    return linear * (1 - a) + hair * np.exp(rng.normal(0, 0.3)) * a


def _shadow(rng, linear, face):
    a = rng.uniform(-np.pi, np.pi)
    yy, xx = np.mgrid[:N, :N].astype(np.float32)
    c = rng.uniform(40, 150, 2)
    edge = (xx - c[0]) * np.cos(a) + (yy - c[1]) * np.sin(a) + rng.uniform(0, 25) * noise(rng, (rng.integers(2, 7),) * 2)
    soft = rng.uniform(0.5, 14)
    m = 1 / (1 + np.exp(-np.clip(edge / soft, -30, 30)))
    if rng.random() < 0.3:
        m = np.minimum(m, 1 / (1 + np.exp(np.clip((edge - rng.uniform(15, 60)) / soft, -30, 30))))
    keep = 1 - m * rng.uniform(0.2, 0.98)
    return linear * (keep[..., None] ** np.array([0.9, 1.0, 1.08]))


def _paint(rng, linear, maps, face):
    """Lipstick, blush, powder, a wet shine: soft changes of colour on the skin."""
    x, y = cv2.resize(maps[3], (N, N)) * 60, cv2.resize(maps[4], (N, N)) * 60
    if rng.random() < 0.5:
        m = ((x / 27) ** 2 + ((y - 33) / 11) ** 2 < 1).astype(np.float32)
        m = cv2.GaussianBlur(m, (0, 0), 2) * rng.uniform(0.2, 0.8)
        return linear * (1 - m[..., None]) + m[..., None] * linear * np.exp(rng.normal(0, 0.5, 3))
    m = np.exp(-(((x - rng.normal(0, 30)) / rng.uniform(8, 30)) ** 2 + ((y - rng.uniform(-20, 70)) / rng.uniform(6, 25)) ** 2))
    return linear * np.exp((m * face)[..., None] * rng.normal(0, 0.3, 3) + (m * face)[..., None] * rng.normal(0, 0.3))


def _mouth(rng, linear, maps):
    """An open mouth with teeth or tongue."""
    x, y = cv2.resize(maps[3], (N, N)) * 60, cv2.resize(maps[4], (N, N)) * 60
    on = cv2.resize(maps[1], (N, N)) > 0.5
    w, h, at = rng.uniform(14, 26), rng.uniform(3, 16), 33 + rng.normal(0, 3)
    m = ((x / w) ** 2 + ((y - at) / h) ** 2 < 1) & on
    colour = np.broadcast_to(np.array([0.02, 0.015, 0.05]) * rng.uniform(0.3, 3), (N, N, 3)).copy()
    if rng.random() < 0.8:
        teeth = (y < at + h * rng.uniform(-0.5, 0.6)) | (y > at + h * rng.uniform(0.5, 1.2))
        colour[teeth] = linear.mean() * np.array([1.3, 1.6, 1.7]) * rng.uniform(0.6, 1.8)
    if rng.random() < 0.3:
        colour[(y > at + h * 0.2)] = np.array([0.1, 0.08, 0.3]) * rng.uniform(0.5, 2)
    m = cv2.GaussianBlur(m.astype(np.float32), (0, 0), 0.8)[..., None]
    return linear * (1 - m) + colour * m


def _target(rng, maps):
    """Where a thing reaches to: in the mask's part of the face, rather near its outline."""
    on = (maps[1] > 0.5) & (maps[4] > -0.25)
    u = rng.random()
    depth = maps[0] * 25
    where = on & (depth > (6 if u < 0.8 else -8)) & (depth < (60 if u < 0.5 else 25))
    if not where.any():
        where = on if on.any() else np.ones_like(on)
    y, x = np.nonzero(where)
    i = int(rng.integers(len(x)))
    return np.array([x[i], y[i]], np.float64) * (N / SIDE) + rng.uniform(0, 2, 2)


def film(rng, linear):
    img = encode(linear * np.exp(rng.normal(0, 0.15) + rng.normal(0, 0.04, 3)))
    if rng.random() < 0.5:
        img = cv2.GaussianBlur(img, (0, 0), rng.uniform(0.4, 2.2))
    if rng.random() < 0.15:
        img = np.repeat(img.mean(-1, keepdims=True), 3, 2)
        if rng.random() < 0.3:
            img = img * np.exp(rng.normal(0, 0.1, 3))
    if rng.random() < 0.4:
        g = 1 + abs(rng.normal(0, 0.5)) if rng.random() < 0.5 else rng.uniform(0.5, 1)
        img = (img - 128) * g + 128 + rng.normal(0, 8)
    img = img + rng.standard_normal(img.shape, np.float32) * np.float32(rng.uniform(0, 5))
    img = np.clip(img + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        img = cv2.imdecode(cv2.imencode(".jpg", img, [1, int(rng.integers(40, 95))])[1], 1)
    return img


def make(rng, base, p_thing=0.6):
    """`sample` again until no more than half of the face is hidden: what little is left shows no face."""
    while True:
        out = sample(rng, base, p_thing)
        face = (out[0][7] > 0.5) & (out[0][10] > -0.3)
        if (face & (out[1] == 1)).sum() < 0.45 * max(int(face.sum()), 1):
            return out


def sample(rng, base, p_thing):
    """(channels (CHANNELS, SIDE, SIDE) f16, label uint8 (SIDE, SIDE) 0 bare 1 thing 2 unsure, kind, picture)."""
    maps, core = base["maps"].astype(np.float32), np.unpackbits(base["core"]).reshape(base["maps"].shape[1:])
    # labels are never exact
    big = maps.shape[1]
    m = cv2.getRotationMatrix2D((big / 2, big / 2), rng.normal(0, 2), np.exp(rng.normal(0, 0.02)))
    m[:, 2] += rng.normal(0, 1.2, 2)
    k = big / SIDE
    m = np.linalg.inv(np.array([[k, 0, k / 2 - 0.5], [0, k, k / 2 - 0.5], [0, 0, 1]])) @ np.vstack([m, [0, 0, 1]])
    maps = np.stack([cv2.warpAffine(v, m[:2], (SIDE, SIDE), borderValue=-1.5 if i == 0 else 0) for i, v in enumerate(maps)])
    core = cv2.warpAffine(core, m[:2], (SIDE, SIDE)) > 0
    inside = np.unpackbits(base["inside"]).reshape(N, N)
    crop, cover = base["crop"], base["cover"]
    head = cv2.resize(maps[1], (N, N)) * 255 if cover is None else cover[..., 0]
    if rng.random() < 0.5:
        maps, core = maps[:, :, ::-1].copy(), core[:, ::-1].copy()
        maps[3] *= -1
        inside, crop, head = inside[:, ::-1], crop[:, ::-1], head[:, ::-1]
    linear = LINEAR[crop].astype(np.float32)
    head = head.astype(np.float32) / 255.0
    face = cv2.resize(maps[1], (N, N))
    skin = np.median(cv2.resize(linear, (SIDE, SIDE))[core], 0) if core.sum() > 12 else np.array([0.15, 0.2, 0.35])
    hair = np.exp(rng.uniform(np.log(0.008), np.log(0.25))) * np.array([rng.uniform(0.35, 1), rng.uniform(0.6, 1), 1.0])
    if rng.random() < 0.2:
        linear = _mouth(rng, linear, maps)
    if rng.random() < 0.22:
        linear = _beard(rng, linear, maps, hair)
    if rng.random() < 0.25:
        linear = _paint(rng, linear, maps, face)
    if rng.random() < 0.35:  # behind the head
        t = make_thing(rng, rng.uniform(0, N, 2), skin, hair)
        a = (t.alpha * (1 - head))[..., None]
        linear = linear * (1 - a) + t.colour * a
    label, unsure, kind = np.zeros((N, N), np.float32), np.zeros((N, N), np.float32), ""
    if rng.random() < p_thing:
        for _ in range(1 if rng.random() < 0.85 else 2):
            t = make_thing(rng, _target(rng, maps), skin, hair)
            kind = t.kind
            if rng.random() < 0.6:  # contact shadow
                off = rng.normal(0, 4, 2)
                m = np.array([[1, 0, off[0]], [0, 1, off[1] + 2]])
                s = cv2.GaussianBlur(cv2.warpAffine(t.alpha, m, (N, N)), (0, 0), rng.uniform(1.5, 8))
                linear = linear * (1 - rng.uniform(0.1, 0.75) * s[..., None])
            soft = cv2.GaussianBlur(t.alpha, (0, 0), rng.uniform(0.3, 1.5))
            colour = cv2.GaussianBlur(t.colour, (3, 3), 0.7)
            linear = linear * (1 - soft[..., None]) + colour * soft[..., None]
            label = np.maximum(label, t.alpha)
    for _ in range(2):
        if rng.random() < 0.3:
            linear = _shadow(rng, linear, face)
    img = film(rng, linear)
    img = img * inside[..., None]
    small = cv2.resize(img, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    ins = cv2.resize(inside.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    lab = cv2.resize(label, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    out = np.where(lab > 0.65, 1, np.where(lab > 0.35, 2, 0)).astype(np.uint8)
    out[ins < 0.9] = 2
    return channels(small, maps, core, (ins > 0.9).astype(np.float32)).astype(np.float16), out, kind, img
