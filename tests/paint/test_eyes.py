"""The whites of the eyes, and the bound they set on the light's colour."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from maskgen.geometry.camera import WeakPerspective
from maskgen.geometry.face import CANONICAL_FACE, FaceFit, fit_face
from maskgen.geometry.landmarks import Landmarks
from maskgen.geometry.pose import HeadPose
from maskgen.paint.colours import White
from maskgen.paint.eyes import whites_of_eyes
from maskgen.paint.light import color_cast, estimate_light
from maskgen.paint.tone import LEVEL

SKIN = np.array([0.10, 0.16, 0.42])  # linear BGR under a lamp that may be warm, or on a face that is brown


def picture(white: np.ndarray | None, yaw: float = 0.0, level: float = 1.0) -> tuple[np.ndarray, FaceFit]:
    """Skin all over but for the eyes' openings, which are ``white`` with a dark iris; and the fit."""
    camera = WeakPerspective(1.4, (190.0, 190.0))
    pose = HeadPose.from_euler(yaw, 0.0, 0.0)
    points = camera.project(CANONICAL_FACE, pose.cam_from_head)
    linear = np.empty((380, 380, 3))
    linear[:] = SKIN
    if white is not None:
        for eye in (points[36:42, :2], points[42:48, :2]):
            cv2.fillConvexPoly(linear, np.rint(eye).astype(np.int32), white.tolist())
            x, y = np.rint(eye.mean(0)).astype(int).tolist()
            cv2.circle(linear, (x, y), 4, (0.02, 0.02, 0.02), -1)
    index = np.sqrt(np.clip(level * linear, 0, 1)) * (len(LEVEL) - 1)
    image = np.rint(LEVEL[index.astype(int)]).astype(np.uint8)
    return image, fit_face(Landmarks.of(points, "projected"), pose)


@pytest.mark.parametrize("yaw", [0.0, 40.0, -75.0])
def test_the_colour_of_the_whites_is_read_at_any_pose_that_shows_one(yaw):
    white = np.array([0.30, 0.36, 0.40])
    found = whites_of_eyes(*picture(white, yaw))
    assert found is not None
    np.testing.assert_allclose(found, np.log2(white[[2, 0]] / white[1]), atol=0.06)


def test_a_closed_eye_is_as_red_as_skin_and_bounds_nothing():
    image, fit = picture(None)
    found = whites_of_eyes(image, fit)
    assert found is not None
    assert found[0] == pytest.approx(np.log2(SKIN[2] / SKIN[1]), abs=0.08)
    light, white = estimate_light(image, fit), White(0.0, 0.0, 0.0, 0.0)
    unseen = color_cast(replace(light, eyes=None), white)
    np.testing.assert_array_equal(color_cast(light, white), unseen)


@pytest.mark.parametrize("level", [0.02, 40.0], ids=["in the dark", "burnt out"])
def test_eyes_without_colour_to_read_say_nothing(level):
    assert whites_of_eyes(*picture(np.array([0.36, 0.36, 0.36]), level=level)) is None


def test_eyes_outside_the_picture_say_nothing():
    image, fit = picture(np.array([0.36, 0.36, 0.36]))
    assert whites_of_eyes(image[:60], fit) is None


def test_white_eyes_in_a_brown_face_make_the_light_white():
    neutral, warm = np.array([0.36, 0.36, 0.36]), np.array([0.15, 0.33, 0.55])
    nothing_white = White(0.0, 0.0, 0.0, 0.0)
    casts = []
    for white in (neutral, warm):
        light = estimate_light(*picture(white))
        casts.append(np.log2(color_cast(light, nothing_white)[[2, 0]] / color_cast(light, nothing_white)[1]))
    brown, lamp = casts
    assert np.abs(brown).max() < 0.1
    assert lamp[0] > 0.3
    # of a lamp that is less warm than the skin says, the hue is kept
    half = estimate_light(*picture(np.array([0.30, 0.36, 0.40])))
    shared = color_cast(half, nothing_white)
    ratio = np.log2(shared[[2, 0]] / shared[1])
    assert ratio[0] < 0.6 * lamp[0]
    assert ratio[1] / ratio[0] == pytest.approx(lamp[1] / lamp[0], abs=0.1)
