"""The canonical face and its fit."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskgen.errors import LandmarkError
from maskgen.geometry.camera import WeakPerspective
from maskgen.geometry.face import (
    CANONICAL_FACE,
    FITTED,
    FaceFit,
    bending_weights,
    fit_face,
    mouth_opening,
    pose_from_landmarks,
)
from maskgen.geometry.landmarks import MIRROR, Landmarks
from maskgen.geometry.pose import HeadPose
from maskgen.geometry.rotation import geodesic_deg


def seen(pose: HeadPose, scale: float = 1.3, offset=(210.0, 220.0), points=CANONICAL_FACE) -> Landmarks:
    return Landmarks.of(WeakPerspective(scale, offset).project(points, pose.cam_from_head), "projected")


def test_canonical_face_is_symmetric_and_stands_on_its_nose_tip():
    np.testing.assert_allclose(CANONICAL_FACE[MIRROR] * [-1, 1, 1], CANONICAL_FACE, atol=1e-9)
    np.testing.assert_array_equal(CANONICAL_FACE[30], 0.0)


def test_canonical_face_has_an_adults_measures():
    pupils = CANONICAL_FACE[36:42].mean(0), CANONICAL_FACE[42:48].mean(0)
    assert 60.0 < np.linalg.norm(pupils[0] - pupils[1]) < 68.0
    assert 100.0 < np.linalg.norm(CANONICAL_FACE[27] - CANONICAL_FACE[8]) < 125.0


def test_canonical_face_is_what_the_labels_give(samples):
    tool = Path(__file__).parents[2] / "tools" / "derive_canonical_face.py"
    spec = importlib.util.spec_from_file_location("derive_canonical_face", tool)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    mean, spread = module.canonical(samples / "AFLW2000")
    np.testing.assert_allclose(mean, CANONICAL_FACE, atol=0.06)
    assert np.median(spread) < 4.5


@given(st.floats(-89, 89), st.floats(-60, 60), st.floats(-170, 170), st.floats(0.1, 8.0))
@settings(max_examples=60, deadline=None)
def test_fit_recovers_scale_and_shift_of_the_face_itself(yaw, pitch, roll, scale):
    pose = HeadPose.from_euler(yaw, pitch, roll)
    fit = fit_face(seen(pose, scale, (100.0, -20.0)), pose)
    assert fit.camera.scale == pytest.approx(scale, rel=1e-6)
    np.testing.assert_allclose(fit.camera.offset, (100.0, -20.0), atol=1e-6 * scale * 100)
    assert fit.residual_mm < 1e-6
    assert not fit.pose_from_landmarks


@given(st.floats(-75, 75), st.floats(-50, 50), st.floats(-170, 170))
@settings(max_examples=40, deadline=None)
def test_pose_from_landmarks_is_the_pose_they_were_made_with(yaw, pitch, roll):
    pose = HeadPose.from_euler(yaw, pitch, roll)
    landmarks = seen(pose)
    flat = Landmarks.of(landmarks.xy, "2d")
    assert geodesic_deg(pose_from_landmarks(landmarks).cam_from_head, pose.cam_from_head) < 1e-5
    assert geodesic_deg(pose_from_landmarks(flat).cam_from_head, pose.cam_from_head) < 1e-3


def test_bending_moves_the_face_onto_its_landmarks():
    pose = HeadPose.from_euler(25.0, -10.0, 5.0)
    wide = CANONICAL_FACE * [1.1, 1.0, 1.0] + [0.0, 0.0, 2.0]
    wide[6:11, 1] += 9.0  # the jaw dropped
    landmarks = seen(pose, points=wide)
    fit = fit_face(landmarks, pose)
    weights = bending_weights(CANONICAL_FACE[FITTED])
    bent = fit.to_image(fit.bent(CANONICAL_FACE[FITTED], weights))
    before = np.linalg.norm(fit.to_image(CANONICAL_FACE[FITTED])[:, :2] - landmarks.xy[FITTED], axis=1)
    after = np.linalg.norm(bent[:, :2] - landmarks.xy[FITTED], axis=1)
    assert np.sqrt((after**2).mean()) < 0.35 * np.sqrt((before**2).mean())


def test_meshes_are_carried_as_points_are():
    rng = np.random.default_rng(5)
    points = rng.normal(0.0, 60.0, (300, 3))
    rotation = HeadPose.from_euler(31.0, -12.0, 8.0).cam_from_head
    fit = FaceFit(rotation, WeakPerspective(1.7, (231.0, 207.5)), rng.normal(0.0, 4.0, (60, 3)), 2.0, 0.1)
    weights = bending_weights(points)
    carried = fit.bent_to_image(points, weights)
    np.testing.assert_allclose(carried, fit.to_image(fit.bent(points, weights)), atol=0.5 / 256 + 1e-4)
    np.testing.assert_array_equal(carried * 256, np.rint(carried * 256))


def test_bending_fades_at_the_back_of_the_head():
    weights = bending_weights([[0.0, -60.0, 205.0]])
    assert np.abs(weights @ np.full((60, 1), 10.0)).max() < 3.0


def test_one_wild_landmark_hardly_moves_the_fit():
    pose = HeadPose.from_euler(10.0, 0.0, 0.0)
    points = np.array(seen(pose).points)
    points[54, :2] += 80.0
    fit = fit_face(Landmarks.of(points, "wild"), pose)
    assert fit.camera.scale == pytest.approx(1.3, rel=0.02)
    np.testing.assert_allclose(fit.camera.offset, (210.0, 220.0), atol=2.0)


def test_a_label_that_disagrees_gives_way_to_the_landmarks():
    truth = HeadPose.from_euler(40.0, 0.0, 0.0)
    fit = fit_face(seen(truth), HeadPose.from_euler(-40.0, 0.0, 0.0))
    assert fit.pose_from_landmarks
    assert geodesic_deg(fit.rotation, truth.cam_from_head) < 1e-4


def test_depth_of_three_dimensional_landmarks_may_start_anywhere():
    pose = HeadPose.from_euler(-30.0, 8.0, 12.0)
    shifted = np.array(seen(pose).points) + np.array([0.0, 0.0, 500.0])
    fit = fit_face(Landmarks.of(shifted, "far"), pose)
    assert np.abs(fit.offsets).max() < 1e-6


@pytest.mark.parametrize("bad", ["few", "line", "point"])
def test_landmarks_that_are_no_head_are_refused(bad):
    points = np.array(seen(HeadPose.from_euler(0, 0, 0)).xy)
    if bad == "few":
        points[5:] = np.nan
    elif bad == "line":
        points[:, 1] = points[:, 0]
    else:
        points[:] = 100.0
    with pytest.raises(LandmarkError):
        fit_face(Landmarks.of(points, bad), None)


def test_mouth_opening_is_gap_over_width():
    points = CANONICAL_FACE.copy()
    points[66] = points[62] + [0.0, 26.4, 0.0]
    assert mouth_opening(seen(HeadPose.from_euler(0, 0, 0), points=points), 1.3) == pytest.approx(
        0.5, abs=0.01
    )


def test_real_faces_are_met_within_six_millimetres(samples):
    from scipy.io import loadmat

    residuals = []
    for path in sorted((samples / "AFLW2000").glob("*.mat"))[::9]:
        mat = loadmat(path)
        pitch, yaw, roll = np.degrees(mat["Pose_Para"][0, :3].astype(float))
        if float(mat["Pose_Para"][0, 6]) < 0:
            continue
        x, y, z = mat["pt3d_68"].astype(float)
        landmarks = Landmarks.of(np.stack([x - 1, y - 1, -z], 1), "pt3d_68")
        residuals.append(fit_face(landmarks, HeadPose.from_euler(yaw, pitch, roll)).residual_mm)
    assert np.median(residuals) < 3.5
    assert np.percentile(residuals, 95) < 6.5
