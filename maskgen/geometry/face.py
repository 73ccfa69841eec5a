"""The canonical face in millimetres, and its fit to the landmarks and labelled pose of one picture.

Head frame: axes of rotation.py, origin at the nose tip, millimetres. The 68 points are the symmetric mean of
closed-mouth faces of AFLW2000-3D with pose and scale undone (tools/derive_canonical_face.py; faces lie 4 mm
from it in the median). A fit keeps the labelled rotation, finds scale and shift by robust least squares, and
then bends the face to the landmarks by a Gaussian-process regression of what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from ..errors import LandmarkError
from .camera import WeakPerspective
from .landmarks import CHIN, INNER_LIPS, JAW, NOSE_TIP, Landmarks
from .pose import HeadPose
from .rotation import Array

CANONICAL_FACE: Array = np.array(
    [
        (-72.7, -25.7, 114.2),
        (-70.8, -5.8, 111.9),
        (-66.9, 12.5, 109.9),
        (-63.0, 28.5, 106.1),
        (-57.2, 45.2, 97.1),
        (-47.5, 58.4, 81.1),
        (-36.2, 66.3, 61.4),
        (-21.8, 72.6, 43.2),
        (0.0, 76.4, 36.1),
        (21.8, 72.6, 43.2),
        (36.2, 66.3, 61.4),
        (47.5, 58.4, 81.1),
        (57.2, 45.2, 97.1),
        (63.0, 28.5, 106.1),
        (66.9, 12.5, 109.9),
        (70.8, -5.8, 111.9),
        (72.7, -25.7, 114.2),
        (-56.8, -48.2, 51.9),
        (-48.8, -54.1, 39.8),
        (-38.3, -56.0, 31.5),
        (-28.2, -54.9, 26.4),
        (-19.1, -52.4, 23.9),
        (19.1, -52.4, 23.9),
        (28.2, -54.9, 26.4),
        (38.3, -56.0, 31.5),
        (48.8, -54.1, 39.8),
        (56.8, -48.2, 51.9),
        (0.0, -34.2, 20.4),
        (0.0, -22.3, 11.6),
        (0.0, -10.3, 2.2),
        (0.0, 0.0, 0.0),
        (-12.4, 9.0, 22.1),
        (-7.2, 10.0, 17.7),
        (0.0, 11.3, 15.6),
        (7.2, 10.0, 17.7),
        (12.4, 9.0, 22.1),
        (-43.7, -33.9, 45.0),
        (-37.2, -38.5, 36.7),
        (-27.9, -38.8, 36.5),
        (-19.2, -33.4, 39.1),
        (-27.2, -31.3, 36.7),
        (-37.0, -30.8, 39.0),
        (19.2, -33.4, 39.1),
        (27.9, -38.8, 36.5),
        (37.2, -38.5, 36.7),
        (43.7, -33.9, 45.0),
        (37.0, -30.8, 39.0),
        (27.2, -31.3, 36.7),
        (-26.4, 32.7, 33.8),
        (-17.3, 27.6, 21.8),
        (-6.0, 24.1, 15.4),
        (0.0, 25.2, 14.8),
        (6.0, 24.1, 15.4),
        (17.3, 27.6, 21.8),
        (26.4, 32.7, 33.8),
        (16.7, 37.5, 23.7),
        (8.6, 40.7, 19.0),
        (0.0, 41.3, 17.9),
        (-8.6, 40.7, 19.0),
        (-16.7, 37.5, 23.7),
        (-24.2, 32.2, 33.1),
        (-7.8, 30.9, 20.6),
        (0.0, 30.7, 18.7),
        (7.8, 30.9, 20.6),
        (24.2, 32.2, 33.1),
        (7.7, 32.6, 20.1),
        (0.0, 33.1, 19.0),
        (-7.7, 32.6, 20.1),
    ]
)
CANONICAL_FACE.flags.writeable = False

#: carries the canonical head frame into BIWI's (origin at the head centre): X_biwi = R @ X + t, mm
#: (docs/conventions.md, section 5: the shift that puts the nose tip at (0, -3, -56) meets nine real frames)
BIWI_FROM_CANONICAL: tuple[Array, Array] = (np.eye(3), np.array([0.0, -3.0, -56.0]))

#: skull points that no expression moves: they pin the bending far from the landmarks
_SKULL = np.array(
    [
        (0, -140, 95),
        (0, -95, 190),
        (0, 20, 195),
        (-78, -60, 125),
        (78, -60, 125),
        (-60, 70, 150),
        (60, 70, 150),
    ],
    dtype=np.float64,
)
_LENGTH_MM = 70.0  # how far the bending at one landmark reaches
_SPREAD_MM = 7.0  # how far people's faces are from the mean
_ANCHOR_NOISE_MM = 2.0
_ALONE_MM = 10.0  # a landmark this far from where the others expect it begins to be doubted


def _noise_mm() -> Array:
    """How much of each landmark is label error and expression rather than shape, (68,) mm.

    Lips move without the fabric following them; brows likewise. Everything else is followed closely.
    """
    noise = np.full(68, 2.0)
    noise[JAW] = 2.5
    noise[17:27] = 5.0
    noise[48:60] = 4.0
    return noise


#: landmarks the bending follows; inner lips only say how far the mouth is open
FITTED = np.arange(60)


def _covariance(a: Array, b: Array) -> Array:
    dist = np.linalg.norm(a[:, None] - b[None], axis=-1)
    return _SPREAD_MM**2 * np.exp(-dist / _LENGTH_MM)


@lru_cache(maxsize=1)
def _posterior() -> tuple[Array, Array, Array]:
    """Knots (67, 3), the factor (67, 60) that turns landmark offsets into knot weights, and one over the
    weight of each landmark (60,) in its own: offset less what the others make of it = knot weight * that.
    """
    knots = np.concatenate([CANONICAL_FACE[FITTED], _SKULL])
    noise = np.concatenate([_noise_mm()[FITTED], np.full(len(_SKULL), _ANCHOR_NOISE_MM)])
    solved = np.linalg.inv(_covariance(knots, knots) + np.diag(noise**2))
    n = len(FITTED)
    return knots, np.ascontiguousarray(solved[:, :n]), 1.0 / np.diag(solved)[:n]


def bending_weights(points: ArrayLike) -> NDArray[np.float32]:
    """Weights (n, 60) that carry landmark offsets (60, 3) mm to offsets of ``points`` (n, 3) mm.

    They depend on the points alone, so a mesh computes them once and bends to a face by one product.
    """
    knots, solved, _ = _posterior()
    return np.ascontiguousarray(_covariance(np.asarray(points, dtype=np.float64), knots) @ solved, np.float32)


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


def _borne_out(offsets: Array) -> Array:
    """How far the other landmarks bear out each of the ``offsets`` (60, 3) mm, (60,) 0 to 1.

    By the leave-one-out residual of the regression: a chin that drops with the whole jaw is an open mouth,
    one that jumps alone is a wrong landmark.
    """
    _, solved, own = _posterior()
    alone = np.linalg.norm((solved[: len(FITTED)] @ offsets) * own[:, None], axis=1)
    return np.clip(2.0 / (1.0 + (alone / _ALONE_MM) ** 2), 0.0, 1.0)


def _fit_with(landmarks: Landmarks, rotation: Array, from_landmarks: bool = False) -> FaceFit | None:
    weight = _landmark_weights(landmarks, rotation)
    if weight.sum() < 8.0:
        raise LandmarkError(
            f"only {int((weight > 0).sum())} usable landmarks; placing a mask needs at least 8"
        )
    seen = landmarks.points[FITTED]
    turned = CANONICAL_FACE[FITTED] @ rotation.T
    scale, shift, weight = _robust_similarity(turned, seen, weight)
    if not scale > 1e-3:
        return None
    miss = np.zeros((len(FITTED), 3))
    miss[:, :2] = (seen[:, :2] - shift) / scale - turned[:, :2]
    counted = weight > 0.0
    rms = float(np.sqrt((miss[counted, :2] ** 2).sum(1).mean()))
    if seen.shape[1] == 3:  # depth has a free origin: the median offset is the camera's, not the face's
        depth = seen[:, 2] / scale - turned[:, 2]
        miss[:, 2] = depth - np.median(depth[counted])
    trust = np.clip(2.0 * _landmark_weights(landmarks, rotation), 0.0, 1.0) * _borne_out(miss)
    camera = WeakPerspective(scale, (float(shift[0]), float(shift[1])))
    return FaceFit(
        rotation=np.array(rotation),
        camera=camera,
        offsets=(miss * trust[:, None]) @ rotation,
        residual_mm=rms,
        mouth_open=mouth_opening(landmarks, scale),
        pose_from_landmarks=from_landmarks,
    )


def mouth_opening(landmarks: Landmarks, scale: float) -> float:
    """Gap between the inner lips over the canonical mouth width; 0 closed, about 0.5 wide open."""
    if not landmarks.valid[INNER_LIPS].all():
        return 0.0
    gap = float(np.linalg.norm(landmarks.points[62] - landmarks.points[66]))
    width = float(np.linalg.norm(CANONICAL_FACE[48] - CANONICAL_FACE[54])) * scale
    return gap / width


def face_height_px(fit: FaceFit) -> float:
    """Pixels from nasion to chin of the canonical face at the fit's scale: how big the face is."""
    return fit.camera.scale * float(np.linalg.norm(CANONICAL_FACE[27] - CANONICAL_FACE[CHIN]))


assert np.abs(CANONICAL_FACE[NOSE_TIP]).max() == 0.0  # every mesh of the package stands on this origin
