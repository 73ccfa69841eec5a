"""Whether landmarks can be believed: known, inside the picture, and of one mind with the label."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import cv2
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
_INNER = np.ones(68, np.bool_)
_INNER[JAW] = False
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
    known = int(np.count_nonzero(landmarks.valid))
    if known < 10:
        raise LandmarkError(f"only {known} of 68 landmarks are known; a pose needs at least 10")
    depth = landmarks.points.shape[1] == 3
    weight, root, face = _known_face(landmarks.valid.tobytes(), depth)
    seen = landmarks.points[landmarks.valid]
    seen = root * (seen - weight @ seen)
    if not _spreads(seen[:, :2]):
        raise LandmarkError("the landmarks lie on a line or in one point; they describe no head")
    # OpenCV's, for so small a matrix: NumPy takes three times as long
    _, u, vt = cv2.SVDecomp(seen.T @ face)
    if depth:
        found = u @ (_PROPER if cv2.determinant(u @ vt) > 0.0 else _MIRRORED) @ vt
    else:
        rows = u @ vt
        found = np.vstack([rows, np.cross(rows[0], rows[1])])
    return float(geodesic_deg(found, pose.cam_from_head))


@lru_cache(maxsize=64)
def _known_face(valid: bytes, depth: bool) -> tuple[Array, Array, Array]:
    """Weights (n,) of the known points, their roots (n, 1), and what centred landmarks are multiplied with.

    valid: the 68 flags as bytes; most pictures of a dataset have the same. The third, (n, 3), is the
    canonical face, centred and weighted: ``landmarks.T @ face`` is their covariance. Without depth it is the
    pseudo-inverse of that, transposed: then the product is the camera that carries the face onto the
    landmarks with the least squares.
    """
    known = np.frombuffer(valid, np.bool_)
    weight = (_EVEN if depth else _LESS_JAW)[known]
    weight = weight / weight.sum()
    root, face = np.sqrt(weight)[:, None], CANONICAL_FACE[known]
    face = root * (face - weight @ face)
    return weight, root, face if depth else np.linalg.pinv(face).T


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


class Doubts(NamedTuple):
    """What speaks against landmarks that `check` lets pass.

    notes: why somebody should look at them, "code: explanation" each. belief: 0..1, one half where a doubt
    begins; over 906 real AFLW2000 files 0.95 at least.
    """

    notes: tuple[str, ...]
    belief: float


def doubts(landmarks: Landmarks, sample: Sample) -> Doubts:
    """What speaks against landmarks that `check` lets pass.

    The pose agrees with landmarks wherever they lie, so a face in the wrong place, or of the wrong size, is
    told by the label's own camera (300W-LP and AFLW2000 have one).
    """
    known = int(np.count_nonzero(landmarks.valid))
    notes = [f"landmarks: only {known} of 68 are known"] if known < _FEW else []
    belief = 0.5 * known / _FEW if known < _FEW else 1.0
    inner = landmarks.valid & _INNER
    if sample.camera is None or sample.pose is None or np.count_nonzero(inner) < 10:
        return Doubts(tuple(notes), belief)
    said = sample.camera.project(CANONICAL_FACE[inner], sample.pose.cam_from_head)
    both = np.concatenate([landmarks.xy[inner], said[:, :2]], axis=1)
    middles = both.mean(axis=0)
    x, y, said_x, said_y = middles.tolist()
    off, most = math.hypot(x - said_x, y - said_y), _PLACE * _NASION_TO_CHIN_MM * sample.camera.scale
    if off > most:
        notes.append(
            f"place: landmarks lie {off:.0f} px beside the place that the label's camera gives the face"
        )
    across, down, said_across, said_down = ((both - middles) ** 2).sum(axis=0).tolist()
    size = math.sqrt((across + down) / (said_across + said_down))
    if not _SIZES[0] < size < _SIZES[1]:
        notes.append(f"place: landmarks are {size:.2g} times as large as the label's camera makes the face")
    # both in units of what is doubted; what real faces stray within that hardly counts
    odd = math.log(max(size, 1e-6)) / math.log(_SIZES[size > 1.0])
    return Doubts(tuple(notes), belief * 0.5 ** (min(off / most, 30.0) ** 4 + odd**4))


def check(landmarks: Landmarks, sample: Sample, limit_deg: float = AGREEMENT_DEG) -> None:
    """Raise LandmarkError, with the reason, unless the landmarks can be those of this sample's head."""
    known = int(np.count_nonzero(landmarks.valid))
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
