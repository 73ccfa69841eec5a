"""Markdown tables of results, in the column orders the literature uses; plain dictionaries in, text out.

Every table of errors carries the always-zero row: a network that does not beat it has learned nothing, which
a lone number hides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

ANGLES = ("yaw", "pitch", "roll")


def markdown(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; numbers get two digits, None a dash; columns without words are right-aligned."""
    cells = [[str(h) for h in header], *([_cell(c) for c in row] for row in rows)]
    widths = [max(3, *(len(r[i]) for r in cells)) for i in range(len(header))]

    right = [i > 0 and not any(_wordy(r[i]) for r in cells[1:]) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        parts = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True))
        return "| " + " | ".join(parts) + " |"

    rule = (
        "|" + "|".join("-" * (w + 1) + (":" if r else "-") for w, r in zip(widths, right, strict=True)) + "|"
    )
    return "\n".join([line(cells[0]), rule, *map(line, cells[1:])]) + "\n"


def results_markdown(content: Mapping[str, Any]) -> str:
    """All tables of a results.json."""
    model = content["model"]
    size = f"{model['mb']:.2f} MB, " if model.get("mb") else ""
    params = f"{model['params']:,} parameters, " if model.get("params") else ""
    flops = f"{model['flops'] / 1e9:.3f} GFLOPs, " if model.get("flops") else ""
    head = f"# {model['name']}\n\n{params}{size}{flops}seed {content.get('seed')}, metric {content['metric']}"
    parts = [head + (f", protocol {content['protocol']}" if content.get("protocol") else "") + ".\n"]
    parts += [f"## Errors in degrees\n\n{error_table(content)}"]
    parts += [f"## By range of the true angle\n\n{range_table(content['tests'])}"]
    if content.get("gaps"):
        parts += [f"## Masked minus clean\n\n{gap_table(content['gaps'])}"]
        parts += [f"### By range of the true angle\n\n{gap_range_table(content['gaps'])}"]
    if content.get("warnings"):
        parts += ["## Warnings\n\n" + "".join(f"- {w}\n" for w in content["warnings"])]
    return "\n".join(parts)


def error_table(content: Mapping[str, Any]) -> str:
    """Yaw, Pitch, Roll, MAE, then MAEV, geodesic and counts; one row a test set and its always-zero row."""
    header = ("Test set", "Yaw", "Pitch", "Roll", "MAE", "MAEV", "Geodesic", "Median", "AUC@10", "UBMAE")
    rows: list[list[Any]] = []
    for name, test in content["tests"].items():
        s = test["scores"]
        counts = [s["n_images"], s["n_failed"]]
        if "mae" in s:
            numbers = [*_four(s["mae"]), s["maev"]["mean"], s["geodesic"]["mean"], s["geodesic"]["median"]]
            rows.append([name, *numbers, s["auc"]["10"], s["ubmae"]["mean"], *counts])
            if s["n_failed"]:
                rows.append(
                    [f"{name}, failures as 0/0/0", *_four(s["mae_zero_filled"]), *[None] * 5, *counts]
                )
            rows.append([f"{name}, always zero", *_four(s["zero_baseline"]), *[None] * 5, counts[0], None])
        else:
            rows.append([name, *[None] * 9, *counts])
    return markdown((*header, "n", "failed"), rows)


def size_table(entries: Iterable[tuple[str, Mapping[str, Any], Mapping[str, float]]]) -> str:
    """Method, MB, Yaw, Pitch, Roll, MAE: the order of FSA-Net's tables. entries: (name, model, mae)."""
    rows = [[name, model.get("mb"), *_four(mae)] for name, model, mae in entries]
    return markdown(("Method", "MB", "Yaw", "Pitch", "Roll", "MAE"), rows)


def range_table(tests: Mapping[str, Any]) -> str:
    """MAE by |true angle|, with the number of heads behind every cell."""
    header: list[str] = ["Test set"]
    rows: list[list[Any]] = []
    for name, test in tests.items():
        ranges = test["scores"].get("ranges")
        if not ranges:
            continue
        columns = [f"{a} {r['range']}" for a in ANGLES for r in ranges[a]]
        if len(columns) > len(header) - 1:
            header = ["Test set", *columns]
        values = {f"{a} {r['range']}": (r["mae"], r["n"]) for a in ANGLES for r in ranges[a]}
        rows.append([name, values])
    table = [[n, *(_with_count(v.get(c)) for c in header[1:])] for n, v in rows]
    return markdown(header, table)


def gap_table(gaps: Mapping[str, Any]) -> str:
    """Paired gap with its 95 % interval next to the unpaired difference of the two sets' means."""
    header = ("Pair", "Error", "Clean", "Masked", "Paired gap", "95 % interval", "Unpaired", "Pairs")
    rows = []
    for name, g in gaps.items():
        for key in (*ANGLES, "mean", "geodesic"):
            i = g["paired"][key]
            interval = f"{i['low']:+.2f} to {i['high']:+.2f}"
            numbers = (g["clean_mae"][key], g["masked_mae"][key], _signed(i["mean"]), interval)
            rows.append([name, key, *numbers, _signed(g["unpaired"][key]), g["n_pairs"]])
    return markdown(header, rows)


def gap_range_table(gaps: Mapping[str, Any]) -> str:
    """Paired gap of each angle among the heads whose true angle lies in each range."""
    rows = []
    for name, g in gaps.items():
        for angle in ANGLES:
            for r in g["ranges"][angle]:
                known = r["n"] > 0
                interval = f"{r['low']:+.2f} to {r['high']:+.2f}" if known else None
                rows.append(
                    [name, angle, r["range"], _signed(r["mean"]) if known else None, interval, r["n"]]
                )
    return markdown(("Pair", "Angle", "Range", "Paired gap", "95 % interval", "n"), rows)


def _four(mae: Mapping[str, float]) -> list[float]:
    return [*(mae[a] for a in ANGLES), mae["mean"]]


def _with_count(value: tuple[float | None, int] | None) -> str | None:
    if value is None or value[0] is None:
        return None if value is None else "- (0)"
    return f"{value[0]:.2f} ({value[1]})"


def _signed(value: float) -> str:
    return f"{value:+.2f}"


def _wordy(cell: str) -> bool:
    return sum(c.isalpha() for c in cell) > 2


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.2f}" if value == value else "-"
    return str(value)
