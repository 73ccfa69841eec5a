"""Reading a photograph's sharpness, grain and tone, on pictures made with known ones."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maskgen.paint.photo import read_photo
from maskgen.paint.tone import LINEAR, LUMA_BGR

BOX = (0, 0, 200, 200)


def scene(blur: float = 0.0, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """Coloured shapes on a ground, with known blur (px) and noise (levels)."""
    rng = np.random.default_rng(seed)
    image = np.full((200, 200, 3), 120, np.uint8)
    for _ in range(25):
        centre = tuple(int(v) for v in rng.integers(0, 200, 2))
        color = tuple(int(v) for v in rng.integers(30, 230, 3))
        cv2.circle(image, centre, int(rng.integers(8, 30)), color, -1)
    out = image.astype(np.float32)
    if blur:
        out = cv2.GaussianBlur(out, (0, 0), blur)
    out += noise * rng.standard_normal((200, 200, 1))
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def grey(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


def places(n: int = 150, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(10, 190, (n, 2))


@pytest.mark.parametrize("blur", [0.5, 0.6, 0.8, 1.0, 1.4, 2.0, 3.0])
def test_blur_is_read_within_a_fifth(blur):
    assert read_photo(scene(blur, 1.0), BOX, places()).blur == pytest.approx(blur, rel=0.2)


def test_an_edge_of_one_pixel_reads_as_the_sharpest():
    assert read_photo(scene(0.0, 1.0), BOX, places()).blur == pytest.approx(0.2, abs=0.1)


@pytest.mark.parametrize("blur", [0.8, 1.4])
def test_hair_is_no_edge_of_another_sharpness(blur):
    # a thin line loses more slope to the second blur than a step, and would pass for sharper
    strands = scene()
    rng = np.random.default_rng(5)
    for _ in range(20):
        x, y = (int(v) for v in rng.integers(0, 200, 2))
        cv2.line(strands, (x, y), (x + 15, y + 60), (20, 20, 20), 1, cv2.LINE_AA)
    blurred = cv2.GaussianBlur(strands.astype(np.float32), (0, 0), blur)
    image = np.rint(blurred).astype(np.uint8)
    assert read_photo(image, BOX, places()).blur == pytest.approx(blur, rel=0.4)


def test_blurrier_pictures_read_blurrier():
    read = [read_photo(scene(b, 1.5), BOX, places()).blur for b in (0.6, 1.0, 1.6, 2.5)]
    assert read == sorted(read)


@pytest.mark.parametrize("larger", [4, 8])
def test_a_large_soft_picture_is_read_from_farther_away(larger):
    image = cv2.resize(scene(1.0, 1.0), None, fx=larger, fy=larger, interpolation=cv2.INTER_CUBIC)
    box = (0, 0, 200 * larger, 200 * larger)
    assert read_photo(image, box, places() * larger).blur == pytest.approx(larger, rel=0.45)


@pytest.mark.parametrize("thick", [1, 2, 60])
def test_a_frame_drawn_round_a_photograph_does_not_make_it_sharp(thick):
    soft = scene(2.0, 1.0)
    framed = soft.copy()
    framed[150 : 150 + thick] = 250
    framed[:, 20 : 20 + min(thick, 10)] = 5
    plain, read = (read_photo(image, BOX, places()).blur for image in (soft, framed))
    assert read == pytest.approx(plain, rel=0.25)


@pytest.mark.parametrize("noise", [1.5, 3.0, 6.0])
def test_grain_is_three_quarters_of_the_noise_the_pipeline_counts_on(noise):
    flat = np.clip(128 + noise * np.random.default_rng(2).standard_normal((200, 200, 1)), 0, 255)
    image = np.repeat(np.rint(flat), 3, 2).astype(np.uint8)
    assert read_photo(image, BOX, places()).grain == pytest.approx(0.72 * noise, rel=0.12)


def test_a_colour_photograph_has_no_tone():
    assert read_photo(scene(1.0, 2.0), BOX, places()).tone is None


def test_a_grey_photograph_stays_grey():
    tone = read_photo(grey(scene(1.0, 2.0)), BOX, places()).tone
    assert tone is not None
    assert tone.colour == 0.0
    assert np.abs(tone.curve).max() < 1e-3


def test_sepia_is_read_as_its_own_curve():
    levels = cv2.cvtColor(scene(1.0, 0.0), cv2.COLOR_BGR2GRAY).astype(np.float32)[..., None]
    sepia = np.clip(levels * np.array([0.72, 0.92, 1.05], np.float32), 0, 255).astype(np.uint8)
    tone = read_photo(sepia, BOX, places()).tone
    assert tone is not None
    linear = LINEAR[sepia.reshape(-1, 3)].astype(float)
    luminance = linear @ LUMA_BGR
    kept = (luminance > 0.05) & (luminance < 0.8)
    red = np.log2((linear[kept, 2] + 0.004) / (linear[kept, 1] + 0.004))
    curve = np.log2(luminance[kept])[:, None] ** np.arange(3) @ tone.curve[0]
    assert np.abs(curve - red).max() < 0.15


@pytest.mark.parametrize(
    ("coloured", "least", "most"), [(0.065, 0.0, 0.0), (0.10, 0.1, 0.9), (0.4, 1.0, 1.0)]
)
def test_a_print_toned_unevenly_is_toned_and_the_more_of_it_is_coloured_the_less(coloured, least, most):
    levels = cv2.cvtColor(scene(1.0, 0.0), cv2.COLOR_BGR2GRAY).astype(np.float32)[..., None]
    sepia = np.clip(levels * np.array([0.72, 0.92, 1.05], np.float32), 0, 255).astype(np.uint8)
    stray = np.random.default_rng(8).random(sepia.shape[:2]) < coloured
    sepia[stray] = np.clip(levels[stray] * np.array([1.05, 0.92, 0.72], np.float32), 0, 255)
    photo = read_photo(sepia, BOX, places())
    assert least <= photo.colour <= most
    assert (photo.tone is None) == (photo.colour == 1.0)


def test_black_borders_do_not_make_a_colour_photograph_grey():
    image = np.zeros((400, 400, 3), np.uint8)
    image[100:300, 100:300] = scene(1.0, 1.0)
    assert read_photo(image, (100, 100, 300, 300), places() + 100).tone is None


def test_a_faded_prints_black_is_its_own_and_another_pictures_is_black():
    print_ = grey(scene(1.0, 2.0))
    print_[:, 190:] = 20
    faded = np.maximum(print_, 84)
    assert read_photo(faded, BOX, places()).black == pytest.approx(LINEAR[84], abs=0.01)
    assert read_photo(print_, BOX, places()).black == 0.0
    # nothing dark is in the picture, but levels thin out toward the darkest
    bright = (110 + 0.5 * grey(scene(1.0, 2.0))).astype(np.uint8)
    bright[80:100, 80:110] = np.linspace(110, 65, 20).astype(np.uint8)[:, None, None]
    assert read_photo(bright, BOX, places()).black == 0.0
    # a photograph in colour may show nothing dark
    assert read_photo(np.maximum(scene(1.0, 2.0), 84), BOX, places()).black == 0.0


def test_padding_is_no_blackness_of_a_faded_print():
    padded = np.zeros((300, 300, 3), np.uint8)
    padded[50:250, 50:250] = np.maximum(grey(scene(1.0, 2.0)), 84)
    box = (50, 50, 250, 250)
    assert read_photo(padded, box, places() + 50, box).black == pytest.approx(LINEAR[84], abs=0.01)
    assert read_photo(padded, box, places() + 50).black == 0.0


def test_a_tiny_or_empty_picture_is_read_as_something_harmless():
    for image in (np.zeros((8, 8, 3), np.uint8), np.zeros((100, 100, 3), np.uint8)):
        photo = read_photo(image, (0, 0, image.shape[1], image.shape[0]), np.zeros((0, 2)))
        assert 0.3 < photo.blur < 3.0
        assert photo.grain == 0.0


def test_white_is_bright_and_neutral_and_is_counted():
    image = np.full((200, 200, 3), (90, 120, 200), np.uint8)  # a warm wall
    box = (40, 40, 160, 160)
    assert read_photo(image, box, places()).white[:4] == (0.0, 0.0, 0.0, 0.0)
    image[:, :50] = (200, 215, 225)  # a cream door, left of the face
    white = read_photo(image, box, places()).white
    linear = LINEAR[[200, 215, 225]]
    assert 0.10 < white.share < 0.20
    assert white.red == pytest.approx(np.log2((linear[2] + 0.004) / (linear[1] + 0.004)), abs=2e-3)
    assert white.blue == pytest.approx(np.log2((linear[0] + 0.004) / (linear[1] + 0.004)), abs=2e-3)
    assert white.cool == pytest.approx(white.share, abs=1e-3)
    image[:, 150:] = (250, 190, 120)  # the sky is bright, and not white
    cooler = read_photo(image, box, places()).white
    assert cooler.share == white.share
    assert cooler.cool > white.cool + 0.1


def test_what_is_bright_and_no_redder_than_white_is_cream_but_leaves_and_lemons_are_not():
    image = np.full((200, 200, 3), (40, 90, 170), np.uint8)  # a brown wall
    box = (40, 40, 160, 160)
    plain = read_photo(image, box, places()).white
    assert plain.cream == 0.0
    assert plain.least_red == pytest.approx(np.log2((LINEAR[170] + 0.004) / (LINEAR[90] + 0.004)), abs=0.01)
    for color, counted in (((150, 225, 240), True), ((120, 230, 190), False), ((20, 225, 240), False)):
        image[:, :60] = color
        white = read_photo(image, box, places()).white
        assert (white.cream > 0.1) == counted
        assert white.least_red < 0.3
    image[:, :60] = (150, 225, 240)
    linear = LINEAR[[150, 225, 240]] + 0.004
    white = read_photo(image, box, places()).white
    assert white.cream_red == pytest.approx(np.log2(linear[2] / linear[1]), abs=0.01)
    assert white.cream_blue == pytest.approx(np.log2(linear[0] / linear[1]), abs=0.01)


def test_in_the_dark_colours_tell_nothing():
    assert read_photo(np.full((200, 200, 3), 20, np.uint8), (40, 40, 160, 160), places()).white.cool == 1.0
