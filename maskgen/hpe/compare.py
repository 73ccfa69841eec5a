"""Train and compare: the same recipe on different data, over several seeds, judged on the same pictures.

A comparison is a YAML file (presets under compare/):

    base: quick/base              a configuration or preset all runs start from
    set: {data.test.clean: ...}   overrides for all runs
    seeds: [0, 1, 2]
    baseline: model1              what the others are held against
    models:
      model1: {data.train: "A"}
      model2: {data.train: "A + A_masked"}

Every model is trained once per seed into OUT/model/seed-N; finished runs are not trained again. The verdict
compares paired gaps and errors on the same pictures, with intervals that hold for new pictures and seeds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UsageError
from ..io.files import atomic_write
from ..report.tables import markdown
from . import gap, metrics
from .config import Config, load, parse_overrides, read_tree, with_overrides
from .evaluate import jsonable, masked_pairs
from .predictions import Predictions, read_csv
from .typed import dataclass_from

SCHEMA = "maskgen-comparison-1"


@dataclass
class Comparison:
    """See the module's docstring."""

    base: str = ""
    set: dict[str, Any] = field(default_factory=dict)
    seeds: list[int] = field(default_factory=lambda: [0, 1, 2])
    baseline: str = ""
    models: dict[str, Any] = field(default_factory=dict)


def load_comparison(
    source: str | Path, overrides: Sequence[str] = (), seeds: Sequence[int] | None = None
) -> tuple[Comparison, dict[str, Config]]:
    """(Comparison, {model: Config of seed 0}). overrides: ``key=value`` for every run.

    Raises UsageError for what is wrong with the file, or with the configuration of any model.
    """
    tree = read_tree(source)
    plan: Comparison = dataclass_from(Comparison, tree)
    if not plan.base or not plan.models:
        raise UsageError(f"{source} is no comparison: it needs base, models and baseline")
    if plan.baseline not in plan.models:
        raise UsageError(
            f"baseline {plan.baseline!r} of {source} is none of its models {', '.join(plan.models)}"
        )
    if seeds:
        plan.seeds = list(seeds)
    if len(set(plan.seeds)) != len(plan.seeds) or not plan.seeds:
        raise UsageError(f"seeds must be different numbers, got {plan.seeds}")
    configs: dict[str, Config] = {}
    given = parse_overrides(overrides)
    for name, changes in plan.models.items():
        if not isinstance(changes, dict):
            raise UsageError(f"model {name} of {source} must be a section of key: value lines")
        lost = [(k, own) for k in given for own in changes if own == k or own.startswith(f"{k}.")]
        if lost:
            key, own = lost[0]
            raise UsageError(f"--set {key} would undo {own}, by which model {name} of {source} is what it is")
        configs[name] = with_overrides(load(plan.base), {**plan.set, **changes, **given})
    return plan, configs


def run_comparison(
    plan: Comparison, configs: Mapping[str, Config], out: Path, report: Any = print
) -> dict[str, Any]:
    """Train what is not trained yet, compare, and write OUT/comparison.json and OUT/comparison.md."""
    from . import train

    runs = [(seed, name) for seed in plan.seeds for name in configs]
    for i, (seed, name) in enumerate(runs, start=1):
        wanted = with_overrides(configs[name], {"seed": seed, "name": f"{name}/seed-{seed}"})
        title = f"[{i}/{len(runs)}] {name}, seed {seed}"
        train.complete(wanted, out / name / f"seed-{seed}", report=report, title=title)
    content = judge(plan, list(configs), out)
    text = json.dumps(jsonable(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    atomic_write(out / "comparison.json", text.encode())
    atomic_write(out / "comparison.md", comparison_markdown(content).encode())
    return content


def judge(plan: Comparison, models: Sequence[str], out: Path) -> dict[str, Any]:
    """The comparison from the predictions of finished runs alone."""
    said = {m: [_predictions(out / m / f"seed-{s}") for s in plan.seeds] for m in models}
    tests = list(said[models[0]][0])
    resamples = 10_000
    content: dict[str, Any] = {
        "schema": SCHEMA, "seeds": plan.seeds, "baseline": plan.baseline, "models": {}, "changes": {},
        "zero_baseline": {t: metrics.zero_baseline(said[models[0]][0][t].true) for t in tests},
    }  # fmt: skip
    pairs = masked_pairs(tests)
    paired: dict[str, dict[str, list[gap.Pairs]]] = {}
    for model in models:
        runs = said[model]
        paired[model] = {f"{c} -> {m}": [gap.pair(r[c], r[m]) for r in runs] for c, m in pairs}
        content["models"][model] = {
            "train": str(plan.models[model]),
            "errors": {t: _over_seeds([r[t] for r in runs]) for t in tests},
            "detection": {t: _detection([r[t] for r in runs]) for t in tests},
            "gaps": {k: gap.gap_report(v, resamples=resamples) for k, v in paired[model].items()},
            "collapsed": _collapsed(runs),
        }
    base = plan.baseline
    for model in models:
        if model == base:
            continue
        closed = {
            k: _intervals(gap.compare_gaps(paired[base][k], paired[model][k], resamples=resamples))
            for k in paired[base]
        }
        errors = {
            t: _intervals(
                gap.compare_errors(
                    [r[t] for r in said[base]], [r[t] for r in said[model]], resamples=resamples
                )
            )
            for t in tests
        }
        content["changes"][model] = {"gap_closed": closed, "error": errors}
    return content


def comparison_markdown(content: Mapping[str, Any]) -> str:
    """Tables of a comparison.json."""
    tests = list(content["zero_baseline"])
    seeds = len(content["seeds"])
    parts = [
        f"# Comparison over {seeds} seed(s)\n",
        "## MAE in degrees (mean over seeds, and their spread)\n",
    ]
    rows: list[list[Any]] = [
        [name, *(_spread(m["errors"][t]["mean"]) for t in tests)] for name, m in content["models"].items()
    ]
    rows.append(["always zero", *(content["zero_baseline"][t]["mean"] for t in tests)])
    parts.append(markdown(("Model", *tests), rows))
    parts += ["## Misses\n", _misses_markdown(content)]
    gaps = {f"{n}: {k}": g for n, m in content["models"].items() for k, g in m["gaps"].items()}
    if gaps:
        from ..report.tables import gap_table

        parts += ["## Masked minus clean\n", gap_table(gaps)]
    base = content["baseline"]
    rows = []
    for model, change in content["changes"].items():
        for kind, sets in (("gap", change["gap_closed"]), ("error", change["error"])):
            for name, columns in sets.items():
                i = columns["mean"]
                value = -i["mean"] if kind == "gap" else i["mean"]
                low, high = (-i["high"], -i["low"]) if kind == "gap" else (i["low"], i["high"])
                sure = "yes" if low > 0 or high < 0 else "no"
                rows.append([model, f"{kind} {name}", f"{value:+.2f}", f"{low:+.2f} to {high:+.2f}", sure])
    parts += [f"## Change against {base} (negative = smaller), mean of the three angles\n"]
    parts.append(markdown(("Model", "What", "Change", "95 % interval", "Significant"), rows))
    dead = [f"- {n}: {', '.join(m['collapsed'])}\n" for n, m in content["models"].items() if m["collapsed"]]
    if dead:
        parts += ["## Collapsed outputs\n", "".join(dead)]
    return "\n".join(parts)


def mean_gaps(content: Mapping[str, Any]) -> dict[str, float]:
    """The largest paired gap (mean of the angles) of each model over its clean / masked pairs."""
    return {
        name: max(g["paired"]["mean"]["mean"] for g in m["gaps"].values())
        for name, m in content["models"].items()
        if m["gaps"]
    }


def closed(content: Mapping[str, Any], model: str) -> bool:
    """Whether the model's paired gap (mean of angles) is significantly smaller than the baseline's."""
    changes = content["changes"][model]["gap_closed"]
    return bool(changes) and all(c["mean"]["low"] > 0 for c in changes.values())


def _predictions(folder: Path) -> dict[str, Predictions]:
    files = sorted((folder / "predictions").glob("*.csv"))
    if not files:
        raise UsageError(f"{folder} holds no predictions; remove it to train that run again")
    return {f.stem: read_csv(f) for f in files}


def _over_seeds(runs: Sequence[Predictions]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation over seeds: MAE of each angle, of their mean, and geodesic error."""
    rows = []
    for run in runs:
        errors = run.errors()
        rows.append([*np.nanmean(errors, axis=0), np.nanmean(errors), np.nanmean(run.geodesic())])
    values = np.array(rows)
    spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1], np.nan)
    mean = values.mean(axis=0)
    return {name: {"mae": float(mean[i]), "std": float(spread[i])} for i, name in enumerate(gap.COLUMNS)}


def _detection(runs: Sequence[Predictions]) -> dict[str, Any]:
    """Share of heads found over all seeds; mean over seeds of the MAE with misses answered by zero."""
    rates = [np.mean(r.detected) for r in runs]
    filled = [r.score()["mae_zero_filled"]["mean"] for r in runs]
    spread = float(np.std(filled, ddof=1)) if len(runs) > 1 else np.nan
    return {"rate": float(np.mean(rates)), "zero_filled": {"mae": float(np.mean(filled)), "std": spread}}


def _misses_markdown(content: Mapping[str, Any]) -> str:
    """Per model and set: heads found, and errors with misses left out and with misses answered by zero."""
    rows = [
        [
            name,
            test,
            f"{100 * d['rate']:.1f} %",
            _spread(m["errors"][test]["mean"]),
            _spread(d["zero_filled"]),
        ]
        for name, m in content["models"].items()
        for test, d in m["detection"].items()
        if d["rate"] < 1.0
    ]
    if not rows:
        return "Every head was found by every model, in every seed.\n"
    return markdown(("Model", "Test set", "Found", "MAE of the found", "MAE, misses as 0"), rows)


def _collapsed(runs: Sequence[Mapping[str, Predictions]]) -> list[str]:
    found = []
    for i, run in enumerate(runs):
        for name, p in run.items():
            ok = p.detected
            found += [f"run {i}, {name}: {a}" for a in metrics.collapsed_angles(p.predicted[ok], p.true[ok])]
    return found


def _spread(error: Mapping[str, Any]) -> str:
    """A mean over seeds with its standard deviation, where there is more than one."""
    std = error["std"]
    return f"{error['mae']:.2f}" + (f" ({std:.2f})" if std is not None and std == std else "")


def _intervals(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v.as_dict() for k, v in columns.items()}
