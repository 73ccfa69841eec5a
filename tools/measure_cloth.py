"""How lively cloth is, and how its colour follows its shade, painted and photographed (docs/painting.md, 5).

    python -m tools.measure_cloth --root AFLW2000 surgical:#9cc7dc n95 cloth:#1d1f22
    python -m tools.measure_cloth --photographs DIR

Liveliness is the standard deviation, in stops, of what lies between two blurs, in shares of the face's size:
the square root of the area of its landmarks' box, seen from the front. Then the mean of log2 B/R, and how it
changes with each stop of local luminance.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskgen.errors import InputError
from maskgen.geometry.face import CANONICAL_FACE
from maskgen.io.images import read_image
from maskgen.paint.tone import LINEAR, LUMA_BGR
from maskgen.paint.types import MASK

from .aflw2000 import draw_for, images_of, painted

F32 = NDArray[np.float32]
#: bands, as shares of the face's size; what is left out at the edge of a painted mask; blur of the local mean
BANDS = ((0.006, 0.012), (0.012, 0.024), (0.024, 0.048), (0.048, 0.096))
_EDGE, _LOCAL = 0.07, 0.06
#: size of the canonical face, mm
_FACE_MM = float(np.sqrt(np.prod(np.ptp(CANONICAL_FACE[:, :2], axis=0))))
#: photographs are brought to this size of face, as painted pictures have it
_FACE_PX = 170.0
#: levels that tell of colour, and the luminance taken for black
_TELLING, _BLACK = (6, 252), 0.002
_OUTLINES = Path(__file__).with_name("real_mask_outlines.toml")


def _blurred(image: F32, inside: F32, sigma: float) -> F32:
    """The mean of ``image`` (h, w) round each pixel, of what lies ``inside`` (h, w) 0 or 1."""
    total = cv2.GaussianBlur(image * inside, (0, 0), sigma)
    return np.asarray(total / np.maximum(cv2.GaussianBlur(inside, (0, 0), sigma), 1e-3), np.float32)


def liveliness(image: NDArray[np.uint8], inside: F32, face: float) -> list[float]:
    """Spread in stops of each of the BANDS of ``image`` (h, w, 3) BGR where ``inside`` (h, w) is 1."""
    stops = np.log2(np.maximum(LINEAR[image] @ LUMA_BGR, _BLACK)).astype(np.float32)
    blurs = {share: _blurred(stops, inside, share * face) for band in BANDS for share in band}
    return [float((blurs[fine] - blurs[coarse])[inside > 0].std()) for fine, coarse in BANDS]


def hue(image: NDArray[np.uint8], inside: F32, face: float) -> tuple[float, float]:
    """log2 B/R of the cloth, and how it changes with a stop of local luminance."""
    soft = cv2.GaussianBlur(image, (0, 0), max(0.6, 0.004 * face))
    stops = np.log2(np.maximum(LINEAR[soft], _BLACK))
    luminance, ratio = (np.asarray(v, np.float32) for v in (stops @ LUMA_BGR, stops[..., 0] - stops[..., 2]))
    telling = (inside > 0) & (soft.min(2) > _TELLING[0]) & (soft.max(2) < _TELLING[1])
    if telling.sum() < 50:
        return float("nan"), float("nan")
    local, coloured = ((v - _blurred(v, inside, _LOCAL * face))[telling] for v in (luminance, ratio))
    return float(np.median(ratio[telling])), float(np.polyfit(local, coloured, 1)[0])


def photographed(folder: Path) -> Iterator[tuple[str, list[float]]]:
    """Kind and figures of each outlined photograph in ``folder``."""
    for photo in tomllib.loads(_OUTLINES.read_text(encoding="utf-8"))["photograph"]:
        found = sorted(folder.rglob(f"{photo['stem']}.*"))
        if not found:
            raise SystemExit(f"{folder}: no photograph {photo['stem']}, which the outlines are of")
        image, scale = read_image(found[0]).bgr, _FACE_PX / photo["face"]
        inside = np.zeros(image.shape[:2], np.float32)
        cv2.fillPoly(inside, [np.array(photo["outline"])], 1.0)
        how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
        small = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=how), np.uint8)
        part = (cv2.resize(inside, small.shape[1::-1]) > 0.5).astype(np.float32)
        yield photo["kind"], [*liveliness(small, part, _FACE_PX), *hue(small, part, _FACE_PX)]


def worn(root: Path, mask: str, every: int) -> list[float]:
    """Median figures of ``mask``, "style" or "style:#rrggbb", on every so manieth picture of AFLW2000."""
    style, _, color = mask.partition(":")
    draws = {image: draw_for(image, style, color or None) for image in images_of(root)[::every]}
    rows = []
    for _, original, out in painted(root, draws):
        if isinstance(out, InputError):
            continue
        face = _FACE_MM * float(out.numbers["scale_px_per_mm"])
        cloth = ((out.segmentation == MASK) & (out.alpha > 0.98)).astype(np.uint8)
        inside = cv2.erode(np.pad(cloth, 1), np.ones((3, 3)), iterations=max(1, int(_EDGE * face)))[
            1:-1, 1:-1
        ]
        if inside.sum() < 500:
            continue
        part = inside.astype(np.float32)
        grey = np.ptp(original.astype(int), axis=2).mean() < 8.0
        colour = (float("nan"),) * 2 if grey else hue(out.image, part, face)
        rows.append([*liveliness(out.image, part, face), *colour])
    return [float(v) for v in np.nanmedian(np.array(rows), axis=0)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("masks", nargs="*", help="styles, each with a colour if wanted: cloth:#1d1f22")
    parser.add_argument("--root", type=Path, help="the AFLW2000 samples")
    parser.add_argument("--every", type=int, default=18, help="take every so manieth picture (18)")
    parser.add_argument("--photographs", type=Path, help="folder of the photographs that are outlined")
    given = parser.parse_args()
    if bool(given.masks) != (given.root is not None) or not (given.masks or given.photographs):
        parser.error("give --photographs DIR, or --root AFLW2000 and masks, or all of these")
    lines = list(photographed(given.photographs)) if given.photographs else []
    lines += [(mask, worn(given.root, mask, given.every)) for mask in given.masks]
    print("| | " + " | ".join(f"{fine:g}-{coarse:g}" for fine, coarse in BANDS) + " | log2 B/R | a stop |")
    print("|---" * 7 + "|")
    for name, figures in lines:
        print(f"| {name} | " + " | ".join(f"{v:.3f}" for v in figures) + " |")
