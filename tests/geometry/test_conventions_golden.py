"""The golden rotations: pose formula, BIWI's files and Pose_Para against numbers computed elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from maskgen.datasets.biwi import FORMAT as BIWI
from maskgen.datasets.pose_para import PosePara
from maskgen.geometry.camera import Calibration
from maskgen.geometry.image_plane import PlaneMap
from maskgen.geometry.pose import HeadPose
from maskgen.geometry.rotation import geodesic_deg, wrap_deg
from maskgen.sample import Entry, Sample


@pytest.fixture(scope="module")
def cases(shared: Path) -> list[dict]:
    return json.loads((shared / "golden" / "rotation.json").read_text())


def _triple(label: dict) -> list[float]:
    return [label["yaw"], label["pitch"], label["roll"]]


def _check(pose: HeadPose, case: dict) -> None:
    gap = geodesic_deg(pose.cam_from_head, case["R_out"])
    assert gap <= case["tol_deg"], case["id"]
    if case["compare"] == "angles":
        angles = pose.euler(near=_triple(case["label_in"]))
        off = np.abs(wrap_deg(np.subtract(angles, _triple(case["label_out"]))))
        assert off.max() <= case["tol_deg"], case["id"]


def test_labels_and_matrices_of_every_case_are_one_rotation(cases: list[dict]) -> None:
    for case in cases:
        for side in ("in", "out"):
            r = HeadPose.from_euler(*_triple(case[f"label_{side}"])).cam_from_head
            assert geodesic_deg(r, case[f"R_{side}"]) <= case["tol_deg"], case["id"]


def test_every_turn_in_the_colour_camera_gives_the_golden_pose(cases: list[dict]) -> None:
    chosen = [c for c in cases if c["space"] == "rgb_camera"]
    assert len(chosen) >= 31
    for case in chosen:
        _check(HeadPose.from_euler(*_triple(case["label_in"])).rotated(case["theta_deg"]), case)


def test_every_biwi_pose_is_turned_so_that_rgb_cal_stays_valid(cases: list[dict]) -> None:
    k = np.array([[517.679, 0.0, 320.0], [0.0, 517.679, 240.5], [0.0, 0.0, 1.0]])
    chosen = [c for c in cases if c["space"] == "pose_txt_depth_camera"]
    assert len(chosen) >= 9
    for case in chosen:
        camera = Calibration(k, case["rgb_cal"]["R"], case["rgb_cal"]["t"], (640, 480))
        pose = HeadPose(case["R_in"])
        sample = Sample(
            Entry("x", BIWI.name),  # type: ignore[arg-type]
            BIWI.name,
            (640, 480),
            pose,
            pose.euler(),
            calibration=camera,
            head_centre=tuple(case["center_in"]),
        )
        moved = BIWI.moved(sample, PlaneMap.turn(case["theta_deg"], (320.0, 240.5), (640, 480)))
        assert moved.pose is not None
        _check(moved.pose, case)
        np.testing.assert_allclose(moved.head_centre, case["center_out"], atol=1e-6)


def test_every_pose_para_is_turned_to_the_golden_numbers(cases: list[dict]) -> None:
    chosen = [c for c in cases if "pose_para_in" in c]
    assert len(chosen) >= 4
    for case in chosen:
        height = case["image_h"]
        pivot = np.subtract(case["pivot_xy_1based"], 1.0)
        plane = PlaneMap.turn(case["theta_deg"], (pivot[0], pivot[1]), (height, height))
        para = PosePara.of({"Pose_Para": np.array([case["pose_para_in"]])}, case["id"])
        out = para.moved(plane, height).array()
        np.testing.assert_allclose(out[0], case["pose_para_out"], rtol=1e-9, atol=1e-6)
