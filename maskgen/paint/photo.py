"""How a photograph was taken: its sharpness, grain, brightness, black and colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from .colours import Tone, White, read_colours
from .sharpness import edge_blur, gray_window
from .tone import LINEAR

#: a faded print's darkest: more levels than this, within so many of each other from the first share of the
#: picture to the second. Of 906 photographs three are; where others have nothing as dark, levels differ more
_FADED_LEVELS, _FADED_SPREAD, _DARKEST, _DARK_SHARE = 60, 8, 0.0005, 0.005


@dataclass(frozen=True, eq=False)
class Photo:
    """How the photograph round a face was taken.

    blur: standard deviation of the point spread, pixels. grain: quiet quarter of local residuals, levels
    (0.72 of the noise's standard deviation). bright: linear luminance that a tenth of the picture, or a
    twentieth of what is round the face, exceeds. black: linear luminance of black, 0 but for faded prints of
    one tone. white: what its colours say of the light's. tone: of one that is not in full colour, so that a
    sepia print stays sepia and a grey one grey.
    """

    blur: float
    grain: float
    bright: float
    black: float
    white: White
    tone: Tone | None

    @property
    def colour(self) -> float:
        """0 for a print of one tone, 1 for a photograph in full colour."""
        return 1.0 if self.tone is None else self.tone.colour


def read_photo(
    image: NDArray[np.uint8],
    box: tuple[int, int, int, int],
    skin: ArrayLike,
    frame: tuple[int, int, int, int] | None = None,
) -> Photo:
    """Measure ``image`` (h, w, 3) uint8 BGR round the face ``box`` (x0, y0, x1, y1), clipped to it.

    skin: (n, 2) pixels on the uncovered face; grain is read round them, where the eye compares. frame: where
    the photograph itself lies (`frame.photograph_box`); None: everywhere.
    """
    whole = np.ascontiguousarray(image)
    near = gray_window(whole, box)
    white, tone = read_colours(whole, box)
    of_one_tone = tone is not None and tone.colour == 0.0
    return Photo(
        blur=edge_blur(whole, box, near),
        grain=_grain(whole, np.rint(skin).astype(np.int64)),
        bright=_brightness(near, whole),
        black=_black(whole, frame or (0, 0, whole.shape[1], whole.shape[0])) if of_one_tone else 0.0,
        white=white,
        tone=tone,
    )


def _brightness(gray: NDArray[np.uint8], image: NDArray[np.uint8]) -> float:
    """Linear luminance of what is bright: near the face or in the whole picture, whichever is more."""
    thin = max(1, max(image.shape[:2]) // 60)
    near, everywhere = _exceeded(gray, 4, 0.05), _exceeded(image[..., 1], thin, 0.10)
    return round(float(LINEAR[max(near, everywhere)]), 4)


def _black(image: NDArray[np.uint8], frame: tuple[int, int, int, int]) -> float:
    """Linear luminance of a faded print's black, in the ``frame`` (x0, y0, x1, y1); 0 for other pictures."""
    x0, y0, x1, y1 = frame
    # JPEG rings beside padding
    green = image[y0 + 6 : y1 - 6, x0 + 6 : x1 - 6, 1]
    if green.size == 0:
        return 0.0
    thin = max(1, max(green.shape) // 150)
    # what 99.95 % exceed is the darkest but for specks
    darkest, dark = (_exceeded(green, thin, 1.0 - share) for share in (_DARKEST, _DARK_SHARE))
    faded = darkest > _FADED_LEVELS and dark - darkest <= _FADED_SPREAD
    return round(float(LINEAR[darkest]), 4) if faded else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _exceeded(levels: NDArray[np.uint8], step: int, share: float) -> int:
    """The level that ``share`` of every ``step``-th pixel of ``levels`` (h, w) reach or exceed."""
    count = np.zeros(256, np.int64)
    for y in range(0, levels.shape[0], step):
        for x in range(0, levels.shape[1], step):
            count[levels[y, x]] += 1
    wanted, above = max(share * count.sum(), 1.0), 0
    for level in range(255, -1, -1):
        above += count[level]
        if above >= wanted:
            return level
    return 0


@njit(cache=True, nogil=True, error_model="numpy")
def _grain(image: NDArray[np.uint8], at: NDArray[np.int64]) -> float:
    """Noise in levels: the quieter quarter of local residuals at ``at``, so that texture counts little.

    The residual is what a pixel differs from the plane through its neighbours, of unit gain on white noise
    (kernel [1 -2 1] x [1 -2 1] / 6), averaged in size over 7 x 7.
    """
    h, w = image.shape[0], image.shape[1]
    local = np.empty(at.shape[0])
    n = 0
    gray = np.empty((9, 9))
    for i in range(at.shape[0]):
        x, y = at[i, 0], at[i, 1]
        if x < 5 or y < 5 or x > w - 6 or y > h - 6:
            continue
        for dy in range(9):
            for dx in range(9):
                p = image[y + dy - 4, x + dx - 4]
                gray[dy, dx] = 0.114 * p[0] + 0.587 * p[1] + 0.299 * p[2]
        total = 0.0
        for dy in range(1, 8):
            for dx in range(1, 8):
                plus = (
                    gray[dy - 1, dx - 1] + gray[dy - 1, dx + 1] + gray[dy + 1, dx - 1] + gray[dy + 1, dx + 1]
                )
                cross = gray[dy - 1, dx] + gray[dy + 1, dx] + gray[dy, dx - 1] + gray[dy, dx + 1]
                total += abs(plus - 2.0 * cross + 4.0 * gray[dy, dx]) / 6.0
        local[n] = total / 49.0
        n += 1
    if n < 12:
        return 0.0
    ranked = np.sort(local[:n])
    return np.round(ranked[n // 4], 2)
