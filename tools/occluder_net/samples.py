"""A training sample: a bare head with things before it, behind it or none, as a camera sees it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maskgen.paint.occluder_frame import SIDE, channels
from maskgen.paint.tone import LINEAR

from .bare import cast, curtain, neck, on_the_head, shadow
from .heads import Head
from .surfaces import N
from .things import make_thing
from .tresses import tresses

Array = NDArray[np.float64]
F32 = NDArray[np.float32]
#: values of a label
BARE, THING, UNSURE = 0, 1, 2
#: what is to be learned
THINGS, HAIR = "things", "hair"
#: no thing may hide more of the lower face: what little is left shows no face
_MOST = 0.45
_TO_LEVEL = np.interp(np.linspace(0, 1, 4096), LINEAR, np.arange(256)).astype(np.float32)


def _target(rng: np.random.Generator, maps: F32) -> Array:
    """Where a thing reaches to, px: within the lower face, rather near its outline."""
    on = (maps[1] > 0.5) & (maps[4] > -0.25)
    u, depth = rng.random(), maps[0] * 25
    where = on & (depth > (6 if u < 0.8 else -8)) & (depth < (60 if u < 0.5 else 25))
    if rng.random() < 0.2:  # at the chin and the jaw
        where = on & (depth > 2) & (depth < 16) & (maps[4] > 0.45)
    if not where.any():
        where = on if on.any() else np.ones_like(on)
    y, x = np.nonzero(where)
    i = int(rng.integers(len(x)))
    return np.array([x[i], y[i]], np.float64) * (N / SIDE) + rng.uniform(0, 2, 2)


def _film(rng: np.random.Generator, linear: NDArray) -> NDArray[np.uint8]:
    """Exposure, blur, colour, contrast, noise and compression."""
    linear = linear * np.exp(rng.normal(0, 0.15) + rng.normal(0, 0.04, 3))
    image = _TO_LEVEL[np.clip(linear * 4095.0 + 0.5, 0, 4095).astype(np.int32)]
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 2.2))
    if rng.random() < 0.22:
        image = np.repeat(image.mean(-1, keepdims=True), 3, 2)
        if rng.random() < 0.3:
            image = image * np.exp(rng.normal(0, 0.1, 3))
    if rng.random() < 0.4:
        gain = 1 + abs(rng.normal(0, 0.5)) if rng.random() < 0.5 else rng.uniform(0.5, 1)
        image = (image - 128) * gain + 128 + rng.normal(0, 8)
    image = image + rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(0, 5))
    out = np.clip(image + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        _, data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))])
        out = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return out


def _jittered(rng: np.random.Generator, head: Head) -> tuple[F32, NDArray[np.bool_]]:
    """What the fit says of the head, as another fit might have said it."""
    m = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), rng.normal(0, 2), np.exp(rng.normal(0, 0.02)))
    m[:, 2] += rng.normal(0, 0.8, 2)
    maps = [cv2.warpAffine(v.astype(np.float32), m, (SIDE, SIDE), borderValue=-1.5 if i == 0 else 0)
            for i, v in enumerate(head.maps)]  # fmt: skip
    return np.stack(maps), cv2.warpAffine(head.core.astype(np.uint8), m, (SIDE, SIDE)) > 0


def _put_before(
    rng: np.random.Generator, linear: NDArray, maps: F32, skin: Array, hair: Array
) -> tuple[NDArray, F32, F32, str]:
    """A thing, or two, in front of the head, with the shade it casts: picture, label, unsure, kind."""
    label, unsure, kind = np.zeros((N, N), np.float32), np.zeros((N, N), np.float32), ""
    for _ in range(1 if rng.random() < 0.85 else 2):
        thing = make_thing(rng, _target(rng, maps), skin, hair)
        kind = thing.kind
        if rng.random() < 0.6:
            off = rng.normal(0, 4, 2)
            moved = cv2.warpAffine(thing.alpha, np.array([[1, 0, off[0]], [0, 1, off[1] + 2]]), (N, N))
            shade = cv2.GaussianBlur(moved, (0, 0), rng.uniform(1.5, 8))
            linear = linear * (1 - rng.uniform(0.1, 0.75) * shade[..., None])
        soft = cv2.GaussianBlur(thing.alpha, (0, 0), rng.uniform(0.3, 1.5))
        colour = cv2.GaussianBlur(thing.colour, (3, 3), 0.7)
        linear = linear * (1 - soft[..., None]) + colour * soft[..., None]
        # a lock across the face may as well be part of the hair beside it: nothing is learned of it
        if kind == "hair":
            unsure = np.maximum(unsure, soft)
        else:
            label = np.maximum(label, thing.alpha)
    return linear, label, unsure, kind


def _labels(label: F32, unsure: F32, inside: NDArray) -> NDArray[np.uint8]:
    """BARE, THING or UNSURE of each pixel of the crop, from shares of the large one's."""
    thing, doubt, there = (
        cv2.resize(v.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        for v in (label, unsure, inside)
    )
    out = np.where(thing > 0.65, THING, np.where(thing > 0.35, UNSURE, BARE)).astype(np.uint8)
    out[(doubt > 0.1) & (out == BARE)] = UNSURE
    out[there < 0.9] = UNSURE
    return out


def _sample(
    rng: np.random.Generator, head: Head, often: float, lesson: str
) -> tuple[NDArray, NDArray, str, NDArray]:
    maps, core = _jittered(rng, head)
    inside, crop, cover = head.inside, head.crop, head.cover
    if rng.random() < 0.5:
        maps, core = maps[:, :, ::-1].copy(), core[:, ::-1].copy()
        maps[3] *= -1
        inside, crop, cover = inside[:, ::-1], crop[:, ::-1], cover[:, ::-1]
    linear: NDArray = LINEAR[crop].astype(np.float32)
    known = cv2.resize(linear, (SIDE, SIDE))[core]
    skin = np.median(known, 0) if len(known) > 12 else np.array([0.15, 0.2, 0.35])
    hair = np.exp(rng.uniform(np.log(0.008), np.log(0.25))) * np.append(rng.uniform([0.35, 0.6], 1.0), 1.0)
    if rng.random() < 0.4:
        linear = neck(rng, linear, maps, cover / np.float32(255), skin)
    linear = on_the_head(rng, linear, maps, hair)
    if rng.random() < 0.35:  # behind the head
        thing = make_thing(rng, rng.uniform(0, N, 2), skin, hair)
        a = (thing.alpha * (1 - cover / np.float32(255)))[..., None]
        linear = linear * (1 - a) + thing.colour * a
    tresses_over = np.zeros((N, N), np.float32)
    if lesson == HAIR:
        for share in (0.6, 0.3):
            if rng.random() < share:
                linear, more = tresses(rng, linear, maps, hair)
                tresses_over = np.maximum(tresses_over, more)
    elif rng.random() < 0.3:
        linear = curtain(rng, linear, maps, hair)
    if rng.random() < 0.1:
        linear = cast(rng, linear, make_thing(rng, _target(rng, maps), skin, hair).alpha)
    label, unsure, kind = np.zeros((N, N), np.float32), np.zeros((N, N), np.float32), ""
    if rng.random() < often:
        linear, label, unsure, kind = _put_before(rng, linear, maps, skin, hair)
    for _ in range(2):
        if rng.random() < 0.3:
            linear = shadow(rng, linear)
    picture = _film(rng, linear) * inside[..., None]
    small = np.asarray(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    if lesson == HAIR:  # a hand in front of it is no hair, and one behind it cannot be
        label, unsure = np.maximum(tresses_over * (1.0 - label), unsure), np.zeros_like(label)
    labels = _labels(label, unsure, inside)
    there = cv2.resize(inside.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA) > 0.9
    return channels(small, maps, core, there).astype(np.float16), labels, kind, picture


def make(
    rng: np.random.Generator, head: Head, often: float = 0.6, lesson: str = THINGS
) -> tuple[NDArray[np.float16], NDArray[np.uint8], str, NDArray[np.uint8]]:
    """Input (CHANNELS, SIDE, SIDE), labels (SIDE, SIDE), the last thing's kind or "", the picture (N, N, 3).

    often: the share of samples with something in front. lesson: what is THING in the labels: THINGS that
    are in front, or HAIR that hangs over the face.
    """
    while True:
        out = _sample(rng, head, often, lesson)
        face = (out[0][7] > 0.5) & (out[0][10] > -0.3)
        if (face & (out[1] == THING)).sum() < _MOST * max(int(face.sum()), 1):
            return out
