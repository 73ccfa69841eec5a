"""Metrics against independent references: SciPy, published label statistics, and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from maskgen.geometry.rotation import euler_to_matrix
from maskgen.hpe import metrics


@pytest.fixture(scope="module")
def triples() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    true = rng.uniform([-99, -60, -60], [99, 60, 60], (400, 3))
    return true + rng.normal(0, 6, true.shape), true


def test_an_angle_error_never_exceeds_half_a_turn_and_wraps_at_180() -> None:
    error = metrics.angle_errors([[0, 0, 179.0], [10, 0, -170.0]], [[0, 0, -179.0], [10, 0, 170.0]])
    np.testing.assert_allclose(error, [[0, 0, 2], [0, 0, 20]], atol=1e-12)


def test_a_prediction_is_not_forgiven_half_a_turn_unless_the_legacy_rule_is_asked_for() -> None:
    predicted, true = [[0.0, 0.0, 175.0]], [[0.0, 0.0, 0.0]]
    assert metrics.angle_errors(predicted, true)[0, 2] == 175.0
    assert metrics.angle_errors(predicted, true, "sixdrep_legacy")[0, 2] == 5.0


def test_both_triples_of_a_rotation_score_alike_for_a_label_beyond_90_of_yaw() -> None:
    true = np.array([[95.0, 4.0, -7.0]])
    same_rotation = np.array([[85.0, -176.0, 173.0]])
    np.testing.assert_allclose(euler_to_matrix(true), euler_to_matrix(same_rotation), atol=1e-12)
    np.testing.assert_allclose(metrics.angle_errors(same_rotation, true), 0.0, atol=1e-9)


def test_maev_is_the_angle_between_the_columns_of_the_matrices(triples) -> None:
    predicted, true = (euler_to_matrix(a) for a in triples)
    cosine = np.clip(np.einsum("nij,nij->nj", predicted, true), -1, 1)
    np.testing.assert_allclose(metrics.axis_errors(predicted, true), np.degrees(np.arccos(cosine)), atol=1e-6)


def test_geodesic_numbers_agree_with_scipy(triples) -> None:
    predicted, true = triples
    turn = (
        Rotation.from_matrix(euler_to_matrix(predicted)) * Rotation.from_matrix(euler_to_matrix(true)).inv()
    )
    expected = np.degrees(turn.magnitude())
    got = metrics.score(predicted, true)["geodesic"]
    assert got["mean"] == pytest.approx(expected.mean(), abs=1e-9)
    assert got["median"] == pytest.approx(np.median(expected), abs=1e-9)


def test_the_mean_is_recomputed_from_the_three_angles(triples) -> None:
    mae = metrics.score(*triples)["mae"]
    assert mae["mean"] == pytest.approx((mae["yaw"] + mae["pitch"] + mae["roll"]) / 3)


def test_ranges_bin_by_the_true_angle_and_share_out_every_head(triples) -> None:
    predicted, true = triples
    table = metrics.score(predicted, true)["ranges"]
    for j, name in enumerate(metrics.ANGLES):
        assert sum(row["n"] for row in table[name]) == len(true)
        inside = (np.abs(true[:, j]) >= 30) & (np.abs(true[:, j]) < 60)
        row = next(r for r in table[name] if r["range"] == "[30,60)")
        assert row["mae"] == pytest.approx(np.abs(predicted - true)[inside, j].mean())


def test_the_last_range_keeps_99_and_what_lies_beyond_gets_its_own_row() -> None:
    table = metrics.range_table(np.ones((3, 3)), [[99, 0, 0], [0, 0, 120], [60, 0, 0]])
    assert [r["n"] for r in table["yaw"]] == [1, 0, 2, 0]
    assert [(r["range"], r["n"]) for r in table["roll"]] == [
        ("[0,30)", 2),
        ("[30,60)", 0),
        ("[60,99]", 0),
        (">99", 1),
    ]


def test_the_area_under_the_cumulative_curve_is_its_integral() -> None:
    errors = np.random.default_rng(0).gamma(2.0, 3.0, 500)
    t = np.linspace(0, 10, 200_001)
    numeric = np.trapezoid(metrics.cumulative(errors, t), t) / 10
    assert metrics.area_under_cumulative(errors, 10.0) == pytest.approx(numeric, abs=1e-4)


def test_a_failed_head_never_counts_as_within_a_threshold() -> None:
    assert metrics.cumulative([1.0, np.nan, np.inf], [5.0, 1e9]).tolist() == [1 / 3, 1 / 3]


def test_rare_poses_weigh_as_much_as_common_ones_in_ubmae() -> None:
    true = np.array([[5.0, 0, 0]] * 99 + [[75.0, 0, 0]])
    errors = np.zeros((100, 3))
    errors[99, 0] = 30.0
    assert metrics.unbiased_mae(errors, true)[0] == pytest.approx(15.0)
    assert errors[:, 0].mean() == pytest.approx(0.3)


def test_the_zero_baseline_is_the_mean_absolute_label(triples) -> None:
    true = triples[1]
    expected = np.abs(true).mean(axis=0)
    got = metrics.zero_baseline(true)
    assert [got[n] for n in metrics.ANGLES] == pytest.approx(expected.tolist())


def test_a_constant_output_is_named_and_a_poor_one_is_not(triples) -> None:
    predicted, true = triples[0].copy(), triples[1]
    assert metrics.collapsed_angles(predicted, true) == ()
    predicted[:, 2] = 1.5
    assert metrics.collapsed_angles(predicted, true) == ("roll",)
    predicted[:, 0] = 0.3 * true[:, 0]
    assert metrics.collapsed_angles(predicted, true) == ("roll",)


def test_labels_that_hardly_vary_are_not_called_a_collapse() -> None:
    true = np.random.default_rng(1).normal(0, 20, (50, 3))
    true[:, 2] = 0.0
    predicted = true.copy()
    assert metrics.collapsed_angles(predicted, true) == ()


@pytest.mark.parametrize("bad", [np.zeros((4, 2)), np.zeros(3), np.zeros((2, 3, 3))])
def test_angles_of_another_shape_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"\(n, 3\)"):
        metrics.score(bad, bad)


def test_unknown_metrics_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="wrapped, sixdrep_legacy"):
        metrics.angle_errors(np.zeros((1, 3)), np.zeros((1, 3)), "best_of")
