"""What lies in front of the face and stays in front of the mask: hands, sleeves, scarves, paper, flowers.

No learned weights. `occluder_cues.py` finds what may lie in front; what passes a strict rule is followed to
its edges and kept in front, what passes only a loose one is painted over and reported (docs/painting.md,
section 6). Things darker than the skin are not kept unless their colour is far off: a beard, a shadow and a
lock of hair cannot be told apart this way, and a hole in a right mask is worse than a hand painted over.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry.face import FaceFit
from .guided import guided
from .occluder_cues import (
    F32,
    PATCH_DEEP_MM2,
    PATCH_RIM_MM,
    Candidate,
    Mask,
    Work,
    around,
    patches,
    plateaus,
    small_picture,
)
from .raster import FAR
from .scene import Scene
from .types import HIDDEN_BY_MASK, VISIBLE

#: how far beyond what was found an occluder is followed, mm
_FOLLOW_MM = 10.0
#: how far a border found on the small picture may lie from the edge it stands for, mm
_BORDER_MM = 2.5
#: a mouth this wide open (gap over width) pulls the chin out of the face: nothing is sure then
_WIDE_OPEN = 0.75
#: a smaller share of the mask is not worth a hole
_LEAST_SHARE = 0.004
_NOTE = "occluder: something may lie in front of the face; it was painted over"


@dataclass(frozen=True, eq=False)
class Occlusion:
    """front: (h, w) of the window, 0..1 in front of the mask. share: of the mask that it hides.

    confidence: 0 nothing seen, 0..0.5 suspected (painted over, see `note`), above 0.5 kept in front.
    """

    front: F32
    share: float = 0.0
    confidence: float = 0.0
    note: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What `Painted.notes` is to say of it."""
        return (self.note,) if self.note else ()

    @property
    def numbers(self) -> dict[str, float]:
        """What `Painted.numbers` is to record of it."""
        return {"occluded_share": self.share, "occluder_confidence": self.confidence}


def _glare(c: Candidate) -> bool:
    """Whether it may be a burnt-out background that a poor fit lets into the cheek."""
    return c.y < 40.0 and (
        (c.luminance > 0.75 and c.brighter > 0.4) or (c.strength == 0.0 and c.brighter > 1.3)
    )


def _reaches_in(c: Candidate) -> bool:
    """Whether a patch reaches from the outline of the face to well inside it."""
    return c.rim > PATCH_RIM_MM and c.deep > PATCH_DEEP_MM2


def _sure(c: Candidate) -> bool:
    """The strict rule: what passes is kept in front. Fewer than one bare face in a hundred may pass it."""
    if c.strength == 0.0:
        rule = _reaches_in(c) and c.runs_on < 0.6 and c.edge > 0.05 and c.weakest > 0.033
        return rule and c.contrast > 0.2 and (c.brighter > -0.6 or c.chroma > 9.0) and not _glare(c)
    # shadow, beard and hair are darker than skin; of the darker things only plain colours are believed
    coloured = c.hue > 1.0 and c.luminance > 0.03 and c.contrast > 0.3 and c.runs_on < 0.05
    rule = (c.brighter > 0.25 or coloured) and c.contrast > 0.1 and c.edge > 0.045 and c.weakest > c.strength
    # the weaker its edge in the face, the less it may change where the face's outline ought to be
    rule = rule and c.runs_on < min(0.25, 2.0 * c.edge) and c.outside > max(250.0, 0.8 * c.deep)
    return rule and c.deep > 50.0 and not _glare(c)


def _suspect(c: Candidate) -> bool:
    """The loose rule: worth a note."""
    if c.strength == 0.0:
        return _reaches_in(c) and c.runs_on < 0.6 and c.edge > 0.04 and c.contrast > 0.15
    rule = c.brighter > 0.15 and c.contrast > 0.1 and c.edge > 0.04 and c.runs_on < 0.25
    return rule and c.outside > max(80.0, 0.4 * c.deep) and c.deep > 40.0


def find_occluder(
    image: NDArray[np.uint8],
    fit: FaceFit,
    box: tuple[int, int, int, int],
    coverage: F32,
    frame: tuple[int, int, int, int],
) -> Occlusion:
    """What lies in front of a mask of ``coverage`` (h, w) in the window ``box`` of ``image``. Never raises.

    image: (H, W, 3) uint8 BGR; box, frame: (x0, y0, x1, y1), frame being the photograph without padding.
    """
    none = Occlusion(np.broadcast_to(np.float32(0.0), coverage.shape))
    work = small_picture(image, fit, frame)
    if work is None:
        return none
    found = [c for c in (*plateaus(work), *patches(work)) if _suspect(c) or _sure(c)]
    if not found:
        return none
    sure = [c for c in found if _sure(c)] if fit.mouth_open < _WIDE_OPEN else []
    if not sure:
        return Occlusion(none.front, 0.0, 0.4, _NOTE)
    seed = np.logical_or.reduce([c.region for c in sure])
    patch = all(c.strength == 0.0 for c in sure)
    front = _to_window(image, work, _followed(work, seed, patch), box)
    total = float(coverage.sum())
    share = float((front * coverage).sum()) / max(total, 1e-6)
    if share < _LEAST_SHARE:
        return none
    return Occlusion(front, round(share, 4), round(_confidence(sure), 4))


def put_behind(scene: Scene, occlusion: Occlusion) -> None:
    """Take what is in front out of the mask and straps of ``scene``, in place.

    A landmark over which no mask is painted is no longer hidden by it.
    """
    if occlusion.share <= 0.0:
        return
    keep = 1.0 - occlusion.front
    scene.coverage[...] *= keep
    scene.strap[...] *= keep
    # the mask's shadow falls on the face, not on what is before it
    scene.head_depth[keep < 0.5] = FAR
    x, y = np.rint(scene.landmarks[:, :2]).astype(int).T
    i = np.flatnonzero((x >= 0) & (y >= 0) & (x < keep.shape[1]) & (y < keep.shape[0]))
    i = i[(keep[y[i], x[i]] < 0.5) & (scene.visibility[i] == HIDDEN_BY_MASK)]
    scene.visibility[i] = VISIBLE


def _confidence(sure: list[Candidate]) -> float:
    """Above 0.5: how far the strongest candidate's edge exceeds what was asked of it."""
    best = max(c.weakest / max(c.strength, 0.045) for c in sure)
    return float(np.clip(0.5 + 0.5 * (1.0 - 1.0 / best), 0.5, 1.0))


def _followed(work: Work, seed: Mask, patch: bool) -> Mask:
    """``seed`` grown to the edges of the thing it lies in, by watershed against the skin around it.

    patch: the seed was looked for on the face alone and must be followed across its outline by likeness.
    """
    seed = _filled(seed, max(1, round(2.0 * work.k))) & ~work.core
    if patch:
        colour, spread = np.median(work.picture[seed], 0), float(work.picture[seed].std(0).mean())
        alike = (work.depth < 2.0) & (np.abs(work.picture - colour).mean(-1) < spread + 6.0)
        _, label = cv2.connectedComponents((alike | seed).astype(np.uint8), connectivity=4)
        seed = seed | (alike & np.isin(label, np.unique(label[seed])))
    markers = np.zeros(seed.shape, np.int32)
    skin = (work.slope < 0.03) & work.on & (work.depth > 4.0) & ~seed
    _, label = cv2.connectedComponents(skin.astype(np.uint8), connectivity=4)
    own = np.unique(label[work.core & skin])
    markers[np.isin(label, own[own > 0])] = 2
    markers[~around(seed, max(2, round(_FOLLOW_MM * work.k)))] = 2
    markers[seed] = 1
    shed = cv2.watershed(work.picture, markers)
    # watershed leaves its lines unlabelled; they belong to what they run round
    return _filled(shed == 1, 1)


def _filled(region: Mask, pixels: int) -> Mask:
    """The region without gaps narrower than 2 ``pixels`` and without what it encloses."""
    kernel = np.ones((2 * pixels + 1,) * 2, np.uint8)
    closed = np.asarray(cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_CLOSE, kernel))
    padded = np.pad(1 - closed, 1, constant_values=1)
    _, label = cv2.connectedComponents(padded, connectivity=4)
    return np.asarray(label != label[0, 0])[1:-1, 1:-1]


def _to_window(image: NDArray[np.uint8], work: Work, region: Mask, box: tuple[int, int, int, int]) -> F32:
    """The region at the picture's own resolution within ``box``, its border drawn onto the nearest edges."""
    x0, y0, x1, y1 = box
    wx0, wy0, wx1, wy1 = work.box
    sx, sy = region.shape[1] / (wx1 - wx0), region.shape[0] / (wy1 - wy0)
    to_small = np.array([[sx, 0.0, (x0 - wx0 + 0.5) * sx - 0.5], [0.0, sy, (y0 - wy0 + 0.5) * sy - 0.5]])
    rough = np.asarray(
        cv2.warpAffine(
            region.astype(np.float32),
            to_small,
            (x1 - x0, y1 - y0),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        )
    )
    return _on_edges(image[y0:y1, x0:x1], rough.astype(np.float32), _BORDER_MM * work.k / min(sx, sy))


def _on_edges(window: NDArray[np.uint8], rough: F32, reach: float) -> F32:
    """The map ``rough`` (h, w) 0..1, its border on the edges of ``window`` that lie within ``reach`` px."""
    radius = max(2, round(reach))
    rows, columns = (np.flatnonzero((rough > 0.0).any(axis)) for axis in (1, 0))
    out = np.zeros(rough.shape, np.float32)
    if len(rows) == 0:
        return out
    # beyond two squares of the filter from anything in front all is 0
    part = tuple(slice(max(i[0] - 2 * radius, 0), i[-1] + 2 * radius + 1) for i in (rows, columns))
    soft = guided(np.ascontiguousarray(window[part]), rough[part], radius, 4e-4)
    out[part] = np.clip((soft - 0.25) / 0.5, 0.0, 1.0)
    return out
