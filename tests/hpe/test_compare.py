"""Comparisons: same pictures, same steps, several seeds, and a verdict a script can act on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from maskgen.cli.main import command as maskgen  # noqa: E402
from maskgen.cli.main import run  # noqa: E402
from maskgen.errors import UsageError  # noqa: E402
from maskgen.hpe import compare, config  # noqa: E402
from maskgen.hpe.predictions import Predictions  # noqa: E402
from tests.hpe.tiny_sets import write_set  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    write_set(folder / "AFLW2000", 64)
    write_set(folder / "AFLW2000_masked", 64, masked=True)
    return folder


def plan(folder: Path, **changes) -> Path:
    tree = {
        "base": "quick/base",
        "set": {
            "data.cache": str(folder / "cache"),
            "data.test": {"clean": "AFLW2000", "masked": "AFLW2000_masked"},
            "train.epochs": 12,
            "train.batch": 16,
            "train.steps_per_epoch": 8,
            "train.ema": 0.9,
            "eval.resamples": 200,
        },
        "seeds": [0],
        "baseline": "model1",
        "models": {
            "model1": {"data.train": "AFLW2000"},
            "model2": {"data.train": "AFLW2000 + AFLW2000_masked"},
        },
        **changes,
    }
    path = folder / "plan.yaml"
    path.write_text(json.dumps(tree))
    return path


def test_training_with_masks_closes_the_gap_and_the_exit_code_says_so(root, tmp_path, capsys) -> None:
    arguments = ["compare", str(plan(root)), "--root", str(root), "--out", str(tmp_path / "runs"), "-q"]
    assert run(maskgen, [*arguments, "--must-close", "model2"]) == 0
    text = capsys.readouterr().out
    assert "always zero" in text
    content = json.loads((tmp_path / "runs/comparison.json").read_text())
    gaps = compare.mean_gaps(content)
    assert gaps["model2"] < gaps["model1"] - 1.0
    assert content["changes"]["model2"]["gap_closed"]["clean -> masked"]["mean"]["low"] > 0.0
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "runs").rglob("last.pt")}
    assert len(before) == 2
    assert run(maskgen, [*arguments, "--max-gap", "-5"]) == 3
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "runs").rglob("last.pt")} == before
    # finished runs of other settings are not passed off as these
    capsys.readouterr()
    assert run(maskgen, [*arguments, "--set", "train.lr=0.5"]) == 2
    assert "holds a run with other settings" in capsys.readouterr().err


def test_all_models_of_a_shipped_comparison_get_the_same_number_of_steps() -> None:
    for name in ("compare/quick", "compare/aflw2000-906", "compare/synth", "compare/full"):
        _, configs = compare.load_comparison(name)
        budgets = {(c.train.epochs, c.train.steps_per_epoch, c.train.batch) for c in configs.values()}
        assert len(budgets) == 1
        assert None not in next(iter(budgets))


def test_every_shipped_comparison_loads() -> None:
    names = [n for n in config.preset_names() if n.startswith("compare/")]
    assert names
    for name in names:
        loaded, configs = compare.load_comparison(name)
        assert loaded.baseline in configs


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"baseline": "model9"}, "baseline 'model9' of .* is none of its models model1, model2"),
        ({"models": {}}, "is no comparison"),
        ({"seeds": [1, 1]}, "seeds must be different"),
        ({"models": {"model1": {"train.epoch": 1}}}, "unknown configuration key train.epoch"),
        ({"models": {"model1": 5}}, "must be a section"),
        ({"extra": 1}, "unknown configuration key extra"),
    ],
)
def test_a_wrong_comparison_gives_one_sentence(root, changes, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        compare.load_comparison(plan(root, **changes))
    assert "\n" not in str(caught.value)


def test_an_override_that_would_make_the_models_alike_is_refused() -> None:
    for key in ("model={name: retinapose_mnet025}", "model.options.pose_weight=0.3"):
        with pytest.raises(
            UsageError, match=r"would undo model\.options\.pose_weight, by which model lambda-0\.2"
        ):
            compare.load_comparison("compare/lambda_sweep", [key])
    _, configs = compare.load_comparison("compare/lambda_sweep", ["model.name=retinapose_mnet025"])
    weights = [c.model.options["pose_weight"] for c in configs.values()]
    assert weights == [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]


def test_wrong_calls_exit_with_2(root, tmp_path, capsys) -> None:
    path = str(plan(root))
    for arguments in (
        ["compare", "nowhere"],
        ["compare", path, "--seeds", "a"],
        ["compare", path, "--models", "model9"],
        ["compare", path, "--must-close", "model1"],
        ["compare", path, "--root", str(tmp_path), "--out", str(tmp_path / "o")],
    ):
        assert run(maskgen, arguments) == 2
        error = capsys.readouterr().err
        assert error.startswith("Error: ") or "\nError: " in error


def _written(folder: Path, said: np.ndarray, found: list[bool]) -> None:
    """A finished run's predictions of two heads at 10 and 30 degrees in every angle."""
    true = np.array([[10.0] * 3, [30.0] * 3])
    said = np.where(np.array(found)[:, None], said, np.nan)
    (folder / "predictions").mkdir(parents=True)
    Predictions(("a", "b"), true, said, ("a", "b")).write_csv(folder / "predictions" / "clean.csv")


def test_a_model_gains_nothing_by_missing_the_hard_heads(tmp_path) -> None:
    for seed in (0, 1):
        _written(tmp_path / f"sees/seed-{seed}", np.array([[8.0] * 3, [24.0] * 3]), [True, True])
        _written(tmp_path / f"skips/seed-{seed}", np.array([[8.0] * 3, [0.0] * 3]), [True, seed == 0])
    plan = compare.Comparison(seeds=[0, 1], baseline="sees", models={"sees": {}, "skips": {}})
    content = compare.judge(plan, ["sees", "skips"], tmp_path)
    got = content["models"]["skips"]
    assert got["detection"]["clean"]["rate"] == 0.75
    assert got["errors"]["clean"]["mean"]["mae"] == pytest.approx((16 + 2) / 2)
    assert got["detection"]["clean"]["zero_filled"]["mae"] == pytest.approx(16)
    text = compare.comparison_markdown(content)
    (row,) = (line for line in text.splitlines() if line.startswith("| skips | clean"))
    assert [cell.strip() for cell in row.split("|")[3:6]] == ["75.0 %", "9.00 (9.90)", "16.00 (0.00)"]
    assert "| sees  | clean" not in text
    content = compare.judge(plan, ["sees"], tmp_path)
    assert "Every head was found by every model" in compare.comparison_markdown(content)


def test_the_spread_over_seeds_is_given(root, tmp_path) -> None:
    loaded, configs = compare.load_comparison(plan(root), [f"data.root={root}"], [0, 1])
    quick = {
        k: config.with_overrides(c, {"train.epochs": 1, "train.steps_per_epoch": 2})
        for k, c in configs.items()
    }
    content = compare.run_comparison(loaded, quick, tmp_path / "runs", report=lambda s: None)
    errors = content["models"]["model1"]["errors"]["clean"]["mean"]
    single = [
        json.loads((tmp_path / f"runs/model1/seed-{s}/results.json").read_text())["tests"]["clean"]["scores"]
        for s in (0, 1)
    ]
    maes = [s["mae"]["mean"] for s in single]
    assert errors["mae"] == pytest.approx(np.mean(maes), abs=1e-4)
    assert errors["std"] == pytest.approx(np.std(maes, ddof=1), abs=1e-4)
