"""Comparisons: the same seeds for all, finished runs read again, failures said, intervals, the zero row."""

from __future__ import annotations

import json

import pytest

from maskgen.cli.main import command, run
from maskgen.errors import UsageError
from maskgen.hpe import config, lineup
from tests.hpe.tiny_sets import write_set


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A configuration on forty drawn heads and their masked twins."""
    root = tmp_path_factory.mktemp("sets")
    clean, masked = write_set(root / "AFLW2000", 24), write_set(root / "AFLW2000_masked", 24, masked=True)
    tree = {
        "device": "cpu",
        "data": {
            "train": str(clean),
            "val": 0.0,
            "cache": str(root / "cache"),
            "test": {"clean": str(clean), "masked": str(masked)},
        },
        "train": {"epochs": 1, "batch": 8},
        "eval": {"resamples": 200},
    }
    path = root / "base.yaml"
    path.write_text(json.dumps(tree))
    return path


@pytest.fixture(scope="module")
def lines(base, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    variants = [
        lineup.network("fastpose", tiny=True),
        lineup.network("retinapose_mnet025", tiny=True),
        lineup.variant("slow: model.name=fastpose; train.lr=1e-5"),
        lineup.variant("broken: model.name=fastpose; train.lr=-1"),
    ]
    found = lineup.run_all(base, variants, out, seeds=(0, 1))
    return found, out


def test_every_line_has_its_seeds_and_what_failed_says_why(lines):
    found, out = lines
    assert [len(line.results) for line in found] == [2, 2, 2, 0]
    assert "train.lr" in found[3].failure
    seeds = [r["seed"] for r in found[0].results]
    assert seeds == [0, 1]
    first, second = (p["clean"].predicted for p in found[0].predictions)
    assert not (first == second).all()
    assert (out / "slow" / "seed1" / "results.json").is_file()


def test_table_has_errors_misses_and_the_zero_row(lines):
    found, out = lines
    text = lineup.write(found, out)
    table = [line for line in text.splitlines() if line.startswith("|")]
    row = next(line for line in table if line.startswith("| fastpose"))
    assert "±" in row
    assert any(line.startswith("| always zero") for line in table)
    assert "train.lr" in next(line for line in table if line.startswith("| broken"))
    misses = sum(r["tests"]["clean"]["scores"]["n_failed"] for r in found[1].results)
    assert ("missed, as 0" in next(line for line in table if "retinapose" in line)) == (misses > 0)
    stored = json.loads((out / "lineup.json").read_text())
    assert [entry["label"] for entry in stored] == ["fastpose", "retinapose_mnet025", "slow", "broken"]


def test_errors_by_angle_have_intervals_and_count_misses_as_zero(lines):
    found, _ = lines
    table = [line for line in lineup.angle_table(found).splitlines() if line.startswith("| ")][1:]
    rows = {
        (c[0], c[1]): c for c in ([cell.strip() for cell in line.strip("|").split("|")] for line in table)
    }
    assert set(rows) == {
        (n, t) for n in ("fastpose", "retinapose_mnet025", "slow") for t in ("clean", "masked")
    }
    for line in found[:3]:
        row = rows[line.variant.label, "clean"]
        scores = [r["tests"]["clean"]["scores"] for r in line.results]
        by_angle = [
            sum(s["mae_zero_filled"][a] for s in scores) / 2 for a in ("yaw", "pitch", "roll", "mean")
        ]
        assert [float(cell) for cell in row[3:7]] == pytest.approx(by_angle, abs=0.006)
        low, high = map(float, row[7].split(" to "))
        assert row[2] == "2"
        assert low < float(row[6]) < high
        dead = [a for s in scores for a in s.get("collapsed", [])]
        assert row[8] == ", ".join(
            f"{a} ({dead.count(a)} of 2)" for a in ("yaw", "pitch", "roll") if a in dead
        )


def test_gaps_and_differences_are_paired_over_pictures_and_seeds(lines):
    found, _ = lines
    (report,) = lineup.gaps(found[0]).values()
    assert report["seeds"] == 2
    assert report["n_pairs"] == 24
    apart = {(label, test): i for label, test, i in lineup.differences([found[0], found[2]])}
    assert set(apart) == {("slow", "clean"), ("slow", "masked")}
    by_hand = [
        b["clean"].errors("wrapped").mean() - a["clean"].errors("wrapped").mean()
        for a, b in zip(found[0].predictions, found[2].predictions, strict=True)
    ]
    interval = apart["slow", "clean"]
    assert interval.mean == pytest.approx(sum(by_hand) / 2, abs=1e-4)
    assert interval.low <= interval.mean <= interval.high


def test_ranges_share_the_difference_out_and_are_in_the_table(lines):
    found, out = lines
    pair = [found[0], found[2]]
    whole = lineup.compare_errors(*([p["clean"] for p in line.predictions] for line in pair))
    rows = [r for r in lineup.range_differences(pair) if r[1] == "clean"]
    for angle in ("yaw", "pitch", "roll"):
        mine = [i for _, _, a, _, i in rows if a == angle]
        assert sum(i.n for i in mine) == 24
        assert sum(i.n * i.mean for i in mine) / 24 == pytest.approx(whole[angle].mean, abs=1e-9)
    assert "By range of the true angle" in lineup.write(pair, out)


def test_finished_runs_are_read_and_other_settings_refused(lines, base):
    found, out = lines
    said: list[str] = []
    again = lineup.run_all(base, [found[0].variant], out, seeds=(0,), report=said.append)
    assert said == []
    assert again[0].results[0]["tests"] == json.loads(json.dumps(found[0].results[0]["tests"]))
    other = lineup.run_all(base, [found[0].variant], out, seeds=(0,), overrides=["train.lr=0.5"])
    assert "other settings" in other[0].failure


def test_settings_for_all_lines_win_over_what_small_relatives_need_in_short_runs(base, tmp_path):
    small = lineup.network("mhpe", tiny=True)
    assert {"train.ema=0", "train.bn_batches=20", "train.lr=3e-3"} <= set(small.defaults)
    assert lineup.network("mhpe").defaults == ("model.options={}",)
    for name in ("retinapose_mnet025", "retinapose_r50"):
        assert "train.lr=1e-2" in lineup.network(name, tiny=True).defaults
    given = ["train.lr=0.001", "train.ema=0.5", "model.options.width=0.5", "model.name=hopenet"]
    network = lineup.network("fastpose", tiny=True)
    (line,) = lineup.run_all(base, [network], tmp_path, overrides=given)
    assert line.failure == ""
    used = config.load(tmp_path / "fastpose" / "seed0" / "config.yaml")
    assert (used.train.lr, used.train.ema, used.train.bn_batches) == (0.001, 0.5, 20)
    assert (used.model.name, used.model.options) == ("fastpose", {"width": 0.5})


def test_wrong_variants_are_refused_in_one_sentence(base, tmp_path):
    for text in ("no colon", ": train.lr=1", "label:", "label: lr"):
        with pytest.raises(UsageError, match="LABEL: key=value"):
            lineup.variant(text)
    twice = [lineup.network("fastpose")] * 2
    with pytest.raises(UsageError, match="labels of their own"):
        lineup.run_all(base, twice, tmp_path)
    with pytest.raises(UsageError, match="did you mean"):
        lineup.network("fastpos")


def test_all_networks_are_offered_without_the_doubles_of_fsanet():
    names = lineup.everything()
    assert {"siamese_rank", "mhpe", "glpose", "retinapose_r50", "trinet", "fsanet_fusion"} <= set(names)
    assert not [n for n in names if "vlad" in n]


def test_command_prints_the_table_and_refuses_a_folder_of_other_runs(base, tmp_path, capsys):
    arguments = ["lineup", "fastpose", "--config", str(base), "--out", str(tmp_path / "runs"), "-q"]
    assert run(command, arguments) == 0
    out = capsys.readouterr().out
    assert "always zero" in out
    assert "Masked minus clean" in out
    assert run(command, [*arguments, "--set", "train.lr=0.5"]) == 2
    assert "other settings" in capsys.readouterr().err
    assert run(command, ["lineup", "nosuch", "--config", str(base)]) == 2


@pytest.mark.parametrize("wrong", [["--config", "nowhere"], ["--set", "train.lr=-1"], ["--out", "{file}"]])
def test_what_is_wrong_for_all_lines_is_one_sentence(base, tmp_path, capsys, wrong):
    (tmp_path / "file").write_text("x")
    arguments = ["lineup", "fastpose", "--config", str(base), "--out", str(tmp_path / "runs")]
    assert run(command, [*arguments, *(w.format(file=tmp_path / "file") for w in wrong)]) == 2
    assert capsys.readouterr().err.strip().count("\n") == 0


def test_a_stop_ends_the_whole_comparison_and_not_one_line(base, tmp_path, capsys, monkeypatch):
    from maskgen.hpe import train, trainer

    asked = []

    def stopped(*arguments, **options):
        asked.append(arguments)
        raise trainer.Stopped("the state is saved")

    monkeypatch.setattr(train, "run", stopped)
    arguments = ["lineup", "fastpose", "mhpe", "--config", str(base), "--out", str(tmp_path / "runs")]
    assert run(command, arguments) == 130
    assert len(asked) == 1
    assert "the same command goes on" in capsys.readouterr().err


@pytest.mark.slow
def test_the_detectors_small_relative_learns_the_pose_in_a_short_run(tmp_path):
    train, test = write_set(tmp_path / "a/AFLW2000", 160), write_set(tmp_path / "b/AFLW2000", 64, seed=1)
    tree = {
        "device": "cpu",
        "data": {"train": str(train), "val": 0.0, "cache": str(tmp_path / "cache"), "test": {"t": str(test)}},
        "train": {
            "epochs": 10,
            "steps_per_epoch": 20,
            "batch": 16,
            "lr": 2e-3,
            "optimiser": "adamw",
            "warmup": 1,
        },
        "eval": {"resamples": 200},
    }
    base = tmp_path / "base.yaml"
    base.write_text(json.dumps(tree))
    network = lineup.network("retinapose_mnet025", tiny=True)
    (line,) = lineup.run_all(base, [network], tmp_path / "runs")
    scores = line.results[0]["tests"]["t"]["scores"]
    # 12.5 degrees of 20.7; at the base's rate 15.8
    assert scores["mae_zero_filled"]["mean"] < 0.68 * scores["zero_baseline"]["mean"]
