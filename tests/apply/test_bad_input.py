"""Bad input: each is one clear line in the manifest, nothing is lost or half-written, the batch goes on."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat, savemat

from maskgen.apply import apply_recipe
from maskgen.apply_one import ApplyOptions, Templates
from maskgen.datasets import get_format
from maskgen.io.files import TEMPORARY_PREFIX
from maskgen.jobs.batch import Summary
from maskgen.jobs.manifest import read_manifest
from maskgen.jobs.outcome import Outcome
from maskgen.recipe import Recipe

AFLW = get_format("AFLW2000")
VICTIM = "image00004"


@pytest.fixture
def root(fake_dataset: Callable[..., Path]) -> Path:
    return fake_dataset("AFLW2000", private=True)


def go(root: Path, out: Path, options: ApplyOptions | None = None, name: str = "AFLW2000") -> Summary:
    recipe = Recipe().updated({"save": "segmentation"}).resolved(Templates().catalogue())
    return apply_recipe(get_format(name), root, out, recipe, options)


def outcome_of(out: Path, sample_id: str = VICTIM) -> Outcome:
    outcomes = {outcome.id: outcome for outcome in read_manifest(out)}
    assert len(outcomes) == 6
    for other, outcome in outcomes.items():
        assert other == sample_id or outcome.status in ("ok", "degraded"), outcome.reasons
    assert not list(out.rglob(TEMPORARY_PREFIX + "*"))
    for reason in outcomes[sample_id].reasons:
        assert "\n" not in reason
        assert "Traceback" not in reason
    return outcomes[sample_id]


def picture(root: Path) -> Path:
    return root / f"{VICTIM}.jpg"


def label(root: Path) -> Path:
    return root / f"{VICTIM}.mat"


def truncate(path: Path, part: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])


def change_label(root: Path, **fields: Callable[[np.ndarray], np.ndarray]) -> None:
    values = {key: value for key, value in loadmat(label(root)).items() if not key.startswith("__")}
    for key, change in fields.items():
        values[key] = change(values[key].copy())
    savemat(label(root), values)


def saved(root: Path, mode: str, **options: object) -> None:
    image = Image.open(picture(root)).convert(mode)
    image.save(picture(root), **options)


def swap_yaw(pose: np.ndarray) -> np.ndarray:
    pose[0, 1] += np.pi / 2
    return pose


def make_unreadable(root: Path) -> None:
    """A directory in the file's place: nobody can read it, root included."""
    picture(root).unlink()
    picture(root).mkdir()


FAILING = {
    "truncated picture": (lambda root: truncate(picture(root), 0.6), "image", "truncated"),
    "header only": (lambda root: truncate(picture(root), 0.01), "image", ""),
    "empty picture": (lambda root: picture(root).write_bytes(b""), "image", "empty"),
    "text as picture": (lambda root: picture(root).write_text("hello"), "image", "not a picture"),
    "GIF as picture": (lambda root: saved(root, "P", format="GIF"), "image", "not supported"),
    "CMYK": (lambda root: saved(root, "CMYK", format="JPEG"), "image", "CMYK"),
    "missing label": (lambda root: label(root).unlink(), "landmarks", "label file is missing"),
    "empty label": (lambda root: label(root).write_bytes(b""), "label", ""),
    "truncated label": (lambda root: truncate(label(root), 0.5), "label", ""),
    "text as label": (lambda root: label(root).write_text("pose: 1 2 3"), "label", ""),
    "label without pose": (
        lambda root: savemat(label(root), {"pt2d": np.zeros((2, 68))}),
        "label",
        "Pose_Para",
    ),
    "NaN pose": (lambda root: change_label(root, Pose_Para=lambda p: p * np.nan), "label", ""),
    "NaN landmarks": (lambda root: change_label(root, pt3d_68=lambda p: p * np.nan), "landmarks", ""),
    "landmarks far outside": (lambda root: change_label(root, pt3d_68=lambda p: p + 5000), "landmarks", ""),
    "pose against landmarks": (lambda root: change_label(root, Pose_Para=swap_yaw), "landmarks", "disagree"),
    "unreadable picture": (make_unreadable, "input", "cannot be read"),
}


@pytest.mark.parametrize("case", FAILING)
def test_what_cannot_be_used_fails_with_its_reason_and_leaves_no_file(case, root, tmp_path):
    damage, code, words = FAILING[case]
    damage(root)
    out = tmp_path / "out"
    summary = go(root, out)
    outcome = outcome_of(out)
    assert outcome.status == "failed"
    assert outcome.code == code, outcome.reasons
    assert words in outcome.reasons[0]
    assert summary.failed == 1
    assert outcome.output is None
    assert not list(out.rglob(f"{VICTIM}.*"))


@pytest.mark.parametrize("case", ["truncated picture", "NaN landmarks"])
def test_on_fail_copy_keeps_the_pair_as_it_was(case, root, tmp_path):
    FAILING[case][0](root)
    out, control = tmp_path / "out", tmp_path / "control"
    go(root, out, ApplyOptions(on_fail="copy", control=control))
    outcome = outcome_of(out)
    assert outcome.status == "failed"
    for folder in (out, control):
        for path in (picture(root), label(root)):
            assert (folder / path.name).read_bytes() == path.read_bytes()


def moved(points: np.ndarray) -> np.ndarray:
    points[:2] += 30.0
    return points


def enlarged(points: np.ndarray) -> np.ndarray:
    middle = points.mean(axis=1, keepdims=True)
    return (points - middle) * 5.0 + middle


def half_unknown(points: np.ndarray) -> np.ndarray:
    points[:, 34:] = np.nan
    return points


def blanked(root: Path) -> None:
    Image.new("RGB", Image.open(picture(root)).size, (250, 250, 250)).save(picture(root), "JPEG")


DOUBTFUL = {
    "landmarks 30 px off": (lambda root: change_label(root, pt3d_68=moved), "place"),
    "a face far too large": (lambda root: change_label(root, pt3d_68=enlarged), "place"),
    "half the landmarks": (lambda root: change_label(root, pt3d_68=half_unknown), "landmarks"),
    "a picture of one colour": (blanked, "blank"),
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_what_can_be_painted_but_hardly_be_true_is_degraded_with_its_reason(case, root, tmp_path):
    damage, code = DOUBTFUL[case]
    damage(root)
    go(root, tmp_path / "out")
    outcome = outcome_of(tmp_path / "out")
    assert outcome.status == "degraded"
    assert code in [reason.partition(":")[0] for reason in outcome.reasons]
    assert (tmp_path / "out" / picture(root).name).is_file()
    assert outcome.numbers["quality"] < 0.55
    assert code != "blank" or outcome.numbers["quality"] == 0.0


def test_a_mask_that_fills_the_picture_is_said(root, tmp_path):
    change_label(root, pt3d_68=enlarged)
    go(root, tmp_path / "out")
    assert any(reason.startswith("large: ") for reason in outcome_of(tmp_path / "out").reasons)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_in_a_pictures_place_does_not_hold_up_the_batch(root, tmp_path):
    picture(root).unlink()
    os.mkfifo(picture(root))
    go(root, tmp_path / "out")
    assert outcome_of(tmp_path / "out").reasons == (
        f"input: {VICTIM}.jpg cannot be read (it is a pipe or a device)",
    )


def in_grey(root: Path) -> None:
    saved(root, "L", format="JPEG", quality=85)


def in_rgba(root: Path) -> None:
    image = Image.open(picture(root)).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save(picture(root), format="PNG")


def in_16_bit(root: Path) -> None:
    bgr = cv2.imread(str(picture(root))).astype(np.uint16) * 257
    picture(root).write_bytes(cv2.imencode(".png", bgr)[1].tobytes())


def turned_by_exif(root: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    saved(root, "RGB", format="JPEG", quality=90, exif=exif)


@pytest.mark.parametrize("change", [in_grey, in_rgba, in_16_bit, turned_by_exif])
def test_unusual_pictures_are_masked_and_stay_what_they_are(change, root, tmp_path):
    change(root)
    go(root, tmp_path / "out")
    assert outcome_of(tmp_path / "out").status in ("ok", "degraded")
    before, after = picture(root).read_bytes(), (tmp_path / "out" / f"{VICTIM}.jpg").read_bytes()
    with Image.open(io.BytesIO(before)) as old, Image.open(io.BytesIO(after)) as new:
        assert (new.format, new.size, new.mode) == (old.format, old.size, old.mode)
        assert new.getexif().get(0x0112) == old.getexif().get(0x0112)
        if old.mode == "RGBA":
            assert (np.asarray(new)[..., 3] == np.asarray(old)[..., 3]).all()
    raw = [cv2.imdecode(np.frombuffer(d, np.uint8), cv2.IMREAD_UNCHANGED) for d in (before, after)]
    assert raw[0].dtype == raw[1].dtype
    if raw[0].dtype == np.uint16:
        assert (raw[0] == raw[1]).mean() > 0.4
    elif raw[0].ndim == 2:
        assert raw[1].ndim == 2


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is unreadable for root")
def test_files_without_permission_fail_alone(root, tmp_path):
    picture(root).chmod(0)
    go(root, tmp_path / "out")
    assert "Permission denied" in outcome_of(tmp_path / "out").reasons[0]


def test_a_file_that_vanishes_after_the_index_fails_alone(root, tmp_path, monkeypatch):
    entries = list(AFLW.index(root))
    picture(root).unlink()
    monkeypatch.setattr(type(AFLW), "index", lambda self, folder: iter(entries))
    go(root, tmp_path / "out")
    assert "cannot be read" in outcome_of(tmp_path / "out").reasons[0]


def test_a_painter_that_breaks_is_reported_and_does_not_end_the_batch(root, tmp_path):
    summary = go(root, tmp_path / "out", ApplyOptions(painter=broken_painter))
    assert summary.failed == summary.total == 6
    for outcome in read_manifest(tmp_path / "out"):
        assert outcome.code == "unexpected"
        assert "ZeroDivisionError" in outcome.reasons[0]
        assert "test_bad_input.py:" in outcome.reasons[0]


class Broken:
    def paint(self, *_: object) -> None:
        raise ZeroDivisionError("of course")


def broken_painter() -> Broken:
    return Broken()


@pytest.mark.parametrize("damage", ["pose", "calibration", "depth"])
def test_biwi_frames_fail_alone_too(damage, fake_dataset, tmp_path):
    root = fake_dataset("BIWI", private=True)
    fmt = get_format("BIWI")
    victim = next(iter(fmt.index(root)))
    folder = root / victim.image.parent
    stem = victim.id.rsplit("/", 1)[-1]
    hurt = 1
    if damage == "pose":
        (folder / f"{stem}_pose.txt").write_text("1 0 0\n0 1 0\n")
    elif damage == "calibration":
        (folder / "rgb.cal").write_text("nothing")
        hurt = sum(entry.image.parent == victim.image.parent for entry in fmt.index(root))
    else:
        depth = folder / f"{stem}_depth.bin"
        depth.unlink(missing_ok=True)
        depth.mkdir()
    summary = go(root, tmp_path / "out", name="BIWI")
    assert summary.failed == hurt
    assert summary.total == sum(1 for _ in fmt.index(root)) > hurt
    outcome = next(o for o in read_manifest(tmp_path / "out") if o.id == victim.id)
    assert outcome.code in ("label", "input"), outcome.reasons


def test_a_dataset_of_nothing_but_bad_files_still_has_its_manifest(root, tmp_path):
    for path in root.glob("*.jpg"):
        path.write_bytes(b"")
    summary = go(root, tmp_path / "out")
    assert summary.failed == summary.total == 6
    assert len(list(read_manifest(tmp_path / "out"))) == 6


def test_an_output_on_a_full_disk_ends_with_one_line_and_resumes_to_the_same_bytes(root, tmp_path):
    """A real one: a file system of 256 kB, where this user may mount one."""
    import subprocess

    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(small)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("no right to mount a small file system")
    from maskgen.jobs.output import OutputError

    try:
        with pytest.raises(OutputError, match="disk is full"):
            go(root, small / "out")
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
        summary = go(root, small / "out", ApplyOptions(resume=True))
        assert summary.reused > 0
        go(root, tmp_path / "other")
        for path in (tmp_path / "other").rglob("*.jpg"):
            assert path.read_bytes() == (small / "out" / path.name).read_bytes()
        assert not list(small.rglob(TEMPORARY_PREFIX + "*"))
    finally:
        subprocess.run(["umount", str(small)], check=True)
