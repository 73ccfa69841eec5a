from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maskgen.datasets import all_formats, get_format
from maskgen.errors import LandmarkError, UsageError
from maskgen.geometry.camera import Calibration
from maskgen.geometry.landmarks import MIRROR, Landmarks
from maskgen.geometry.pose import HeadPose
from maskgen.landmarks import (
    Native,
    Projected,
    SideFiles,
    agreement_deg,
    apparent_pose,
    doubts,
    landmarks_for,
    parse_sources,
)
from maskgen.landmarks.projected import projected_landmarks
from maskgen.sample import Entry, Sample


@pytest.fixture
def sample(fake_dataset) -> Sample:
    """A labelled face with 3D landmarks at yaw 35."""
    fmt, root = get_format("AFLW2000"), fake_dataset("AFLW2000")
    return fmt.read(root, list(fmt.index(root))[1])


def _with(sample: Sample, points: np.ndarray) -> Sample:
    return replace(sample, landmarks=Landmarks.of(points, "test"))


def test_labels_win_over_projection(sample: Sample) -> None:
    assert landmarks_for(sample).source == "pt3d_68"
    assert landmarks_for(sample, (Projected(), Native())).source == "projected"
    assert landmarks_for(replace(sample, landmarks=None)).source == "projected"


def test_projection_and_drawing_meet_on_every_fake(fake_dataset) -> None:
    """The fakes' own camera model is scipy and plain formulas; maskgen's projection lands where they drew."""
    for fmt in all_formats():
        root = fake_dataset(fmt.name)
        for entry in fmt.index(root):
            read = fmt.read(root, entry)
            found = projected_landmarks(read)
            if read.landmarks is not None:
                off = np.linalg.norm(found.xy - read.landmarks.xy, axis=1)
                assert off.mean() < 0.03 * read.landmarks.face_size
                off = found.points[:, 2] - found.points[30, 2]
                assert found.points.shape == (68, 3)


def test_projected_landmarks_of_real_files_lie_near_the_labelled_ones(samples: Path) -> None:
    fmt, root = get_format("AFLW2000"), samples / "AFLW2000"
    off = []
    for entry in list(fmt.index(root))[::12]:
        read = fmt.read(root, entry)
        gap = np.linalg.norm(projected_landmarks(read).xy - read.landmarks.xy, axis=1).mean()
        off.append(gap / read.landmarks.face_size)
    assert np.median(off) < 0.03
    assert max(off) < 0.07


def test_depth_of_projected_landmarks_grows_away_from_the_camera(sample: Sample) -> None:
    depth = projected_landmarks(sample).points[:, 2]
    seen = sample.landmarks.points[:, 2]
    assert np.corrcoef(depth, seen)[0, 1] > 0.98


# --- checks ----------------------------------------------------------------------------------------------


def test_nan_landmarks_are_refused_by_number(sample: Sample) -> None:
    points = sample.landmarks.points.copy()
    points[10:] = np.nan
    with pytest.raises(LandmarkError, match=r"^image00004: only 10 of 68 landmarks \(test\) are numbers"):
        landmarks_for(_with(sample, points))


def test_landmarks_that_all_lie_outside_are_refused(sample: Sample) -> None:
    with pytest.raises(LandmarkError, match="lie outside the 450 x 450 picture"):
        landmarks_for(_with(sample, sample.landmarks.points + np.array([1000.0, 0.0, 0.0])))
    half_out = np.array([450.0 - sample.landmarks.xy[:, 0].mean(), 0.0, 0.0])
    landmarks_for(_with(sample, sample.landmarks.points + half_out))


def test_landmarks_in_one_point_or_on_a_line_are_refused(sample: Sample) -> None:
    line = np.linspace(100, 200, 68)[:, None] * [1.0, 1.0]
    for points in (np.full((68, 2), 100.0), line):
        with pytest.raises(LandmarkError, match="on a line or in one point"):
            landmarks_for(_with(sample, points))


@pytest.mark.parametrize("angle", [25.0, 60.0, 180.0])
def test_a_pose_turned_away_from_its_landmarks_is_refused_and_the_gap_is_measured(sample, angle) -> None:
    wrong = replace(sample, pose=sample.pose.rotated(angle))
    assert agreement_deg(sample.landmarks, wrong.pose) == pytest.approx(angle, abs=3.0)
    with pytest.raises(
        LandmarkError, match=rf"disagree by {'1[78]' if angle == 180 else str(int(angle))[0]}\d degrees"
    ):
        landmarks_for(wrong)


def test_swapped_left_and_right_are_found(sample: Sample) -> None:
    with pytest.raises(LandmarkError, match="disagree"):
        landmarks_for(_with(sample, sample.landmarks.points[MIRROR]))


@pytest.mark.parametrize("depth", [True, False])
def test_agreement_is_zero_on_the_canonical_face_itself(sample: Sample, depth: bool) -> None:
    points = projected_landmarks(sample).points
    assert agreement_deg(Landmarks.of(points if depth else points[:, :2], "x"), sample.pose) < 1e-6


@pytest.mark.parametrize("depth", [True, False])
def test_agreement_asks_the_known_points_alone(sample: Sample, depth: bool) -> None:
    points = projected_landmarks(sample).points[:, : 3 if depth else 2]
    for first in (0, 20, 40):
        some = np.full_like(points, np.nan)
        some[first : first + 28] = points[first : first + 28]
        known = Landmarks.of(some, "x")
        assert agreement_deg(known, sample.pose) < 1e-5
        assert agreement_deg(known, sample.pose.rotated(30.0)) == pytest.approx(30.0, abs=1e-5)


def test_agreement_of_real_labels_stays_far_below_the_limit(samples: Path) -> None:
    fmt, root = get_format("AFLW2000"), samples / "AFLW2000"
    gaps = []
    for entry in list(fmt.index(root))[::6]:
        read = fmt.read(root, entry)
        gaps.append(agreement_deg(read.landmarks, read.pose))
        flat = Landmarks(read.landmarks.xy, read.landmarks.valid, "2d")
        gaps.append(agreement_deg(flat, read.pose))
    assert max(gaps) < 8.0


def test_off_axis_heads_are_judged_along_the_line_of_sight() -> None:
    camera = Calibration(
        np.array([[517.679, 0, 320], [0, 517.679, 240.5], [0, 0, 1]]), np.eye(3), np.zeros(3), (640, 480)
    )
    for centre in ((260.0, 0.0, 900.0), (-150.0, 180.0, 1000.0), (0.0, 0.0, 900.0)):
        pose = HeadPose.from_euler(12.0, -7.0, 4.0)
        sample = Sample(
            Entry("x", "x.png"),  # type: ignore[arg-type]
            "BIWI",
            (640, 480),
            pose,
            pose.euler(),
            calibration=camera,
            head_centre=centre,
        )
        found = projected_landmarks(sample)
        seen = agreement_deg(found, apparent_pose(sample))
        assert seen < 2.0
        off_axis = np.degrees(np.arctan2(np.hypot(*centre[:2]), centre[2]))
        assert agreement_deg(found, pose) == pytest.approx(off_axis, abs=2.5)


def test_a_sample_nobody_knows_says_who_was_asked(sample: Sample) -> None:
    blank = Sample(Entry("image00009", sample.entry.image), "AFLW2000", (450, 450))
    with pytest.raises(
        LandmarkError, match=r"image00009: no landmarks from native, projected; its label file is missing"
    ):
        landmarks_for(blank)


# --- side files ------------------------------------------------------------------------------------------


def _write(folder: Path, stem: str, kind: str, points: np.ndarray) -> None:
    import json

    (folder / stem).parent.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}.{kind}"
    if kind == "npy":
        np.save(path, points)
    elif kind == "txt":
        np.savetxt(path, points, delimiter=", ")
    elif kind == "json":
        rows = [None if np.isnan(p).any() else p.tolist() for p in points]
        path.write_text(json.dumps({"landmarks": rows}))
    else:
        lines = "\n".join(f"{x} {y}" for x, y in points[:, :2] + 1)
        path.write_text(f"version: 1\nn_points: 68\n{{\n{lines}\n}}\n")


@pytest.mark.parametrize("kind", ["pts", "npy", "txt", "json"])
@pytest.mark.parametrize("columns", [2, 3])
def test_each_kind_of_side_file_is_read_in_0_based_pixels(sample, tmp_path, kind, columns) -> None:
    points = sample.landmarks.points[:, :columns].copy()
    points[5] = np.nan
    _write(tmp_path, sample.id, kind, points)
    found = landmarks_for(replace(sample, landmarks=None), parse_sources(f"native, files:{tmp_path}"))
    assert found.source == f"files.{kind}"
    assert not found.valid[5]
    expected = points[:, :2] if kind == "pts" else points
    np.testing.assert_allclose(found.points[found.valid], expected[found.valid], atol=1e-6)


def test_a_side_file_may_be_named_like_the_picture(fake_dataset, tmp_path: Path) -> None:
    fmt, root = get_format("BIWI"), fake_dataset("BIWI")
    read = fmt.read(root, next(iter(fmt.index(root))))
    for stem in ("hpdb/01/frame_00003", "hpdb/01/frame_00003_rgb"):
        folder = tmp_path / stem.replace("/", "-")
        _write(folder, stem, "npy", projected_landmarks(read).points)
        assert SideFiles(folder)(read).source == "files.npy"
    assert SideFiles(tmp_path)(read) is None


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("txt", "1 2\n3 4\n"),
        ("txt", "a b\n" * 68),
        ("json", "{}"),
        ("json", "[1, 2]"),
        ("npy", "x"),
        ("pts", "1 2"),
    ],
)
def test_a_damaged_side_file_is_a_landmark_error_in_one_line(sample, tmp_path, kind, text) -> None:
    (tmp_path / f"{sample.id}.{kind}").write_text(text)
    with pytest.raises(LandmarkError, match=rf"^{sample.id}\.{kind}: ") as caught:
        SideFiles(tmp_path)(sample)
    assert "\n" not in str(caught.value)


def test_a_saved_pts_file_is_read_back(sample: Sample, tmp_path: Path) -> None:
    from maskgen.landmarks.sidecar import format_pts, read_landmarks

    (tmp_path / "a.pts").write_text(format_pts(sample.landmarks))
    np.testing.assert_allclose(read_landmarks(tmp_path / "a.pts").xy, sample.landmarks.xy, atol=1e-6)


def test_wrong_source_lists_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no landmark source"):
        parse_sources(" , ")
    with pytest.raises(UsageError, match="unknown landmark source 'magic'; known are native"):
        parse_sources("native,magic")
    with pytest.raises(UsageError, match="does not exist"):
        parse_sources(f"files:{tmp_path / 'absent'}")


def test_real_labels_leave_no_doubt(samples: Path) -> None:
    for name in ("AFLW2000", "300W_LP"):
        fmt, root = get_format(name), samples / name
        for entry in list(fmt.index(root))[::9]:
            read = fmt.read(root, entry)
            assert doubts(landmarks_for(read), read).notes == ()


@pytest.mark.parametrize(("shift", "factor", "words"), [(30.0, 1.0, "px beside"), (0.0, 2.0, "2 times")])
def test_a_face_beside_its_label_or_of_another_size_is_doubted(sample, shift, factor, words) -> None:
    points = np.array(sample.landmarks.points)
    middle = points[17:].mean(axis=0)
    points = (points - middle) * factor + middle + [shift, shift, 0.0]
    moved = _with(sample, points)
    notes, belief = doubts(moved.landmarks, moved)
    assert belief < 0.5 < doubts(sample.landmarks, sample).belief
    assert len(notes) == 1
    assert words in notes[0]
    # without a camera nobody can tell
    assert doubts(moved.landmarks, replace(moved, camera=None)) == ((), 1.0)


def test_few_known_landmarks_are_doubted(sample: Sample) -> None:
    points = np.array(sample.landmarks.points)
    points[:30] = np.nan
    few = _with(sample, points)
    notes, belief = doubts(few.landmarks, few)
    assert notes == ("landmarks: only 38 of 68 are known",)
    assert belief < 0.5
