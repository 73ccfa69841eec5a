"""The person that masks are shown on: the same from every side, and where the landmarks say."""

from __future__ import annotations

import numpy as np
import pytest

from maskgen.geometry.face import fit_face, pose_from_landmarks
from maskgen.masks.spec import MaskDraw
from maskgen.paint.pipeline import default_painter
from maskgen.paint.types import MASK
from maskgen.synth.portrait import portrait


@pytest.mark.parametrize("angles", [(0.0, 0.0, 0.0), (40.0, -5.0, 8.0), (-75.0, 10.0, 0.0)])
def test_landmarks_and_pose_are_those_of_the_picture(angles):
    image, landmarks, pose = portrait(*angles)
    assert image.shape == (300, 300, 3)
    turned = pose.cam_from_head.T @ pose_from_landmarks(landmarks).cam_from_head
    assert np.degrees(np.arccos((np.trace(turned) - 1.0) / 2.0)) < 6.0
    assert fit_face(landmarks, pose).residual_mm < 6.0
    points = landmarks.points[:, :2]
    assert (points > 5).all()
    assert (points < 295).all()
    # the nose's tip is warm skin, the wall is not
    x, y = np.rint(points[30]).astype(int)
    blue, _, red = image[y, x].astype(int)
    assert red > blue + 25
    wall = image[5, 5].astype(int)
    assert abs(wall[2] - wall[0]) < 25


def test_the_same_arguments_give_the_same_picture_at_any_size():
    first, again = portrait(20.0)[0], portrait(20.0)[0]
    np.testing.assert_array_equal(first, again)
    small, large = portrait(20.0, size=150)[1], portrait(20.0, size=300)[1]
    np.testing.assert_allclose((large.points[:, :2] + 0.5) / 2, small.points[:, :2] + 0.5, atol=0.6)


def test_a_mask_on_it_is_as_good_as_any():
    painted = default_painter().paint(*portrait(30.0), MaskDraw("surgical"))
    assert painted.notes == ()
    assert painted.quality > 0.6
    assert 0.08 < (painted.segmentation == MASK).mean() < 0.25
