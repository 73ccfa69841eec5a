"""Golden vectors through files, and real files refitted: what was written is what was meant."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import loadmat, savemat

from maskgen.datasets import get_format, recognise
from maskgen.geometry import rotation as rot
from maskgen.geometry.face import CANONICAL_FACE, pose_from_landmarks
from maskgen.io.biwi_files import parse_obj, parse_pose_txt
from rotaug.plan import AngleRange, Angles
from rotaug.rotate import Turn, plane_of
from rotaug.run import RotateOptions, rotate_dataset

SIZE = 450


@pytest.fixture(scope="module")
def cases(shared):
    return json.loads((shared / "golden" / "rotation.json").read_text())


def turned(root: Path, theta: float, turn: Turn | None = None) -> Path:
    out = root.parent / f"{root.name}_out"
    rotate_dataset(recognise(root), root, out, Angles(listed=(theta,)), turn)
    return out


def triple(label):
    return np.array([label["yaw"], label["pitch"], label["roll"]])


@pytest.mark.parametrize("number", range(40))
def test_a_golden_label_survives_a_300w_lp_file(number, cases, tmp_path):
    case = cases[number]
    if case["space"] != "rgb_camera":
        pytest.skip("a label of the depth camera")
    folder = tmp_path / "lp" / "AFW"
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "AFW_1_1_0.jpg"), np.zeros((SIZE, SIZE, 3), np.uint8))
    yaw, pitch, roll = np.radians(triple(case["label_in"]))
    rest = case.get("pose_para_in", [0, 0, 0, 222.0, 210.0, -40.0, 1.3e-3])[3:]
    para = np.array([[pitch, yaw, roll, *rest]], np.float32)
    savemat(folder / "AFW_1_1_0.mat", {"Pose_Para": para, "pt2d": np.full((2, 68), 200.0)})
    out = turned(tmp_path / "lp", case["theta_deg"])
    written = loadmat(out / "AFW" / "AFW_1_1_0.mat")["Pose_Para"]
    assert written.dtype == np.float32
    pitch, yaw, roll = np.degrees(written[0, :3].astype(float))
    # what float32 radians make of the input is turned along with it
    stored = np.degrees(para[0, [1, 0, 2]].astype(float))
    expected = rot.rotate_in_plane(rot.euler_to_matrix(stored), case["theta_deg"])
    if case["compare"] == "angles":
        gap = np.abs(rot.wrap_deg(np.array([yaw, pitch, roll]) - rot.matrix_to_euler(expected)))
        assert gap.max() < 1e-5
    # float32 rounds an angle of 180 degrees by 7e-6, and at the gimbal two such errors add up
    assert rot.geodesic_deg(rot.euler_to_matrix([yaw, pitch, roll]), expected) < 1.5e-5
    assert rot.geodesic_deg(expected, case["R_out"]) < 1.5e-5
    if "pose_para_out" in case:
        np.testing.assert_allclose(written[0, 3:], case["pose_para_out"][3:], rtol=1e-6)


@pytest.mark.parametrize("number", range(40))
def test_a_golden_label_survives_a_biwi_file(number, cases, tmp_path):
    case = cases[number]
    if case["space"] != "pose_txt_depth_camera":
        pytest.skip("a label of the colour camera")
    folder = tmp_path / "biwi" / "hpdb" / "01"
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "frame_00003_rgb.png"), np.zeros((480, 640, 3), np.uint8))

    def rows(values):
        return "".join("".join(f"{v:.17g} " for v in row) + "\n" for row in np.atleast_2d(values))

    cal = case["rgb_cal"]
    k = [[517.679, 0, 320], [0, 517.679, 240.5], [0, 0, 1]]
    parts = (k, [0, 0, 0, 0], cal["R"], cal["t"])
    (folder / "rgb.cal").write_text("\n".join(map(rows, parts)) + "\n640 480\n")
    pose = rot.euler_to_matrix(triple(case["label_in"]))
    (folder / "frame_00003_pose.txt").write_text(f"{rows(pose)}\n{rows(case['center_in'])}\n")
    out = turned(tmp_path / "biwi", case["theta_deg"])
    text = (out / "hpdb" / "01" / "frame_00003_pose.txt").read_text()
    rotation, centre = parse_pose_txt(text)
    expected = triple(case["label_out"])
    assert rot.geodesic_deg(rotation, rot.euler_to_matrix(expected)) < 1e-4
    assert np.abs(rot.wrap_deg(rot.matrix_to_euler(rotation) - expected)).max() < 1e-4
    np.testing.assert_allclose(centre, case["center_out"], atol=1e-3)


# ---- real files ----


def pairs(samples, tmp_path, name, turn=None):
    """(sample before, sample after, the map) of real files, turned and read back."""
    root, fmt = samples / name, get_format(name)
    out = tmp_path / "out"
    angles = Angles(AngleRange(-180, 180), seed=5)
    rotate_dataset(fmt, root, out, angles, turn, RotateOptions(limit=60))
    from maskgen.jobs.manifest import read_manifest

    thetas = {o.id: o.draw["theta_deg"] for o in read_manifest(out) if o.output}
    originals = {e.id: e for e in fmt.index(root)}
    found = list(fmt.index(out))
    assert found
    for entry in found:
        before, after = fmt.read(root, originals[entry.id]), fmt.read(out, entry)
        yield before, after, plane_of(before, thetas[entry.id], turn or Turn())


@pytest.mark.parametrize("name", ["AFLW2000", "300W_LP"])
def test_on_real_files_the_written_label_projects_onto_the_turned_pixels(name, samples, tmp_path):
    for before, after, plane in pairs(samples, tmp_path, name):
        model = before.camera.project(CANONICAL_FACE, before.pose.cam_from_head)[:, :2]
        again = after.camera.project(CANONICAL_FACE, after.pose.cam_from_head)[:, :2]
        assert np.abs(again - plane.points(model)).max() < 0.05
        if before.landmarks is not None and after.landmarks is not None:
            assert np.abs(after.landmarks.xy - plane.points(before.landmarks.xy)).max() < 0.05


def test_on_real_files_the_persons_own_face_is_refitted_by_the_turned_label(samples, tmp_path):
    # pt3d_68 un-posed by the old label is the person's face; the new label must put it on the turned points
    for before, after, _ in pairs(samples, tmp_path, "AFLW2000"):
        a, b = (np.array(s.landmarks.points) for s in (before, after))
        face = (a - [*before.camera.offset, 0.0]) @ before.pose.cam_from_head / before.camera.scale
        again = after.camera.scale * face @ after.pose.cam_from_head.T + [*after.camera.offset, 0.0]
        assert np.abs(again - b)[:, :2].max() < 0.05


def test_the_pose_that_landmarks_show_is_as_near_the_label_after_as_before(samples, tmp_path):
    for before, after, _ in pairs(samples, tmp_path, "AFLW2000"):
        gaps = [pose_from_landmarks(s.landmarks).distance_deg(s.pose) for s in (before, after)]
        assert gaps[1] == pytest.approx(gaps[0], abs=2e-3)


@pytest.mark.parametrize("pivot", ["principal", "face"])
def test_on_real_biwi_files_the_head_mesh_lands_on_the_turned_pixels(pivot, samples, tmp_path):
    mesh, _ = parse_obj((samples / "BIWI" / "hpdb" / "01.obj").read_text())
    turn = Turn(pivot=pivot)
    for before, after, plane in pairs(samples, tmp_path, "BIWI", turn):

        def seen(s):
            head = mesh @ s.pose.cam_from_head.T + s.head_centre
            return s.calibration.project(s.calibration.from_reference(head))

        assert np.abs(seen(after) - plane.points(seen(before))).max() < 0.01


@pytest.mark.parametrize("name", ["AFLW2000", "300W_LP", "BIWI"])
def test_real_labels_come_back_from_a_turn_and_its_opposite(name, samples, tmp_path):
    fmt = get_format(name)
    options = RotateOptions(limit=20)
    there, back = tmp_path / "there", tmp_path / "back"
    rotate_dataset(fmt, samples / name, there, Angles(listed=(37.5,)), options=options)
    rotate_dataset(fmt, there, back, Angles(listed=(-37.5,)), options=options)
    limit = 1e-4 if name == "BIWI" else 1e-5
    originals = {e.id: e for e in fmt.index(samples / name)}
    for entry in fmt.index(back):
        a, b = fmt.read(samples / name, originals[entry.id]), fmt.read(back, entry)
        assert a.pose.distance_deg(b.pose) < limit
        if a.landmarks is not None and b.landmarks is not None:
            np.testing.assert_allclose(a.landmarks.xy, b.landmarks.xy, atol=1e-3)
