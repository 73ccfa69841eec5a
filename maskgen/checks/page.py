"""The report of a validation as text, and as one HTML page with plots and the pictures worth a look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..datasets import DatasetFormat
from ..errors import InputError
from ..io.images import read_image
from ..report import figures
from ..report.html import Page
from ..report.tables import ANGLES, markdown
from .finding import Report

#: rows of findings on the page, and pictures in a gallery
MOST_ROWS, MOST_PICTURES = 300, 12
#: columns that are drawn as histograms, and what their axis says
HISTOGRAMS = {
    "quality": "quality score of the painted mask",
    "pose_landmark_deg": "degrees between labelled pose and landmarks",
    "painted_share": "painted pixels / face box",
    "turned_label_deg": "degrees between label and turned truth",
}


def summary_table(report: Report) -> str:
    """Markdown: one row a kind of finding, with an example."""
    rows = [[c, s, n, f"{f.id}: {f.message}" if f.id else f.message] for c, s, n, f in report.codes()]
    if not rows:
        return "no findings\n"
    return markdown(("Code", "Severity", "Count", "For example"), rows)


def write_page(
    path: Path, report: Report, fmt: DatasetFormat, root: Path, gaps: Mapping[str, Any] | None = None
) -> None:
    """Write the page. gaps: name -> gap_report with "worst" pairs, when networks were evaluated too."""
    page = Page(f"{report.dataset} in {root.name}: validation")
    errors, warnings = report.count("error"), report.count("warning")
    kind = "error" if errors else "warning" if warnings else "ok"
    page.paragraph(
        f"{report.pictures} pictures, {errors} errors, {warnings} warnings, {report.count('note')} notes.",
        kind,
    )
    page.heading("Findings by kind")
    kinds = [s if s != "note" else "" for _, s, _, _ in report.codes()]
    page.table(
        ("Code", "Severity", "Count", "For example"),
        [[c, s, n, f"{f.id} {f.message}"] for c, s, n, f in report.codes()],
        kinds,
    )
    if figures.available():
        for name, label in HISTOGRAMS.items():
            if name in report.columns:
                page.picture(figures.histogram(np.array(list(report.columns[name].values())), label))
    _worst(page, report, fmt, root)
    if gaps:
        _gaps(page, gaps, fmt, root, report.numbers.get("source"))
    page.heading("All findings" if len(report.findings) <= MOST_ROWS else f"The first {MOST_ROWS} findings")
    rows = [[f.severity, f.code, f.id, f.message] for f in report.findings[:MOST_ROWS]]
    page.table(
        ("Severity", "Code", "Picture", "What"), rows, [f.severity for f in report.findings[:MOST_ROWS]]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page.text, encoding="utf-8")


def _worst(page: Page, report: Report, fmt: DatasetFormat, root: Path) -> None:
    """Pictures with errors or warnings first, then those of the lowest quality."""
    named = [f for f in report.findings if f.id and f.severity in ("error", "warning")]
    captions: dict[str, str] = {}
    for f in named:
        captions.setdefault(f.id, f"{f.id}: {f.message}")
    for i, q in sorted(report.columns.get("quality", {}).items(), key=lambda item: item[1]):
        captions.setdefault(i, f"{i}: quality {q:.2f}")
    if captions:
        page.heading("Pictures worth a look")
        source = report.numbers.get("source")
        page.gallery(_pairs(list(captions.items())[:MOST_PICTURES], fmt, root, source))


def _gaps(page: Page, gaps: Mapping[str, Any], fmt: DatasetFormat, root: Path, source: Any) -> None:
    page.heading("Masked minus clean")
    rows = []
    for name, g in gaps.items():
        for key in (*ANGLES, "mean", "geodesic"):
            i = g["paired"][key]
            interval = f"{i['low']:+.2f} to {i['high']:+.2f}"
            clean, masked = g["clean_mae"][key], g["masked_mae"][key]
            rows.append([name, key, f"{clean:.2f}", f"{masked:.2f}", f"{i['mean']:+.2f}", interval])
            rows[-1] += [f"{g['unpaired'][key]:+.2f}", g["n_pairs"]]
    head = ("Network", "Error", "Clean", "Masked", "Paired gap", "95 % interval", "Unpaired", "Pairs")
    page.table(head, rows)
    if figures.available():
        page.picture(figures.gap_bars(gaps))
    for name, g in gaps.items():
        page.heading(f"Worst pairs of {name}")
        captions = [
            (i, f"{i}: {clean:.1f} degrees clean, {masked:.1f} masked") for i, clean, masked in g["worst"]
        ]
        page.gallery(_pairs(captions, fmt, root, source))


def _pairs(
    captions: Sequence[tuple[str, str]], fmt: DatasetFormat, root: Path, source: Any
) -> Iterable[tuple[bytes, str]]:
    """Source and generated picture side by side, where both can be read."""
    entries = {e.id: e for e in fmt.index(root)}
    for key, caption in captions:
        if key not in entries:
            continue
        parts = []
        for folder in [Path(source)] if source else []:
            parts += _small(folder / entries[key].image)
        parts += _small(root / entries[key].image)
        if parts:
            done, data = cv2.imencode(".jpg", np.hstack(parts), [cv2.IMWRITE_JPEG_QUALITY, 85])
            if done:
                yield data.tobytes(), caption


def _small(path: Path, height: int = 200) -> list[np.ndarray]:
    try:
        image = read_image(path).bgr
    except InputError:
        return []
    width = max(1, round(image.shape[1] * height / image.shape[0]))
    return [cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)]
