"""Pixels: turned cameras, determinism, masks as meshes, and detectors that never saw these heads."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskgen.geometry.image_plane import PlaneMap
from maskgen.geometry.pose import HeadPose
from maskgen.synth.film import Film, develop
from maskgen.synth.layouts.base import Order
from maskgen.synth.person import Glasses
from maskgen.synth.photo import Shot, compose
from maskgen.synth.render import render
from maskgen.synth.run import generate, get_layout

PLAIN = Film(blur=0.0, noise=0.0)


def scene_of(angles=(20.0, -5.0, 4.0), key="somebody", detail=False):
    scene, _, exposure = compose(2, Shot(key, key, 0, angles, angles))
    person = replace(scene.person, glasses=Glasses())
    return replace(scene, person=person, detail=detail, background=None), exposure


def digest(root: Path) -> dict[str, str]:
    files = [p for p in sorted(root.rglob("*")) if p.is_file() and p.name not in ("lock", "run.json")]
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.mark.parametrize("theta", [30.0, -75.0])
def test_turning_the_camera_is_turning_the_picture(theta):
    scene, exposure = scene_of()
    turned = scene.turned(theta)
    first, second = render(scene), render(turned)
    middle = ((scene.size[0] - 1) / 2.0, (scene.size[1] - 1) / 2.0)
    plane = PlaneMap.turn(theta, middle, scene.size)
    # labels: exactly; the pose by rotaug's own rule
    np.testing.assert_allclose(plane.points(first.landmarks[:, :2]), second.landmarks[:, :2], atol=1e-9)
    assert HeadPose(scene.head).rotated(theta).distance_deg(HeadPose(turned.head)) < 1e-9
    # pixels: up to resampling
    one = develop(first.linear, exposure, PLAIN, grain=False)
    two = develop(second.linear, exposure, PLAIN, grain=False)
    y, x = np.mgrid[0:450, 0:450]
    inside = np.hypot(x - middle[0], y - middle[1]) < 215
    error = (plane.warp(one, "cubic").astype(float) - two)[inside]
    assert 10 * np.log10(255.0**2 / (error**2).mean()) > 30.0
    assert np.abs(np.median(error)) < 0.5


def test_the_depth_buffer_holds_the_landmarks_that_are_seen():
    scene, _ = scene_of((0.0, 0.0, 0.0))
    done = render(scene)
    for k in (27, 28, 29, 30, 33, 51, 57, 8):
        x, y, z = done.landmarks[k]
        assert abs(done.depth[round((y + 0.5) * 2 - 0.5), round((x + 0.5) * 2 - 0.5)] - z) < 3.0


def test_hair_brows_and_lashes_change_pixels_but_no_label():
    plain, _ = scene_of()
    with_hair, _ = scene_of(detail=True)
    a, b = render(plain), render(with_hair)
    np.testing.assert_array_equal(a.landmarks, b.landmarks)
    assert np.abs(a.linear - b.linear).max() > 0.02


@pytest.mark.parametrize("name", ["300W-LP", "AFLW2000", "BIWI"])
def test_same_seed_gives_the_same_bytes_for_any_number_of_jobs(tmp_path, made, name):
    order = replace(made[name], out=tmp_path / "again")
    generate(get_layout(name), order, jobs=2, quiet=True)
    assert digest(tmp_path / "again") == digest(made[name].out)


@pytest.mark.parametrize("name", ["300W-LP", "AFLW2000"])
def test_a_shorter_run_gives_the_first_files_of_a_longer_one(tmp_path, made, name):
    order = replace(made[name], out=tmp_path / "short", count=2)
    generate(get_layout(name), order, quiet=True)
    short, long = digest(order.out), digest(made[name].out)
    short.pop("_maskgen/synth.jsonl")
    assert {path: long[path] for path in short} == short
    assert sum(path.endswith(".mat") for path in short) >= 2


_HEADS = """
from maskgen.synth.base import base_head
from maskgen.synth.maps import skin_maps
from maskgen.synth.model import head_model
import hashlib
import numpy as np
maps = skin_maps()
fields = [getattr(maps, name) for name in maps.__dataclass_fields__]
fields += [base_head().points, head_model().shape.moves]
print(hashlib.sha256(b"".join(np.ascontiguousarray(f).tobytes() for f in fields)).hexdigest())
"""


def test_the_mean_head_is_the_same_to_the_last_bit_for_any_number_of_blas_threads():
    """Every process makes it once and keeps it, so what a caller's BLAS did then would show in the labels."""
    found = set()
    for threads in ("1", "2", "3"):
        env = os.environ | dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads
        )
        done = subprocess.run(
            [sys.executable, "-c", _HEADS], env=env, capture_output=True, text=True, check=True
        )
        found.add(done.stdout)
    assert len(found) == 1


def test_another_seed_gives_other_heads(tmp_path, made):
    order = replace(made["AFLW2000"], out=tmp_path / "other", seed=6, count=1)
    generate(get_layout("AFLW2000"), order, quiet=True)
    mine, theirs = digest(tmp_path / "other"), digest(made["AFLW2000"].out)
    assert not set(mine.values()) & set(theirs.values())


def test_masked_truth_keeps_every_label_and_covers_mouth_and_chin(tmp_path):
    order = Order(
        tmp_path / "clean", 2, 11, "uniform", twin=tmp_path / "worn", styles=("surgical", "n95"), detail=False
    )
    generate(get_layout("AFLW2000"), order, quiet=True)
    clean, worn = digest(order.out), digest(tmp_path / "worn")
    assert clean.keys() == worn.keys()
    for name in clean:
        assert (clean[name] == worn[name]) == (not name.endswith(".jpg")), name


def test_a_worn_mask_hangs_and_is_folded_as_the_painter_draws_its_seed():
    from maskgen.masks.catalogue import Catalogue
    from maskgen.masks.spec import MaskDraw
    from maskgen.paint.drawn import drawn
    from maskgen.paint.fabric import wandered
    from maskgen.paint.shell import COLUMNS, ROWS, build_shell
    from maskgen.paint.slack import slack_fields, slackened
    from maskgen.synth.truth import wear

    spec, own = Catalogue.load().spec("surgical"), drawn(4)
    shell = build_shell(spec)
    slack = slackened(shell, slack_fields(spec, "correct"), own.slack, 0.0).vertices - shell.vertices
    folds = wandered(spec, own.folds, ROWS, COLUMNS).reshape(ROWS, COLUMNS)
    worn, other = wear(MaskDraw("surgical", seed=4)), wear(MaskDraw("surgical", seed=5))
    rows, columns = worn.shell.grid
    grid = np.s_[: rows * columns]
    np.testing.assert_allclose(
        worn.slack[grid].reshape(rows, columns, 3)[::2, ::2],
        slack[: ROWS * COLUMNS].reshape(ROWS, COLUMNS, 3),
        atol=1e-9,
    )
    np.testing.assert_allclose(worn.folds[grid].reshape(rows, columns)[::2, ::2], folds, atol=1e-6)
    assert np.abs(worn.slack - other.slack).max() > 0.3
    assert np.abs(worn.folds - other.folds).max() > 0.003


@pytest.mark.parametrize("style", ["surgical", "kn95", "cloth", "gaiter"])
def test_a_worn_mask_hides_the_mouth_and_leaves_the_eyes(style):
    from maskgen.masks.spec import MaskDraw
    from maskgen.synth.truth import wear

    scene, _ = scene_of((8.0, 0.0, 0.0))
    done = render(replace(scene, mask=wear(MaskDraw(style, seed=4))))
    clean = render(scene)
    cover = done.cover[..., 2]
    at = np.round(done.landmarks[:, :2]).astype(int)
    assert (cover[at[48:60, 1], at[48:60, 0]] > 0.9).all()
    assert (cover[at[31:36, 1], at[31:36, 0]] > 0.9).all()
    assert (cover[at[36:48, 1], at[36:48, 0]] < 0.1).all()
    # nothing comes through: the covered area has no holes
    solid = (cover > 0.5).astype(np.uint8)
    filled = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    inner = cv2.erode(filled, np.ones((9, 9), np.uint8))
    assert (solid[inner > 0] == 0).mean() < 0.004
    # the rest of the picture is the clean one, but for shadows and light
    far = cv2.dilate(solid, np.ones((3, 3), np.uint8)) == 0
    change = np.abs(done.linear - clean.linear).max(axis=2)
    assert np.median(change[far]) < 1e-6


@pytest.fixture(scope="module")
def detector(shared):
    model = shared / "models" / "face_detection_yunet_2023mar.onnx"
    if not model.exists():
        pytest.skip("the face detector is not there")
    return cv2.FaceDetectorYN.create(str(model), "", (450, 450), 0.6, 0.3, 50)


def test_a_face_detector_finds_at_least_95_percent_of_heads_within_45_degrees(detector):
    found, total = 0, 40
    for k in range(total):
        rng = np.random.default_rng([77, k])
        angles = (float(rng.uniform(-45, 45)), float(rng.normal(-4, 10)), float(rng.normal(0, 9)))
        scene, film, exposure = compose(77, Shot(f"p{k}", f"t{k}", 0, angles, angles))
        done = render(scene)
        _, faces = detector.detect(develop(done.linear, exposure, film))
        middle = done.landmarks[27:36, :2].mean(axis=0)
        boxes = [] if faces is None else faces[:, :4]
        found += any(x < middle[0] < x + w and y < middle[1] < y + h for x, y, w, h in boxes)
    assert found >= 0.95 * total, f"{found} of {total}"
