"""What several tests of releases need that is no fixture."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import yaml

from maskgen.apply import apply_recipe, template_hashes
from maskgen.apply_one import Templates
from maskgen.datasets import get_format
from maskgen.jobs.output import RECORDS
from maskgen.recipe import Recipe


def mask(name: str, root: Path, out: Path, **values: object) -> None:
    """What `maskgen apply` does with these options."""
    catalogue = Templates().catalogue()
    recipe = Recipe().updated({"styles": "surgical:2,kn95", "seed": 5, **values}).resolved(catalogue)
    summary = apply_recipe(get_format(name), root, out, recipe, identity=template_hashes(recipe, catalogue))
    assert summary.failed == 0


def synthetic(masked: Path) -> Path:
    """Mark a masked fake as made from `maskgen synth`, as its chain would say."""
    path = masked / RECORDS / "run.json"
    info = json.loads(path.read_text())
    path.write_text(json.dumps({**info, "chain": [{"tool": "maskgen synth", "manifest": None}]}))
    return masked


def front_matter(release: Path) -> dict:
    """The YAML header of a card."""
    text = (release / "README.md").read_text()
    return yaml.safe_load(text.split("---\n")[1])


def rows(path: Path) -> list[dict[str, str]]:
    """A CSV table."""
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))
