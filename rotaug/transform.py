"""Rotation and flip at training time: the label moves with the picture.

    turn = rotaug.RandomRotation((-45, 45), seed=7)
    image, pose, landmarks, box, theta = turn(image, pose, landmarks, box)

One picture as NumPy arrays, or, where torch is present, a batch of tensors on any device: then pixels are
sampled by grid_sample and labels are turned in the same batched arithmetic (rotaug/tensors.py).

What goes in comes out in the same kind: ``image`` (h, w[, c]) array or (n, c, h, w) tensor; ``pose`` a
HeadPose, angles (yaw, pitch, roll) in degrees (..., 3) or matrices (..., 3, 3); ``landmarks`` (..., k, 2 or
3) 0-based pixels (a third column is depth and stays) or a Landmarks; ``box`` (..., 4) x0, y0, x1, y1. None
stays None.

Crops are treated as weak perspective, for which every pivot is exact (docs/rotaug.md has the size of the
error for crops of calibrated pictures).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from maskgen.errors import UsageError
from maskgen.geometry import rotation as rot
from maskgen.geometry.image_plane import PlaneMap
from maskgen.geometry.landmarks import Landmarks
from maskgen.geometry.pose import HeadPose
from maskgen.jobs.streams import Streams, loader_worker

from .plan import AngleRange
from .rotate import Turn


class Turned(NamedTuple):
    """A transformed sample; theta_deg is the angle drawn (an array of them for a batch), 0 where none was."""

    image: Any
    pose: Any = None
    landmarks: Any = None
    box: Any = None
    theta_deg: Any = 0.0


class Flipped(NamedTuple):
    """A sample after RandomFlip; flipped says whether (for a batch: which) it was mirrored."""

    image: Any
    pose: Any = None
    landmarks: Any = None
    box: Any = None
    flipped: Any = False


class _Seeded:
    """Draws that repeat: from the seed and either the caller's key or a running number.

    Without a key, calls are numbered. A torch DataLoader copies the transform into its workers; each of
    them draws from its own seed (new every epoch), so that no two workers and no two epochs repeat each
    other's angles.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._calls = 0

    def _streams(self, key: object) -> Streams:
        if key is not None:
            return Streams(self.seed, f"key/{key}", scope="rotaug")
        self._calls += 1
        worker = loader_worker() or "main"
        return Streams(self.seed, f"call/{worker}/{self._calls}", scope="rotaug")


class RandomRotation(_Seeded):
    """Turn pictures in their plane by a random angle, with everything that is said about them.

    degrees: (low, high), counter-clockwise on screen is positive; or one number d for (-d, d).
    p: share of pictures turned; 0 changes nothing. pivot: "center", or "face" for the middle of the box
    (else of the landmarks). border, fill, interpolation as in rotaug.rotate.Turn; batches sample "nearest",
    "linear" or "cubic". seed: same seed, same sequence of angles; pass ``key`` (say (epoch, index)) to a
    call to make its draw depend on that alone. Raises UsageError for settings that cannot be.
    """

    def __init__(
        self,
        degrees: float | Sequence[float] = (-45.0, 45.0),
        *,
        p: float = 1.0,
        pivot: str = "center",
        border: str = "constant",
        fill: float | tuple[float, ...] = 0.0,
        interpolation: str = "linear",
        seed: int = 0,
    ) -> None:
        super().__init__(seed)
        low, high = (-degrees, degrees) if isinstance(degrees, int | float) else degrees
        self.span = AngleRange(float(low), float(high))
        fills = fill if isinstance(fill, tuple) else (fill,)
        self.look = Turn(pivot, "keep", border, tuple(float(v) for v in fills), interpolation)
        if pivot not in ("center", "face"):
            raise UsageError(f"pivot {pivot!r} is not known at training time; choose center or face")
        self.p = _share(p)

    def draw(self, streams: Streams, item: int = 0) -> float:
        """The angle of one picture, degrees; 0 where it is left alone."""
        if streams.uniform(f"p/{item}") >= self.p:
            return 0.0
        return streams.uniform(f"theta/{item}", self.span.low, self.span.high)

    def __call__(
        self, image: Any, pose: Any = None, landmarks: Any = None, box: Any = None, *, key: object = None
    ) -> Turned:
        """Turn one picture (arrays) or a batch (tensors); each item of a batch by its own angle."""
        streams = self._streams(key)
        if not isinstance(image, np.ndarray):
            from . import tensors

            theta = [self.draw(streams, i) for i in range(len(image))]
            return Turned(*tensors.turn(self.look, theta, image, pose, landmarks, box), theta_deg=theta)
        return self.turn(self.draw(streams), image, pose, landmarks, box)

    def turn(
        self, theta_deg: float, image: np.ndarray, pose: Any = None, landmarks: Any = None, box: Any = None
    ) -> Turned:
        """Turn one picture by a given angle."""
        if theta_deg == 0.0:
            return Turned(image, pose, landmarks, box, 0.0)
        h, w = image.shape[:2]
        plane = PlaneMap.turn(theta_deg, self._pivot((w, h), landmarks, box), (w, h))
        # fills are red, green, blue and so, at training time, are pictures
        fill = self.look.fill * 4 if len(self.look.fill) == 1 else self.look.fill
        pixels = plane.warp(image, self.look.interpolation, self.look.border, tuple(fill))
        pixels = pixels.reshape(h, w, *image.shape[2:])
        new_box = None if box is None else np.array(plane.box(box), dtype=_real(box))
        return Turned(pixels, turn_pose(pose, theta_deg), _turn_points(landmarks, plane), new_box, theta_deg)

    def _pivot(self, size: tuple[int, int], landmarks: Any, box: Any) -> tuple[float, float]:
        if self.look.pivot == "face" and (box is not None or landmarks is not None):
            if box is None:
                box = landmarks.box if isinstance(landmarks, Landmarks) else _box_of(np.asarray(landmarks))
            x0, y0, x1, y1 = (float(v) for v in box)
            return (x0 + x1) / 2.0, (y0 + y1) / 2.0
        return (size[0] - 1) / 2.0, (size[1] - 1) / 2.0

    def __repr__(self) -> str:
        span = self.span
        return f"RandomRotation(({span.low:g}, {span.high:g}), p={self.p:g}, pivot={self.look.pivot!r})"


class RandomFlip(_Seeded):
    """Mirror pictures left to right with probability p: yaw and roll change sign, landmarks change sides.

    Landmarks of 68 points are renumbered to the mirrored face's order; other counts need ``order`` (k,):
    entry i is the original point that becomes point i.
    """

    def __init__(self, p: float = 0.5, *, order: Sequence[int] | None = None, seed: int = 0) -> None:
        super().__init__(seed)
        self.p = _share(p)
        self.order = None if order is None else [int(i) for i in order]

    def __call__(
        self, image: Any, pose: Any = None, landmarks: Any = None, box: Any = None, *, key: object = None
    ) -> Flipped:
        """Mirror one picture (arrays) or the drawn part of a batch (tensors)."""
        streams = self._streams(key)
        if not isinstance(image, np.ndarray):
            from . import tensors

            mirrored = [streams.uniform(f"flip/{i}") < self.p for i in range(len(image))]
            order = mirror_order(self.order, landmarks)
            return Flipped(*tensors.flip(mirrored, order, image, pose, landmarks, box), flipped=mirrored)
        if streams.uniform("flip/0") >= self.p:
            return Flipped(image, pose, landmarks, box, False)
        return self.flip(image, pose, landmarks, box)

    def flip(self, image: np.ndarray, pose: Any = None, landmarks: Any = None, box: Any = None) -> Flipped:
        """Mirror one picture."""
        width = image.shape[1]
        if isinstance(landmarks, Landmarks):
            landmarks = landmarks.mirrored(width)
        elif landmarks is not None:
            landmarks = np.array(landmarks)[mirror_order(self.order, landmarks)]
            landmarks[:, 0] = width - 1 - landmarks[:, 0]
        if box is not None:
            x0, y0, x1, y1 = box
            box = np.array([width - 1 - x1, y0, width - 1 - x0, y1], dtype=np.asarray(box).dtype)
        return Flipped(np.ascontiguousarray(image[:, ::-1]), mirror_pose(pose), landmarks, box, True)

    def __repr__(self) -> str:
        return f"RandomFlip(p={self.p:g})"


def _real(values: Any) -> np.dtype:
    """The floating type that holds what these numbers become once they are turned."""
    return np.result_type(np.asarray(values), np.float32)


def _share(p: float) -> float:
    if not 0.0 <= p <= 1.0:
        raise UsageError(f"p is a probability from 0 to 1, got {p}")
    return float(p)


def turn_pose(pose: Any, theta_deg: float) -> Any:
    """A pose (HeadPose, (..., 3) degrees or (..., 3, 3)) after the picture is turned; same kind."""
    if pose is None:
        return None
    if isinstance(pose, HeadPose):
        return pose.rotated(theta_deg)
    given = np.asarray(pose)
    given = given.astype(_real(given), copy=False)
    if given.shape[-2:] == (3, 3):
        return rot.rotate_in_plane(given, theta_deg).astype(given.dtype)
    turned = rot.matrix_to_euler(rot.rotate_in_plane(rot.euler_to_matrix(given), theta_deg))
    return rot.nearest_triple(turned, given).astype(given.dtype)


def mirror_pose(pose: Any) -> Any:
    """A pose after the picture is mirrored left to right; the same kind comes back."""
    if pose is None:
        return None
    if isinstance(pose, HeadPose):
        return pose.mirrored()
    given = np.asarray(pose)
    if given.shape[-2:] == (3, 3):
        return rot.mirror(given).astype(given.dtype)
    return given * np.array([-1, 1, -1], dtype=given.dtype)


def mirror_order(order: Sequence[int] | None, landmarks: Any) -> Any:
    """Which original landmark becomes landmark i of the mirrored face."""
    from maskgen.geometry.landmarks import MIRROR

    if order is not None:
        return np.asarray(order)
    if landmarks is not None and not isinstance(landmarks, Landmarks) and landmarks.shape[-2] != len(MIRROR):
        raise UsageError(
            f"RandomFlip knows how 68 landmarks change sides, not {landmarks.shape[-2]}; give it order="
        )
    return MIRROR


def _turn_points(landmarks: Any, plane: PlaneMap) -> Any:
    if landmarks is None:
        return None
    if isinstance(landmarks, Landmarks):
        points = np.array(landmarks.points)
        points[:, :2] = plane.points(landmarks.xy)
        return Landmarks(points, landmarks.valid, landmarks.source)
    points = np.array(landmarks, dtype=_real(landmarks))
    points[..., :2] = plane.points(points[..., :2])
    return points


def _box_of(points: np.ndarray) -> tuple[float, float, float, float]:
    (x0, y0), (x1, y1) = points[..., :2].min(0), points[..., :2].max(0)
    return x0, y0, x1, y1
