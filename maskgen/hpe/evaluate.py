"""Evaluation of a model on named test sets: scores, paired gaps, and the files that record them.

OUT/results.json       everything, with hashes of data, lists and configuration
OUT/tables.md          tables in the literature's column orders, always with the always-zero row
OUT/predictions/X.csv  id, prediction, label, geodesic error, of every picture of test set X
OUT/plots/*.png        where matplotlib is installed
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..io.files import atomic_write
from ..jobs.manifest import digest, versions
from . import gap, metrics
from .config import Config, DataSection, identity
from .data import SampleSet, load_set
from .predict import Predictor, predict
from .predictions import Predictions, looks_like_radians
from .rows import RowSpec

SCHEMA = "maskgen-results-1"
EULER_ORDER = "R = Rx(-pitch) Ry(yaw) Rz(roll), camera axes x right, y down, z away"


@dataclass
class Test:
    """One test set, what a model said about it, and what the data were."""

    name: str
    predictions: Predictions
    data: dict[str, Any] = field(default_factory=dict)

    # pytest collects classes called Test...
    __test__ = False


def load_test(expression: str, spec: RowSpec, data: DataSection, report: Any = None) -> SampleSet:
    """A test set cut as the crop policy tests, under the configured limits."""
    return load_set(
        expression,
        spec,
        Path(data.cache),
        root=data.root,
        angle_limit=data.angle_limit,
        jobs=data.workers,
        progress=report,
    )


def run_tests(
    predictor: Predictor,
    tests: Mapping[str, str],
    config: Config,
    crop: str | None = None,
    report: Any = None,
) -> list[Test]:
    """Predictions of a model on every test set of ``tests`` (name -> data expression)."""
    policy = crop or (config.data.crop if config.data.crop != "auto" else predictor.spec.crop)
    spec = RowSpec(policy, predictor.spec.size)
    out = []
    for name, expression in tests.items():
        samples = load_test(expression, spec, config.data, report)
        found = predict(predictor, samples, config.eval.batch)
        about = {"expression": expression, "crop": policy, "size": predictor.spec.size, **samples.describe()}
        out.append(Test(name, found, about))
    return out


def masked_pairs(names: list[str]) -> list[tuple[str, str]]:
    """Which test sets are twins by their names: X with X_masked, and clean with masked."""
    pairs = [(n, f"{n}_masked") for n in names if f"{n}_masked" in names]
    if "clean" in names and "masked" in names:
        pairs.append(("clean", "masked"))
    return pairs


def results(
    model: Mapping[str, Any], tests: list[Test], config: Config, extra: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The content of results.json. model: name, and params, mb, flops where they are known."""
    section = config.eval
    by_name = {t.name: t for t in tests}
    scored: dict[str, Any] = {}
    warnings: list[str] = []
    for test in tests:
        scores = test.predictions.score(section.metric)
        if looks_like_radians(test.predictions):
            warnings.append(f"{test.name}: no prediction exceeds 3.2; are they radians? degrees are expected")
        for angle in scores.get("collapsed", []):
            warnings.append(f"{test.name}: {angle} has collapsed, its output hardly varies")
        _zero_warning(test.name, scores, warnings)
        for angle in metrics.opposed_angles(test.predictions.predicted, test.predictions.true):
            warnings.append(
                f"{test.name}: {angle} runs against the labels; is its sign another convention's?"
            )
        cep = None
        if "mae" in scores:
            cep = metrics.cost_error_product(scores["mae"]["mean"], model.get("params"), model.get("flops"))
        scored[test.name] = {"data": test.data, "scores": scores, "cep": cep}
    gaps = {}
    for clean, masked in masked_pairs(list(by_name)):
        pairs = gap.pair(by_name[clean].predictions, by_name[masked].predictions, section.metric)
        report = gap.gap_report([pairs], resamples=section.resamples)
        gaps[f"{clean} -> {masked}"] = {**report, "worst": gap.worst_pairs(pairs)}
    return {
        "schema": SCHEMA,
        "model": dict(model),
        "protocol": config.data.protocol,
        "euler_order": EULER_ORDER,
        "metric": section.metric,
        "seed": config.seed,
        "config_sha256": digest(identity(config)),
        "versions": _versions(),
        "tests": scored,
        "gaps": gaps,
        "warnings": warnings,
        **(extra or {}),
    }


def _zero_warning(name: str, scores: Mapping[str, Any], warnings: list[str]) -> None:
    if "mae" not in scores:
        warnings.append(f"{name}: no face was detected in any picture")
        return
    for angle in metrics.ANGLES:
        if scores["mae"][angle] > scores["zero_baseline"][angle]:
            warnings.append(
                f"{name}: {angle} MAE {scores['mae'][angle]:.2f} is worse than always answering zero "
                f"({scores['zero_baseline'][angle]:.2f}); check label conventions and crops"
            )


def write_results(out: Path, content: Mapping[str, Any], tests: list[Test]) -> None:
    """Write results.json, tables.md, the predictions and, where matplotlib is there, the plots."""
    from ..report import figures, tables

    try:
        (out / "predictions").mkdir(parents=True, exist_ok=True)
        for test in tests:
            test.predictions.write_csv(out / "predictions" / f"{_file_name(test.name)}.csv")
        text = json.dumps(jsonable(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        atomic_write(out / "results.json", text.encode())
        atomic_write(out / "tables.md", tables.results_markdown(content).encode())
        figures.write_plots(out / "plots", content, {t.name: t.predictions for t in tests})
    except OSError as error:
        raise UsageError(f"cannot write results to {out}: {error.strerror or error}") from error


def jsonable(value: Any) -> Any:
    """Plain values for JSON; numbers that are none become null."""
    if isinstance(value, Mapping):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(v) for v in value]
    if hasattr(value, "tolist"):
        value = value.tolist()
        return (
            jsonable(value)
            if isinstance(value, list)
            else jsonable(float(value) if value != value else value)
        )
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _file_name(text: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in text)


def _versions() -> dict[str, str]:
    import torch

    return {**versions(), "torch": torch.__version__}
