"""maskgen datasets: List the datasets found, where, how many images and labels, and how to add others."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..datasets import DatasetFormat
    from ..sample import Entry

#: so many labels are read at most, for the answer must come at once: half a second
_MOST_READ = 4000


@click.command("datasets")
@click.option("--root", type=click.Path(path_type=Path), help="Look in this folder instead.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list for programs.")
def command(root: Path | None, as_json: bool) -> int:
    """List the datasets found, where they lie, and how many of their images are labelled.

    Looked for are folders named after a dataset in $MASKGEN_DATA, the current folder and ./data. A picture is
    labelled if its label file is there; up to 4,000 of them, evenly spread, are read, and those that cannot
    be do not count. `maskgen validate` reads all.

    \b
    maskgen datasets
    maskgen datasets --root /data/BIWI
    """
    from ..datasets import all_formats
    from ..errors import UsageError

    if root is not None and not root.is_dir():
        raise UsageError(f"--root {root}: no such folder; name the one that holds a dataset")
    rows = [row for fmt in all_formats() for row in _rows(fmt, root)]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        click.echo(_line(row))
    if not any(row["root"] for row in rows):
        click.echo(_advice(root))
    elif root is None and not all(row["root"] for row in rows):
        click.echo(_sources({row["dataset"] for row in rows if not row["root"]}))
    return 0


def _rows(fmt: DatasetFormat, root: Path | None) -> list[dict[str, Any]]:
    """What there is to say about one dataset: a row for every copy found, else one row of places tried."""
    from ..datasets import locate, search
    from ..errors import DatasetNotFound

    tried: list[str] = []
    roots: list[Path] = []
    if root is not None:
        try:
            roots = [locate(fmt.name, root)]
        except DatasetNotFound:
            tried = [str(root)]
    else:
        for place in search(fmt):
            if place.root is None:
                tried.append(str(place.place))
            elif place.root.resolve() not in [r.resolve() for r in roots]:
                roots.append(place.root)
    if roots:
        return [{"dataset": fmt.name, "root": str(r), **_count(fmt, r)} for r in roots]
    return [{"dataset": fmt.name, "root": None, "tried": tried}]


def _count(fmt: DatasetFormat, root: Path) -> dict[str, Any]:
    """Pictures, and those with a label: by the names of all files, and by reading some evenly spread ones."""
    from ..errors import LabelError, MaskgenError

    images = labelled = 0
    some: list[Entry] = []
    step = 1
    for entry in fmt.index(root):
        images += 1
        if not fmt.is_labelled(entry):
            continue
        if labelled % step == 0:
            some.append(entry)
        labelled += 1
        if len(some) > _MOST_READ:
            some, step = some[::2], 2 * step
    unreadable = []
    for entry in some:
        try:
            fmt.read(root, entry)
        except LabelError as error:
            unreadable.append(str(error))
        except MaskgenError:
            pass  # the picture, or what the folder shares: no fault of the label
    return {
        "images": images,
        "labelled": labelled - len(unreadable),
        "complete": images >= fmt.card.images,
        "labels_read": len(some),
        "labels_unreadable": len(unreadable),
        "first_unreadable": unreadable[0] if unreadable else None,
    }


def _line(row: dict[str, Any]) -> str:
    name = f"{row['dataset']:<10}"
    if row["root"] is None:
        return f"{name} not found in {', '.join(row['tried'])}"
    notes = [] if row["complete"] else ["a part of the dataset"]
    if row["labels_unreadable"]:
        among = f"of {row['labels_read']:,} labels that were read, {row['labels_unreadable']:,} cannot be"
        notes.append(f"{among}; {row['first_unreadable']}")
    note = f"  ({'; '.join(notes)})" if notes else ""
    return f"{name} {row['images']:>7,} images, {row['labelled']:>7,} labelled  {row['root']}{note}"


def _sources(names: set[str]) -> str:
    from ..datasets import all_formats

    pages = ", ".join(f"{fmt.name} {fmt.card.homepage}" for fmt in all_formats() if fmt.name in names)
    return f"Where to get what is missing: {pages}"


def _advice(root: Path | None) -> str:
    from ..datasets import all_formats

    if root is not None:
        layouts = "; ".join(f"{fmt.name}: {fmt.layout}" for fmt in all_formats())
        return f"{root} holds none of them. Expected inside: {layouts}"
    store = os.environ.get("MASKGEN_DATA")
    wrong = f"MASKGEN_DATA is {store}, which is no folder. " if store and not Path(store).is_dir() else ""
    return (
        f"{wrong}Set MASKGEN_DATA to the folder above your datasets, or pass --root FOLDER to a command. "
        "Where to get them: " + ", ".join(f"{fmt.name} {fmt.card.homepage}" for fmt in all_formats())
    )
