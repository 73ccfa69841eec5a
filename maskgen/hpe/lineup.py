"""Several networks, or several settings of one, on one protocol: trained with the same seeds, in one table.

Every variant is trained by the ordinary trainer into a folder of its own (OUT/LABEL/seedN) from one base
configuration and the variant's overrides; a folder whose run is finished is read, not trained again. What
cannot be trained is said in the table and stops nobody else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import MaskgenError, UsageError
from ..io.files import atomic_write
from ..report.tables import ANGLES, markdown
from . import config as configs
from . import metrics, train
from .bootstrap import Interval, mean_intervals
from .evaluate import jsonable, masked_pairs
from .gap import compare_errors, gap_report, pair
from .predictions import Predictions, read_csv
from .registry import list_models, model_class
from .trainer import Stopped

Report = Callable[[str], None]

#: what all small relatives need in a short run: no averaged weights, which trail by 100 steps at the quick
#: presets' 0.99, and no BatchNorm statistics that trail as far (FSA-Net, SSR-Net)
SHORT = ("train.ema=0", "train.bn_batches=20")
#: what a network needs beside the base configuration to learn at all in a short run. A detector learns where
#: the face is first, its points next and its pose last: at the preset's rate 200 steps end with the first
QUICK: dict[str, tuple[str, ...]] = {
    "retinapose_mnet025": ("train.lr=1e-2",),
    "retinapose_r50": ("train.lr=1e-2",),
    "siamese_rank": ("model.options.rank_epochs=4", "model.options.regress_epochs=0"),
    "mhpe": ("train.lr=3e-3",),
    "glpose": ("train.lr=1e-3",),
}


@dataclass(frozen=True)
class Variant:
    """A line of the table: its label and the dotted overrides (key=value) that make it.

    defaults: overrides that give way to those for all lines.
    """

    label: str
    overrides: tuple[str, ...]
    defaults: tuple[str, ...] = ()


@dataclass
class Line:
    """What came of a variant: per seed its results and its predictions by test set, or why there are none."""

    variant: Variant
    results: list[dict[str, Any]] = field(default_factory=list)
    predictions: list[dict[str, Predictions]] = field(default_factory=list)
    failure: str = ""
    #: the failure is the call's own: a setting or a data set that does not exist
    wrong: bool = False


def network(name: str, tiny: bool = False) -> Variant:
    """A network by name; ``tiny``: its small relative and what short runs need. UsageError if unknown."""
    cls = model_class(name)
    options = dict(cls.tiny) if tiny else {}
    short = (*SHORT, *QUICK.get(name, ())) if tiny else ()
    return Variant(name, (f"model.name={name}",), (f"model.options={json.dumps(options)}", *short))


def variant(text: str) -> Variant:
    """A variant written ``LABEL: key=value; key=value``. Raises UsageError for anything else."""
    label, colon, rest = text.partition(":")
    overrides = tuple(part.strip() for part in rest.split(";") if part.strip())
    if not colon or not label.strip() or not overrides or any("=" not in o for o in overrides):
        raise UsageError(f"a variant is written 'LABEL: key=value; key=value', got {text!r}")
    return Variant(label.strip(), overrides)


def run_all(
    base: str | Path,
    variants: Sequence[Variant],
    out: Path,
    *,
    seeds: Sequence[int] = (0,),
    overrides: Sequence[str] = (),
    report: Report = lambda line: None,
) -> list[Line]:
    """Train and evaluate every variant with every seed; lines in the order of ``variants``.

    base: a YAML file or a preset. overrides: for all of them, after a variant's defaults and before its own.
    Raises UsageError if two variants have one label, nothing is to be compared, the base is wrong, or ``out``
    cannot be written; Stopped if someone asks the run to stop.
    """
    labels = [v.label for v in variants]
    if not labels or len(set(labels)) < len(labels):
        raise UsageError(f"variants need labels of their own, got {', '.join(labels) or 'none'}")
    # what is wrong for all of them is the call's mistake, not that of every line
    configs.load(base, overrides)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to {out}: {error.strerror or error}") from error
    lines = []
    for v in variants:
        line = Line(v)
        for seed in seeds:
            folder = out / _folder(v.label) / f"seed{seed}"
            say = _prefixed(report, f"{v.label}, seed {seed}: ")
            own = [*v.defaults, *overrides, *v.overrides, f"seed={seed}", f"name={_folder(v.label)}"]
            try:
                content = train.complete(configs.load(base, own), folder, report=say)
                line.predictions.append(_read_predictions(folder, content))
                line.results.append(content)
            except Stopped:
                raise
            except MaskgenError as error:
                line.failure, line.wrong = str(error), isinstance(error, UsageError)
                say(str(error))
                break
        lines.append(line)
    return lines


def _prefixed(report: Report, prefix: str) -> Report:
    return lambda text: report(prefix + text)


def _read_predictions(folder: Path, content: dict[str, Any]) -> dict[str, Predictions]:
    files = {test: folder / "predictions" / f"{_folder(test)}.csv" for test in content["tests"]}
    return {test: read_csv(path) for test, path in files.items()}


def _folder(text: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in text)


def gaps(line: Line, resamples: int = 2_000) -> dict[str, dict[str, Any]]:
    """Paired masked-minus-clean reports of a line over its seeds, by "clean -> masked"."""
    if not line.predictions:
        return {}
    found = {}
    for clean, masked in masked_pairs(list(line.predictions[0])):
        pairs = [pair(p[clean], p[masked]) for p in line.predictions]
        found[f"{clean} -> {masked}"] = gap_report(pairs, resamples=resamples)
    return found


def error_table(lines: Sequence[Line]) -> str:
    """Network, size, then MAE of each test set (mean over seeds, their spread), misses, and the zero row."""
    tests = _tests(lines)
    rows: list[list[Any]] = []
    for line in lines:
        if line.failure or not line.results:
            rows.append([line.variant.label, None, *[None] * len(tests), line.failure or "no seed"])
            continue
        cells: list[Any] = [line.variant.label, f"{line.results[0]['model']['params']:,}"]
        for test in tests:
            values = [_filled(r["tests"][test]["scores"]) for r in line.results if test in r["tests"]]
            spread = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.2f}{spread}" if values else None)
        rows.append([*cells, _remarks(line)])
    zero = [_zero(lines, test) for test in tests]
    rows.append(["always zero", None, *zero, ""])
    return markdown(("Network", "parameters", *(f"{t} MAE" for t in tests), "remarks"), rows)


def angle_table(lines: Sequence[Line], resamples: int = 10_000) -> str:
    """Per line and test set the errors by angle, misses as 0, that of all three with its 95 % interval over
    pictures and seeds, and in how many seeds an angle collapsed; "" where nothing was trained."""
    rows = []
    for line in lines:
        for test in line.predictions[0] if line.predictions else ():
            runs = [p[test] for p in line.predictions]
            errors = np.stack([np.where(p.detected[:, None], p.errors(), np.abs(p.true)) for p in runs])
            means = np.concatenate([errors, errors.mean(axis=-1, keepdims=True)], axis=-1)
            found = mean_intervals(means, runs[0].groups, resamples=resamples)
            dead = [a for r in line.results for a in r["tests"][test]["scores"].get("collapsed", [])]
            collapsed = ", ".join(f"{a} ({dead.count(a)} of {len(runs)})" for a in ANGLES if a in dead)
            interval = f"{found[3].low:.2f} to {found[3].high:.2f}"
            values = [f"{i.mean:.2f}" for i in found]
            rows.append([line.variant.label, test, len(runs), *values, interval, collapsed])
    header = ("Network", "Test set", "seeds", *(a.capitalize() for a in ANGLES), "MAE", "95 % interval")
    return markdown((*header, "collapsed"), rows) if rows else ""


def gap_table(lines: Sequence[Line]) -> str:
    """Paired masked-minus-clean MAE with its 95 % interval over pictures and seeds; "" without twins."""
    rows = []
    for line in lines:
        for name, g in gaps(line).items():
            i = g["paired"]["mean"]
            per_angle = (f"{g['paired'][a]['mean']:+.2f}" for a in ANGLES)
            interval = f"{i['low']:+.2f} to {i['high']:+.2f}"
            rows.append([line.variant.label, name, f"{i['mean']:+.2f}", interval, *per_angle, g["n_pairs"]])
    if not rows:
        return ""
    return markdown(("Network", "Pair", "Gap", "95 % interval", *(a.capitalize() for a in ANGLES), "n"), rows)


def differences(lines: Sequence[Line], resamples: int = 2_000) -> list[tuple[str, str, Interval]]:
    """(label, test set, error minus that of the first line) for every later line, with 95 % intervals.

    Over the pictures that both found in every seed; negative = better than the first.
    """
    return [
        (label, test, compare_errors(first, other, resamples=resamples)["mean"])
        for label, test, first, other in _comparable(lines)
    ]


def _comparable(lines: Sequence[Line]) -> Iterator[tuple[str, str, list[Predictions], list[Predictions]]]:
    """(label, test set, first line's predictions by seed, this line's) on what both found in every seed."""
    first = lines[0]
    for line in lines[1:]:
        if line.failure or first.failure:
            continue
        for test in first.predictions[0]:
            a = [p[test] for p in first.predictions]
            b = [p[test] for p in line.predictions if test in p]
            if len(a) != len(b):
                continue
            found = np.all([p.detected for p in (*a, *b)], axis=0)
            if found.any():
                a, b = ([p.take(np.flatnonzero(found)) for p in x] for x in (a, b))
                yield line.variant.label, test, a, b


def range_differences(
    lines: Sequence[Line], resamples: int = 2_000
) -> list[tuple[str, str, str, str, Interval]]:
    """(label, test set, angle, range of its true size, error in it minus that of the first line)."""
    out = []
    for label, test, first, other in _comparable(lines):
        change = np.stack([o.errors() - f.errors() for f, o in zip(first, other, strict=True)])
        rows = []
        for name, inside in metrics.range_masks(first[0].true):
            columns = mean_intervals(np.where(inside, change, np.nan), first[0].groups, resamples=resamples)
            rows += [(label, test, a, name, i) for a, i in zip(ANGLES, columns, strict=True) if i.n]
        out += sorted(rows, key=lambda row: ANGLES.index(row[2]))
    return out


def range_difference_table(lines: Sequence[Line]) -> str:
    """`range_differences` as a table, so that a gain at large angles paid for at small ones is seen."""
    rows = [
        [label, test, angle, name, i.n, f"{i.mean:+.2f}", f"{i.low:+.2f} to {i.high:+.2f}", _verdict(i)]
        for label, test, angle, name, i in range_differences(lines)
    ]
    less = f"MAE less {lines[0].variant.label}'s"
    header = ("Network", "Test set", "Angle", "Range", "n", less, "95 % interval", "")
    return markdown(header, rows) if rows else ""


def difference_table(lines: Sequence[Line]) -> str:
    """MAE of every line less that of the first, with 95 % intervals; "" for a single line."""
    rows = [
        [label, test, f"{i.mean:+.2f}", f"{i.low:+.2f} to {i.high:+.2f}", _verdict(i)]
        for label, test, i in differences(lines)
    ]
    header = ("Network", "Test set", f"MAE less {lines[0].variant.label}'s", "95 % interval", "")
    return markdown(header, rows) if rows else ""


def _verdict(i: Interval) -> str:
    if i.low > 0:
        return "worse"
    return "better" if i.high < 0 else "not told apart"


def _tests(lines: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(t for line in lines for r in line.results for t in r["tests"]))


def _filled(scores: dict[str, Any]) -> float:
    """MAE with misses answered by zero: the one number that a network with misses shares with the others."""
    return float(scores["mae_zero_filled"]["mean"])


def _remarks(line: Line) -> str:
    notes = []
    for test in line.results[0]["tests"]:
        scores = [r["tests"][test]["scores"] for r in line.results]
        missed, n = sum(s["n_failed"] for s in scores), sum(s["n_images"] for s in scores)
        if missed:
            notes.append(f"{test}: {100 * missed / n:.1f} % missed, as 0")
    dead = {a for r in line.results for t in r["tests"].values() for a in t["scores"].get("collapsed", [])}
    return "; ".join([*notes, *(f"{a} collapsed" for a in ANGLES if a in dead)])


def _zero(lines: Sequence[Line], test: str) -> float | None:
    for line in lines:
        for r in line.results:
            base = r["tests"].get(test, {}).get("scores", {}).get("zero_baseline")
            if base is not None:
                return float(base["mean"])
    return None


def write(lines: Sequence[Line], out: Path) -> str:
    """Write OUT/lineup.md and lineup.json; returns the Markdown."""
    parts = [f"## Errors in degrees\n\n{error_table(lines)}"]
    if table := angle_table(lines):
        parts.append(f"## By angle, misses as 0\n\n{table}")
    if table := gap_table(lines):
        parts.append(f"## Masked minus clean, the same pictures\n\n{table}")
    if table := difference_table(lines):
        parts.append(f"## Against {lines[0].variant.label}\n\n{table}")
    if table := range_difference_table(lines):
        parts.append(f"### By range of the true angle\n\n{table}")
    text = "\n".join(parts)
    content = [
        {
            "label": line.variant.label,
            "overrides": (*line.variant.defaults, *line.variant.overrides),
            "failure": line.failure,
            "seeds": [r["seed"] for r in line.results],
            "tests": [{t: e["scores"] for t, e in r["tests"].items()} for r in line.results],
            "gaps": gaps(line),
        }
        for line in lines
    ]
    atomic_write(out / "lineup.md", text.encode())
    atomic_write(out / "lineup.json", json.dumps(jsonable(content), indent=2).encode())
    return text


def everything() -> list[str]:
    """Names of all networks, FSA-Net by its capsule variants alone: the others differ in one layer."""
    return [n for n in list_models() if not n.startswith(("fsanet_agg", "fsanet_vlad"))]
