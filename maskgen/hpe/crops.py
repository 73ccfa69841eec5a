"""Crop policies: from a face's landmark box to the square picture a network sees.

A policy widens the tight box (x0, y0, x1, y1) of width w and height h by fractions of w and h that depend on
one number k, and says how the result becomes a square. Published numbers depend on these details by a degree
and more, so the policy's name is part of every result.

    hopenet         k~U(.2,.4) in training: sides .6k w, top 2k h, bottom .6k h; test k=.2: sides 2k w, top
                    2k h, bottom .6k h (train and test differ, as published). The shorter side is scaled to
                    the input in testing, to 240/224 of it in training, and a square is cut out.
    hopenet_legacy  the same as the released code computes it: each side is widened by the width after the
                    side before it, so the right and the bottom margins are larger.
    sixdrepnet      hopenet's test box scaled to 256/224 of the input, centre cut out (its test transform).
    fsanet          .6 w and .6 h on every side of a landmark box, .4 of a detector's box; clipped to the
                    picture, whole pixels, stretched to a square.
    frame           the whole picture, letterboxed into the top left corner: for networks that find the face.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from ..errors import LandmarkError, UsageError
from ..geometry.rotation import Array
from ..io.images import Pixels
from ..sample import Box, Sample

Margins = tuple[float, float, float, float]


@dataclass(frozen=True)
class CropPolicy:
    """One way to crop. train_k: the range of k in training; test_k: its value in testing.

    square: "stretch" both sides to the input, or cut the "middle" square after scaling the shorter side to
    ``overscan`` (train, test) times the input. resize: "linear" = OpenCV's, which does not low-pass, as
    FSA-Net's data were made; "antialias" = Pillow's bilinear, as torchvision's transforms do.
    """

    name: str
    train_k: tuple[float, float] = (0.2, 0.2)
    test_k: float = 0.2
    square: Literal["stretch", "middle", "frame"] = "middle"
    overscan: tuple[float, float] = (1.0, 1.0)
    resize: Literal["linear", "antialias"] = "antialias"

    def margins(self, k: float, train: bool) -> Margins:
        """(left, top, right, bottom) margins as fractions of the box's width and height."""
        if self.name == "fsanet":
            return (k, k, k, k)
        side = 0.6 * k if train else 2.0 * k
        left, top, right, bottom = side, 2.0 * k, side, 0.6 * k
        if self.name == "hopenet_legacy":
            right, bottom = side * (1.0 + left), 0.6 * k * (1.0 + top)
        return left, top, right, bottom

    def widened(self, box: Box, k: float, train: bool = False) -> Box:
        """The face box widened; not rounded, not clipped, not square yet."""
        x0, y0, x1, y1 = box
        w, h = abs(x1 - x0), abs(y1 - y0)
        left, top, right, bottom = self.margins(k, train)
        return x0 - left * w, y0 - top * h, x1 + right * w, y1 + bottom * h

    def test_box(self, box: Box, size: tuple[int, int], detector: bool = False) -> Box:
        """The box that is scaled to the network's input in testing.

        box: the tight landmark box, or a detector's. size: (width, height) of the picture. Edges, not pixel
        centres: [x0, x1) x [y0, y1).
        """
        width, height = size
        if self.square == "frame":
            side = float(max(width, height))
            return 0.0, 0.0, side, side
        k = 0.4 if self.name == "fsanet" and detector else self.test_k
        if self.square == "stretch":
            # the released script truncates before widening and once more after it
            x0, y0, x1, y1 = (float(int(v)) for v in box)
            x0, y0, x1, y1 = (float(int(v)) for v in self.widened((x0, y0, x1, y1), k))
            return max(x0, 0.0), max(y0, 0.0), min(x1, width - 1.0), min(y1, height - 1.0)
        x0, y0, x1, y1 = (float(int(v)) for v in self.widened(box, k))
        side = min(x1 - x0, y1 - y0) / self.overscan[1]
        cx, cy = (x0 + x1) / 2.0, (y0 + y1) / 2.0
        return cx - side / 2.0, cy - side / 2.0, cx + side / 2.0, cy + side / 2.0


POLICIES: dict[str, CropPolicy] = {
    p.name: p
    for p in (
        CropPolicy("hopenet", (0.2, 0.4), 0.2, overscan=(240 / 224, 1.0)),
        CropPolicy("hopenet_legacy", (0.2, 0.4), 0.2, overscan=(240 / 224, 1.0)),
        CropPolicy("sixdrepnet", (0.2, 0.4), 0.2, overscan=(256 / 224, 256 / 224)),
        CropPolicy("fsanet", (0.6, 0.6), 0.6, square="stretch", resize="linear"),
        CropPolicy("frame", square="frame"),
    )
}


def get_policy(name: str) -> CropPolicy:
    """The policy of that name. Raises UsageError with the names there are."""
    if name not in POLICIES:
        raise UsageError(f"crop policy must be one of {', '.join(POLICIES)}, got {name!r}")
    return POLICIES[name]


def face_box(sample: Sample) -> tuple[Box, bool]:
    """(box, whether it is a detector's): the tight box of the landmarks, else the sample's own box.

    FSA-Net's rule for landmark files with unknown points (-1): only points at positive coordinates count.
    Raises LandmarkError where the sample has neither, or a box without area.
    """
    box, detector = sample.box, True
    if sample.landmarks is not None:
        points = sample.landmarks.xy[sample.landmarks.valid]
        points = points[(points > 0.0).all(axis=1)]
        if len(points) >= 2:
            (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
            box, detector = (float(x0), float(y0), float(x1), float(y1)), False
    if box is None:
        raise LandmarkError(f"{sample.id}: neither landmarks nor a face box to crop by")
    if not (box[2] - box[0] >= 4.0 and box[3] - box[1] >= 4.0):
        raise LandmarkError(f"{sample.id}: the face box {tuple(round(v, 1) for v in box)} is under 4 px")
    return box, detector


def crop(rgb: Pixels, box: Box, size: int, resize: str = "antialias") -> Pixels:
    """The part of a picture (h, w, 3) inside ``box`` (edges) as (size, size, 3); black outside the picture.

    Raises LandmarkError if the box is empty or lies wholly outside.
    """
    h, w = rgb.shape[:2]
    x0, y0, x1, y1 = box
    if not (x1 - x0 >= 1.0 and y1 - y0 >= 1.0) or x0 >= w or y0 >= h or x1 <= 0 or y1 <= 0:
        raise LandmarkError(f"crop box {tuple(round(v, 1) for v in box)} lies outside the {w} x {h} picture")
    left, top = int(np.floor(min(x0, 0.0))), int(np.floor(min(y0, 0.0)))
    right, bottom = int(np.ceil(max(x1, w))), int(np.ceil(max(y1, h)))
    if (left, top, right, bottom) != (0, 0, w, h):
        # only what the box reaches: a padded copy of the whole picture is wasted work
        pads = (-top, bottom - h, -left, right - w)
        rgb = cv2.copyMakeBorder(rgb, *pads, cv2.BORDER_CONSTANT, value=(0, 0, 0)).astype(np.uint8)
    inside = (x0 - left, y0 - top, x1 - left, y1 - top)
    if resize == "linear" and all(float(v).is_integer() for v in inside):
        a, b, c, d = (int(v) for v in inside)
        return np.asarray(cv2.resize(rgb[b:d, a:c], (size, size)), dtype=np.uint8)
    method = Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(rgb).resize((size, size), method, box=inside), dtype=np.uint8)


def crop_from_image(box: Box, size: int) -> Array:
    """(2, 3) map from image pixel centres to crop pixel centres for `crop` with the same arguments."""
    x0, y0, x1, y1 = box
    sx, sy = size / (x1 - x0), size / (y1 - y0)
    return np.array([[sx, 0.0, (0.5 - x0) * sx - 0.5], [0.0, sy, (0.5 - y0) * sy - 0.5]])


def region_box(policy: CropPolicy, box: Box, margin: float, size: tuple[int, int]) -> Box:
    """The square kept for training: every crop the policy may draw, and ``margin`` times the square it cuts.

    Isotropic, so that the picture may be turned inside it.
    """
    if policy.square == "frame":
        return policy.test_box(box, size)
    x0, y0, x1, y1 = policy.widened(box, max(policy.train_k), train=True)
    w, h = x1 - x0, y1 - y0
    cut = max(w, h) if policy.square == "stretch" else min(w, h)
    half = max(w, h, margin * cut) / 2.0
    cx, cy = (x0 + x1) / 2.0, (y0 + y1) / 2.0
    return cx - half, cy - half, cx + half, cy + half


def region_pixels(policy: CropPolicy, size: int, margin: float) -> int:
    """Side in pixels of a stored region, such that a typical training crop keeps the input's resolution."""
    if policy.square == "frame":
        return size
    unit: Box = (0.0, 0.0, 1.0, 1.0)
    x0, _, x1, _ = region_box(policy, unit, margin, (1, 1))
    a, b, c, d = policy.widened(unit, sum(policy.train_k) / 2.0, train=True)
    return int(np.ceil(size * policy.overscan[0] * (x1 - x0) / min(c - a, d - b)))
