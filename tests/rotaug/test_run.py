"""Rotated twins on disk, on tiny datasets with the true trees."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from maskgen.datasets import get_format
from maskgen.errors import UsageError
from maskgen.geometry import rotation as rot
from maskgen.geometry.pose import HeadPose
from maskgen.io.files import sha256_file
from maskgen.jobs.manifest import read_manifest
from rotaug.plan import AngleRange, Angles
from rotaug.rotate import Turn
from rotaug.run import RotateOptions, rotate_dataset

NAMES = ("AFLW2000", "300W-LP", "BIWI")
WIDE = Angles(AngleRange(-45, 45), seed=3)


def rotate(root: Path, out: Path, angles: Angles = WIDE, turn: Turn | None = None, **options):
    from maskgen.datasets import recognise

    return rotate_dataset(recognise(root), root, out, angles, turn, RotateOptions(**options))


def tree(folder: Path, records: bool = False) -> dict[str, str]:
    files = (p for p in folder.rglob("*") if p.is_file())
    return {
        str(p.relative_to(folder)): sha256_file(p)
        for p in sorted(files)
        if records or "_maskgen" not in p.relative_to(folder).parts
    }


def table(out: Path) -> list[dict[str, str]]:
    with (out / "_maskgen" / "labels.csv").open() as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("name", NAMES)
def test_the_twin_has_the_same_files_and_true_labels(name, fake_dataset, tmp_path):
    root, fmt = fake_dataset(name), get_format(name)
    result = rotate(root, tmp_path / "out")
    assert result.statuses["failed"] == 0
    expected = {n for n in tree(root) if not n.endswith(("_depth.bin", ".txt"))}
    expected |= {n for n in tree(root) if n.endswith("_pose.txt")}
    assert set(tree(tmp_path / "out")) == expected
    rows = {row["id"]: row for row in table(tmp_path / "out")}
    for entry in fmt.index(root):
        before = fmt.read(root, entry)
        after = fmt.read(tmp_path / "out", next(e for e in fmt.index(tmp_path / "out") if e.id == entry.id))
        row = rows[entry.id]
        theta = float(row["theta_deg"])
        expected_pose = before.rgb_pose.rotated(theta)
        assert expected_pose.distance_deg(after.rgb_pose) < 1e-4
        written = [float(row[axis]) for axis in ("yaw", "pitch", "roll")]
        assert HeadPose.from_euler(*written).distance_deg(after.pose) < 1e-4
        assert row["protocol_valid"] == str(int(fmt.protocol_valid(after)))


@pytest.mark.parametrize("name", ["AFLW2000", "300W-LP"])
def test_every_field_keeps_shape_and_type_and_strangers_keep_their_value(name, fake_dataset, tmp_path):
    root, fmt = fake_dataset(name), get_format(name)
    rotate(root, tmp_path / "out")
    theta = {row["id"]: float(row["theta_deg"]) for row in table(tmp_path / "out")}
    moving = {"Pose_Para", "pt2d", "pt3d_68", "pts_2d", "pts_3d"}
    for entry in fmt.index(root):
        for label in entry.labels:
            a, b = loadmat(root / label), loadmat(tmp_path / "out" / label)
            assert list(a) == list(b)
            for key in (k for k in a if not k.startswith("__")):
                assert a[key].shape == b[key].shape, key
                assert a[key].dtype == b[key].dtype, key
                if key not in moving:
                    np.testing.assert_array_equal(a[key], b[key])
            if "pt2d" in a:
                hidden = (a["pt2d"] == -1).all(axis=0)
                np.testing.assert_array_equal(b["pt2d"][:, hidden], -1)
            check_points(a, b, theta[entry.id])


def check_points(a, b, theta):
    # section 3: 1-based pixels about the centre ((w+1)/2, (h+1)/2), written out here once more
    t, q = np.radians(theta), 225.5

    def moved(x, y):
        return (
            q + np.cos(t) * (x - q) + np.sin(t) * (y - q),
            q - np.sin(t) * (x - q) + np.cos(t) * (y - q),
        )

    for key in ("pt2d", "pt3d_68", "pts_2d", "pts_3d"):
        if key in a:
            p, r = (v[key].astype(float) if v[key].shape[0] < 10 else v[key].astype(float).T for v in (a, b))
            known = ~(p[:2] == -1).all(axis=0)
            np.testing.assert_allclose(r[:2, known], np.array(moved(*p[:2, known])), atol=1e-4)
            np.testing.assert_array_equal(p[2:], r[2:])
    if "Pose_Para" in a:
        p, r = a["Pose_Para"][0].astype(float), b["Pose_Para"][0].astype(float)
        x, y = moved(p[3], 451 - p[4])
        np.testing.assert_allclose(r[3:5], [x, 451 - y], atol=1e-4)
        np.testing.assert_array_equal(p[5:], r[5:])


@pytest.mark.parametrize("name", NAMES)
def test_a_turn_and_its_opposite_give_labels_back(name, fake_dataset, tmp_path):
    root, fmt = fake_dataset(name), get_format(name)
    rotate(root, tmp_path / "there", Angles(listed=(33.0,)))
    rotate(tmp_path / "there", tmp_path / "back", Angles(listed=(-33.0,)))
    limit = 1e-4 if name == "BIWI" else 1e-5
    for a, b in zip(fmt.index(root), fmt.index(tmp_path / "back"), strict=True):
        before, after = fmt.read(root, a), fmt.read(tmp_path / "back", b)
        assert before.pose.distance_deg(after.pose) < limit
        if before.landmarks is not None and after.landmarks is not None:
            np.testing.assert_allclose(before.landmarks.xy, after.landmarks.xy, atol=1e-3)
        if before.head_centre is not None:
            np.testing.assert_allclose(before.head_centre, after.head_centre, atol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_any_number_of_workers_and_an_interruption_give_the_same_bytes(name, fake_dataset, tmp_path):
    root = fake_dataset(name)
    rotate(root, tmp_path / "one")
    rotate(root, tmp_path / "two", jobs=2)
    rotate(root, tmp_path / "three", limit=3)
    victim = next(p for p in sorted((tmp_path / "three").rglob("*")) if p.suffix in (".jpg", ".png"))
    victim.unlink()
    rotate(root, tmp_path / "three", resume=True)
    assert tree(tmp_path / "one") == tree(tmp_path / "two") == tree(tmp_path / "three")
    lines = [(tmp_path / n / "_maskgen" / "manifest.jsonl").read_bytes() for n in ("one", "two", "three")]
    assert lines[0] == lines[1] == lines[2]


def test_resuming_with_other_angles_is_refused(fake_dataset, tmp_path):
    root = fake_dataset("AFLW2000")
    rotate(root, tmp_path / "out", limit=2)
    with pytest.raises(UsageError, match="range"):
        rotate(root, tmp_path / "out", Angles(AngleRange(-30, 30), seed=3), resume=True)
    with pytest.raises(UsageError, match="--resume"):
        rotate(root, tmp_path / "out")


def test_several_angles_give_complete_twins_with_the_original_names(fake_dataset, tmp_path):
    root, fmt = fake_dataset("300W-LP"), get_format("300W-LP")
    angles = Angles(listed=(-30.0, 15.0), include_original=True)
    rotate(root, tmp_path / "out", angles)
    ids = [e.id for e in fmt.index(root)]
    for twin in ("original", "r-030", "r+015"):
        assert [e.id for e in fmt.index(tmp_path / "out" / twin)] == ids
        assert [o.id for o in read_manifest(tmp_path / "out" / twin)] == ids
    source = {n: v for n, v in tree(root).items() if not n.startswith("Code/")}
    assert tree(tmp_path / "out" / "original") == source
    names = (tmp_path / "out" / "_maskgen" / "names.txt").read_text().split()
    assert names == [f"{twin}/{i}" for twin in ("original", "r-030", "r+015") for i in ids]
    assert all((tmp_path / "out" / f"{n}.jpg").is_file() for n in names)
    assert [float(r["theta_deg"]) for r in table(tmp_path / "out")] == [0.0] * 18 + [-30.0] * 18 + [15.0] * 18
    run = json.loads((tmp_path / "out" / "_maskgen" / "run.json").read_text())
    assert run["counts"] == {"total": 54, "ok": 54}
    assert run["status"] == "complete"


def test_several_twins_go_on_after_an_interruption(fake_dataset, tmp_path, monkeypatch):
    root, angles = fake_dataset("AFLW2000"), Angles(listed=(-30.0, 15.0))
    rotate(root, tmp_path / "straight", angles)
    from rotaug import run as module

    whole, calls = module.run_batch, []

    def interrupted(*args, **options):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(module, "run_batch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            rotate(root, tmp_path / "out", angles)
    run = json.loads((tmp_path / "out" / "_maskgen" / "run.json").read_text())
    assert run["status"] == "stopped"
    with pytest.raises(UsageError, match="--resume"):
        rotate(root, tmp_path / "out", angles)
    with pytest.raises(UsageError, match="angles"):
        rotate(root, tmp_path / "out", Angles(listed=(-30.0, 16.0)), resume=True)
    result = rotate(root, tmp_path / "out", angles, resume=True)
    assert result.summaries["r-030"].reused == 6
    assert tree(tmp_path / "out") == tree(tmp_path / "straight")
    assert table(tmp_path / "out") == table(tmp_path / "straight")


def test_several_drawn_angles_differ_from_twin_to_twin(fake_dataset, tmp_path):
    root = fake_dataset("AFLW2000")
    rotate(root, tmp_path / "out", Angles(AngleRange(-45, 45), per_image=3))
    thetas = {twin: [] for twin in ("turn1", "turn2", "turn3")}
    for row in table(tmp_path / "out"):
        thetas[row["id"].split("/")[0]].append(float(row["theta_deg"]))
    for triple in zip(*thetas.values(), strict=True):
        assert sorted(int((t + 45) // 30) for t in triple) == [0, 1, 2]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("by", ["roll", "pose"])
def test_a_balanced_run_records_what_it_reached(name, by, fake_dataset, tmp_path):
    root = fake_dataset(name)
    rotate(root, tmp_path / "out", Angles(AngleRange(-45, 45), balance=by, seed=1))
    run = json.loads((tmp_path / "out" / "_maskgen" / "run.json").read_text())
    assert run["balance"]["by"] == by
    after = run["spread"]["after"][f"{by}_cells"]
    # what was planned from the labels is what the written labels show
    assert after["effective"] == pytest.approx(run["balance"]["balanced"]["effective"], abs=1e-3)
    assert after["effective"] >= run["balance"]["if_uniform"]["effective"] - 1e-3
    assert (tmp_path / "out" / "_maskgen" / "spread.png").stat().st_size > 1000


def test_biwi_keeps_its_calibration_and_leaves_stale_depth_out(fake_dataset, tmp_path):
    root = fake_dataset("BIWI")
    result = rotate(root, tmp_path / "out")
    a, b = tree(root), tree(tmp_path / "out")
    for name in a:
        if name.endswith((".cal", ".obj")):
            assert b[name] == a[name]
    assert not any("depth.bin" in name for name in b)
    depth = sum(name.endswith("_depth.bin") for name in a)
    assert result.written.left_out == {"depth.bin": depth}


@pytest.mark.parametrize("pivot", ["principal", "face"])
def test_biwi_files_project_the_head_onto_the_turned_pixels(pivot, fake_dataset, tmp_path):
    root, fmt = fake_dataset("BIWI"), get_format("BIWI")
    rotate(root, tmp_path / "out", Angles(listed=(38.0,)), Turn(pivot=pivot))
    from rotaug.rotate import plane_of

    for a, b in zip(fmt.index(root), fmt.index(tmp_path / "out"), strict=True):
        before, after = fmt.read(root, a), fmt.read(tmp_path / "out", b)
        head = np.random.default_rng(0).uniform(-90, 90, (40, 3))

        def seen(s, head=head):
            return s.calibration.project(
                s.calibration.from_reference(head @ s.pose.cam_from_head.T + s.head_centre)
            )

        plane = plane_of(before, 38.0, Turn(pivot=pivot))
        assert np.abs(seen(after) - plane.points(seen(before))).max() < 0.01


@pytest.mark.parametrize("name", NAMES)
def test_masked_or_not_the_labels_are_the_same(name, fake_dataset, tmp_path):
    # another tool changes pixels and leaves labels; rotaug must not notice
    root = fake_dataset(name)
    masked = Path(shutil.copytree(root, tmp_path / "masked"))
    for picture in (*masked.rglob("*.jpg"), *masked.rglob("*.png")):
        from PIL import Image

        image = Image.open(picture).convert("RGB")
        image.paste((200, 210, 220), (150, 200, 260, 300))
        image.save(picture)
    rotate(root, tmp_path / "a")
    rotate(masked, tmp_path / "b")
    labels = [
        {n: v for n, v in tree(tmp_path / side).items() if n.endswith((".mat", ".txt", ".cal"))}
        for side in ("a", "b")
    ]
    assert labels[0]
    assert labels[0] == labels[1]


# ---- inputs that cannot be ----


def test_bad_inputs_are_lines_of_the_manifest_and_the_rest_goes_on(fake_dataset, tmp_path):
    root = fake_dataset("AFLW2000", private=True)
    stems = sorted(p.stem for p in root.glob("*.jpg"))
    nan = loadmat(root / f"{stems[0]}.mat")
    nan["Pose_Para"][0, 1] = np.nan
    savemat(root / f"{stems[0]}.mat", {k: v for k, v in nan.items() if not k.startswith("__")})
    (root / f"{stems[1]}.mat").unlink()
    (root / f"{stems[2]}.jpg").write_bytes((root / f"{stems[2]}.jpg").read_bytes()[:900])
    (root / f"{stems[3]}.mat").write_bytes(b"")
    result = rotate(root, tmp_path / "out")
    outcomes = {o.id: o for o in read_manifest(tmp_path / "out")}
    assert list(outcomes) == stems
    assert [outcomes[s].status for s in stems[:4]] == ["failed", "degraded", "failed", "failed"]
    assert "NaN" in outcomes[stems[0]].reasons[0]
    assert outcomes[stems[1]].code == "no-label"
    assert outcomes[stems[2]].code == "image"
    assert outcomes[stems[3]].code == "label"
    assert result.statuses["failed"] == 3
    assert result.statuses["ok"] == 2
    assert not (tmp_path / "out" / f"{stems[0]}.jpg").exists()
    assert (tmp_path / "out" / f"{stems[1]}.jpg").exists()


def test_labels_beyond_90_degrees_keep_their_kind(fake_dataset, tmp_path):
    root, fmt = fake_dataset("AFLW2000"), get_format("AFLW2000")
    rotate(root, tmp_path / "out", Angles(listed=(1.0,)))
    rows = {row["id"]: row for row in table(tmp_path / "out")}
    beyond = [e for e in fmt.index(root) if abs(fmt.read(root, e).label_angles[0]) > 90]
    assert beyond
    for entry in beyond:
        row = rows[entry.id]
        before = np.array([float(row[f"{axis}_before"]) for axis in ("yaw", "pitch", "roll")])
        after = np.array([float(row[axis]) for axis in ("yaw", "pitch", "roll")])
        assert abs(after[0]) > 90
        assert np.abs(rot.wrap_deg(after - before)).max() < 30
        assert row["protocol_valid_before"] == "0"


def test_a_missing_calibration_fails_its_pictures_with_the_reason(fake_dataset, tmp_path):
    root = fake_dataset("BIWI", private=True)
    gone = sorted(root.rglob("rgb.cal"))[-1]
    gone.unlink()
    result = rotate(root, tmp_path / "out")
    outcomes = list(read_manifest(tmp_path / "out"))
    assert {o.status for o in outcomes if f"/{gone.parent.name}/" in o.id} == {"failed"}
    assert all("rgb.cal" in o.reasons[0] for o in outcomes if o.status == "failed")
    assert result.statuses["ok"] > 0


@pytest.mark.parametrize(
    ("turn", "word"),
    [(Turn(pivot="center"), "principal"), (Turn(canvas="expand"), "keep"), (Turn(canvas="crop"), "keep")],
)
def test_settings_that_biwi_labels_cannot_follow_stop_the_run_before_it_starts(
    turn, word, fake_dataset, tmp_path
):
    with pytest.raises(UsageError, match=word):
        rotate(fake_dataset("BIWI"), tmp_path / "out", turn=turn)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("canvas", ["expand", "crop"])
def test_other_canvases_keep_labels_on_the_face(canvas, fake_dataset, tmp_path):
    root, fmt = fake_dataset("AFLW2000"), get_format("AFLW2000")
    rotate(root, tmp_path / "out", Angles(listed=(25.0,)), Turn(canvas=canvas))
    for a, b in zip(fmt.index(root), fmt.index(tmp_path / "out"), strict=True):
        before, after = fmt.read(root, a), fmt.read(tmp_path / "out", b)
        assert (after.size > before.size) == (canvas == "expand")
        # the model put where the label says and the written landmarks agree as they did before
        gaps = [
            s.camera.project(np.eye(3) * 50, s.pose.cam_from_head)[:, :2] - s.landmarks.xy[30]
            for s in (before, after)
        ]
        turn2 = rot.rotation_z(-25.0)[:2, :2]
        np.testing.assert_allclose(gaps[1], gaps[0] @ turn2.T, atol=1e-3)


def test_deep_grey_and_transparent_pictures_keep_their_kind(fake_dataset, tmp_path):
    import cv2

    root = fake_dataset("BIWI", private=True)
    frames = sorted(root.rglob("*_rgb.png"))
    image = cv2.imread(str(frames[0]))
    cv2.imwrite(str(frames[0]), image.astype(np.uint16) * 257)
    cv2.imwrite(str(frames[1]), np.dstack([image, np.full(image.shape[:2], 255, np.uint8)]))
    cv2.imwrite(str(frames[2]), image[..., 0])
    rotate(root, tmp_path / "out", Angles(listed=(10.0,)))
    deep, clear, grey = (
        cv2.imread(str(tmp_path / "out" / f.relative_to(root)), cv2.IMREAD_UNCHANGED) for f in frames[:3]
    )
    assert deep.dtype == np.uint16
    assert clear.shape[2] == 4
    assert clear[0, 0, 3] == 0
    assert clear[240, 320, 3] == 255
    assert grey.ndim == 2
