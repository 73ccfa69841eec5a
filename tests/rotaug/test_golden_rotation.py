"""Golden vectors of in-plane rotation, through the code that rotaug uses: maps, transforms and tensors."""

from __future__ import annotations

import json

import numpy as np
import pytest

from maskgen.geometry import rotation as rot
from maskgen.geometry.camera import Calibration
from maskgen.geometry.image_plane import PlaneMap
from maskgen.geometry.pose import HeadPose
from maskgen.sample import Entry, Sample
from rotaug.balance import turn_about
from rotaug.rotate import Turn, label_axis, plane_of
from rotaug.transform import turn_pose


@pytest.fixture(scope="module")
def cases(shared):
    return json.loads((shared / "golden" / "rotation.json").read_text())


def triple(label):
    return np.array([label["yaw"], label["pitch"], label["roll"]])


def agree(case, angles, rotation):
    assert rot.geodesic_deg(rotation, case["R_out"]) < case["tol_deg"]
    if case["compare"] == "angles":
        gap = np.abs(rot.wrap_deg(np.asarray(angles) - triple(case["label_out"])))
        assert gap.max() < case["tol_deg"], case["id"]


def test_labels_in_memory_meet_the_golden_vectors(cases):
    seen = 0
    for case in cases:
        if case["space"] != "rgb_camera":
            continue
        seen += 1
        before = triple(case["label_in"])
        agree(
            case,
            turn_pose(before, case["theta_deg"]),
            turn_pose(rot.euler_to_matrix(before), case["theta_deg"]),
        )
    assert seen >= 30


def test_tensor_labels_meet_the_golden_vectors(cases):
    torch = pytest.importorskip("torch")
    from rotaug import tensors

    cases = [c for c in cases if c["space"] == "rgb_camera"]
    before = torch.tensor(np.stack([triple(c["label_in"]) for c in cases]))
    theta = torch.tensor([c["theta_deg"] for c in cases], dtype=torch.float64)
    angles = tensors.turn_pose(before, theta).numpy()
    matrices = tensors.turn_pose(tensors.euler_to_matrix(before), theta).numpy()
    for case, a, m in zip(cases, angles, matrices, strict=True):
        agree(case, a, m)


def calibrated(case):
    cal = case["rgb_cal"]
    camera = Calibration(
        np.array([[517.679, 0.0, 320.0], [0.0, 517.679, 240.5], [0.0, 0.0, 1.0]]),
        np.array(cal["R"]),
        np.array(cal["t"]),
        (640, 480),
    )
    angles = triple(case["label_in"])
    return Sample(
        Entry("hpdb/01/frame_00003", None),
        "BIWI",
        (640, 480),
        HeadPose(rot.euler_to_matrix(angles)),
        tuple(angles),
        calibration=camera,
        head_centre=tuple(case["center_in"]),
    )


def test_calibrated_axis_meets_the_golden_vectors(cases):
    cases = [c for c in cases if c["space"] == "pose_txt_depth_camera"]
    assert len(cases) >= 9
    for case in cases:
        sample = calibrated(case)
        axis = label_axis(sample, Turn())
        rotation = turn_about(axis[None], np.array([[case["theta_deg"]]]), sample.pose.cam_from_head[None])[
            0, 0
        ]
        angles = rot.nearest_triple(rot.matrix_to_euler(rotation), sample.label_angles)
        agree(case, angles, rotation)
        plane = plane_of(sample, case["theta_deg"], Turn())
        r, t = sample.calibration.rotation, sample.calibration.translation
        centre = r.T @ (plane.camera_rotation @ (r @ case["center_in"] + t) - t)
        np.testing.assert_allclose(centre, case["center_out"], atol=1e-6)


def test_translation_of_pose_para_is_turned_like_a_pixel(cases):
    seen = 0
    for case in cases:
        if "pose_para_in" not in case:
            continue
        seen += 1
        h, q = case["image_h"], case["pivot_xy_1based"]
        before, after = case["pose_para_in"], case["pose_para_out"]
        plane = PlaneMap.turn(case["theta_deg"], (q[0] - 1.0, q[1] - 1.0), (h, h))
        x, y = plane.points([before[3] - 1.0, h + 1.0 - before[4] - 1.0]) + 1.0
        np.testing.assert_allclose([x, h + 1.0 - y], after[3:5], atol=1e-9)
    assert seen >= 4
