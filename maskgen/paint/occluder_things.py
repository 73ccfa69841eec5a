"""Connected regions of the crop that may lie in front of the face, and the four numbers each is judged by.

What must be true of them is said in `occluder.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from .occluder_frame import FACE_X, FaceView
from .shadow import within

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
Mask = NDArray[np.bool_]
#: log odds of a pixel that is taken to be in front
IN_FRONT = 0.0
#: of the lower face, what a thing must hide and must not exceed: larger ones are a face in odd light
_LEAST_HIDDEN, _MOST_HIDDEN = 0.015, 0.5
#: the log odds that a quarter of its pixels must exceed
_LEAST_STRENGTH = 0.6
#: a border counts as an edge in the face only so deep inside its outline, / 25 mm: channel 6 has it
_DEPTH, _INSIDE = 6, np.float32(0.15)
#: the channels that say what shows the face, and where on it down that lies
_ON, _Y = 7, 10
#: how near the midline the outline of a profile lies, and how far from it that of the near cheek, mm; how
#: many pixels inside the former are cleared
_PROFILE_MM, _CHEEK_MM, _FAR_RIM = np.float32(25.0), np.float32(45.0), 3
#: hair begins above this, below the nose's tip / 60 mm
_NOSE = 0.1
#: log odds of what is surely bare, how near it must be, and the pixels of it that a colour is read from
_BARE, _BESIDE, _FEW = np.float32(-0.5), 4, 6


@dataclass(frozen=True, eq=False)
class Thing:
    """A connected region (SIDE, SIDE) of the crop that may lie in front.

    share: of the lower face that it hides. strength: upper quartile of its log odds there. edge: how much
    light and colour change at its border in the face, stops a pixel. brighter: stops, than skin beside it.
    """

    region: Mask
    share: float
    strength: float
    edge: float
    brighter: float


def things(odds: F32, view: FaceView) -> list[Thing]:
    """What may lie in front of the face, of log ``odds`` (SIDE, SIDE): what is neither small nor faint."""
    _, label = cv2.connectedComponents((odds > IN_FRONT).astype(np.uint8), connectivity=4)
    shares = np.bincount(label[view.face]) / float(view.face.sum())
    shares[0] = 0.0  # what is bare
    out = []
    for i in np.flatnonzero((shares > _LEAST_HIDDEN) & (shares < _MOST_HIDDEN)):
        region = label == i
        strength, edge, brighter = _measured(region, view.face, odds, view.channels)
        if strength > _LEAST_STRENGTH:
            out.append(Thing(region, float(shares[i]), strength, edge, brighter))
    return out


def beside_the_face(odds: F32, view: FaceView) -> F32:
    """Log ``odds`` of hair (SIDE, SIDE), below 0 at and before the outline of a profile.

    There the mask stands out before what is behind the head, and hair seldom hangs.
    """
    out = odds.copy()
    _clear_before(view.channels[_ON], view.channels[FACE_X] * np.float32(60.0), out)
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _clear_before(on: F32, x_mm: F32, odds: F32) -> None:
    h, w = odds.shape
    for y in range(h):
        first, last = w, -1
        for x in range(w):
            if on[y, x] > np.float32(0.5):
                first, last = min(first, x), x
        if last < 0:
            continue
        left, right = abs(x_mm[y, first]), abs(x_mm[y, last])
        start, end = 0, 0
        if left < _PROFILE_MM and right > _CHEEK_MM:
            start, end = 0, min(first + _FAR_RIM, w)
        elif right < _PROFILE_MM and left > _CHEEK_MM:
            start, end = max(last + 1 - _FAR_RIM, 0), w
        for x in range(start, end):
            odds[y, x] = min(odds[y, x], np.float32(-1.0))


def hangs(thing: Thing, view: FaceView) -> bool:
    """Whether ``thing`` comes down from beside the nose or above, as hair does and collars do not."""
    return bool((view.channels[_Y][thing.region & view.face] < _NOSE).any())


@njit(cache=True, nogil=True, error_model="numpy")
def _measured(region: Mask, face: Mask, odds: F32, channels: F32) -> tuple[float, float, float]:
    """Strength, edge and brightness of a `Thing`; face, odds (h, w) and channels (c, h, w) of its view."""
    h, w = region.shape
    there, beyond = region.astype(np.uint8), (~region).astype(np.uint8)
    touched, left, near = np.empty(w, np.uint8), np.empty(w, np.uint8), np.empty(w, np.uint8)
    room = np.empty((5, h * w), np.float32)
    sure, hidden, beside, bare, whole = room[0], room[1], room[2], room[3], room[4]
    under = close = clear = shown = border = 0
    edge = 0.0
    for y in range(h):
        within(there, y, 1, touched)
        within(beyond, y, 1, left)
        within(there, y, _BESIDE, near)
        for x in range(w):
            if touched[x] & left[x] and channels[_DEPTH, y, x] > _INSIDE:
                edge += _change(channels, y, x)
                border += 1
            if not face[y, x]:
                continue
            light = channels[0, y, x]
            whole[shown] = light
            shown += 1
            if region[y, x]:
                sure[under], hidden[under] = odds[y, x], light
                under += 1
            if odds[y, x] < _BARE:
                bare[clear] = light
                clear += 1
                if near[x] and not touched[x]:
                    beside[close] = light
                    close += 1
    skin = beside[:close]
    if close < _FEW:
        skin = bare[:clear] if clear > 0 else whole[:shown]
    # the first channel counts half stops
    brighter = 2.0 * (np.median(hidden[:under]) - np.median(skin))
    return _upper_quartile(sure[:under]), edge / max(border, 1), brighter


@njit(cache=True, nogil=True, error_model="numpy")
def _upper_quartile(values: F32) -> float:
    """What `np.quantile` says, over which the compiler would sit for seconds."""
    ranked, at = np.sort(values), 0.75 * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return ranked[high] - (ranked[high] - ranked[low]) * (low + 1 - at)


@njit(cache=True, nogil=True, error_model="numpy")
def _change(channels: F32, y: int, x: int) -> float:
    """How much light and colour change at a pixel of ``channels`` (c, h, w), stops a pixel (Sobel)."""
    h, w = channels.shape[1], channels.shape[2]
    # beyond the border the picture is its own mirror image
    up, down = (y - 1 if y > 0 else 1), (y + 1 if y < h - 1 else h - 2)
    left, right = (x - 1 if x > 0 else 1), (x + 1 if x < w - 1 else w - 2)
    square, two = np.float32(0.0), np.float32(2.0)
    for k in range(3):
        c = channels[k]
        ul, ur, dl, dr = c[up, left], c[up, right], c[down, left], c[down, right]
        across = ur - ul + two * (c[y, right] - c[y, left]) + dr - dl
        upright = dl - ul + two * (c[down, x] - c[up, x]) + dr - ur
        square += across * across + upright * upright
    return 0.125 * np.sqrt(square)
