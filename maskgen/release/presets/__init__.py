"""Benchmark presets: fixed recipes, so that laboratories with the originals get the same masked benchmark.

A preset is one TOML file here: [benchmark] says what it is, [recipe] is a recipe as in docs/apply.md. Files
are never changed once published; a better recipe is a new file with a new number.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from ...errors import UsageError
from ...jobs.manifest import digest
from ...recipe import Recipe, load_recipe, nearest

#: how a preset is told from a file
PREFIX = "preset:"


@dataclass(frozen=True)
class Preset:
    """A benchmark. expected: content hash over the full dataset by maskgen version, or empty where nobody
    who holds all originals has entered it yet."""

    name: str
    title: str
    dataset: str
    images: int
    recipe: Mapping[str, Any]
    expected: Mapping[str, str]

    def matches(self, content_sha256: str) -> bool | None:
        """Whether a content hash is an expected one; None where none is known."""
        return content_sha256 in self.expected.values() if self.expected else None


@cache
def presets() -> Mapping[str, Preset]:
    """All presets by name."""
    found = {}
    for file in sorted(resources.files(__name__).iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            data = tomllib.loads(file.read_text(encoding="utf-8"))
            name = file.name.removesuffix(".toml")
            found[name] = Preset(name, recipe=data["recipe"], **data["benchmark"])
    return found


def get_preset(name: str) -> Preset:
    """The preset called ``name``, with or without "preset:". Raises UsageError with the nearest name."""
    name = name.removeprefix(PREFIX)
    if name not in presets():
        raise UsageError(f"no preset {name!r}{nearest(name, presets())}")
    return presets()[name]


def recipe_from(where: Path | str) -> Recipe:
    """The recipe of a TOML file, or of "preset:NAME". Raises UsageError."""
    if not str(where).startswith(PREFIX):
        return load_recipe(Path(where))
    preset = get_preset(str(where))
    return Recipe().updated(preset.recipe, f"preset {preset.name}")


def preset_of(run: Mapping[str, Any]) -> Preset | None:
    """The preset whose recipe a run.json holds, or None. Side outputs (save) make no other benchmark."""
    recipe = run.get("recipe", {})
    for preset in presets().values():
        if preset.dataset == run.get("dataset") and _same(Recipe().updated(preset.recipe), recipe):
            return preset
    return None


#: how a benchmark's pictures are made beside its recipe: as by default
_DEFAULTS = {"on_fail": "leave", "strict": None, "jpeg": "tables", "landmarks": "native,projected"}


def _same(preset: Recipe, recipe: Mapping[str, Any]) -> bool:
    ours = {k: v for k, v in preset.as_dict().items() if k not in ("save", "choices")} | _DEFAULTS
    return digest(ours) == digest({key: recipe.get(key) for key in ours})
