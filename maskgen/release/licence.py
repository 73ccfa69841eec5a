"""The licence gate: which datasets' pictures may leave the house, and on whose word.

What stands here is what the datasets' own pages say, with their addresses, as a reason for defaults. It is
no legal advice, and it is not what decides: whoever publishes must read the terms they agreed to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..datasets.registry import plain
from ..errors import UsageError
from ..jobs.output import read_run

#: what a release may hold
KINDS = ("recipe", "images")
#: fewer characters than this explain nothing
_SHORTEST = 10
#: run.json's tool of datasets whose every pixel was computed
SYNTH = "maskgen synth"


@dataclass(frozen=True)
class Terms:
    """Why pictures of a dataset stay at home: one sentence, and where it can be read."""

    reason: str
    source: str


TERMS: Mapping[str, Terms] = {
    "300W-LP": Terms(
        "its photos come from 300W and are for research only; the authors of LFPW, one of its four parts, "
        "state that copyright keeps them from distributing the image files in any format to anyone",
        "https://neerajkumar.org/databases/lfpw/ and https://ibug.doc.ic.ac.uk/resources/300-W/",
    ),
    "AFLW2000": Terms(
        "its photos are a part of AFLW (Flickr photos, given out for non-commercial research on agreement) "
        "and its own page states no licence",
        "https://www.tugraz.at/institute/icg/research/team-bischof/lrs/downloads/aflw/ and "
        "http://www.cbsr.ia.ac.cn/users/xiangyuzhu/projects/3DDFA/main.htm",
    ),
    "BIWI": Terms(
        "it is given out for non-commercial purposes such as university research and education, and shows "
        "the faces of 20 people",
        "https://huggingface.co/datasets/ETHZurich/biwi_kinect_head_pose (section Licensing Information)",
    ),
}


@dataclass(frozen=True)
class Right:
    """On what ground a release holds what it holds; goes into release.json and the card."""

    kind: str
    synthetic: bool
    statement: str | None = None

    def sentence(self, title: str) -> str:
        """For the card."""
        if self.kind == "recipe":
            return (
                f"This release holds no picture of {title}: only numbers, hashes and, where named below, "
                "layers of the painted masks. Whoever holds the originals makes the same bytes from it."
            )
        if self.synthetic:
            return "Every picture is computed: no photo and no person is in it."
        return (
            "The publisher states a right to redistribute these pictures, in these words: "
            f'"{self.statement}". maskgen did not and cannot verify that.'
        )


def is_synthetic(run: Mapping[str, Any], root: Path | None = None) -> bool:
    """Whether a dataset, by its run.json and its chain of parents, began with `maskgen synth`.

    root: the dataset it was made from, asked where an older run.json tells no chain.
    """
    if run.get("tool") == SYNTH:
        return True
    chain = run.get("chain") or []
    if chain:
        return bool(chain[0].get("tool") == SYNTH)
    parent = read_run(root) if root is not None else None
    return parent is not None and is_synthetic(parent)


def gate(kind: str, dataset: str, synthetic: bool, statement: str | None) -> Right:
    """Decide whether a release of ``kind`` may be made. Raises UsageError with the reason and its source."""
    if kind not in KINDS:
        raise UsageError(f"unknown kind of release {kind!r}; known are {', '.join(KINDS)}")
    text = " ".join((statement or "").split())
    if kind == "recipe" or (synthetic and not text):
        return Right(kind, synthetic)
    if statement is None:
        raise UsageError(refusal(dataset))
    if len(text) < _SHORTEST:
        raise UsageError(
            f"--i-have-the-right {statement!r} says too little: it is printed in the card, so name the "
            "agreement or the permission"
        )
    return Right(kind, synthetic, text)


def refusal(dataset: str) -> str:
    """Why pictures are not packed by default, and what to do instead."""
    terms = next((t for name, t in TERMS.items() if plain(name) == plain(dataset)), None)
    why = (
        f"{terms.reason} (see {terms.source})"
        if terms is not None
        else "maskgen does not know on what terms its pictures may be given away"
    )
    return (
        f"pictures of {dataset} are not packed: {why}; publish --kind recipe (the default), from which "
        'holders of the originals make the same bytes, or state your right by --i-have-the-right "REASON"'
    )
