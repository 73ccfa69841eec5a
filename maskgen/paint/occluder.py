"""What lies in front of the face and stays in front of the mask: hands, cups, flutes, flowers, scarves.

A small network (`occluder_net.py`) looks at a crop of the lower face (`occluder_frame.py`) and says of each
pixel whether something is before it; where it suspects something a second one is asked too. What they are
sure of, seen straight and in a mirror, is kept in front; where both together leave it open that something is
there, it is painted over and reported (docs/painting.md, section 6). A hole in a right mask is worse than a
hand painted over, so they must be very sure.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry.face import FaceFit
from .guided import guided
from .occluder_frame import SIDE, FaceView, face_view
from .occluder_net import glance, look, look_in_mirror
from .raster import FAR
from .scene import Scene
from .types import HIDDEN_BY_MASK, VISIBLE

F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]
#: log odds of a pixel that is taken to be in front, and those of both networks that are told in a note; the
#: share of the lower face that is worth a look, and a note
_IN_FRONT, _IN_DOUBT, _WORTH = 0.0, 0.3, 0.004
#: of the lower face, what a thing must hide and must not exceed: larger ones are a face in odd light
_LEAST_HIDDEN, _MOST_HIDDEN = 0.015, 0.5
#: the log odds that a quarter of its pixels must exceed, to be kept and to be looked at in the mirror
_SURE, _SUSPECT = 1.7, 0.6
#: things darker than the skin beside them by more stops may be its shadow or hair, for the same two
_SURE_DARK, _SUSPECT_DARK = -1.2, -3.0
#: how much light and colour must change at its border, stops a pixel, for the same two
_SURE_EDGE, _SUSPECT_EDGE = 0.12, 0.08
#: a mouth this wide open (gap over width) pulls the chin out of the face: nothing is sure then
_WIDE_OPEN = 0.75
#: how far a border found on the crop may lie from the edge it stands for, mm
_BORDER_MM = 3.0
#: a border counts as an edge in the face only so deep inside its outline, / 25 mm
_INSIDE = 0.15
#: log odds of what is surely bare, and the pixels of it that a colour is read from
_BARE, _FEW = -0.5, 6
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
    """A connected region of the crop that may lie in front.

    share: of the lower face that it hides. strength: upper quartile of its log odds there. edge: how much
    light and colour change at its border in the face, stops a pixel. brighter: stops, than skin beside it.
    """

    region: Mask
    share: float
    strength: float
    edge: float
    brighter: float


def _more_than_a_trace(odds: F32, above: float, view: FaceView) -> bool:
    """Whether log ``odds`` (SIDE, SIDE) exceed ``above`` on enough of the lower face."""
    return bool(np.count_nonzero((odds > above) & view.face) > _WORTH * np.count_nonzero(view.face))


def _things(odds: F32, view: FaceView) -> list[_Thing]:
    """What may lie in front of the face, of ``odds`` (SIDE, SIDE)."""
    _, label = cv2.connectedComponents((odds > _IN_FRONT).astype(np.uint8), connectivity=4)
    shares = np.bincount(label[view.face]) / float(view.face.sum())
    shares[0] = 0.0  # what is bare
    out = []
    for i in np.flatnonzero((shares > _LEAST_HIDDEN) & (shares < _MOST_HIDDEN)):
        region, share = label == i, float(shares[i])
        hidden = region & view.face
        strength = float(np.quantile(odds[hidden], 0.75))
        if strength > _SUSPECT:
            out.append(_measured(region, hidden, share, strength, odds, view))
    return out


def _measured(region: Mask, hidden: Mask, share: float, strength: float, odds: F32, view: FaceView) -> _Thing:
    light = view.channels[0]
    flat = region.astype(np.uint8)
    grown = cv2.dilate(flat, _square(1)) > 0
    band = grown & (cv2.erode(flat, _square(1)) == 0) & (view.channels[6] > _INSIDE)
    edge = float(view.slope[band].mean()) if band.any() else 0.0
    bare = view.face & (odds < _BARE)
    beside = bare & (cv2.dilate(flat, _square(4)) > 0) & ~grown
    if int(beside.sum()) < _FEW:
        beside = bare if bare.any() else view.face
    # the first channel counts half stops
    brighter = 2.0 * float(np.median(light[hidden]) - np.median(light[beside]))
    return _Thing(region, share, strength, edge, brighter)


def _square(reach: int) -> NDArray[np.uint8]:
    return np.ones((2 * reach + 1,) * 2, np.uint8)


def _sure(thing: _Thing) -> bool:
    """The strict rule: what passes is kept in front. Fewer than one bare face in a hundred may pass it."""
    return thing.strength > _SURE and thing.edge > _SURE_EDGE and thing.brighter > _SURE_DARK


def _suspect(thing: _Thing) -> bool:
    """The loose rule: worth being asked again of the mirrored face."""
    return thing.edge > _SUSPECT_EDGE and thing.brighter > _SUSPECT_DARK


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
    odds = glance(view.channels)
    if not _more_than_a_trace(odds, _IN_FRONT, view):
        return none
    odds = look(view.channels, odds)
    doubt = _more_than_a_trace(odds, _IN_DOUBT, view)
    unsure = Occlusion(none.front, 0.0, 0.4, _NOTE) if doubt else none
    if fit.mouth_open >= _WIDE_OPEN or not any(map(_suspect, _things(odds, view))):
        return unsure
    odds = 0.5 * (odds + look_in_mirror(view.channels))
    sure = [thing for thing in _things(odds, view) if _sure(thing)]
    if not sure:
        return unsure
    region = np.logical_or.reduce([thing.region for thing in sure])
    front = _to_window(image, view, np.where(region, odds, np.minimum(odds, -1.0)), box, fit.camera.scale)
    total = float(coverage.sum())
    share = float((front * coverage).sum()) / max(total, 1e-6)
    if share < _LEAST_SHARE:
        return none
    return Occlusion(front, round(share, 4), round(_confidence(sure), 4))


def _confidence(sure: list[_Thing]) -> float:
    """Above 0.5: how far the strongest thing exceeds what was asked of it."""
    return 1.0 - 0.5 * _SURE / max(thing.strength for thing in sure)


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
