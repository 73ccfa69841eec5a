"""docs/conventions.md, sentence by sentence: axes, signs, formulas and the facts that code relies on."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.spatial.transform import Rotation

from maskgen.geometry.camera import Calibration, project_perspective
from maskgen.geometry.face import BIWI_FROM_CANONICAL, CANONICAL_FACE
from maskgen.geometry.image_plane import PlaneMap
from maskgen.geometry.landmarks import CHIN, MIRROR, NOSE_TIP
from maskgen.geometry.pose import HeadPose
from maskgen.geometry.rotation import (
    euler_to_matrix,
    geodesic_deg,
    matrix_to_euler,
    mirror,
    nearest_triple,
    rotate_in_plane,
    rotation_about,
    rotation_z,
    wrap_deg,
)

angle = st.floats(-180.0, 180.0, allow_nan=False)
small_yaw = st.floats(-89.0, 89.0)
S = np.diag([1.0, -1.0, -1.0])


def look(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Where the canonical face's points go on screen (68, 2), x right and y down, nose tip at 0."""
    return (CANONICAL_FACE @ euler_to_matrix([yaw, pitch, roll]).T)[:, :2]


# --- section 1: one frame --------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(angle, angle, angle)
def test_the_label_is_scipys_intrinsic_xyz_of_minus_pitch_yaw_roll(yaw, pitch, roll) -> None:
    scipy = Rotation.from_euler("XYZ", [-pitch, yaw, roll], degrees=True).as_matrix()
    np.testing.assert_allclose(euler_to_matrix([yaw, pitch, roll]), scipy, atol=1e-12)


@settings(max_examples=200, deadline=None)
@given(angle, angle, angle)
def test_the_entries_are_those_written_out(yaw, pitch, roll) -> None:
    y, p, r = np.radians([yaw, pitch, roll])
    cy, sy, cp, sp, cr, sr = np.cos(y), np.sin(y), np.cos(p), np.sin(p), np.cos(r), np.sin(r)
    m = euler_to_matrix([yaw, pitch, roll])
    expected = {
        (0, 0): cy * cr,
        (0, 1): -cy * sr,
        (0, 2): sy,
        (1, 0): cp * sr - sp * sy * cr,
        (1, 1): cp * cr + sp * sy * sr,
        (1, 2): sp * cy,
        (2, 2): cp * cy,
    }
    for (i, j), value in expected.items():
        assert m[i, j] == pytest.approx(value, abs=1e-12)


@settings(max_examples=200, deadline=None)
@given(small_yaw, angle, angle)
def test_angles_come_back_from_the_matrix(yaw, pitch, roll) -> None:
    back = matrix_to_euler(euler_to_matrix([yaw, pitch, roll]))
    np.testing.assert_allclose(wrap_deg(back - [yaw, pitch, roll]), 0.0, atol=1e-9)


def test_a_single_matrix_reads_as_one_of_a_stack() -> None:
    quarter = np.arange(-180.0, 181.0, 45.0)
    turned = np.stack(np.meshgrid(quarter, quarter, quarter), -1).reshape(-1, 3)
    any_turn = np.random.default_rng(6).uniform(-180.0, 180.0, (500, 3))
    # among them upright heads, both sides of 180 degrees and the poles, where roll cannot be told from pitch
    matrices = euler_to_matrix(np.concatenate([turned, any_turn]))
    alone = np.stack([matrix_to_euler(r) for r in matrices])
    np.testing.assert_allclose(alone, matrix_to_euler(matrices), rtol=0.0, atol=1e-12)


def test_the_face_looks_along_minus_z_and_the_head_lies_behind_it() -> None:
    assert (CANONICAL_FACE[np.arange(68) != NOSE_TIP, 2] > 0).all()
    assert CANONICAL_FACE[CHIN, 1] > 50  # the chin is below the nose: y is down
    assert CANONICAL_FACE[36, 0] < 0 < CANONICAL_FACE[45, 0]  # the person's right eye is at the image left


def test_positive_yaw_looks_to_the_image_left() -> None:
    xy = look(40, 0, 0)
    assert xy[0, 0] > xy[NOSE_TIP, 0] - 40  # the right jaw comes near the nose ...
    assert xy[16, 0] > xy[NOSE_TIP, 0] + 60  # ... and the left one lies far to the right of it


def test_positive_pitch_looks_up() -> None:
    # the nose tip rises against everything behind it: eyes and chin move down relative to it
    assert (look(0, 25, 0)[[36, 45, CHIN], 1] > look(0, 0, 0)[[36, 45, CHIN], 1]).all()
    out_of_the_face = euler_to_matrix([0, 25, 0]) @ [0, 0, -1]
    assert out_of_the_face[1] < 0


def test_positive_roll_turns_the_head_clockwise_on_screen() -> None:
    xy = look(0, 0, 30)
    assert xy[45, 1] > xy[36, 1]  # the eye on the right of the screen goes down


@settings(max_examples=100, deadline=None)
@given(angle, angle, angle)
def test_the_same_rotation_in_the_y_up_frame_has_all_signs_negative(yaw, pitch, roll) -> None:
    y_up = Rotation.from_euler("XYZ", [-pitch, -yaw, -roll], degrees=True).as_matrix()
    np.testing.assert_allclose(S @ euler_to_matrix([yaw, pitch, roll]) @ S, y_up, atol=1e-12)


# --- section 2: the rotation formula ---------------------------------------------------------------------


def _spot(image: np.ndarray) -> np.ndarray:
    y, x = np.unravel_index(np.argmax(image), image.shape)
    return np.array([x, y], float)


@pytest.mark.parametrize("theta", [30.0, -70.0, 145.0])
def test_opencv_pillow_and_ours_all_turn_counter_clockwise(theta: float) -> None:
    image = np.zeros((101, 101), np.uint8)
    cv2.circle(image, (80, 50), 2, 255, -1)
    image = cv2.GaussianBlur(image, (7, 7), 2)
    ours = PlaneMap.turn(theta, (50.0, 50.0), (101, 101))
    opencv = cv2.warpAffine(image, cv2.getRotationMatrix2D((50, 50), theta, 1), (101, 101))
    pillow = np.asarray(Image.fromarray(image).rotate(theta, Image.Resampling.BILINEAR))
    expected = ours.points([80.0, 50.0])
    for turned in (ours.warp(image), opencv, pillow):
        assert np.abs(_spot(turned) - expected).max() <= 1.5
    assert (expected[1] < 50) == (np.sin(np.radians(theta)) > 0)  # a spot on the right goes up


@settings(max_examples=100, deadline=None)
@given(angle, st.floats(-50, 500), st.floats(-50, 500), st.floats(-50, 500), st.floats(-50, 500))
def test_pixels_turn_by_the_formula_of_the_text(theta, qx, qy, x, y) -> None:
    c, s = np.cos(np.radians(theta)), np.sin(np.radians(theta))
    expected = (qx + c * (x - qx) + s * (y - qy), qy - s * (x - qx) + c * (y - qy))
    found = PlaneMap.turn(theta, (qx, qy), (450, 450)).points([x, y])
    np.testing.assert_allclose(found, expected, atol=1e-9)


@settings(max_examples=200, deadline=None)
@given(small_yaw, angle, angle, angle)
def test_the_closed_form_is_the_matrix_rule(yaw, pitch, roll, theta) -> None:
    (y, p, r), t = np.radians([yaw, pitch, roll]), np.radians(theta)
    cy, sy, cp, sp, cr, sr, ct, st_ = (
        *(f(v) for v in (y, p, r) for f in (np.cos, np.sin)),
        np.cos(t),
        np.sin(t),
    )
    a, b, c = ct * sy + st_ * sp * cy, -st_ * sy + ct * sp * cy, cp * cy
    closed = [
        np.arctan2(a, np.hypot(b, c)),
        np.arctan2(b, c),
        np.arctan2(
            ct * cy * sr - st_ * (cp * cr + sp * sy * sr), ct * cy * cr + st_ * (cp * sr - sp * sy * cr)
        ),
    ]
    turned = rotate_in_plane(euler_to_matrix([yaw, pitch, roll]), theta)
    assert geodesic_deg(euler_to_matrix(np.degrees(closed)), turned) < 1e-6


@settings(max_examples=100, deadline=None)
@given(angle, angle, angle, angle, st.floats(0, 449), st.floats(0, 449))
def test_under_weak_perspective_the_rule_is_exact_for_every_pivot(yaw, pitch, roll, theta, qx, qy) -> None:
    pose = HeadPose.from_euler(yaw, pitch, roll)
    plane = PlaneMap.turn(theta, (qx, qy), (450, 450))
    seen = 1.3 * (CANONICAL_FACE @ pose.cam_from_head.T)[:, :2] + [210.0, 240.0]
    origin = plane.points([210.0, 240.0])
    after = 1.3 * (CANONICAL_FACE @ pose.rotated(theta).cam_from_head.T)[:, :2] + origin
    np.testing.assert_allclose(plane.points(seen), after, atol=1e-9)


def test_under_full_perspective_it_is_exact_about_the_principal_point_only() -> None:
    k = np.array([[517.679, 0, 320], [0, 517.679, 240.5], [0, 0, 1]])
    pose, t = HeadPose.from_euler(30, -10, 5), np.array([120.0, -80.0, 800.0])
    seen = project_perspective(k, CANONICAL_FACE @ pose.cam_from_head.T + t)

    def miss(pivot: tuple[float, float]) -> float:
        after = CANONICAL_FACE @ pose.rotated(30).cam_from_head.T + rotation_z(-30) @ t
        return np.abs(PlaneMap.turn(30, pivot, (640, 480)).points(seen) - project_perspective(k, after)).max()

    assert miss((320.0, 240.5)) < 1e-9
    assert miss((319.5, 239.5)) > 0.3


def test_only_a_head_without_yaw_and_pitch_has_roll_minus_theta() -> None:
    assert HeadPose.from_euler(0, 0, 20).rotated(35).euler() == pytest.approx((0, 0, -15))
    yaw, pitch, roll = HeadPose.from_euler(40, 20, 0).rotated(35).euler()
    assert min(abs(yaw - 40), abs(pitch - 20), abs(roll + 35)) > 2


def test_small_steps_have_the_derivatives_of_the_text() -> None:
    yaw, pitch, roll, h = 35.0, 20.0, 10.0, 1e-4
    r = euler_to_matrix([yaw, pitch, roll])
    slope = (matrix_to_euler(rotate_in_plane(r, h)) - matrix_to_euler(rotate_in_plane(r, -h))) / (2 * h)
    y, p = np.radians([yaw, pitch])
    expected = [np.sin(p), -np.cos(p) * np.tan(y), -np.cos(p) / np.cos(y)]
    np.testing.assert_allclose(slope, expected, atol=1e-6)


def test_roll_minus_theta_and_the_wrong_sign_make_the_known_errors() -> None:
    pose = HeadPose.from_euler(45, 15, -5)
    for theta in (15.0, 30.0, 45.0):
        right = pose.rotated(theta)
        assert right.distance_deg(pose.rotated(-theta)) == pytest.approx(2 * theta, abs=1e-9)
        naive = HeadPose.from_euler(45, 15, -5 - theta)
        assert right.distance_deg(naive) > 0.3 * theta
        about_own_axis = HeadPose(pose.cam_from_head @ rotation_z(-theta))
        np.testing.assert_allclose(about_own_axis.cam_from_head, naive.cam_from_head, atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(angle, angle, angle, angle)
def test_the_third_row_and_so_cos_pitch_cos_yaw_do_not_change(yaw, pitch, roll, theta) -> None:
    r = euler_to_matrix([yaw, pitch, roll])
    turned = rotate_in_plane(r, theta)
    np.testing.assert_allclose(turned[2], r[2], atol=1e-15)
    y, p, _ = np.radians(matrix_to_euler(turned))
    assert np.cos(y) * np.cos(p) == pytest.approx(r[2, 2], abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(angle, angle, angle)
def test_every_rotation_has_its_second_triple(yaw, pitch, roll) -> None:
    first, second = [yaw, pitch, roll], [180 - yaw, pitch + 180, roll + 180]
    assert geodesic_deg(euler_to_matrix(first), euler_to_matrix(second)) < 1e-9


@settings(max_examples=200, deadline=None)
@given(st.floats(-179.9, 179.9), st.floats(-179.9, 179.9), st.floats(-179.9, 179.9))
def test_theta_0_gives_the_triple_back_even_beyond_90_degrees_of_yaw(yaw, pitch, roll) -> None:
    label = np.array([yaw, pitch, roll])
    if abs(abs(yaw) - 90) < 0.01:
        return  # at the gimbal pitch and roll are not separate
    back = nearest_triple(matrix_to_euler(rotate_in_plane(euler_to_matrix(label), 0.0)), label)
    if abs(yaw) > 90:
        np.testing.assert_allclose(wrap_deg(back - label), 0.0, atol=1e-6)
    assert geodesic_deg(euler_to_matrix(back), euler_to_matrix(label)) < 1e-7


def test_roll_wraps_at_180() -> None:
    assert HeadPose.from_euler(0, 0, 150).rotated(-60).roll == pytest.approx(-150)
    assert wrap_deg([-180.0, 180.0, 540.0, -190.0]).tolist() == [180.0, 180.0, 180.0, 170.0]


@pytest.mark.parametrize("yaw", [90.0, -90.0])
def test_at_the_gimbal_roll_is_0_and_the_rotation_is_kept(yaw: float) -> None:
    r = euler_to_matrix([yaw, 25.0, 40.0])
    triple = matrix_to_euler(r)
    assert triple[2] == 0.0
    assert geodesic_deg(euler_to_matrix(triple), r) < 1e-6
    combined = 25.0 - 40.0 if yaw > 0 else 25.0 + 40.0
    assert triple[1] == pytest.approx(combined, abs=1e-6)


def test_float32_radians_cost_a_few_thousandths_of_a_degree_next_to_the_gimbal() -> None:
    # pitch and roll come back as stored; what the coarser yaw costs is their error after a turn
    label = np.array([89.9, 10.0, 20.0])
    stored = np.degrees(np.radians(label).astype(np.float32).astype(np.float64))
    a, b = (matrix_to_euler(rotate_in_plane(euler_to_matrix(v), 0.05)) for v in (label, stored))
    assert np.abs(a - b).max() < 2e-2
    assert geodesic_deg(euler_to_matrix(label), euler_to_matrix(stored)) < 1e-5


@settings(max_examples=200, deadline=None)
@given(st.floats(0, 180), st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1))
def test_the_geodesic_is_the_angle_even_near_0_and_180(size: float, axis: tuple) -> None:
    r = rotation_about(axis, size) @ (base := euler_to_matrix([20, 10, 5]))
    assert geodesic_deg(r, base) == pytest.approx(size, abs=1e-6 if size < 179 else 1e-5)


@settings(max_examples=100, deadline=None)
@given(small_yaw, angle, angle)
def test_a_mirror_negates_yaw_and_roll_and_swaps_the_landmarks(yaw, pitch, roll) -> None:
    r = euler_to_matrix([yaw, pitch, roll])
    np.testing.assert_allclose(mirror(r), euler_to_matrix([-yaw, pitch, -roll]), atol=1e-12)
    seen = CANONICAL_FACE @ r.T
    mirrored = (seen * [-1, 1, 1])[MIRROR]
    np.testing.assert_allclose(mirrored, CANONICAL_FACE @ mirror(r).T, atol=1e-9)


def test_6drepnets_matrix_is_the_transpose_of_the_y_up_one_and_turns_from_the_right() -> None:
    yaw, pitch, roll, theta = 30.0, -20.0, 10.0, 25.0

    def drepnet(y: float, p: float, r: float) -> np.ndarray:
        return Rotation.from_euler("xyz", [p, y, r], degrees=True).as_matrix()  # Rz(r) Ry(y) Rx(p)

    ours = euler_to_matrix([yaw, pitch, roll])
    np.testing.assert_allclose(drepnet(yaw, pitch, roll), (S @ ours @ S).T, atol=1e-12)
    after = matrix_to_euler(rotate_in_plane(ours, theta))
    np.testing.assert_allclose(drepnet(*after), drepnet(yaw, pitch, roll) @ rotation_z(-theta), atol=1e-12)


# --- sections 3 to 6: what the files mean ----------------------------------------------------------------


def test_mixing_pixels_from_0_and_from_1_displaces_by_2_root_2_sine_of_half_the_angle() -> None:
    points = np.array([[100.0, 50.0], [300.0, 400.0]])
    right = PlaneMap.turn(45, (224.5, 224.5), (450, 450)).points(points)
    mixed = PlaneMap.turn(45, (225.5, 225.5), (450, 450)).points(points)
    gap = np.linalg.norm(right - mixed, axis=1)
    np.testing.assert_allclose(gap, 2 * np.sqrt(2) * np.sin(np.radians(22.5)), atol=1e-9)
    assert gap[0] == pytest.approx(1.08, abs=0.01)


def test_the_canonical_face_meets_biwis_template_points() -> None:
    turn, shift = BIWI_FROM_CANONICAL
    face = CANONICAL_FACE @ turn.T + shift
    template = {
        NOSE_TIP: (0, -3, -56),
        27: (0, -33, -39),
        33: (0, 9, -44),
        36: (-46, -32, -17),
        39: (-20, -34, -25),
        42: (20, -34, -25),
        45: (46, -32, -17),
        48: (-24, 30, -23),
        54: (24, 30, -23),
        CHIN: (0, 77, -32),
    }
    off = {i: float(np.linalg.norm(face[i] - p)) for i, p in template.items()}
    assert max(off.values()) < 13.0
    assert np.median(list(off.values())) < 7.0


def test_hopenets_formulas_on_the_transposed_biwi_matrix_are_ours_on_the_matrix() -> None:
    for label in ([20, -30, 10], [-60, 25, -40], [5, 60, 30]):
        r = euler_to_matrix(label)
        t = r.T
        roll = -np.arctan2(t[1, 0], t[0, 0])
        yaw = np.arctan2(t[2, 0], np.hypot(t[2, 1], t[2, 2]))
        pitch = np.arctan2(t[2, 1], t[2, 2])
        np.testing.assert_allclose(np.degrees([yaw, pitch, roll]), label, atol=1e-9)


RGB_01 = [
    [0.999947, 0.00432361, 0.00929419],
    [-0.00446314, 0.999877, 0.0150443],
    [-0.009228, -0.015085, 0.999844],
]
CAMERA = Calibration(
    np.array([[517.679, 0, 320], [0, 517.679, 240.5], [0, 0, 1]]),
    np.array(RGB_01),
    np.array([-24.0198, 5.8896, -13.2308]),
    (640, 480),
)


def test_the_colour_camera_of_sequence_01_is_turned_by_1_044_degrees() -> None:
    assert geodesic_deg(CAMERA.rotation, np.eye(3)) == pytest.approx(1.044, abs=1e-3)


@pytest.mark.parametrize(
    ("theta", "uncalibrated"), [(15.0, 0.27), (30.0, 0.52), (45.0, 0.78), (90.0, 1.4), (180.0, 2.0)]
)
def test_ignoring_the_calibration_costs_what_the_table_says(theta: float, uncalibrated: float) -> None:
    rng = np.random.default_rng(0)
    rc, errors = CAMERA.rotation, []
    for label in rng.normal(0, [25, 20, 12], (300, 3)):
        r = euler_to_matrix(label)
        exact = np.linalg.solve(rc, rotation_z(-theta) @ rc @ r)
        errors.append(geodesic_deg(exact, rotation_z(-theta) @ r))
    assert np.mean(errors) == pytest.approx(uncalibrated, abs=0.06)


def test_turning_about_the_line_of_sight_keeps_the_head_and_is_exact() -> None:
    pose, centre = HeadPose.from_euler(25, 10, -5), np.array([150.0, -90.0, 880.0])
    plane = PlaneMap.turn_about_ray(40.0, centre, CAMERA.intrinsics, (640, 480))
    seen = CAMERA.project(CANONICAL_FACE @ pose.cam_from_head.T + centre)
    after = CAMERA.project(CANONICAL_FACE @ (plane.camera_rotation @ pose.cam_from_head).T + centre)
    np.testing.assert_allclose(plane.points(seen), after, atol=1e-9)


def test_one_pixel_of_shift_is_a_ninth_of_a_degree_of_camera_rotation() -> None:
    assert np.degrees(np.arctan(1 / 517.679)) == pytest.approx(0.11, abs=0.002)
