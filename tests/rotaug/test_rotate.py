from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from maskgen.errors import LandmarkError, UsageError
from maskgen.geometry import rotation as rot
from maskgen.geometry.camera import Calibration
from maskgen.geometry.image_plane import PlaneMap
from maskgen.geometry.landmarks import Landmarks
from maskgen.geometry.pose import HeadPose
from maskgen.sample import Entry, Sample
from rotaug.rotate import Turn, cropped, expanded, is_identity, largest_rectangle, plane_of

thetas = st.floats(-180, 180)
sizes = st.tuples(st.integers(2, 700), st.integers(2, 700))


def weak(size=(450, 450), landmarks=None):
    return Sample(Entry("AFW/a_0", None), "300W-LP", size, HeadPose(np.eye(3)), landmarks=landmarks)


def biwi(centre=(60.0, -20.0, 900.0)):
    k = np.array([[517.679, 0.0, 320.0], [0.0, 517.679, 240.5], [0.0, 0.0, 1.0]])
    camera = Calibration(k, rot.euler_to_matrix([0.5, 0.8, -0.3]), np.array([-24.0, 6.0, -13.0]), (640, 480))
    pose = HeadPose(rot.euler_to_matrix([30.0, -20.0, 10.0]))
    return Sample(Entry("hpdb/01/f", None), "BIWI", (640, 480), pose, calibration=camera, head_centre=centre)


@given(thetas, sizes)
def test_an_expanded_canvas_holds_every_source_pixel_and_no_more_than_needed(theta, size):
    w, h = size
    plane = expanded(PlaneMap.turn(theta, (0.0, 7.0), size), size)
    corners = plane.points([[-0.5, -0.5], [w - 0.5, -0.5], [w - 0.5, h - 0.5], [-0.5, h - 0.5]])
    low, high = corners.min(0), corners.max(0)
    assert (low >= -0.5 - 1e-6).all()
    assert (high <= np.array(plane.size) - 0.5 + 1e-6).all()
    assert (np.array(plane.size) - (high - low) < 1 + 1e-6).all()


@given(thetas, sizes)
def test_a_cropped_canvas_shows_source_pixels_only(theta, size):
    w, h = size
    plane = cropped(PlaneMap.turn(theta, (3.0, -8.0), size), size)
    x, y = plane.size[0] - 1, plane.size[1] - 1
    back = plane.inverse(size).points([[0, 0], [x, 0], [x, y], [0, y]])
    if min(plane.size) > 1:
        assert (back >= -1e-6).all()
        assert (back <= np.array([w - 1, h - 1]) + 1e-6).all()


@given(thetas, st.floats(10, 1000), st.floats(10, 1000))
@settings(max_examples=60)
def test_no_larger_upright_rectangle_fits_inside_a_turned_one(theta, w, h):
    a, b = largest_rectangle(w, h, theta)
    t = math.radians(theta)
    s, c = abs(math.sin(t)), abs(math.cos(t))
    # an upright a x b rectangle fits when its own turned extent stays within the sides
    assert a * c + b * s <= w + 1e-6
    assert a * s + b * c <= h + 1e-6
    best = 0.0
    for width in np.linspace(1e-3, math.hypot(w, h), 4000):
        heights = [(w - width * c) / s if s > 1e-9 else h, (h - width * s) / c if c > 1e-9 else w]
        if (s <= 1e-9 and width > w) or (c <= 1e-9 and width > h):
            continue
        best = max(best, width * max(0.0, min(heights)))
    assert a * b >= best * (1 - 1e-6)


def test_a_turn_by_nothing_is_the_identity_on_every_canvas():
    for canvas in ("keep", "expand", "crop"):
        plane = plane_of(weak((451, 300)), 0.0, Turn(canvas=canvas))
        assert is_identity(plane, (451, 300))
    assert is_identity(plane_of(biwi(), 0.0, Turn()), (640, 480))
    assert not is_identity(plane_of(weak(), 1e-3, Turn()), (450, 450))


@pytest.mark.parametrize("canvas", ["keep", "expand", "crop"])
@pytest.mark.parametrize("quarter", [1, 2, -1])
def test_quarter_turns_of_square_pictures_move_pixels_exactly(canvas, quarter):
    image = np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    plane = plane_of(weak((90, 90)), 90.0 * quarter, Turn(canvas=canvas))
    np.testing.assert_array_equal(plane.warp(image, "linear"), np.rot90(image, quarter))


@pytest.mark.parametrize("interpolation", ["linear", "cubic", "lanczos"])
@pytest.mark.parametrize("pivot", ["center", "face"])
def test_pixels_land_where_the_map_says(interpolation, pivot):
    # blobs: their centres of mass in the turned picture against the moved points
    yy, xx = np.mgrid[:300, :300]
    points = np.array([[100.3, 120.8], [160.0, 140.5], [130.7, 180.2], [190.9, 200.1]])
    face = Landmarks.of(np.tile(points, (17, 1)), "test")
    plane = plane_of(weak((300, 300), face), 27.0, Turn(pivot=pivot))
    for p in points:
        blob = 255.0 * np.exp(-((xx - p[0]) ** 2 + (yy - p[1]) ** 2) / (2 * 3.0**2))
        turned = plane.warp(blob.astype(np.float32), interpolation).clip(0)
        mass = turned.sum()
        centre = np.array([(turned * xx).sum(), (turned * yy).sum()]) / mass
        np.testing.assert_allclose(centre, plane.points(p), atol=0.02)


def test_the_face_pivot_keeps_the_face_where_it_is():
    points = np.random.default_rng(1).uniform(100, 300, (68, 2))
    lm = Landmarks.of(points, "test")
    plane = plane_of(weak(landmarks=lm), 77.0, Turn(pivot="face"))
    x0, y0, x1, y1 = lm.box
    centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    np.testing.assert_allclose(plane.points(centre), centre, atol=1e-9)


def test_the_face_pivot_without_a_face_is_an_error_of_that_sample():
    sample = Sample(Entry("AFW/a_0", None), "300W-LP", (450, 450))
    with pytest.raises(LandmarkError, match="where the face is"):
        plane_of(sample, 10.0, Turn(pivot="face"))


@pytest.mark.parametrize("turn", [Turn(pivot="center"), Turn(canvas="expand"), Turn(canvas="crop")])
def test_calibrated_pictures_refuse_what_their_labels_cannot_follow(turn):
    with pytest.raises(UsageError, match=r"--pivot principal|--canvas keep"):
        plane_of(biwi(), 10.0, turn)


def test_uncalibrated_pictures_have_no_principal_point():
    with pytest.raises(UsageError, match="--pivot center"):
        plane_of(weak(), 10.0, Turn(pivot="principal"))


@pytest.mark.parametrize("pivot", ["principal", "face"])
@given(thetas)
@settings(max_examples=40)
def test_projections_of_the_turned_head_are_the_turned_projections(pivot, theta):
    sample = biwi()
    camera = sample.calibration
    plane = plane_of(sample, theta, Turn(pivot=pivot))
    head = np.random.default_rng(2).uniform(-100, 100, (30, 3))
    in_camera = camera.from_reference(head @ sample.pose.cam_from_head.T + sample.head_centre)
    moved = in_camera @ plane.camera_rotation.T
    np.testing.assert_allclose(camera.project(moved), plane.points(camera.project(in_camera)), atol=1e-8)


def test_the_face_pivot_of_calibrated_pictures_keeps_the_head_centre():
    sample = biwi()
    pixel = sample.calibration.project(sample.calibration.from_reference(sample.head_centre))
    plane = plane_of(sample, 50.0, Turn(pivot="face"))
    np.testing.assert_allclose(plane.points(pixel), pixel, atol=1e-9)
    assert not plane.is_affine


@given(thetas, st.tuples(st.floats(-99, 99), st.floats(-99, 99), st.floats(-180, 180)))
def test_a_turn_and_its_opposite_give_back_label_and_landmarks(theta, angles):
    pose = HeadPose.from_euler(*angles)
    points = np.random.default_rng(3).uniform(0, 450, (68, 2))
    forth = plane_of(weak(), theta, Turn())
    back = plane_of(weak(), -theta, Turn())
    np.testing.assert_allclose(back.points(forth.points(points)), points, atol=1e-9)
    assert pose.rotated(theta).rotated(-theta).distance_deg(pose) < 1e-9


@given(
    thetas,
    st.floats(-1e-5, 1e-5),
    st.sampled_from([-90.0, 90.0]),
    st.floats(-180, 180),
    st.floats(-180, 180),
)
def test_near_the_gimbal_rotations_stay_true_through_their_angles(theta, gap, yaw, pitch, roll):
    # the image points of the head's axes fix its turn, whatever its angles are called
    pose = HeadPose.from_euler(yaw + gap, pitch, roll)
    turned = pose.rotated(theta)
    again = HeadPose.from_euler(*turned.euler())
    assert again.distance_deg(turned) < 1e-6
    plane = PlaneMap.turn(theta, (0.0, 0.0), (10, 10))
    head = np.eye(3)
    np.testing.assert_allclose(
        (head @ turned.cam_from_head.T)[:, :2],
        plane.points((head @ pose.cam_from_head.T)[:, :2]),
        atol=1e-9,
    )


@given(thetas, st.floats(-89, 89), st.floats(-89, 89), st.floats(-180, 180))
def test_what_a_turn_cannot_change_stays(theta, yaw, pitch, roll):
    y, p, _ = HeadPose.from_euler(yaw, pitch, roll).rotated(theta).euler()
    before = math.cos(math.radians(yaw)) * math.cos(math.radians(pitch))
    assume(before > 1e-3)
    assert math.cos(math.radians(y)) * math.cos(math.radians(p)) == pytest.approx(before, abs=1e-12)
    assert abs(p) < 90


@pytest.mark.parametrize(
    "wrong",
    [
        {"pivot": "nose"},
        {"canvas": "huge"},
        {"border": "wrap"},
        {"interpolation": "magic"},
        {"fill": (1.0, 2.0)},
        {"fill": (300.0,)},
    ],
)
def test_settings_that_cannot_be_name_the_accepted_ones(wrong):
    with pytest.raises(UsageError, match=str(next(iter(wrong)))):
        Turn(**wrong)


def test_opencv_turns_the_same_way():
    reference = cv2.getRotationMatrix2D((100.0, 80.0), 33.0, 1.0)
    np.testing.assert_allclose(PlaneMap.turn(33.0, (100.0, 80.0), (9, 9)).matrix[:2], reference, atol=1e-12)
