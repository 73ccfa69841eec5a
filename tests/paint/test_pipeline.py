"""The painter as a whole: laws that every picture must keep."""

from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskgen.errors import ImageError, LandmarkError, UsageError
from maskgen.geometry.camera import WeakPerspective
from maskgen.geometry.face import CANONICAL_FACE
from maskgen.geometry.landmarks import Landmarks
from maskgen.geometry.pose import HeadPose
from maskgen.masks.spec import MaskDraw
from maskgen.paint.pipeline import Painter
from maskgen.paint.tone import LINEAR, LUMA_BGR
from maskgen.paint.types import HIDDEN_BY_HEAD, HIDDEN_BY_MASK, MASK, STRAP, VISIBLE

STYLES = ("surgical", "n95", "kn95", "cloth")


@pytest.fixture(scope="module")
def painter() -> Painter:
    return Painter()


def face(yaw=0.0, pitch=0.0, roll=0.0, scale=1.3, size=(320, 320), at=None, seed=0):
    """A skin-coloured noisy picture with a head's landmarks in it: (image, landmarks, pose)."""
    pose = HeadPose.from_euler(yaw, pitch, roll)
    centre = at or (size[0] / 2.0, size[1] * 0.48)
    middle = pose.cam_from_head @ np.array([0.0, 10.0, 95.0]) * scale
    camera = WeakPerspective(scale, (centre[0] - middle[0], centre[1] - middle[1]))
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    base = np.array([105, 135, 190]) * (1.0 - 0.2 * x / size[0] - 0.1 * y / size[1])[..., None]
    base[: size[1] // 8] = (200, 160, 90)  # a blue wall: the picture is in colour
    image = np.clip(base + 3 * rng.standard_normal((size[1], size[0], 1)), 1, 255).astype(np.uint8)
    landmarks = Landmarks.of(camera.project(CANONICAL_FACE, pose.cam_from_head), "projected")
    return image, landmarks, pose


def test_the_input_is_not_changed_and_outputs_have_its_size(painter):
    image, landmarks, pose = face()
    before = image.copy()
    out = painter.paint(image, landmarks, pose, MaskDraw("surgical"))
    np.testing.assert_array_equal(image, before)
    assert out.image.shape == image.shape
    assert out.image.dtype == np.uint8
    for plane in (out.alpha, out.segmentation, out.touched):
        assert plane.shape == image.shape[:2]


@pytest.mark.parametrize("style", STYLES)
def test_every_pixel_outside_touched_is_identical(painter, style):
    image, landmarks, pose = face(25, 5, -4)
    out = painter.paint(image, landmarks, pose, MaskDraw(style, seed=3))
    same = (out.image == image).all(2)
    assert same[~out.touched].all()
    assert not same[out.touched].any()
    assert out.touched[out.segmentation == MASK].mean() > 0.98


@pytest.mark.parametrize("yaw", [-90, -60, 0, 45, 90])
@pytest.mark.parametrize("style", STYLES)
def test_nose_mouth_and_chin_are_covered_and_eyes_are_not(painter, style, yaw):
    image, landmarks, pose = face(yaw)
    out = painter.paint(image, landmarks, pose, MaskDraw(style))
    seen = out.visibility != HIDDEN_BY_HEAD
    for i in [8, 30, 33, 48, 51, 54, 57]:
        if seen[i]:
            assert out.visibility[i] == HIDDEN_BY_MASK, i
    for i in range(17, 48):
        if seen[i] and not 27 <= i <= 35:
            assert out.visibility[i] == VISIBLE, i


def test_only_the_visible_side_appears_in_profile(painter):
    image, landmarks, pose = face(90)
    out = painter.paint(image, landmarks, pose, MaskDraw("surgical"))
    columns = np.nonzero(out.segmentation == MASK)[1]
    nose = landmarks.points[30]
    # at yaw 90 the face looks to the left edge: the mask ends a little in front of the nose
    assert -25 < columns.min() - nose[0] < 2
    count, *_ = cv2.connectedComponents((out.segmentation == MASK).astype(np.uint8))
    assert count == 2


def test_same_draw_same_bytes_and_another_seed_other_creases(painter):
    image, landmarks, pose = face(10)
    a = painter.paint(image, landmarks, pose, MaskDraw("cloth", seed=5)).image
    b = Painter().paint(image, landmarks, pose, MaskDraw("cloth", seed=5)).image
    c = painter.paint(image, landmarks, pose, MaskDraw("cloth", seed=6)).image
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_a_painter_survives_pickling(painter):
    image, landmarks, pose = face(10)
    again = pickle.loads(pickle.dumps(painter))
    draw = MaskDraw("n95", seed=1)
    np.testing.assert_array_equal(
        again.paint(image, landmarks, pose, draw).image, painter.paint(image, landmarks, pose, draw).image
    )


@pytest.mark.parametrize("style", STYLES)
def test_a_mirrored_picture_gets_the_mirrored_mask(painter, style):
    image, landmarks, pose = face(30, -10, 6)
    a = painter.paint(image, landmarks, pose, MaskDraw(style)).segmentation > 0
    flipped = np.ascontiguousarray(image[:, ::-1])
    b = painter.paint(flipped, landmarks.mirrored(320), pose.mirrored(), MaskDraw(style)).segmentation > 0
    both = a & b[:, ::-1]
    assert both.sum() / (a | b[:, ::-1]).sum() > 0.985


def test_the_mask_turns_with_the_picture(painter):
    image, landmarks, pose = face(20)
    a = painter.paint(image, landmarks, pose, MaskDraw("surgical")).segmentation == MASK
    # a quarter turn counter-clockwise maps (x, y) to (y, w - 1 - x) exactly
    turned = np.ascontiguousarray(np.rot90(image))
    points = np.array(landmarks.points)
    points[:, 0], points[:, 1] = landmarks.points[:, 1], 319 - landmarks.points[:, 0]
    out = painter.paint(turned, Landmarks.of(points, "turned"), pose.rotated(90.0), MaskDraw("surgical"))
    b = np.rot90(out.segmentation == MASK, -1)
    assert (a & b).sum() / (a | b).sum() > 0.98


def test_neighbouring_poses_do_not_pop(painter):
    last = None
    for yaw in range(-90, 91, 3):
        image, landmarks, pose = face(yaw)
        now = painter.paint(image, landmarks, pose, MaskDraw("surgical")).segmentation == MASK
        if last is not None:
            assert (now & last).sum() / (now | last).sum() > 0.91, yaw  # three degrees a step
        last = now


def test_a_one_sided_light_shades_the_mask(painter):
    image, landmarks, pose = face()
    lit = image.astype(float)
    lit *= np.linspace(1.3, 0.25, 320)[None, :, None]
    out = painter.paint(
        lit.clip(1, 255).astype(np.uint8), landmarks, pose, MaskDraw("surgical", color="#e9edef")
    )
    grey = out.image.mean(2)
    rows, columns = np.nonzero(out.segmentation == MASK)
    left = columns < np.percentile(columns, 25)
    right = columns > np.percentile(columns, 75)
    assert grey[rows[left], columns[left]].mean() > 1.4 * grey[rows[right], columns[right]].mean()


def test_a_white_mask_stays_white_on_dark_skin(painter):
    image, landmarks, pose = face()
    dark = image.copy()
    dark[40:, 60:260] = (dark[40:, 60:260] * 0.4).astype(np.uint8)  # the room stays bright
    out = painter.paint(dark, landmarks, pose, MaskDraw("surgical", color="#eeeeee"))
    assert np.median(out.image[out.segmentation == MASK]) > 110


def test_a_grey_photograph_gets_a_grey_mask(painter):
    image, landmarks, pose = face()
    grey = np.repeat(image[..., 1:2], 3, 2)
    grey[:40] = np.linspace(0, 255, 320).astype(np.uint8)[None, :, None]
    out = painter.paint(grey, landmarks, pose, MaskDraw("surgical", color="#9cc7dc"))
    assert np.ptp(out.image.astype(int), axis=2).max() <= 2


@pytest.mark.parametrize(("color", "least", "most"), [("#9cc7dc", -1.0, -0.3), ("#eef0f1", -0.1, 0.1)])
def test_folds_of_coloured_cloth_are_deeper_in_colour_and_those_of_white_are_white(
    painter, color, least, most
):
    image, landmarks, pose = face(scale=2.0, size=(480, 480))
    image[:] = cv2.GaussianBlur(image, (0, 0), 3.0)  # no grain
    out = painter.paint(image, landmarks, pose, MaskDraw("surgical", color=color, seed=4))
    inside = cv2.erode((out.alpha > 0.99).astype(np.float32), np.ones((61, 61)))
    stops = np.log2(LINEAR[cv2.GaussianBlur(out.image, (0, 0), 1.0)].astype(np.float64))
    around = cv2.GaussianBlur(stops * inside[..., None], (0, 0), 20.0)
    around /= np.maximum(cv2.GaussianBlur(inside, (0, 0), 20.0), 1e-3)[..., None]
    fold = (stops - around)[inside > 0]
    luminance, hue = fold @ LUMA_BGR, fold[:, 0] - fold[:, 2]
    # photographed ones: -0.3 to -0.8 of log2 B/R a stop, of light blue cloth (docs/painting.md)
    assert least < np.polyfit(luminance, hue, 1)[0] < most


def test_a_photograph_is_the_same_whatever_mask_is_worn(painter):
    image, landmarks, pose = face(30, 5, 3)
    read = [
        {
            name: number
            for name, number in painter.paint(image, landmarks, pose, MaskDraw(style)).numbers.items()
            if name in ("blur_px", "grain_levels", "toned", "skin")
        }
        for style in STYLES
    ]
    assert read == read[:1] * len(STYLES)


def test_the_less_colour_a_photograph_has_the_less_has_the_mask(painter):
    image, landmarks, pose = face()
    grey = np.repeat(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None], 3, 2).astype(np.float32)
    spreads = []
    for kept in (0.0, 0.27, 1.0):
        faded = np.clip(grey + kept * (image - grey), 0, 255).astype(np.uint8)
        out = painter.paint(faded, landmarks, pose, MaskDraw("n95", color="#4f9ec0"))
        pixels = out.image[out.segmentation == MASK].astype(int)
        spreads.append(float(np.median(pixels[:, 0] - pixels[:, 2])))
    assert abs(spreads[0]) < 2
    assert 10 < spreads[1] < 0.9 * spreads[2]


def test_in_a_faded_print_a_black_mask_is_no_blacker_than_the_print(painter):
    image, landmarks, pose = face()
    image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    image[:, 280:] = 20  # a black door
    for print_, least, most in ((image, 15, 60), (np.maximum(image, 84), 80, 120)):
        out = painter.paint(print_, landmarks, pose, MaskDraw("cloth", color="#1d1f22"))
        assert least <= np.median(out.image[out.segmentation == MASK]) <= most


def test_the_mask_casts_a_shadow_below_more_than_above(painter):
    image, landmarks, pose = face()
    out = painter.paint(image, landmarks, pose, MaskDraw("surgical"))
    change = (image.astype(int) - out.image).mean(2)
    bare = (out.alpha == 0) & out.touched
    rows = np.nonzero(out.segmentation == MASK)[0]
    below = bare & (np.arange(320)[:, None] > rows.max())
    assert change[bare].mean() > 0.5
    assert below.sum() > 50


def test_what_is_behind_the_photographs_edge_is_left_black(painter):
    image, landmarks, pose = face(at=(160, 250))
    image[300:] = 0
    out = painter.paint(image, landmarks, pose, MaskDraw("surgical"))
    assert (out.image[304:] == 0).all()


@pytest.mark.parametrize("scale", [0.08, 12.0])
def test_tiny_and_huge_faces_are_painted(painter, scale):
    size = (60, 60) if scale < 1 else (2600, 2600)
    image, landmarks, pose = face(scale=scale, size=size)
    out = painter.paint(image, landmarks, pose, MaskDraw("surgical"))
    assert (out.segmentation == MASK).sum() > 20
    assert any(n.startswith("small") for n in out.notes) == (scale < 1)


def test_a_black_picture_is_degraded_and_not_refused(painter):
    image, landmarks, pose = face()
    out = painter.paint(np.zeros_like(image), landmarks, pose, MaskDraw("surgical"))
    assert out.notes
    assert out.image.max() < 90


def test_half_a_face_outside_is_painted_and_noted(painter):
    image, landmarks, pose = face(at=(5, 150))
    out = painter.paint(image, landmarks, pose, MaskDraw("surgical"))
    assert any(n.startswith("outside") for n in out.notes)
    assert (out.segmentation[:, :80] == MASK).any()


def test_a_face_wholly_outside_is_refused(painter):
    image, landmarks, pose = face(at=(-900, 150))
    with pytest.raises(LandmarkError, match="outside"):
        painter.paint(image, landmarks, pose, MaskDraw("surgical"))


def test_landmarks_that_are_wrong_by_30_px_lower_the_quality_or_are_noted(painter):
    image, landmarks, pose = face()
    good = painter.paint(image, landmarks, pose, MaskDraw("surgical"))
    rng = np.random.default_rng(4)
    points = np.array(landmarks.points)
    points[:, :2] += 30 * rng.standard_normal((68, 2))
    bad = painter.paint(image, Landmarks.of(points, "bad"), pose, MaskDraw("surgical"))
    assert bad.notes
    assert bad.quality < 0.5 * good.quality


@pytest.mark.parametrize(
    ("spoilt", "noted"),
    [
        (lambda image: np.full_like(image, 255), True),
        (lambda image: np.full_like(image, 128), False),
        (lambda image: np.full_like(image, 0), True),
        (lambda image: np.clip(image.astype(int) * 4, 0, 255).astype(np.uint8), True),
        (lambda image: image // 40, True),
    ],
    ids=["white", "grey", "black", "burnt out", "dark"],
)
def test_a_picture_whose_light_cannot_be_read_scores_less(painter, spoilt, noted):
    image, landmarks, pose = face()
    good = painter.paint(image, landmarks, pose, MaskDraw("surgical"))
    bad = painter.paint(spoilt(image), landmarks, pose, MaskDraw("surgical"))
    assert good.quality > 0.85
    assert bad.quality < 0.65 * good.quality
    assert any(n.startswith("light") for n in bad.notes) == noted


@pytest.mark.parametrize(("skin", "least"), [(235, 225), (253, 245)])
def test_beside_skin_that_is_nearly_white_a_white_mask_is_no_greyer(painter, skin, least):
    image, landmarks, pose = face()
    image = np.full_like(image, skin)
    out = painter.paint(image, landmarks, pose, MaskDraw("n95", color="#f4f4f2"))
    upper = (out.segmentation == MASK) & (np.arange(len(image))[:, None] < landmarks.points[33, 1])
    assert np.median(out.image[upper]) > least
    # beside skin in ordinary light it keeps its form, and hardly any of it clips
    usual = painter.paint(np.full_like(image, 150), landmarks, pose, MaskDraw("n95", color="#f4f4f2"))
    mask = usual.image[usual.segmentation == MASK]
    assert (mask >= 254).mean() < 0.02
    assert np.percentile(mask, 95) - np.percentile(mask, 5) > 25


def test_a_missing_pose_is_taken_from_the_landmarks_and_said(painter):
    image, landmarks, pose = face(20, 5)
    with_pose = painter.paint(image, landmarks, pose, MaskDraw("surgical"))
    without = painter.paint(image, landmarks, None, MaskDraw("surgical"))
    assert any(n.startswith("pose") for n in without.notes)
    a, b = with_pose.segmentation > 0, without.segmentation > 0
    assert (a & b).sum() / (a | b).sum() > 0.97


def test_straps_are_marked_and_reach_the_ears(painter):
    image, landmarks, pose = face(-45)
    out = painter.paint(image, landmarks, pose, MaskDraw("surgical"))
    rows, columns = np.nonzero(out.segmentation == STRAP)
    ear = landmarks.points[16] if landmarks.points[16, 2] < landmarks.points[0, 2] else landmarks.points[0]
    assert len(rows) > 20
    assert np.hypot(columns - ear[0], rows - ear[1]).min() < 20


def test_a_dark_mask_has_dark_loops_and_a_pale_one_pale_ones(painter):
    image, landmarks, pose = face(-45)
    level = {}
    for color in ("#1c1c1e", "#f4f4f2"):
        out = painter.paint(image, landmarks, pose, MaskDraw("cloth_pleated", color=color))
        level[color] = float(out.image[(out.segmentation == STRAP) & (out.alpha > 0.9)].mean())
    assert level["#1c1c1e"] < 90.0
    assert level["#f4f4f2"] > 140.0


@pytest.mark.parametrize("wrong", [np.zeros((50, 50), np.uint8), np.zeros((50, 50, 3), np.float32)])
def test_a_wrong_array_is_refused_in_a_sentence(painter, wrong):
    _, landmarks, pose = face()
    with pytest.raises(ImageError, match="uint8 BGR"):
        painter.paint(wrong, landmarks, pose, MaskDraw("surgical"))


def test_points_that_are_no_landmarks_and_colours_that_are_none_are_refused_in_a_sentence(painter):
    image, landmarks, pose = face()
    for wrong in ((landmarks.points, pose), (landmarks, (10.0, 0.0, 0.0))):
        with pytest.raises(UsageError, match=r"Landmarks\.of.*HeadPose\.from_euler"):
            painter.paint(image, *wrong, MaskDraw("surgical"))
    with pytest.raises(UsageError, match="#rrggbb"):
        painter.paint(image, landmarks, pose, MaskDraw("surgical", color="red"))


def test_an_unknown_style_names_those_there_are(painter):
    image, landmarks, pose = face()
    with pytest.raises(UsageError, match="surgical"):
        painter.paint(image, landmarks, pose, MaskDraw("surgicla"))


@pytest.mark.parametrize("style", STYLES)
def test_real_photographs_are_painted_at_every_pose(painter, samples: Path, style):
    from maskgen.datasets import get_format
    from maskgen.io.images import read_image
    from maskgen.landmarks import landmarks_for

    fmt, root = get_format("AFLW2000"), samples / "AFLW2000"
    for entry in list(fmt.index(root))[::60]:
        sample, source = fmt.read(root, entry), read_image(root / entry.image)
        out = painter.paint(source.bgr, landmarks_for(sample), sample.rgb_pose, MaskDraw(style))
        assert (out.segmentation == MASK).sum() > 200, entry.id
        assert (out.image == source.bgr).all(2)[~out.touched].all(), entry.id
