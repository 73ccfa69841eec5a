from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskgen.datasets.biwi import FORMAT
from maskgen.errors import LabelError
from maskgen.geometry.image_plane import PlaneMap
from maskgen.geometry.rotation import geodesic_deg
from maskgen.io.biwi_files import format_pose_bin, parse_depth, parse_obj


def _entry(root: Path, wanted: str):
    return next(e for e in FORMAT.index(root) if e.id == wanted)


def test_ids_follow_the_container_and_gaps_are_no_matter(fake_dataset) -> None:
    root = fake_dataset("BIWI")
    ids = [e.id for e in FORMAT.index(root)]
    assert ids == [f"hpdb/01/frame_0000{n}" for n in (3, 4, 7)] + [f"hpdb/06/frame_0000{n}" for n in (0, 1)]
    assert [e.id for e in FORMAT.index(root / "hpdb")] == [i.removeprefix("hpdb/") for i in ids]


def test_a_mirror_with_faces_0_is_read_the_same(fake_dataset, tmp_path: Path) -> None:
    root = fake_dataset("BIWI")
    shutil.copytree(root / "hpdb", tmp_path / "BIWI" / "faces_0")
    first, second = (list(FORMAT.index(r)) for r in (root, tmp_path / "BIWI"))
    for a, b in zip(first, second, strict=True):
        assert b.id == a.id.replace("hpdb", "faces_0")
        x, y = FORMAT.read(root, a), FORMAT.read(tmp_path / "BIWI", b)
        np.testing.assert_array_equal(x.pose.cam_from_head, y.pose.cam_from_head)
        assert FORMAT.group(a) == FORMAT.group(b)


def test_extra_files_of_a_frame_are_its_labels_and_others_are_tolerated(fake_dataset) -> None:
    root = fake_dataset("BIWI", private=True)
    (root / "hpdb/01/frame_00003_mask.png").write_bytes(b"mask")
    (root / "hpdb/01/frame_00003_rgb.png.bak").write_bytes(b"no")
    (root / "hpdb/01/frame_00099_pose.txt").write_text("a pose without a picture")
    (root / "hpdb/99").mkdir()
    (root / "hpdb/readme.txt").write_text("x")
    entry = _entry(root, "hpdb/01/frame_00003")
    assert [p.name for p in entry.labels] == [
        f"frame_00003_{k}" for k in ("depth.bin", "mask.png", "pose.txt")
    ]
    assert len(list(FORMAT.index(root))) == 5
    assert [p.name for p in _entry(root, "hpdb/01/frame_00004").labels] == ["frame_00004_pose.txt"]


def test_calibrations_and_meshes_are_shared(fake_dataset) -> None:
    names = [str(p) for p in FORMAT.shared_files(fake_dataset("BIWI"))]
    cals = [f"hpdb/{s}/{c}.cal" for s in ("01", "06") for c in ("depth", "rgb")]
    assert names == ["hpdb/01.obj", "hpdb/06.obj", *cals]


def test_each_sequence_has_its_own_camera(fake_dataset) -> None:
    root = fake_dataset("BIWI")
    one, six = (FORMAT.read(root, _entry(root, f"hpdb/{i}")) for i in ("01/frame_00003", "06/frame_00000"))
    gap = geodesic_deg(one.calibration.rotation, six.calibration.rotation)
    assert gap > 0.3
    assert 1.0 < one.rgb_pose.distance_deg(one.pose) < 1.1  # 1.044 degrees, section 5


def test_the_real_depth_image_shows_the_mesh_where_the_pose_puts_it(samples: Path) -> None:
    """X_depth = R V + c, no transposition and no sign: section 5's table, measured again."""
    root = samples / "BIWI"
    sample = FORMAT.read(root, _entry(root, "hpdb/01/frame_00003"))
    depth = parse_depth((root / "hpdb/01/frame_00003_depth.bin").read_bytes()).astype(float)
    vertices, _ = parse_obj((root / "hpdb/01.obj").read_text())
    face = vertices[vertices[:, 2] < 0]

    def error(rotation: np.ndarray) -> float:
        x = face @ rotation.T + sample.head_centre
        u, v = (575.816 * x[:, :2] / x[:, 2:] + [320, 240]).round().astype(int).T
        seen = depth[v.clip(0, 479), u.clip(0, 639)]
        return float(np.median(np.abs(seen - x[:, 2])[seen > 0]))

    r = sample.pose.cam_from_head
    assert error(r) < 3.0
    flips = [np.diag(d).astype(float) for d in ((-1, 1, -1), (1, -1, -1), (-1, -1, 1))]
    assert min(error(r.T), *(error(f @ r @ f) for f in flips)) > error(r) + 0.5


@pytest.mark.parametrize("theta", [15.0, -45.0, 90.0, 180.0])
def test_turned_pixels_of_the_mesh_are_met_to_2e_4_px(samples: Path, theta: float) -> None:
    root = samples / "BIWI"
    sample = FORMAT.read(root, _entry(root, "hpdb/12/frame_00427"))
    camera = sample.calibration
    vertices, _ = parse_obj((root / "hpdb/01.obj").read_text())

    def pixels(s) -> np.ndarray:
        return camera.project(camera.from_reference(vertices @ s.pose.cam_from_head.T + s.head_centre))

    plane = PlaneMap.turn(theta, (320.0, 240.5), sample.size)
    moved = FORMAT.moved(sample, plane)
    assert np.abs(pixels(moved) - plane.points(pixels(sample))).max() < 2e-4


def test_a_turn_about_the_line_of_sight_keeps_the_head_in_place(fake_dataset) -> None:
    root = fake_dataset("BIWI")
    sample = FORMAT.read(root, _entry(root, "hpdb/01/frame_00004"))
    camera = sample.calibration
    ray = camera.from_reference(sample.head_centre)
    plane = PlaneMap.turn_about_ray(40.0, ray, camera.intrinsics, sample.size)
    moved = FORMAT.moved(sample, plane)
    np.testing.assert_allclose(moved.head_centre, sample.head_centre, atol=1e-6)
    at = camera.project(ray)
    np.testing.assert_allclose(plane.points(at), at, atol=1e-9)


@pytest.mark.parametrize(
    ("plane", "reason"),
    [
        (PlaneMap.turn(30.0, (319.5, 239.5), (640, 480)), "off by"),
        (PlaneMap.turn(30.0, (200.0, 200.0), (640, 480)), "principal point"),
        (PlaneMap.turn(0.0, (0, 0), (640, 480)).then(np.diag([0.5, 0.5, 1]), (320, 240)), "another canvas"),
        (PlaneMap.turn(0.0, (0, 0), (640, 480)).then(np.diag([0.5, 0.5, 1]), (640, 480)), "cannot express"),
    ],
)
def test_maps_that_pose_txt_cannot_express_are_refused(fake_dataset, plane: PlaneMap, reason: str) -> None:
    root = fake_dataset("BIWI")
    sample = FORMAT.read(root, _entry(root, "hpdb/01/frame_00003"))
    with pytest.raises(LabelError, match=reason) as caught:
        FORMAT.moved(sample, plane)
    assert str(caught.value).startswith("hpdb/01/frame_00003: ")


def test_without_rgb_cal_a_pose_is_read_but_not_turned(fake_dataset) -> None:
    root = fake_dataset("BIWI", private=True)
    (root / "hpdb/01/rgb.cal").unlink()
    sample = FORMAT.read(root, _entry(root, "hpdb/01/frame_00003"))
    assert sample.pose is not None
    assert sample.calibration is None
    with pytest.raises(LabelError, match=r"rgb\.cal is missing"):
        FORMAT.moved(sample, PlaneMap.turn(30.0, (320.0, 240.5), (640, 480)))


def test_a_damaged_calibration_is_named_with_its_sequence(fake_dataset) -> None:
    root = fake_dataset("BIWI", private=True)
    (root / "hpdb/01/rgb.cal").write_text("1 2 3")
    with pytest.raises(LabelError, match=r"01/rgb\.cal: 3 numbers, expected 27"):
        FORMAT.read(root, _entry(root, "hpdb/01/frame_00003"))


def test_a_pose_that_is_no_rotation_is_a_label_error(fake_dataset) -> None:
    root = fake_dataset("BIWI", private=True)
    (root / "hpdb/01/frame_00003_pose.txt").write_text("1 0 0 \n0 1 0 \n0 0 2 \n\n1 2 3 \n\n")
    with pytest.raises(LabelError, match=r"frame_00003_pose\.txt: a head pose is a proper rotation"):
        FORMAT.read(root, _entry(root, "hpdb/01/frame_00003"))


def test_pose_bin_stands_in_for_a_missing_pose_txt(fake_dataset, tmp_path: Path) -> None:
    root = fake_dataset("BIWI", private=True)
    entry = _entry(root, "hpdb/01/frame_00003")
    before = FORMAT.read(root, entry)
    binary = root / "hpdb/01/frame_00003_pose.bin"
    binary.write_bytes(format_pose_bin(before.pose.cam_from_head, before.head_centre))
    (root / "hpdb/01/frame_00003_pose.txt").unlink()
    entry = _entry(root, "hpdb/01/frame_00003")
    after = FORMAT.read(root, entry)
    assert before.pose.distance_deg(after.pose) < 1e-4
    plane = PlaneMap.turn(20.0, (320.0, 240.5), (640, 480))
    moved = FORMAT.moved(after, plane)
    (written,) = FORMAT.write_labels(moved, tmp_path)
    assert written.name == "frame_00003_pose.bin"
    shutil.copytree(root, tmp_path, dirs_exist_ok=True, ignore=lambda *_: ["frame_00003_pose.bin"])
    assert FORMAT.read(tmp_path, entry).pose.distance_deg(moved.pose) < 1e-4


def test_the_turned_picture_and_the_turned_label_move_a_dot_alike(fake_dataset) -> None:
    """Pixels, not formulas: a dot painted at the projected nose is found where the new label projects it."""
    from maskgen.landmarks.projected import projected_landmarks

    root = fake_dataset("BIWI")
    sample = FORMAT.read(root, _entry(root, "hpdb/06/frame_00001"))
    x, y = projected_landmarks(sample).xy[30]
    grid = np.indices((480, 640)).transpose(1, 2, 0)[..., ::-1]
    image = (255 * np.exp(-((grid - [x, y]) ** 2).sum(-1) / 18)).astype(np.float32)
    plane = PlaneMap.turn(37.0, (320.0, 240.5), sample.size)
    moments = cv2.moments(plane.warp(image))
    found = np.array([moments["m10"], moments["m01"]]) / moments["m00"]
    expected = projected_landmarks(FORMAT.moved(sample, plane)).xy[30]
    np.testing.assert_allclose(found, expected, atol=0.05)
