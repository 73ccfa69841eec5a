"""Validation finds what was done to a dataset, names it, and finds nothing where nothing was done."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import loadmat, savemat

from maskgen.checks import convention
from maskgen.checks.dataset import CheckOptions, check_dataset
from maskgen.cli.main import command as maskgen
from maskgen.cli.main import run
from maskgen.errors import DatasetNotFound, UsageError
from maskgen.geometry.landmarks import Landmarks
from maskgen.geometry.pose import HeadPose
from maskgen.geometry.rotation import euler_to_matrix
from tests.hpe.tiny_sets import write_set


def codes(root: Path, **options) -> dict[str, set[str]]:
    """Code -> ids of the findings that are more than a note."""
    report = check_dataset(root, CheckOptions(**options))
    found: dict[str, set[str]] = {}
    for f in report.findings:
        if f.severity != "note":
            found.setdefault(f.code, set()).add(f.id)
    return found


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("sets") / "AFLW2000", 10)


@pytest.fixture(scope="module")
def turned_once(source: Path) -> Path:
    assert run_rotaug(source, source.parent / "AFLW2000_rotated") == 0
    return source.parent / "AFLW2000_rotated"


def run_rotaug(root: Path, out: Path) -> int:
    cli = pytest.importorskip("rotaug.cli")
    return run(
        cli.command, ["--root", str(root), "--out", str(out), "--range", "-40", "40", "--jobs", "1"], "rotaug"
    )


@pytest.fixture(scope="module")
def masked_once(source: Path) -> Path:
    out = source.parent / "AFLW2000_masked"
    arguments = ["apply", "--root", str(source), "--out", str(out), "--styles", "surgical", "-q"]
    assert run(maskgen, arguments) == 0
    return out


@pytest.fixture
def masked(masked_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(masked_once, tmp_path / "AFLW2000_masked"))


@pytest.fixture
def turned(turned_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(turned_once, tmp_path / "AFLW2000_rotated"))


def change_mat(path: Path, change) -> None:
    fields = {k: v for k, v in loadmat(path).items() if not k.startswith("__")}
    change(fields)
    savemat(path, fields, do_compression=True)


def rewrite_poses(root: Path, change) -> None:
    """Replace every Pose_Para by change(yaw, pitch, roll) in degrees."""
    for path in root.glob("*.mat"):

        def swap(fields: dict) -> None:
            pitch, yaw, roll = np.degrees(fields["Pose_Para"][0, :3].astype(float))
            yaw, pitch, roll = np.radians(change(yaw, pitch, roll))
            fields["Pose_Para"][0, :3] = pitch, yaw, roll

        change_mat(path, swap)


@pytest.mark.parametrize("kind", ["source", "masked_once", "turned_once"])
def test_a_good_dataset_has_no_errors(kind: str, request) -> None:
    report = check_dataset(request.getfixturevalue(kind))
    assert [f for f in report.findings if f.severity == "error"] == []
    assert report.pictures == 10
    assert report.numbers["convention"]["best"] == "as it stands"


def test_files_that_cannot_be_read_are_named_and_the_rest_is_checked(source, tmp_path) -> None:
    root = Path(shutil.copytree(source, tmp_path / "AFLW2000"))
    (root / "image00001.jpg").write_bytes(b"x")
    (root / "image00002.mat").write_bytes(b"x")
    cv2.imwrite(str(root / "image00003.jpg"), np.full((150, 150, 3), 90, np.uint8))
    found = codes(root)
    assert found["image.unreadable"] == {"image00001"}
    assert found["label.unreadable"] == {"image00002"}
    assert found["image.blank"] == {"image00003"}


def test_a_changed_a_missing_and_a_stray_file_are_found(masked) -> None:
    data = bytearray((masked / "image00004.jpg").read_bytes())
    data[len(data) // 2] ^= 1
    (masked / "image00004.jpg").write_bytes(bytes(data))
    (masked / "image00005.mat").unlink()
    (masked / "image00006.jpg").unlink()
    (masked / "notes.txt").write_text("mine")
    found = codes(masked)
    assert found["file.changed"] == {"image00004"}
    assert found["file.missing"] == {"image00005", "image00006"}
    assert found["file.unlisted"] == {""}
    assert "file.changed" not in codes(masked, hashes=False)


def test_a_label_that_is_not_the_sources_is_found(masked) -> None:
    change_mat(
        masked / "image00002.mat", lambda f: f["Pose_Para"].__setitem__((0, 1), f["Pose_Para"][0, 1] + 0.01)
    )
    assert codes(masked)["label.changed"] == {"image00002"}


def test_a_mask_that_is_not_there_or_not_on_the_face_is_found(masked, source) -> None:
    shutil.copy(source / "image00003.jpg", masked / "image00003.jpg")
    image = cv2.imread(str(source / "image00007.jpg"))
    image[:45, :] = (250, 200, 40)
    cv2.imwrite(str(masked / "image00007.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 90])
    found = codes(masked, hashes=False)
    assert found["mask.absent"] == {"image00003"}
    assert found["mask.misplaced"] == {"image00007"}


def test_what_is_kept_in_front_of_a_mask_need_not_be_covered(masked, source) -> None:
    name = "image00007"
    picture, original = cv2.imread(str(masked / f"{name}.jpg")), cv2.imread(str(source / f"{name}.jpg"))
    landmarks = loadmat(source / f"{name}.mat")["pt3d_68"][:2].T
    low = int(landmarks[33, 1])  # from the nose's base down something is before the face
    picture[low - 2 :] = original[low - 2 :]
    cv2.imwrite(str(masked / f"{name}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert codes(masked, hashes=False)["mask.misplaced"] == {name}
    manifest = masked / "_maskgen" / "manifest.jsonl"
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    for row in rows:
        if row["id"] == name:
            row["numbers"]["occluded_share"] = 0.5
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "mask.misplaced" not in codes(masked, hashes=False)


def test_a_source_that_changed_is_told(masked_once, source, tmp_path) -> None:
    other = Path(shutil.copytree(source, tmp_path / "AFLW2000"))
    change_mat(other / "image00001.mat", lambda f: f.update(roi=np.array([[1, 2, 3, 4]], np.int16)))
    found = codes(masked_once, source=other)
    assert found["source.changed"] == {"image00001"}
    assert found["label.changed"] == {"image00001"}


def test_a_label_turned_the_wrong_way_or_by_roll_alone_is_found(turned, source) -> None:
    outcomes = [json.loads(line) for line in (turned / "_maskgen/manifest.jsonl").read_text().splitlines()]
    theta = {o["id"]: o["draw"]["theta_deg"] for o in outcomes}
    wrong, naive = sorted(theta, key=lambda i: -abs(theta[i]))[:2]
    for name, way in ((wrong, "wrong"), (naive, "naive")):
        pitch, yaw, roll = np.degrees(loadmat(source / f"{name}.mat")["Pose_Para"][0, :3].astype(float))
        if way == "wrong":
            yaw, pitch, roll = HeadPose.from_euler(yaw, pitch, roll).rotated(-theta[name]).euler()
        else:
            roll = roll - theta[name]
        change_mat(
            turned / f"{name}.mat",
            lambda f, t=(pitch, yaw, roll): f["Pose_Para"].__setitem__((0, slice(0, 3)), np.radians(t)),
        )
    report = check_dataset(turned, CheckOptions(hashes=False))
    found = {f.id: f.message for f in report.findings if f.code == "label.wrong_turn"}
    assert set(found) == {wrong, naive}
    assert "the other way" in found[wrong]
    assert "the other way" not in found[naive]


def test_pixels_turned_the_other_way_than_the_label_are_found(turned, source) -> None:
    outcomes = [json.loads(line) for line in (turned / "_maskgen/manifest.jsonl").read_text().splitlines()]
    theta = {o["id"]: o["draw"]["theta_deg"] for o in outcomes}
    name = max(theta, key=lambda i: abs(theta[i]))
    image = cv2.imread(str(source / f"{name}.jpg"))
    warp = cv2.getRotationMatrix2D((74.5, 74.5), -theta[name], 1.0)
    cv2.imwrite(str(turned / f"{name}.jpg"), cv2.warpAffine(image, warp, (150, 150)))
    assert codes(turned, hashes=False)["image.wrong_turn"] == {name}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda y, p, r: (y, p, -r), "sign of roll is flipped"),
        (lambda y, p, r: (-y, p, r), "sign of yaw is flipped"),
        (lambda y, p, r: (y, -p, r), "sign of pitch is flipped"),
        (lambda y, p, r: (-y, p, -r), "mirrored"),
        (lambda y, p, r: (p, y, r), "yaw and pitch are swapped"),
        (lambda y, p, r: (np.radians(y), np.radians(p), np.radians(r)), "radians are read as degrees"),
        (lambda y, p, r: HeadPose(euler_to_matrix([y, p, r]).T).euler(), "matrix is transposed"),
    ],
)
def test_each_convention_mistake_is_named(source, tmp_path, change, words: str) -> None:
    root = Path(shutil.copytree(source, tmp_path / "AFLW2000"))
    rewrite_poses(root, change)
    report = check_dataset(root)
    wrong = [f for f in report.findings if f.code == "convention.wrong"]
    assert len(wrong) == 1
    assert words in wrong[0].message


def test_labels_of_other_pictures_are_an_unexplained_disagreement(source, tmp_path) -> None:
    root = Path(shutil.copytree(source, tmp_path / "AFLW2000"))
    rng = np.random.default_rng(0)
    rewrite_poses(root, lambda y, p, r: tuple(rng.uniform(-60, 60, 3)))
    report = check_dataset(root)
    assert any(f.code == "convention.unexplained" for f in report.findings)
    assert sum(f.code == "label.disagrees" for f in report.findings) >= 5


def test_too_few_pictures_decide_nothing_and_say_so() -> None:
    assert [f.code for f in convention.verdict([]).findings()] == ["convention.untested"]


@pytest.mark.parametrize("seed", range(3))
def test_noisy_landmarks_do_not_make_a_mistake_of_a_good_label(seed: int) -> None:
    from maskgen.geometry.face import CANONICAL_FACE

    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(40):
        angles = rng.uniform([-60, -30, -30], [60, 30, 30])
        pose = HeadPose.from_euler(*angles)
        points = 1.3 * CANONICAL_FACE @ np.array(pose.cam_from_head).T + rng.normal(0, 3.0, (68, 3))
        rows.append(convention.disagreements(pose, angles, Landmarks.of(points, "test")))
    assert convention.verdict(rows).findings() == []


def test_copies_and_lookalikes_are_told(source, tmp_path) -> None:
    root = Path(shutil.copytree(source, tmp_path / "AFLW2000"))
    shutil.copy(root / "image00001.jpg", root / "image00009.jpg")
    image = cv2.imread(str(root / "image00002.jpg"))
    cv2.imwrite(str(root / "image00008.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 60])
    report = check_dataset(root)
    found = {f.code: (f.id, f.message) for f in report.findings}
    assert found["image.duplicate"] == ("image00009", "the same file as image00001")
    assert found["image.near_duplicate"][0] == "image00008"


def test_an_unfinished_run_and_a_doctored_manifest_are_errors(masked) -> None:
    run_file = masked / "_maskgen/run.json"
    record = json.loads(run_file.read_text())
    run_file.write_text(json.dumps({**record, "status": "running"}))
    manifest = masked / "_maskgen/manifest.jsonl"
    manifest.write_text(manifest.read_text().replace('"status":"ok"', '"status": "ok"'))
    assert {"manifest.incomplete", "manifest.changed"} <= codes(masked).keys()
    manifest.write_text("{torn\n")
    assert "manifest.broken" in codes(masked)
    run_file.write_text("{")
    assert "manifest.run" in codes(masked)


def test_real_labels_agree_with_their_landmarks(samples) -> None:
    report = check_dataset(samples / "AFLW2000", CheckOptions(limit=120))
    assert not [f for f in report.findings if f.severity == "error"]
    assert report.numbers["convention"]["medians"]["as it stands"] < 2.0


def test_a_folder_without_a_dataset_is_refused(tmp_path) -> None:
    with pytest.raises(DatasetNotFound, match="holds no dataset"):
        check_dataset(tmp_path)


def test_a_source_of_another_kind_is_refused(masked, fake_dataset) -> None:
    with pytest.raises(UsageError, match="holds no AFLW2000 files"):
        check_dataset(masked, CheckOptions(source=fake_dataset("BIWI")))


def test_a_twin_without_a_manifest_still_has_a_source(masked, source) -> None:
    shutil.rmtree(masked / "_maskgen")
    report = check_dataset(masked, CheckOptions(source=source))
    assert report.numbers["source"] == str(source)
    assert [f.severity for f in report.findings if f.code == "source.uncompared"] == ["note"]


def test_the_command_exits_with_3_below_a_threshold_and_0_above(masked, source, tmp_path, capsys) -> None:
    shutil.copy(source / "image00003.jpg", masked / "image00003.jpg")
    report, page = tmp_path / "report.json", tmp_path / "report.html"
    arguments = ["validate", str(masked), "--no-hashes", "--json", str(report), "--html", str(page)]
    assert run(maskgen, arguments) == 3
    assert "failed: 1 error(s), 0 allowed" in capsys.readouterr().err
    assert run(maskgen, [*arguments, "--max-errors", "1"]) == 0
    content = json.loads(report.read_text())
    assert content["counts"]["error"] == 1
    assert any(f["code"] == "mask.absent" and f["id"] == "image00003" for f in content["findings"])
    text = page.read_text()
    assert "mask.absent" in text
    assert "data:image/jpeg;base64," in text


def test_wrong_calls_are_one_sentence_and_exit_code_2(masked, tmp_path, capsys) -> None:
    (tmp_path / "no.pt").write_text("x")
    for arguments in (
        ["validate", str(tmp_path / "nowhere")],
        ["validate", str(masked), "--max-gap", "1"],
        ["validate", str(masked), "--model", str(tmp_path / "no.pt")],
        ["validate", str(masked), "--max-errors", "many"],
    ):
        assert run(maskgen, arguments) == 2
        assert capsys.readouterr().err.strip().count("\n") <= 1
