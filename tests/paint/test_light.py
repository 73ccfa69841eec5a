"""Light read off skin, on heads rendered under a known one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maskgen.geometry.camera import WeakPerspective
from maskgen.geometry.face import CANONICAL_FACE, fit_face
from maskgen.geometry.head import skull_mesh
from maskgen.geometry.landmarks import Landmarks
from maskgen.geometry.pose import HeadPose
from maskgen.masks.spec import MaskDraw
from maskgen.paint.colours import White
from maskgen.paint.light import color_cast, estimate_light
from maskgen.paint.light_kernels import weigh
from maskgen.paint.pipeline import default_painter
from maskgen.paint.raster import FAR, SS, fill_depth, new_buffers
from maskgen.paint.tone import LEVEL, LUMA_BGR
from maskgen.paint.types import MASK

SKIN = np.array([0.75, 1.0, 1.55])
SKIN = SKIN / (SKIN @ LUMA_BGR)


def lit_head(pose: HeadPose, gradient, level: float = -2.0, scale: float = 1.4, hair: bool = False):
    """A bare head whose log2 luminance is level + gradient . n exactly; its picture and its fit."""
    camera = WeakPerspective(scale, (190.0, 190.0))
    mesh = skull_mesh()
    points = camera.project(mesh.vertices, pose.cam_from_head).astype(np.float32)
    depth, ids = new_buffers(380 // SS, 380 // SS)
    fill_depth(points, mesh.triangles, True, depth, ids)
    ids[depth == FAR] = -1
    normals = mesh.normals @ pose.cam_from_head.T
    stops = level + normals @ np.asarray(gradient, float)
    value = 2.0 ** stops[mesh.triangles].mean(1)
    linear = np.full((380, 380, 3), 0.12)
    linear[ids >= 0] = value[ids[ids >= 0], None] * SKIN
    if hair:  # dark hair down to the brows and over one cheek
        y = mesh.vertices[mesh.triangles].mean(1)
        dark = (y[:, 1] < -60) | (y[:, 0] > 52)
        on = ids >= 0
        linear[on] = np.where(dark[ids[on], None], 0.01, linear[on])
    index = np.sqrt(np.clip(linear, 0, 1)) * (len(LEVEL) - 1)
    image = np.rint(LEVEL[index.astype(int)]).astype(np.uint8)
    landmarks = Landmarks.of(camera.project(CANONICAL_FACE, pose.cam_from_head), "projected")
    return image, fit_face(landmarks, pose)


@pytest.mark.parametrize("yaw", [0.0, 35.0, -60.0])
@pytest.mark.parametrize("gradient", [(1.2, -0.4, -0.5), (-0.9, -0.8, -0.2), (0.0, -0.3, -0.6)])
def test_known_light_is_recovered(yaw, gradient):
    image, fit = lit_head(HeadPose.from_euler(yaw, 5.0, 0.0), gradient)
    light = estimate_light(image, fit)
    np.testing.assert_allclose(light.gradient, gradient, atol=0.22)
    assert light.samples > 100


def test_hair_over_cheek_and_brow_does_not_turn_the_light():
    gradient = (-0.8, -0.3, -0.4)
    image, fit = lit_head(HeadPose.from_euler(10.0, 0.0, 0.0), gradient, hair=True)
    light = estimate_light(image, fit)
    assert light.gradient[0] < -0.4


def test_a_cheek_under_another_lamp_is_skin_all_the_same():
    # a third of the face under a bluer and brighter lamp: half a stop of colour, 1.5 of light
    pose = HeadPose.from_euler(10.0, 0.0, 0.0)
    image, fit = lit_head(pose, (0.0, -0.2, -0.4), level=-3.5)
    lit = np.arange(image.shape[1]) < 165
    linear = (image / 255.0) ** 2.2
    linear[:, lit] *= 2.0**1.5 * np.array([1.4, 1.0, 0.7])
    image = np.rint(255.0 * np.clip(linear, 0, 1) ** (1 / 2.2)).astype(np.uint8)
    light = estimate_light(image, fit)
    assert light.gradient[0] < -0.4 or light.rest[:, : light.rest.shape[1] // 3].max() > 0.3


def test_what_is_burnt_out_counts_where_it_is_much_and_not_where_it_shines():
    toward = np.tile([0.0, 0.0, -1.0], (100, 1))
    bgr = np.tile(np.float32(0.3 * SKIN), (100, 1))
    for burnt, counts in ((15, False), (40, True)):
        lit = bgr.copy()
        lit[:burnt] = 1.0
        _, weight, chroma, _ = weigh(lit, toward, np.ones(100))
        assert (weight[:burnt] > 0.5).all() == counts
        np.testing.assert_allclose(chroma[0], np.log2(SKIN[2] / SKIN[1]), atol=0.05)  # white has no colour


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_a_side_that_is_burnt_out_is_the_lit_one(side):
    image, fit = lit_head(HeadPose.from_euler(0.0, 0.0, 0.0), (side * 2.0, -0.2, -0.4), level=-1.2)
    assert (image.max(-1)[100:280, 100:280] == 255).mean() > 0.25
    light = estimate_light(image, fit)
    assert light.gradient[0] * side > 0.5
    assert light.skin > 0.55


def test_lit_skin_counts_where_most_of_the_face_is_dark():
    # nearly black skin looks less warm than the same skin in the light: both are this face's
    dark, lit = np.array([0.004, 0.004, 0.006]), np.array([0.05, 0.08, 0.15])
    bgr = np.vstack([np.tile(dark, (85, 1)), np.tile(lit, (15, 1))]).astype(np.float32)
    toward = np.tile([0.0, 0.0, -1.0], (100, 1))
    _, weight, _, _ = weigh(bgr, toward, np.ones(100))
    assert weight[-1] > 0.2


def test_a_mask_before_a_back_light_does_not_glare():
    pose, middle = HeadPose.from_euler(0.0, 0.0, 0.0), []
    for toward, level in ((-0.5, -4.5), (2.0, -2.0)):  # skin that faces the camera is as dark in both
        image, fit = lit_head(pose, (0.0, -0.2, toward), level=level)
        image[:, :60] = 235  # bright enough beside it that the scene is not taken for a dark one
        landmarks = Landmarks.of(fit.camera.project(CANONICAL_FACE, pose.cam_from_head), "projected")
        painted = default_painter().paint(image, landmarks, pose, MaskDraw("surgical", color="#f4f4f2"))
        middle.append(float(np.median(painted.image[painted.alpha > 0.99])))
    assert middle[1] < middle[0] * 1.1


def white_over_skin(pose, gradient, level, wall=None):
    """How much brighter a white mask is, in its middle, than skin that faces the camera."""
    image, fit = lit_head(pose, gradient, level=level)
    if wall is not None:
        image[:, :60] = wall
    landmarks = Landmarks.of(fit.camera.project(CANONICAL_FACE, pose.cam_from_head), "projected")
    painted = default_painter().paint(image, landmarks, pose, MaskDraw("surgical", color="#f4f4f2"))
    cloth = (painted.image[painted.alpha > 0.99] / 255.0) ** 2.2 @ LUMA_BGR
    return float(np.median(cloth)) / 2.0 ** (level - gradient[2])


def test_cloth_in_the_shade_of_a_lit_profile_is_dark_with_the_skin_beside_it():
    lit = white_over_skin(HeadPose.from_euler(70.0, 0.0, 0.0), (-0.2, -0.3, -0.4), -2.4)
    shaded = white_over_skin(HeadPose.from_euler(70.0, 0.0, 0.0), (-2.6, -0.3, 0.3), -4.4)
    assert lit < 3.5
    assert shaded < 12.5  # the middle of a mask in profile faces the lamp more than the camera


def test_a_white_mask_is_bright_on_dark_skin_and_not_in_a_dark_scene():
    pose = HeadPose.from_euler(10.0, 0.0, 0.0)
    dark_scene = white_over_skin(pose, (0.2, -0.3, -0.4), -4.6)
    dark_skin = white_over_skin(pose, (0.2, -0.3, -0.4), -4.6, wall=235)
    assert dark_scene < 4.0
    assert dark_skin > 1.3 * dark_scene


def test_shade_on_the_mask_is_as_deep_as_on_the_face():
    pose, shades, darkest = HeadPose.from_euler(0.0, 0.0, 0.0), [], []
    for stops in (2.0, 6.0):  # what half of the face lacks
        image, fit = lit_head(pose, (0.0, -0.2, -0.4), level=-1.5)
        linear = (image / 255.0) ** 2.2
        linear[:, 190:] *= 2.0**-stops
        image = np.rint(255.0 * linear ** (1 / 2.2)).astype(np.uint8)
        shades.append(estimate_light(image, fit).shade)
        landmarks = Landmarks.of(fit.camera.project(CANONICAL_FACE, pose.cam_from_head), "projected")
        painted = default_painter().paint(image, landmarks, pose, MaskDraw("n95", color="#f4f4f2"))
        cloth = painted.image[(painted.segmentation == MASK) & (painted.alpha > 0.99)].mean(-1)
        darkest.append(float(np.percentile(cloth, 5)))
    assert shades[0] > 0.2
    assert shades[1] < 0.04
    assert darkest[1] < 0.7 * darkest[0]


def test_exposure_moves_the_level_and_not_the_direction():
    pose = HeadPose.from_euler(-15.0, 0.0, 0.0)
    bright = estimate_light(*lit_head(pose, (0.8, -0.3, -0.4), level=-1.6))
    dark = estimate_light(*lit_head(pose, (0.8, -0.3, -0.4), level=-4.1))
    assert bright.skin / dark.skin == pytest.approx(2.0**2.5, rel=0.15)
    np.testing.assert_allclose(bright.gradient, dark.gradient, atol=0.15)


def test_a_mirrored_picture_has_mirrored_light():
    pose = HeadPose.from_euler(20.0, -5.0, 8.0)
    image, fit = lit_head(pose, (1.0, -0.2, -0.5))
    landmarks = Landmarks.of(
        WeakPerspective(1.4, (190.0, 190.0)).project(CANONICAL_FACE, pose.cam_from_head), "p"
    )
    flipped = fit_face(landmarks.mirrored(380), pose.mirrored())
    a, b = estimate_light(image, fit), estimate_light(np.ascontiguousarray(image[:, ::-1]), flipped)
    np.testing.assert_allclose(a.gradient * [-1, 1, 1], b.gradient, atol=0.08)


def test_a_cast_shadow_on_one_cheek_is_kept_as_what_is_left_over():
    pose = HeadPose.from_euler(0.0, 0.0, 0.0)
    image, fit = lit_head(pose, (0.0, -0.2, -0.4))
    shadowed = image.copy()
    shadowed[190:300, 200:] = (image[190:300, 200:] * 0.45).astype(np.uint8)
    light = estimate_light(shadowed, fit)
    factor, x0, y0 = light.to_rest
    left, right = (int((x - x0) * factor) for x in (140, 245))
    row = int((240 - y0) * factor)
    assert light.rest[row, left] - light.rest[row, right] + 2 * light.gradient[0] * -0.5 > 0.4


def test_no_skin_gives_a_default_and_no_error():
    _, fit = lit_head(HeadPose.from_euler(0, 0, 0), (0, 0, 0))
    light = estimate_light(np.zeros((380, 380, 3), np.uint8), fit)
    assert np.isfinite(light.gradient).all()
    assert np.isfinite(light.skin)


def stops_of(cast: np.ndarray) -> np.ndarray:
    """log2 R/G and log2 B/G of a colour (3,) BGR."""
    return np.log2(cast[[2, 0]] / cast[1])


def test_what_is_white_in_the_picture_tells_the_lights_colour():
    image, fit = lit_head(HeadPose.from_euler(0.0, 0.0, 0.0), (0.0, -0.3, -0.6))
    image[..., 2] = np.minimum(image[..., 2] * 1.25, 255)  # a reddish skin
    light = estimate_light(image, fit)
    alone = stops_of(color_cast(light, White(0.0, 0.0, 0.0, 0.06)))
    assert alone[0] > 0.1
    beside_white = stops_of(color_cast(light, White(0.2, 0.0, 0.0, 0.5)))
    assert np.abs(beside_white).max() < 0.25 * alone[0]
    beside_cream = stops_of(color_cast(light, White(0.2, 0.2, -0.3, 0.5)))
    np.testing.assert_allclose(beside_cream - beside_white, [0.09, -0.135], atol=0.01)
    nothing_cool = stops_of(color_cast(light, White(0.0, 0.0, 0.0, 0.0)))
    assert 1.15 * alone[0] < nothing_cool[0] < 2.0 * alone[0]
    much_cool = stops_of(color_cast(light, White(0.0, 0.0, 0.0, 0.5)))
    assert 0.3 * alone[0] < much_cool[0] < 0.75 * alone[0]
    burnt = stops_of(color_cast(replace(light, skin=0.85), White(0.0, 0.0, 0.0, 0.5)))
    assert np.abs(burnt).max() < 0.2 * alone[0]
    assert color_cast(light, White(0.0, 0.0, 0.0, 0.5)) @ LUMA_BGR == pytest.approx(1.0, abs=1e-3)


def test_under_a_strong_lamp_what_is_bright_and_not_red_tells_its_colour():
    image, fit = lit_head(HeadPose.from_euler(0.0, 0.0, 0.0), (0.0, -0.3, -0.6))
    light = replace(estimate_light(image, fit), chroma=np.array([2.2, -1.2]), eyes=None)
    alone = stops_of(color_cast(light, White(0.0, 0.0, 0.0, 0.0)))
    assert alone[0] > 0.8
    bounded = stops_of(color_cast(light, White(0.0, 0.0, 0.0, 0.0, least_red=0.3)))
    np.testing.assert_allclose(bounded, [0.3, alone[1]], atol=0.01)
    scarf = White(0.0, 0.0, 0.0, 0.0, cream=0.1, cream_red=0.2, cream_blue=-0.9, least_red=0.2)
    np.testing.assert_allclose(stops_of(color_cast(light, scarf)), [0.14, -0.63], atol=0.01)
    # white eyes: the scarf is yellow itself
    beside_eyes = stops_of(color_cast(replace(light, eyes=(0.0, 0.0)), scarf))
    assert np.abs(beside_eyes).max() < 0.1
    # usual skin: so is the wall
    usual = replace(light, chroma=np.array([0.62, -0.42]))
    assert np.abs(stops_of(color_cast(usual, scarf))).max() < 0.02


def test_without_skin_light_has_no_colour():
    fit = lit_head(HeadPose.from_euler(0.0, 0.0, 0.0), (0.0, -0.3, -0.6))[1]
    light = estimate_light(np.zeros((40, 40, 3), np.uint8), fit)
    np.testing.assert_array_equal(color_cast(light, White(0.0, 0.0, 0.0, 1.0)), 1.0)
