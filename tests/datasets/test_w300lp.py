from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from maskgen.datasets.w300lp import FORMAT
from maskgen.errors import LabelError
from maskgen.geometry.image_plane import PlaneMap
from maskgen.geometry.landmarks import MIRROR
from maskgen.landmarks import agreement_deg, landmarks_for


def _entry(root: Path, wanted: str):
    return next(e for e in FORMAT.index(root) if e.id == wanted)


def _set(path: Path, **values) -> None:
    fields = {k: v for k, v in loadmat(path).items() if not k.startswith("__")} | values
    savemat(path, fields, do_compression=True)


def test_landmarks_and_code_folders_hold_no_pictures(fake_dataset) -> None:
    root = fake_dataset("300W-LP")
    folders = {e.image.parts[0] for e in FORMAT.index(root)}
    assert folders == {"AFW", "AFW_Flip", "HELEN", "HELEN_Flip"}


def test_views_above_0_never_take_the_photos_pt2d(fake_dataset) -> None:
    root = fake_dataset("300W-LP")
    photo = FORMAT.read(root, _entry(root, "HELEN/HELEN_232194_1_0"))
    assert photo.landmarks.source == "pt2d"
    for view in (1, 2):
        sample = FORMAT.read(root, _entry(root, f"HELEN/HELEN_232194_1_{view}"))
        np.testing.assert_array_equal(sample.raw["mat"].fields["pt2d"], photo.raw["mat"].fields["pt2d"])
        assert sample.landmarks is None
        assert landmarks_for(sample).source == "projected"


def test_the_landmarks_file_wins_and_counts_from_1(fake_dataset) -> None:
    root = fake_dataset("300W-LP")
    sample = FORMAT.read(root, _entry(root, "AFW/AFW_134212_1_2"))
    raw = loadmat(root / "landmarks" / "AFW" / "AFW_134212_1_2_pts.mat")["pts_3d"]
    assert sample.landmarks.source == "pts_3d"
    np.testing.assert_allclose(sample.landmarks.xy, raw - 1.0)


def test_flips_take_their_landmarks_across_the_mirror(fake_dataset) -> None:
    root = fake_dataset("300W-LP")
    for view in range(3):
        original = FORMAT.read(root, _entry(root, f"AFW/AFW_261068_1_{view}"))
        flip = FORMAT.read(root, _entry(root, f"AFW_Flip/AFW_261068_1_{view}"))
        assert flip.landmarks.source == "pts_3d"
        np.testing.assert_allclose(flip.landmarks.xy, original.landmarks.mirrored(450).xy)
        assert agreement_deg(flip.landmarks, flip.pose) < 3.0


def test_flips_of_a_turned_dataset_do_not_take_landmarks_that_are_no_mirror_image(fake_dataset) -> None:
    root = fake_dataset("300W-LP", private=True)
    entry = _entry(root, "AFW_Flip/AFW_261068_1_1")
    plane = PlaneMap.turn(2.0, (224.5, 224.5), (450, 450))
    FORMAT.write_labels(FORMAT.moved(FORMAT.read(root, entry), plane), root)
    assert FORMAT.read(root, entry).landmarks is None


def test_the_mirrored_pt2d_of_a_flip_gets_its_indices_swapped(fake_dataset) -> None:
    root = fake_dataset("300W-LP")
    flip = FORMAT.read(root, _entry(root, "HELEN_Flip/HELEN_232194_1_0"))
    assert flip.landmarks.source == "pt2d"
    np.testing.assert_allclose(flip.landmarks.xy, flip.raw["mat"].fields["pt2d"][:, MIRROR].T - 1.0)
    assert agreement_deg(flip.landmarks, flip.pose) < 3.0


def test_real_flips_are_mirrored_point_by_point_without_a_swap(samples: Path) -> None:
    root = samples / "300W_LP"
    for folder, name in (("AFW", "AFW_134212_1_0"), ("HELEN", "HELEN_232194_1_0")):
        original = FORMAT.read(root, _entry(root, f"{folder}/{name}"))
        flip = FORMAT.read(root, _entry(root, f"{folder}_Flip/{name}"))
        a, b = original.raw["mat"].fields["pt2d"], flip.raw["mat"].fields["pt2d"]
        np.testing.assert_allclose(b, a * [[-1], [1]] + [[451], [0]], atol=1e-9)
        assert agreement_deg(flip.landmarks, flip.pose) < 8.0
        # the two poses are fits of their own: mirrored to about a degree, not exactly
        assert 0.01 < original.pose.mirrored().distance_deg(flip.pose) < 2.5


def test_a_view_with_landmarks_alone_is_a_sample_without_a_pose(samples: Path) -> None:
    root = samples / "300W_LP_IBUG_no_pose"
    entries = list(FORMAT.index(root))
    assert len(entries) == 60
    assert not any(FORMAT.is_labelled(e) for e in entries)
    sample = FORMAT.read(root, entries[0])
    assert sample.pose is None
    assert sample.landmarks.source == "pts_3d"
    plane = PlaneMap.turn(30.0, (224.5, 224.5), sample.size)
    moved = FORMAT.moved(sample, plane)
    np.testing.assert_allclose(moved.landmarks.xy, plane.points(sample.landmarks.xy))


def test_moving_writes_every_pixel_field_and_leaves_the_rest(fake_dataset, tmp_path: Path) -> None:
    root = fake_dataset("300W-LP")
    entry = _entry(root, "AFW/AFW_134212_1_1")
    plane = PlaneMap.turn(25.0, (200.0, 210.0), (450, 450))
    FORMAT.write_labels(FORMAT.moved(FORMAT.read(root, entry), plane), tmp_path)
    old, new = loadmat(root / entry.labels[0]), loadmat(tmp_path / entry.labels[0])
    assert [k for k in old if k[0] != "_"] == [k for k in new if k[0] != "_"]
    for key in old:
        if key.startswith("__"):
            continue
        assert new[key].shape == old[key].shape
        assert new[key].dtype == old[key].dtype
        if key not in ("Pose_Para", "pt2d"):
            np.testing.assert_array_equal(new[key], old[key])
    np.testing.assert_allclose(new["pt2d"].T, plane.points(old["pt2d"].T - 1) + 1)
    old, new = loadmat(root / entry.labels[1]), loadmat(tmp_path / entry.labels[1])
    for key in ("pts_2d", "pts_3d"):
        np.testing.assert_allclose(new[key], plane.points(old[key] - 1) + 1, atol=1e-4)
        assert new[key].dtype == np.float32


def test_scaling_scales_the_label_and_cropping_shifts_it(fake_dataset) -> None:
    root = fake_dataset("300W-LP")
    sample = FORMAT.read(root, _entry(root, "AFW/AFW_134212_1_1"))
    half = np.array([[0.5, 0, -20.0], [0, 0.5, -30.0], [0, 0, 1]])
    plane = PlaneMap.turn(0.0, (0.0, 0.0), sample.size).then(half, (180, 160))
    moved = FORMAT.moved(sample, plane)
    old, new = sample.raw["para"], moved.raw["para"]
    assert new.angles == old.angles
    assert new.scale == pytest.approx(0.5 * old.scale)
    assert new.depth == pytest.approx(0.5 * old.depth)
    np.testing.assert_allclose(new.origin(160), plane.points(old.origin(450)))
    assert moved.size == (180, 160)


@pytest.mark.parametrize(
    "matrix",
    [
        np.diag([1.0, 0.8, 1.0]),
        np.array([[1, 0.1, 0], [0, 1, 0], [0, 0, 1]]),
        np.array([[1, 0, 0], [0, 1, 0], [1e-3, 0, 1]]),
        np.diag([-1.0, 1.0, 1.0]),
    ],
)
def test_maps_that_weak_perspective_cannot_follow_are_refused(fake_dataset, matrix: np.ndarray) -> None:
    root = fake_dataset("300W-LP")
    sample = FORMAT.read(root, _entry(root, "AFW/AFW_134212_1_0"))
    plane = PlaneMap.turn(0.0, (0.0, 0.0), sample.size).then(matrix, sample.size)
    with pytest.raises(LabelError, match="can only follow a turn"):
        FORMAT.moved(sample, plane)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"Pose_Para": np.full((1, 7), np.nan, np.float32)}, "NaN"),
        ({"Pose_Para": np.zeros((1, 7), np.float32)}, "scale of 0"),
        ({"Pose_Para": np.ones((1, 6), np.float32)}, "6 numbers, expected 7"),
    ],
)
def test_impossible_poses_are_named(fake_dataset, values: dict, reason: str) -> None:
    root = fake_dataset("300W-LP", private=True)
    entry = _entry(root, "AFW/AFW_134212_1_0")
    _set(root / entry.labels[0], **values)
    with pytest.raises(LabelError, match=reason) as caught:
        FORMAT.read(root, entry)
    assert str(caught.value).startswith("AFW_134212_1_0.mat: ")


def test_a_missing_pose_variable_is_named_with_those_that_are_there(fake_dataset) -> None:
    root = fake_dataset("300W-LP", private=True)
    entry = _entry(root, "AFW/AFW_134212_1_0")
    savemat(root / entry.labels[0], {"roi": np.ones((1, 4))})
    with pytest.raises(LabelError, match="no Pose_Para; the file has roi"):
        FORMAT.read(root, entry)


def test_all_views_and_flips_of_a_face_are_one_group(fake_dataset) -> None:
    root = fake_dataset("300W-LP")
    groups = {FORMAT.group(e) for e in FORMAT.index(root)}
    assert groups == {"AFW/AFW_134212_1", "AFW/AFW_261068_1", "HELEN/HELEN_232194_1"}
