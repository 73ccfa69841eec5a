"""How near the painter comes to the truth: the same head, light and camera with the mask as a real mesh.

The painter gets what it gets from a dataset: the clean picture, its landmarks and its pose. The truth is
rendered, which no painter can reach; the figures say where it is off, and whether a change made it better.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import LandmarkError
from ..geometry.landmarks import Landmarks
from ..geometry.pose import HeadPose
from ..jobs.parallel import stream
from ..paint.pipeline import Painter
from ..paint.tone import LINEAR
from .draws import generator
from .photo import Shot, compose, take_photo
from .poses import Angles
from .truth import catalogue, draw_mask, wear

Pixels = NDArray[np.uint8]

#: bands of |yaw| that are reported, degrees
BANDS = ((0.0, 30.0), (30.0, 60.0), (60.0, 90.0))
#: standard deviation of the SSIM window, px (Wang et al., 2004)
_WINDOW = 1.5


@dataclass(frozen=True)
class Score:
    """One head. psnr dB and ssim inside the union of both masks; bare_psnr: the unpainted picture's, there.

    iou: of the silhouettes, straps included. level: painted over true brightness, stops (median over the
    common area). shading: what is left of it after smoothing and without the level, stops RMS.
    """

    style: str
    yaw: float
    psnr: float
    ssim: float
    bare_psnr: float
    iou: float
    level: float
    shading: float


@dataclass(frozen=True, eq=False)
class Triple:
    """Pictures (h, w, 3) uint8 BGR of one head, and its score; None where the painter refused."""

    clean: Pixels
    truth: Pixels
    painted: Pixels | None
    score: Score | None
    job: Head


@dataclass(frozen=True)
class Head:
    """One comparison: style, number, and the head's angles."""

    style: str
    number: int
    angles: Angles


@lru_cache(maxsize=1)
def _painter() -> Painter:
    return Painter(catalogue())


def plan(styles: Sequence[str], count: int, seed: int) -> list[Head]:
    """``count`` heads for every style, the bands of yaw in turn."""
    heads = []
    for style in styles:
        for number in range(count):
            rng = generator(seed, "bench", style, number)
            low, high = BANDS[number % len(BANDS)]
            yaw = float(rng.uniform(low, high)) * (1.0 if rng.random() < 0.5 else -1.0)
            angles = (yaw, float(rng.normal(-4.0, 11.0)), float(rng.normal(0.0, 9.0)))
            heads.append(Head(style, number, angles))
    return heads


def compare(seed: int, head: Head) -> Triple:
    """Render with and without the mask, paint the clean one, and measure."""
    key = f"bench {head.style} {head.number}"
    shot = Shot(key, key, 0, head.angles, head.angles)
    scene, film, exposure = compose(seed, shot)
    film = replace(film, edges=(0, 0, 0, 0))
    draw = draw_mask(seed, key, (head.style,))
    clean = take_photo(seed, shot, scene, film, exposure)
    truth = take_photo(seed, shot, replace(scene, mask=wear(draw)), film, exposure)
    points = clean.rendered.landmarks.copy()
    points[:, 2] = (points[:, 2] - points[30, 2]) * scene.camera.pixels_per_mm()
    try:
        painted = _painter().paint(clean.bgr, Landmarks.of(points, "truth"), HeadPose(scene.head), draw)
    except LandmarkError:  # turned away: no mask to be seen
        return Triple(clean.bgr, truth.bgr, None, None, head)
    score = measure(clean.bgr, truth.bgr, truth.rendered.cover[..., 2], painted.image, painted.alpha)
    score = replace(score, style=head.style, yaw=head.angles[0])
    return Triple(clean.bgr, truth.bgr, painted.image, score, head)


def run(heads: Iterable[Head], seed: int, jobs: int) -> Iterator[Triple]:
    """Compare all heads, in order."""
    yield from stream(partial(compare, seed), list(heads), jobs=jobs)


def measure(clean: Pixels, truth: Pixels, cover: NDArray, painted: Pixels, alpha: NDArray) -> Score:
    """The figures of one head; cover and alpha (h, w): coverage by the true and the painted mask, 0..1."""
    real, own = cover >= 0.5, alpha >= 0.5
    union, common = real | own, real & own
    iou = float(common.sum() / max(union.sum(), 1))
    level, shading = _brightness(truth, painted, common)
    return Score(
        style="",
        yaw=0.0,
        psnr=_psnr(truth, painted, union),
        ssim=float(_ssim(truth, painted)[union].mean()) if union.any() else 1.0,
        bare_psnr=_psnr(truth, clean, union),
        iou=iou,
        level=level,
        shading=shading,
    )


def _psnr(a: Pixels, b: Pixels, where: NDArray[np.bool_]) -> float:
    error = (a[where].astype(np.float64) - b[where]) ** 2
    return float(10.0 * np.log10(255.0**2 / max(float(error.mean()) if error.size else 0.0, 1e-3)))


def _ssim(a: Pixels, b: Pixels) -> NDArray[np.float64]:
    """Structural similarity map (h, w) of the grey pictures (Wang et al., 2004)."""
    x, y = (cv2.cvtColor(p, cv2.COLOR_BGR2GRAY).astype(np.float64) for p in (a, b))

    def mean(p: NDArray) -> NDArray:
        return cv2.GaussianBlur(p, (0, 0), _WINDOW)

    c1, c2 = (0.01 * 255.0) ** 2, (0.03 * 255.0) ** 2
    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    similar: NDArray[np.float64] = (
        (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    )
    return similar


def _brightness(truth: Pixels, painted: Pixels, common: NDArray[np.bool_]) -> tuple[float, float]:
    """(level, shading) in stops over the common area, away from its edge."""
    inner = cv2.erode(common.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    if inner.sum() < 50:
        return 0.0, 0.0
    weights = np.array([0.0722, 0.7152, 0.2126])
    ratio = np.zeros(common.shape)
    for sign, picture in ((-1.0, truth), (1.0, painted)):
        ratio += sign * np.log2(LINEAR[picture] @ weights + 0.004)
    mask = inner.astype(np.float64)
    reach = 0.05 * float(np.sqrt(inner.sum()))
    smooth = cv2.GaussianBlur(ratio * mask, (0, 0), reach) / np.maximum(
        cv2.GaussianBlur(mask, (0, 0), reach), 1e-6
    )
    level = float(np.median(ratio[inner]))
    return level, float(np.sqrt(((smooth[inner] - level) ** 2).mean()))


def table(scores: Sequence[Score]) -> list[dict[str, float | str | int]]:
    """Medians for every style and band of yaw, and over all styles."""
    rows: list[dict[str, float | str | int]] = []
    names = [*sorted({score.style for score in scores}), "all"]
    for name in names:
        for low, high in (*BANDS, (0.0, 90.0)):
            chosen = [s for s in scores if name in ("all", s.style) and low <= abs(s.yaw) < high]
            if chosen:
                rows.append(
                    {"style": name, "yaw": f"{low:.0f}-{high:.0f}", "heads": len(chosen), **_medians(chosen)}
                )
    return rows


def _medians(scores: Sequence[Score]) -> dict[str, float]:
    keys = ("psnr", "ssim", "bare_psnr", "iou", "level", "shading")
    values = {key: np.array([asdict(score)[key] for score in scores]) for key in keys}
    values["level_size"] = np.abs(values["level"])
    return {key: round(float(np.median(value)), 3) for key, value in values.items()}
