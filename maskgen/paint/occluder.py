"""What lies in front of the face and stays in front of the mask: hands, cups, flutes, flowers, scarves, hair.

Small networks (`occluder_net.py`) look at a crop of the lower face (`occluder_frame.py`) and say of each
pixel whether something is before it: one of every face, two more where it suspects something, one of hair.
What they are sure of, seen straight and in a mirror, is kept in front; where they leave it open that
something is there, it is painted over and reported (docs/painting.md, section 6). A hole in a right mask is
worse than a hand painted over, so they must be very sure.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry.face import FaceFit
from .guided import guided
from .occluder_frame import SIDE, FaceView, face_view
from .occluder_net import glance, hair, hair_in_mirror, look, look_in_mirror
from .occluder_things import IN_FRONT, Thing, beside_the_face, hangs, things
from .raster import FAR
from .scene import Scene
from .types import HIDDEN_BY_MASK, VISIBLE

F32 = NDArray[np.float32]
Part = tuple[slice, slice]
#: log odds (SIDE, SIDE) that are above 0 where something surely is, and how sure that is, above 0.5
_Found = tuple[F32, float]
#: log odds of glance and looks that are told in a note; share of the lower face worth a look, or a note
_IN_DOUBT, _WORTH = 1.0, 0.004
#: the log odds that a quarter of its pixels must exceed, to be kept
_SURE = 2.05
#: things darker than the skin beside them by more stops may be its shadow or hair: to be kept, and to be seen
#: in the mirror
_SURE_DARK, _SUSPECT_DARK = -1.2, -3.0
#: how much light and colour must change at its border, stops a pixel, for the same two
_SURE_EDGE, _SUSPECT_EDGE = 0.12, 0.08
#: log odds of hair that is kept, and that is worth being asked in the mirror
_SURE_HAIR, _SUSPECT_HAIR = 2.75, 1.5
#: a mouth this wide open (gap over width) pulls the chin out of the face: nothing is sure then
_WIDE_OPEN = 0.75
#: landmarks so far off the fitted face that its outline may lie beside the head's: nothing is sure then. Of
#: 79 AFLW2000 samples with something kept none is above 6.4; 2 % of all are above 6.8
_POOR_FIT_MM = 7.0
#: how far a border found on the crop may lie from the edge it stands for, mm
_BORDER_MM = 3.0
#: a smaller share of the mask is not worth a hole
_LEAST_SHARE = 0.004
#: coverage below which a strap does not go on
_TRACE = 0.25
_NOTHING = np.zeros((0, 0), np.float32)
_NOTE = "occluder: something may lie in front of the face; it was painted over"


@dataclass(frozen=True, eq=False)
class Occlusion:
    """front: 0..1 in front of the mask, (h, w) of that ``part`` of the window (rows, columns); 0 beyond it.

    share: of the mask that it hides. confidence: 0 nothing seen, 0..0.5 suspected (painted over, see `note`),
    above 0.5 kept in front.
    """

    front: F32 = field(default_factory=lambda: _NOTHING)
    part: Part = np.s_[:0, :0]
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


def _more_than_a_trace(odds: F32, above: float, view: FaceView) -> bool:
    """Whether log ``odds`` (SIDE, SIDE) exceed ``above`` on enough of the lower face."""
    return bool(np.count_nonzero((odds > above) & view.face) > _WORTH * np.count_nonzero(view.face))


def _sure(thing: Thing) -> bool:
    """The strict rule: what passes is kept in front. Fewer than one bare face in a hundred may pass it."""
    return thing.strength > _SURE and thing.edge > _SURE_EDGE and thing.brighter > _SURE_DARK


def _sure_hair(thing: Thing) -> bool:
    """The same for hair, which may be as dark as it likes."""
    return thing.strength > _SURE_HAIR and thing.edge > _SURE_EDGE


def _suspect(thing: Thing) -> bool:
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
    none = Occlusion()
    view = face_view(image, fit, frame)
    if view is None:
        return none
    thing, doubt = _thing_in_front(view, fit.mouth_open)
    unsure = Occlusion(confidence=0.4, note=_NOTE) if doubt else none
    found = [part for part in (thing, _hair_in_front(view)) if part is not None]
    if not found:
        return unsure
    if fit.residual_mm > _POOR_FIT_MM:
        return Occlusion(confidence=0.4, note=_NOTE)
    odds = np.maximum.reduce([odds for odds, _ in found])
    front, part = _to_window(image, view, odds, box, fit.camera.scale)
    share = float((front * coverage[part]).sum()) / max(float(coverage.sum()), 1e-6)
    if share < _LEAST_SHARE:
        return unsure
    return Occlusion(front, part, round(share, 4), round(max(sure for _, sure in found), 4))


def _thing_in_front(view: FaceView, mouth_open: float) -> tuple[_Found | None, bool]:
    """What is surely something other than hair; and whether there may be something."""
    odds = glance(view.channels)
    if not _more_than_a_trace(odds, IN_FRONT, view):
        return None, False
    odds = look(view.channels, odds)
    doubt = _more_than_a_trace(odds, _IN_DOUBT, view)
    if mouth_open >= _WIDE_OPEN or not any(map(_suspect, things(odds, view))):
        return None, doubt
    odds = 0.5 * (odds + look_in_mirror(view.channels))
    return _alone(odds, [thing for thing in things(odds, view) if _sure(thing)], _SURE), doubt


def _hair_in_front(view: FaceView) -> _Found | None:
    """Hair that surely hangs over the cheeks or the jaw."""
    odds = hair(view.channels)
    if not any(thing.strength > _SUSPECT_HAIR for thing in things(odds, view)):
        return None
    odds = beside_the_face(0.5 * (odds + hair_in_mirror(view.channels)), view)
    sure = [thing for thing in things(odds, view) if _sure_hair(thing) and hangs(thing, view)]
    return _alone(odds, sure, _SURE_HAIR)


def _alone(odds: F32, sure: list[Thing], asked: float) -> _Found | None:
    """Log ``odds`` with only what is ``sure`` left in front, and how sure that is; None without any."""
    if not sure:
        return None
    region = np.logical_or.reduce([thing.region for thing in sure])
    return np.where(region, odds, np.minimum(odds, -1.0)), _confidence(sure, asked)


def _confidence(sure: list[Thing], asked: float) -> float:
    """Above 0.5: how far the strongest thing exceeds the log odds ``asked`` of it."""
    return 1.0 - 0.5 * asked / max(thing.strength for thing in sure)


def put_behind(scene: Scene, occlusion: Occlusion) -> None:
    """Take what is in front out of the mask and straps of ``scene``, in place.

    A landmark over which no mask is painted is no longer hidden by it. What it cuts off of a strap is not
    seen again: the search ends with the lower face, and the arm, the veil or the hair goes on.
    """
    if occlusion.share <= 0.0:
        return
    keep, part = 1.0 - occlusion.front, occlusion.part
    held = _held_by_mask(scene)
    scene.coverage[part] *= keep
    scene.strap[part] *= keep
    left = _held_by_mask(scene)
    lost = cv2.dilate((held & ~left).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~left
    scene.coverage[lost] -= scene.strap[lost]
    scene.strap[lost] = 0.0
    # the mask's shadow falls on the face, not on what is before it
    scene.head_depth[part][keep < 0.5] = FAR
    x, y = np.rint(scene.landmarks[:, :2]).astype(int).T - [[part[1].start], [part[0].start]]
    i = np.flatnonzero((x >= 0) & (y >= 0) & (x < keep.shape[1]) & (y < keep.shape[0]))
    i = i[(keep[y[i], x[i]] < 0.5) & (scene.visibility[i] == HIDDEN_BY_MASK)]
    scene.visibility[i] = VISIBLE


def _held_by_mask(scene: Scene) -> NDArray[np.bool_]:
    """Pixels (h, w) of straps of which a way over what is painted leads to the mask."""
    painted = (scene.coverage > _TRACE).astype(np.uint8)
    count, labels = cv2.connectedComponents(painted)
    held = np.zeros(count, bool)
    held[labels[scene.coverage - scene.strap > 0.5]] = True
    held[0] = False
    return np.asarray(held[labels] & (scene.strap > 0.0), np.bool_)


def _to_window(
    image: NDArray[np.uint8], view: FaceView, odds: F32, box: tuple[int, int, int, int], scale: float
) -> tuple[F32, Part]:
    """Where ``odds`` (SIDE, SIDE) are above 0, at the picture's own resolution: an `Occlusion`'s front.

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


def _on_edges(window: NDArray[np.uint8], rough: F32, reach: float) -> tuple[F32, Part]:
    """The map ``rough`` (h, w) 0..1, its border on the edges of ``window`` that lie within ``reach`` px.

    Only that part of it, and which it is, in which anything is in front.
    """
    radius = max(2, round(reach))
    rows, columns = (np.flatnonzero((rough > 0.0).any(axis)) for axis in (1, 0))
    if len(rows) == 0:
        return _NOTHING, np.s_[:0, :0]
    # beyond two squares of the filter from anything in front all is 0
    down, across = (slice(max(i[0] - 2 * radius, 0), i[-1] + 2 * radius + 1) for i in (rows, columns))
    part = down, across
    soft = guided(np.ascontiguousarray(window[part]), rough[part], radius, 4e-4)
    return np.clip((soft - 0.25) / 0.5, 0.0, 1.0), part
