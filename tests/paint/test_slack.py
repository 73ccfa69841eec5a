"""Slack: every mask hangs a little differently, outside the skin, and nearly alike on both sides."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from maskgen.paint.shell import COLUMNS, ROWS, Shell, build_shell
from maskgen.paint.slack import SLACK_BYTES, slack_fields, slackened

sys.path.insert(0, str(Path(__file__).parents[1] / "masks"))
from styles_of_catalogue import CATALOGUE, WORN, clearance, grid

SLACK = [(name, wear) for name, wear in WORN if CATALOGUE.spec(name).drape.slack]


def hung(name: str, wear: str, drawn: tuple[int, ...], skew_deg: float = 0.0) -> Shell:
    spec = CATALOGUE.spec(name)
    return slackened(build_shell(spec, wear), slack_fields(spec, wear), drawn, skew_deg)


def draws(count: int) -> list[tuple[int, ...]]:
    rng = np.random.default_rng(3)
    ends = [(0,) * SLACK_BYTES, (255,) * SLACK_BYTES]
    return ends + [tuple(int(b) for b in rng.integers(0, 256, SLACK_BYTES)) for _ in range(count)]


def test_soft_masks_have_slack_and_moulded_ones_have_none() -> None:
    assert {"surgical", "cloth", "cloth_pleated"} <= {name for name, _ in SLACK}
    shell = build_shell(CATALOGUE.spec("n95"), "correct")
    assert hung("n95", "correct", (255,) * SLACK_BYTES) is shell


@pytest.mark.parametrize(("name", "wear"), SLACK)
def test_cloth_with_slack_keeps_off_the_skin(name: str, wear: str) -> None:
    for drawn in draws(6):
        for skew_deg in (0.0, 2.0, -15.0):
            assert clearance(grid(hung(name, wear, drawn, skew_deg))) > 0.2


@pytest.mark.parametrize(("name", "wear"), SLACK)
def test_slack_moves_the_lower_edge_and_leaves_the_upper_one(name: str, wear: str) -> None:
    slack = CATALOGUE.spec(name).drape.slack
    straight = build_shell(CATALOGUE.spec(name), wear)
    shapes = [grid(hung(name, wear, drawn)) for drawn in draws(6)]
    for points in shapes:
        moved = np.linalg.norm(points - grid(straight), axis=-1)
        assert moved[: ROWS // 3].max() == 0.0
        assert moved.max() < 1.5 * slack
    assert np.ptp([points[-1, -1] for points in shapes], axis=0).max() > 0.4 * slack


@pytest.mark.parametrize(("name", "wear"), SLACK)
def test_both_sides_hang_nearly_alike(name: str, wear: str) -> None:
    for drawn in draws(6):
        points = grid(hung(name, wear, drawn))
        off = np.linalg.norm(points - points[:, ::-1] * [-1, 1, 1], axis=-1)
        assert off.max() < 0.25 * CATALOGUE.spec(name).drape.slack


@pytest.mark.parametrize(("name", "wear"), SLACK)
def test_bands_begin_where_the_mask_now_is_and_end_where_they_did(name: str, wear: str) -> None:
    straight, loose = build_shell(CATALOGUE.spec(name), wear), hung(name, wear, (255,) * SLACK_BYTES)
    for start in range(ROWS * COLUMNS, len(straight.vertices), 24):
        before, after = (s.vertices[start : start + 24].reshape(2, 12, 3).mean(0) for s in (straight, loose))
        assert np.allclose(after[-1], before[-1], atol=1e-9)
        nearest = [
            np.linalg.norm(grid(s) - b[0], axis=-1).min() for s, b in ((straight, before), (loose, after))
        ]
        assert nearest[1] < nearest[0] + 0.5


@pytest.mark.parametrize(("name", "wear"), SLACK)
def test_a_mask_that_sits_askew_hangs_on_its_lower_side_and_mirrors(name: str, wear: str) -> None:
    slack, most = CATALOGUE.spec(name).drape.slack, 0.0
    for drawn in draws(4)[1:]:
        level = grid(hung(name, wear, drawn))
        # rolled clockwise for who looks at it, the right of a picture is lower
        right = grid(hung(name, wear, drawn, 3.0)) - level
        left = grid(hung(name, wear, drawn, -3.0)) - level
        np.testing.assert_allclose(right, left[:, ::-1] * [-1, 1, 1], atol=1e-9)
        out = np.linalg.norm(right[-1], axis=-1)
        assert out[-1] == pytest.approx(out[0], abs=1e-9)
        assert right[-1, -1, 0] >= 0.0  # off the face on the right, nearer to it on the left
        assert right[-1, 0, 0] >= 0.0
        assert out.max() < 1.1 * slack
        most = max(most, float(out[-1]))
    assert most > 0.2 * slack
