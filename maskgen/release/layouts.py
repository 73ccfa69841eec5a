"""How a release of pictures is arranged: the dataset's own tree, the hub's imagefolder, or WebDataset."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ..jobs.outcome import Outcome
from .archive import write_tar
from .model import is_record
from .rows import Row, csv_text

if TYPE_CHECKING:
    from .gather import Content


def write(content: Content, folder: Path) -> None:
    """Write pictures, labels, shared files and their tables under ``folder``."""
    {"tree": _tree, "imagefolder": _imagefolder, "webdataset": _webdataset}[content.options.layout](
        content, folder
    )


def _tree(content: Content, folder: Path) -> None:
    for outcome in content.outcomes:
        for name in _names(outcome):
            _copy(content.root / name, folder / "data" / name)
    _shared(content, folder / "data")
    (folder / "data" / "metadata.csv").write_text(csv_text(content.rows), "utf-8", newline="\n")


def _imagefolder(content: Content, folder: Path) -> None:
    for outcome in content.outcomes:
        for name in _names(outcome):
            _copy(content.root / name, folder / "data" / content.splits.of[outcome.id] / name)
    for split in content.splits.ratios:
        rows = [row for row in content.rows if row.split == split]
        if rows:
            text = csv_text(rows)
            (folder / "data" / split / "metadata.csv").write_text(text, "utf-8", newline="\n")
    _shared(content, folder / "shared")


def _webdataset(content: Content, folder: Path) -> None:
    shards = folder / "shards"
    shards.mkdir()
    rows = {row.id: row for row in content.rows}
    for split in content.splits.ratios:
        chosen = (o for o in content.outcomes if o.output and content.splits.of[o.id] == split)
        number = 0
        while shard := list(islice(chosen, content.options.shard)):
            with open(shards / f"{split}-{number:06d}.tar", "wb") as stream:
                write_tar((m for o in shard for m in _members(content.root, o, rows[o.id])), stream)
            number += 1
    _shared(content, folder / "shared")
    rows_here = [row._replace(file_name=f"{key_of(row.id)}{_picture(row.file_name)}") for row in content.rows]
    (folder / "metadata.csv").write_text(csv_text(rows_here), "utf-8", newline="\n")


def key_of(sample_id: str) -> str:
    """A sample's key in a shard: its id; dots would begin the extension, so they become underscores."""
    return sample_id.replace(".", "_")


def _picture(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _members(root: Path, outcome: Outcome, row: Row) -> Iterator[tuple[str, Path | bytes]]:
    """KEY.jpg, KEY.json (the row), and KEY.mat, KEY.pts.mat, KEY.pose.txt, ... of one picture."""
    key, stem = key_of(outcome.id), PurePosixPath(outcome.id).name
    yield f"{key}.json", (json.dumps(row._asdict(), sort_keys=True) + "\n").encode()
    for name in _names(outcome):
        rest = PurePosixPath(name).name.removeprefix(stem).lstrip("._")
        suffix = _picture(name) if name == outcome.output else f".{rest}"
        yield f"{key}{suffix}", root / name


def _names(outcome: Outcome) -> list[str]:
    return sorted(n for n in outcome.files if not is_record(n)) if outcome.output else []


def _shared(content: Content, target: Path) -> None:
    for name in content.run["shared"]:
        _copy(content.root / name, target / name)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
