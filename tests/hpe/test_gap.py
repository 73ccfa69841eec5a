"""The masked gap: pairing by id, the bias of the unpaired number, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from maskgen.errors import UsageError
from maskgen.hpe import gap
from maskgen.hpe.predictions import Labels, Predictions, looks_like_radians, read_csv


def predictions(true: np.ndarray, offset: float | np.ndarray, ids: list[str] | None = None) -> Predictions:
    names = tuple(ids or [f"image{i:05d}" for i in range(len(true))])
    return Predictions(names, true, true + offset, names)


@pytest.fixture
def true() -> np.ndarray:
    return np.random.default_rng(0).uniform(-45, 45, (300, 3))


def test_the_paired_gap_is_the_growth_of_the_error_on_the_same_pictures(true) -> None:
    report = gap.gap_report([gap.pair(predictions(true, 3.0), predictions(true, 4.5))])
    for name in ("yaw", "pitch", "roll", "mean"):
        assert report["paired"][name]["mean"] == pytest.approx(1.5)
    assert report["n_pairs"] == 300


def test_dropping_hard_poses_makes_the_unpaired_gap_negative_but_not_the_paired_one(true) -> None:
    hard = np.abs(true[:, 0]) > 25
    clean = predictions(true, np.where(hard, 12.0, 2.0)[:, None])
    easy = clean.take(~hard)
    masked = Predictions(easy.ids, easy.true, easy.predicted + 1.0, easy.groups)
    report = gap.gap_report([gap.pair(clean, masked)])
    assert report["unpaired"]["mean"] < -1.0
    assert report["paired"]["mean"]["mean"] == pytest.approx(1.0)
    assert report["paired"]["mean"]["low"] > 0.0
    assert (report["n_clean"], report["n_pairs"]) == (300, int((~hard).sum()))


def test_pairs_are_joined_by_id_in_whatever_order_the_masked_set_comes(true) -> None:
    clean, masked = predictions(true, 1.0), predictions(true, 2.0)
    shuffled = masked.take(np.random.default_rng(1).permutation(300))
    pairs = gap.pair(clean, shuffled)
    np.testing.assert_allclose(pairs.difference[:, :3], 1.0, atol=1e-9)


def test_faces_lost_under_the_mask_are_counted_and_left_out(true) -> None:
    masked = predictions(true, 2.0)
    masked.predicted[:20] = np.nan
    pairs = gap.pair(predictions(true, 1.0), masked)
    assert (pairs.counts["failed_masked"], pairs.counts["n_pairs"]) == (20, 280)


def test_the_range_table_gives_the_gap_of_each_angle_among_its_own_range(true) -> None:
    extra = np.zeros_like(true)
    extra[np.abs(true[:, 0]) >= 30, 0] = 6.0
    rows = gap.gap_report([gap.pair(predictions(true, 1.0), predictions(true, 1.0 + extra))])["ranges"]["yaw"]
    assert [r.get("mean") for r in rows[:2]] == pytest.approx([0.0, 6.0])
    assert rows[2]["n"] == 0


def test_a_gap_that_closes_for_every_seed_is_significant(true) -> None:
    rng = np.random.default_rng(2)

    def runs(gap_deg: float) -> list[gap.Pairs]:
        noise = [rng.normal(0, 1, true.shape) for _ in range(3)]
        return [gap.pair(predictions(true, 3 + e), predictions(true, 3 + gap_deg + e)) for e in noise]

    closed = gap.compare_gaps(runs(2.0), runs(0.1))["mean"]
    assert closed.excludes_zero
    assert closed.mean == pytest.approx(1.9, abs=0.1)
    nothing = gap.compare_gaps(runs(1.0), runs(1.0))["mean"]
    assert abs(nothing.mean) < 0.1


def test_the_worst_pairs_come_first(true) -> None:
    offset = np.ones((300, 1))
    offset[17], offset[250] = 30.0, 20.0
    worst = gap.worst_pairs(gap.pair(predictions(true, 1.0), predictions(true, offset)), 2)
    assert [w[0] for w in worst] == ["image00017", "image00250"]


def test_sets_without_a_common_picture_are_refused_with_examples_of_both(true) -> None:
    other = predictions(true, 1.0, [f"x{i}" for i in range(300)])
    with pytest.raises(UsageError, match=r"share no picture.*image00000.*x0"):
        gap.pair(predictions(true, 1.0), other)


def test_twins_with_different_labels_are_refused_by_name(true) -> None:
    moved = true.copy()
    moved[5, 1] += 2.0
    with pytest.raises(UsageError, match=r"image00005 has labels 2\.\d+ degrees apart"):
        gap.pair(predictions(true, 1.0), predictions(moved, 1.0))


def test_predictions_survive_their_csv(tmp_path, true) -> None:
    before = predictions(true, 1.25)
    before.predicted[3] = np.nan
    before.write_csv(tmp_path / "p.csv")
    after = read_csv(tmp_path / "p.csv")
    assert after.ids == before.ids
    np.testing.assert_allclose(after.predicted, before.predicted, atol=1e-5)
    np.testing.assert_allclose(after.true, before.true, atol=1e-5)
    assert after.score()["n_failed"] == 1


def test_an_outside_csv_may_name_image_files_and_miss_some(tmp_path, true) -> None:
    labels = Labels(("a/one", "a/two", "a/three"), true[:3], ("1", "2", "3"))
    (tmp_path / "p.csv").write_text(
        "id,yaw,pitch,roll,score\na/one.jpg,1,2,3,9\na/three,4,5,6,9\nb/four,0,0,0,1\n"
    )
    got = read_csv(tmp_path / "p.csv", labels)
    assert got.ids == labels.ids
    np.testing.assert_array_equal(got.predicted[[0, 2]], [[1, 2, 3], [4, 5, 6]])
    assert got.detected.tolist() == [True, False, True]
    assert got.ignored == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,yaw,pitch\na,1,2\n", r"lacks the column\(s\) roll; needed are id, yaw, pitch, roll"),
        ("id,yaw,pitch,roll\na,1,two,3\n", "line 2: pitch is 'two', not a number"),
        ("id,yaw,pitch,roll\na,1,2,3\na,1,2,3\n", "line 3: the id 'a' is given twice"),
        ("id,yaw,pitch,roll\nz,1,2,3\n", "no id of .* is a picture of the dataset"),
        ("", r"lacks the column\(s\) id"),
        ("id,yaw,pitch,roll\n", "has its columns, but no row"),
        ("id,yaw,pitch,roll\na,1,5,2,5,3,0\n", "line 2 has more cells than the 4 columns"),
        ("id,yaw,pitch,roll,yaw\na,1,2,3,4\n", "has the column yaw twice"),
        ("id,yaw,pitch,roll\n" + "x" * 200_000 + ",1,2,3\n", "is no CSV table: field larger"),
    ],
)
def test_a_wrong_csv_gives_one_clear_sentence(tmp_path, text: str, message: str) -> None:
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        read_csv(tmp_path / "p.csv", Labels(("a",), np.zeros((1, 3)), ("a",)))
    assert "\n" not in str(caught.value)


def test_radians_are_noticed(true) -> None:
    right = predictions(true, 0.0)
    wrong = Predictions(right.ids, true, np.radians(true), right.groups)
    assert looks_like_radians(wrong)
    assert not looks_like_radians(right)
