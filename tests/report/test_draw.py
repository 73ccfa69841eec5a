"""Drawn poses: the right places, directions and colours, and the given picture left alone."""

from __future__ import annotations

import numpy as np
import pytest

from maskgen.geometry.rotation import euler_to_matrix
from maskgen.report.draw import BOX, POINTS5, draw_pose

GREY = np.full((200, 300, 3), 127, np.uint8)
BOX_AT = (100.0, 50.0, 200.0, 150.0)


def reach(picture: np.ndarray, colour: tuple[int, int, int], origin: np.ndarray) -> np.ndarray:
    """Vector from ``origin`` to the farthest pixel nearly of this BGR colour."""
    near = np.abs(picture.astype(int) - np.array(colour)).max(-1) < 40
    at = np.argwhere(near)[:, ::-1] - origin
    return at[np.hypot(*at.T).argmax()]


RED, GREEN, BLUE = (0, 0, 255), (0, 200, 0), (255, 60, 0)
MIDDLE = np.array([150.0, 100.0])


def test_axes_of_a_frontal_head_point_left_of_the_person_and_down():
    picture = draw_pose(GREY, np.eye(3), BOX_AT, text="")
    red, green = reach(picture, RED, MIDDLE), reach(picture, GREEN, MIDDLE)
    assert red[0] > 40
    assert abs(red[1]) < 6
    assert green[1] > 40
    assert abs(green[0]) < 6


@pytest.mark.parametrize(
    ("euler", "axis", "sign"), [((40, 0, 0), 0, -1), ((-40, 0, 0), 0, 1), ((0, 40, 0), 1, -1)]
)
def test_the_face_axis_points_where_the_face_looks(euler, axis, sign):
    # yaw > 0 looks to the image's left, pitch > 0 looks up
    picture = draw_pose(GREY, euler_to_matrix(euler), BOX_AT, text="")
    blue = reach(picture, BLUE, MIDDLE)
    assert sign * blue[axis] > 25
    assert abs(blue[1 - axis]) < 6


def test_a_clockwise_head_turns_its_axes_clockwise():
    red = reach(draw_pose(GREY, euler_to_matrix((0, 0, 30)), BOX_AT, text=""), RED, MIDDLE)
    assert red[1] == pytest.approx(red[0] * np.tan(np.radians(30)), abs=5)


def test_box_and_points_are_where_they_were_said_to_be():
    points = np.array([[120, 80], [180, 80], [150, 100], [130, 130], [170, 130]], float)
    picture = draw_pose(GREY, np.eye(3), BOX_AT, points, text="")
    for x, y in ((100, 100), (200, 70), (125, 50), (125, 150)):
        assert np.abs(picture[y, x].astype(int) - BOX).max() < 40
    for (x, y), colour in zip(points.astype(int), POINTS5, strict=True):
        if (x, y) != (150, 100):
            assert np.abs(picture[y, x].astype(int) - colour).max() < 20
    assert (picture[:30] == 127).all()


def test_text_is_written_inside_the_picture_also_at_its_edge():
    for box in ((0.0, 0.0, 50.0, 60.0), (280.0, 180.0, 299.0, 199.0)):
        written = draw_pose(GREY, np.eye(3), box)
        silent = draw_pose(GREY, np.eye(3), box, text="")
        changed = np.argwhere((written != silent).any(-1))
        assert len(changed) > 100
        assert changed[:, 1].max() < 300


def test_the_given_picture_is_left_alone_and_odd_input_is_refused_or_survived():
    before = GREY.copy()
    draw_pose(GREY, np.eye(3), (-1e9, -1e9, 1e9, 1e9), np.full((5, 2), np.nan))
    assert (before == GREY).all()
    with pytest.raises(ValueError, match="3 x 3"):
        draw_pose(GREY, np.eye(4))
