"""What a network says about a picture, drawn on it: face box, five points, pose axes, numbers."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geometry.rotation import matrix_to_euler
from ..landmarks.overlay import AXES

Pixels = NDArray[np.uint8]

#: BGR colours of the box and of the five points: eyes and mouth corners by the person's side, the nose
BOX = (60, 220, 255)
POINTS5 = ((80, 160, 255), (255, 160, 80), (80, 255, 255), (80, 160, 255), (255, 160, 80))
_SHIFT = 4  # sub-pixel bits of OpenCV's drawing
_LIMIT = 30_000.0  # OpenCV draws with 32 bits


def draw_pose(
    bgr: Pixels,
    rotation: ArrayLike,
    box: ArrayLike | None = None,
    points5: ArrayLike | None = None,
    text: str | None = None,
) -> Pixels:
    """A copy of the picture (h, w, 3) with one face drawn on it.

    rotation: (3, 3) in the frame of docs/conventions.md. box: (x0, y0, x1, y1) pixels. points5: (5, 2)
    pixels, eyes, nose tip, mouth corners. The axes start at the nose tip, else at the box's middle, else at
    the picture's: red to the person's left, green down, blue out of the face. text: a line above the box;
    None = the angles.
    """
    out: Pixels = np.array(bgr, dtype=np.uint8)
    height, width = out.shape[:2]
    matrix = np.asarray(rotation, dtype=np.float64)
    if matrix.shape != (3, 3):
        raise ValueError(f"a pose to draw is a 3 x 3 rotation, got shape {matrix.shape}")
    origin, length = np.array([width / 2, height / 2]), 0.3 * min(width, height)
    thick = max(1, round(min(width, height) / 240))
    corner = np.array([4.0, 4.0])
    if box is not None:
        b = np.asarray(box, dtype=np.float64)
        origin, length = (b[:2] + b[2:]) / 2, 0.5 * float((b[2:] - b[:2]).max())
        corner = np.maximum(b[:2], 0.0)
        cv2.rectangle(out, _fixed(b[:2]), _fixed(b[2:]), BOX, thick, cv2.LINE_AA, _SHIFT)
    if points5 is not None:
        points = np.asarray(points5, dtype=np.float64)
        radius = max(2, thick + 1) << _SHIFT
        for point, colour in zip(points, POINTS5, strict=True):
            if np.isfinite(point).all():
                cv2.circle(out, _fixed(point), radius, colour, -1, cv2.LINE_AA, _SHIFT)
        if np.isfinite(points[2]).all():
            origin = points[2]
    _draw_axes(out, matrix, origin, length, thick)
    if text is None:
        yaw, pitch, roll = matrix_to_euler(matrix)
        text = f"yaw {yaw:+.0f}  pitch {pitch:+.0f}  roll {roll:+.0f}"
    _write(out, text, corner)
    return out


def _draw_axes(
    out: Pixels, rotation: NDArray[np.float64], origin: NDArray[np.float64], length: float, thick: int
) -> None:
    """The head's axes, those that point away from the viewer first."""
    for direction, colour in sorted(AXES, key=lambda axis: -float(rotation[2] @ axis[0])):
        tip = origin + length * (rotation @ direction)[:2]
        cv2.line(out, _fixed(origin), _fixed(tip), (0, 0, 0), 2 * thick + 2, cv2.LINE_AA, _SHIFT)
        cv2.line(out, _fixed(origin), _fixed(tip), colour, 2 * thick, cv2.LINE_AA, _SHIFT)


def _write(out: Pixels, text: str, corner: NDArray[np.float64]) -> None:
    """A line of text above ``corner`` (x, y), or below it where there is no room."""
    if not text:
        return
    scale = max(0.4, min(out.shape[:2]) / 900)
    (wide, high), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    x = int(np.clip(corner[0], 2, max(2, out.shape[1] - wide - 2)))
    y = int(corner[1]) - 5 if corner[1] > high + 8 else int(corner[1]) + high + 5
    # the same strokes moved by a pixel: heavier ones would be set wider and run out of step
    for move, colour in ((1, (0, 0, 0)), (0, (255, 255, 255))):
        at = (x + move, y + move)
        cv2.putText(out, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)


def _fixed(point: NDArray[np.float64]) -> tuple[int, int]:
    x, y = np.clip(point, -_LIMIT, _LIMIT) * (1 << _SHIFT)
    return round(float(x)), round(float(y))
