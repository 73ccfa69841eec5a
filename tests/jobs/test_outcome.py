"""Outcomes: one line each, the same bytes for the same outcome, a reason for whatever is not ok."""

from __future__ import annotations

import json

import numpy as np
import pytest

from maskgen.errors import ImageError, InputError, LabelError, LandmarkError
from maskgen.jobs.outcome import Outcome, reason_of


def test_a_line_reads_back_as_the_same_outcome():
    outcome = Outcome(
        "hpdb/01/frame_00003",
        "degraded",
        "hpdb/01/frame_00003_rgb.png",
        reasons=("occluder: hand, perhaps", "fit: 9 mm"),
        output="hpdb/01/frame_00003_rgb.png",
        sources={"b": "22", "a": "11"},
        files={"c": "33"},
        control_sha256="44",
        draw={"style": "n95", "skew_deg": 0.12345678901, "seed": 2**63 - 1},
        numbers={"quality": 0.5},
    )
    line = outcome.to_line()
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert Outcome.from_line(line) == outcome
    assert Outcome.from_line(line).to_line() == line


def test_what_was_drawn_is_written_exactly_and_what_was_measured_to_six_digits():
    outcome = Outcome(
        "x", "ok", "x.jpg", draw={"skew": 1 / 3}, numbers={"q": np.float32(1 / 3), "n": np.int64(4)}
    )
    record = json.loads(outcome.to_line())
    assert record["draw"]["skew"] == 1 / 3
    assert record["numbers"] == {"n": 4, "q": 0.333333}


def test_a_line_is_valid_json_even_where_a_measure_is_not_a_number():
    record = json.loads(Outcome("x", "ok", "x.jpg", numbers={"q": float("nan"), "r": np.inf}).to_line())
    assert record["numbers"] == {"q": None, "r": None}


def test_the_order_in_which_files_were_written_does_not_show():
    one = Outcome("x", "ok", "x.jpg", files={"a": "1", "b": "2"})
    two = Outcome("x", "ok", "x.jpg", files={"b": "2", "a": "1"})
    assert one.to_line() == two.to_line()


@pytest.mark.parametrize("status", ["degraded", "failed", "skipped"])
def test_whatever_is_not_ok_needs_a_reason(status):
    with pytest.raises(ValueError, match="needs a reason"):
        Outcome("x", status, "x.jpg")


def test_an_unknown_status_is_refused():
    with pytest.raises(ValueError, match="one of ok, degraded"):
        Outcome("x", "fine", "x.jpg")


@pytest.mark.parametrize("line", ["", "{", '{"id": "x"}', '{"id":"x","status":"ok"', "[]", "null", "3"])
def test_a_torn_line_is_told_from_a_whole_one(line):
    with pytest.raises(ValueError, match="not a manifest line"):
        Outcome.from_line(line)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ImageError("a"), "image"),
        (LabelError("a"), "label"),
        (LandmarkError("a"), "landmarks"),
        (InputError("a"), "input"),
        (PermissionError(13, "Permission denied"), "unreadable"),
        (MemoryError(), "memory"),
        (ZeroDivisionError("a\nb"), "unexpected"),
    ],
)
def test_every_error_becomes_one_line_with_a_code(error, code):
    reason = reason_of(error)
    assert reason.startswith(f"{code}: ")
    assert "\n" not in reason
    assert len(reason) > len(code) + 2


def test_an_error_nobody_foresaw_says_where_it_came_from():
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 // 0
    assert "test_outcome.py:" in reason_of(caught.value)
