"""What the labels say, drawn on the picture: landmarks, box and the head's axes."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry.landmarks import (
    INNER_LIPS,
    JAW,
    LEFT_BROW,
    LEFT_EYE,
    NOSE_RIDGE,
    NOSE_TIP,
    NOSTRILS,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
    Landmarks,
)
from ..geometry.pose import HeadPose

#: (points, closed, BGR colour); the person's right and left differ, so that a mirrored order shows
PARTS = (
    (JAW, False, (200, 200, 200)),
    (RIGHT_BROW, False, (80, 160, 255)),
    (LEFT_BROW, False, (255, 160, 80)),
    (NOSE_RIDGE, False, (80, 255, 255)),
    (NOSTRILS, False, (80, 255, 255)),
    (RIGHT_EYE, True, (80, 160, 255)),
    (LEFT_EYE, True, (255, 160, 80)),
    (OUTER_LIPS, True, (180, 105, 255)),
    (INNER_LIPS, True, (180, 105, 255)),
)
#: head directions and their BGR colours: the person's left (red), down (green), out of the face (blue)
AXES = (((1, 0, 0), (0, 0, 255)), ((0, 1, 0), (0, 200, 0)), ((0, 0, -1), (255, 60, 0)))
_SHIFT = 4  # sub-pixel bits of OpenCV's drawing


def draw_labels(
    bgr: NDArray[np.uint8],
    landmarks: Landmarks | None = None,
    pose: HeadPose | None = None,
    zoom: int = 2,
    lines: tuple[str, ...] = (),
) -> NDArray[np.uint8]:
    """A copy of the picture (h, w, 3), ``zoom`` times as large, with what is given drawn on it.

    Landmarks are joined part by part, the person's right in orange and left in light blue. The axes start at
    the nose tip (the picture's centre without landmarks): red to the person's left, green down, blue out of
    the face. ``pose`` must be the one seen in the picture (see checks.apparent_pose).
    """
    height, width = bgr.shape[:2]
    large = cv2.resize(bgr, (width * zoom, height * zoom), interpolation=cv2.INTER_CUBIC)
    out: NDArray[np.uint8] = large.astype(np.uint8, copy=False)
    origin, length = np.array([width / 2, height / 2]), 0.25 * min(width, height)
    if landmarks is not None and landmarks.valid.any():
        _draw_landmarks(out, landmarks, zoom)
        length = 0.6 * landmarks.face_size
        if landmarks.valid[NOSE_TIP]:
            origin = landmarks.xy[NOSE_TIP]
    if pose is not None:
        for direction, colour in AXES:
            tip = origin + length * (pose.cam_from_head @ direction)[:2]
            ends = (_fixed(origin, zoom), _fixed(tip, zoom))
            cv2.line(out, *ends, (0, 0, 0), 2 * zoom + 1, cv2.LINE_AA, _SHIFT)
            cv2.line(out, *ends, colour, zoom + 1, cv2.LINE_AA, _SHIFT)
    strip = out[: 17 * len(lines) + 8 if lines else 0]
    strip //= 4
    for row, text in enumerate(lines):
        at = (6, 18 + 17 * row)
        cv2.putText(out, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
    return out


def _draw_landmarks(out: NDArray[np.uint8], landmarks: Landmarks, zoom: int) -> None:
    for part, closed, colour in PARTS:
        indices = [*range(*part.indices(68))]
        ring = [*indices, indices[0]] if closed else indices
        for a, b in pairwise(ring):
            if landmarks.valid[a] and landmarks.valid[b]:
                ends = _fixed(landmarks.xy[a], zoom), _fixed(landmarks.xy[b], zoom)
                cv2.line(out, *ends, colour, 1, cv2.LINE_AA, _SHIFT)
        for i in indices:
            if landmarks.valid[i]:
                cv2.circle(out, _fixed(landmarks.xy[i], zoom), 2 << _SHIFT, colour, -1, cv2.LINE_AA, _SHIFT)


def _fixed(point: NDArray[np.float64], zoom: int) -> tuple[int, int]:
    # resizing puts the centre of source pixel p at zoom * (p + 0.5) - 0.5; far points are pulled in, because
    # OpenCV draws with 32 bits
    x, y = np.clip((np.asarray(point) + 0.5) * zoom - 0.5, -30_000, 30_000) * (1 << _SHIFT)
    return round(float(x)), round(float(y))
