"""The variables of a 300W-LP or AFLW2000 label file, from a scene (docs/conventions.md, sections 3 and 4)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.pose_para import MODEL_FROM_CANONICAL
from ..geometry.camera import WeakPerspective
from .camera import turned
from .photo import Photo, Shot
from .surface_points import aflw_points, outline_landmarks

#: mm by which a point may lie behind what is drawn and still be visible
_HIDDEN_MM = 7.0


def pose_para(photo: Photo, shot: Shot, depth: float) -> NDArray[np.float32]:
    """Pose_Para (1, 7): pitch, yaw, roll in radians, tx, ty, tz, s. The model's frame is that of the
    originals."""
    camera = photo.scene.camera
    assert camera.focal == 0.0
    weak: WeakPerspective = WeakPerspective(camera.pixels_per_mm(), camera.offset)  # type: ignore[union-attr]
    origin = weak.project(-MODEL_FROM_CANONICAL[None], photo.scene.head)[0]
    height = photo.scene.size[1]
    yaw, pitch, roll = np.radians(shot.angles)
    values = [pitch, yaw, roll, origin[0] + 1.0, height - origin[1], depth, weak.scale / 1000.0]
    return np.array([values], np.float32)


def common_fields(photo: Photo, shot: Shot, rng: np.random.Generator) -> dict[str, Any]:
    """Variables that both datasets have. The 3DMM's coefficients are 0: these heads are not made of it."""
    light = photo.scene.light
    ambient, lamp = light.sh[0], light.lamps[0]
    x, y, z = lamp[:3]
    size = int(rng.integers(200, 900))
    left, top = int(rng.integers(-90, 400)), int(rng.integers(-120, 300))
    depth = -80.0 * photo.scene.camera.pixels_per_mm() + float(rng.normal(0, 6))
    azimuth, height = np.arctan2(x, -z), np.arcsin(-y)
    return {
        "roi": np.array([[left, top, left + size, top + size]], np.int16),
        "Illum_Para": np.array([[*ambient, *lamp[3:6], azimuth, height, 0.0, 20.0]], np.float64),
        "Color_Para": np.array([[1, 1, 1, 0, 0, 0, 1]], np.float32),
        "Tex_Para": np.zeros((199, 1)),
        "Shape_Para": np.zeros((199, 1)),
        "Exp_Para": np.zeros((29, 1)),
        "Pose_Para": pose_para(photo, shot, depth),
    }


def posed_skin(photo: Photo) -> NDArray[np.float32]:
    """Skin points in camera axes, head and neck as they are in the picture."""
    figure = photo.rendered.figure
    return figure.points[: figure.skin]


def landmarks_1based(photo: Photo) -> NDArray[np.float64]:
    """The 68 landmarks (68, 2) in pixels that count from 1."""
    return photo.rendered.landmarks[:, :2] + 1.0


def outline_1based(photo: Photo) -> NDArray[np.float64]:
    """The same with the jaw on the visible outline, (68, 2)."""
    marks = turned(photo.rendered.points, photo.scene.head)
    return photo.scene.camera.to_pixels(outline_landmarks(posed_skin(photo), marks))[:, :2] + 1.0


def points_3d(photo: Photo, depth: float) -> NDArray[np.float32]:
    """pt3d_68 (3, 68): x, y in pixels from 1, z toward the viewer in pixels, offset by tz."""
    scene = photo.scene
    marks = turned(photo.rendered.points + MODEL_FROM_CANONICAL, scene.head)
    z = depth - scene.camera.pixels_per_mm() * marks[:, 2]
    return np.column_stack([landmarks_1based(photo), z]).T.astype(np.float32)


def points_21(photo: Photo) -> NDArray[np.float64]:
    """pt2d of AFLW2000 (2, 21): AFLW's points in pixels from 1; -1 where hidden by head, hair or the
    photo's edge."""
    scene, depth, (left, top, _, bottom) = photo.scene, photo.rendered.depth, photo.edges
    marks = turned(photo.rendered.points, scene.head)
    seen = scene.camera.to_pixels(aflw_points(posed_skin(photo), marks))
    samples = depth.shape[0] // (scene.size[1] - top - bottom)
    out = seen[:, :2].T + 1.0
    for k, (x, y, z) in enumerate(seen):
        column, row = round((x - left + 0.5) * samples - 0.5), round((y - top + 0.5) * samples - 0.5)
        inside = 1 <= row < depth.shape[0] - 1 and 1 <= column < depth.shape[1] - 1
        nearest = np.median(depth[row - 1 : row + 2, column - 1 : column + 2]) if inside else -np.inf
        if not inside or z > nearest + _HIDDEN_MM:
            out[:, k] = -1.0
    return out
