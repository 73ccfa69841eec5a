"""Where the photograph itself lies in its file: datasets pad with black, and no mask is worn on padding."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..geometry.rotation import Array

#: a padded line is black up to what JPEG leaves; a dark photograph is not
_BLACK_MEAN, _BLACK_MOST = 0.7, 8
#: where padding meets the photograph, JPEG's blocks ring; the line itself begins above this mean level
_RINGING_MEAN = 6.0
#: lines of padding, outermost, that must be black before anything is called padding
_LEAST_LINES = 8
#: where the photograph begins, within so many lines, at least such a share of a line is above black: before a
#: black background nobody can tell where the photograph ends, and a mask cut off there would show it
_FIRST_LINES, _LEAST_LIT = 3, 0.12


@njit(cache=True, nogil=True, error_model="numpy")
def _begins(image: NDArray[np.uint8], line: int) -> bool:
    """Whether the photograph is seen to begin at ``line``."""
    n, w = image.shape[0], image.shape[1]
    for y in range(line, min(line + _FIRST_LINES, n)):
        lit, count = 0, 0
        for x in range(0, w, 3):
            count += 1
            lit += image[y, x, 1] > _BLACK_MOST
        if lit > _LEAST_LIT * count:
            return True
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def _black_lines(image: NDArray[np.uint8]) -> int:
    """How many lines from the first on are padding."""
    n, w = image.shape[0], image.shape[1]
    lines = 0
    started = False
    enough = int(_RINGING_MEAN * (w // 3 + 1)) + 1  # brighter than any padding
    for y in range(n):
        total, most, count = 0, 0, 0
        for x in range(0, w, 3):  # a third of a line tells as much
            v = int(image[y, x, 1])
            total += v
            count += 1
            most = max(most, v)
            if total > enough:
                break
        mean = total / max(count, 1)
        if mean <= _BLACK_MEAN and most <= _BLACK_MOST:
            lines = y + 1
            started = True
        elif started and mean <= _RINGING_MEAN and y - lines < 15:
            continue
        else:
            # the ringing lines belong to the padding only if the photograph follows at once
            return y if lines >= _LEAST_LINES and _begins(image, y) else 0
    return n if lines >= _LEAST_LINES else 0


def photograph_box(image: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """(x0, y0, x1, y1) of the photograph in ``image`` (h, w, 3) uint8 without black padding at its borders.

    The whole picture where there is none, or where all of it is black.
    """
    h, w = image.shape[:2]
    top, low = _black_lines(image), _black_lines(image[::-1])
    if top + low >= h:
        return 0, 0, w, h
    inner = image[top : h - low]
    turned = inner.transpose(1, 0, 2)
    left, right = _black_lines(turned), _black_lines(turned[::-1])
    if left + right >= w:
        return 0, 0, w, h
    return left, top, w - right, h - low


@njit(cache=True, nogil=True, error_model="numpy")
def share_outside(points: Array, valid: NDArray[np.bool_], width: int, height: int) -> float:
    """Share of the ``valid`` (n,) points (n, 2 or 3) that lie outside a picture of so many pixels."""
    known = outside = 0
    for i in range(len(points)):
        x, y = points[i, 0], points[i, 1]
        if valid[i]:
            known += 1
            outside += x < 0.0 or y < 0.0 or x > width - 1 or y > height - 1
    return outside / known
