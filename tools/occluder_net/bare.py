"""What a bare head may look like and is still bare: beards, hair, shadows, coloured light, make-up, mouths.

All of it is done to the light of a large crop, (N, N, 3) linear BGR; ``maps`` are those of
`maskgen.paint.occluder_frame.face_maps`.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .surfaces import F32, Array, N, any_colour, noise, pattern, turned_noise


def _on_face(maps: F32) -> tuple[F32, F32, F32, F32]:
    """x and y on the face and depth inside its outline, mm, and whether it is there, of a large crop."""
    large = [cv2.resize(m, (N, N)) for m in maps]
    return large[3] * 60, large[4] * 60, large[0] * 25, large[1]


def _beard(rng: np.random.Generator, linear: NDArray, maps: F32, hair: Array) -> NDArray:
    """Short hair on cheeks, chin and lip."""
    x, y, depth, on = _on_face(maps)
    lips = (x / rng.uniform(22, 30)) ** 2 + ((y - 33) / rng.uniform(7, 14)) ** 2 < 1
    where = np.zeros((N, N), np.bool_)
    kind = rng.integers(4)
    if kind <= 1:
        where |= (np.abs(x) < 30) & (y > 12) & (y < 30)
    if kind >= 1:
        line = 25 + rng.normal(0, 8) + (0 if kind > 1 else 6)
        where |= y > line - np.abs(x) * rng.uniform(0, 0.9)
    if kind == 2:
        where &= np.abs(x) < rng.uniform(15, 35)
    where &= (on > 0.5) & ~lips & (depth > -20)
    soft = cv2.GaussianBlur(where.astype(np.float32), (0, 0), rng.uniform(1, 6))
    lie = turned_noise(rng, rng.uniform(25, 60), rng.uniform(60, 140), rng.normal(0, 0.6))
    hairs = 0.5 + 0.5 * np.tanh(1.5 * lie)
    a = soft * (rng.uniform(0, 0.5) + rng.uniform(0.3, 0.6) * hairs) * rng.uniform(0.4, 1.2)
    a = a.clip(0, 0.97)[..., None]
    return linear * (1 - a) + hair * np.exp(rng.normal(0, 0.3)) * a


def outlines(maps: F32) -> tuple[NDArray[np.intp], F32] | None:
    """Rows of a large crop that show the face, and the columns (2, N) of its outline on the left and right.

    The latter for every row, carried on above and below the face. None for what is hardly a face.
    """
    _, _, depth, on = _on_face(maps)
    face = (on > 0.5) & (depth > 0)
    rows = np.flatnonzero(face.any(1))
    if len(rows) < 8:
        return None
    edges = []
    for side in (0, -1):
        ends = np.array([np.flatnonzero(face[r])[side] for r in rows], np.float64)
        edge = np.interp(np.arange(N), rows, ends).astype(np.float32)[:, None]
        edges.append(cv2.GaussianBlur(edge, (1, 31), 6)[:, 0])
    return rows, np.stack(edges)


def curtain(rng: np.random.Generator, linear: NDArray, maps: F32, hair: Array) -> NDArray:
    """Hair that hangs beside the face and over its rim; no label can tell where the face ends there."""
    found = outlines(maps)
    if found is None:
        return linear
    rows, edges = found
    right = rng.random() < 0.5
    edge = edges[int(right)]
    inset = rng.uniform(-4, 12) + np.interp(np.arange(N), np.linspace(0, N, 6), rng.normal(0, 5, 6))
    beyond = (np.arange(N)[None] - edge[:, None]) * (1 if right else -1)
    where = (beyond > -inset[:, None]) & (beyond < rng.uniform(15, 70))
    where &= np.arange(N)[:, None] < rows[0] + rng.uniform(0.3, 1.6) * len(rows)
    lie = turned_noise(rng, rng.uniform(2, 6), rng.uniform(40, 130), rng.normal(0, 0.2))
    a = cv2.GaussianBlur(where.astype(np.float32), (0, 0), rng.uniform(0.5, 3))[..., None]
    tone = np.exp(rng.uniform(0.1, 0.7) * lie + 0.3 * noise(rng, (4, 4)))[..., None]
    if rng.random() < 0.15:
        hair = any_colour(rng)
    return linear * (1 - a) + hair * tone * a


def shadow(rng: np.random.Generator, linear: NDArray) -> NDArray:
    """Light cut off by an edge or a strip, hard or soft."""
    a, c = rng.uniform(-np.pi, np.pi), rng.uniform(40, 150, 2)
    y, x = np.mgrid[:N, :N].astype(np.float32)
    cells = float(rng.integers(2, 7))
    edge = (x - c[0]) * np.cos(a) + (y - c[1]) * np.sin(a) + rng.uniform(0, 25) * noise(rng, (cells, cells))
    soft = rng.uniform(0.5, 14)
    m = 1 / (1 + np.exp(-np.clip(edge / soft, -30, 30)))
    if rng.random() < 0.3:
        m = np.minimum(m, 1 / (1 + np.exp(np.clip((edge - rng.uniform(15, 60)) / soft, -30, 30))))
    keep = 1 - m * rng.uniform(0.2, 0.98)
    return linear * keep[..., None] ** np.array([0.9, 1.0, 1.08])


def _make_up(rng: np.random.Generator, linear: NDArray, maps: F32) -> NDArray:
    """Lipstick, or blush, powder, a wet shine."""
    x, y, _, on = _on_face(maps)
    if rng.random() < 0.5:
        m = ((x / 27) ** 2 + ((y - 33) / 11) ** 2 < 1).astype(np.float32)
        m = cv2.GaussianBlur(m, (0, 0), 2)[..., None] * rng.uniform(0.2, 0.8)
        return linear * (1 - m + m * np.exp(rng.normal(0, 0.5, 3)))
    u, v = (x - rng.normal(0, 30)) / rng.uniform(8, 30), (y - rng.uniform(-20, 70)) / rng.uniform(6, 25)
    m = (np.exp(-(u * u + v * v)) * on)[..., None]
    return linear * np.exp(m * (rng.normal(0, 0.3, 3) + rng.normal(0, 0.3)))


def _mouth(rng: np.random.Generator, linear: NDArray, maps: F32) -> NDArray:
    """An open mouth with teeth or tongue."""
    x, y, _, on = _on_face(maps)
    w, h, at = rng.uniform(14, 26), rng.uniform(3, 16), 33 + rng.normal(0, 3)
    m = ((x / w) ** 2 + ((y - at) / h) ** 2 < 1) & (on > 0.5)
    colour = np.tile(np.array([0.02, 0.015, 0.05]) * rng.uniform(0.3, 3), (N, N, 1))
    if rng.random() < 0.8:
        teeth = (y < at + h * rng.uniform(-0.5, 0.6)) | (y > at + h * rng.uniform(0.5, 1.2))
        colour[teeth] = linear.mean() * np.array([1.3, 1.6, 1.7]) * rng.uniform(0.6, 1.8)
    if rng.random() < 0.3:
        colour[y > at + h * 0.2] = np.array([0.1, 0.08, 0.3]) * rng.uniform(0.5, 2)
    a = cv2.GaussianBlur(m.astype(np.float32), (0, 0), 0.8)[..., None]
    return linear * (1 - a) + colour * a


def neck(rng: np.random.Generator, linear: NDArray, maps: F32, cover: F32, skin: Array) -> NDArray:
    """The throat lighter or darker than the face, and bare shoulders. cover: (N, N) 0..1, head and body."""
    _, y, depth, on = _on_face(maps)
    below = (cover > 0.5) & (y > 5) & (depth < rng.uniform(-4, 4))
    below |= (cover > 0.5) & (on < 0.5) & (np.arange(N)[:, None] > 0.55 * N)
    if rng.random() < 0.4:  # no collar
        dress = cv2.GaussianBlur((below & ((depth < -30) | (on < 0.5))).astype(np.float32), (0, 0), 2.5)[
            ..., None
        ]
        form = np.exp(0.25 * noise(rng, (2, 3)) + rng.uniform(-0.5, 0.3))[..., None]
        linear = linear * (1 - dress) + skin * form * dress
    change = rng.normal(0, 0.45) + rng.normal(0, 0.07, 3)
    soft = cv2.GaussianBlur(below.astype(np.float32), (0, 0), np.exp(rng.uniform(-0.7, 1.8)))[..., None]
    return linear * np.exp(soft * (change + rng.uniform(0, 0.3) * noise(rng, (3, 3))[..., None]))


def _lamps(rng: np.random.Generator, linear: NDArray, maps: F32) -> NDArray:
    """The light of one lamp, or two of different colours, that turns away with the face's own form."""
    x, y, _, _ = _on_face(maps)
    facing = cv2.resize(maps[2], (N, N))
    normal = np.stack([np.clip(x / 80, -1, 1), np.clip((y - 5) / 90, -1, 1), 0.3 + 0.7 * facing])
    # the nose and the lips stand out of the round form
    normal[0] += rng.uniform(0, 0.9) * np.clip(x / 12, -1, 1) * np.exp(-((x / 14) ** 2) - (y / 22) ** 2)
    normal[1] += rng.uniform(0, 0.6) * np.sin((y - 22) / 7) * np.exp(-((x / 26) ** 2) - ((y - 33) / 14) ** 2)
    light = np.full((N, N, 3), rng.uniform(0.05, 0.7))
    for _ in range(int(rng.integers(1, 3))):
        toward = np.array(
            [rng.choice([-1, 1]) * rng.uniform(0.3, 1), rng.normal(-0.2, 0.5), rng.normal(0, 0.4)]
        )
        hardness = np.exp(rng.uniform(0.3, 2.5))
        lit = 1 / (1 + np.exp(-hardness * (np.tensordot(toward, normal, 1) - rng.normal(0.1, 0.3))))
        tint = np.exp(rng.normal(0, 0.35 if rng.random() < 0.6 else 0.08, 3))
        light += cv2.GaussianBlur(lit.astype(np.float32), (0, 0), 1.5)[..., None] * tint
    return linear * (light / light.mean()).astype(np.float32)


def cast(rng: np.random.Generator, linear: NDArray, alpha: F32) -> NDArray:
    """The shadow of a thing that is not itself before the face."""
    off = rng.normal(0, 12, 2)
    moved = cv2.warpAffine(alpha, np.array([[1, 0, off[0]], [0, 1, off[1]]]), (N, N))
    m = cv2.GaussianBlur(moved, (0, 0), rng.uniform(0.6, 7))[..., None] * rng.uniform(0.3, 0.95)
    return linear * (1 - m) ** np.array([0.9, 1.0, 1.08])


def _folds(rng: np.random.Generator, linear: NDArray, maps: F32) -> NDArray:
    """The folds from the nose to the corners of the mouth, and those below and beside it."""
    x, y, _, on = _on_face(maps)
    slant, wide, deep = rng.uniform(0.5, 0.9), rng.uniform(1.2, 3.5), rng.uniform(0.1, 0.7)
    d = np.abs(x) - 18 - slant * (y - 10) + 2 * noise(rng, (5, 5))
    m = np.exp(-((d / wide) ** 2)) * ((y > 4) & (y < rng.uniform(30, 50)))
    m += np.exp(-(((y - rng.uniform(46, 56) - 0.01 * x * x) / wide) ** 2)) * (np.abs(x) < 22)
    beyond = np.exp(-((np.maximum(d, 0) / 14) ** 2)) * (d > 0) * (y > 0) * (y < 45) * rng.uniform(-0.1, 0.35)
    change = -deep * m.clip(0, 1) + beyond
    return linear * np.exp(cv2.GaussianBlur((change * on).astype(np.float32), (0, 0), 1.2))[..., None]


def _drawn_on(rng: np.random.Generator, linear: NDArray, maps: F32) -> NDArray:
    """Paint or a tattoo: colour that keeps the light of the skin under it."""
    x, y, _, on = _on_face(maps)
    kind = rng.random()
    near = np.exp(-(((x - rng.normal(0, 40)) / 22) ** 2) - ((y - rng.uniform(-20, 60)) / 22) ** 2)
    if kind < 0.35:  # spots, letters, flowers
        spots = noise(rng, tuple(rng.uniform(10, 40, 2))) > rng.uniform(0.5, 1.3)
        m = (spots & (near > 0.4)).astype(np.float32)
    elif kind < 0.6:  # half of a face
        m = pattern(rng) if rng.random() < 0.4 else 1.0
        cut = rng.uniform(-20, 60) + 8 * noise(rng, (4, 4))
        m = m * (y > cut if rng.random() < 0.5 else x * rng.choice([-1, 1]) > cut - 20)
    elif kind < 0.8:  # stripes drawn with fingers
        a, wide = rng.uniform(0, np.pi), rng.uniform(2, 9)
        across = x * np.cos(a) + y * np.sin(a) + 4 * noise(rng, (4, 4)) + rng.normal(0, 30)
        stripes = np.abs((across + 1.5 * wide) % (3 * wide) - 1.5 * wide) < wide / 2
        m = stripes & (near > rng.uniform(0.1, 0.5))
    else:  # a broad shade that ends nowhere
        m = near ** rng.uniform(0.3, 1.5)
    soft = cv2.GaussianBlur((m * (on > 0.5)).astype(np.float32), (0, 0), rng.uniform(0.8, 4))
    soft = soft[..., None] * rng.uniform(0.2, 0.95)
    base = linear.mean(-1, keepdims=True) * any_colour(rng) * np.exp(rng.uniform(0, 1.6))
    return linear * (1 - soft) + base * soft


def _blotches(rng: np.random.Generator, linear: NDArray, maps: F32) -> NDArray:
    """Cheeks that flush, freckles, pores, what a bad camera makes of skin."""
    _, _, _, on = _on_face(maps)
    cells = np.exp(rng.uniform(np.log(3), np.log(40)))
    change = rng.normal(0, 0.06, 3) + rng.uniform(0, 0.25) * np.array([-0.7, -0.6, 0.3])
    return linear * np.exp((noise(rng, (cells, cells)) * on)[..., None] * change)


def _glasses(rng: np.random.Generator, linear: NDArray, maps: F32) -> NDArray:
    """Glasses, of which the crop sees the lower rims."""
    x, y, _, on = _on_face(maps)
    wide, high, at = rng.uniform(23, 31), rng.uniform(15, 27), rng.uniform(-36, -24)
    power = rng.choice([2.0, 2.0, 4.0])
    r = (np.abs((np.abs(x) - 33) / wide) ** power + np.abs((y - at) / high) ** power) ** (1 / power)
    glass, rim = (r < 1) & (on > 0.5), (np.abs(r - 1) < rng.uniform(0.02, 0.14)) & (on > 0.5)
    if rng.random() < 0.5:
        linear = np.where(
            glass[..., None], linear * rng.uniform(0.03, 0.9) * np.exp(rng.normal(0, 0.15, 3)), linear
        )
    colour = any_colour(rng) * (0.2 if rng.random() < 0.7 else 1.0)
    a = cv2.GaussianBlur(rim.astype(np.float32), (0, 0), 0.7)[..., None]
    return linear * (1 - a) + colour * a


def on_the_head(rng: np.random.Generator, linear: NDArray, maps: F32, hair: Array) -> NDArray:
    """What heads have by themselves, and is no thing in front of them."""
    for share, change in ((0.15, _folds), (0.2, _mouth)):
        if rng.random() < share:
            linear = change(rng, linear, maps)
    if rng.random() < 0.22:
        linear = _beard(rng, linear, maps, hair)
    for share, change in (
        (0.25, _make_up), (0.15, _blotches), (0.10, _drawn_on), (0.12, _glasses), (0.22, _lamps),
    ):  # fmt: skip
        if rng.random() < share:
            linear = change(rng, linear, maps)
    return linear
