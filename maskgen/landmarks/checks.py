"""Whether landmarks can be believed: known, inside the picture, and of one mind with the label."""

from __future__ import annotations

import math

import numpy as np

from ..errors import LandmarkError
from ..geometry.face import CANONICAL_FACE
from ..geometry.landmarks import JAW, Landmarks
from ..geometry.pose import HeadPose
from ..geometry.rotation import Array, geodesic_deg, rotation_about
from ..sample import Sample

#: degrees between the labelled pose and the one the landmarks describe above which one of them is wrong. Over
#: 906 real AFLW2000 files the median is 1.4, the 99th percentile 5.6 and the largest 7.6; with the landmarks
#: of another picture the median is 45, with left and right swapped 178 (docs/formats.md)
AGREEMENT_DEG = 20.0
_EVEN = np.ones(68)
#: two-dimensional jaw points slide along the visible outline of a turned head, so they count little
_LESS_JAW = np.ones(68)
_LESS_JAW[JAW] = 0.1
_PROPER, _MIRRORED = np.eye(3), np.diag([1.0, 1.0, -1.0])
#: how many of the 68 points must be known, and how few leave doubt
_FEWEST, _FEW = 20, 40
#: how far the middle of the inner points may lie from where the label's own camera puts it, in lengths from
#: nasion to chin, and how much larger or smaller they may be; over 906 real AFLW2000 files the largest
#: offset is 0.06 and the sizes lie within 0.85 and 1.25
_PLACE, _SIZES = 0.12, (0.65, 1.55)
_NASION_TO_CHIN_MM = 110.0


def agreement_deg(landmarks: Landmarks, pose: HeadPose) -> float:
    """Geodesic degrees between ``pose`` and the pose that the landmarks describe under weak perspective.

    Where there is no depth, jaw points count little. Raises LandmarkError where too few points are known, or
    they lie on a line.
    """
    known = landmarks.valid
    if int(known.sum()) < 10:
        raise LandmarkError(f"only {int(known.sum())} of 68 landmarks are known; a pose needs at least 10")
    depth = landmarks.points.shape[1] == 3
    weight = (_EVEN if depth else _LESS_JAW)[known]
    weight = weight / weight.sum()
    model, seen = CANONICAL_FACE[known], landmarks.points[known]
    root = np.sqrt(weight)[:, None]
    dm, ds = root * (model - weight @ model), root * (seen - weight @ seen)
    if not _spreads(ds[:, :2]):
        raise LandmarkError("the landmarks lie on a line or in one point; they describe no head")
    if depth:
        u, _, vt = np.linalg.svd(ds.T @ dm)
        found = u @ (_PROPER if np.linalg.det(u @ vt) > 0.0 else _MIRRORED) @ vt
    else:
        u, _, vt = np.linalg.svd(np.linalg.lstsq(dm, ds, rcond=None)[0].T, full_matrices=False)
        rows = u @ vt
        found = np.vstack([rows, np.cross(rows[0], rows[1])])
    return float(geodesic_deg(found, pose.cam_from_head))


def _spreads(plane: Array) -> bool:
    """Whether centred points (n, 2) spread in their narrowest direction 1 % as far as in their widest."""
    (a, b), (_, c) = (plane.T @ plane).tolist()
    mean, half = (a + c) / 2.0, math.hypot((a - c) / 2.0, b)
    return bool(mean - half > 1e-4 * (mean + half))


def apparent_pose(sample: Sample) -> HeadPose | None:
    """The head's orientation along the line of sight to it, which is what its landmarks show.

    A head off the optical axis is seen from the side, by up to 17 degrees in BIWI. Without a calibration
    it is the pose itself.
    """
    pose, camera = sample.rgb_pose, sample.calibration
    if pose is None or camera is None or sample.head_centre is None:
        return pose
    x, y, z = camera.from_reference(sample.head_centre)
    axis = np.array([y, -x, 0.0])  # from the ray to the optical axis
    sine = np.hypot(x, y) / np.sqrt(x * x + y * y + z * z)
    if sine < 1e-9:
        return pose
    return HeadPose(rotation_about(axis, float(np.degrees(np.arcsin(sine)))) @ pose.cam_from_head)


def doubts(landmarks: Landmarks, sample: Sample) -> tuple[str, ...]:
    """Notes on landmarks that `check` lets pass but that somebody should look at; "code: explanation" each.

    The pose agrees with landmarks wherever they lie, so a face in the wrong place, or of the wrong size, is
    told by the label's own camera (300W-LP and AFLW2000 have one).
    """
    known = np.flatnonzero(landmarks.valid)
    notes = [f"landmarks: only {len(known)} of 68 are known"] if len(known) < _FEW else []
    inner = known[known >= JAW.stop]
    if sample.camera is None or sample.pose is None or len(inner) < 10:
        return tuple(notes)
    seen = landmarks.xy[inner]
    said = sample.camera.project(CANONICAL_FACE[inner], sample.pose.cam_from_head)[:, :2]
    middle, expected = seen.mean(axis=0), said.mean(axis=0)
    off = float(np.hypot(*(middle - expected)))
    if off > _PLACE * _NASION_TO_CHIN_MM * sample.camera.scale:
        notes.append(
            f"place: landmarks lie {off:.0f} px beside the place that the label's camera gives the face"
        )
    size = math.sqrt(((seen - middle) ** 2).sum() / ((said - expected) ** 2).sum())
    if not _SIZES[0] < size < _SIZES[1]:
        notes.append(f"place: landmarks are {size:.2g} times as large as the label's camera makes the face")
    return tuple(notes)


def check(landmarks: Landmarks, sample: Sample, limit_deg: float = AGREEMENT_DEG) -> None:
    """Raise LandmarkError, with the reason, unless the landmarks can be those of this sample's head."""
    known = int(landmarks.valid.sum())
    if known < _FEWEST:
        raise LandmarkError(
            f"{sample.id}: only {known} of 68 landmarks ({landmarks.source}) are numbers, "
            f"{_FEWEST} are needed"
        )
    width, height = sample.size
    x, y = landmarks.xy[landmarks.valid].T
    inside = (x >= -0.5) & (y >= -0.5) & (x <= width - 0.5) & (y <= height - 0.5)
    if not inside.any():
        raise LandmarkError(
            f"{sample.id}: all landmarks ({landmarks.source}) lie outside the {width} x {height} picture"
        )
    pose = apparent_pose(sample)
    gap = agreement_deg(landmarks, pose) if pose is not None else 0.0
    if gap > limit_deg:
        raise LandmarkError(
            f"{sample.id}: labelled pose and landmarks ({landmarks.source}) disagree by {gap:.0f} degrees, "
            f"more than {limit_deg:g}; one of them is wrong"
        )
