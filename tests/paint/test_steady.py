"""Nothing pops: a mask moves with the head by small steps, and mirrors with the picture, for every style."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from maskgen.geometry.camera import WeakPerspective
from maskgen.geometry.face import CANONICAL_FACE, FaceFit, fit_face
from maskgen.geometry.landmarks import Landmarks
from maskgen.geometry.pose import HeadPose
from maskgen.paint.light import estimate_light
from maskgen.paint.scene import build_scene
from maskgen.paint.shell import build_shell

sys.path.insert(0, str(Path(__file__).parents[1] / "masks"))
from styles_of_catalogue import CATALOGUE, STYLES

SIZE = 450
SCALE = 1.6
#: the middle of the landmarks' box: what a crop of the face turns about
PIVOT = np.array([0.0, 20.0, 60.0])


def placed(pose: HeadPose, offsets: NDArray[np.float64]) -> FaceFit:
    middle = SCALE * (pose.cam_from_head @ PIVOT)
    camera = WeakPerspective(SCALE, (SIZE / 2 - middle[0], SIZE / 2 - middle[1]))
    return FaceFit(pose.cam_from_head, camera, offsets, 3.0, 0.0)


def covered(name: str, fit: FaceFit) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Pixels of mask and bands together, and of the mask alone, (SIZE, SIZE) each."""
    spec = CATALOGUE.spec(name)
    grey = np.full((SIZE, SIZE, 3), 128, np.uint8)  # of one colour: no band ends under hair
    scene = build_scene(grey, build_shell(spec), spec, fit, estimate_light(grey, fit), (0, 0, SIZE, SIZE))
    every, mask = np.zeros((SIZE, SIZE), bool), np.zeros((SIZE, SIZE), bool)
    x0, y0, x1, y1 = scene.box
    every[y0:y1, x0:x1] = scene.coverage >= 0.5
    mask[y0:y1, x0:x1] = every[y0:y1, x0:x1] & (scene.strap <= 0.5 * scene.coverage)
    return every, mask


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float((a & b).sum() / (a | b).sum())


def worst_step(name: str, yaws: NDArray[np.float64], pitch: float) -> tuple[float, float]:
    """Least IoU over steps of one degree that begin at ``yaws``: with the bands, and of the mask alone."""
    worst = [1.0, 1.0]
    for yaw in yaws:
        a, b = (covered(name, placed(HeadPose.from_euler(y, pitch, 0.0), FACE)) for y in (yaw, yaw + 1.0))
        worst = [min(w, iou(p, q)) for w, p, q in zip(worst, a, b, strict=True)]
    return worst[0], worst[1]


#: a face that is not the mean one, nor symmetric
FACE = np.asarray(2.5 * np.random.default_rng(8).standard_normal((60, 3)))


@pytest.mark.parametrize("name", STYLES)
def test_a_degree_of_yaw_moves_the_mask_by_a_degree(name: str) -> None:
    every, mask = worst_step(name, np.array([-90.0, -61.0, -30.0, 0.0, 45.0, 76.0, 89.0]), 0.0)
    assert mask >= 0.97
    assert every >= 0.945  # a band is three pixels wide and lies far from the axis: a pixel is a third of it


@pytest.mark.slow
@pytest.mark.parametrize("pitch", [-40.0, 0.0, 40.0])
@pytest.mark.parametrize("name", STYLES)
def test_nothing_pops_between_any_two_degrees_of_yaw(name: str, pitch: float) -> None:
    _, mask = worst_step(name, np.arange(-90.0, 90.0), pitch)
    assert mask >= 0.97


@pytest.mark.parametrize(("yaw", "pitch", "roll"), [(0.0, 0.0, 5.0), (38.0, -20.0, -12.0), (74.0, 25.0, 0.0)])
@pytest.mark.parametrize("name", STYLES)
def test_mirrored_landmarks_give_the_mirrored_mask(name: str, yaw: float, pitch: float, roll: float) -> None:
    pose = HeadPose.from_euler(yaw, pitch, roll)
    points = CANONICAL_FACE + 2.5 * np.random.default_rng(3).standard_normal((68, 3))
    camera = WeakPerspective(SCALE, (SIZE / 2, SIZE / 2 - 30.0))
    landmarks = Landmarks.of(camera.project(points, pose.cam_from_head), "projected")
    straight = covered(name, fit_face(landmarks, pose))
    mirrored = covered(name, fit_face(landmarks.mirrored(SIZE), pose.mirrored()))
    for a, b in zip(straight, mirrored, strict=True):
        assert iou(a, b[:, ::-1]) >= 0.99
