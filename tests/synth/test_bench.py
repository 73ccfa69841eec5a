"""maskgen bench painter: its figures on cases whose answer is known, and the command; and the demo."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from maskgen.cli.main import command, run
from maskgen.synth.bench import BANDS, measure, plan, table


@pytest.fixture(scope="module")
def disc() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A grey ramp, the same with a textured disc on it, and the disc's coverage."""
    clean = np.tile(np.linspace(40, 200, 200, dtype=np.uint8)[None, :, None], (200, 1, 3))
    cover = np.zeros((200, 200), np.float32)
    cv2.circle(cover, (100, 100), 50, 1.0, -1)
    cloth = np.random.default_rng(0).integers(90, 130, clean.shape).astype(np.uint8)
    return clean, np.where(cover[..., None] > 0, cloth, clean), cover


def test_the_truth_itself_scores_full_marks(disc):
    clean, truth, cover = disc
    score = measure(clean, truth, cover, truth, cover)
    assert (score.iou, score.level, score.shading) == (1.0, 0.0, 0.0)
    assert score.ssim == pytest.approx(1.0)
    assert score.psnr > 70 > score.bare_psnr


def test_a_paint_half_as_bright_is_a_stop_off_in_level_and_not_in_shading(disc):
    clean, truth, cover = disc
    linear = ((truth / 255.0 + 0.055) / 1.055) ** 2.4
    dark = np.round(255.0 * (1.055 * (linear / 2) ** (1 / 2.4) - 0.055)).astype(np.uint8)
    score = measure(clean, truth, cover, np.where(cover[..., None] > 0, dark, clean), cover)
    assert score.level == pytest.approx(-1.0, abs=0.04)
    assert score.shading < 0.03


def test_a_gradient_over_the_mask_is_shading_and_not_level(disc):
    clean, truth, cover = disc
    ramp = np.linspace(-0.5, 0.5, 200)[None, :, None]  # stops of display light, about 2.2 of linear light
    bent = np.clip(truth * 2.0**ramp, 0, 255).astype(np.uint8)
    score = measure(clean, truth, cover, np.where(cover[..., None] > 0, bent, clean), cover)
    assert abs(score.level) < 0.1
    assert 0.15 < score.shading < 0.5


def test_a_silhouette_beside_the_true_one_lowers_the_iou(disc):
    clean, truth, cover = disc
    score = measure(clean, truth, cover, truth, np.roll(cover, 50, axis=1))
    assert score.iou == pytest.approx(0.243, abs=0.02)  # two discs whose centres are a radius apart


def test_every_style_gets_heads_of_every_band():
    heads = plan(["surgical", "n95"], 6, seed=1)
    assert len(heads) == 12
    for style in ("surgical", "n95"):
        yaws = [abs(head.angles[0]) for head in heads if head.style == style]
        assert [sum(low <= yaw < high for yaw in yaws) for low, high in BANDS] == [2, 2, 2]


def test_painter_is_measured_against_worn_masks(tmp_path, capsys):
    args = ["bench", "painter", "-n", "1", "--styles", "surgical,n95", "--seed", "2", "--quiet"]
    args += ["--out", str(tmp_path / "f.json"), "--sheet", str(tmp_path / "s.png")]
    assert run(command, args) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].split()[:4] == ["style", "yaw", "heads", "psnr"]
    data = json.loads((tmp_path / "f.json").read_text())
    assert [head["style"] for head in data["heads"]] == ["surgical", "n95"]
    assert (tmp_path / "s.png").exists()
    for head in data["heads"]:
        # nearer to the truth than the bare face, and about where the mask is
        assert head["psnr"] > head["bare_psnr"] + 1.0
        assert head["iou"] > 0.7
        assert head["ssim"] > 0.3
    assert table([])[:1] == []


@pytest.mark.slow
def test_demo_ends_with_the_paths_of_its_pictures(tmp_path, capsys):
    assert run(command, ["demo", "--out", str(tmp_path / "demo"), "--jobs", "1"]) == 0
    paths = capsys.readouterr().out.split("look at:\n")[1].split()
    assert len(paths) == 3
    for path in paths:
        assert cv2.imread(path).shape[1] > 1000
