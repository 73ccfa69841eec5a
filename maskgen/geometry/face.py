"""The fit of the canonical face to the landmarks and labelled pose of one picture.

A fit keeps the labelled rotation, finds scale and shift by robust least squares, and then bends the face to
the landmarks by a Gaussian-process regression of what is left (bending.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from ..errors import LandmarkError
from .bending import bend_to_pixels, bending_weights, borne_out
from .camera import WeakPerspective
from .canonical import BIWI_FROM_CANONICAL, CANONICAL_FACE, FITTED
from .landmarks import INNER_LIPS, JAW, Landmarks
from .pose import HeadPose
from .rotation import Array

__all__ = [
    "BIWI_FROM_CANONICAL",
    "CANONICAL_FACE",
    "FITTED",
    "FaceFit",
    "bending_weights",
    "fit_face",
    "mouth_opening",
    "pose_from_landmarks",
]

#: points are placed to this share of a pixel: what differs in the last bit between machines must not change a
#: byte of a picture
_STEPS = 256.0


@dataclass(frozen=True, eq=False)
class FaceFit:
    """The canonical face placed in one picture.

    rotation: (3, 3) head rotation of the camera that took the picture. camera: scale and shift.
    offsets: (60, 3) mm, what the landmarks FITTED lie off the rigid face, in the head frame.
    residual_mm: root mean square of the in-plane distances before bending, over the landmarks that count.
    mouth_open: gap over width of the mouth, 0 closed. pose_from_landmarks: the label was not used.
    """

    rotation: Array
    camera: WeakPerspective
    offsets: Array
    residual_mm: float
    mouth_open: float
    pose_from_landmarks: bool = False

    def bent(self, points: Array, weights: NDArray[np.float32]) -> Array:
        """Points (n, 3) of the canonical frame, bent to this face with their `bending_weights`."""
        return points + weights @ self.offsets.astype(np.float32)

    def to_image(self, points: ArrayLike) -> Array:
        """Head-frame points (n, 3) mm as (x px, y px, depth px away from the camera)."""
        return self.camera.project(points, self.rotation)

    def bent_to_image(self, points: Array, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """`to_image` of `bent`, (n, 3) float32, to 1/256 px; what every mesh of the painter goes through."""
        out = np.empty((len(points), 3), np.float32)
        bend_to_pixels(points, weights.T, *self._to_camera, (*self.camera.offset, 0.0), _STEPS, out)
        return out

    @cached_property
    def _to_camera(self) -> tuple[NDArray[np.float32], Array]:
        """Offsets (60, 3) in camera axes, and the rotation (3, 3), both in pixels: asked of each mesh."""
        turn = self.camera.scale * self.rotation
        return (self.offsets @ turn.T).astype(np.float32), turn


@njit(cache=True, nogil=True, error_model="numpy")
def _robust_similarity(  # type: ignore[no-untyped-def]
    model: Array, seen: Array, prior: Array
):
    """Scale, shift (2,) and weights (n,) of seen (n, 2) = scale * model (n, 2) + shift.

    Weighted least squares, then three rounds of down-weighting what lies far off (Cauchy).
    """
    n = len(prior)
    weight = prior.copy()
    miss = np.zeros(n)
    scale, shift = 0.0, np.zeros(2)
    for turn in range(4):
        total = weight.sum()
        mx = my = sx = sy = 0.0
        for i in range(n):
            mx += weight[i] * model[i, 0] / total
            my += weight[i] * model[i, 1] / total
            sx += weight[i] * seen[i, 0] / total
            sy += weight[i] * seen[i, 1] / total
        spread = cross = 0.0
        for i in range(n):
            dx, dy = model[i, 0] - mx, model[i, 1] - my
            spread += weight[i] * (dx * dx + dy * dy)
            cross += weight[i] * (dx * (seen[i, 0] - sx) + dy * (seen[i, 1] - sy))
        scale = cross / max(spread, 1e-12)
        shift[0], shift[1] = sx - scale * mx, sy - scale * my
        if turn == 3:
            break
        for i in range(n):
            dx = seen[i, 0] - scale * model[i, 0] - shift[0]
            dy = seen[i, 1] - scale * model[i, 1] - shift[1]
            miss[i] = np.sqrt(dx * dx + dy * dy)
        width = max(2.0 * np.median(miss[prior > 0.0]), 1e-6)
        for i in range(n):
            weight[i] = prior[i] / (1.0 + (miss[i] / width) ** 2)
    return scale, shift, weight


def _landmark_weights(landmarks: Landmarks, rotation: Array) -> Array:
    """How far each of the FITTED landmarks is to be trusted, 0 to 1.

    Two-dimensional contour points slide along the visible outline when the head turns (300W-LP, K = 0), so
    the jaw of a turned head counts less there; points that come with depth are anatomical.
    """
    weight = landmarks.valid[FITTED].astype(np.float64)
    if landmarks.points.shape[1] == 2:
        turned = np.clip(abs(float(rotation[0, 2])) * 2.0, 0.0, 1.0)
        weight[JAW] *= 1.0 - 0.85 * turned
    return weight


def pose_from_landmarks(landmarks: Landmarks) -> HeadPose:
    """Head rotation from the landmarks alone: scaled orthography, least squares on the canonical face.

    Good to a few degrees; used where a label is absent or cannot be true. Raises LandmarkError where fewer
    than 10 landmarks are known or they lie on a line.
    """
    ok = landmarks.valid[FITTED]
    if int(ok.sum()) < 10:
        raise LandmarkError(f"only {int(ok.sum())} of 68 landmarks are known; a pose needs at least 10")
    model = CANONICAL_FACE[FITTED][ok]
    seen = landmarks.points[FITTED][ok]
    dm, ds = model - model.mean(0), seen - seen.mean(0)
    if np.linalg.matrix_rank(ds[:, :2], tol=1e-3 * max(1.0, float(np.abs(ds).max()))) < 2:
        raise LandmarkError("the landmarks lie on a line; they describe no head")
    if landmarks.points.shape[1] == 3:
        u, _, vt = np.linalg.svd(ds.T @ dm)
        return HeadPose(u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt)
    rows = np.linalg.lstsq(dm, ds, rcond=None)[0].T  # (2, 3), each row scale times a row of R
    u, _, vt = np.linalg.svd(rows, full_matrices=False)
    first = u @ vt
    return HeadPose(np.vstack([first, np.cross(first[0], first[1])]))


def fit_face(landmarks: Landmarks, pose: HeadPose | None, max_residual_mm: float = 12.0) -> FaceFit:
    """Place the canonical face under ``landmarks`` (0-based pixels) with the labelled ``pose``.

    pose is the head's rotation in the frame of the camera that took the picture (`Sample.rgb_pose`). Where it
    is None, or the landmarks lie more than ``max_residual_mm`` (RMS) off the face it says while a pose taken
    from the landmarks brings them clearly nearer, that pose is used and `pose_from_landmarks` is set.
    Raises LandmarkError where the landmarks cannot be those of a head.
    """
    labelled = None if pose is None else _fit_with(landmarks, pose.cam_from_head)
    if labelled is not None and labelled.residual_mm <= max_residual_mm:
        return labelled
    own = _own_fit(landmarks)
    if own is None:
        raise LandmarkError("no placement of a head meets these landmarks; check their order and units")
    if labelled is not None and own.residual_mm > 0.7 * labelled.residual_mm:
        return labelled
    return own


def _own_fit(landmarks: Landmarks) -> FaceFit | None:
    """The best fit with a pose taken from the landmarks.

    Their depth is left out where it is turned inside out, as a label of negative scale turns it (AFLW2000's
    image04157).
    """
    own = _fit_with(landmarks, pose_from_landmarks(landmarks).cam_from_head, from_landmarks=True)
    if landmarks.points.shape[1] == 3 and (own is None or own.residual_mm > 9.0):
        flat = Landmarks(landmarks.points[:, :2], landmarks.valid, landmarks.source)
        again = _fit_with(flat, pose_from_landmarks(flat).cam_from_head, from_landmarks=True)
        if again is not None and (own is None or again.residual_mm < own.residual_mm):
            return again
    return own


@njit(cache=True, nogil=True, error_model="numpy")
def _placed(  # type: ignore[no-untyped-def]
    model: Array, rotation: Array, seen: Array, prior: Array
):
    """Scale and shift of ``model`` (n, 3), turned, on ``seen`` (n, 2 or 3), and `_misses`, in one."""
    turned = np.empty(model.shape)
    for i in range(len(model)):
        for k in range(3):
            turned[i, k] = (
                model[i, 0] * rotation[k, 0] + model[i, 1] * rotation[k, 1] + model[i, 2] * rotation[k, 2]
            )
    scale, shift, weight = _robust_similarity(turned, seen, prior)
    if not scale > 1e-3:
        return scale, shift[0], shift[1], turned, 0.0
    miss, rms = _misses(turned, seen, weight, scale, shift)
    return scale, shift[0], shift[1], miss, rms


@njit(cache=True, nogil=True, error_model="numpy")
def _misses(  # type: ignore[no-untyped-def]
    turned: Array, seen: Array, weight: Array, scale: float, shift: Array
):
    """What each landmark lies off the rigid face, (n, 3) mm in camera axes, and its RMS in the picture."""
    n = len(weight)
    miss = np.zeros((n, 3))
    square = 0.0
    for i in range(n):
        miss[i, 0] = (seen[i, 0] - shift[0]) / scale - turned[i, 0]
        miss[i, 1] = (seen[i, 1] - shift[1]) / scale - turned[i, 1]
        if weight[i] > 0.0:
            square += miss[i, 0] ** 2 + miss[i, 1] ** 2
    counted = weight > 0.0
    if seen.shape[1] == 3:  # depth has a free origin: the median offset is the camera's, not the face's
        depth = seen[:, 2] / scale - turned[:, 2]
        miss[:, 2] = depth - np.median(depth[counted])
    return miss, np.sqrt(square / max(counted.sum(), 1))


def _fit_with(landmarks: Landmarks, rotation: Array, from_landmarks: bool = False) -> FaceFit | None:
    known = _landmark_weights(landmarks, rotation)
    if known.sum() < 8.0:
        raise LandmarkError(
            f"only {int((known > 0).sum())} usable landmarks; placing a mask needs at least 8"
        )
    seen = landmarks.points[: len(FITTED)]
    rotation = np.array(rotation, order="C")  # one kind of array, so that one kernel is compiled
    scale, x, y, miss, rms = _placed(CANONICAL_FACE[: len(FITTED)], rotation, seen, known)
    if not scale > 1e-3:
        return None
    trust = np.minimum(2.0 * known, 1.0) * borne_out(miss)
    return FaceFit(
        rotation=rotation,
        camera=WeakPerspective(scale, (x, y)),
        offsets=(miss * trust[:, None]) @ rotation,
        residual_mm=rms,
        mouth_open=mouth_opening(landmarks, scale),
        pose_from_landmarks=from_landmarks,
    )


def mouth_opening(landmarks: Landmarks, scale: float) -> float:
    """Gap between the inner lips over the canonical mouth width; 0 closed, about 0.5 wide open."""
    if not landmarks.valid[INNER_LIPS].all():
        return 0.0
    gap = math.dist(landmarks.points[62].tolist(), landmarks.points[66].tolist())
    return gap / (math.dist(CANONICAL_FACE[48].tolist(), CANONICAL_FACE[54].tolist()) * scale)
