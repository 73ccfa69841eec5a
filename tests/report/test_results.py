"""Tables, plots and pages of results: complete, escaped, and never without the always-zero row."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from maskgen.hpe import gap, metrics
from maskgen.hpe.predictions import Predictions
from maskgen.report import figures, tables
from maskgen.report.html import Page


@pytest.fixture(scope="module")
def predictions() -> Predictions:
    rng = np.random.default_rng(0)
    true = rng.uniform(-70, 70, (120, 3))
    said = true + rng.normal(0, 5, true.shape)
    said[3] = np.nan
    ids = tuple(f"p{i}" for i in range(120))
    return Predictions(ids, true, said, ids)


@pytest.fixture(scope="module")
def content(predictions: Predictions) -> dict:
    masked = Predictions(predictions.ids, predictions.true, predictions.predicted * 1.1, predictions.groups)
    report = gap.gap_report([gap.pair(predictions, masked)], resamples=200)
    return {
        "model": {"name": "net", "params": 1000, "mb": 0.5, "flops": 2e9},
        "metric": "wrapped",
        "seed": 3,
        "protocol": "p1-aflw2000",
        "tests": {
            "clean": {"scores": predictions.score()},
            "masked": {"scores": masked.score()},
        },
        "gaps": {"clean -> masked": {**report, "worst": []}},
        "warnings": ["a <b> warning"],
    }


def rows(table: str) -> list[list[str]]:
    return [[c.strip() for c in line.strip("|").split("|")] for line in table.splitlines()]


def test_every_line_of_a_table_has_as_many_cells_as_its_head(content) -> None:
    text = tables.results_markdown(content)
    blocks = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    assert len(blocks) == 4
    for block in blocks:
        lines = block.splitlines()
        assert len({line.count("|") for line in lines}) == 1
        assert len({len(line) for line in lines}) == 1


def test_the_error_table_has_the_zero_row_and_the_failures(content, predictions) -> None:
    lines = {r[0]: r for r in rows(tables.error_table(content))}
    zero = metrics.zero_baseline(predictions.true[predictions.detected])
    assert lines["clean, always zero"][1:5] == [f"{zero[k]:.2f}" for k in ("yaw", "pitch", "roll", "mean")]
    assert lines["clean"][-2:] == ["120", "1"]
    filled = content["tests"]["clean"]["scores"]["mae_zero_filled"]["mean"]
    assert lines["clean, failures as 0/0/0"][4] == f"{filled:.2f}"


def test_the_gap_table_gives_paired_and_unpaired_side_by_side(content) -> None:
    lines = rows(tables.gap_table(content["gaps"]))
    mean = next(r for r in lines if r[1] == "mean")
    report = content["gaps"]["clean -> masked"]
    assert mean[4] == f"{report['paired']['mean']['mean']:+.2f}"
    assert mean[6] == f"{report['unpaired']['mean']:+.2f}"


def test_words_stand_left_and_numbers_right() -> None:
    rule = tables.markdown(
        ("Name", "Number", "Text"), [("a", 1.5, "some words"), ("b", None, "more")]
    ).splitlines()[1]
    assert [c.endswith(":") for c in rule.strip("|").split("|")] == [False, True, False]


def test_plots_are_written_as_pictures(content, predictions, tmp_path) -> None:
    pytest.importorskip("matplotlib")
    written = figures.write_plots(tmp_path / "plots", content, {"clean": predictions})
    assert {p.stem for p in written} == {"error_by_angle", "cumulative", "labels", "scatter", "gaps"}
    for path in written:
        assert np.asarray(Image.open(path).convert("L")).std() > 5.0


class _Checker(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.pictures: list[bytes] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag == "img":
            self.pictures.append(base64.b64decode(dict(attrs)["src"].partition("base64,")[2]))
        elif tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_is_well_formed_escaped_and_holds_its_pictures() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (200, 10, 10)).save(buffer, "PNG")
    page = Page("a & <script>alert(1)</script>")
    page.heading("x < y")
    page.paragraph("fine", "ok")
    page.table(("a", "b"), [["<i>", 1.23456], [None, "z"]], ["error", ""])
    page.picture(buffer.getvalue(), 'caption "quoted"')
    page.gallery([(buffer.getvalue(), "one"), (buffer.getvalue(), "two")], "image/png")
    checker = _Checker()
    checker.feed(page.text)
    assert checker.open == []
    assert len(checker.pictures) == 3
    assert Image.open(io.BytesIO(checker.pictures[0])).size == (4, 4)
    assert "<script>" not in page.text
    assert "&lt;i&gt;" in page.text
