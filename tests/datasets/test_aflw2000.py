from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import loadmat, savemat

from maskgen.datasets.aflw2000 import FORMAT
from maskgen.geometry.image_plane import PlaneMap
from maskgen.geometry.landmarks import JAW, NOSE_TIP
from maskgen.landmarks import agreement_deg


def _read(root: Path, wanted: str):
    return FORMAT.read(root, next(e for e in FORMAT.index(root) if e.id == wanted))


def test_pt3d_68_becomes_0_based_pixels_with_depth_away_from_the_camera(fake_dataset) -> None:
    root = fake_dataset("AFLW2000")
    sample = _read(root, "image00002")
    raw = loadmat(root / "image00002.mat")["pt3d_68"].astype(float)
    np.testing.assert_allclose(sample.landmarks.xy, raw[:2].T - 1)
    np.testing.assert_allclose(sample.landmarks.points[:, 2], -raw[2])
    depth = sample.landmarks.points[:, 2]
    assert depth[NOSE_TIP] < depth[JAW].min()  # a frontal nose is nearest to the camera


def test_hidden_points_of_pt2d_stay_minus_one_through_a_turn(fake_dataset, tmp_path: Path) -> None:
    root = fake_dataset("AFLW2000")
    plane = PlaneMap.turn(33.0, (224.5, 224.5), (450, 450))
    FORMAT.write_labels(FORMAT.moved(_read(root, "image00004"), plane), tmp_path)
    old, new = (loadmat(folder / "image00004.mat") for folder in (root, tmp_path))
    hidden = (old["pt2d"] == -1).all(0)
    assert hidden.any()
    assert (new["pt2d"][:, hidden] == -1).all()
    np.testing.assert_allclose(new["pt2d"][:, ~hidden].T, plane.points(old["pt2d"][:, ~hidden].T - 1) + 1)
    np.testing.assert_allclose(new["pt3d_68"][:2].T, plane.points(old["pt3d_68"][:2].T - 1) + 1, atol=1e-3)
    np.testing.assert_array_equal(new["pt3d_68"][2], old["pt3d_68"][2])


def test_fields_stored_as_integers_by_matlab_turn_into_doubles_only_when_they_move(samples, tmp_path) -> None:
    root = samples / "AFLW2000"
    kinds = {}
    for path in sorted(root.glob("*.mat")):
        kinds.setdefault(loadmat(path)["pt2d"].dtype.kind, path.stem)
        if len(kinds) == 3:
            break
    assert {"f", "i"} <= set(kinds)
    plane = PlaneMap.turn(10.0, (224.5, 224.5), (450, 450))
    FORMAT.write_labels(FORMAT.moved(_read(root, kinds["i"]), plane), tmp_path)
    new = loadmat(tmp_path / f"{kinds['i']}.mat")["pt2d"]
    assert new.dtype == np.float64
    known = ~(new == -1).all(0)
    assert np.abs(new[:, known] % 1.0).max() > 0.01


def test_the_protocol_drops_labels_beyond_99_degrees(fake_dataset, samples: Path) -> None:
    root = fake_dataset("AFLW2000")
    kept = [FORMAT.protocol_valid(FORMAT.read(root, e)) for e in FORMAT.index(root)]
    assert kept == [True] * 5 + [False]
    root = samples / "AFLW2000"
    assert sum(not FORMAT.protocol_valid(FORMAT.read(root, e)) for e in FORMAT.index(root)) == 14


def test_the_one_file_with_a_negative_scale_is_read_as_the_picture_shows_it(samples: Path) -> None:
    sample = _read(samples / "AFLW2000", "image04157")
    assert sample.raw["para"].scale < 0
    assert max(map(abs, sample.label_angles)) > 900  # several full turns, kept as labelled
    assert agreement_deg(sample.landmarks, sample.pose) < 3.0
    assert sample.landmarks.points[NOSE_TIP, 2] < sample.landmarks.points[JAW, 2].min()
    turned = FORMAT.moved(sample, PlaneMap.turn(-70.0, (224.5, 224.5), sample.size))
    assert turned.raw["para"].scale == sample.raw["para"].scale
    assert sample.pose.rotated(-70.0).distance_deg(turned.pose) < 1e-6
    assert agreement_deg(turned.landmarks, turned.pose) < 3.0


def test_labels_beyond_90_degrees_of_yaw_stay_there_through_a_turn(fake_dataset) -> None:
    sample = _read(fake_dataset("AFLW2000"), "image04157")
    assert sample.label_angles[0] > 99
    moved = FORMAT.moved(sample, PlaneMap.turn(5.0, (224.5, 224.5), sample.size))
    assert moved.label_angles[0] > 90
    assert sample.pose.rotated(5.0).distance_deg(moved.pose) < 1e-9


def test_nan_points_are_unknown_points(fake_dataset) -> None:
    root = fake_dataset("AFLW2000", private=True)
    fields = {k: v for k, v in loadmat(root / "image00002.mat").items() if not k.startswith("__")}
    fields["pt3d_68"][:, 3] = np.nan
    savemat(root / "image00002.mat", fields)
    sample = _read(root, "image00002")
    assert not sample.landmarks.valid[3]
    assert sample.landmarks.valid.sum() == 67
    moved = FORMAT.moved(sample, PlaneMap.turn(5.0, (224.5, 224.5), sample.size))
    assert not moved.landmarks.valid[3]
    FORMAT.write_labels(moved, root)
    assert np.isnan(loadmat(root / "image00002.mat")["pt3d_68"][:, 3]).all()
