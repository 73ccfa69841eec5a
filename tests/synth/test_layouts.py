"""Trees, names, fields and types against the originals' (docs/conventions.md, sections 3 to 5)."""

from __future__ import annotations

import json
import re

import cv2
import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat

from maskgen.checks.dataset import check_dataset
from maskgen.checks.records import has_manifest
from maskgen.errors import UsageError
from maskgen.synth.draws import generator
from maskgen.synth.layouts.base import Order
from maskgen.synth.layouts.biwi import LAYOUT as KINECT
from maskgen.synth.poses import draw_angles, motion, read_poses, turned_views

COMMON = {
    "Pose_Para": ((1, 7), "float32"),
    "roi": ((1, 4), "int16"),
    "Shape_Para": ((199, 1), "float64"),
    "Tex_Para": ((199, 1), "float64"),
    "Exp_Para": ((29, 1), "float64"),
    "Color_Para": ((1, 7), "float32"),
    "Illum_Para": ((1, 10), "float64"),
}


def fields(path) -> dict:
    return {k: (v.shape, str(v.dtype)) for k, v in loadmat(path).items() if not k.startswith("__")}


def names(root) -> list[str]:
    return sorted(
        str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and "_maskgen" not in p.parts
    )


def test_300wlp_tree_and_names(made):
    root = made["300W-LP"].out
    found = names(root)
    views = [n for n in found if n.endswith(".jpg") and "_Flip" not in n]
    assert len(views) == 5
    pattern = r"(AFW/AFW|HELEN/HELEN|IBUG/IBUG_image|LFPW/LFPW_image_train)_\d+(_1)?_\d+\.jpg"
    assert all(re.fullmatch(pattern, n) for n in views)
    wanted = set()
    for name in views:
        part, stem = name.removesuffix(".jpg").split("/")
        wanted |= {
            f"{part}/{stem}.jpg",
            f"{part}/{stem}.mat",
            f"{part}_Flip/{stem}.jpg",
            f"{part}_Flip/{stem}.mat",
        }
        wanted.add(f"landmarks/{part}/{stem}_pts.mat")
    assert set(found) == wanted


def test_300wlp_fields_and_types(made):
    root = made["300W-LP"].out
    for path in root.glob("*/*.mat"):
        assert fields(path) == COMMON | {"pt2d": ((2, 68), "float64")}
    for path in root.glob("landmarks/*/*.mat"):
        assert fields(path) == dict.fromkeys(("pts_2d", "pts_3d"), ((68, 2), "float32"))


def test_300wlp_mirrored_picture_is_the_mirror_image(made):
    root = made["300W-LP"].out
    for path in root.glob("*_Flip/*.jpg"):
        flipped = cv2.imread(str(path)).astype(int)
        plain = cv2.imread(str(root / path.parent.name.removesuffix("_Flip") / path.name))[:, ::-1]
        assert np.abs(flipped - plain).mean() < 2.0


def test_aflw2000_fields_types_and_hidden_points(made):
    root = made["AFLW2000"].out
    hidden = 0
    for path in root.glob("*.mat"):
        assert re.fullmatch(r"image\d{5}\.mat", path.name)
        assert fields(path) == COMMON | {"pt2d": ((2, 21), "float64"), "pt3d_68": ((3, 68), "float32")}
        points = loadmat(path)["pt2d"]
        gone = (points == -1).any(axis=0)
        assert (points[:, gone] == -1).all()
        assert gone.sum() < 21
        hidden += gone.sum()
    assert hidden > 0


@pytest.mark.parametrize("name", ["300W-LP", "AFLW2000"])
def test_portraits_are_jpegs_of_the_originals_size_and_tables(made, name):
    for path in made[name].out.rglob("*.jpg"):
        with Image.open(path) as image:
            assert image.size == (450, 450)
            assert image.mode == "RGB"
            # every picture of the originals has the IJG tables of quality 75
            assert list(image.quantization[0][:8]) == [8, 6, 5, 8, 12, 20, 26, 31]


def test_biwi_tree(made):
    root = made["BIWI"].out
    found = names(root)
    assert {"hpdb/01.obj", "hpdb/01/rgb.cal", "hpdb/01/depth.cal", "hpdb/02.obj"} <= set(found)
    stems = {n.removesuffix("_pose.txt") for n in found if n.endswith("_pose.txt")}
    assert len(stems) == 4
    for stem in stems:
        assert re.fullmatch(r"hpdb/\d\d/frame_\d{5}", stem)
        assert {f"{stem}_rgb.png", f"{stem}_depth.bin"} <= set(found)
        with Image.open(root / f"{stem}_rgb.png") as image:
            assert (image.size, image.mode) == ((640, 480), "RGB")


def test_biwi_mesh_has_the_originals_line_order_and_about_its_size(made):
    lines = (made["BIWI"].out / "hpdb" / "01.obj").read_text().splitlines()
    kinds = [line.split()[0] for line in lines]
    assert kinds[:7] == ["#", "v", "vn", "vt", "v", "vn", "vt"]
    vertices = kinds.count("v")
    assert 5000 < vertices < 9000
    last = [int(word.split("/")[0]) for word in lines[-1].split()[1:]]
    assert max(last) <= vertices
    assert len(last) == 3


def test_biwi_moves_like_a_video(made):
    angles = np.array(motion(generator(1, "m"), 600))
    step = np.abs(np.diff(angles, axis=0))
    assert step.max() < 6.0
    assert np.ptp(angles[:, 0]) > 50.0
    assert np.ptp(angles[:, 1]) > 30.0
    assert (np.abs(angles) <= [75.0, 75.0, 55.0]).all()


def test_biwi_has_no_more_sequences_than_the_original(tmp_path):
    with pytest.raises(UsageError, match="24 sequences"):
        KINECT.plan(Order(tmp_path, 100, 0, views=2))


def test_photographs_poses_are_spread_as_measured_on_aflw2000():
    yaw = np.array([draw_angles(generator(0, k), "AFLW2000", "like-original")[0] for k in range(3000)])
    near, half, far = ((np.abs(yaw) < 30).mean(), (np.abs(yaw) < 60).mean(), (np.abs(yaw) > 99).mean())
    assert abs(near - 0.645) < 0.04
    assert abs(half - 0.83) < 0.04
    assert 0.008 < far < 0.025


def test_uniform_poses_fill_their_range():
    yaw = np.array([draw_angles(generator(0, k), "300W-LP", "uniform")[0] for k in range(2000)])
    counts, _ = np.histogram(yaw, bins=6, range=(-90, 90))
    assert counts.sum() == 2000
    assert counts.min() > 250


def test_turned_views_grow_to_profile_on_the_photos_own_side():
    views = turned_views((-20.0, 3.0, 1.0), 8, generator(0, "v"))
    yaw = [view[0] for view in views]
    assert views[0] == (-20.0, 3.0, 1.0)
    assert yaw == sorted(yaw, reverse=True)
    assert yaw[-1] == pytest.approx(-88.0)


def test_pose_file_takes_commas_spaces_and_comments(tmp_path):
    path = tmp_path / "poses.csv"
    path.write_text("# yaw, pitch, roll\n10, -5, 2\n\n-30 0 180\n")
    assert read_poses(path) == [(10.0, -5.0, 2.0), (-30.0, 0.0, 180.0)]


def test_poses_of_a_file_are_used_in_order_and_again_from_the_start(tmp_path):
    rows = ((10.0, 0.0, 0.0), (-20.0, 5.0, 1.0))
    jobs = KINECT.plan(Order(tmp_path, 5, 0, rows, views=3))
    assert [job.angles for job in jobs] == [rows[k % 2] for k in range(5)]


@pytest.mark.parametrize("name", ["300W-LP", "AFLW2000", "BIWI"])
def test_validate_takes_a_synthetic_dataset_for_an_original(made, name):
    """It keeps a record of its own (synth.jsonl) and has no manifest, which only a twin of something has."""
    root = made[name].out
    report = check_dataset(root)
    assert report.pictures >= made[name].count
    assert [f for f in report.findings if f.severity == "error"] == []
    records = (root / "_maskgen" / "synth.jsonl").read_text().splitlines()
    assert len(records) == made[name].count
    # the exemption is synth's alone: a twin that lost its manifest is still found out
    run = json.loads((root / "_maskgen" / "run.json").read_text())
    assert not has_manifest(run)
    assert has_manifest(run | {"tool": "maskgen"})
