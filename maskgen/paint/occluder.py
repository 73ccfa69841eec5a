"""What lies in front of the face and stays in front of the mask: hands, cups, flutes, flowers, scarves.

A small network (`occluder_net.py`) looks at a crop of the lower face (`occluder_frame.py`) and says of each
pixel whether something is before it. What it is sure of, seen straight and in a mirror, is kept in front; what
it only suspects is painted over and reported (docs/painting.md, section 6). A hole in a right mask is worse
than a hand painted over, so it must be very sure.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry.face import FaceFit
from .guided import guided
from .occluder_frame import SIDE, FaceView, face_view
from .occluder_net import logits, mirrored_logits
from .raster import FAR
from .scene import Scene
from .types import HIDDEN_BY_MASK, VISIBLE

F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]
#: log odds of a pixel that is taken to be in front, and of one that speaks for a thing as a whole
_IN_FRONT, _STRONG = 0.0, 1.7
#: what a thing must hide of the lower face, and how much of that must be strong, to be kept and to be noted
_SURE_SHARE, _SURE_STRONG = 0.015, 0.5
_SUSPECT_SHARE, _SUSPECT_STRONG = 0.010, 0.3
#: how far a border found on the crop may lie from the edge it stands for, mm
_BORDER_MM = 3.0
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


@dataclass(frozen=True, eq=False)
class _Thing:
    """A connected region of the crop. share: of the lower face that it hides; strong: of that, how much is sure."""

    region: Mask
    share: float
    strong: float


def _things(odds: F32, view: FaceView) -> list[_Thing]:
    """What may lie in front of the face, of ``odds`` (SIDE, SIDE)."""
    count, label = cv2.connectedComponents((odds > _IN_FRONT).astype(np.uint8), connectivity=4)
    whole = float(view.face.sum())
    out = []
    for i in range(1, count):
        region = label == i
        hidden = odds[region & view.face]
        if len(hidden) > 0:
            out.append(_Thing(region, len(hidden) / whole, float((hidden > _STRONG).mean())))
    return out


def _sure(thing: _Thing) -> bool:
    """The strict rule: what passes is kept in front."""
    return thing.share > _SURE_SHARE and thing.strong > _SURE_STRONG


def _suspect(thing: _Thing) -> bool:
    """The loose rule: worth a note."""
    return thing.share > _SUSPECT_SHARE and thing.strong > _SUSPECT_STRONG


def find_occluder(
    image: NDArray[np.uint8],
    fit: FaceFit,
    box: tuple[int, int, int, int],
    coverage: F32,
    frame: tuple[int, int, int, int],
) -> Occlusion:
    """What lies in front of a mask of ``coverage`` (h, w) in the window ``box`` of ``image``.

    image: (H, W, 3) uint8 BGR; box, frame: (x0, y0, x1, y1), frame being the photograph without padding.
    Raises UsageError only where the installation lacks the network's weights.
    """
    none = Occlusion(np.broadcast_to(np.float32(0.0), coverage.shape))
    view = face_view(image, fit, frame)
    if view is None:
        return none
    odds = logits(view.channels)
    if not any(_suspect(thing) for thing in _things(odds, view)):
        return none
    # a second look, from the other side, before anything is done
    odds = 0.5 * (odds + mirrored_logits(view.channels))
    found = [thing for thing in _things(odds, view) if _suspect(thing)]
    if not found:
        return none
    sure = [thing for thing in found if _sure(thing)]
    if not sure:
        return Occlusion(none.front, 0.0, 0.4, _NOTE)
    region = np.logical_or.reduce([thing.region for thing in sure])
    front = _to_window(image, view, np.where(region, odds, np.minimum(odds, -1.0)), box, fit.camera.scale)
    total = float(coverage.sum())
    share = float((front * coverage).sum()) / max(total, 1e-6)
    if share < _LEAST_SHARE:
        return none
    return Occlusion(front, round(share, 4), round(0.5 + 0.5 * max(t.strong for t in sure), 4))


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


def _to_window(
    image: NDArray[np.uint8], view: FaceView, odds: F32, box: tuple[int, int, int, int], scale: float
) -> F32:
    """Where ``odds`` (SIDE, SIDE) are above 0, at the picture's own resolution within ``box``.

    The border is drawn onto the nearest edges of the picture.
    """
    x0, y0, x1, y1 = box
    window = np.array([[1.0, 0.0, x0], [0.0, 1.0, y0], [0.0, 0.0, 1.0]])
    to_crop = (np.linalg.inv(np.vstack([view.matrix, [0.0, 0.0, 1.0]])) @ window)[:2]
    assert odds.shape == (SIDE, SIDE)
    rough = np.clip(0.5 + 0.25 * odds, 0.0, 1.0).astype(np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    rough = np.asarray(cv2.warpAffine(rough, to_crop, (x1 - x0, y1 - y0), flags=flags), np.float32)
    return _on_edges(image[y0:y1, x0:x1], rough, _BORDER_MM * scale)


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
