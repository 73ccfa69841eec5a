"""Splits by person, sequence or source photo: drawn once from a seed, frozen as lists, and hashed."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..io.files import sha256_bytes

DEFAULT: Mapping[str, float] = {"train": 0.8, "val": 0.1, "test": 0.1}


@dataclass(frozen=True)
class Splits:
    """names: the split of every group. of: the split of every picture id. seed, ratios: what was asked."""

    seed: int
    ratios: Mapping[str, float]
    names: Mapping[str, str]
    of: Mapping[str, str]

    def record(self) -> dict[str, Any]:
        """For release.json: what was asked, what came out, and the hash of every list."""
        images, groups = Counter(self.of.values()), Counter(self.names.values())
        return {
            "seed": self.seed,
            "by": "group: no person, sequence or source photo is in two splits",
            "ratios": dict(self.ratios),
            "images": {name: images[name] for name in self.ratios},
            "groups": {name: groups[name] for name in self.ratios},
            "sha256": {name: sha256_bytes(text.encode()) for name, text in self.texts.items()},
        }

    @cached_property
    def texts(self) -> dict[str, str]:
        """The list of every split as it is written: one id a line, sorted."""
        ids: dict[str, list[str]] = {name: [] for name in self.ratios}
        for sample_id in sorted(self.of):
            ids[self.of[sample_id]].append(sample_id)
        return {name: "\n".join([*found, ""]) for name, found in ids.items()}

    def write(self, folder: Path) -> None:
        """Write splits/NAME.txt."""
        (folder / "splits").mkdir(parents=True, exist_ok=True)
        for name, text in self.texts.items():
            (folder / "splits" / f"{name}.txt").write_text(text, "utf-8", newline="\n")


def parse_ratios(text: str) -> dict[str, float]:
    """Ratios from "train=0.8,val=0.1,test=0.1"; they need not add up to 1. Raises UsageError."""
    found: dict[str, float] = {}
    for piece in filter(None, (p.strip() for p in text.split(","))):
        name, _, number = piece.partition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            raise UsageError(f"--splits {text!r}: write NAME=SHARE,..., as train=0.8,test=0.2") from None
    bad = [n for n, r in found.items() if not n.isidentifier() or n == "all" or not 0 < r < float("inf")]
    if bad or not found:
        raise UsageError(f"--splits {text!r}: names must be plain words (not all), shares above 0")
    return found


def make_splits(groups: Mapping[str, str], ratios: Mapping[str, float], seed: int) -> Splits:
    """Split pictures by their group.

    groups: by picture id. Groups are taken in the order of a hash of seed and name; each goes where most
    pictures are still wanting. So one more group moves few others, and the result depends on nothing else.
    """
    sizes: dict[str, int] = defaultdict(int)
    for group in groups.values():
        sizes[group] += 1
    total, share = len(groups), sum(ratios.values())
    wanting = {name: total * ratio / share for name, ratio in ratios.items()}
    order = sorted(sizes, key=lambda g: hashlib.sha256(f"{seed}\0{g}".encode()).hexdigest())
    names = {}
    for group in order:
        split = max(wanting, key=wanting.__getitem__)
        names[group] = split
        wanting[split] -= sizes[group]
    return Splits(seed, dict(ratios), names, {i: names[g] for i, g in groups.items()})
