"""One picture turned: the map that moves pixels, points, boxes, camera and pose together.

Pure: arrays and samples in, a PlaneMap out. Files are left to run.py and to the dataset's own writer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from maskgen.errors import LabelError, LandmarkError, UsageError
from maskgen.geometry.image_plane import BORDERS, INTERPOLATIONS, PlaneMap
from maskgen.geometry.rotation import Array
from maskgen.sample import Sample

PIVOTS = ("auto", "center", "face", "principal")
CANVASES = ("keep", "expand", "crop")


@dataclass(frozen=True)
class Turn:
    """How pictures are turned; every field is checked on construction (UsageError).

    pivot: the point that stays: "center" of the picture, "face", "principal" point of a calibrated camera, or
    "auto" = principal point where the dataset has one, else centre.
    canvas: "keep" the size, "expand" it until no source pixel is lost, or "crop" it to the largest upright
    rectangle that shows nothing but source pixels. border: what fills the rest, by a name of BORDERS;
    fill: grey level or (red, green, blue) of a constant border. interpolation: a name of INTERPOLATIONS.
    """

    pivot: str = "auto"
    canvas: str = "keep"
    border: str = "constant"
    fill: tuple[float, ...] = (0.0,)
    interpolation: str = "cubic"

    def __post_init__(self) -> None:
        for name, accepted in (
            ("pivot", PIVOTS),
            ("canvas", CANVASES),
            ("border", tuple(BORDERS)),
            ("interpolation", tuple(INTERPOLATIONS)),
        ):
            if getattr(self, name) not in accepted:
                raise UsageError(
                    f"{name} {getattr(self, name)!r} is not known; choose one of {', '.join(accepted)}"
                )
        if len(self.fill) not in (1, 3) or not all(0.0 <= v <= 255.0 for v in self.fill):
            raise UsageError(f"fill takes one level or three (red,green,blue) from 0 to 255, got {self.fill}")

    @property
    def fill_bgr(self) -> tuple[float, float, float]:
        """The fill in the channel order of decoded pictures."""
        r, g, b = self.fill * 3 if len(self.fill) == 1 else self.fill
        return b, g, r


def plane_of(sample: Sample, theta_deg: float, turn: Turn) -> PlaneMap:
    """The map that turns this sample's picture counter-clockwise on screen by ``theta_deg``.

    Raises UsageError for a pivot or canvas that this dataset's labels cannot follow, LabelError where a
    calibration is missing, and LandmarkError where the pivot is the face and nothing says where it is.
    """
    if sample.calibration is not None:
        return _calibrated(sample, theta_deg, turn)
    if sample.head_centre is not None:
        raise LabelError(f"{sample.id}: rgb.cal is missing, so the pose cannot be turned with the picture")
    if turn.pivot == "principal":
        raise UsageError(
            f"{sample.dataset} files name no principal point; use --pivot center or face (both exact)"
        )
    w, h = sample.size
    pivot = _face(sample) if turn.pivot == "face" else ((w - 1) / 2.0, (h - 1) / 2.0)
    plane = PlaneMap.turn(theta_deg, pivot, sample.size)
    if turn.canvas == "expand":
        return expanded(plane, sample.size)
    if turn.canvas == "crop":
        return cropped(plane, sample.size)
    return plane


def _calibrated(sample: Sample, theta_deg: float, turn: Turn) -> PlaneMap:
    """Full perspective: only turns of the camera about its centre leave labels that are exact."""
    camera = sample.calibration
    assert camera is not None
    if turn.pivot == "center":
        raise UsageError(
            f"the picture's centre is not the principal point of {sample.dataset}, so labels would be off by "
            "up to 0.1 degrees; use --pivot principal or face (both exact)"
        )
    if turn.canvas != "keep":
        raise UsageError(
            f"--canvas {turn.canvas} moves the principal point, and {sample.dataset} has one calibration for "
            "all pictures of a sequence; use --canvas keep"
        )
    k = camera.intrinsics
    if turn.pivot == "face":
        if sample.head_centre is None:
            raise LandmarkError(f"{sample.id}: the label has no head centre; use --pivot principal")
        ray = camera.from_reference(sample.head_centre)
        return PlaneMap.turn_about_ray(theta_deg, ray, k, sample.size)
    if k[0, 0] != k[1, 1] or k[0, 1] != 0.0:
        # only with square pixels is a turn of the plane a turn of the camera; else it takes a homography
        return PlaneMap.turn_about_ray(theta_deg, (0.0, 0.0, 1.0), k, sample.size)
    return PlaneMap.turn(theta_deg, (float(k[0, 2]), float(k[1, 2])), sample.size)


def face_points(sample: Sample) -> Array | None:
    """Pixels (n, 2) of the face: its landmarks, else the average face put where the label says; or None."""
    if sample.landmarks is not None and sample.landmarks.valid.any():
        return sample.landmarks.xy[sample.landmarks.valid]
    if sample.pose is None:
        return None
    # brings numba along, and most pictures have landmarks of their own
    from maskgen.geometry.face import BIWI_FROM_CANONICAL, CANONICAL_FACE

    r = sample.pose.cam_from_head
    if sample.camera is not None:
        return sample.camera.project(CANONICAL_FACE, r)[:, :2]
    if sample.calibration is None or sample.head_centre is None:
        return None
    turn, shift = BIWI_FROM_CANONICAL
    head = (CANONICAL_FACE @ turn.T + shift) @ r.T + sample.head_centre
    return sample.calibration.project(sample.calibration.from_reference(head))


def _face(sample: Sample) -> tuple[float, float]:
    points = face_points(sample)
    if points is None:
        raise LandmarkError(f"{sample.id}: neither landmarks nor a pose tell where the face is")
    x, y = (points.min(axis=0) + points.max(axis=0)) / 2.0
    return float(x), float(y)


def expanded(plane: PlaneMap, size: tuple[int, int]) -> PlaneMap:
    """``plane`` on the smallest canvas that shows every pixel of a source of ``size`` (width, height)."""
    w, h = size
    # a pixel is a square of side 1 about its centre
    x0, y0, x1, y1 = plane.box((-0.5, -0.5, w - 0.5, h - 0.5))
    new = math.ceil(x1 - x0 - 1e-9), math.ceil(y1 - y0 - 1e-9)
    shift = np.eye(3)
    shift[:2, 2] = (new[0] - 1 - x0 - x1) / 2.0, (new[1] - 1 - y0 - y1) / 2.0
    return plane.then(shift, new)


def cropped(plane: PlaneMap, size: tuple[int, int]) -> PlaneMap:
    """``plane`` on the largest upright rectangle without a border pixel, of a source of ``size``.

    The rectangle is centred on the source's centre; every pixel of it lies between source pixel centres.
    """
    w, h = size
    inner = largest_rectangle(w - 1.0, h - 1.0, plane.theta_deg)
    new = max(1, math.floor(inner[0] + 1e-9) + 1), max(1, math.floor(inner[1] + 1e-9) + 1)
    centre = plane.points([(w - 1) / 2.0, (h - 1) / 2.0])
    shift = np.eye(3)
    shift[:2, 2] = (new[0] - 1) / 2.0 - centre[0], (new[1] - 1) / 2.0 - centre[1]
    return plane.then(shift, new)


def largest_rectangle(width: float, height: float, theta_deg: float) -> tuple[float, float]:
    """Sides of the upright rectangle of largest area inside a width x height one turned by ``theta_deg``.

    Either all four of its corners touch the turned sides, or (slim source, steep turn) two opposite corners
    touch the middle of the long sides and the rest has slack.
    """
    t = math.radians(theta_deg)
    s, c = abs(math.sin(t)), abs(math.cos(t))
    long, short = max(width, height), min(width, height)
    if short <= 2.0 * s * c * long or abs(s - c) < 1e-12:
        a, b = (0.5 * short / s, 0.5 * short / c) if s > 1e-12 and c > 1e-12 else (long, short)
        return (a, b) if width >= height else (b, a)
    d = c * c - s * s
    return (width * c - height * s) / d, (height * c - width * s) / d


def label_axis(sample: Sample, turn: Turn) -> Array:
    """The unit axis, in the frame of the sample's own label, that a turn of its picture goes about.

    The label then becomes ``Rot(axis, -theta) @ R``: the optical axis for uncalibrated data; for BIWI, whose
    labels live in the depth camera, the axis of plane_of carried there (docs/conventions.md, section 6).
    """
    if sample.calibration is None:
        return np.array([0.0, 0.0, 1.0])
    axis = np.array([0.0, 0.0, 1.0])
    if turn.pivot == "face" and sample.head_centre is not None:
        axis = sample.calibration.from_reference(sample.head_centre)
        axis = axis / np.linalg.norm(axis)
    return np.asarray(sample.calibration.rotation.T @ axis)


def is_identity(plane: PlaneMap, size: tuple[int, int]) -> bool:
    """Whether the map moves nothing, so that files can be copied as they are."""
    return plane.size == size and bool(np.array_equal(plane.matrix, np.eye(3)))
