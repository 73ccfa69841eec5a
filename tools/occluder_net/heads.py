"""Bare heads to put things in front of: crops of pictures by `maskgen synth`, with what their fit says."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskgen.errors import MaskgenError
from maskgen.geometry.face import fit_face
from maskgen.geometry.landmarks import Landmarks
from maskgen.geometry.pose import HeadPose
from maskgen.geometry.rotation import euler_to_matrix
from maskgen.paint.frame import photograph_box
from maskgen.paint.occluder_frame import SIDE, crop_matrix, cut, face_maps
from maskgen.synth.draws import generator
from maskgen.synth.photo import Photo, Shot, compose, take_photo, through_jpeg
from maskgen.synth.poses import draw_angles

#: side of a stored crop: things are drawn at three times the network's resolution
LARGE = 3 * SIDE
_PICTURE = 400


@dataclass(frozen=True, eq=False)
class Head:
    """crop: (LARGE, LARGE, 3) uint8 BGR. inside: where the photograph is, cover: by head and body, 0..255,
    both (LARGE, LARGE). maps (5, SIDE, SIDE), core (SIDE, SIDE): of `maskgen.paint.occluder_frame.face_maps`.
    """

    crop: NDArray[np.uint8]
    inside: NDArray[np.uint8]
    cover: NDArray[np.uint8]
    maps: NDArray[np.float16]
    core: NDArray[np.bool_]


def _misplaced(rng: np.random.Generator, photo: Photo, scale: float) -> Landmarks:
    """The landmarks with errors as labels have them: smooth ones, and more at the outline and the mouth."""
    points, much = photo.rendered.points, 1.6 * rng.random()
    wrong = np.zeros((68, 2)) + rng.normal(0, 1.2 * much, 2)
    for axis in (0, 1):
        for _ in range(3):
            phase, wave = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.02, 3)
            wrong[:, axis] += rng.normal(0, 1.1 * much) * np.sin(points @ wave + phase)
    wrong[:17] += rng.normal(0, much, 2)
    wrong[48:] += rng.normal(0, much, 2)
    return Landmarks.of(photo.rendered.landmarks[:, :2] + scale * wrong, "projected")


def draw_head(seed: int, number: int) -> Head | None:
    """Head ``number`` of ``seed``, or None where its landmarks fit no face."""
    rng = generator(seed, "occluder", str(number))
    angles = draw_angles(rng, "AFLW2000", "like-original")
    shot = Shot(f"p{number}", f"t{number}", 0, angles, angles)
    scene, film, exposure = compose(seed, shot, _PICTURE)
    photo = take_photo(seed, shot, scene, film, exposure)
    landmarks = _misplaced(rng, photo, scene.camera.scale)
    pose = HeadPose(euler_to_matrix(rng.normal(0, 2.0, 3)) @ scene.head)
    try:
        fit = fit_face(landmarks, pose)
    except MaskgenError:
        return None
    image = through_jpeg(photo.bgr, 75) if rng.random() < 0.6 else photo.bgr
    large, small = crop_matrix(fit, LARGE), crop_matrix(fit)
    x0, y0, x1, y1 = photograph_box(image)
    inside = np.zeros(image.shape[:2], np.uint8)
    inside[y0:y1, x0:x1] = 255
    left, top, right, low = photo.edges
    cover = np.zeros(image.shape[:2], np.uint8)
    cover[top : _PICTURE - low, left : _PICTURE - right] = np.clip(
        photo.rendered.cover[..., 0] * 255.0, 0, 255
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    maps, core = face_maps(fit, small)
    return Head(
        cut(image, large, LARGE),
        (cv2.warpAffine(inside, large, (LARGE, LARGE), flags=flags) > 127).astype(np.uint8),
        cv2.warpAffine(cover, large, (LARGE, LARGE), flags=flags),
        maps.astype(np.float16),
        core,
    )
