"""Checks of a generated picture against its source: labels kept or turned, masks where they should be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..datasets import DatasetFormat
from ..errors import InputError
from ..geometry.landmarks import LEFT_EYE, RIGHT_EYE, Landmarks
from ..geometry.rotation import Array, geodesic_deg, orthonormalise, rotation_z
from ..io.files import sha256_file
from ..io.images import Pixels, read_image
from ..jobs.outcome import Outcome
from ..landmarks.sources import landmarks_for
from ..sample import Entry, Sample
from .pictures import Facts

#: degrees a label may differ from the truth: float32 radians of .mat files, six digits of pose.txt
LABEL_TOLERANCE_DEG = 0.01
#: pixels a landmark may lie off its turned place
LANDMARK_TOLERANCE_PX = 0.1
#: levels by which a pixel must differ to count as painted; a second JPEG compression stays below
PAINTED_LEVELS = 20
#: of the landmarks on nose tip, mouth and chin, the share that a correctly worn mask covers
COVERED = [*range(31, 36), *range(48, 68), *range(6, 11)]
MOUTH_CHIN = [*range(48, 68), *range(6, 11)]


@dataclass(frozen=True)
class Origin:
    """Where a generated dataset came from. root: of the source, which is there. tool: who made it."""

    root: Path
    tool: str
    recipe: Mapping[str, Any]

    @property
    def turned(self) -> bool:
        """Whether pictures were turned (rotaug) rather than painted on."""
        return self.tool == "rotaug"


def check_twin(
    fmt: DatasetFormat, entry: Entry, outcome: Outcome, origin: Origin, root: Path,
    pixels: Pixels | None, sample: Sample | None, facts: Facts,
) -> None:  # fmt: skip
    """Compare one generated picture with its source; findings go into ``facts``."""
    try:
        source = fmt.read(origin.root, entry)
        before = read_image(origin.root / entry.image).bgr
    except (InputError, OSError) as error:
        facts.say("source.unreadable", "warning", f"the source cannot be read: {error}")
        return
    for name, known in outcome.sources.items():
        path = origin.root / name
        if path.is_file() and sha256_file(path) != known:
            facts.say("source.changed", "warning", f"{name} of the source changed since this was made")
            break
    if origin.turned:
        theta = (outcome.draw or {}).get("theta_deg")
        if theta is None:
            facts.say("manifest.no_angle", "error", "the manifest has no theta_deg for a turned picture")
        elif sample is not None:
            _check_turned(source, sample, float(theta), facts)
            if pixels is not None:
                _check_turned_pixels(before, pixels, float(theta), origin.recipe, facts)
        return
    _check_kept(entry, origin.root, root, facts)
    if pixels is not None and sample is not None and (outcome.draw or {}).get("style"):
        _check_mask(before, pixels, sample, outcome, facts)


def _check_kept(entry: Entry, source: Path, root: Path, facts: Facts) -> None:
    """A masked twin keeps its label files byte for byte."""
    for name in entry.labels:
        try:
            same = (source / name).read_bytes() == (root / name).read_bytes()
        except OSError as error:
            facts.say("label.missing", "error", f"{name}: {error.strerror or error}")
            continue
        if not same:
            facts.say("label.changed", "error", f"{name} differs from the source's label file")


def turned_truth(source: Sample, theta_deg: float) -> Array:
    """The label's rotation after the picture is turned about its centre or principal point.

    R' = Rz(-theta) R; with a calibrated camera Rc^-1 Rz(-theta) Rc R (docs/conventions.md, sections 2 and 6).
    """
    assert source.pose is not None
    turn = rotation_z(-theta_deg)
    if source.calibration is not None:
        camera = orthonormalise(source.calibration.rotation)
        turn = camera.T @ turn @ camera
    return np.asarray(turn @ source.pose.cam_from_head)


def _check_turned(source: Sample, sample: Sample, theta: float, facts: Facts) -> None:
    if source.pose is None or sample.pose is None:
        return
    error = float(geodesic_deg(turned_truth(source, theta), sample.pose.cam_from_head))
    facts.values["turned_label_deg"] = error
    if error > LABEL_TOLERANCE_DEG:
        opposite = float(geodesic_deg(turned_truth(source, -theta), sample.pose.cam_from_head))
        hint = "; it fits a turn the other way" if opposite < LABEL_TOLERANCE_DEG else ""
        text = f"the label is {error:.3f} degrees off the source's turned by {theta:.2f}{hint}"
        facts.say("label.wrong_turn", "error", text)
    a, b = source.landmarks, sample.landmarks
    if a is None or b is None:
        return
    known = a.valid & b.valid
    if known.sum() < 3:
        return
    # about their own centre, so that neither the pivot nor a new canvas matters
    p, q = a.xy[known] - a.xy[known].mean(axis=0), b.xy[known] - b.xy[known].mean(axis=0)
    off = float(np.abs(q - p @ rotation_z(-theta)[:2, :2].T).max())
    facts.values["turned_landmark_px"] = off
    if off > LANDMARK_TOLERANCE_PX:
        facts.say("landmarks.wrong_turn", "error", f"a landmark lies {off:.2f} px off its turned place")


def _check_turned_pixels(
    before: Pixels, after: Pixels, theta: float, recipe: Mapping[str, Any], facts: Facts
) -> None:
    """The picture must look like its source turned by theta and not like one turned by -theta."""
    plain = recipe.get("canvas") == "keep" and recipe.get("pivot") in ("auto", "center", "principal")
    if not plain or abs(theta) < 3.0 or before.shape != after.shape:
        return
    size = (160, 160 * before.shape[0] // before.shape[1])
    small = [cv2.resize(i, size, interpolation=cv2.INTER_AREA).astype(np.float32) for i in (before, after)]
    disc = np.zeros(size[::-1], np.float32)
    centre = ((size[0] - 1) / 2.0, (size[1] - 1) / 2.0)
    cv2.circle(disc, (size[0] // 2, size[1] // 2), int(0.45 * min(size)), 1.0, -1)
    gaps = {}
    for sign in (1.0, -1.0):
        warp = cv2.getRotationMatrix2D(centre, sign * theta, 1.0)
        turned = cv2.warpAffine(small[0], warp, size)
        gaps[sign] = float((np.abs(turned - small[1]).mean(axis=2) * disc).sum() / disc.sum())
    facts.values["turned_pixel_levels"] = gaps[1.0]
    if gaps[1.0] > gaps[-1.0]:
        text = f"the picture is turned the other way than the {theta:.1f} degrees of its label"
        facts.say("image.wrong_turn", "error", text)


def painted(before: Pixels, after: Pixels) -> NDArray[np.bool_]:
    """(h, w) where a picture differs from its source by more than compression does."""
    gap = cv2.absdiff(before, after).max(axis=2)
    return np.asarray(cv2.medianBlur(gap, 3) > PAINTED_LEVELS)


def _check_mask(before: Pixels, after: Pixels, sample: Sample, outcome: Outcome, facts: Facts) -> None:
    if before.shape != after.shape:
        facts.say(
            "image.size", "error", f"the picture is {after.shape[1::-1]} px, its source {before.shape[1::-1]}"
        )
        return
    try:
        marks = landmarks_for(sample)
    except InputError as error:
        facts.say("landmarks.unusable", "warning", str(error))
        return
    mask = painted(before, after)
    x0, y0, x1, y1 = marks.box
    area = max((x1 - x0) * (y1 - y0), 1.0)
    share = float(mask.sum()) / area
    facts.values["painted_share"] = share
    if share < 0.02:
        facts.say(
            "mask.absent", "error", f"painted pixels cover {100 * share:.1f} % of the face box: no mask"
        )
        return
    outside = _share_outside(mask, marks)
    facts.values["painted_outside"] = outside
    # gaiters hang far over the neck of a turned head: up to 0.43 on real photographs
    if outside > 0.6:
        text = f"{100 * outside:.0f} % of the painted pixels lie outside the face and its rim"
        facts.say("mask.misplaced", "error", text)
    wear = (outcome.draw or {}).get("wear", "correct")
    target = {"correct": COVERED, "loose": MOUTH_CHIN, "under_nose": MOUTH_CHIN}.get(str(wear), [])
    if target:
        covered = _covered(mask, marks, target)
        facts.values["covered"] = covered
        # what is kept in front of a mask covers some of them
        hidden = float(outcome.numbers.get("occluded_share", 0.0))
        if covered < 0.5 * max(1.0 - 2.0 * hidden, 0.0):
            text = f"only {100 * covered:.0f} % of the points on mouth, chin and nose base are covered"
            facts.say("mask.misplaced", "error", text)
    # a mask may well hide the far eye of a turned head, so the nearer one is looked at
    near = max((marks.xy[RIGHT_EYE], marks.xy[LEFT_EYE]), key=lambda eye: float(np.ptp(eye, axis=0).prod()))
    eyes = _inside_share(mask, near)
    facts.values["eye_painted"] = eyes
    if eyes > 0.3 and sample.pose is not None and abs(sample.pose.pitch) < 35.0:
        facts.say("mask.eyes", "warning", f"{100 * eyes:.0f} % of the nearer eye is painted over")


def _hull(points: Array, shape: tuple[int, ...], grow: float) -> NDArray[np.uint8]:
    out = np.zeros(shape[:2], np.uint8)
    centre = points.mean(axis=0)
    corners = np.round(centre + (points - centre) * grow).astype(np.int32)
    return np.asarray(cv2.fillConvexPoly(out, cv2.convexHull(corners), 1), dtype=np.uint8)


def _share_outside(mask: NDArray[np.bool_], marks: Landmarks) -> float:
    """Share of painted pixels outside the face's hull grown to hold straps and loops."""
    face = _hull(marks.xy[marks.valid], mask.shape, 1.45)
    return float((mask & (face == 0)).sum() / max(mask.sum(), 1))


def _covered(mask: NDArray[np.bool_], marks: Landmarks, which: list[int]) -> float:
    """Share of the landmarks in the picture on or near paint; where cloth looks like skin, none shows."""
    reach = max(3, round(0.05 * marks.face_size))
    near = cv2.dilate(mask.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    h, w = mask.shape
    points = np.round(marks.xy[which][marks.valid[which]]).astype(int)
    points = points[(points >= 0).all(axis=1) & (points[:, 0] < w) & (points[:, 1] < h)]
    return float(near[points[:, 1], points[:, 0]].mean()) if len(points) else 1.0


def _inside_share(mask: NDArray[np.bool_], points: Array) -> float:
    region = _hull(points, mask.shape, 1.0) > 0
    return float(mask[region].mean()) if region.any() else 0.0
