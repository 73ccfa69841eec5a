"""A mask.toml that is wrong says which key, what was found and what was expected, in one line."""

from __future__ import annotations

import copy
import math
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from maskgen.errors import UsageError
from maskgen.masks.parse import parse_style
from maskgen.masks.spec import Drape, MaskSpec

GOOD = """
title = "A test mask"
kind = "cloth"
wears = ["correct", "loose"]

[outline]
top = [[0, -22, 10], [34, -15, 34], [67, -7, 80]]
bottom = [[0, 88, 60], [28, 80, 62], [62, 45, 98]]

[drape]
tent = 1
profile = [[0, 0], [0.5, 4.5], [1, 0]]

[[drape.bumps]]
at = [0, 0.5]
radius = 12
height = 4

[material]
colors = ["#ffffff", ["#112233", 2]]

[[strap]]
start = [0.98, 0.1]
path = [[75, -33, 116]]
"""


def table() -> dict[str, Any]:
    """The good style as a fresh dictionary."""
    return copy.deepcopy(tomllib.loads(GOOD))


def put(path: str, value: Any) -> dict[str, Any]:
    """The good style with one key set, ``...`` removes it; list indices as numbers."""
    out = at = table()
    *parents, last = [int(p) if p.isdigit() else p for p in path.split(".")]
    for key in parents:
        at = at[key]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return out


def test_a_good_style_is_read_with_numbers_as_floats_and_plain_colours_weighing_one() -> None:
    spec = parse_style("thing", table(), "x.toml")
    assert isinstance(spec, MaskSpec)
    assert spec.name == "thing"
    assert spec.drape.tent == 1.0
    assert isinstance(spec.drape.tent, float)
    assert spec.material.colors == (("#ffffff", 1.0), ("#112233", 2.0))
    assert spec.straps[0].path == ((75.0, -33.0, 116.0),)
    assert spec.drape.bumps[0].wall == 5.0
    assert hash(spec) == hash(parse_style("thing", table(), "x.toml"))


def test_a_key_left_out_takes_the_documented_default() -> None:
    del (data := table())["drape"]
    data["drape"] = {}
    read = parse_style("thing", data, "x.toml").drape
    assert read == Drape()
    assert all(hasattr(read, f.name) for f in fields(Drape))


WRONG = [
    ("title", ..., ("title", "missing", "a string")),
    ("title", 7, ("title", "a string", "7")),
    ("kind", "hat", ("kind", "surgical", "hat")),
    ("colour", "red", ("colour", "known keys")),
    ("name", "other", ("name", "folder")),
    ("straps", [], ("straps", "[[strap]]")),
    ("strap", {"start": [0, 0]}, ("strap", "[[strap]]")),
    ("strapz", [], ("strapz", "did you mean strap?")),
    ("nam", "other", ("nam", "known keys")),
    ("wears", [], ("wears", "correct")),
    ("wears", ["upside_down"], ("wears", "upside_down", "under_nose")),
    ("weight", -1, ("weight", "at least 0", "-1")),
    ("weight", True, ("weight", "a number", "True")),
    ("outline", ..., ("outline", "missing", "a table")),
    ("outline", "wide", ("outline", "a table", "wide")),
    ("outline.top", ..., ("outline.top", "missing")),
    ("outline.tops", [], ("outline.tops", "did you mean outline.top")),
    ("outline.top", [[0, 0, 0]], ("outline.top", "at least 3 points")),
    ("outline.top.0", [5, -22, 10], ("outline.top", "x = 0", "5")),
    ("outline.top.1", [-5, -22, 10], ("outline.top", "right half")),
    ("outline.top.1", [34, -15], ("outline.top[1]", "[a number, a number, a number]", "[34, -15]")),
    ("outline.top.1", [34, "x", 3], ("outline.top[1][1]", "a number", "'x'")),
    ("outline.bottom.2", [28, 80, 62], ("outline.bottom", "twice")),
    ("outline.bottom.0", [0, -30, 60], ("outline.bottom", "below", "midline", "-30 and -22")),
    ("outline.bottom.2", [62, -7, 98], ("outline.bottom", "below", "corner", "-7 and -7")),
    ("outline.top.1", [34, -1500, 34], ("outline.top[1]", "-300..300", "-1500")),
    ("outline.pinch", math.nan, ("outline.pinch", "a number", "nan")),
    ("drape.tent", 1.2, ("drape.tent", "0..1", "1.2")),
    ("drape.rim", [1, 2], ("drape.rim", "[a number, a number, a number]", "[1, 2]")),
    ("drape.rim", [1, 2, -3], ("drape.rim", "0.2..40", "-3")),
    ("drape.standof", 3, ("drape.standof", "did you mean drape.standoff")),
    ("drape.profile", [[0.5, 1], [0.2, 1]], ("drape.profile", "rising")),
    ("drape.bumps.0.radius", 0, ("drape.bumps[0].radius", "1..60")),
    ("drape.bumps.0.height", ..., ("drape.bumps[0].height", "missing")),
    ("drape.bumps.0.at", [0.1, 1.5], ("drape.bumps[0].at", "0..1", "1.5")),
    ("material.colors", ..., ("material.colors", "missing")),
    ("material.colors", [], ("material.colors", "at least one")),
    ("material.colors", ["blue"], ("material.colors", "#rrggbb", "blue")),
    ("material.colors", [["#ffffff", 0]], ("material.colors", "above 0")),
    ("material.colors", [["#ffffff"]], ("material.colors[0]", "[a string, a number]")),
    ("material.lining", "white", ("material.lining", "#rrggbb", "white")),
    ("material.sheen", 5, ("material.sheen", "0..1", "5")),
    ("material.printable", "no", ("material.printable", "true or false", "'no'")),
    ("strap.0.start", [0.5, 1.5], ("strap[0].start", "0..1", "1.5")),
    ("strap.0.path", [], ("strap[0].path", "at least 1")),
    ("strap.0.path", [[75, -33, 1e9]], ("strap[0].path[0]", "-300..300")),
    ("strap.0.path", [[75, -33]], ("strap[0].path[0]", "[75, -33]")),
    ("strap.0.widht", 3, ("strap[0].widht", "did you mean strap[0].width")),
    ("strap.0.width", 0, ("strap[0].width", "0.3..60")),
    ("strap.0.color", "pink", ("strap[0].color", "#rrggbb", "pink")),
    ("strap.0.path", ..., ("path", "missing", "a list of")),
]


@pytest.mark.parametrize(("path", "value", "said"), WRONG, ids=[f"{w[0]}-{i}" for i, w in enumerate(WRONG)])
def test_a_wrong_style_names_file_key_and_expectation(path: str, value: Any, said: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        parse_style("thing", put(path, value), "some/mask.toml")
    text = str(caught.value)
    assert text.startswith("some/mask.toml: ")
    assert "\n" not in text
    for word in said:
        assert word in text, text


@pytest.mark.parametrize("place", ["qqq", "outline.qqq", "drape.qqq", "material.qqq", "strap.0.qqq"])
def test_every_key_that_is_named_as_known_can_be_written(place: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_style("thing", put(place, 1), "x.toml")
    known = str(caught.value).partition("known keys: ")[2].split(", ")
    assert len(known) > 2
    for key in known:
        text = ""
        try:
            parse_style("thing", put(place.replace("qqq", key), "?"), "x.toml")
        except UsageError as error:
            text = str(error)
        assert "unknown key" not in text, key


def test_every_shipped_style_names_itself_and_what_it_is_for() -> None:
    for file in sorted((Path(__file__).parents[2] / "mask_templates").glob("*/mask.toml")):
        spec = parse_style(file.parent.name, tomllib.loads(file.read_text()), str(file))
        assert spec.title, file
        assert spec.description.endswith("."), file
