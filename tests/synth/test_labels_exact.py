"""The written labels against a second implementation of the conventions that knows SciPy and NumPy alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat
from scipy.spatial.transform import Rotation

from maskgen.synth.figure import figure
from maskgen.synth.kinect import sitter
from maskgen.synth.layouts.aflw2000 import LAYOUT as AFLW
from maskgen.synth.layouts.biwi import LAYOUT as KINECT
from maskgen.synth.layouts.w300lp import LAYOUT as W300
from maskgen.synth.photo import compose
from maskgen.synth.render import depth_image
from maskgen.synth.template import template_points

HEIGHT = WIDTH = 450
#: the nose tip in the frame of the 3D model behind Pose_Para, mm (docs/conventions.md, section 3)
NOSE = np.array([0.0, 7.8, -131.5])
#: the nose tip in the frame of BIWI's meshes (section 5)
BIWI_NOSE = np.array([0.0, -3.0, -56.0])


def head_points(order, job) -> np.ndarray:
    """The 68 landmarks of the head that was rendered, mm from the nose tip of the mean head."""
    return figure(compose(order.seed, job.shot)[0]).landmarks


def projected(para: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Section 3 in NumPy: micrometres, y up; pixels from 1."""
    pitch, yaw, roll, tx, ty, _, s = para.astype(float).ravel()
    flip = np.diag([1.0, -1.0, -1.0])
    r = flip @ Rotation.from_euler("XYZ", [-pitch, yaw, roll]).as_matrix() @ flip
    z = s * ((points + NOSE) * 1000.0) @ flip @ r.T + [tx, ty, 0.0]
    return np.column_stack([z[:, 0], HEIGHT + 1.0 - z[:, 1]])


def test_aflw2000_landmarks_are_the_labelled_projection_of_the_head(made):
    order = made["AFLW2000"]
    for job in AFLW.plan(order):
        label = loadmat(order.out / f"{job.stem}.mat")
        miss = projected(label["Pose_Para"], head_points(order, job)) - label["pt3d_68"][:2].T
        assert np.abs(miss).max() < 0.01


def test_aflw2000_depth_is_that_of_the_turned_head(made):
    order = made["AFLW2000"]
    for job in AFLW.plan(order):
        label = loadmat(order.out / f"{job.stem}.mat")
        pitch, yaw, roll, _, _, tz, s = label["Pose_Para"].astype(float).ravel()
        turned = Rotation.from_euler("XYZ", [-pitch, yaw, roll]).apply(head_points(order, job) + NOSE)
        assert np.abs(label["pt3d_68"][2] - (tz - 1000.0 * s * turned[:, 2])).max() < 0.01


def test_300wlp_landmark_files_are_the_labelled_projection_in_every_view(made):
    order = made["300W-LP"]
    for job in W300.plan(order):
        para = loadmat(order.out / job.part / f"{job.stem}.mat")["Pose_Para"]
        points = loadmat(order.out / "landmarks" / job.part / f"{job.stem}_pts.mat")["pts_3d"]
        assert np.abs(projected(para, head_points(order, job)) - points).max() < 0.01


def test_300wlp_mirrored_labels_describe_the_mirrored_head(made):
    order = made["300W-LP"]
    for job in W300.plan(order):
        label = loadmat(order.out / f"{job.part}_Flip" / f"{job.stem}.mat")
        points = loadmat(order.out / "landmarks" / job.part / f"{job.stem}_pts.mat")["pts_3d"]
        flipped = head_points(order, job) * [-1.0, 1.0, 1.0]
        seen = projected(label["Pose_Para"], flipped)
        assert np.abs(seen - (points * [-1.0, 1.0] + [WIDTH + 1.0, 0.0])).max() < 0.01


def test_300wlp_pt2d_is_the_photos_in_every_view_and_fits_only_the_first(made):
    order = made["300W-LP"]
    jobs = [job for job in W300.plan(order) if job.shot.take == W300.plan(order)[0].shot.take]
    labels = [loadmat(order.out / job.part / f"{job.stem}.mat") for job in jobs]
    assert len(labels) == 3
    inner = slice(27, 68)
    for k, (job, label) in enumerate(zip(jobs, labels, strict=True)):
        np.testing.assert_array_equal(label["pt2d"], labels[0]["pt2d"])
        miss = np.abs(projected(label["Pose_Para"], head_points(order, job))[inner] - label["pt2d"].T[inner])
        assert (miss.max() < 0.01) == (k == 0)


def parse_pose(path: Path) -> tuple[np.ndarray, np.ndarray]:
    numbers = np.array(path.read_text().split(), float)
    return numbers[:9].reshape(3, 3), numbers[9:]


def parse_camera(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    numbers = np.array(path.read_text().split(), float)
    return numbers[:9].reshape(3, 3), numbers[13:22].reshape(3, 3), numbers[22:25]


def parse_depth(path: Path) -> np.ndarray:
    data = path.read_bytes()
    width, height = np.frombuffer(data, "<i4", 2)
    flat, at, pixel = np.zeros(width * height, np.int16), 8, 0
    while pixel < flat.size:
        empty, full = np.frombuffer(data, "<i4", 2, at)
        flat[pixel + empty : pixel + empty + full] = np.frombuffer(data, "<i2", full, at + 8)
        pixel, at = pixel + empty + full, at + 8 + 2 * full
    return flat.reshape(height, width)


def stems(order) -> list[tuple]:
    jobs = KINECT.plan(order)
    return [(job, order.out / "hpdb" / f"{job.sequence:02d}" / f"frame_{job.frame:05d}") for job in jobs]


def test_biwi_rotation_is_proper_and_says_the_drawn_angles(made):
    for job, stem in stems(made["BIWI"]):
        r, _ = parse_pose(stem.with_name(stem.name + "_pose.txt"))
        assert np.abs(r @ r.T - np.eye(3)).max() < 1e-5
        yaw, pitch, roll = job.angles
        wanted = Rotation.from_euler("XYZ", [-pitch, yaw, roll], degrees=True)
        assert np.degrees((Rotation.from_matrix(r) * wanted.inv()).magnitude()) < 1e-3


def test_biwi_mesh_moved_by_the_pose_lies_on_the_depth_image(made):
    order = made["BIWI"]
    for job, stem in stems(order):
        r, c = parse_pose(stem.with_name(stem.name + "_pose.txt"))
        k, _, _ = parse_camera(stem.parent / "depth.cal")
        depth = parse_depth(stem.with_name(stem.name + "_depth.bin"))
        mesh = order.out / "hpdb" / f"{job.sequence:02d}.obj"
        rows = [line.split()[1:] for line in mesh.read_text().splitlines() if line.startswith("v ")]
        normals = [line.split()[1:] for line in mesh.read_text().splitlines() if line.startswith("vn ")]
        v, n = np.array(rows, float), np.array(normals, float)
        # the front of the face, away from eyes, lips and hair, where it looks into the camera
        front = (v[:, 2] < 10) & (np.abs(v[:, 0]) < 40) & (v[:, 1] > -22) & (v[:, 1] < 18)
        seen = front & ((n @ r.T)[:, 2] < -0.75)
        x = v[seen] @ r.T + c
        uv = x @ k.T
        uv = np.round(uv[:, :2] / uv[:, 2:]).astype(int)
        error = np.abs(depth[uv[:, 1], uv[:, 0]] - x[:, 2])
        assert seen.sum() > 60
        assert np.median(error) < 1.0


def test_biwi_chain_from_depth_to_colour_closes_within_a_hundredth_pixel(made):
    from maskgen.synth.kinect import colour_scene

    order = made["BIWI"]
    for job, stem in stems(order):
        r, c = parse_pose(stem.with_name(stem.name + "_pose.txt"))
        k, rc, tc = parse_camera(stem.parent / "rgb.cal")
        scene, _, _ = colour_scene(order.seed, job)
        fig = figure(scene)
        drawn = scene.camera.to_pixels(fig.landmarks @ scene.head.T)
        chained = (((fig.landmarks + BIWI_NOSE) @ r.T + c) @ rc.T + tc) @ k.T
        assert np.abs(chained[:, :2] / chained[:, 2:] - drawn[:, :2]).max() < 0.01


def test_biwi_depth_pixels_carried_into_the_colour_camera_lie_on_what_it_sees(made):
    """depth.bin, both .cal files and the pixels of the other camera: a chain without pose or mesh."""
    from maskgen.synth.kinect import colour_scene

    order = made["BIWI"]
    for job, stem in stems(order):
        k, _, _ = parse_camera(stem.parent / "depth.cal")
        kc, rc, tc = parse_camera(stem.parent / "rgb.cal")
        depth = parse_depth(stem.with_name(stem.name + "_depth.bin")).astype(float)
        rows, cols = np.nonzero(depth)
        rays = np.column_stack([cols, rows, np.ones(len(rows))]) @ np.linalg.inv(k).T
        space = (rays * depth[rows, cols, None]) @ rc.T + tc
        uv = space @ kc.T
        uv = np.round(uv[:, :2] / uv[:, 2:]).astype(int)
        seen = depth_image(replace(colour_scene(order.seed, job)[0], detail=order.detail))
        inside = (uv >= 0).all(axis=1) & (uv < seen.shape[::-1]).all(axis=1)
        error = np.abs(seen[uv[inside, 1], uv[inside, 0]] - space[inside, 2])
        assert inside.sum() > 5000
        # the files hold whole mm, and slopes and rims are off by more: hence the median
        assert np.median(error) < 1.0


def test_biwi_template_has_the_head_centre_of_the_originals(made):
    points = template_points(sitter(made["BIWI"].seed, 1))
    nose = points[points[:, 2].argmin()]
    assert np.abs(nose - BIWI_NOSE).max() < 14.0
    assert points[:, 1].max() < 140.0


@pytest.mark.parametrize("name", ["300W-LP", "AFLW2000", "BIWI"])
def test_every_reader_of_the_project_gets_the_pose_that_was_drawn(made, name):
    from maskgen.datasets.registry import get_format

    order, fmt = made[name], get_format(name)
    jobs = {"300W-LP": W300, "AFLW2000": AFLW, "BIWI": KINECT}[name].plan(order)
    entries = [entry for entry in fmt.index(order.out) if "_Flip" not in entry.id]
    angles = sorted(job.angles if name == "BIWI" else job.shot.angles for job in jobs)
    read = sorted(fmt.read(order.out, entry).label_angles for entry in entries)
    np.testing.assert_allclose(read, angles, atol=2e-3)
