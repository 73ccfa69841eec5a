"""What a release is to be: every choice of `maskgen package`, checked before anything is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from ..errors import UsageError
from .archive import KINDS as ARCHIVES
from .splits import DEFAULT

#: layers of --layers, as `maskgen apply --save` writes them: they show the mask and nothing of the photo
LAYERS = ("alpha", "segmentation")
#: tree: data/ is the dataset as its loaders know it. imagefolder: data/SPLIT/ with a metadata.csv each.
#: webdataset: shards/SPLIT-000000.tar
LAYOUTS = ("tree", "imagefolder", "webdataset")
_FILE_NAME = re.compile(r"\w[\w.+-]*")


@dataclass(frozen=True)
class PackageOptions:
    """kind, right: see `licence.gate`. name, version: of the release. despite: why errors stop nothing.

    date: of publication, YYYY-MM-DD; never the clock's, for the same input shall give the same bytes.
    licence: of what is the publisher's own (recipe, numbers; synthetic pictures): the hub's word, or a URL.
    layers: of LAYERS. layout: one of LAYOUTS (images only). pixels: hash decoded pixels, too.
    archive, part: one of archive.KINDS, most bytes a part. previous: an earlier release; note: its change.
    source: the dataset it was made from, where run.json's is elsewhere now.

    Raises UsageError for choices that are unknown or contradict each other.
    """

    kind: str = "recipe"
    name: str | None = None
    version: str = "1.0.0"
    date: str | None = None
    licence: str = "cc-by-4.0"
    right: str | None = None
    despite: str | None = None
    layers: tuple[str, ...] = ()
    layout: str = "tree"
    pixels: bool = True
    parquet: bool = False
    archive: str | None = None
    part: int | None = None
    ratios: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT))
    split_seed: int = 0
    shard: int = 1000
    jobs: int = 1
    previous: Path | None = None
    note: str | None = None
    source: Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.date is not None and not _is_date(self.date):
            raise UsageError(f"--date {self.date!r} is no day; write YYYY-MM-DD")
        for layer in self.layers:
            if layer not in LAYERS:
                raise UsageError(f"unknown layer {layer!r}; a release may hold {', '.join(LAYERS)}")
        if self.layout not in LAYOUTS:
            raise UsageError(f"unknown layout {self.layout!r}; known are {', '.join(LAYOUTS)}")
        if self.kind == "recipe" and self.layout != "tree":
            raise UsageError(f"--layout {self.layout} arranges pictures; a recipe release holds none")
        if self.archive is not None and self.archive not in ARCHIVES:
            raise UsageError(f"unknown archive {self.archive!r}; known are {', '.join(ARCHIVES)}")
        if self.part is not None and self.archive is None:
            raise UsageError("--part-size cuts archives; choose one by --archive")
        for option, text in (("--name", self.name), ("--version", self.version)):
            if text is not None and not _is_file_name(text):
                raise UsageError(
                    f"{option} {text!r} becomes part of file names: use letters, digits, '.', '-' and '_'"
                )


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_file_name(text: str) -> bool:
    """Whether a text may begin an archive's name: --name ../x must not write outside --out."""
    return _FILE_NAME.fullmatch(text) is not None
