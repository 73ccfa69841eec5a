"""Tables in the forms of the documents the networks come from; results.json contents in, Markdown out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .tables import ANGLES, markdown

Results = Mapping[str, Any]


def trained_on(content: Results, test: str) -> bool:
    """Whether pictures of a test set were trained on: same dataset, not kept apart by a split list."""
    sources = content.get("train", {}).get("data", {}).get("sources", [])
    tested = content["tests"][test]["data"].get("sources", [])
    for mine in tested:
        for theirs in sources:
            same_pictures = mine.get("split") is None or mine.get("split") == theirs.get("split")
            if mine["name"] == theirs["name"] and (same_pictures or theirs.get("split") is None):
                return True
    return False


def one_stage_table(runs: Sequence[tuple[str, Results]]) -> str:
    """Model, Dataset, YAW, PITCH, ROLL, MAE: `-` where a set was trained on, changes in brackets.

    runs: (name, results); changes are against the first. Misses enter with the zero pose, in a line of their
    own below the detected faces, with the detection rate.
    """
    reference = _maes(runs[0][1])
    rows: list[list[Any]] = []
    for position, (name, content) in enumerate(runs):
        for test, entry in content["tests"].items():
            scores = entry["scores"]
            if trained_on(content, test):
                rows.append([name, test, *[None] * 5])
                continue
            rate = f"{100 * (1 - scores['n_failed'] / max(1, scores['n_images'])):.1f} %"
            if "mae" not in scores:
                rows.append([name, test, *[None] * 4, rate])
                continue
            mae = scores["mae"]
            text = f"{mae['mean']:.2f}"
            if position and test in reference:
                text += f" ({mae['mean'] - reference[test]:+.2f})"
            rows.append([name, test, *(mae[a] for a in ANGLES), text, rate])
            if scores["n_failed"]:
                filled = scores["mae_zero_filled"]
                rows.append(
                    [name, f"{test}, misses as 0", *(filled[a] for a in ANGLES), filled["mean"], rate]
                )
    return markdown(("Model", "Dataset", "YAW", "PITCH", "ROLL", "MAE", "found"), rows)


def _maes(content: Results) -> dict[str, float]:
    """MAE of every test set that was not trained on."""
    return {
        test: entry["scores"]["mae"]["mean"]
        for test, entry in content["tests"].items()
        if "mae" in entry["scores"] and not trained_on(content, test)
    }


def both_sets_table(runs: Sequence[tuple[str, Results]], sets: Sequence[str] | None = None) -> str:
    """Method, then Yaw, Pitch, Roll, MAE for each test set side by side, and the always-zero row."""
    names = list(sets or runs[0][1]["tests"])
    header = ["Method", *(f"{n} {a}" for n in names for a in ("Yaw", "Pitch", "Roll", "MAE"))]
    rows: list[list[Any]] = []
    for name, content in runs:
        cells: list[Any] = [name]
        for test in names:
            mae = content["tests"].get(test, {}).get("scores", {}).get("mae")
            cells += [None] * 4 if mae is None else [*(mae[a] for a in ANGLES), mae["mean"]]
        rows.append(cells)
    zero: list[Any] = ["always zero"]
    for test in names:
        base = runs[0][1]["tests"].get(test, {}).get("scores", {}).get("zero_baseline")
        zero += [None] * 4 if base is None else [*(base[a] for a in ANGLES), base["mean"]]
    return markdown(header, [*rows, zero])


def selector_table(runs: Sequence[tuple[str, Results]]) -> str:
    """Selection, bins, std, MAE and MAEV per test set, and CEP: error times parameters (M) and GFLOPs."""
    names = list(runs[0][1]["tests"])
    header = [
        "Selection",
        "bins",
        "std",
        *(f"{n} {m}" for n in names for m in ("MAE", "MAEV")),
        "CEP M",
        "CEP G",
    ]
    rows: list[list[Any]] = []
    for _, content in runs:
        options = content["model"].get("options", {})
        method = options.get("selector", "gaussian")
        # bins and sigma are shown where the method uses them
        bins = options.get("bin_width", 20.0) if method != "random" else None
        sigma = options.get("sigma", 30.0) if "gaussian" in method else None
        cells: list[Any] = [method, bins, sigma]
        for test in names:
            scores = content["tests"][test]["scores"]
            cells += [scores["mae"]["mean"], scores["maev"]["mean"]] if "mae" in scores else [None, None]
        cep = content["tests"][names[0]].get("cep") or {}
        rows.append([*cells, cep.get("params_m_x_mae"), cep.get("gflops_x_mae")])
    return markdown(header, rows)
