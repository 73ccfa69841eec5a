"""What every style must hold on a plain head: covers what it should, spares the eyes, follows the pose."""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from maskgen.geometry.pose import HeadPose
from maskgen.masks.spec import MaskDraw
from maskgen.paint.pipeline import Painter
from maskgen.paint.types import HIDDEN_BY_MASK, MASK, STRAP, Painted

sys.path.insert(0, str(Path(__file__).parent))
from styles_of_catalogue import CATALOGUE, STYLES, WORN, head

PAINTER = Painter(CATALOGUE)
POSES = [(0, 0), (0, 30), (0, -25), (35, 10), (-35, -10), (60, 0), (-90, 0), (90, 20), (20, -60), (-20, 60)]
NOSE_BASE, MOUTH, CHIN = range(31, 36), range(48, 68), range(7, 10)


@lru_cache(maxsize=1024)
def painted(name: str, yaw: float, pitch: float, wear: str = "correct") -> Painted:
    return PAINTER.paint(*head(yaw, pitch), MaskDraw(name, wear=wear, seed=5))


def mask_of(result: Painted) -> NDArray[np.bool_]:
    return result.segmentation == MASK


def share_covered(result: Painted, xy: NDArray[np.float64]) -> float:
    """Share of points on the mask or within 0.03 of the picture's face of it."""
    near = cv2.dilate(mask_of(result).astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    p = np.clip(np.rint(xy).astype(int), 0, np.array(near.shape[::-1]) - 1)
    return float(near[p[:, 1], p[:, 0]].mean())


def overlap(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


@pytest.mark.parametrize("pose", POSES, ids=str)
@pytest.mark.parametrize("name", STYLES)
def test_the_mask_is_one_connected_part(name: str, pose: tuple[float, float]) -> None:
    mask = mask_of(painted(name, *pose))
    stats = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)[2]
    assert mask.sum() > 800
    assert (stats[1:, cv2.CC_STAT_AREA] > 0.02 * mask.sum()).sum() == 1


@pytest.mark.parametrize("pose", POSES, ids=str)
@pytest.mark.parametrize("name", STYLES)
def test_nose_mouth_and_chin_lie_under_it(name: str, pose: tuple[float, float]) -> None:
    result = painted(name, *pose)
    _, landmarks, head_pose = head(*pose)
    towards = landmarks.points - (landmarks.points[0] + landmarks.points[16]) / 2
    seen = towards[:, 2] / np.linalg.norm(towards, axis=1) < 0.1
    wanted = [i for i in (*NOSE_BASE, *MOUTH, *CHIN) if seen[i]]
    assert share_covered(result, landmarks.xy[wanted]) >= 0.95, head_pose


@pytest.mark.parametrize(
    "pose", [(0, 0), (0, 30), (0, -30), (30, 0), (-30, 15), (-90, 0), (75, -10)], ids=str
)
@pytest.mark.parametrize("name", STYLES)
def test_no_eye_that_looks_at_the_camera_is_covered(name: str, pose: tuple[float, float]) -> None:
    mask = painted(name, *pose).segmentation > 0
    _, landmarks, _ = head(*pose)
    near_side = [(36, 42)] if pose[0] > 45 else [(42, 48)] if pose[0] < -45 else [(36, 42), (42, 48)]
    for first, last in near_side:
        eye = np.zeros(mask.shape, np.uint8)
        cv2.fillConvexPoly(eye, cv2.convexHull(np.rint(landmarks.xy[first:last]).astype(np.int32)), 1)
        assert mask[eye > 0].mean() <= 0.01


@pytest.mark.parametrize(("name", "wear"), [w for w in WORN if w[1] in ("under_nose", "under_chin")])
def test_worn_wrongly_it_bares_what_it_should_cover(name: str, wear: str) -> None:
    result = painted(name, 0, 0, wear)
    _, landmarks, _ = head(0, 0)
    mask = mask_of(result)
    bare = [30] if wear == "under_nose" else [30, 33, 51, 57]
    for i in bare:
        x, y = np.rint(landmarks.xy[i]).astype(int)
        assert not mask[y, x]
    assert result.visibility[30] != HIDDEN_BY_MASK
    assert share_covered(result, landmarks.xy[[8]]) == 1.0


@pytest.mark.parametrize("start", range(-90, 90, 20))
@pytest.mark.parametrize("name", STYLES)
def test_one_degree_of_yaw_changes_little(name: str, start: int) -> None:
    steps = [mask_of(PAINTER.paint(*head(yaw, 0), MaskDraw(name, seed=5))) for yaw in (start, start + 1)]
    assert overlap(*steps) >= 0.97


@pytest.mark.parametrize("yaw", [0, 40, -75])
@pytest.mark.parametrize("name", STYLES)
def test_the_mirrored_picture_gets_the_mirrored_mask(name: str, yaw: int) -> None:
    image, landmarks, _ = head(yaw, 8)
    result = painted(name, yaw, 8)
    other = PAINTER.paint(
        np.ascontiguousarray(image[:, ::-1]),
        landmarks.mirrored(image.shape[1]),
        HeadPose.from_euler(-yaw, 8, 0),
        MaskDraw(name, seed=5),
    )
    assert overlap(result.segmentation > 0, other.segmentation[:, ::-1] > 0) >= 0.99


@pytest.mark.parametrize("name", [n for n in STYLES if CATALOGUE.spec(n).straps])
def test_straps_are_seen_from_the_side_and_touch_the_mask(name: str) -> None:
    result = painted(name, 50, 0)
    strap = (result.segmentation == STRAP).astype(np.uint8)
    assert strap.sum() > 30
    grown = cv2.dilate(strap, np.ones((5, 5), np.uint8)).astype(bool)
    assert (grown & mask_of(result)).any()


@pytest.mark.parametrize("name", STYLES)
def test_each_colour_of_a_style_changes_the_picture_and_not_the_outline(name: str) -> None:
    colors = [c for c, _ in CATALOGUE.spec(name).material.colors]
    results = [PAINTER.paint(*head(0, 0), MaskDraw(name, color=c, seed=5)) for c in colors[:2]]
    assert np.array_equal(results[0].segmentation, results[1].segmentation)
    assert (results[0].image != results[1].image).any(-1)[mask_of(results[0])].mean() > 0.3


def test_only_the_window_lets_skin_be_seen_through_its_middle() -> None:
    for name in STYLES:
        result = painted(name, 0, 0)
        _, landmarks, _ = head(0, 0)
        x, y = np.rint(landmarks.xy[62]).astype(int)
        alpha = result.alpha[y - 2 : y + 3, x - 2 : x + 3].mean()
        assert (alpha < 0.6) if name == "window" else (alpha > 0.85), (name, alpha)


@pytest.mark.parametrize("name", sorted(CATALOGUE.fabrics))
def test_every_fabric_shows_where_it_may_and_leaves_the_outline(name: str) -> None:
    plain = PAINTER.paint(*head(0, 0), MaskDraw("cloth", color="#7d8791", seed=5))
    printed = PAINTER.paint(*head(0, 0), MaskDraw("cloth", color="#7d8791", fabric=name, seed=5))
    moulded = PAINTER.paint(*head(0, 0), MaskDraw("n95", color="#7d8791", fabric=name, seed=5))
    bare = PAINTER.paint(*head(0, 0), MaskDraw("n95", color="#7d8791", seed=5))
    inside = mask_of(plain)
    assert np.abs(printed.image.astype(int) - plain.image)[inside].mean() > 3.0
    assert np.array_equal(printed.segmentation, plain.segmentation)
    assert np.array_equal(moulded.image, bare.image)
