"""Shells of all styles: outside the skin, without folds, symmetric, tented, with straps that arrive."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from maskgen.geometry.face import CANONICAL_FACE
from maskgen.geometry.head import CENTRE, directions_of, head_mesh
from maskgen.geometry.rotation import rotation_z
from maskgen.paint.drape import _blurred, natural_spline, skin_radius
from maskgen.paint.shell import COLUMNS, ROWS, Shell, build_shell, skewed

sys.path.insert(0, str(Path(__file__).parents[1] / "masks"))
from styles_of_catalogue import CATALOGUE, STYLES, WORN, clearance, grid

EYE_LINE = float(CANONICAL_FACE[36:48, 1].mean())
PUPILS_MM = float(CANONICAL_FACE[42:48, 0].mean() - CANONICAL_FACE[36:42, 0].mean())


def shell_of(name: str, wear: str = "correct", skew: float = 0.0) -> Shell:
    return build_shell(CATALOGUE.spec(name), wear, skew)


@pytest.mark.parametrize("skew", [0.0, -5.0])
@pytest.mark.parametrize(("name", "wear"), WORN)
def test_the_shell_lies_outside_the_skin_everywhere(name: str, wear: str, skew: float) -> None:
    assert clearance(grid(shell_of(name, wear, skew))) > 0.5


@pytest.mark.parametrize(("name", "wear"), WORN)
def test_straps_keep_off_the_skin(name: str, wear: str) -> None:
    points = shell_of(name, wear).vertices[ROWS * COLUMNS :]
    if len(points):
        d, r = directions_of(points)
        assert (r - skin_radius(d)).min() > 0.2


@pytest.mark.parametrize(("name", "wear"), WORN)
def test_the_cloth_never_folds_back_on_itself(name: str, wear: str) -> None:
    points = grid(shell_of(name, wear))
    normal = np.cross(points[1:, :-1] - points[:-1, :-1], points[:-1, 1:] - points[:-1, :-1])
    area = np.linalg.norm(normal, axis=-1, keepdims=True)
    assert area.min() > 0.0
    normal = normal / area
    assert (
        min((normal[1:] * normal[:-1]).sum(-1).min(), (normal[:, 1:] * normal[:, :-1]).sum(-1).min()) > -0.3
    )
    if not CATALOGUE.spec(name).drape.skirt:
        outward = (points[:-1, :-1] + points[1:, 1:]) / 2 - CENTRE
        assert (normal * outward).sum(-1).min() > 0.0


@pytest.mark.parametrize(("name", "wear"), WORN)
def test_a_shell_that_is_not_skewed_is_symmetric(name: str, wear: str) -> None:
    shell = shell_of(name, wear)
    points = grid(shell)
    assert np.allclose(points, points[:, ::-1] * [-1, 1, 1], atol=1e-9)
    straps = shell.vertices[ROWS * COLUMNS :].reshape(-1, 2, 2, 12, 3)  # strap, side, edge of the band
    mirrored = straps[:, 1] * [-1, 1, 1]
    both = [np.abs(straps[:, 0] - m).max(initial=0.0) for m in (mirrored, mirrored[:, ::-1])]
    assert min(both) < 1e-9


@pytest.mark.parametrize("name", STYLES)
def test_straps_end_at_the_ear_or_behind_the_head(name: str) -> None:
    shell = shell_of(name)
    ear = head_mesh().vertices[(np.abs(head_mesh().vertices[:, 0]) > 72.9)]
    for start in range(ROWS * COLUMNS, len(shell.vertices), 24):
        band = shell.vertices[start : start + 24].reshape(2, 12, 3).mean(0)
        end = band[-1]
        at_ear = np.linalg.norm(ear - end, axis=1).min() < 9.0
        behind = end[2] > 180.0 and abs(end[0]) < 1.0
        assert at_ear or behind, (name, end)
        step = np.linalg.norm(np.diff(band, axis=0), axis=1)
        assert step.max() < 4.0 * np.median(step)


@pytest.mark.parametrize("name", STYLES)
def test_a_strap_begins_on_the_mask(name: str) -> None:
    shell = shell_of(name)
    for start in range(ROWS * COLUMNS, len(shell.vertices), 24):
        first = shell.vertices[start : start + 24].reshape(2, 12, 3)[:, 0].mean(0)
        assert np.linalg.norm(grid(shell) - first, axis=-1).min() < 8.0


@pytest.mark.parametrize("name", [n for n in STYLES if CATALOGUE.spec(n).drape.tent > 0.7])
def test_in_profile_the_outline_is_straight_or_convex_between_nose_and_chin(name: str) -> None:
    """Real fabric tents from nose to chin and never follows the lips (docs/styles.md)."""
    middle = grid(shell_of(name))[:, COLUMNS // 2]
    span = (middle[:, 1] > 0.0) & (middle[:, 1] < 70.0)
    y, front = middle[span, 1], -middle[span, 2]
    chord = np.interp(y, y[[0, -1]], front[[0, -1]])
    assert (front - chord).min() > -3.0


@pytest.mark.parametrize("name", ["surgical", "cloth", "kn95", "n95"])
def test_outline_lies_where_it_does_on_real_masks(name: str) -> None:
    """10-90 % ranges of photographs, in distances between the pupils (docs/styles.md)."""
    points = grid(shell_of(name))
    ridge = (points[0, COLUMNS // 2, 1] - EYE_LINE) / PUPILS_MM
    lowest = (points[..., 1].max() - EYE_LINE) / PUPILS_MM
    half = points[..., 0].max() / PUPILS_MM
    assert 0.07 < ridge < 0.26
    assert 1.74 < lowest < 2.23
    assert 1.00 < half < 1.25
    corner = (points[-1, -1, 1] - EYE_LINE) / PUPILS_MM
    assert 0.95 < corner < 1.37
    assert points[-1, -1, 2] > points[0, -1, 2]  # the lower corner lies farther back


@pytest.mark.parametrize("name", [n for n, w in WORN if w == "under_nose"])
def test_worn_under_the_nose_it_bares_the_nose_and_under_the_chin_the_mouth(name: str) -> None:
    middle = COLUMNS // 2
    tops = [grid(shell_of(name, wear))[0, middle, 1] for wear in ("correct", "under_nose", "under_chin")]
    nostrils, lower_lip = CANONICAL_FACE[33, 1], CANONICAL_FACE[57, 1]
    assert tops[0] < -10.0
    assert nostrils < tops[1] < CANONICAL_FACE[51, 1]
    assert lower_lip < tops[2] < CANONICAL_FACE[8, 1]


@pytest.mark.parametrize("name", [n for n, w in WORN if w == "loose"])
def test_worn_loose_it_stands_off_more_and_sits_lower(name: str) -> None:
    tight, loose = shell_of(name), shell_of(name, "loose")
    n = ROWS * COLUMNS
    assert np.median(loose.tent_mm[:n]) > np.median(tight.tent_mm[:n]) + 1.5
    assert grid(loose)[0, COLUMNS // 2, 1] > grid(tight)[0, COLUMNS // 2, 1] + 2.0


def test_skew_turns_the_mask_by_that_angle_on_the_face() -> None:
    straight, skewed = grid(shell_of("surgical")), grid(shell_of("surgical", skew=6.0))

    def tilt(points: np.ndarray) -> float:
        across = points[0, -1] - points[0, 0]
        return float(np.degrees(np.arctan2(across[1], across[0])))

    assert abs(tilt(straight)) < 1e-6
    assert abs(abs(tilt(skewed)) - 6.0) < 0.7


@pytest.mark.parametrize("name", STYLES)
def test_a_mask_rolled_on_the_face_keeps_its_bands_at_the_ears(name: str) -> None:
    straight, rolled = shell_of(name), skewed(shell_of(name), 6.0)
    pivot = np.array([0.0, 20.0, 0.0])
    expected = (grid(straight) - pivot) @ rotation_z(6.0).T + pivot
    assert np.allclose(grid(rolled), expected, atol=1e-9)
    for start in range(ROWS * COLUMNS, len(straight.vertices), 24):
        before, after = (s.vertices[start : start + 24].reshape(2, 12, 3).mean(0) for s in (straight, rolled))
        assert np.allclose(after[-1], before[-1], atol=1e-9)
        assert np.linalg.norm(grid(rolled) - after[0], axis=-1).min() < 8.0
        assert np.linalg.norm(np.diff(after, axis=0), axis=1).max() < 40.0


def test_millimetres_along_the_cloth_are_those_of_the_surface() -> None:
    shell = shell_of("cloth")
    points, mm = grid(shell), shell.fabric_mm[: ROWS * COLUMNS].reshape(ROWS, COLUMNS, 2)
    across = np.linalg.norm(np.diff(points, axis=1), axis=-1)
    assert np.allclose(np.diff(mm[..., 0], axis=1), across, rtol=1e-4)
    assert np.all(mm[:, COLUMNS // 2, 0] == 0.0)
    assert shell.size_mm[0] == pytest.approx(np.ptp(mm[..., 0], axis=1).max())
    rim = shell.rim_mm[: ROWS * COLUMNS].reshape(ROWS, COLUMNS)
    assert rim[0].max() == rim[-1].max() == rim[:, 0].max() == rim[:, -1].max() == 0.0
    assert rim.max() > 40.0


def test_a_shell_is_built_once_for_a_style_and_a_way_of_wearing_it() -> None:
    assert shell_of("surgical") is shell_of("surgical")
    assert shell_of("surgical") is not shell_of("surgical", "loose")


def test_a_bump_stands_out_by_its_height_on_both_sides() -> None:
    import dataclasses

    spec = CATALOGUE.spec("half_mask")
    flat = dataclasses.replace(spec, drape=dataclasses.replace(spec.drape, bumps=()))
    with_parts, without = grid(build_shell(spec)), grid(build_shell(flat))
    moved = np.linalg.norm(with_parts - without, axis=-1)
    for bump in spec.drape.bumps:
        row = round(bump.at[1] * (ROWS - 1))
        for side in (-1, 1):
            column = round((side * bump.at[0] + 1) / 2 * (COLUMNS - 1))
            assert moved[row, column] == pytest.approx(bump.height, abs=1.0)


def test_cheeks_make_a_vault_of_the_roof_and_leave_its_ridge_and_edges() -> None:
    spec = CATALOGUE.spec("surgical")
    flat, full = (grid(build_shell(replace(spec, drape=replace(spec.drape, cheeks=mm)))) for mm in (0.0, 6.0))
    moved = np.linalg.norm(full - flat, axis=-1)
    middle = COLUMNS // 2
    assert max(moved[:, middle].max(), moved[[0, -1]].max(), moved[:, [0, -1]].max()) < 0.3
    assert 4.5 < moved.max() < 6.5

    def turn(points: np.ndarray) -> float:
        """Degrees by which the cloth before the mouth turns within 8 mm of the midline."""
        step = points[ROWS // 2, middle + 1] - points[ROWS // 2, middle - 1]
        beside = points[ROWS // 2, middle + 2] - points[ROWS // 2, middle + 1]
        return float(np.degrees(np.arctan2(beside[2], beside[0]) - np.arctan2(step[2], step[0])))

    assert turn(full) < 0.8 * turn(flat)


def test_splines_and_blurs_of_the_cloth_are_those_of_scipy() -> None:
    rng = np.random.default_rng(4)
    x, values = np.cumsum(rng.random(9) + 0.2), rng.random((9, 3))
    at = np.linspace(x[0], x[-1], 40)
    np.testing.assert_allclose(natural_spline(x, values, at), CubicSpline(x, values, bc_type="natural")(at))
    field = rng.random((20, 31))
    np.testing.assert_allclose(_blurred(field, 1.3, 1.3), gaussian_filter(field, 1.3, mode="nearest"))
    down = gaussian_filter1d(field, 0.7, axis=0, mode="nearest")
    np.testing.assert_allclose(_blurred(field, 0.7, 0.0), down)
