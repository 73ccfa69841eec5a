"""Recipes say what is wrong with them; draws depend on seed and sample alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maskgen.errors import UsageError
from maskgen.recipe import Recipe, draw, load_recipe, parse_weights


@dataclass
class Material:
    colors: tuple[tuple[str, float], ...] = (("#FFFFFF", 3.0), ("#88aacc", 1.0))
    printable: bool = True


@dataclass
class Spec:
    weight: float = 1.0
    wears: tuple[str, ...] = ("correct", "under_nose")
    material: Material = field(default_factory=Material)


class Styles(dict):
    """A catalogue of plain specs."""

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self))

    def spec(self, name: str) -> Any:
        return self[name]

    def fabric(self, name: str) -> str:
        if name not in ("plaid", "dots"):
            raise UsageError(f"unknown fabric {name!r}")
        return name


@pytest.fixture
def styles() -> Styles:
    return Styles(
        surgical=Spec(weight=3.0),
        cloth=Spec(),
        cup=Spec(wears=("correct",), material=Material(printable=False)),
    )


def drawn(styles: Styles, n: int = 400, **values: Any) -> list[Any]:
    recipe = Recipe().updated(values).resolved(styles)
    return [draw(recipe, f"folder/{number}") for number in range(n)]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"colour": "red"}, r"unknown key 'colour'; did you mean 'colors'"),
        ({"zzz": 1}, "accepted: seed, share, styles"),
        ({"share": 1.5}, r"'share' must be a number from 0 to 1, got 1\.5"),
        ({"share": "half"}, "'share' must be a number"),
        ({"share": True}, "'share' must be a number"),
        ({"seed": -1}, "'seed' must be a whole number"),
        ({"seed": 1.0}, "'seed' must be a whole number"),
        ({"styles": []}, "at least one name"),
        ({"styles": {"surgical": 0}}, "weight above 0"),
        ({"styles": {"surgical": "many"}}, "weight of 'surgical' must be a number"),
        ({"styles": {"surgical": float("nan")}}, "must be a number"),
        ({"styles": 3}, "list of names or a table"),
        ({"styles": "surgical:x"}, "weight of 'surgical' must be a number, got 'x'"),
        ({"colors": ["whit"]}, "did you mean 'white'"),
        ({"colors": ["#12"]}, "no colour"),
        ({"wear": ["corect"]}, "did you mean 'correct'"),
        ({"fabric_weight": [0.9, 0.1]}, "write the lower number first"),
        ({"fabric_weight": [0.1, 0.2, 0.3]}, "pair"),
        ({"save": ["alfa"]}, "did you mean 'alpha'"),
        ({"save": 3}, "list of names"),
        ({"skew_deg": 90}, "from 0 to 15"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(values, message):
    with pytest.raises(UsageError, match=message) as caught:
        Recipe().updated(values, "recipe my.toml")
    assert str(caught.value).startswith("recipe my.toml: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"styles": ["surgicle"]}, "did you mean 'surgical'"),
        ({"fabrics": ["plait"]}, "unknown fabric"),
        ({"styles": ["cup"], "wear": ["under_nose"]}, "style 'cup' is worn correct only"),
        ({"styles": ["cloth"], "wear": ["under_chin"]}, "under_chin"),
        ({"wear": ["under_chin"]}, "no mask style can be worn under_chin"),
        ({"styles": ["cup"], "fabrics": ["dots"]}, "takes a fabric"),
    ],
)
def test_what_the_catalogue_cannot_give_is_refused(styles, values, message):
    with pytest.raises(UsageError, match=message):
        Recipe().updated(values).resolved(styles)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"seed = ", "not valid TOML"),
        (b"\xff\xfe", "not UTF-8"),
        (b"sed = 1", "unknown key 'sed'; did you mean 'seed'"),
        (None, "cannot be read"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, content, message):
    path = tmp_path / "r.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=message) as caught:
        load_recipe(path)
    assert str(path) in str(caught.value)


def test_the_example_in_the_documentation_is_valid(tmp_path):
    import maskgen.recipe

    text = maskgen.recipe.__doc__.split("(options win):")[1]
    path = tmp_path / "r.toml"
    path.write_text("\n".join(line.strip() for line in text.splitlines()))
    recipe = load_recipe(path)
    assert recipe.seed == 7
    assert recipe.colors == {"#ffffff": 1.0, "#88aacc": 1.0}
    assert recipe.fabric_weight == (0.6, 1.0)


def test_the_recipe_in_docs_apply_is_valid(tmp_path):
    page = (Path(__file__).parents[1] / "docs" / "apply.md").read_text(encoding="utf-8")
    block = page.split("    # masks.toml\n")[1].split("\n\n")[0]
    path = tmp_path / "masks.toml"
    path.write_text("\n".join(line.strip() for line in block.splitlines()))
    recipe = load_recipe(path)
    assert set(recipe.colors) == {"own", "#ffffff", "#88aacc"}
    assert set(recipe.as_dict()) - {"choices"} == {
        line.split("=")[0].strip() for line in block.splitlines()
    }  # the page shows every key


def test_all_spellings_of_weights_mean_the_same():
    spellings = ["a,b:2", ["a", "b", "b"], {"a": 1, "b": 2}]
    first, _, third = [Recipe().updated({"styles": value}).styles for value in spellings]
    assert first == third == {"a": 1.0, "b": 2.0}
    assert parse_weights(" a , b:2 ,", "x") == {"a": 1.0, "b": 2.0}


def test_every_key_of_a_recipe_can_be_set_and_is_recorded(styles):
    recipe = Recipe().updated({"save": ["alpha"], "fabric_weight": 0.5}).resolved(styles)
    record = json.loads(json.dumps(recipe.as_dict()))
    for key in (item for item in record if item != "choices"):
        value = record[key]
        assert Recipe().updated({key: value}).as_dict()[key] == recipe.as_dict()[key]


def test_all_means_every_style_by_its_own_weight(styles):
    counts = Counter(mask.style for mask in drawn(styles, 4000))
    assert abs(counts["surgical"] / 4000 - 0.6) < 0.04
    assert abs(counts["cup"] / 4000 - 0.2) < 0.03


def test_own_colours_keep_their_weights_and_others_join_them(styles):
    counts = Counter(mask.color for mask in drawn(styles, 4000))
    assert set(counts) == {"#ffffff", "#88aacc"}
    assert abs(counts["#ffffff"] / 4000 - 0.75) < 0.03
    joined = Counter(mask.color for mask in drawn(styles, 400, colors={"own": 1, "black": 4}))
    assert set(joined) == {"#ffffff", "#88aacc", "#000000"}


def test_a_style_that_cannot_be_worn_so_is_left_out_of_all(styles):
    masks = drawn(styles, 300, wear=["under_nose"])
    assert {mask.style for mask in masks} == {"surgical", "cloth"}
    assert {mask.wear for mask in masks} == {"under_nose"}


def test_fabrics_go_only_where_they_may_and_as_often_as_asked(styles):
    masks = drawn(styles, 3000, fabrics="plaid,dots", fabric_share=0.4, fabric_weight=[0.2, 0.6])
    assert all(mask.fabric is None for mask in masks if mask.style == "cup")
    others = [mask for mask in masks if mask.style != "cup"]
    assert abs(np.mean([mask.fabric is not None for mask in others]) - 0.4) < 0.04
    weights = [mask.fabric_weight for mask in others if mask.fabric is not None]
    assert 0.2 <= min(weights) < 0.25
    assert 0.55 < max(weights) <= 0.6


def test_share_is_met_and_nested(styles):
    half, most = drawn(styles, 2000, share=0.5), drawn(styles, 2000, share=0.8)
    assert abs(np.mean([mask is not None for mask in half]) - 0.5) < 0.04
    assert all(later == mask for mask, later in zip(half, most, strict=True) if mask is not None)
    assert drawn(styles, 20, share=0.0) == [None] * 20


def test_skew_has_the_spread_asked_for_and_no_outliers(styles):
    skews = np.array([mask.skew_deg for mask in drawn(styles, 4000, skew_deg=4.0)])
    assert abs(skews.mean()) < 0.25
    assert 3.5 < skews.std() < 4.1
    assert np.abs(skews).max() <= 10.0
    assert set(skews) == set(np.round(skews))
    assert {mask.skew_deg for mask in drawn(styles, 20, skew_deg=0)} == {0.0}


def test_a_colour_that_is_added_changes_no_style_no_wear_no_seed(styles):
    before = drawn(styles, wear="correct,under_nose")
    after = drawn(styles, wear="correct,under_nose", colors="own,pink")
    for old, new in zip(before, after, strict=True):
        assert replace(new, color=old.color) == old
        assert new.color in (old.color, "#ffc0cb")


def test_a_style_that_is_added_changes_only_who_wears_it(styles):
    before = drawn(styles)
    styles["new"] = Spec()
    for old, new in zip(before, drawn(styles), strict=True):
        assert new.style == "new" or new == old


def test_another_process_draws_the_same(styles):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from maskgen.recipe import *; from maskgen.masks.catalogue import Catalogue\n"
        "r = Recipe().updated({'seed': 5, 'wear': 'correct,loose'}).resolved(Catalogue.load())\n"
        "print([draw(r, str(i)) for i in range(20)])"
    )
    call = [sys.executable, "-c", script, str(Path(__file__).parents[1])]
    runs = [
        subprocess.run(call, capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": hash_seed})
        for hash_seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout != ""
